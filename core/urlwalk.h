/*
 * urlwalk - goes through a URL and says of each piece of it whether it may be shown
 *
 * This is the one place that decides what is a secret. In order, what it finds:
 *
 *	PREFIX		`stage+` before the scheme, as often as it is there
 *	SCHEME		up to the user
 *	USER		part of where the URL leads: shown
 *	PASSWORD	behind a `:`
 *	AT		the `@` behind these
 *	TEXT		anything else that is shown
 *	PARAMETER	one parameter of the query that is shown: its name is of those below
 *	HIDDEN		one parameter with any other name; the fragment; what else is not shown
 *
 * Parameters that are shown are all that duplicity's own backends have, none of which is a secret:
 * mode, onfail, subpath (multi), config (box), driveID, myDriveFolderID (gdrive, pydrive), no_logout
 * (megav3). Of what others are called nobody knows, so what is not known is not shown.
 *
 * A text with neither a scheme nor `//` is no URL: all of it is TEXT. Further:
 *	- A password that should have been quoted. In sftp://me:se/cret@host/dir urllib sees the host
 *	  `me` with the port `se`, which the host refuses. No port looks so: what stands up to the
 *	  last `@` is the password, unless it begins with another colon (rsync://host::module).
 *	  Without an `@` it is hidden all the same: a text may have been cut off.
 *	- A URL with too few slashes, which the host refuses too: sftp:/me:secret@host/dir.
 *	- `;` and what is behind it in the last folder of a path, where the host leaves that out: of
 *	  the schemes ftp, http, https, imap and sftp.
 *	- rclone://REMOTE:PATH has neither user nor password: an `@` belongs to the path. But REMOTE
 *	  may be a connection string, as in rclone://:webdav,url=...,pass=XXX:dir, of which the
 *	  parameters are hidden that stage_urlwalk_is_secret() names.
 *
 * Not installed. Nothing here allocates; any thread may call it.
 */
#ifndef STAGEDIR_URLWALK_H
#define STAGEDIR_URLWALK_H

#include <stdbool.h>
#include <stddef.h>

enum stage_urlpiece_kind {
	STAGE_URL_PREFIX,
	STAGE_URL_SCHEME,
	STAGE_URL_USER,
	STAGE_URL_PASSWORD,
	STAGE_URL_AT,
	STAGE_URL_TEXT,
	STAGE_URL_PARAMETER,
	STAGE_URL_HIDDEN,
};

struct stage_urlpiece {
	enum stage_urlpiece_kind kind;
	char before; /* the byte that sets it off, such as `:`, which is not in text; or NUL */
	const char *text;
	size_t length;
};

/* Called for each piece, in order. */
typedef void (*stage_urlwalk_visitor)(void *context, const struct stage_urlpiece *piece);

/* Goes through the first length bytes of url. All of them are in a piece, or are the byte before one. */
void stage_urlwalk(const char *url, size_t length, stage_urlwalk_visitor visit, void *context);

/*
 * Does the name of a parameter say that its value is a secret? It does if one of these is in it, in
 * upper or lower case: pass, pw, token, key, secret, auth, cred, sig, sas, jwt, bearer, session, otp.
 */
bool stage_urlwalk_is_secret(const char *name, size_t length);

#endif
