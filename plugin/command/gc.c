/*
 * First the files in spools of dead runs are judged, and useless ones removed (judge.c). A spool that is
 * left without files is an orphan like others. The library then reclaims the orphans (orphan.h): it goes
 * through a whole folder at once, and says what it does in lines for people. The fate of each orphan is
 * found by comparing the lists before and after. That stays true if another process reclaims meanwhile,
 * or a run begins or ends.
 */
#include "command/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amount.h"
#include "orphan.h"
#include "command/table.h"

struct report {
	bool as_json;
	bool dry_run;
	struct json json;
	struct table *table;
	struct stage_reclaimed total;
	char **warnings; /* that the library gave, for JSON */
	size_t warning_count;
	struct command_judged *judged; /* spools that were gone through */
	size_t judged_count;
};

/* What became, or would become, of one directory. */
struct outcome {
	bool removed;
	size_t files; /* removed */
	uint64_t bytes;
	size_t left;    /* things that stay in an orphan */
	size_t waiting; /* files that stay for a later run */
	uint64_t waiting_bytes;
	const char *target; /* for which they wait */
	bool undecided;     /* of something in it nobody can tell whether it is of use */
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
reason_to_leave(const struct stage_found *found, const struct outcome *outcome)
{
	static char waits[STAGE_ERROR_MESSAGE_MAX];
	char volumes[COMMAND_VOLUMES_MAX];

	switch (found->owner) {
	case STAGE_OWNER_LIVE:
		return "its run lives";
	case STAGE_OWNER_DEAD:
		if (outcome->waiting)
			snprintf(waits, sizeof(waits),
				"%s, wait%s for %s; \"stagedir flush\" hands %s off",
				command_volumes(volumes, outcome->waiting, outcome->waiting_bytes),
				outcome->waiting == 1 ? "s" : "", outcome->target,
				outcome->waiting == 1 ? "it" : "them");
		if (outcome->waiting)
			return waits;
		if (outcome->undecided)
			return "nobody can tell whether what is in it can be handed off";
		return "something in it was not made by stagedir, or could not be removed";
	case STAGE_OWNER_OTHER_USER:
		return "it belongs to another user";
	case STAGE_OWNER_OTHER_MACHINE:
		return "another machine made it; \"stagedir adopt\" makes it this one's";
	case STAGE_OWNER_UNKNOWN:
		break;
	}
	return "no lock proves here that its run is gone, or it cannot be read; once you know, \"stagedir adopt\" says so";
}

static void
add_json(struct report *report, const struct stage_found *found, const struct outcome *outcome)
{
	struct json *json = &report->json;

	json_open_object(json, NULL);
	json_string(json, "path", found->path);
	json_string(json, "state", stage_orphan_owner_name(found->owner));
	json_number(json, "pid", (uint64_t)found->pid);
	json_boolean(json, "removed", outcome->removed);
	json_number(json, "files", outcome->files);
	json_number(json, "bytes", outcome->bytes);
	json_number(json, "left", outcome->left);
	json_number(json, "waiting", outcome->waiting);
	json_string(json, "reason", outcome->removed ? NULL : reason_to_leave(found, outcome));
	json_close(json);
}

static void
add_row(struct report *report, const struct stage_found *found, const struct outcome *outcome)
{
	struct table *table = report->table;
	char text[STAGE_AMOUNT_MAX];

	table_cell(table, "%s%s", report->dry_run ? "would be " : "",
		outcome->removed ? "removed" : "left");
	table_cell(table, "%s", stage_orphan_owner_name(found->owner));
	table_cell(table, "%ld", (long)found->pid);
	table_cell(table, "%zu", outcome->files);
	table_cell(table, "%s", stage_amount_size(text, outcome->bytes));
	table_cell(table, "%s", found->path);
	if (!outcome->removed)
		table_note(table, "left: %s", reason_to_leave(found, outcome));
}

static void
add(struct report *report, const struct stage_found *found, const struct outcome *outcome)
{
	report->total.directories += outcome->removed;
	report->total.files += outcome->files;
	report->total.bytes += outcome->bytes;
	report->total.waiting += outcome->waiting;
	if (report->as_json)
		add_json(report, found, outcome);
	else
		add_row(report, found, outcome);
}

/* What became of the files in a spool that has this path; NULL where it is none that was judged. */
static const struct command_judged *
find_judged(const struct report *report, const char *path)
{
	size_t i;

	for (i = 0; i < report->judged_count; i++)
		if (strcmp(report->judged[i].spool->path, path) == 0)
			return &report->judged[i];
	return NULL;
}

static void
take_waiting(struct outcome *outcome, const struct command_judged *judged)
{
	outcome->waiting = judged->waiting;
	outcome->waiting_bytes = judged->waiting_bytes;
	outcome->target = judged->spool->target;
	outcome->undecided = judged->left > 0;
	outcome->files = judged->removed + judged->rest;
	outcome->bytes = judged->removed_bytes + judged->rest_bytes;
}

/* What would be done to an orphan. */
static void
foresee_orphan(struct report *report, const struct stage_found *found, struct outcome *outcome)
{
	const struct command_judged *judged = find_judged(report, found->path);

	if (judged && judged->waiting + judged->left) {
		/* it stays for their sake, and with it whatever else is in it */
		outcome->left = judged->left;
		take_waiting(outcome, judged);
		return;
	}
	outcome->removed = found->strangers == 0;
	outcome->files = found->files;
	outcome->bytes = found->bytes;
	outcome->left = found->strangers;
	/* the directory that must stay for their sake is one more thing */
	report->total.left += outcome->left + !outcome->removed;
}

/* What reclaiming would do, by the rules of orphan.h. */
static void
foresee(struct report *report, const struct stage_found *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct outcome outcome = {0};

		if (list[i].owner == STAGE_OWNER_DEAD)
			foresee_orphan(report, &list[i], &outcome);
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
		const struct command_judged *judged = find_judged(report, before[i].path);
		const struct stage_found *now = find(after, after_count, before[i].path);
		struct outcome outcome = {0};

		if (before[i].owner == STAGE_OWNER_DEAD) {
			outcome.removed = !now;
			outcome.files = lost(before[i].files, now ? now->files : 0);
			outcome.bytes = lost(before[i].bytes, now ? now->bytes : 0);
			outcome.left = now ? now->files + now->strangers : 0;
			if (now && judged && judged->waiting + judged->left) {
				outcome.left = judged->left;
				/* by what was judged: its journal has grown meanwhile */
				take_waiting(&outcome, judged);
			}
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
	struct stage_reclaimed total = {0};
	struct stage_found *after = NULL;
	struct stage_error error;
	size_t after_count = 0;

	if (stage_orphan_reclaim(path, &log, &total, &error) < 0 ||
		stage_orphan_list(path, &after, &after_count, &error) < 0) {
		status = command_unreadable(&error);
	} else {
		report->total.left += total.left;
		compare(report, before, before_count, after, after_count);
		stage_orphan_list_free(&after, after_count);
	}
	return status;
}

/* Goes through the spools of dead runs in a folder. */
static enum command_exit
judge_spools(struct report *report, struct command_folder *folder)
{
	struct command_judged *judged;
	enum command_exit status;
	size_t i;

	status = command_find_spools(folder);
	for (i = 0; i < folder->spool_count; i++) {
		if (folder->spools[i].owner != STAGE_OWNER_DEAD)
			continue;
		report->judged = command_memory(reallocarray(
			report->judged, report->judged_count + 1, sizeof(*report->judged)));
		judged = &report->judged[report->judged_count++];
		command_judge(&folder->spools[i], report->dry_run, judged);
		report->total.left += judged->left;
	}
	return status;
}

static enum command_exit
add_folder(struct report *report, struct command_folder *folder)
{
	enum command_exit status;
	struct stage_found *list;
	struct stage_error error;
	size_t count;

	if (stage_orphan_list(folder->path, &list, &count, &error) < 0)
		return command_unreadable(&error);
	status = judge_spools(report, folder);
	if (report->dry_run)
		foresee(report, list, count);
	else if (reclaim(report, folder->path, list, count) != COMMAND_DONE)
		status = COMMAND_PROBLEM;
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
add_verdict_json(struct json *json, const struct command_verdict *verdict)
{
	json_open_object(json, NULL);
	json_string(json, "name", *verdict->name ? verdict->name : NULL);
	json_string(json, "path", verdict->path);
	json_number(json, "size", verdict->size);
	json_boolean(json, "removed", verdict->removed);
	json_boolean(json, "waits", verdict->waits);
	json_string(json, "reason", verdict->reason);
	json_close(json);
}

static void
add_queues_json(struct report *report)
{
	struct json *json = &report->json;
	size_t i, k;

	json_open_array(json, "queues");
	for (i = 0; i < report->judged_count; i++) {
		json_open_object(json, NULL);
		command_spool_json(report->judged[i].spool, json);
		json_open_array(json, "files");
		for (k = 0; k < report->judged[i].count; k++)
			add_verdict_json(json, &report->judged[i].list[k]);
		json_close(json);
		json_close(json);
	}
	json_close(json);
}

static void
end_json(struct report *report)
{
	struct json *json = &report->json;
	size_t i;

	json_close(json);
	add_queues_json(report);
	json_open_object(json, "total");
	json_number(json, "directories", report->total.directories);
	json_number(json, "files", report->total.files);
	json_number(json, "bytes", report->total.bytes);
	json_number(json, "left", report->total.left);
	json_number(json, "waiting", report->total.waiting);
	json_close(json);
	json_open_array(json, "warnings");
	for (i = 0; i < report->warning_count; i++)
		json_string(json, NULL, report->warnings[i]);
	json_close(json);
	json_close(json);
}

/* The files of spools that were removed, or could not be judged, each with its reason. */
static void
print_verdicts(const struct report *report)
{
	static const struct table_column columns[] = {
		{"RESULT", false}, {"SIZE", true}, {"NAME IN STORAGE", false}};
	struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	char text[STAGE_AMOUNT_MAX];
	size_t i, k, shown = 0;

	for (i = 0; i < report->judged_count; i++) {
		for (k = 0; k < report->judged[i].count; k++) {
			const struct command_verdict *verdict = &report->judged[i].list[k];

			if (!verdict->reason)
				continue;
			shown++;
			table_cell(table, "%s%s", report->dry_run ? "would be " : "",
				verdict->removed ? "removed" : "left");
			table_cell(table, "%s", stage_amount_size(text, verdict->size));
			table_cell(table, "%s",
				*verdict->name ? verdict->name : strrchr(verdict->path, '/') + 1);
			table_note(table, "%s", verdict->reason);
		}
	}
	if (shown)
		putchar('\n');
	table_print(table, stdout);
	if (shown)
		putchar('\n');
	table_free(&table);
}

static void
end_table(struct report *report)
{
	const struct stage_reclaimed *total = &report->total;
	char size[STAGE_AMOUNT_MAX];

	table_print(report->table, stdout);
	print_verdicts(report);
	printf("%s%zu director%s and %zu file%s, %s%s\n",
		report->dry_run ? "would remove " : "removed ", total->directories,
		total->directories == 1 ? "y" : "ies", total->files, total->files == 1 ? "" : "s",
		stage_amount_size(size, total->bytes), total->bytes < 1024 ? " bytes" : "");
	if (total->left)
		printf("%zu thing%s in orphans %s\n", total->left, total->left == 1 ? "" : "s",
			report->dry_run ? "would be left" : "could not or must not be removed");
	if (total->waiting)
		printf("%zu volume%s for hand-off; \"stagedir flush\", or the next backup, hands %s off\n",
			total->waiting, total->waiting == 1 ? " waits" : "s wait",
			total->waiting == 1 ? "it" : "them");
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
	for (i = 0; i < report->judged_count; i++)
		command_judged_free(&report->judged[i]);
	free(report->judged);
}

enum command_exit
command_gc(const struct command_options *options)
{
	struct report report = {.as_json = options->json, .dry_run = options->dry_run};
	struct command_search search;
	enum command_exit status;
	size_t i;

	status = command_search(options->directories, &search);
	if (status != COMMAND_SETTINGS) {
		begin(&report);
		for (i = 0; i < search.count; i++)
			if (add_folder(&report, &search.list[i]) != COMMAND_DONE)
				status = COMMAND_PROBLEM;
		if (report.total.left)
			status = COMMAND_PROBLEM;
		end(&report);
	}
	command_search_free(&search);
	return status;
}
