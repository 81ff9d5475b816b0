/* stagedir report: one run as a page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "report/page.h"
#include "report/pagefile.h"
#include "runreader.h"
#include "runrecord.h"

/* Is the record of a run to the target that url names? One that cannot be read is of none. */
static bool
is_of(const struct stage_runfolder *folder, const char *name, const char *url)
{
	struct stage_runsummary summary = {0};
	struct stage_runreader *reader;
	struct stage_error error;
	bool is;

	if (stage_runreader_open(folder->fd, name, &reader, &error) < 0)
		return false;
	is = stage_runreader_sum(reader, &summary, &error) == 0 && summary.target &&
	     command_is_named(summary.target, url);
	stage_runsummary_release(&summary);
	stage_runreader_close(&reader);
	return is;
}

/* The name of the record that is meant: the newest, the newest of a target, or one by its name. NULL: said why not. */
static const char *
choose(const struct stage_runfolder *folder, const char *run)
{
	char *shown;
	size_t i;

	if (folder->count == 0) {
		command_problem(
			"there are no records of runs%s%s; a backup through stagedir makes one, unless keep_runs in stagedir.conf is 0",
			folder->path ? " in " : "", folder->path ? folder->path : "");
		return NULL;
	}
	for (i = 0; i < folder->count; i++)
		if (!run || strcmp(folder->names[i], run) == 0 ||
			(strstr(run, "://") && is_of(folder, folder->names[i], run)))
			return folder->names[i];
	shown = command_shown_url(run);
	if (strstr(run, "://"))
		command_problem("no record is of a run to %s; they are in %s", shown, folder->path);
	else
		command_problem(
			"there is no record \"%s\" in %s; allowed are the name of a record, such as %s, and the URL of a target",
			shown, folder->path, folder->names[0]);
	free(shown);
	return NULL;
}

static enum command_exit
write_out(const char *path, const char *text, size_t length)
{
	struct stage_error error;

	if (!path || strcmp(path, "-") == 0) {
		fwrite(text, 1, length, stdout); /* a failure is told at the end of the process */
		return COMMAND_DONE;
	}
	if (pagefile_write(path, text, length, &error) == 0)
		return COMMAND_DONE;
	command_problem("%s", error.message);
	return COMMAND_PROBLEM;
}

enum command_exit
command_report(const struct command_options *options)
{
	enum command_exit status = COMMAND_PROBLEM;
	struct stage_runfolder folder;
	struct stage_error error;
	const char *name;
	char *text;
	size_t length;

	if (!options->output && isatty(STDOUT_FILENO)) {
		command_problem(
			"a page is not for a terminal; -o FILE writes it to a file, -o - to the terminal all the same");
		return COMMAND_USAGE;
	}
	if (stage_runreader_list(&folder, &error) < 0) {
		command_problem("%s", error.message);
		return COMMAND_PROBLEM;
	}
	name = choose(&folder, options->run);
	if (name && page_make(&folder, name, &text, &length, &error) < 0) {
		command_problem("%s", error.message);
	} else if (name) {
		status = write_out(options->output, text, length);
		free(text);
	}
	stage_runreader_list_free(&folder);
	return status;
}
