/*
 * The thread that seals. A file that could not be sealed since the disk is full (ENOSPC, EDQUOT) is handed
 * off all the same, with a warning: that may free space. Only as long as files are handed off, and only if
 * its content is there (stage_spool_check_written() in spool_check.c). Any other failure fails the queue.
 */
#include "handoff_internal.h"

#include <pthread.h>
#include <stdbool.h>

#include "durable.h"

static bool
still_open(struct stage_handoff *handoff)
{
	bool open;

	pthread_mutex_lock(&handoff->lock);
	open = stage_handoff_is_open(handoff);
	pthread_mutex_unlock(&handoff->lock);
	return open;
}

static bool
is_full_disk(const struct stage_error *error)
{
	return error->code == STAGE_E_SYSTEM && stage_durable_is_full(error->sys_errno);
}

/*
 * Without the lock. Seals a file, or finds that it may be handed off all the same: a full disk is a
 * reason to hand off, as long as that is done, and what was written is there.
 */
static int
seal(struct stage_handoff *handoff, const struct stage_handoff_item *item, bool *ret_only_now,
	struct stage_error *error)
{
	struct stage_spool_file *file = item->file;
	int code;

	*ret_only_now = false;
	if (file->sealed) /* in a run that is dead now */
		return 0;
	code = stage_spool_seal(item->spool, file, error);
	if (code == 0) {
		stage_log_line(
			&handoff->log, STAGE_DEBUG, "Staged %s in %s", file->name, file->path);
		stage_handoff_tell(handoff, STAGE_HANDOFF_SEALED, item, 0, NULL);
		return 0;
	}
	stage_log_line(&handoff->log, STAGE_WARNING,
		"%s is not staged, it would not survive an end of this run: %s", file->name,
		error->message);
	if (is_full_disk(error) && still_open(handoff)) {
		code = stage_spool_check_written(item->spool, file, error);
		*ret_only_now = code == 0;
	}
	return code;
}

void *
stage_handoff_seal(void *context)
{
	struct stage_handoff *handoff = context;
	struct stage_error error;
	struct stage_handoff_item *item;
	bool only_now;
	int code;

	pthread_mutex_lock(&handoff->lock);
	for (;;) {
		while (!handoff->to_seal && !handoff->stopped)
			pthread_cond_wait(&handoff->sealing, &handoff->lock);
		item = handoff->to_seal;
		if (!item)
			break;
		pthread_mutex_unlock(&handoff->lock);
		code = seal(handoff, item, &only_now, &error);
		pthread_mutex_lock(&handoff->lock);
		handoff->to_seal = item->next;
		if (code == 0 && (!only_now || stage_handoff_is_open(handoff))) {
			item->ready = true;
			pthread_cond_signal(&handoff->uploading);
		} else {
			stage_handoff_fail(handoff, &error);
		}
	}
	stage_handoff_end_thread(handoff);
	return NULL;
}
