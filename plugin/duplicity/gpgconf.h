/*
 * gpgconf - finds and reads the files in which gpg looks for options
 *
 * gpg has a home directory: the one of its option --homedir, or else $GNUPGHOME, or else ~/.gnupg. There it
 * reads the first of gpg.conf-2.2.40, gpg.conf-2.2, gpg.conf-2 and gpg.conf that exists, if its version is
 * 2.2.40; the oldest ones read a file named options where they find none of these.
 *
 *	gpgconf_homedir(NULL, &homedir, &error);
 *	gpgconf_find(homedir, version, &path, &text, &error);
 *	if (path)
 *		printf("%s:\n%s", path, text);
 *
 * The caller frees homedir, path and text. A link is followed, as gpg does. A file that is no regular one, is
 * larger than 64 KiB or holds a NUL byte is STAGE_E_DAMAGED; one that exists and cannot be read is
 * STAGE_E_SYSTEM. gpg would pass over the latter, but another process may read it.
 *
 * Reads the environment and the user database: one thread at a time.
 */
#ifndef STAGEDIR_GPGCONF_H
#define STAGEDIR_GPGCONF_H

#include "error.h"

/*
 * The home directory of gpg, where --homedir is given, or NULL. STAGE_E_SETTING: nothing says where a user's
 * home directory is; STAGE_E_MEMORY.
 */
int gpgconf_homedir(const char *given, char **ret_homedir, struct stage_error *error);

/* Reads the file that a gpg of this version reads there. *ret_path and *ret_text are NULL if there is none. */
int gpgconf_find(const char *homedir, const unsigned int version[3], char **ret_path,
	char **ret_text, struct stage_error *error);

/* Reads a file. *ret_text is NULL if there is none. */
int gpgconf_read(const char *path, char **ret_text, struct stage_error *error);

#endif
