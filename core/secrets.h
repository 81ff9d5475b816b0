/*
 * secrets - keeps the secrets of URLs out of texts that others have written
 *
 * An error message of a storage backend may quote the URL that it was given, or the password alone.
 * Before such a text is printed or written down, it is searched for the secrets that are known:
 *
 *	struct stage_secrets *secrets = NULL;
 *
 *	stage_secrets_add(&secrets, url, &error);
 *	...
 *	stage_secrets_hide(secrets, text, &hidden, &error);
 *	...print(hidden)...
 *	free(hidden);
 *	stage_secrets_free(&secrets);
 *
 * Two things are replaced by ***: in every URL in the text, whosever it is, what stage_url_display()
 * hides; and everywhere each known secret - as it stands in the URL, with its %XX decoded, and with
 * all but letters, digits, `-`, `.`, `_` and `~` encoded again.
 *
 * A secret of less than four bytes is replaced only where neither a letter nor a digit is beside
 * it, for else it could be read off a text that is full of holes. Of a parameter of the query whose
 * name does not say that it is a secret, and of a fragment, only values of eight bytes or more are
 * looked for: timeout=30 must not take every 30 out of every message.
 *
 * Threads: adding is for one at a time, and for none that hides meanwhile. Hiding is for any.
 */
#ifndef STAGEDIR_SECRETS_H
#define STAGEDIR_SECRETS_H

#include "error.h"

#pragma GCC visibility push(default)

struct stage_secrets;

/*
 * Adds the secrets of a URL. *secrets may be NULL, and stays so where there are none. STAGE_E_MEMORY:
 * nothing was added.
 */
int stage_secrets_add(struct stage_secrets **secrets, const char *url, struct stage_error *error);

/* A copy of text without them, which the caller frees. secrets may be NULL. STAGE_E_MEMORY. */
int stage_secrets_hide(const struct stage_secrets *secrets, const char *text, char **ret_text,
	struct stage_error *error);

/* Overwrites and frees *secrets, sets it to NULL; NULL in it is no error. Keeps errno. */
void stage_secrets_free(struct stage_secrets **secrets);

#pragma GCC visibility pop

#endif
