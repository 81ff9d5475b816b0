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

/* Is there room for so many bytes more, with the mark that a torn line may need? */
static bool
has_room(const struct stage_journal *journal, size_t length, uint64_t size_max)
{
	return length <= size_max && journal->size <= size_max - length;
}

int
stage_journal_write(struct stage_journal *journal, const char *const *fields, uint64_t size_max,
	struct stage_error *error)
{
	const size_t room = stage_journal_format_room(fields);
	char *text, *end;
	size_t length;
	int code;

	if (journal->compact_at != STAGE_JOURNAL_NEVER &&
		(journal->size >= journal->compact_at || !has_room(journal, room, size_max)))
		stage_journal_compact(journal);
	text = end = malloc(room);
	if (!text)
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory for a record in %s", journal->path);
	if (journal->torn)
		end = stpcpy(end, STAGE_JOURNAL_TORN_MARK "\n");
	end = stage_journal_format_record(end, fields);
	length = (size_t)(end - text);
	if (!has_room(journal, length, size_max))
		code = stage_error_set(error, STAGE_E_SYSTEM, EFBIG,
			"cannot write to %s, which would be too large to be read", journal->path);
	else
		code = write_bytes(journal, text, length, error);
	free(text);
	return code;
}

struct stage_journal *
stage_journal_new(int dirfd, const char *path, bool durable)
{
	size_t room = strlen(path) + sizeof("/" STAGE_JOURNAL_NAME);
	struct stage_journal *journal = calloc(1, sizeof(*journal) + room);

	if (!journal)
		return NULL;
	snprintf(journal->path, room, "%s/" STAGE_JOURNAL_NAME, path);
	journal->fd = -1;
	journal->dirfd = dirfd;
	journal->durable = durable;
	journal->compact_at = STAGE_JOURNAL_NEVER;
	return journal;
}

int
stage_journal_begin(struct stage_journal *journal, const char *target, const char *home,
	struct stage_error *error)
{
	const char *const version[] = {"stagedir", STAGE_JOURNAL_VERSION, NULL};
	const char *const about[] = {"target", target, home, NULL};
	int code;

	/* the umask may have taken bits */
	if (fchmod(journal->fd, 0600) < 0)
		return stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot set the mode of %s", journal->path);
	code = stage_journal_write(journal, version, STAGE_JOURNAL_GROWTH_MAX, error);
	if (code == 0 && target)
		code = stage_journal_write(journal, about, STAGE_JOURNAL_GROWTH_MAX, error);
	return code;
}

int
stage_journal_create(int dirfd, const char *path, const struct stage_journal_about *about,
	bool durable, struct stage_journal **ret_journal, struct stage_error *error)
{
	struct stage_journal *journal = stage_journal_new(dirfd, path, durable);
	int code;

	if (!journal)
		return stage_journal_fail_memory(path, error);
	journal->fd = stage_regular_make(dirfd, STAGE_JOURNAL_NAME, O_WRONLY | O_APPEND);
	if (journal->fd < 0) {
		code = stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot make %s", journal->path);
	} else {
		code = stage_journal_begin(journal, about->target, about->home, error);
		if (code == 0 && durable &&
			(stage_durable_file(journal->fd) < 0 || stage_durable_folder(dirfd) < 0))
			code = stage_error_set(error, STAGE_E_SYSTEM, errno,
				"cannot make %s durable", journal->path);
		journal->compact_at = STAGE_JOURNAL_COMPACT_MIN;
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
	struct stage_journal *journal = stage_journal_new(dirfd, path, durable);
	int code;

	if (!journal)
		return stage_journal_fail_memory(path, error);
	journal->torn = content->needs_newline;
	/* what a damaged record told of is not known, and so stays told of */
	if (!content->damaged)
		journal->compact_at = STAGE_JOURNAL_COMPACT_MIN;
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
	if (!journal->durable)
		return 0;
	if (journal->unnamed && stage_durable_folder(journal->dirfd) == 0)
		journal->unnamed = false;
	/* otherwise a power cut may bring back the journal that was here before */
	if (!journal->unnamed && stage_durable_file(journal->fd) == 0)
		return 0;
	return stage_error_set(
		error, STAGE_E_SYSTEM, errno, "cannot make a record in %s durable", journal->path);
}

int
stage_journal_write_staged(struct stage_journal *journal, const struct stage_journal_record *record,
	struct stage_error *error)
{
	char size[NUMBER_MAX], sealed[NUMBER_MAX], sha256[STAGE_DIGEST_HEX];
	const char *const fields[] = {
		"staged", record->file, size, sha256, sealed, record->name, record->note, NULL};

	snprintf(size, sizeof(size), "%" PRIu64, record->digest.size);
	spell_seconds(sealed, record->sealed);
	stage_digest_to_hex(&record->digest, sha256);
	return stage_journal_write(journal, fields, STAGE_JOURNAL_GROWTH_MAX, error);
}

int
stage_journal_staged(struct stage_journal *journal, const struct stage_journal_record *record,
	struct stage_error *error)
{
	int code;

	code = check_file(record->file, error);
	if (code == 0)
		code = stage_journal_write_staged(journal, record, error);
	if (code < 0)
		return code;
	code = make_durable(journal, error);
	/* it can be read all the same: the caller, who is told that it failed, must be right */
	if (code < 0)
		stage_journal_forgotten(journal, record->file, NULL);
	return code;
}

int
stage_journal_write_failed(struct stage_journal *journal, const char *file, int64_t failed,
	unsigned int attempt, const char *message, struct stage_error *error)
{
	char seconds[NUMBER_MAX], number[NUMBER_MAX];
	const char *const fields[] = {"failed", file, seconds, number, message, NULL};

	spell_seconds(seconds, failed);
	snprintf(number, sizeof(number), "%u", attempt);
	return stage_journal_write(journal, fields, STAGE_JOURNAL_GROWTH_MAX, error);
}

int
stage_journal_failed(struct stage_journal *journal, const char *file, unsigned int attempt,
	const char *message, struct stage_error *error)
{
	int code;

	code = check_file(file, error);
	return code < 0 ? code
			: stage_journal_write_failed(
				  journal, file, (int64_t)time(NULL), attempt, message, error);
}

/* Records that a file does not wait any more. */
static int
end_file(struct stage_journal *journal, const char *type, const char *file,
	struct stage_error *error)
{
	const char *const fields[] = {type, file, NULL};
	int code;

	code = check_file(file, error);
	return code < 0 ? code : stage_journal_write(journal, fields, STAGE_JOURNAL_MAX, error);
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
stage_journal_write_stored(struct stage_journal *journal, const char *file, const char *name,
	const char *note, struct stage_error *error)
{
	const char *const fields[] = {"stored", file, name, note, NULL};

	return stage_journal_write(journal, fields, STAGE_JOURNAL_GROWTH_MAX, error);
}

int
stage_journal_stored(struct stage_journal *journal, const char *file, const char *name,
	const char *note, struct stage_error *error)
{
	int code;

	code = check_file(file, error);
	if (code == 0)
		code = stage_journal_write_stored(journal, file, name, note, error);
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
