#include "report/verdict.h"

#include <string.h>

#include "runrecord.h"

static const struct words {
	const char *class, *word, *sentence;
} results[STAGE_RUN_RESULTS] = {
	[STAGE_RUN_NONE] = {"open", "no end", "The record does not tell how it ended."},
	[STAGE_RUN_DONE] = {"good", "done", "Done: all is in storage."},
	[STAGE_RUN_NO_STORAGE] = {"bad", "storage failed", "Failed: storage did not take a file."},
	[STAGE_RUN_NO_ROOM] = {"bad", "no room", "Failed: there was no room left."},
	[STAGE_RUN_NO_GPG] = {"bad", "gpg failed", "Failed: gpg failed."},
	[STAGE_RUN_INTERRUPTED] = {"bad", "interrupted", "Ended by Ctrl-C."},
	[STAGE_RUN_SIGNALLED] = {"bad", "ended by a signal", "Ended by a signal."},
	[STAGE_RUN_RESTARTED] = {"open", "begun anew",
		"duplicity began anew: it goes on in the next run."},
	[STAGE_RUN_ERROR] = {"bad", "failed", "Failed."},
};

static const struct words states[] = {
	[STAGE_RUNSTATE_LIVE] = {"open", "running",
		"Still running: the page tells what has happened so far."},
	[STAGE_RUNSTATE_KILLED] = {"bad", "killed",
		"Killed: the run is gone, and its record has no end."},
	[STAGE_RUNSTATE_UNKNOWN] = {"open", "no end",
		"The record has no end, and nobody can tell whether the run lives: locks prove nothing on this file system."},
};

static const struct words *
words_of(enum stage_runstate state, const struct stage_runsummary *summary)
{
	return state == STAGE_RUNSTATE_ENDED ? &results[summary->result] : &states[state];
}

const char *
verdict_class(enum stage_runstate state, const struct stage_runsummary *summary)
{
	return words_of(state, summary)->class;
}

const char *
verdict_word(enum stage_runstate state, const struct stage_runsummary *summary)
{
	return words_of(state, summary)->word;
}

const char *
verdict_sentence(enum stage_runstate state, const struct stage_runsummary *summary)
{
	return words_of(state, summary)->sentence;
}

const char *
verdict_action(const char *action)
{
	if (!action)
		return "Run";
	if (strcmp(action, "full") == 0)
		return "Full backup";
	if (strncmp(action, "inc", 3) == 0)
		return "Incremental backup";
	if (strcmp(action, STAGE_RUNRECORD_FLUSH) == 0)
		return "Hand-off";
	return action;
}
