/*
 * urlsecret - the one place that decides which parts of a URL are secrets
 *
 * It goes through a URL and says of each piece whether it may be shown. The pieces, in their order:
 *
 *	PREFIX		`stage+` before the scheme, as often as it is there
 *	SCHEME		up to the user
 *	USER		part of where the URL leads: shown
 *	PASSWORD	behind a `:`
 *	AT		the `@` behind these
 *	TEXT		anything else that is shown
 *	PARAMETER	one parameter of the query that is shown: its name is in the list below
 *	HIDDEN		a parameter with any other name; the fragment; the cases below
 *
 * The parameters of duplicity's own backends are shown, as none is a secret: mode, onfail, subpath
 * (multi), config (box), driveID, myDriveFolderID (gdrive, pydrive), no_logout (megav3). Any other
 * may be a secret, and is hidden.
 *
 * A text with neither a scheme nor `//` is no URL: all of it is TEXT. Special cases:
 *	- A password that should have been quoted is hidden. urllib takes sftp://me:se/cret@host/dir for
 *	  the host `me` with the port `se`, and duplicity refuses it. No port looks like that, so the
 *	  password goes up to the last `@`. It is hidden without an `@` too: a text may have been cut
 *	  off. If it begins with another colon it is no password (rsync://host::module).
 *	- The password of a URL with too few slashes is hidden: sftp:/me:secret@host/dir. duplicity
 *	  refuses such a URL, but may quote it.
 *	- A `;` in the last folder of a path is hidden with all behind it, in the schemes ftp, http,
 *	  https, imap and sftp. duplicity leaves that out of the path.
 *	- rclone://REMOTE:PATH has neither user nor password: an `@` belongs to the path. But REMOTE
 *	  may be a connection string, as in rclone://:webdav,url=...,pass=SECRET:dir. Those of its
 *	  parameters are hidden for which stage_urlsecret_is_named() is true.
 *
 * Not installed. Nothing here allocates; any thread may call it.
 */
#ifndef STAGEDIR_URLSECRET_H
#define STAGEDIR_URLSECRET_H

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
	char before; /* the byte in front of text that sets it off, such as `:`; NUL if there is none */
	const char *text;
	size_t length;
};

/* Called for each piece, in order. */
typedef void (*stage_urlsecret_visitor)(void *context, const struct stage_urlpiece *piece);

/* Goes through the first length bytes of url. Each of them is in a piece, or is the byte before one. */
void stage_urlsecret_walk(
	const char *url, size_t length, stage_urlsecret_visitor visit, void *context);

/*
 * Is the parameter named as a secret? It is if its name holds one of these, in upper or lower case:
 * pass, pw, token, key, secret, auth, cred, sig, sas, jwt, bearer, session, otp.
 */
bool stage_urlsecret_is_named(const char *name, size_t length);

#endif
