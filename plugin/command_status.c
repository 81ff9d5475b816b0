#include "command.h"

#include <inttypes.h>
#include <stdlib.h>

#include "orphan.h"
#include "table.h"

/* What is printed, and the sums over it. */
struct report {
	bool as_json;
	struct json json;
	struct table *table;
	size_t count, live, orphans;
	uint64_t orphan_bytes;
};

/* A directory of another user can be looked at from outside only. */
static bool
is_inside_known(const struct stage_found *found)
{
	return found->owner != STAGE_OWNER_OTHER_USER;
}

static void
add_json(struct report *report, const struct stage_found *found, const struct command_run *run)
{
	struct json *json = &report->json;
	bool inside = is_inside_known(found);

	json_open_object(json, NULL);
	json_string(json, "path", found->path);
	json_string(json, "state", stage_owner_name(found->owner));
	json_number(json, "pid", (uint64_t)found->pid);
	command_run_json(run, json, "command");
	json_number(json, "uid", found->uid);
	json_string(json, "user", command_user(found->uid));
	if (inside || found->age)
		json_number(json, "age", found->age);
	else
		json_null(json, "age");
	if (inside) {
		json_number(json, "files", found->files);
		json_number(json, "bytes", found->bytes);
		json_number(json, "strangers", found->strangers);
	} else {
		json_null(json, "files");
		json_null(json, "bytes");
		json_null(json, "strangers");
	}
	json_close(json);
}

static void
add_row(struct report *report, const struct stage_found *found, const struct command_run *run)
{
	char *line = command_run_line(run), text[TABLE_TEXT_MAX];
	struct table *table = report->table;
	bool inside = is_inside_known(found);

	table_cell(table, "%s", stage_owner_name(found->owner));
	table_cell(table, "%ld", (long)found->pid);
	table_cell(table, "%s", command_user(found->uid));
	table_cell(table, "%s", inside || found->age ? table_age(text, found->age) : "-");
	if (inside) {
		table_cell(table, "%zu", found->files);
		table_cell(table, "%s", table_size(text, found->bytes));
		table_cell(table, "%zu", found->strangers);
	} else {
		table_cell(table, "-");
		table_cell(table, "-");
		table_cell(table, "-");
	}
	table_cell(table, "%s", found->path);
	if (line)
		table_note(table, "run %ld: %s", (long)found->pid, line);
	free(line);
}

static void
add(struct report *report, const struct stage_found *found)
{
	struct command_run run = {0};

	/* the number of a dead run may be anybody's by now */
	if (found->owner == STAGE_OWNER_LIVE)
		command_run_read(found->pid, &run);
	if (report->as_json)
		add_json(report, found, &run);
	else
		add_row(report, found, &run);
	free(run.arguments);
	report->count++;
	if (found->owner == STAGE_OWNER_LIVE)
		report->live++;
	if (found->owner == STAGE_OWNER_DEAD) {
		report->orphans++;
		report->orphan_bytes += found->bytes;
	}
}

static enum command_exit
add_place(struct report *report, const char *path)
{
	struct stage_found *list;
	struct stage_error error;
	size_t count, i;

	if (stage_orphan_list(path, &list, &count, &error) < 0)
		return command_unreadable(&error);
	for (i = 0; i < count; i++)
		add(report, &list[i]);
	stage_orphan_list_free(&list, count);
	return COMMAND_DONE;
}

static void
begin(struct report *report, const struct command_places *places)
{
	static const struct table_column columns[] = {{"STATE", false}, {"RUN", true},
		{"USER", false}, {"AGE", true}, {"FILES", true}, {"SIZE", true},
		{"STRANGERS", true}, {"PATH", false}};
	size_t i;

	if (!report->as_json) {
		report->table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
		return;
	}
	json_start(&report->json, stdout);
	json_open_object(&report->json, NULL);
	json_open_array(&report->json, "places");
	for (i = 0; i < places->count; i++)
		json_string(&report->json, NULL, places->list[i].path);
	json_close(&report->json);
	json_open_array(&report->json, "directories");
}

static void
end(struct report *report)
{
	char size[TABLE_TEXT_MAX];

	if (report->as_json) {
		json_close(&report->json);
		json_close(&report->json);
		return;
	}
	table_print(report->table, stdout);
	table_free(&report->table);
	if (report->count)
		putchar('\n');
	printf("%zu staging director%s, %zu live, %zu orphaned%s", report->count,
		report->count == 1 ? "y" : "ies", report->live, report->orphans,
		report->orphans ? "" : "\n");
	if (report->orphans)
		printf(" (%s; \"stagedir gc\" removes them)\n",
			table_size(size, report->orphan_bytes));
	if (report->live)
		printf("A lock tells that a run lives; its number, from the directory's name, is "
		       "for information.\n");
}

enum command_exit
command_status(const struct command_options *options)
{
	struct report report = {.as_json = options->json};
	struct command_places places;
	enum command_exit status;
	size_t i;

	status = command_places_find(options->directories, &places);
	if (status != COMMAND_SETTINGS) {
		begin(&report, &places);
		for (i = 0; i < places.count; i++)
			if (add_place(&report, places.list[i].path) != COMMAND_DONE)
				status = COMMAND_PROBLEM;
		end(&report);
	}
	command_places_free(&places);
	return status;
}
