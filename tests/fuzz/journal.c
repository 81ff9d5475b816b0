/*
 * What bytes of any kind do to the parser of journals. As random bytes hardly ever have the right
 * checksums, the input is parsed as it is, and once more with one put before each of its lines.
 */
#include "journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "naming.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

/* What the callers rely on. */
static void
check(const struct stage_journal_content *content)
{
	size_t i, j, length = strlen(content->target) + strlen(content->home);

	for (i = 0; i < content->count; i++) {
		const struct stage_journal_record *record = &content->list[i];

		require(stage_naming_is_file(record->file), "a file that is none of ours");
		for (j = 0; j < i; j++)
			require(strcmp(record->file, content->list[j].file) != 0, "a file twice");
		require(record->sealed >= 0 && record->failed >= 0, "seconds before 1970");
		length += strlen(record->name) + strlen(record->note) + strlen(record->failure);
	}
	require(length <= STAGE_JOURNAL_MAX, "more text than there is");
	require(content->torn == content->needs_newline, "a torn line, or not");
}

static void
parse(const char *bytes, size_t size)
{
	struct stage_journal_content *content = NULL;
	struct stage_error error = {0};
	int code = stage_journal_parse(bytes, size, "/dir", &content, &error);

	if (code == 0) {
		check(content);
		stage_journal_content_free(&content);
	} else {
		require(code == STAGE_E_DAMAGED, "a failure that cannot be");
		require(error.message[0] && !content, "a failure without a message");
	}
}

/* The lines with their checksums, which the caller frees. */
static char *
add_checksums(const char *bytes, size_t size, size_t *ret_size)
{
	char *text = malloc(10 * (size + 1)), *out = text;
	const char *end = bytes + size, *stop;

	require(text != NULL, "no memory");
	for (; bytes < end; bytes = stop) {
		const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
		size_t length = (size_t)((newline ? newline : end) - bytes);

		stop = newline ? newline + 1 : end;
		out += sprintf(out, "%08lx ", crc32(0, (const unsigned char *)bytes, (uInt)length));
		memcpy(out, bytes, (size_t)(stop - bytes));
		out += stop - bytes;
	}
	*ret_size = (size_t)(out - text);
	return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	size_t longer;
	char *text;

	parse(bytes, size);
	text = add_checksums(bytes, size, &longer);
	parse(text, longer);
	free(text);
	return 0;
}
