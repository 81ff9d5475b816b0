#include "urlsecret.h"

#include <string.h>
#include <strings.h>

#include "urlparts.h"

#define PREFIX "stage+"

struct walk {
	stage_urlsecret_visitor visit;
	void *context;
	const char *end;
	struct stage_urlparts parts;
};

static void
tell(const struct walk *walk, enum stage_urlpiece_kind kind, char before, const char *from,
	const char *to)
{
	const struct stage_urlpiece piece = {
		.kind = kind, .before = before, .text = from, .length = (size_t)(to - from)};

	if (before || from < to)
		walk->visit(walk->context, &piece);
}

static void
tell_part(const struct walk *walk, enum stage_urlpiece_kind kind, char before,
	const struct stage_urlpart *part)
{
	if (part->text)
		tell(walk, kind, before, part->text, part->text + part->length);
}

/* Where the text at from ends, with the bytes in and behind it that count for nothing; NULL where it is another. */
static const char *
skip_text(const char *from, const char *to, const char *text)
{
	for (; *text; text++, from++) {
		while (from < to && stage_urlparts_is_nothing(*from))
			from++;
		if (from == to || strncasecmp(from, text, 1) != 0)
			return NULL;
	}
	while (from < to && stage_urlparts_is_nothing(*from))
		from++;
	return from;
}

/* The same for a prefix, behind which something must come. */
static const char *
skip_prefix(const char *from, const char *to, const char *prefix)
{
	const char *end = skip_text(from, to, prefix);

	return end == to ? NULL : end;
}

/* The scheme that opens the storage: what stands before it are prefixes of the host, and ours. */
static bool
has_scheme(const struct walk *walk, const char *scheme)
{
	static const char *const prefixes[] = {PREFIX, "gio+", "par2+"};
	const char *from = walk->parts.scheme.text, *to, *next;
	size_t i;

	if (!from)
		return false;
	to = from + walk->parts.scheme.length;
	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		next = skip_prefix(from, to, prefixes[i]);
		if (next) {
			from = next;
			i = (size_t)-1; /* again from the first */
		}
	}
	return skip_text(from, to, scheme) == to;
}

bool
stage_urlsecret_is_named(const char *name, size_t length)
{
	static const char *const words[] = {"pass", "pw", "token", "key", "secret", "auth", "cred",
		"sig", "sas", "jwt", "bearer", "session", "otp"};
	size_t i, at;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (at = 0; at + strlen(words[i]) <= length; at++)
			if (strncasecmp(name + at, words[i], strlen(words[i])) == 0)
				return true;
	return false;
}

static bool
is_harmless(const char *from, const char *to)
{
	static const char *const names[] = {
		"mode", "onfail", "subpath", "config", "driveID", "myDriveFolderID", "no_logout"};
	const char *stop = stage_urlparts_find(from, to, "=");
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((size_t)(stop - from) == strlen(names[i]) &&
			memcmp(from, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* Is this a port, or what may stand in the place of one? */
static bool
may_be_port(const struct stage_urlpart *port)
{
	size_t i;

	if (port->length && port->text[0] == ':')
		return true;
	for (i = 0; i < port->length; i++)
		if (!stage_urlparts_is_nothing(port->text[i]) &&
			(port->text[i] < '0' || port->text[i] > '9'))
			return false;
	return true;
}

/* The `@` behind a password that holds a slash, or what else ends an authority; or NULL. */
static const char *
find_late_at(const struct walk *walk)
{
	const struct stage_urlparts *parts = &walk->parts;

	if (!parts->place.text || parts->user.text || !parts->port.text ||
		may_be_port(&parts->port) || has_scheme(walk, "rclone"))
		return NULL;
	return memrchr(parts->path.text, '@', (size_t)(walk->end - parts->path.text));
}

/* A password in a path that should have been an authority. Returns where the path goes on. */
static const char *
walk_missing_slashes(const struct walk *walk)
{
	const char *from = walk->parts.path.text, *end = from + walk->parts.path.length;
	const char *user = from, *at, *colon;

	if (!walk->parts.scheme.text || walk->parts.place.text || has_scheme(walk, "file") ||
		has_scheme(walk, "multi"))
		return from; /* file:/a:b@c is a folder */
	if (user < end && *user == '/')
		user++;
	end = stage_urlparts_find(user, end, "/");
	at = memrchr(user, '@', (size_t)(end - user));
	colon = at ? stage_urlparts_find(user, at, ":") : NULL;
	if (!at || colon == at || colon == user)
		return from;
	tell(walk, STAGE_URL_TEXT, 0, from, user);
	tell(walk, STAGE_URL_USER, 0, user, colon);
	tell(walk, STAGE_URL_PASSWORD, ':', colon + 1, at);
	tell(walk, STAGE_URL_AT, 0, at, at + 1);
	return at + 1;
}

static void
walk_path(const struct walk *walk, const char *from)
{
	static const char *const schemes[] = {"ftp", "http", "https", "imap", "sftp"};
	const char *end = walk->parts.path.text + walk->parts.path.length, *slash, *stop = end;
	size_t i;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (!walk->parts.place.text || !has_scheme(walk, schemes[i]))
			continue;
		slash = memrchr(from, '/', (size_t)(end - from));
		stop = stage_urlparts_find(slash ? slash : from, end, ";");
	}
	tell(walk, STAGE_URL_TEXT, 0, from, stop);
	if (stop < end)
		tell(walk, STAGE_URL_HIDDEN, ';', stop + 1, end);
}

static void
walk_query(const struct walk *walk)
{
	const struct stage_urlpart *query = &walk->parts.query;
	const char *from = query->text, *end, *stop;
	char before = '?';

	if (!from)
		return;
	/* `;` was a border once too, and may be one for whoever is behind the host */
	for (end = from + query->length;; from = stop + 1) {
		stop = stage_urlparts_find(from, end, "&;");
		tell(walk, is_harmless(from, stop) ? STAGE_URL_PARAMETER : STAGE_URL_HIDDEN, before,
			from, stop);
		if (stop == end)
			return;
		before = '&';
	}
}

/* The end of a value that is not quoted: a colon ends it, but none of a URL that should have been quoted. */
static const char *
end_of_unquoted(const char *from, const char *end)
{
	const char *stop = stage_urlparts_find(from, end, ",:"), *at;

	while (end - stop > 3 && memcmp(stop, "://", 3) == 0) {
		at = stage_urlparts_find(stop + 3, end, "@,/");
		stop = stage_urlparts_find(at < end && *at == '@' ? at : stop + 3, end, ",:");
	}
	return stop;
}

/* The end of a parameter of a connection string: a quote in a quoted value is doubled. */
static const char *
end_of_value(const char *from, const char *end)
{
	char quote = from < end ? *from : '\0';

	if (quote != '"' && quote != '\'')
		return end_of_unquoted(from, end);
	for (from++; from < end; from++) {
		if (*from != quote)
			continue;
		if (from + 1 == end || from[1] != quote)
			return stage_urlparts_find(from + 1, end, ",:");
		from++;
	}
	return end;
}

/* A value that is a URL may have a password of its own. Text from begin waits to be told; returns what does then. */
static const char *
walk_value(const struct walk *walk, const char *begin, const char *value, const char *stop)
{
	const char *user = memmem(value, (size_t)(stop - value), "//", 2), *at, *colon;

	if (!user)
		return begin;
	user += 2;
	at = stage_urlparts_find(user, stop, "/");
	at = memrchr(user, '@', (size_t)(at - user));
	colon = at ? stage_urlparts_find(user, at, ":") : NULL;
	if (!at || colon == at)
		return begin;
	tell(walk, STAGE_URL_TEXT, 0, begin, colon);
	tell(walk, STAGE_URL_PASSWORD, ':', colon + 1, at);
	return at;
}

/* The parameters of a connection string, from its first one at from on. Returns the begin of the text that was not told yet. */
static const char *
walk_parameters(const struct walk *walk, const char *begin, const char *from, const char *end)
{
	const char *name, *value, *stop;

	while (from < end && *from == ',') {
		name = from + 1;
		value = stage_urlparts_find(name, end, "=,:");
		stop = value < end && *value == '=' ? end_of_value(value + 1, end) : value;
		if (stop == value) {
			/* no value: nothing to hide */
		} else if (stage_urlsecret_is_named(name, (size_t)(value - name))) {
			tell(walk, STAGE_URL_TEXT, 0, begin, from);
			tell(walk, STAGE_URL_HIDDEN, ',', name, stop);
			begin = stop;
		} else {
			begin = walk_value(walk, begin, value + 1, stop);
		}
		from = stop;
	}
	return begin;
}

/* REMOTE:PATH, or TYPE,NAME=VALUE,...:PATH, of rclone. */
static void
walk_remote(const struct walk *walk, const char *from)
{
	const char *end = walk->parts.path.text + walk->parts.path.length, *name = from;

	if (from < end && *from == ',') {
		/* rclone refuses that; without its parameters it would be something else */
		tell(walk, STAGE_URL_HIDDEN, ',', from + 1, end);
		return;
	}
	/* one slash too many makes a folder of it to rclone, which hides nothing */
	while (name < end && *name == '/')
		name++;
	/* a remote that has no name begins with a colon */
	name = stage_urlparts_find(name < end && *name == ':' ? name + 1 : name, end, ",:/");
	from = walk_parameters(walk, from, name, end);
	tell(walk, STAGE_URL_TEXT, 0, from, end);
}

static void
walk_authority(const struct walk *walk)
{
	const struct stage_urlparts *parts = &walk->parts;

	tell_part(walk, STAGE_URL_USER, 0, &parts->user);
	tell_part(walk, STAGE_URL_PASSWORD, ':', &parts->password);
	if (parts->user.text)
		tell(walk, STAGE_URL_AT, 0, parts->place.text - 1, parts->place.text);
	if (!parts->port.text || may_be_port(&parts->port)) {
		tell_part(walk, STAGE_URL_TEXT, 0, &parts->place);
		return;
	}
	tell(walk, STAGE_URL_TEXT, 0, parts->place.text, parts->port.text - 1);
	tell_part(walk, STAGE_URL_HIDDEN, ':', &parts->port);
}

/* Tells what stands before the authority, or the path, and returns where that is. */
static const char *
walk_scheme(const struct walk *walk, const char *url)
{
	const struct stage_urlparts *parts = &walk->parts;
	const char *from = url, *next;

	if (parts->scheme.text) {
		tell(walk, STAGE_URL_TEXT, 0, from, parts->scheme.text);
		from = parts->scheme.text;
		while ((next = skip_prefix(
				from, parts->scheme.text + parts->scheme.length, PREFIX))) {
			tell(walk, STAGE_URL_PREFIX, 0, from, next);
			from = next;
		}
	}
	url = parts->user.text    ? parts->user.text
	      : parts->place.text ? parts->place.text
				  : parts->path.text;
	tell(walk, parts->place.text ? STAGE_URL_SCHEME : STAGE_URL_TEXT, 0, from, url);
	return url;
}

void
stage_urlsecret_walk(const char *url, size_t length, stage_urlsecret_visitor visit, void *context)
{
	struct walk walk = {.visit = visit, .context = context, .end = url + length};
	const char *at, *from;

	stage_urlparts_split(url, length, NULL, &walk.parts);
	if (!walk.parts.scheme.text && !walk.parts.place.text) {
		tell(&walk, STAGE_URL_TEXT, 0, url, walk.end);
		return;
	}
	at = find_late_at(&walk);
	if (at)
		stage_urlparts_split(url, length, at, &walk.parts);
	from = walk_scheme(&walk, url);
	if (walk.parts.place.text && has_scheme(&walk, "rclone")) {
		walk_remote(&walk, from);
	} else {
		if (walk.parts.place.text)
			walk_authority(&walk);
		walk_path(&walk, walk_missing_slashes(&walk));
	}
	walk_query(&walk);
	if (walk.parts.fragment.text)
		tell_part(&walk, STAGE_URL_HIDDEN, '#', &walk.parts.fragment);
}
