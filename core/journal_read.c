/*
 * A journal is read: the whole file into memory, where it is understood in place. The strings of the content
 * are the fields in the text. Waiting files are found by name in a table of indices into the list. The size
 * of the text bounds the number of records, so nothing grows on the way.
 *
 * A torn record, incomplete at the end of the file, counts for nothing; a damaged one is counted
 * (take_lines()). The rules are in journal.h.
 */
#include "journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "journal_format.h"
#include "naming.h"
#include "regular.h"

#define FIELDS_MAX 6

/* Bytes of the shortest record of a staged file */
#define STAGED_MIN                                                                                 \
	(sizeof("crc32... staged mktemp-abcdefghijklm-1 0 "                                        \
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef 0 % %\n") -      \
		1)

/* What the callers know as its first part. */
struct understood {
	struct stage_journal_content content;
	char *text; /* all the strings */
};

struct parser {
	struct stage_journal_content *content;
	char *nothing;   /* an empty string in the text */
	uint32_t *slots; /* 1 + the index in the list of a file's last record, or 0 */
	size_t mask;
	bool begun;   /* a known version */
	bool foreign; /* another one */
};

int
stage_journal_fail_memory(const char *path, struct stage_error *error)
{
	return stage_error_set(
		error, STAGE_E_MEMORY, 0, "no memory for %s/" STAGE_JOURNAL_NAME, path);
}

int
stage_journal_fail_damaged(const char *path, const char *why, struct stage_error *error)
{
	return stage_error_set(
		error, STAGE_E_DAMAGED, 0, "%s/" STAGE_JOURNAL_NAME " %s", path, why);
}

/* The slot of the file, or the free one in which it would be put. */
static uint32_t *
find_slot(const struct parser *parser, const char *file)
{
	const struct stage_journal_record *list = parser->content->list;
	size_t i = crc32_z(0, (const unsigned char *)file, strlen(file)) & parser->mask;

	while (parser->slots[i] && strcmp(list[parser->slots[i] - 1].file, file) != 0)
		i = (i + 1) & parser->mask;
	return &parser->slots[i];
}

/* A record that was forgotten stays in the list until the end, without a name. */
static struct stage_journal_record *
find_waiting(const struct parser *parser, const char *file)
{
	uint32_t slot = *find_slot(parser, file);
	struct stage_journal_record *record = slot ? &parser->content->list[slot - 1] : NULL;

	return record && record->name ? record : NULL;
}

static bool
take_version(struct parser *parser, char **fields)
{
	bool known = strcmp(fields[0], STAGE_JOURNAL_VERSION) == 0, again = parser->begun;

	if (known)
		parser->begun = true;
	else
		parser->foreign = true;
	return known && !again;
}

static bool
take_target(struct parser *parser, char **fields)
{
	if (parser->content->has_target)
		return false;
	parser->content->target = fields[0];
	parser->content->home = fields[1];
	parser->content->has_target = true;
	return true;
}

static bool
take_staged(struct parser *parser, char **fields)
{
	struct stage_journal_record record = {.file = fields[0],
		.name = fields[4],
		.note = fields[5],
		.failure = parser->nothing};
	uint64_t sealed;

	if (!stage_naming_is_file(record.file) ||
		!stage_journal_format_number(fields[1], UINT64_MAX, &record.digest.size) ||
		!stage_journal_format_sha256(fields[2], record.digest.sha256) ||
		!stage_journal_format_number(fields[3], INT64_MAX, &sealed) ||
		find_waiting(parser, record.file))
		return false;
	record.sealed = (int64_t)sealed;
	/* find_slot() may look at the file of the slot's record: the list first */
	parser->content->list[parser->content->count] = record;
	*find_slot(parser, record.file) = (uint32_t)++parser->content->count;
	return true;
}

static bool
take_failed(struct parser *parser, char **fields)
{
	struct stage_journal_record *record;
	uint64_t seconds, attempt;

	if (!stage_naming_is_file(fields[0]) ||
		!stage_journal_format_number(fields[1], INT64_MAX, &seconds) ||
		!stage_journal_format_number(fields[2], UINT_MAX, &attempt))
		return false;
	record = find_waiting(parser, fields[0]);
	if (record) {
		record->failed = (int64_t)seconds;
		record->attempts = (unsigned int)attempt;
		record->failure = fields[3];
	}
	return true;
}

static bool
take_forgotten(struct parser *parser, char **fields)
{
	struct stage_journal_record *record;

	if (!stage_naming_is_file(fields[0]))
		return false;
	record = find_waiting(parser, fields[0]);
	if (record)
		record->name = NULL;
	return true;
}

static bool
take_confirmed(struct parser *parser, char **fields)
{
	const struct stage_journal_record *record;

	record = stage_naming_is_file(fields[0]) ? find_waiting(parser, fields[0]) : NULL;
	if (record) {
		parser->content->confirmed_file = record->file;
		parser->content->confirmed_name = record->name;
		parser->content->confirmed_note = record->note;
	}
	return take_forgotten(parser, fields);
}

static bool
take_stored(struct parser *parser, char **fields)
{
	if (!take_forgotten(parser, fields))
		return false;
	parser->content->confirmed_file = fields[0];
	parser->content->confirmed_name = fields[1];
	parser->content->confirmed_note = fields[2];
	return true;
}

static const struct kind {
	const char *name;
	size_t fields;
	bool (*take)(struct parser *parser, char **fields); /* false: damaged */
} kinds[] = {
	{"stagedir", 1, take_version},
	{"target", 2, take_target},
	{"staged", 6, take_staged},
	{"failed", 4, take_failed},
	{"confirmed", 1, take_confirmed},
	{"stored", 3, take_stored},
	{"forgotten", 1, take_forgotten},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* What is behind the checksum of a line. */
static bool
take_record(struct parser *parser, char *text, char *end)
{
	char *fields[FIELDS_MAX], *next = text, *type = stage_journal_format_field(&next, end);
	size_t kind, i;

	for (kind = 0; type && kind < KINDS && strcmp(kinds[kind].name, type) != 0; kind++)
		;
	if (!type || kind == KINDS)
		return false;
	for (i = 0; i < kinds[kind].fields; i++) {
		fields[i] = stage_journal_format_field(&next, end);
		if (!fields[i])
			return false;
	}
	return !next && kinds[kind].take(parser, fields);
}

/* A line without its newline. False: it is damaged. */
static bool
take_line(struct parser *parser, char *line, char *end)
{
	char *text;

	switch (stage_journal_format_check(line, end, &text)) {
	case STAGE_JOURNAL_LINE_RECORD:
		return take_record(parser, text, end);
	case STAGE_JOURNAL_LINE_NOTHING:
		return true;
	case STAGE_JOURNAL_LINE_DAMAGED:
		break;
	}
	return false;
}

static void
take_lines(struct parser *parser, char *text, size_t size)
{
	struct stage_journal_content *content = parser->content;
	char *end = text + size, *line = text, *stop;

	while (line < end && (stop = memchr(line, '\n', (size_t)(end - line)))) {
		if (!take_line(parser, line, stop))
			content->damaged++;
		line = stop + 1;
	}
	content->torn = content->needs_newline = line < end;
	/* what a crash tears off is cut, not changed */
	if (content->torn && stage_journal_format_lost_newline(line, end))
		content->damaged++;
}

static void
drop_forgotten(struct stage_journal_content *content)
{
	size_t i, kept = 0;

	for (i = 0; i < content->count; i++)
		if (content->list[i].name)
			content->list[kept++] = content->list[i];
	content->count = kept;
}

/* Memory for all that size bytes can hold. */
static int
prepare(struct parser *parser, size_t size)
{
	size_t records = size / STAGED_MIN + 1, slots = 16;

	while (slots < 2 * records)
		slots *= 2;
	parser->mask = slots - 1;
	parser->slots = calloc(slots, sizeof(*parser->slots));
	parser->content->list = calloc(records, sizeof(*parser->content->list));
	return parser->slots && parser->content->list ? 0 : STAGE_E_MEMORY;
}

/* Takes text apart, in which there is room for one byte more. */
static int
understand(struct stage_journal_content *content, char *text, size_t size, const char *path,
	struct stage_error *error)
{
	struct parser parser = {.content = content, .nothing = text + size};
	int code = 0;

	text[size] = '\0';
	content->target = content->home = parser.nothing;
	if (prepare(&parser, size) < 0) {
		code = stage_journal_fail_memory(path, error);
	} else {
		take_lines(&parser, text, size);
		drop_forgotten(content);
		if (parser.foreign && !parser.begun)
			code = stage_journal_fail_damaged(
				path, "is of a version that is not known here", error);
		else if (!parser.begun)
			code = stage_journal_fail_damaged(
				path, "does not begin as a journal does", error);
	}
	free(parser.slots);
	return code;
}

/*
 * As stage_journal_parse(), of a text that was allocated with room for one byte more. Takes it over, also
 * on failure.
 */
static int
parse_own(char *text, size_t size, const char *path, struct stage_journal_content **ret_content,
	struct stage_error *error)
{
	struct understood *result = calloc(1, sizeof(*result));
	struct stage_journal_content *content;
	int code;

	if (!result) {
		free(text);
		return stage_journal_fail_memory(path, error);
	}
	result->text = text;
	content = &result->content;
	code = understand(content, text, size, path, error);
	if (code < 0)
		stage_journal_content_free(&content);
	else
		*ret_content = content;
	return code;
}

int
stage_journal_parse(const char *bytes, size_t size, const char *path,
	struct stage_journal_content **ret_content, struct stage_error *error)
{
	char *text;

	if (size > STAGE_JOURNAL_MAX)
		return stage_journal_fail_damaged(path, "is too large", error);
	text = malloc(size + 1);
	if (!text)
		return stage_journal_fail_memory(path, error);
	if (size)
		memcpy(text, bytes, size);
	return parse_own(text, size, path, ret_content, error);
}

int
stage_journal_read_open(int dirfd, const char *path, int flags, int *ret_fd, uint64_t *ret_size,
	struct stage_error *error)
{
	struct stat stat;
	int code;

	code = stage_regular_open(dirfd, STAGE_JOURNAL_NAME, flags, ret_fd, &stat);
	if (code == STAGE_E_DAMAGED)
		return stage_journal_fail_damaged(path, "is not a regular file", error);
	if (code < 0)
		return stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot open %s/" STAGE_JOURNAL_NAME, path);
	*ret_size = (uint64_t)stat.st_size;
	return 0;
}

/* Reads up to size bytes: what is appended meanwhile was not there when the file was opened. */
static int
read_file(int fd, const char *path, size_t size, char **ret_text, size_t *ret_used,
	struct stage_error *error)
{
	char *text = malloc(size + 1);
	size_t used = 0;
	ssize_t got;

	if (!text)
		return stage_journal_fail_memory(path, error);
	while (used < size && (got = read(fd, text + used, size - used)) != 0) {
		if (got > 0) {
			used += (size_t)got;
		} else if (errno != EINTR) {
			int sys_errno = errno;

			free(text);
			return stage_error_set(error, STAGE_E_SYSTEM, sys_errno,
				"cannot read %s/" STAGE_JOURNAL_NAME, path);
		}
	}
	*ret_text = text;
	*ret_used = used;
	return 0;
}

int
stage_journal_read(int dirfd, const char *path, struct stage_journal_content **ret_content,
	struct stage_error *error)
{
	uint64_t size;
	size_t used = 0;
	char *text = NULL;
	int fd, code;

	code = stage_journal_read_open(dirfd, path, O_RDONLY, &fd, &size, error);
	if (code < 0)
		return code;
	if (size > STAGE_JOURNAL_MAX)
		code = stage_journal_fail_damaged(path, "is too large", error);
	else
		code = read_file(fd, path, (size_t)size, &text, &used, error);
	close(fd);
	if (code < 0)
		return code;
	return parse_own(text, used, path, ret_content, error);
}

void
stage_journal_content_free(struct stage_journal_content **content)
{
	int saved_errno = errno;
	struct understood *result = (struct understood *)*content;

	if (!result)
		return;
	free(result->content.list);
	free(result->text);
	free(result);
	*content = NULL;
	errno = saved_errno;
}
