/*
 * The record that a file is confirmed or forgotten is written before the file is removed: a crash between
 * the two leaves a file that nothing tells of, which is removed like any that was never sealed. Only where
 * a full disk has no room for the record, it is written when the file is gone.
 */
#include "spool_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "spool_item.h"
#include "url.h"

void
stage_spool_note_failure(struct stage_spool *spool, const struct stage_spool_file *file,
	unsigned int attempt, const char *message)
{
	char *shown;

	if (!file->sealed || stage_url_display_all(message, &shown, NULL) < 0)
		return;
	pthread_mutex_lock(&spool->recording);
	stage_journal_failed(spool->journal, stage_spool_item_base(file), attempt, shown, NULL);
	pthread_mutex_unlock(&spool->recording);
	free(shown);
}

typedef int (*recorder)(struct stage_journal *journal, const struct stage_spool_file *file,
	struct stage_error *error);

static int
record_confirmed(struct stage_journal *journal, const struct stage_spool_file *file,
	struct stage_error *error)
{
	return file->sealed ? stage_journal_confirmed(journal, stage_spool_item_base(file), error)
			    : stage_journal_stored(journal, stage_spool_item_base(file), file->name,
				      file->note, error);
}

/* Of one that was never sealed nothing is told. */
static int
record_forgotten(struct stage_journal *journal, const struct stage_spool_file *file,
	struct stage_error *error)
{
	return file->sealed ? stage_journal_forgotten(journal, stage_spool_item_base(file), error)
			    : 0;
}

/* Records that a file does not wait any more. */
static int
record_end(struct stage_spool *spool, struct stage_spool_file *file, recorder record,
	struct stage_error *error)
{
	int code;

	pthread_mutex_lock(&spool->recording);
	code = record(spool->journal, file, error);
	pthread_mutex_unlock(&spool->recording);
	if (code == 0)
		file->sealed = false;
	return code;
}

/* The same once the file is gone: a disk that was full before may have room for the record now. */
static void
record_after(struct stage_spool *spool, struct stage_spool_file *file, recorder record)
{
	struct stage_error error;

	/* a later run that reads no such record finds no file either: only that storage has it is news */
	if (record_end(spool, file, record, &error) < 0 && record == record_confirmed)
		stage_log_line(&spool->log, STAGE_WARNING,
			"storage has %s, but a run after a crash would not know it, and make again what is staged behind it: %s",
			file->name, error.message);
}

void
stage_spool_end_lost(struct stage_spool *spool, struct stage_spool_file *file)
{
	record_end(spool, file, record_forgotten, NULL);
	file->sealed = false; /* even where that cannot be recorded: close removes it */
}

static bool
unlink_from(struct stage_spool_file **link, const struct stage_spool_file *file)
{
	for (; *link && *link != file; link = &(*link)->next)
		;
	if (!*link)
		return false;
	*link = file->next;
	return true;
}

static void
take_out(struct stage_spool *spool, const struct stage_spool_file *file)
{
	pthread_mutex_lock(&spool->lock);
	if (!unlink_from(&spool->files, file))
		unlink_from(&spool->unlisted, file);
	pthread_mutex_unlock(&spool->lock);
}

static int
remove_file(struct stage_spool *spool, struct stage_spool_file **file, recorder record,
	struct stage_error *error)
{
	const bool sealed = (*file)->sealed;
	bool recorded;
	int failed = 0, code = stage_spool_check_ours(spool, error);

	if (code < 0)
		return code;
	recorded = sealed && record_end(spool, *file, record, NULL) == 0;
	/* FUSE and NFS keep what is open under another name */
	stage_spool_seal_let_go(spool, stage_spool_item_of(*file));
	if (unlinkat(spool->held.fd, stage_spool_item_base(*file), 0) < 0 && errno != ENOENT)
		failed = errno;
	if (!recorded)
		record_after(spool, *file, record);
	if (failed)
		return stage_error_set(error, STAGE_E_SYSTEM, failed,
			"cannot remove the staged file %s", (*file)->path);
	take_out(spool, *file);
	stage_spool_item_free(*file);
	*file = NULL;
	return 0;
}

int
stage_spool_confirm(
	struct stage_spool *spool, struct stage_spool_file **file, struct stage_error *error)
{
	return remove_file(spool, file, record_confirmed, error);
}

int
stage_spool_forget(
	struct stage_spool *spool, struct stage_spool_file **file, struct stage_error *error)
{
	return remove_file(spool, file, record_forgotten, error);
}
