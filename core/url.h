/*
 * url - URLs without their secrets, and which of them name the same target
 *
 * The rule of the house: no secret of a URL is ever written or printed, at any verbosity, in any
 * file. So a URL is kept in its target form, and printed in that or in its display form:
 *
 *	as given	stage+sftp://me@corp.com:secret@host/dir?token=abc&mode=mirror#xyz
 *	target		sftp://me@corp.com@host/dir?mode=mirror
 *	display		stage+sftp://me@corp.com:***@host/dir?***&mode=mirror#***
 *
 * Hidden are
 *	- the password, also one with a slash in it that should have been %2F;
 *	- every parameter of the query but mode, onfail, subpath, config, driveID, myDriveFolderID and
 *	  no_logout: those are of duplicity's backends, and are no secrets;
 *	- the fragment;
 *	- the secrets in a connection string of rclone.
 * A URL is split as Python's urllib, and so duplicity, splits it: the last `@` before the path ends
 * user and password, the first `:` in these ends the user.
 *
 * The user stays as spelled, because he is part of where a URL leads. So duplicity takes the target
 * form as a URL, and it leads to the same place once duplicity has the password from elsewhere
 * (FTP_PASSWORD, a key). But if a parameter was hidden that the backend needs, then only the URL as
 * it was given will do.
 *
 * A text that is no URL stays as it is. Texts are bytes that end with a NUL, in any encoding.
 *
 *	stage_url_target(given, &target, &error);
 *	...fprintf(journal, "%s", target)...
 *	free(target);
 *
 * All functions return 0 or STAGE_E_MEMORY, and may be called by any thread. What they return
 * through ret_ is the caller's to free.
 */
#ifndef STAGEDIR_URL_H
#define STAGEDIR_URL_H

#include <stdbool.h>

#include "error.h"

#pragma GCC visibility push(default)

/*
 * The target form: without `stage+` and without the hidden pieces. The target form of a target form is
 * the same again. URLs that differ only in hidden pieces have the same one.
 */
int stage_url_target(const char *url, char **ret_target, struct stage_error *error);

/*
 * The display form: the URL as given, with *** for each hidden piece. A text before the URL, as in
 * --option=URL, stays. All that follows counts as part of the URL.
 */
int stage_url_display(const char *text, char **ret_text, struct stage_error *error);

/*
 * The same for a text with any number of URLs in it, such as an error message: each ends at a blank
 * or control character.
 */
int stage_url_display_all(const char *text, char **ret_text, struct stage_error *error);

/*
 * Do two URLs name the same target? Their target forms are compared, with %XX in the user decoded
 * and the scheme in lower case. So a URL also matches the target that stagedir 0.1.0 wrote down for
 * it, in which less was hidden.
 */
int stage_url_same(const char *one, const char *other, bool *ret_same, struct stage_error *error);

/* The same, and also true where target has no user and url has one. */
int stage_url_names(
	const char *url, const char *target, bool *ret_names, struct stage_error *error);

#pragma GCC visibility pop

#endif
