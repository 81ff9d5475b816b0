/*
 * Records are named by the time of their begin. So what has come since the last look is behind the newest name that was
 * seen then.
 */
#include "command/watch.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "path.h"
#include "runrecord.h"

/* Seconds between two looks; between two lines where there is no terminal. */
#define LOOK 1
#define LINES_EVERY 10

struct watching {
	const char *url; /* NULL: any target */
	struct watch_runs runs;
	char newest
		[STAGE_RUNRECORD_NAME_MAX]; /* the name that was seen last; "" before the first look */
};

static void
release(struct watch_run *run)
{
	stage_runreader_close(&run->reader);
	stage_runsummary_release(&run->summary);
	free(run->path);
}

/* Reads what a run has added. */
static enum command_exit
update(struct watch_run *run)
{
	struct stage_error error;
	int code;

	code = stage_runreader_sum(run->reader, &run->summary, &error);
	if (code < 0) {
		command_problem("%s", error.message);
		return COMMAND_PROBLEM;
	}
	run->state = stage_runreader_state(run->reader);
	return COMMAND_DONE;
}

/* Opens a record. False: it is of another target, or cannot be read. */
static bool
open_run(const struct watching *watching, const struct stage_runfolder *folder, const char *name,
	struct watch_run *ret_run)
{
	struct watch_run run = {0};
	struct stage_error error;

	if (stage_runreader_open(folder->fd, name, &run.reader, &error) < 0)
		return false;
	run.path = command_memory(stage_path_join(folder->path, name));
	if (update(&run) != COMMAND_DONE || !run.summary.target ||
		(watching->url && !command_is_named(run.summary.target, watching->url))) {
		release(&run);
		return false;
	}
	*ret_run = run;
	return true;
}

static void
add_run(struct watching *watching, const struct watch_run *run)
{
	struct watch_runs *runs = &watching->runs;

	runs->list = command_memory(reallocarray(runs->list, runs->count + 1, sizeof(*runs->list)));
	runs->list[runs->count++] = *run;
}

/*
 * Adds the runs that live and were not seen before; with last, if there is none, the one that was begun last. The oldest
 * comes first.
 */
static enum command_exit
find(struct watching *watching, bool last)
{
	struct stage_runfolder folder;
	struct watch_run run, newest = {0};
	struct stage_error error;
	size_t i, first;

	if (stage_runreader_list(&folder, &error) < 0) {
		command_problem("%s", error.message);
		return COMMAND_PROBLEM;
	}
	for (first = 0; first < folder.count && strcmp(folder.names[first], watching->newest) > 0;)
		first++;
	for (i = first; i > 0; i--) {
		if (!open_run(watching, &folder, folder.names[i - 1], &run))
			continue;
		if (run.state == STAGE_RUNSTATE_LIVE) {
			add_run(watching, &run);
			continue;
		}
		release(&newest);
		newest = run;
	}
	if (last && !watching->runs.count && newest.reader)
		add_run(watching, &newest);
	else
		release(&newest);
	if (first)
		snprintf(watching->newest, sizeof(watching->newest), "%s", folder.names[0]);
	stage_runreader_list_free(&folder);
	return COMMAND_DONE;
}

static bool
any_lives(const struct watch_runs *runs)
{
	size_t i;

	for (i = 0; i < runs->count; i++)
		if (runs->list[i].state == STAGE_RUNSTATE_LIVE)
			return true;
	return false;
}

static enum command_exit
update_all(struct watching *watching)
{
	enum command_exit status = find(watching, false);
	size_t i;

	for (i = 0; i < watching->runs.count; i++)
		if (update(&watching->runs.list[i]) != COMMAND_DONE)
			status = COMMAND_PROBLEM;
	return status;
}

/* Shows the runs until none lives any more, or nobody reads. */
static enum command_exit
follow(struct watching *watching, enum watch_form form)
{
	enum command_exit status = COMMAND_DONE;
	unsigned int looks = 0;

	for (;; looks++) {
		const bool lives = any_lives(&watching->runs);

		if (form != WATCH_LINES || looks % LINES_EVERY == 0 || !lives)
			watch_show(&watching->runs, form, stage_runrecord_now());
		if (!lives || status != COMMAND_DONE || ferror(stdout))
			return status;
		sleep(LOOK);
		status = update_all(watching);
	}
}

enum command_exit
command_watch(const struct command_options *options)
{
	struct watching watching = {.url = options->url};
	enum watch_form form = options->json           ? WATCH_JSON
			       : isatty(STDOUT_FILENO) ? WATCH_BLOCKS
						       : WATCH_LINES;
	enum command_exit status;
	size_t i;

	status = find(&watching, true);
	if (status == COMMAND_DONE && !options->json && !any_lives(&watching.runs))
		command_say("no run is under way%s%s", options->url ? " to this target" : "",
			watching.runs.count ? "; the last one:"
					    : ", and there is no record of one");
	if (status == COMMAND_DONE)
		status = follow(&watching, form);
	for (i = 0; i < watching.runs.count; i++)
		release(&watching.runs.list[i]);
	free(watching.runs.list);
	return status;
}
