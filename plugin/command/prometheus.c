#include "command/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "root.h"

/* The paths of the temp roots, up to a NULL. The caller frees the list alone. */
static char **
list_roots(const struct stage_roots *roots)
{
	char **list = command_memory(calloc(roots->count + 1, sizeof(*list)));
	size_t i, count = 0;

	for (i = 0; i < roots->count; i++)
		if (roots->list[i].path[0] == '/')
			list[count++] = roots->list[i].path;
	return list;
}

static enum command_exit
print(char *const *roots, const struct command_search *search)
{
	char **folders = command_memory(calloc(search->count + 1, sizeof(*folders))), *text;
	const struct stage_metrics_places places = {.roots = roots, .folders = folders};
	struct stage_error error;
	size_t i;
	int code;

	for (i = 0; i < search->count; i++)
		folders[i] = search->list[i].path;
	code = stage_metrics_make(&places, &text, &error);
	free(folders);
	if (code < 0) {
		command_problem("%s", error.message);
		return COMMAND_PROBLEM;
	}
	fputs(text, stdout);
	free(text);
	return COMMAND_DONE;
}

enum command_exit
command_prometheus(const struct command_options *options)
{
	struct stage_settings *settings = NULL;
	struct stage_roots *roots = NULL;
	struct command_search search;
	enum command_exit status, printed;
	struct stage_error error;
	char **list;

	status = command_search(options->directories, &search);
	if (status != COMMAND_SETTINGS && command_load_settings(&settings) == COMMAND_DONE) {
		if (stage_roots_rank(settings, NULL, &roots, &error) < 0) {
			command_problem("%s", error.message);
			status = COMMAND_PROBLEM;
		} else {
			list = list_roots(roots);
			printed = print(list, &search);
			free(list);
			status = status == COMMAND_DONE ? printed : status;
		}
	}
	stage_roots_free(&roots);
	stage_settings_free(&settings);
	command_search_free(&search);
	return status;
}
