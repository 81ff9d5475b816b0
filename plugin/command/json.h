/*
 * json - writes one JSON text (RFC 8259) to a stream
 *
 *	struct json json;
 *
 *	json_start(&json, stdout);
 *	json_open_object(&json, NULL);
 *	json_string(&json, "path", "/var/tmp");
 *	json_open_array(&json, "sizes");
 *	json_number(&json, NULL, 12);
 *	json_close(&json);
 *	json_close(&json);
 *
 * The writer makes commas, indentation and the newline at the end. key is the name of a member of an
 * object, and NULL everywhere else. For errors ask ferror(3) of the stream at the end.
 *
 * A string may have any bytes, as names of files do. UTF-8 stays as it is. Control characters are
 * escaped, also those above ASCII that terminals obey. A byte XX that is no part of valid UTF-8 becomes
 * the lone low surrogate \udcXX, as in Python's surrogateescape: os.fsencode(json.loads(text)) is the name
 * again, byte by byte. Other readers may show U+FFFD.
 */
#ifndef STAGEDIR_JSON_H
#define STAGEDIR_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Objects and arrays that may be open at once; more is a bug. */
#define JSON_DEPTH_MAX 8

/* Private. Nothing is allocated, so a writer may be dropped at any moment. */
struct json {
	FILE *out;
	bool in_line;
	unsigned int depth;
	struct {
		char closing;
		bool filled;
	} open[JSON_DEPTH_MAX];
};

void json_start(struct json *json, FILE *out);

/* The same for a text in one line. */
void json_start_line(struct json *json, FILE *out);

void json_open_object(struct json *json, const char *key);
void json_open_array(struct json *json, const char *key);

/* Closes the innermost object or array; with the outermost the text ends. */
void json_close(struct json *json);

/* text may be NULL, which is null. */
void json_string(struct json *json, const char *key, const char *text);
void json_number(struct json *json, const char *key, uint64_t number);
void json_boolean(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);

#endif
