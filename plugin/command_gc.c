/*
 * Reclaiming itself is the library's (orphan.h), which goes through a whole place at once and tells
 * what it does in lines for people. What became of each orphan is seen by comparing the lists
 * before and after, which stays true when another process reclaims, or a run begins or ends,
 * meanwhile.
 */
#include "command.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "orphan.h"
#include "table.h"

struct report {
	bool as_json;
	bool dry_run;
	struct json json;
	struct table *table;
	struct stage_reclaimed total;
	char **warnings; /* that the library gave, for JSON */
	size_t warning_count;
};

/* What became, or would become, of one directory. */
struct outcome {
	bool removed;
	size_t files; /* removed */
	uint64_t bytes;
	size_t left; /* things that stay in an orphan */
};

/* A struct stage_log's. Of notices, the report has the content already. */
static void
take_warning(void *context, enum stage_level level, const char *line)
{
	struct report *report = context;

	if (level != STAGE_WARNING)
		return;
	command_problem("%s", line);
	report->warnings = command_memory(reallocarray(
		report->warnings, report->warning_count + 1, sizeof(*report->warnings)));
	report->warnings[report->warning_count++] = command_memory(strdup(line));
}

/* Why a directory stays as it is. An orphan stays only because of what is in it. */
static const char *
reason_to_leave(const struct stage_found *found)
{
	switch (found->owner) {
	case STAGE_OWNER_LIVE:
		return "its run lives";
	case STAGE_OWNER_DEAD:
		return "something in it was not made by stagedir, or could not be removed";
	case STAGE_OWNER_OTHER_USER:
		return "it belongs to another user";
	case STAGE_OWNER_OTHER_MACHINE:
		return "it belongs to another machine, whose locks do not show here";
	case STAGE_OWNER_UNKNOWN:
		break;
	}
	return "it cannot be locked or read, so that nobody can tell whether its run lives";
}

static void
add_json(struct report *report, const struct stage_found *found, const struct outcome *outcome)
{
	struct json *json = &report->json;

	json_open_object(json, NULL);
	json_string(json, "path", found->path);
	json_string(json, "state", stage_owner_name(found->owner));
	json_number(json, "pid", (uint64_t)found->pid);
	json_boolean(json, "removed", outcome->removed);
	json_number(json, "files", outcome->files);
	json_number(json, "bytes", outcome->bytes);
	json_number(json, "left", outcome->left);
	json_string(json, "reason", outcome->removed ? NULL : reason_to_leave(found));
	json_close(json);
}

static void
add_row(struct report *report, const struct stage_found *found, const struct outcome *outcome)
{
	struct table *table = report->table;
	char text[TABLE_TEXT_MAX];

	table_cell(table, "%s%s", report->dry_run ? "would be " : "",
		outcome->removed ? "removed" : "left");
	table_cell(table, "%s", stage_owner_name(found->owner));
	table_cell(table, "%ld", (long)found->pid);
	table_cell(table, "%zu", outcome->files);
	table_cell(table, "%s", table_size(text, outcome->bytes));
	table_cell(table, "%s", found->path);
	if (!outcome->removed)
		table_note(table, "left: %s", reason_to_leave(found));
}

static void
add(struct report *report, const struct stage_found *found, const struct outcome *outcome)
{
	if (report->as_json)
		add_json(report, found, outcome);
	else
		add_row(report, found, outcome);
}

/* What reclaiming would do, by the rules of orphan.h. */
static void
foresee(struct report *report, const struct stage_found *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct outcome outcome = {0};

		if (list[i].owner == STAGE_OWNER_DEAD) {
			outcome.removed = list[i].strangers == 0;
			outcome.files = list[i].files;
			outcome.bytes = list[i].bytes;
			outcome.left = list[i].strangers;
			report->total.directories += outcome.removed;
			report->total.files += outcome.files;
			report->total.bytes += outcome.bytes;
			/* the directory that must stay for their sake is one more thing */
			report->total.left += outcome.left + !outcome.removed;
		}
		add(report, &list[i], &outcome);
	}
}

static const struct stage_found *
find(const struct stage_found *list, size_t count, const char *path)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(list[i].path, path) == 0)
			return &list[i];
	return NULL;
}

/* Somebody else may have put a file there meanwhile. */
static uint64_t
lost(uint64_t before, uint64_t after)
{
	return before > after ? before - after : 0;
}

/* Tells what became of each directory between two lists. */
static void
compare(struct report *report, const struct stage_found *before, size_t before_count,
	const struct stage_found *after, size_t after_count)
{
	size_t i;

	for (i = 0; i < before_count; i++) {
		const struct stage_found *now = find(after, after_count, before[i].path);
		struct outcome outcome = {0};

		if (before[i].owner == STAGE_OWNER_DEAD) {
			outcome.removed = !now;
			outcome.files = lost(before[i].files, now ? now->files : 0);
			outcome.bytes = lost(before[i].bytes, now ? now->bytes : 0);
			outcome.left = now ? now->files + now->strangers : 0;
		} else if (!now) {
			continue; /* its run ended and took it along */
		}
		add(report, now ? now : &before[i], &outcome);
	}
}

static enum command_exit
reclaim(struct report *report, const char *path, const struct stage_found *before,
	size_t before_count)
{
	struct stage_log log = {.write = take_warning, .context = report};
	enum command_exit status = COMMAND_DONE;
	struct stage_found *after = NULL;
	struct stage_error error;
	size_t after_count = 0;

	if (stage_orphan_reclaim(path, &log, &report->total, &error) < 0 ||
		stage_orphan_list(path, &after, &after_count, &error) < 0) {
		status = command_unreadable(&error);
	} else {
		compare(report, before, before_count, after, after_count);
		stage_orphan_list_free(&after, after_count);
	}
	return status;
}

static enum command_exit
add_place(struct report *report, const char *path)
{
	enum command_exit status = COMMAND_DONE;
	struct stage_found *list;
	struct stage_error error;
	size_t count;

	if (stage_orphan_list(path, &list, &count, &error) < 0)
		return command_unreadable(&error);
	if (report->dry_run)
		foresee(report, list, count);
	else
		status = reclaim(report, path, list, count);
	stage_orphan_list_free(&list, count);
	return status;
}

static void
begin(struct report *report)
{
	static const struct table_column columns[] = {{"RESULT", false}, {"STATE", false},
		{"RUN", true}, {"FILES", true}, {"SIZE", true}, {"PATH", false}};

	if (report->as_json) {
		json_start(&report->json, stdout);
		json_open_object(&report->json, NULL);
		json_boolean(&report->json, "dry_run", report->dry_run);
		json_open_array(&report->json, "directories");
	} else {
		report->table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	}
}

static void
end_json(struct report *report)
{
	struct json *json = &report->json;
	size_t i;

	json_close(json);
	json_open_object(json, "total");
	json_number(json, "directories", report->total.directories);
	json_number(json, "files", report->total.files);
	json_number(json, "bytes", report->total.bytes);
	json_number(json, "left", report->total.left);
	json_close(json);
	json_open_array(json, "warnings");
	for (i = 0; i < report->warning_count; i++)
		json_string(json, NULL, report->warnings[i]);
	json_close(json);
	json_close(json);
}

static void
end_table(struct report *report)
{
	const struct stage_reclaimed *total = &report->total;
	char size[TABLE_TEXT_MAX];

	table_print(report->table, stdout);
	printf("%s%zu director%s and %zu file%s, %s%s\n",
		report->dry_run ? "would remove " : "removed ", total->directories,
		total->directories == 1 ? "y" : "ies", total->files, total->files == 1 ? "" : "s",
		table_size(size, total->bytes), total->bytes < 1024 ? " bytes" : "");
	if (total->left)
		printf("%zu thing%s in orphans %s\n", total->left, total->left == 1 ? "" : "s",
			report->dry_run ? "would be left" : "could not or must not be removed");
}

static void
end(struct report *report)
{
	size_t i;

	if (report->as_json)
		end_json(report);
	else
		end_table(report);
	table_free(&report->table);
	for (i = 0; i < report->warning_count; i++)
		free(report->warnings[i]);
	free(report->warnings);
}

enum command_exit
command_gc(const struct command_options *options)
{
	struct report report = {.as_json = options->json, .dry_run = options->dry_run};
	struct command_places places;
	enum command_exit status;
	size_t i;

	status = command_places_find(options->directories, &places);
	if (status != COMMAND_SETTINGS) {
		begin(&report);
		for (i = 0; i < places.count; i++)
			if (add_place(&report, places.list[i].path) != COMMAND_DONE)
				status = COMMAND_PROBLEM;
		if (report.total.left)
			status = COMMAND_PROBLEM;
		end(&report);
	}
	command_places_free(&places);
	return status;
}
