#include "urlparts.h"

#include <string.h>

bool
stage_urlparts_in_scheme(char byte)
{
	/* of ASCII, whatever the locale */
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || byte == '+' || byte == '-' || byte == '.';
}

bool
stage_urlparts_is_nothing(char byte)
{
	return byte == '\t' || byte == '\n' || byte == '\r';
}

const char *
stage_urlparts_find(const char *from, const char *end, const char *bytes)
{
	while (from < end && !strchr(bytes, *from))
		from++;
	return from;
}

static struct stage_urlpart
between(const char *from, const char *to)
{
	return (struct stage_urlpart){.text = from, .length = (size_t)(to - from)};
}

static const char *
skip_nothing(const char *from, const char *end)
{
	while (from < end && stage_urlparts_is_nothing(*from))
		from++;
	return from;
}

/* Behind the scheme and its colon; from where there is none. */
static const char *
split_scheme(const char *from, const char *end, struct stage_urlparts *parts)
{
	const char *colon = from;

	while (colon < end &&
		(stage_urlparts_in_scheme(*colon) || stage_urlparts_is_nothing(*colon)))
		colon++;
	if (colon == from || colon == end || *colon != ':')
		return from;
	parts->scheme = between(from, colon);
	return colon + 1;
}

/* Behind two slashes; NULL where there are none. */
static const char *
skip_slashes(const char *from, const char *end)
{
	int count;

	for (count = 0; count < 2; count++) {
		from = skip_nothing(from, end);
		if (from == end || *from++ != '/')
			return NULL;
	}
	return from;
}

static void
split_place(struct stage_urlparts *parts)
{
	const char *from = parts->place.text, *end = from + parts->place.length, *stop;
	const char *bracket = stage_urlparts_find(from, end, "[");

	if (bracket < end) {
		stop = stage_urlparts_find(bracket + 1, end, "]");
		parts->host = between(bracket + 1, stop);
		stop = stage_urlparts_find(stop, end, ":");
	} else {
		stop = stage_urlparts_find(from, end, ":");
		parts->host = between(from, stop);
	}
	if (stop < end)
		parts->port = between(stop + 1, end);
}

static void
split_authority(const char *from, const char *end, struct stage_urlparts *parts)
{
	const char *at = memrchr(from, '@', (size_t)(end - from)), *colon;

	if (at) {
		colon = stage_urlparts_find(from, at, ":");
		parts->user = between(from, colon);
		if (colon < at)
			parts->password = between(colon + 1, at);
		from = at + 1;
	}
	parts->place = between(from, end);
	split_place(parts);
}

void
stage_urlparts_split(
	const char *url, size_t length, const char *at, struct stage_urlparts *ret_parts)
{
	const char *end = url + length, *from = url, *authority, *stop;

	*ret_parts = (struct stage_urlparts){0};
	while (from < end && (unsigned char)*from <= ' ')
		from++;
	from = split_scheme(from, end, ret_parts);
	authority = skip_slashes(from, end);
	if (authority) {
		stop = stage_urlparts_find(at ? at : authority, end, "/?#");
		split_authority(authority, stop, ret_parts);
		from = stop;
	}
	stop = stage_urlparts_find(from, end, "?#");
	ret_parts->path = between(from, stop);
	if (stop < end && *stop == '?') {
		from = stop + 1;
		stop = stage_urlparts_find(from, end, "#");
		ret_parts->query = between(from, stop);
	}
	if (stop < end)
		ret_parts->fragment = between(stop + 1, end);
}
