/*
 * A file that waits in a dead run's spool is useless if
 *	- the host's archive directory does not have it as it is (duplicity/manifest.h);
 *	- its content has changed;
 *	- it is behind a volume whose content has changed: volumes are handed off in order, and the backup
 *	  ends before the first one that is missing;
 *	- its record is damaged: without a name nobody can hand it off. Such files are removed here alone.
 * If something cannot be found out, nothing is removed. Who else judges: duplicity/stored.h.
 */
#include "command/command.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "duplicity/manifest.h"

/* What there is to say of the files is in the verdicts: only what is left beside them is told. */
static void
take_line(void *context, enum stage_level level, const char *line)
{
	const bool *closing = context;

	if (level == STAGE_WARNING && *closing)
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

	switch (command_can_resume(judged->spool, file->note, &error)) {
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
		if (manifest_note_volume(file->note, &volume) && volume < *hole)
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

	if (!verdict->waits || !manifest_note_volume(file->note, &volume) || volume <= hole)
		return;
	snprintf(reason, sizeof(reason),
		"volume %lu is damaged, and without it volume %lu cannot be handed off", hole,
		volume);
	condemn(verdict, reason);
}

static void
init_verdict(struct command_verdict *verdict, const struct stage_spool_file *file)
{
	verdict->path = command_memory(strdup(file->path));
	verdict->name = command_memory(strdup(file->name));
	verdict->size = file->size;
}

static void
judge_files(struct command_judged *judged, struct stage_spool *spool)
{
	struct stage_spool_file *const files = stage_spool_files(spool), *file;
	struct stage_spool_file *const unlisted = stage_spool_unlisted(spool);
	unsigned long hole = ULONG_MAX;
	size_t i;

	for (file = files; file; file = file->next)
		judged->count++;
	for (file = unlisted; file; file = file->next)
		judged->count++;
	judged->list = command_memory(calloc(judged->count + 1, sizeof(*judged->list)));
	for (file = files, i = 0; file; file = file->next, i++) {
		init_verdict(&judged->list[i], file);
		judge_file(judged, spool, file, &judged->list[i], &hole);
	}
	for (file = unlisted; file; file = file->next, i++) {
		init_verdict(&judged->list[i], file);
		condemn(&judged->list[i],
			"the record that may have told of it is damaged: nobody can tell what it is");
	}
	for (file = files, i = 0; file; file = file->next, i++)
		judge_order(&judged->list[i], file, hole);
	stage_spool_rest(spool, &judged->rest, &judged->rest_bytes);
}

static struct stage_spool_file *
find_file(struct stage_spool_file *file, const char *path)
{
	while (file && strcmp(file->path, path) != 0)
		file = file->next;
	return file;
}

/* Removes what was condemned; the last ones first, so that never one waits behind a hole. */
static void
remove_files(struct command_judged *judged, struct stage_spool *spool)
{
	struct stage_spool_file *file;
	struct stage_error error;
	size_t i = judged->count;

	while (i-- > 0) {
		struct command_verdict *verdict = &judged->list[i];

		if (!verdict->removed)
			continue;
		file = find_file(stage_spool_files(spool), verdict->path);
		if (!file)
			file = find_file(stage_spool_unlisted(spool), verdict->path);
		if (!file)
			verdict->removed = false; /* by somebody else */
		else if (stage_spool_forget(spool, &file, &error) < 0)
			leave(judged, verdict, &error);
	}
}

/* Is there anything to remove? */
static bool
has_condemned(const struct command_judged *judged)
{
	size_t i;

	for (i = 0; i < judged->count; i++)
		if (judged->list[i].removed)
			return true;
	return judged->rest > 0;
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

/* Was it handed off meanwhile, or is it being? */
static bool
is_taken(int code, const struct stage_error *error)
{
	return code == STAGE_E_BUSY || (code == STAGE_E_SYSTEM && error->sys_errno == ENOENT);
}

static void
fail_to_judge(struct command_judged *judged, const struct stage_error *error)
{
	command_problem(
		"nobody can tell what waits in %s: %s", judged->spool->path, error->message);
	judged->left++;
}

static void
forget_verdicts(struct command_judged *judged)
{
	const struct stage_spool_found *spool = judged->spool;

	command_judged_free(judged);
	judged->spool = spool;
}

/* Claims the spool, for moments, and removes what was condemned. */
static void
carry_out(struct command_judged *judged)
{
	bool closing = false;
	const struct stage_log log = {.write = take_line, .context = &closing};
	struct stage_spool *spool;
	struct stage_error error;
	int code;

	code = stage_spool_adopt(judged->spool->path, true, &log, &spool, &error);
	if (code < 0) {
		forget_verdicts(judged);
		if (!is_taken(code, &error))
			fail_to_judge(judged, &error);
		return;
	}
	remove_files(judged, spool);
	stage_spool_rest(spool, &judged->rest, &judged->rest_bytes);
	closing = true;
	stage_spool_close(&spool);
}

void
command_judge(
	const struct stage_spool_found *found, bool dry_run, struct command_judged *ret_judged)
{
	struct stage_spool *spool;
	struct stage_error error;
	int code;

	*ret_judged = (struct command_judged){.spool = found};
	code = stage_spool_look(found->path, NULL, &spool, &error);
	if (code < 0) {
		if (!is_taken(code, &error))
			fail_to_judge(ret_judged, &error);
		return;
	}
	judge_files(ret_judged, spool);
	stage_spool_close(&spool);
	if (!dry_run && has_condemned(ret_judged))
		carry_out(ret_judged);
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
