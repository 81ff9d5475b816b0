#include "command/command.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "amount.h"
#include "orphan.h"
#include "command/table.h"

/* What is printed, and the sums over it. */
struct report {
	bool as_json;
	struct json json;
	struct table *table;
	size_t count, live, orphans, staged;
	uint64_t orphan_bytes;
};

/* An orphan in which files wait is no rubbish. */
static bool
is_staged(const struct stage_found *found)
{
	return found->owner == STAGE_OWNER_DEAD && found->waiting;
}

static const char *
state_of(const struct stage_found *found)
{
	return is_staged(found) ? "staged" : stage_orphan_owner_name(found->owner);
}

static const struct stage_spool_found *
find_spool(const struct command_folder *folder, const char *path)
{
	size_t i;

	for (i = 0; i < folder->spool_count; i++)
		if (strcmp(folder->spools[i].path, path) == 0)
			return &folder->spools[i];
	return NULL;
}

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
	json_string(json, "state", state_of(found));
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

/* What waits in a dead run's directory. */
static void
note_staged(struct table *table, const struct stage_spool_found *spool)
{
	char volumes[COMMAND_VOLUMES_MAX];

	if (!spool)
		return; /* it was made, or taken over, this moment */
	if (spool->unreadable)
		table_note(table, "nobody can tell what waits in it: %s", spool->unreadable);
	else
		table_note(table, "%s, for %s",
			command_volumes(volumes, spool->count, spool->bytes), spool->target);
}

static void
add_row(struct report *report, const struct stage_found *found, const struct command_run *run,
	const struct stage_spool_found *spool)
{
	char *line = command_run_line(run), text[STAGE_AMOUNT_MAX];
	struct table *table = report->table;
	bool inside = is_inside_known(found);

	table_cell(table, "%s", state_of(found));
	table_cell(table, "%ld", (long)found->pid);
	table_cell(table, "%s", command_user(found->uid));
	table_cell(table, "%s", inside || found->age ? stage_amount_age(text, found->age) : "-");
	if (inside) {
		table_cell(table, "%zu", found->files);
		table_cell(table, "%s", stage_amount_size(text, found->bytes));
		table_cell(table, "%zu", found->strangers);
	} else {
		table_cell(table, "-");
		table_cell(table, "-");
		table_cell(table, "-");
	}
	table_cell(table, "%s", found->path);
	if (line)
		table_note(table, "run %ld: %s", (long)found->pid, line);
	if (is_staged(found))
		note_staged(table, spool);
	free(line);
}

static void
add(struct report *report, const struct stage_found *found, const struct command_folder *folder)
{
	struct command_run run = {0};

	/* the number of a dead run may be anybody's by now */
	if (found->owner == STAGE_OWNER_LIVE)
		command_run_read(found->pid, &run);
	if (report->as_json)
		add_json(report, found, &run);
	else
		add_row(report, found, &run, find_spool(folder, found->path));
	free(run.arguments);
	report->count++;
	if (found->owner == STAGE_OWNER_LIVE)
		report->live++;
	if (is_staged(found)) {
		report->staged++;
	} else if (found->owner == STAGE_OWNER_DEAD) {
		report->orphans++;
		report->orphan_bytes += found->bytes;
	}
}

static enum command_exit
add_folder(struct report *report, struct command_folder *folder)
{
	enum command_exit status;
	struct stage_found *list;
	struct stage_error error;
	size_t count, i;

	if (stage_orphan_list(folder->path, &list, &count, &error) < 0)
		return command_unreadable(&error);
	status = command_find_spools(folder);
	for (i = 0; i < count; i++)
		add(report, &list[i], folder);
	stage_orphan_list_free(&list, count);
	return status;
}

/* Of the files of a run that lives, the first one is on its way. */
static const char *
file_state(const struct stage_spool_found *spool, size_t i)
{
	return spool->owner == STAGE_OWNER_LIVE && i == 0 ? "moving" : "staged";
}

/* Clocks may go back. */
static uint64_t
age_of(int64_t time_)
{
	int64_t now = (int64_t)time(NULL);

	return now > time_ ? (uint64_t)(now - time_) : 0;
}

static void
add_file_json(struct json *json, const struct stage_spool_found *spool, size_t i)
{
	const struct stage_spool_entry *file = &spool->list[i];
	enum command_resume resume;
	struct stage_error error;

	resume = command_can_resume(spool, file->note, &error);
	json_open_object(json, NULL);
	json_string(json, "name", file->name);
	json_string(json, "path", file->path);
	json_string(json, "state", file_state(spool, i));
	json_number(json, "size", file->size);
	json_number(json, "age", age_of(file->sealed));
	json_number(json, "attempts", file->attempts);
	if (file->failed)
		json_number(json, "failure_age", age_of(file->failed));
	else
		json_null(json, "failure_age");
	json_string(json, "failure", file->failed ? file->failure : NULL);
	if (resume == COMMAND_UNKNOWN)
		json_null(json, "resumable");
	else
		json_boolean(json, "resumable", resume == COMMAND_RESUMABLE);
	json_string(json, "reason", resume == COMMAND_RESUMABLE ? NULL : error.message);
	json_close(json);
}

static void
add_spool_json(struct json *json, const struct stage_spool_found *spool)
{
	size_t i;

	json_open_object(json, NULL);
	command_spool_json(spool, json);
	json_number(json, "age", spool->age);
	json_number(json, "bytes", spool->bytes);
	json_open_array(json, "files");
	for (i = 0; i < spool->count; i++)
		add_file_json(json, spool, i);
	json_close(json);
	json_close(json);
}

static enum command_resume
add_file_row(struct table *table, const struct stage_spool_found *spool, size_t i)
{
	const struct stage_spool_entry *file = &spool->list[i];
	enum command_resume resume;
	struct stage_error error;
	char text[STAGE_AMOUNT_MAX];

	resume = command_can_resume(spool, file->note, &error);
	table_cell(table, "%s", file_state(spool, i));
	table_cell(table, "%s", stage_amount_size(text, file->size));
	table_cell(table, "%s", stage_amount_age(text, age_of(file->sealed)));
	table_cell(table, "%u", file->attempts);
	table_cell(table, "%s", file->name);
	if (file->failed)
		table_note(table, "failed %s ago: %s", stage_amount_age(text, age_of(file->failed)),
			file->failure);
	if (resume == COMMAND_USELESS)
		table_note(table, "a later run could not hand it off: %s", error.message);
	else if (resume == COMMAND_UNKNOWN)
		table_note(table, "nobody can tell whether a later run could hand it off: %s",
			error.message);
	return resume;
}

/* Tells what to do about a spool; so many of its files, with so many bytes, can be handed off, others never. */
static void
print_advice(const struct stage_spool_found *spool, size_t waiting, uint64_t bytes, size_t useless)
{
	size_t i;
	char volumes[COMMAND_VOLUMES_MAX];
	char target[STAGE_ERROR_MESSAGE_MAX], path[STAGE_ERROR_MESSAGE_MAX];

	stage_error_printable(target, sizeof(target), spool->target);
	if (spool->damaged)
		printf("%zu record%s of its journal %s damaged; %s that %s may have told of stay until \"stagedir gc\" removes them\n",
			spool->damaged, spool->damaged == 1 ? "" : "s",
			spool->damaged == 1 ? "is" : "are",
			command_volumes(volumes, spool->unlisted, spool->unlisted_bytes),
			spool->damaged == 1 ? "it" : "they");
	for (i = 0; i < spool->missing_count; i++)
		printf("%s is missing: it waits by its journal, and somebody has removed %s\n",
			stage_error_printable(target, sizeof(target), spool->missing[i].name),
			stage_error_printable(path, sizeof(path), spool->missing[i].path));
	if (spool->owner == STAGE_OWNER_OTHER_MACHINE || spool->owner == STAGE_OWNER_UNKNOWN)
		printf("left alone, as %s; once you know that its run is gone, \"stagedir adopt "
		       "%s\" has the next backup hand off what waits\n",
			command_not_ours(spool->owner),
			stage_error_printable(target, sizeof(target), spool->path));
	if (spool->owner != STAGE_OWNER_DEAD)
		return;
	if (useless)
		printf("%zu of these cannot be handed off any more; \"stagedir gc\" removes them\n",
			useless);
	if (waiting)
		printf("%s, wait%s for %s; the next backup to it, or \"stagedir flush\", hands %s off\n",
			command_volumes(volumes, waiting, bytes), waiting == 1 ? "s" : "", target,
			waiting == 1 ? "it" : "them");
}

static void
print_spool(const struct stage_spool_found *spool)
{
	static const struct table_column columns[] = {{"FILE", false}, {"SIZE", true},
		{"AGE", true}, {"FAILED", true}, {"NAME IN STORAGE", false}};
	char target[STAGE_ERROR_MESSAGE_MAX], path[STAGE_ERROR_MESSAGE_MAX];
	struct table *table;
	uint64_t bytes = 0;
	size_t i, waiting = 0, useless = 0;

	if (spool->unreadable || spool->count + spool->damaged + spool->missing_count == 0)
		return;
	printf("\nfor %s, in %s (run %ld, %s)\n",
		stage_error_printable(target, sizeof(target), spool->target),
		stage_error_printable(path, sizeof(path), spool->path), (long)spool->pid,
		command_run_state(spool));
	table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	for (i = 0; i < spool->count; i++) {
		enum command_resume resume = add_file_row(table, spool, i);

		useless += resume == COMMAND_USELESS;
		if (resume != COMMAND_RESUMABLE)
			continue;
		waiting++;
		bytes += spool->list[i].size;
	}
	table_print(table, stdout);
	table_free(&table);
	print_advice(spool, waiting, bytes, useless);
}

/* After the directories, what waits in them. */
static void
add_spools(struct report *report, const struct command_folder *folder)
{
	size_t i;

	for (i = 0; i < folder->spool_count; i++)
		if (report->as_json)
			add_spool_json(&report->json, &folder->spools[i]);
		else
			print_spool(&folder->spools[i]);
}

static void
begin(struct report *report, const struct command_search *search)
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
	for (i = 0; i < search->count; i++)
		json_string(&report->json, NULL, search->list[i].path);
	json_close(&report->json);
	json_open_array(&report->json, "directories");
}

static void
print_sums(const struct report *report)
{
	char size[STAGE_AMOUNT_MAX];

	if (report->count)
		putchar('\n');
	printf("%zu staging director%s, %zu live, %zu orphaned%s", report->count,
		report->count == 1 ? "y" : "ies", report->live, report->orphans,
		report->orphans ? " (" : "");
	if (report->orphans)
		printf("%s; \"stagedir gc\" removes them)",
			stage_amount_size(size, report->orphan_bytes));
	if (report->staged)
		printf(", %zu in which dead runs left what waits", report->staged);
	putchar('\n');
	if (report->live)
		printf("A lock tells that a run lives; its number, from the directory's name, is for information.\n");
}

static void
end(struct report *report, const struct command_search *search)
{
	size_t i;

	if (report->as_json) {
		json_close(&report->json);
		json_open_array(&report->json, "queues");
	} else {
		table_print(report->table, stdout);
		table_free(&report->table);
		print_sums(report);
	}
	for (i = 0; i < search->count; i++)
		add_spools(report, &search->list[i]);
	if (report->as_json) {
		json_close(&report->json);
		json_close(&report->json);
	}
}

enum command_exit
command_status(const struct command_options *options)
{
	struct report report = {.as_json = options->json};
	struct command_search search;
	enum command_exit status;
	size_t i;

	if (options->prometheus && options->json) {
		command_problem("status takes one of --json and --prometheus");
		return COMMAND_USAGE;
	}
	if (options->prometheus)
		return command_prometheus(options);
	status = command_search(options->directories, &search);
	if (status != COMMAND_SETTINGS) {
		begin(&report, &search);
		for (i = 0; i < search.count; i++)
			if (add_folder(&report, &search.list[i]) != COMMAND_DONE)
				status = COMMAND_PROBLEM;
		end(&report, &search);
	}
	command_search_free(&search);
	return status;
}
