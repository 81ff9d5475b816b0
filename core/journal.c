/*
 * A record that fails may be in the file in part - or whole, but for its newline. So that it never
 * counts, the next record is written behind a mark that spoils the line and ends it.
 */
#include "journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "durable.h"
#include "journal_format.h"
#include "naming.h"
#include "regular.h"

#define NUMBER_MAX 21 /* bytes of a number of 64 bits with its NUL */

/*
 * Beyond this size only records that a file is forgotten are written. Such a record is less than half as long
 * as that of its staged file. So there is room for all of them, and the whole can always be read.
 */
#define GROWTH_MAX (STAGE_JOURNAL_MAX / 2)

struct stage_journal {
	int fd;
	bool durable;
	bool torn;     /* the file may not end in a newline */
	uint64_t size; /* of the file */
	char path[];   /* of the file, for messages */
};

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
	char *text = malloc(stage_journal_format_room(fields)), *end = text;
	size_t length;
	int code;

	if (!text)
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory for a record in %s", journal->path);
	if (journal->torn)
		end = stpcpy(end, STAGE_JOURNAL_TORN_MARK "\n");
	end = stage_journal_format_record(end, fields);
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
	const char *const version[] = {"stagedir", STAGE_JOURNAL_VERSION, NULL};
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
		return stage_journal_fail_memory(path, error);
	journal->fd = stage_regular_make(dirfd, STAGE_JOURNAL_NAME, O_WRONLY | O_APPEND);
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
		return stage_journal_fail_memory(path, error);
	journal->torn = content->needs_newline;
	code = stage_journal_read_open(
		dirfd, path, O_WRONLY | O_APPEND, &journal->fd, &journal->size, error);
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
