/*
 * url - what may be written down of a URL, and what tells targets apart
 *
 * The rule of the house: of a URL no secret is ever written or printed, at any verbosity, in any
 * file. So whoever keeps a URL keeps its target form, and whoever prints one prints that or its
 * display form:
 *
 *	as given	stage+sftp://me@corp.com:secret@host/dir?token=abc&mode=mirror#xyz
 *	target		sftp://me@corp.com@host/dir?mode=mirror
 *	display		stage+sftp://me@corp.com:***@host/dir?***&mode=mirror#***
 *
 * Hidden are the password; every parameter of the query but mode, onfail, subpath, config, driveID,
 * myDriveFolderID and no_logout, which duplicity's backends have and which are no secrets; the
 * fragment; secrets in connection strings of rclone. A URL is split as Python's urllib does it, and
 * so the host: the last `@` before the path ends user and password, the first `:` in these ends the
 * user. A password with a slash in it, which should have been %2F, is found as well.
 *
 * The user stays, as spelled: he is part of where a URL leads. So the target form is a URL that
 * duplicity takes, and which leads there once it has the password from elsewhere (FTP_PASSWORD, a
 * key). Not so where a parameter that it needs was hidden: then it needs the URL as it was given.
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
 * The target form: without `stage+`, and without what is hidden. Of a target form it is the same
 * again. URLs that differ only in what is hidden have the same.
 */
int stage_url_target(const char *url, char **ret_target, struct stage_error *error);

/*
 * The display form: the URL as given, with *** for what is hidden. What stands before it, as in
 * --option=URL, stays; all behind is taken for part of the URL.
 */
int stage_url_display(const char *text, char **ret_text, struct stage_error *error);

/*
 * The same for a text with any number of URLs in it, such as an error message: each ends at a blank
 * or control character.
 */
int stage_url_display_all(const char *text, char **ret_text, struct stage_error *error);

/*
 * Do two URLs name the same target? Their target forms are compared, with %XX in the user decoded
 * and the scheme in lower case.
 * So this is also true of a URL and of what stagedir 0.1.0, which found less to hide, wrote down.
 */
int stage_url_same(const char *one, const char *other, bool *ret_same, struct stage_error *error);

/* The same, and also true where target has no user and url has one. */
int stage_url_names(
	const char *url, const char *target, bool *ret_names, struct stage_error *error);

#pragma GCC visibility pop

#endif
