/*
 * expand - `~` and `$VAR` at the start of and in a path, as a shell expands them
 *
 * wordexp(3) would do that too. But it also splits at blanks, matches patterns and removes quotes,
 * and a path must mean just one directory.
 *
 * Not installed. Reads the environment and the user database (getpwnam(3)): one thread at a time.
 */
#ifndef STAGEDIR_EXPAND_H
#define STAGEDIR_EXPAND_H

#include <stddef.h>

#include "error.h"

/*
 * Expands a leading ~ or ~USER, and $NAME or ${NAME} anywhere. Returns 0 and a path that the caller
 * frees; STAGE_E_MEMORY; STAGE_E_SETTING, with a sentence in why (size bytes): a user or a variable does
 * not exist, or a $ has no name.
 */
int stage_expand(const char *text, char **ret_path, char *why, size_t size);

/*
 * The home directory of a user. For "" it is $HOME, or else that of the effective user. NULL if there is
 * none. Valid until the next call.
 */
const char *stage_expand_home(const char *user);

#endif
