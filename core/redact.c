#include "redact.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "url.h"
#include "urlparts.h"
#include "urlsecret.h"

#define HIDDEN "***"

/* Bytes: a shorter secret must stand alone; a shorter value may be anything. */
#define SECRET_MIN 4
#define VALUE_MIN 8

struct stage_redact {
	char **list; /* no two are equal */
	size_t count;
};

/* Collects the secrets of one URL. */
struct collector {
	struct stage_redact *secrets;
	bool failed; /* no memory */
};

static bool
has(const struct stage_redact *secrets, const char *text)
{
	size_t i;

	for (i = 0; i < secrets->count; i++)
		if (strcmp(secrets->list[i], text) == 0)
			return true;
	return false;
}

/* Takes over text, which may be NULL for want of memory. */
static void
append(struct collector *collector, char *text)
{
	struct stage_redact *secrets = collector->secrets;
	char **longer = NULL;

	if (text && (!*text || has(secrets, text))) {
		free(text);
		return;
	}
	if (text)
		longer = realloc(secrets->list, (secrets->count + 1) * sizeof(*longer));
	if (!longer) {
		free(text);
		collector->failed = true;
		return;
	}
	longer[secrets->count++] = text;
	secrets->list = longer;
}

static int
digit_value(char digit)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *found = digit ? strchr(digits, digit) : NULL;

	return found ? (int)(found - digits) & 15 : -1;
}

/* As the host reads it; in a query a + is a blank too. */
static char *
decode(const char *text, size_t length, bool plus)
{
	char *copy = malloc(length + 1), *out = copy;
	size_t i;

	for (i = 0; copy && i < length; i++) {
		int high = i + 2 < length ? digit_value(text[i + 1]) : -1;
		int low = high < 0 ? -1 : digit_value(text[i + 2]);

		if (stage_urlparts_is_nothing(text[i]))
			continue;
		if (text[i] != '%' || low < 0 || high + low == 0) {
			*out++ = plus && text[i] == '+' ? ' ' : text[i];
			continue;
		}
		*out++ = (char)(high << 4 | low);
		i += 2;
	}
	if (copy)
		*out = '\0';
	return copy;
}

static bool
is_alphanumeric(char byte)
{
	return stage_urlparts_in_scheme(byte) && !strchr("+-.", byte);
}

static char *
encode(const char *text)
{
	char *copy = malloc(3 * strlen(text) + 1), *out = copy;

	if (!copy)
		return NULL;
	for (; *text; text++) {
		if (is_alphanumeric(*text) || strchr("-._~", *text))
			*out++ = *text;
		else
			out += snprintf(out, 4, "%%%02X", (unsigned char)*text);
	}
	*out = '\0';
	return copy;
}

/* A secret in all its spellings. */
static void
add(struct collector *collector, const char *text, size_t length)
{
	char *plain = decode(text, length, false);

	append(collector, strndup(text, length));
	append(collector, plain ? encode(plain) : NULL);
	append(collector, plain);
	append(collector, decode(text, length, true));
}

/* NAME=VALUE, or an opaque text, which may end in equals signs. */
static void
add_parameter(struct collector *collector, const char *text, size_t length)
{
	const char *end = text + length, *value = stage_urlparts_find(text, end, "=");
	bool is_secret = stage_urlsecret_is_named(text, (size_t)(value - text));

	while (end > value && end[-1] == '=')
		end--;
	if (value == end) {
		value = text;
		end = text + length;
		is_secret = false;
	} else {
		value++;
		end = text + length;
	}
	length = (size_t)(end - value);
	if (!is_secret && length < VALUE_MIN)
		return;
	add(collector, value, length);
	if (length > 2 && (*value == '"' || *value == '\'') && end[-1] == *value)
		add(collector, value + 1, length - 2);
}

static void
visit(void *context, const struct stage_urlpiece *piece)
{
	struct collector *collector = context;

	if (piece->kind == STAGE_URL_PASSWORD)
		add(collector, piece->text, piece->length);
	else if (piece->kind == STAGE_URL_HIDDEN && piece->before != '#')
		add_parameter(collector, piece->text, piece->length);
	else if (piece->kind == STAGE_URL_HIDDEN && piece->length >= VALUE_MIN)
		add(collector, piece->text, piece->length);
}

static void
release(struct stage_redact *secrets, size_t from)
{
	size_t i;

	for (i = from; i < secrets->count; i++) {
		explicit_bzero(secrets->list[i], strlen(secrets->list[i]));
		free(secrets->list[i]);
	}
	secrets->count = from;
}

int
stage_redact_add(struct stage_redact **secrets, const char *url, struct stage_error *error)
{
	struct collector collector = {.secrets = *secrets};
	size_t before;

	if (!collector.secrets)
		collector.secrets = calloc(1, sizeof(*collector.secrets));
	if (!collector.secrets)
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for a secret");
	before = collector.secrets->count;
	stage_urlsecret_walk(url, strlen(url), visit, &collector);
	if (collector.failed)
		release(collector.secrets, before);
	if (!*secrets && collector.secrets->count == 0)
		stage_redact_free(&collector.secrets);
	else
		*secrets = collector.secrets;
	if (collector.failed)
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for a secret");
	return 0;
}

/* Does a secret stand at this place of a text, and alone if it is a short one? */
static bool
stands_at(const char *secret, const char *text, const char *at)
{
	size_t length = strlen(secret);

	if (strncmp(at, secret, length) != 0)
		return false;
	return length >= SECRET_MIN ||
	       ((at == text || !is_alphanumeric(at[-1])) && !is_alphanumeric(at[length]));
}

/* The length of the longest secret at this place. */
static size_t
find_longest(const struct stage_redact *secrets, const char *text, const char *at)
{
	size_t longest = 0, i;

	for (i = 0; secrets && i < secrets->count; i++)
		if (strlen(secrets->list[i]) > longest && stands_at(secrets->list[i], text, at))
			longest = strlen(secrets->list[i]);
	return longest;
}

int
stage_redact_hide(const struct stage_redact *secrets, const char *text, char **ret_text,
	struct stage_error *error)
{
	char *copy, *out;
	const char *at;
	int code;

	copy = out = malloc(strlen(HIDDEN) * strlen(text) + 1);
	if (!copy)
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to hide a secret");
	/* first: what a URL shows of a secret that it cannot hold would not be found any more */
	for (at = text; *at;) {
		size_t length = find_longest(secrets, text, at);

		if (length) {
			out = mempcpy(out, HIDDEN, strlen(HIDDEN));
			at += length;
		} else {
			*out++ = *at++;
		}
	}
	*out = '\0';
	code = stage_url_display_all(copy, ret_text, error);
	free(copy);
	return code;
}

void
stage_redact_free(struct stage_redact **secrets)
{
	int saved_errno = errno;

	if (!*secrets)
		return;
	release(*secrets, 0);
	free((*secrets)->list);
	free(*secrets);
	*secrets = NULL;
	errno = saved_errno;
}
