/*
 * In this order: the journal is read; what still tells something is written to a file beside it; that is on
 * disk, whether or not records wait for the disk; it takes the name of the journal; the name is on disk. A
 * crash at any moment leaves the old journal or the new one, which tell the same.
 *
 * Until the name is on disk, a power cut may bring the old one back. So no record counts as durable before
 * (make_durable() in journal.c).
 *
 * The file beside the journal has a name like a temporary file's (naming.h). If a crash leaves it, it is
 * removed with all else that was never sealed, by any version.
 */
#include "journal_internal.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "durable.h"
#include "regular.h"

/* Writes what still tells something. "stored" comes first, as it would end a later file of the same name. */
static int
write_content(struct stage_journal *fresh, const struct stage_journal_content *content)
{
	size_t i;
	int code;

	code = stage_journal_begin(
		fresh, content->has_target ? content->target : NULL, content->home, NULL);
	if (code == 0 && content->confirmed_name)
		code = stage_journal_write_stored(fresh, content->confirmed_file,
			content->confirmed_name, content->confirmed_note, NULL);
	for (i = 0; code == 0 && i < content->count; i++) {
		const struct stage_journal_record *record = &content->list[i];

		code = stage_journal_write_staged(fresh, record, NULL);
		if (code == 0 && (record->attempts || record->failed || *record->failure))
			code = stage_journal_write_failed(fresh, record->file, record->failed,
				record->attempts, record->failure, NULL);
	}
	return code;
}

/*
 * A file server may have done what it says it has not, since its answer was lost: then records must not go on
 * to be written to the old file, which no run would find.
 */
static bool
has_name(const struct stage_journal *fresh)
{
	struct stat ours, named;

	return fstat(fresh->fd, &ours) == 0 &&
	       fstatat(fresh->dirfd, STAGE_JOURNAL_NAME, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

/* Writes the new file, has it on disk, and gives it the name of the journal. On failure there is none. */
static bool
put_in_place(
	struct stage_journal *fresh, const struct stage_journal_content *content, const char *name)
{
	fresh->fd = stage_regular_make(fresh->dirfd, name, O_WRONLY | O_APPEND);
	if (fresh->fd < 0)
		return false;
	if (write_content(fresh, content) == 0 && stage_durable_file(fresh->fd) == 0 &&
		(renameat(fresh->dirfd, name, fresh->dirfd, STAGE_JOURNAL_NAME) == 0 ||
			has_name(fresh)))
		return true;
	unlinkat(fresh->dirfd, name, 0);
	return false;
}

/* Goes on with the new file. */
static void
take_over(struct stage_journal *journal, struct stage_journal *fresh)
{
	int old = journal->fd;

	journal->fd = fresh->fd;
	fresh->fd = -1;
	journal->size = fresh->size;
	journal->torn = false;
	journal->unnamed = journal->durable && stage_durable_folder(journal->dirfd) < 0;
	/* last: FUSE and NFS keep what is open under another name, until then */
	close(old);
}

void
stage_journal_compact(struct stage_journal *journal)
{
	struct stage_journal *fresh = stage_journal_new(journal->dirfd, "", false);
	struct stage_journal_content *content = NULL;
	char name[STAGE_FILE_NAME_MAX];
	bool done = false;

	if (fresh && stage_journal_read(journal->dirfd, "", &content, NULL) == 0 &&
		!content->damaged &&
		stage_naming_file(STAGE_MKSTEMP, &journal->random, ++journal->given, name, NULL) ==
			0 &&
		put_in_place(fresh, content, name)) {
		take_over(journal, fresh);
		done = true;
	}
	/* what was saved pays for the reading and the writing; after a failure it is tried again later */
	journal->compact_at = journal->size + (done && journal->size > STAGE_JOURNAL_COMPACT_MIN
							      ? journal->size
							      : STAGE_JOURNAL_COMPACT_MIN);
	if (content && content->damaged)
		journal->compact_at = STAGE_JOURNAL_NEVER;
	stage_journal_content_free(&content);
	stage_journal_close(&fresh);
}
