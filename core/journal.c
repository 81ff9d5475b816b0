/*
 * Reading: the whole file is in memory and is understood in place. A field is decoded where it
 * stands, which only makes it shorter, and ends where its separator was; the strings of the content
 * are those. What waits is found by the name of its file in a table of indices into the list. How
 * many records there can be follows from the size, so nothing grows on the way.
 *
 * Writing: a record that fails may be in the file in part - or whole, but for its newline. So that
 * it never counts, the next record is written behind a mark that spoils the line and ends it.
 */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "durable.h"
#include "naming.h"

#define VERSION_NUMBER "1"
#define CRC_DIGITS 8
#define FIELDS_MAX 6
#define NUMBER_MAX 21 /* bytes of a number of 64 bits with its NUL */

/*
 * What a torn line ends in once another record has been written behind it. No record can end so,
 * nor one in which a single byte was damaged.
 */
#define TORN_MARK "%%%"

/*
 * Other records than those of forgotten files are refused where they would make the file larger: so
 * there is room for these (each is less than half of that of the staged file), and the whole can
 * always be read.
 */
#define GROWTH_MAX (STAGE_JOURNAL_MAX / 2)

/* Bytes of the shortest record of a staged file */
#define STAGED_MIN                                                                                 \
	(sizeof("crc32... staged mktemp-abcdefghijklm-1 0 "                                        \
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef 0 % %\n") -      \
		1)

struct stage_journal {
	int fd;
	bool durable;
	bool torn;     /* the file may not end in a newline */
	uint64_t size; /* of the file */
	char path[];   /* of the file, for messages */
};

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
	bool aimed;   /* a target */
};

static void
spell_crc(char out[CRC_DIGITS], const char *text, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	unsigned long crc = crc32_z(0, (const unsigned char *)text, length);
	int i;

	for (i = CRC_DIGITS - 1; i >= 0; i--, crc >>= 4)
		out[i] = digits[crc & 15];
}

/* The value of a hexadecimal digit in this spelling, or -1. */
static int
digit_value(const char *digits, char digit)
{
	const char *found = digit ? strchr(digits, digit) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* Decodes a field in place and ends it with a NUL, at stop at the latest. */
static bool
decode(char *field, const char *stop)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *in = field;
	char *out = field;

	if (in == stop)
		return false;
	if (stop - in == 1 && *in == '%')
		in = stop;
	while (in < stop) {
		unsigned char byte = (unsigned char)*in++;

		if (byte == '%') {
			int high = stop - in < 2 ? -1 : digit_value(digits, in[0]);
			int low = high < 0 ? -1 : digit_value(digits, in[1]);

			/* a NUL would end the string before its end */
			if (low < 0 || high + low == 0)
				return false;
			byte = (unsigned char)(high << 4 | low);
			in += 2;
		} else if (byte <= ' ' || byte >= 0x7f) {
			return false;
		}
		*out++ = (char)byte;
	}
	*out = '\0';
	return true;
}

/* The next field of a line, decoded; NULL where there is none or it is wrong. */
static char *
take_field(char **next, char *end)
{
	char *field = *next, *stop;

	if (!field)
		return NULL;
	stop = memchr(field, ' ', (size_t)(end - field));
	*next = stop ? stop + 1 : NULL;
	return decode(field, stop ? stop : end) ? field : NULL;
}

/* A decimal number as it is written, and no other spelling of it. */
static bool
take_number(const char *text, uint64_t most, uint64_t *ret_number)
{
	uint64_t number = 0, digit;

	if (!*text || (*text == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		digit = (uint64_t)(*text - '0');
		if (number > (most - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*ret_number = number;
	return true;
}

static bool
take_sha256(const char *text, unsigned char ret_sha256[STAGE_DIGEST_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	if (strlen(text) != 2 * STAGE_DIGEST_BYTES || text[strspn(text, digits)])
		return false;
	for (i = 0; i < STAGE_DIGEST_BYTES; i++)
		ret_sha256[i] = (unsigned char)(digit_value(digits, text[2 * i]) << 4 |
						digit_value(digits, text[2 * i + 1]));
	return true;
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
	bool known = strcmp(fields[0], VERSION_NUMBER) == 0, again = parser->begun;

	if (known)
		parser->begun = true;
	else
		parser->foreign = true;
	return known && !again;
}

static bool
take_target(struct parser *parser, char **fields)
{
	if (parser->aimed)
		return false;
	parser->content->target = fields[0];
	parser->content->home = fields[1];
	parser->aimed = true;
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
		!take_number(fields[1], UINT64_MAX, &record.digest.size) ||
		!take_sha256(fields[2], record.digest.sha256) ||
		!take_number(fields[3], INT64_MAX, &sealed) || find_waiting(parser, record.file))
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

	if (!stage_naming_is_file(fields[0]) || !take_number(fields[1], INT64_MAX, &seconds) ||
		!take_number(fields[2], UINT_MAX, &attempt))
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
	char *fields[FIELDS_MAX], *next = text, *type = take_field(&next, end);
	size_t kind, i;

	for (kind = 0; type && kind < KINDS && strcmp(kinds[kind].name, type) != 0; kind++)
		;
	if (!type || kind == KINDS)
		return false;
	for (i = 0; i < kinds[kind].fields; i++) {
		fields[i] = take_field(&next, end);
		if (!fields[i])
			return false;
	}
	return !next && kinds[kind].take(parser, fields);
}

/* Was what lacks a newline a whole record, whose newline has become another byte? */
static bool
has_lost_newline(const char *line, const char *end)
{
	size_t length = (size_t)(end - line);
	char crc[CRC_DIGITS];

	if (length <= CRC_DIGITS + 2 || line[CRC_DIGITS] != ' ')
		return false;
	spell_crc(crc, line + CRC_DIGITS + 1, length - CRC_DIGITS - 2);
	return memcmp(crc, line, CRC_DIGITS) == 0;
}

/* A line without its newline. False: it is damaged. */
static bool
take_line(struct parser *parser, char *line, char *end)
{
	const size_t mark = strlen(TORN_MARK);
	size_t length = (size_t)(end - line);
	char crc[CRC_DIGITS];

	if (length == 0)
		return true;
	if (length >= mark && memcmp(end - mark, TORN_MARK, mark) == 0)
		return !has_lost_newline(line, end - mark);
	if (length <= CRC_DIGITS + 1 || line[CRC_DIGITS] != ' ')
		return false;
	spell_crc(crc, line + CRC_DIGITS + 1, length - CRC_DIGITS - 1);
	return memcmp(crc, line, CRC_DIGITS) == 0 &&
	       take_record(parser, line + CRC_DIGITS + 1, end);
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
	if (content->torn && has_lost_newline(line, end))
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

static int
fail_memory(const char *path, struct stage_error *error)
{
	return stage_error_set(
		error, STAGE_E_MEMORY, 0, "no memory for %s/" STAGE_JOURNAL_NAME, path);
}

static int
fail_damaged(const char *path, const char *why, struct stage_error *error)
{
	return stage_error_set(
		error, STAGE_E_DAMAGED, 0, "%s/" STAGE_JOURNAL_NAME " %s", path, why);
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
		code = fail_memory(path, error);
	} else {
		take_lines(&parser, text, size);
		drop_forgotten(content);
		if (parser.foreign && !parser.begun)
			code = fail_damaged(path, "is of a version that is not known here", error);
		else if (!parser.begun)
			code = fail_damaged(path, "does not begin as a journal does", error);
	}
	free(parser.slots);
	return code;
}

/* The same, and takes text over. */
static int
understand_own(char *text, size_t size, const char *path,
	struct stage_journal_content **ret_content, struct stage_error *error)
{
	struct understood *result = calloc(1, sizeof(*result));
	struct stage_journal_content *content;
	int code;

	if (!result) {
		free(text);
		return fail_memory(path, error);
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
		return fail_damaged(path, "is too large", error);
	text = malloc(size + 1);
	if (!text)
		return fail_memory(path, error);
	if (size)
		memcpy(text, bytes, size);
	return understand_own(text, size, path, ret_content, error);
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

/* Opens the journal in dirfd; whatever else bears its name is neither waited for nor followed. */
static int
open_file(int dirfd, const char *path, int flags, int *ret_fd, uint64_t *ret_size,
	struct stage_error *error)
{
	struct stat stat;
	int fd, code;

	fd = openat(
		dirfd, STAGE_JOURNAL_NAME, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && (errno == ELOOP || errno == ENXIO || errno == EISDIR))
		return fail_damaged(path, "is not a regular file", error);
	if (fd < 0 || fstat(fd, &stat) < 0)
		code = stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot open %s/" STAGE_JOURNAL_NAME, path);
	else if (!S_ISREG(stat.st_mode))
		code = fail_damaged(path, "is not a regular file", error);
	else
		code = 0;
	if (code == 0) {
		*ret_fd = fd;
		*ret_size = (uint64_t)stat.st_size;
	} else if (fd >= 0) {
		close(fd);
	}
	return code;
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
		return fail_memory(path, error);
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

	code = open_file(dirfd, path, O_RDONLY, &fd, &size, error);
	if (code < 0)
		return code;
	if (size > STAGE_JOURNAL_MAX)
		code = fail_damaged(path, "is too large", error);
	else
		code = read_file(fd, path, (size_t)size, &text, &used, error);
	close(fd);
	if (code < 0)
		return code;
	return understand_own(text, used, path, ret_content, error);
}

/* Writes a blank and the field; three bytes for each of it and two more are enough. */
static char *
spell_field(char *out, const char *field)
{
	static const char digits[] = "0123456789ABCDEF";

	*out++ = ' ';
	if (!*field)
		*out++ = '%';
	for (; *field; field++) {
		unsigned char byte = (unsigned char)*field;

		if (byte > ' ' && byte < 0x7f && byte != '%') {
			*out++ = *field;
		} else {
			*out++ = '%';
			*out++ = digits[byte >> 4];
			*out++ = digits[byte & 15];
		}
	}
	return out;
}

/* Writes the record of these fields, the last of which is NULL, as a line. */
static char *
spell_record(char *out, const char *const *fields)
{
	char *text = out + CRC_DIGITS + 1, *end = out + CRC_DIGITS;

	for (; *fields; fields++)
		end = spell_field(end, *fields);
	spell_crc(out, text, (size_t)(end - text));
	*end++ = '\n';
	return end;
}

static size_t
room_for(const char *const *fields)
{
	size_t room = strlen(TORN_MARK "\n") + CRC_DIGITS + 1;

	for (; *fields; fields++)
		room += 3 * strlen(*fields) + 2;
	return room;
}

static int
write_bytes(
	struct stage_journal *journal, const char *bytes, size_t length, struct stage_error *error)
{
	ssize_t written;
	int sys_errno;

	do
		written = write(journal->fd, bytes, length);
	while (written < 0 && errno == EINTR);
	/* that less was written has no errno: want of room is why it happens to a file */
	sys_errno = written < 0 ? errno : ENOSPC;
	if (written > 0)
		journal->size += (uint64_t)written;
	journal->torn = written != (ssize_t)length;
	if (journal->torn)
		return stage_error_set(
			error, STAGE_E_SYSTEM, sys_errno, "cannot write to %s", journal->path);
	return 0;
}

static int
write_record(struct stage_journal *journal, const char *const *fields, uint64_t size_max,
	struct stage_error *error)
{
	char *text = malloc(room_for(fields)), *end = text;
	size_t length;
	int code;

	if (!text)
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory for a record in %s", journal->path);
	if (journal->torn)
		end = stpcpy(end, TORN_MARK "\n");
	end = spell_record(end, fields);
	length = (size_t)(end - text);
	if (length > size_max || journal->size > size_max - length)
		code = stage_error_set(error, STAGE_E_SYSTEM, EFBIG,
			"cannot write to %s, which would be too large to be read", journal->path);
	else
		code = write_bytes(journal, text, length, error);
	free(text);
	return code;
}

static struct stage_journal *
new_journal(const char *path, bool durable)
{
	size_t room = strlen(path) + sizeof("/" STAGE_JOURNAL_NAME);
	struct stage_journal *journal = calloc(1, sizeof(*journal) + room);

	if (!journal)
		return NULL;
	snprintf(journal->path, room, "%s/" STAGE_JOURNAL_NAME, path);
	journal->fd = -1;
	journal->durable = durable;
	return journal;
}

/* What a new journal begins with. */
static int
begin(struct stage_journal *journal, int dirfd, const struct stage_journal_about *about,
	struct stage_error *error)
{
	const char *const version[] = {"stagedir", VERSION_NUMBER, NULL};
	const char *const target[] = {"target", about->target, about->home, NULL};
	int code;

	/* the umask may have taken bits */
	if (fchmod(journal->fd, 0600) < 0)
		return stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot set the mode of %s", journal->path);
	code = write_record(journal, version, GROWTH_MAX, error);
	if (code == 0)
		code = write_record(journal, target, GROWTH_MAX, error);
	if (code == 0 && journal->durable &&
		(stage_durable_file(journal->fd) < 0 || stage_durable_folder(dirfd) < 0))
		code = stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot make %s durable", journal->path);
	return code;
}

int
stage_journal_create(int dirfd, const char *path, const struct stage_journal_about *about,
	bool durable, struct stage_journal **ret_journal, struct stage_error *error)
{
	struct stage_journal *journal = new_journal(path, durable);
	int code;

	if (!journal)
		return fail_memory(path, error);
	journal->fd = openat(dirfd, STAGE_JOURNAL_NAME,
		O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (journal->fd < 0) {
		code = stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot make %s", journal->path);
	} else {
		code = begin(journal, dirfd, about, error);
		if (code < 0)
			unlinkat(dirfd, STAGE_JOURNAL_NAME, 0);
	}
	if (code < 0)
		stage_journal_close(&journal);
	else
		*ret_journal = journal;
	return code;
}

int
stage_journal_append(int dirfd, const char *path, const struct stage_journal_content *content,
	bool durable, struct stage_journal **ret_journal, struct stage_error *error)
{
	struct stage_journal *journal = new_journal(path, durable);
	int code;

	if (!journal)
		return fail_memory(path, error);
	journal->torn = content->needs_newline;
	code = open_file(dirfd, path, O_WRONLY | O_APPEND, &journal->fd, &journal->size, error);
	if (code < 0)
		stage_journal_close(&journal);
	else
		*ret_journal = journal;
	return code;
}

/* A record of any other file would count as damage when it is read. */
static int
check_file(const char *file, struct stage_error *error)
{
	if (stage_naming_is_file(file))
		return 0;
	return stage_error_set(
		error, STAGE_E_ARGUMENT, 0, "\"%s\" is no name of a staged file", file);
}

/* A clock that was never set may stand before 1970. */
static void
spell_seconds(char out[NUMBER_MAX], int64_t seconds)
{
	snprintf(out, NUMBER_MAX, "%" PRId64, seconds < 0 ? 0 : seconds);
}

static int
make_durable(struct stage_journal *journal, struct stage_error *error)
{
	if (!journal->durable || stage_durable_file(journal->fd) == 0)
		return 0;
	return stage_error_set(
		error, STAGE_E_SYSTEM, errno, "cannot make a record in %s durable", journal->path);
}

int
stage_journal_staged(struct stage_journal *journal, const struct stage_journal_record *record,
	struct stage_error *error)
{
	char size[NUMBER_MAX], sealed[NUMBER_MAX], sha256[STAGE_DIGEST_HEX];
	const char *const fields[] = {
		"staged", record->file, size, sha256, sealed, record->name, record->note, NULL};
	int code;

	code = check_file(record->file, error);
	if (code < 0)
		return code;
	snprintf(size, sizeof(size), "%" PRIu64, record->digest.size);
	spell_seconds(sealed, record->sealed);
	stage_digest_to_hex(&record->digest, sha256);
	code = write_record(journal, fields, GROWTH_MAX, error);
	if (code < 0)
		return code;
	code = make_durable(journal, error);
	/* it can be read all the same: the caller, who is told that it failed, must be right */
	if (code < 0)
		stage_journal_forgotten(journal, record->file, NULL);
	return code;
}

int
stage_journal_failed(struct stage_journal *journal, const char *file, unsigned int attempt,
	const char *message, struct stage_error *error)
{
	char seconds[NUMBER_MAX], number[NUMBER_MAX];
	const char *const fields[] = {"failed", file, seconds, number, message, NULL};
	int code;

	code = check_file(file, error);
	if (code < 0)
		return code;
	spell_seconds(seconds, time(NULL));
	snprintf(number, sizeof(number), "%u", attempt);
	return write_record(journal, fields, GROWTH_MAX, error);
}

/* Records that a file does not wait any more. */
static int
end_file(struct stage_journal *journal, const char *type, const char *file,
	struct stage_error *error)
{
	const char *const fields[] = {type, file, NULL};
	int code;

	code = check_file(file, error);
	return code < 0 ? code : write_record(journal, fields, STAGE_JOURNAL_MAX, error);
}

int
stage_journal_confirmed(struct stage_journal *journal, const char *file, struct stage_error *error)
{
	int code;

	code = end_file(journal, "confirmed", file, error);
	/* the file is removed next: were that on disk alone, nothing would tell that storage has it */
	return code < 0 ? code : make_durable(journal, error);
}

int
stage_journal_stored(struct stage_journal *journal, const char *file, const char *name,
	const char *note, struct stage_error *error)
{
	const char *const fields[] = {"stored", file, name, note, NULL};
	int code;

	code = check_file(file, error);
	if (code == 0)
		code = write_record(journal, fields, GROWTH_MAX, error);
	return code < 0 ? code : make_durable(journal, error);
}

int
stage_journal_forgotten(struct stage_journal *journal, const char *file, struct stage_error *error)
{
	return end_file(journal, "forgotten", file, error);
}

void
stage_journal_close(struct stage_journal **journal)
{
	int saved_errno = errno;

	if (!*journal)
		return;
	if ((*journal)->fd >= 0)
		close((*journal)->fd);
	free(*journal);
	*journal = NULL;
	errno = saved_errno;
}
