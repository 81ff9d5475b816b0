/*
 * Every form is made of the pieces of stage_urlsecret_walk(). A piece gets longer at most by the text that
 * stands for a hidden one, or by %XX of each byte. So the room that is needed is known before.
 */
#include "url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "urlparts.h"
#include "urlsecret.h"

#define HIDDEN "***"

/* URLs within URLs that are looked into. */
#define DEPTH_MAX 16

enum form {
	TARGET,
	DISPLAY,
	COMPARED, /* of a target form: equal for the same target */
	ANYBODY,  /* the same without the user */
};

struct writer {
	enum form form;
	char *out;
	bool has_user, has_query;
	unsigned int depth; /* of URLs that are in the path of another */
};

/* Bytes that a form of so many may have, with the NUL. */
static size_t
room_for(size_t length)
{
	return 4 * length + 1;
}

static void
put(struct writer *writer, const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (writer->form < COMPARED || !stage_urlparts_is_nothing(text[i]))
			*writer->out++ = text[i];
}

static void
put_scheme(struct writer *writer, const char *text, size_t length)
{
	char *begin = writer->out;

	put(writer, text, length);
	for (; writer->form >= COMPARED && begin < writer->out; begin++)
		if (*begin >= 'A' && *begin <= 'Z')
			*begin = (char)(*begin - 'A' + 'a');
}

static int
digit_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* Decodes %XX, and encodes what would end a user. */
static void
put_user(struct writer *writer, const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++) {
		int high = i + 2 < length ? digit_value(text[i + 1]) : -1;
		int low = high < 0 ? -1 : digit_value(text[i + 2]);
		char byte = text[i];

		if (byte == '%' && low >= 0) {
			byte = (char)(high << 4 | low);
			i += 2;
		}
		if (stage_urlparts_in_scheme(byte) || byte == '@' || byte == '_')
			*writer->out++ = byte;
		else if (!stage_urlparts_is_nothing(byte))
			writer->out += snprintf(writer->out, 4, "%%%02X", (unsigned char)byte);
	}
}

static void display(struct writer *writer, const char *from, const char *end, bool whole);

/* What is shown. There may be another URL in it. */
static void
put_text(struct writer *writer, const struct stage_urlpiece *piece)
{
	if (writer->form != DISPLAY) {
		put(writer, piece->text, piece->length);
		return;
	}
	writer->depth++;
	display(writer, piece->text, piece->text + piece->length, true);
	writer->depth--;
}

/* Sets a parameter of the query off from the one before it. */
static void
put_border(struct writer *writer, char before)
{
	bool in_query = before == '?' || before == '&';

	*writer->out++ = in_query ? (writer->has_query ? '&' : '?') : before;
	writer->has_query |= in_query;
}

static void
write_piece(void *context, const struct stage_urlpiece *piece)
{
	struct writer *writer = context;

	switch (piece->kind) {
	case STAGE_URL_PREFIX:
		if (writer->form == DISPLAY)
			put(writer, piece->text, piece->length);
		break;
	case STAGE_URL_SCHEME:
		put_scheme(writer, piece->text, piece->length);
		break;
	case STAGE_URL_USER:
		writer->has_user = writer->form != ANYBODY;
		if (writer->form == COMPARED)
			put_user(writer, piece->text, piece->length);
		else if (writer->form != ANYBODY)
			put(writer, piece->text, piece->length);
		break;
	case STAGE_URL_AT:
		if (writer->has_user || writer->form == DISPLAY)
			put(writer, piece->text, piece->length);
		break;
	case STAGE_URL_TEXT:
		put_text(writer, piece);
		break;
	case STAGE_URL_PARAMETER:
		put_border(writer, piece->before);
		put_text(writer, piece);
		break;
	case STAGE_URL_PASSWORD:
	case STAGE_URL_HIDDEN:
		if (writer->form != DISPLAY || piece->length == 0)
			break;
		put_border(writer, piece->before);
		put(writer, HIDDEN, strlen(HIDDEN));
		break;
	}
}

/* Where the next URL in a text begins, which has `://`; end where there is none. */
static const char *
find_url(const char *from, const char *end)
{
	const char *separator = memmem(from, (size_t)(end - from), "://", strlen("://"));

	if (!separator)
		return end;
	while (separator > from && stage_urlparts_in_scheme(separator[-1]))
		separator--;
	return separator;
}

static const char *
find_blank(const char *from, const char *end)
{
	while (from < end && (unsigned char)*from > ' ' && *from != 0x7f)
		from++;
	return from;
}

/* Writes a text with URLs in it. whole: the first of them ends with the text, else at a blank. */
static void
display(struct writer *writer, const char *from, const char *end, bool whole)
{
	const bool has_query = writer->has_query;

	while (from < end) {
		const char *url = find_url(from, end);

		if (url < end && *url == ':')
			url++; /* without a scheme the slashes alone begin it */
		put(writer, from, (size_t)(url - from));
		if (url == end)
			break;
		if (writer->depth > DEPTH_MAX) {
			put(writer, HIDDEN, strlen(HIDDEN));
			break;
		}
		from = whole ? end : find_blank(url, end);
		writer->has_query = false;
		stage_urlsecret_walk(url, (size_t)(from - url), write_piece, writer);
	}
	writer->has_query = has_query;
}

static int
begin(struct writer *writer, enum form form, const char *text, char **ret_text,
	struct stage_error *error)
{
	*ret_text = malloc(room_for(strlen(text)));
	*writer = (struct writer){.form = form, .out = *ret_text};
	if (*ret_text)
		return 0;
	return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for a URL");
}

/* One of the forms that are of a URL alone. */
static int
make(enum form form, const char *url, char **ret_text, struct stage_error *error)
{
	struct writer writer;
	char *text;

	if (begin(&writer, form, url, &text, error) < 0)
		return STAGE_E_MEMORY;
	stage_urlsecret_walk(url, strlen(url), write_piece, &writer);
	*writer.out = '\0';
	*ret_text = text;
	return 0;
}

/*
 * Without a secret a URL may be split in another way, as what is left grows together, and have another one.
 * So it is made until it stays as it is; each time it gets shorter.
 */
int
stage_url_target(const char *url, char **ret_target, struct stage_error *error)
{
	char *target, *again;
	size_t length;

	if (make(TARGET, url, &target, error) < 0)
		return STAGE_E_MEMORY;
	do {
		length = strlen(target);
		if (make(TARGET, target, &again, error) < 0) {
			free(target);
			return STAGE_E_MEMORY;
		}
		free(target);
		target = again;
	} while (strlen(target) < length);
	*ret_target = target;
	return 0;
}

int
stage_url_display(const char *text, char **ret_text, struct stage_error *error)
{
	const char *end = text + strlen(text), *border = text + strcspn(text, "=:");
	struct writer writer;
	char *copy;

	if (begin(&writer, DISPLAY, text, &copy, error) < 0)
		return STAGE_E_MEMORY;
	if (find_url(text, end) < end) {
		display(&writer, text, end, true);
	} else {
		/* a URL that lacks its slashes may be one all the same */
		const char *from = *border == '=' ? border + 1 : text;

		from += strspn(from, " ");
		put(&writer, text, (size_t)(from - text));
		stage_urlsecret_walk(from, (size_t)(end - from), write_piece, &writer);
	}
	*writer.out = '\0';
	*ret_text = copy;
	return 0;
}

int
stage_url_display_all(const char *text, char **ret_text, struct stage_error *error)
{
	struct writer writer;
	char *copy;

	if (begin(&writer, DISPLAY, text, &copy, error) < 0)
		return STAGE_E_MEMORY;
	display(&writer, text, text + strlen(text), false);
	*writer.out = '\0';
	*ret_text = copy;
	return 0;
}

/* COMPARED or ANYBODY. */
static int
make_comparable(enum form form, const char *url, char **ret_text, struct stage_error *error)
{
	char *target;
	const char *from;
	int code;

	code = stage_url_target(url, &target, error);
	if (code < 0)
		return code;
	for (from = target; *from && (unsigned char)*from <= ' '; from++)
		;
	code = make(form, from, ret_text, error);
	free(target);
	return code;
}

static int
compare(enum form form, const char *one, const char *other, bool *ret_same,
	struct stage_error *error)
{
	char *left, *right;
	int code;

	code = make_comparable(form, one, &left, error);
	if (code < 0)
		return code;
	code = make_comparable(COMPARED, other, &right, error);
	if (code == 0) {
		*ret_same = strcmp(left, right) == 0;
		free(right);
	}
	free(left);
	return code;
}

int
stage_url_same(const char *one, const char *other, bool *ret_same, struct stage_error *error)
{
	return compare(COMPARED, one, other, ret_same, error);
}

int
stage_url_names(const char *url, const char *target, bool *ret_names, struct stage_error *error)
{
	bool names = false;
	int code;

	code = compare(COMPARED, url, target, &names, error);
	if (code == 0 && !names)
		code = compare(ANYBODY, url, target, &names, error);
	if (code == 0)
		*ret_names = names;
	return code;
}
