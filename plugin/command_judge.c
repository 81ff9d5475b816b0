/*
 * A file that waits in a dead run's spool is of no use any more when the host's archive directory
 * does not know it as it is (partial.h), when its content has changed, or when it is behind one whose
 * content has: volumes are handed off in order, and the backup that the host goes on with ends
 * before the first that is missing. That something could not be found out is no reason to remove
 * anything.
 */
#include "command.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "partial.h"

/* Closing a spool removes what was never sealed in it. A dry run must not, and leaves that to the
 * end of the process. */
static struct stage_spool **not_closed;
static size_t not_closed_count;

static void
leave_open(struct stage_spool *spool)
{
	not_closed =
		command_memory(reallocarray(not_closed, not_closed_count + 1, sizeof(*not_closed)));
	not_closed[not_closed_count++] = spool;
}

static void
take_line(void *context, enum stage_level level, const char *line)
{
	(void)context;
	if (level == STAGE_WARNING)
		command_problem("%s", line);
}

/* That nothing can be told of a file leaves it, and is a problem. */
static void
leave(struct command_judged *judged, struct command_verdict *verdict,
	const struct stage_error *error)
{
	command_problem("%s: %s", verdict->path, error->message);
	verdict->waits = false;
	verdict->removed = false;
	free(verdict->reason);
	verdict->reason = command_memory(strdup(error->message));
	judged->left++;
}

static void
condemn(struct command_verdict *verdict, const char *reason)
{
	verdict->removed = true;
	verdict->waits = false;
	verdict->reason = command_memory(strdup(reason));
}

/* Judges a file by itself. Lowers *hole to its volume where its content is damaged. */
static void
judge_file(struct command_judged *judged, struct stage_spool *spool,
	const struct stage_spool_file *file, struct command_verdict *verdict, unsigned long *hole)
{
	struct stage_error error;
	unsigned long volume;
	int code;

	switch (command_can_resume(judged->spool->home, file->note, &error)) {
	case COMMAND_USELESS:
		condemn(verdict, error.message);
		return;
	case COMMAND_UNKNOWN:
		leave(judged, verdict, &error);
		return;
	case COMMAND_RESUMABLE:
		break;
	}
	code = stage_spool_check(spool, file, &error);
	if (code == STAGE_E_DAMAGED) {
		condemn(verdict, error.message);
		if (partial_note_volume(file->note, &volume) && volume < *hole)
			*hole = volume;
	} else if (code < 0) {
		leave(judged, verdict, &error);
	} else {
		verdict->waits = true;
	}
}

/* Condemns what waits behind a hole. */
static void
judge_order(
	struct command_verdict *verdict, const struct stage_spool_file *file, unsigned long hole)
{
	unsigned long volume;
	char reason[128];

	if (!verdict->waits || !partial_note_volume(file->note, &volume) || volume <= hole)
		return;
	snprintf(reason, sizeof(reason),
		"volume %lu is damaged, and without it volume %lu cannot be handed off", hole,
		volume);
	condemn(verdict, reason);
}

static void
judge_files(struct command_judged *judged, struct stage_spool *spool)
{
	struct stage_spool_file *const files = stage_spool_files(spool), *file;
	unsigned long hole = ULONG_MAX;
	size_t i;

	for (file = files; file; file = file->next)
		judged->count++;
	judged->list = command_memory(calloc(judged->count + 1, sizeof(*judged->list)));
	for (file = files, i = 0; file; file = file->next, i++) {
		judged->list[i].path = command_memory(strdup(file->path));
		judged->list[i].name = command_memory(strdup(file->name));
		judged->list[i].size = file->size;
		judge_file(judged, spool, file, &judged->list[i], &hole);
	}
	for (file = files, i = 0; file; file = file->next, i++)
		judge_order(&judged->list[i], file, hole);
}

/* Removes what was condemned; the last ones first, so that never one waits behind a hole. */
static void
remove_files(struct command_judged *judged, struct stage_spool *spool)
{
	struct stage_spool_file **files = command_memory(calloc(judged->count + 1, sizeof(*files)));
	struct stage_spool_file *file;
	struct stage_error error;
	size_t i = 0;

	for (file = stage_spool_files(spool); file; file = file->next)
		files[i++] = file;
	while (i-- > 0)
		if (judged->list[i].removed && stage_spool_forget(spool, &files[i], &error) < 0)
			leave(judged, &judged->list[i], &error);
	free(files);
}

static void
add_up(struct command_judged *judged)
{
	size_t i;

	for (i = 0; i < judged->count; i++) {
		const struct command_verdict *verdict = &judged->list[i];

		judged->removed += verdict->removed;
		judged->removed_bytes += verdict->removed ? verdict->size : 0;
		judged->waiting += verdict->waits;
		judged->waiting_bytes += verdict->waits ? verdict->size : 0;
	}
}

void
command_judge(
	const struct stage_spool_found *found, bool dry_run, struct command_judged *ret_judged)
{
	const struct stage_log log = {.write = take_line};
	struct stage_spool *spool;
	struct stage_error error;
	int code;

	*ret_judged = (struct command_judged){.spool = found};
	code = stage_spool_adopt(found->path, true, &log, &spool, &error);
	if (code == STAGE_E_BUSY || (code == STAGE_E_SYSTEM && error.sys_errno == ENOENT))
		return;
	if (code < 0) {
		command_problem("nobody can tell what waits in %s: %s", found->path, error.message);
		ret_judged->left++;
		return;
	}
	judge_files(ret_judged, spool);
	if (dry_run) {
		leave_open(spool);
	} else {
		remove_files(ret_judged, spool);
		stage_spool_close(&spool);
	}
	add_up(ret_judged);
}

void
command_judged_free(struct command_judged *judged)
{
	size_t i;

	for (i = 0; i < judged->count; i++) {
		free(judged->list[i].path);
		free(judged->list[i].name);
		free(judged->list[i].reason);
	}
	free(judged->list);
	*judged = (struct command_judged){0};
}
