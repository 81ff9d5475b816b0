/*
 * urlparts - a URL in its parts, split as the host splits it
 *
 * duplicity has Python's urllib.parse split a URL. Whoever looks for the password must split it in
 * the same way, or takes a part of it for something else. In words:
 *
 *	SCHEME:				up to the first `:`, if all before it are letters,
 *					digits, `+`, `-` and `.`
 *	//USER:PASSWORD@HOST:PORT	if `//` is next; up to the first of `/`, `?` and `#`.
 *					The last `@` ends USER:PASSWORD, and the first `:` in that
 *					ends USER. HOST may stand in [].
 *	PATH				up to the first `?` or `#`
 *	?QUERY				up to the first `#`
 *	#FRAGMENT
 *
 * Blanks and control characters before a URL, and tabs, newlines and carriage returns anywhere in
 * it, count for nothing, as in urllib. Here they stay in the parts.
 *
 * Nothing is decoded: %40 stays %40. Nothing is refused: urllib raises an error for brackets that do
 * not match, here the rules above hold for them too. One difference: a scheme of urllib begins with a
 * letter (since 3.11.4; Debian's 3.11.2 has it too). Here any of its characters may come first:
 * better to find a password that nobody else finds than to miss one.
 *
 * Not installed. Nothing here allocates; any thread may call it.
 */
#ifndef STAGEDIR_URLPARTS_H
#define STAGEDIR_URLPARTS_H

#include <stdbool.h>
#include <stddef.h>

/* A piece of a longer text. text is NULL if the URL has no such part: an empty part has a text. */
struct stage_urlpart {
	const char *text;
	size_t length;
};

struct stage_urlparts {
	struct stage_urlpart scheme;
	struct stage_urlpart user, password; /* no `@`: neither */
	struct stage_urlpart place;          /* HOST:PORT as it stands; NULL without `//` */
	struct stage_urlpart host;           /* without [] */
	struct stage_urlpart port;
	struct stage_urlpart path; /* never NULL */
	struct stage_urlpart query, fragment;
};

/*
 * Splits the first length bytes of url, into which the parts point. at is NULL, or the `@` that ends
 * USER:PASSWORD although there is a `/`, `?` or `#` before it: it must be the last one in url.
 */
void stage_urlparts_split(
	const char *url, size_t length, const char *at, struct stage_urlparts *ret_parts);

/* May this byte stand in a scheme? */
bool stage_urlparts_in_scheme(char byte);

/* Is this byte one that urllib leaves out anywhere in a URL (see above)? */
bool stage_urlparts_is_nothing(char byte);

/* The first of bytes in a text that ends before end, or end. */
const char *stage_urlparts_find(const char *from, const char *end, const char *bytes);

#endif
