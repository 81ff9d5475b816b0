#include "command/json.h"

#include <assert.h>
#include <inttypes.h>

/* Length of the UTF-8 sequence at the start of text, 0 where it is not well-formed (RFC 3629). */
static size_t
sequence_length(const unsigned char *text)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t length, i;

	if (text[0] < 0x80)
		return 1;
	if (text[0] >= 0xc2 && text[0] <= 0xdf)
		length = 2;
	else if (text[0] >= 0xe0 && text[0] <= 0xef)
		length = 3;
	else if (text[0] >= 0xf0 && text[0] <= 0xf4)
		length = 4;
	else
		return 0;
	/* the second byte is what tells overlong forms, surrogates and what lies beyond Unicode */
	if (text[0] == 0xe0)
		low = 0xa0;
	else if (text[0] == 0xed)
		high = 0x9f;
	else if (text[0] == 0xf0)
		low = 0x90;
	else if (text[0] == 0xf4)
		high = 0x8f;
	for (i = 1; i < length; i++) {
		if (text[i] < low || text[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return length;
}

/* Writes the character at text, escaped where it must be, and returns what follows it. */
static const unsigned char *
write_character(FILE *out, const unsigned char *text)
{
	size_t length = sequence_length(text);

	if (length == 0)
		fprintf(out, "\\udc%02x", text[0]);
	else if (text[0] == '"' || text[0] == '\\')
		fprintf(out, "\\%c", text[0]);
	else if (text[0] == '\n')
		fputs("\\n", out);
	else if (text[0] == '\t')
		fputs("\\t", out);
	else if (text[0] < 0x20 || text[0] == 0x7f)
		fprintf(out, "\\u%04x", text[0]);
	else if (text[0] == 0xc2 && text[1] < 0xa0)
		fprintf(out, "\\u%04x", text[1]);
	else
		fwrite(text, 1, length, out);
	return text + (length ? length : 1);
}

static void
write_text(FILE *out, const char *text)
{
	const unsigned char *next = (const unsigned char *)text;

	fputc('"', out);
	while (*next)
		next = write_character(out, next);
	fputc('"', out);
}

static void
write_line_start(struct json *json)
{
	if (!json->in_line)
		fprintf(json->out, "\n%*s", (int)(2 * json->depth), "");
}

/* What comes before any value: a comma where one is due, the key. */
static void
begin_value(struct json *json, const char *key)
{
	if (json->depth > 0) {
		bool *filled = &json->open[json->depth - 1].filled;

		if (*filled)
			fputs(json->in_line ? ", " : ",", json->out);
		*filled = true;
		write_line_start(json);
	}
	if (key) {
		write_text(json->out, key);
		fputs(": ", json->out);
	}
}

static void
begin_container(struct json *json, const char *key, char opening, char closing)
{
	assert(json->depth < JSON_DEPTH_MAX);
	begin_value(json, key);
	fputc(opening, json->out);
	json->open[json->depth].closing = closing;
	json->open[json->depth].filled = false;
	json->depth++;
}

void
json_start(struct json *json, FILE *out)
{
	json->out = out;
	json->in_line = false;
	json->depth = 0;
}

void
json_start_line(struct json *json, FILE *out)
{
	json_start(json, out);
	json->in_line = true;
}

void
json_open_object(struct json *json, const char *key)
{
	begin_container(json, key, '{', '}');
}

void
json_open_array(struct json *json, const char *key)
{
	begin_container(json, key, '[', ']');
}

void
json_close(struct json *json)
{
	assert(json->depth > 0);
	json->depth--;
	if (json->open[json->depth].filled)
		write_line_start(json);
	fputc(json->open[json->depth].closing, json->out);
	if (json->depth == 0)
		fputc('\n', json->out);
}

void
json_string(struct json *json, const char *key, const char *text)
{
	if (!text) {
		json_null(json, key);
		return;
	}
	begin_value(json, key);
	write_text(json->out, text);
}

void
json_number(struct json *json, const char *key, uint64_t number)
{
	begin_value(json, key);
	fprintf(json->out, "%" PRIu64, number);
}

void
json_boolean(struct json *json, const char *key, bool value)
{
	begin_value(json, key);
	fputs(value ? "true" : "false", json->out);
}

void
json_null(struct json *json, const char *key)
{
	begin_value(json, key);
	fputs("null", json->out);
}
