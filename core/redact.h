/*
 * redact - hides the secrets of URLs in texts that others have written
 *
 * An error message of a storage backend may quote the URL that it was given, or the password alone.
 * Before such a text is printed or written down, the known secrets in it are hidden. (urlsecret.h
 * decides which parts of a URL are secrets.)
 *
 *	struct stage_redact *secrets = NULL;
 *
 *	stage_redact_add(&secrets, url, &error);
 *	...
 *	stage_redact_hide(secrets, text, &hidden, &error);
 *	...print(hidden)...
 *	free(hidden);
 *	stage_redact_free(&secrets);
 *
 * Two things are replaced by ***:
 *	- in every URL in the text, known or not, what stage_url_display() hides;
 *	- everywhere, each known secret in three forms: as it stands in the URL; with its %XX decoded;
 *	  and with all but letters, digits, `-`, `.`, `_` and `~` encoded again.
 *
 * A secret of less than four bytes is replaced only where neither a letter nor a digit is beside it.
 * Otherwise a text would be full of holes, and the secret could be read off their places. A fragment,
 * and a parameter of the query with a harmless name, are looked for from eight bytes on: timeout=30
 * must not take every 30 out of every message.
 *
 * Threads: any may hide. One at a time may add, while no other thread hides.
 */
#ifndef STAGEDIR_REDACT_H
#define STAGEDIR_REDACT_H

#include "error.h"

#pragma GCC visibility push(default)

struct stage_redact;

/*
 * Adds the secrets of a URL. *secrets may be NULL, and stays NULL if the URL has none. STAGE_E_MEMORY:
 * nothing was added.
 */
int stage_redact_add(struct stage_redact **secrets, const char *url, struct stage_error *error);

/* A copy of text without these secrets. The caller frees it. secrets may be NULL. STAGE_E_MEMORY. */
int stage_redact_hide(const struct stage_redact *secrets, const char *text, char **ret_text,
	struct stage_error *error);

/* Overwrites and frees *secrets, sets it to NULL; NULL in it is no error. Keeps errno. */
void stage_redact_free(struct stage_redact **secrets);

#pragma GCC visibility pop

#endif
