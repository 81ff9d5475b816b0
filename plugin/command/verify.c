#include "command/command.h"

#include <errno.h>

#include "amount.h"
#include "log.h"
#include "command/table.h"

struct report {
	bool as_json;
	struct json json;
	struct table *table;
	size_t good, damaged, missing, unreadable, busy;
	uint64_t good_bytes;
};

/* What is known of a file of a spool. */
struct checked {
	const char *name, *path;
	uint64_t size;
	const char *result;
	const char *reason; /* NULL where it is good or busy */
};

static void
add(struct report *report, const struct stage_spool_found *spool, const struct checked *checked)
{
	char text[STAGE_AMOUNT_MAX];

	if (report->as_json) {
		json_open_object(&report->json, NULL);
		json_string(&report->json, "result", checked->result);
		json_string(&report->json, "name", checked->name);
		json_string(&report->json, "path", checked->path);
		json_string(&report->json, "target", spool->target);
		json_number(&report->json, "size", checked->size);
		json_string(&report->json, "reason", checked->reason);
		json_close(&report->json);
		return;
	}
	table_cell(report->table, "%s", checked->result);
	table_cell(report->table, "%s", stage_amount_size(text, checked->size));
	table_cell(report->table, "%s", checked->name);
	table_cell(report->table, "%s", checked->path);
	if (checked->reason)
		table_note(report->table, "%s", checked->reason);
}

static void
check_file(struct report *report, const struct stage_spool_found *found, struct stage_spool *spool,
	const struct stage_spool_file *file)
{
	struct checked checked = {.name = file->name, .path = file->path, .size = file->size};
	struct stage_error error;
	int code;

	code = stage_spool_check(spool, file, &error);
	if (code == STAGE_E_SYSTEM && error.sys_errno == ENOENT) {
		/* nothing is held here: a run may hand off what is being read */
		checked.result = "gone";
		checked.reason = error.message;
	} else if (code == 0) {
		checked.result = "ok";
		report->good++;
		report->good_bytes += file->size;
	} else {
		checked.result = code == STAGE_E_DAMAGED ? "damaged" : "unreadable";
		checked.reason = error.message;
		report->damaged += code == STAGE_E_DAMAGED;
		report->unreadable += code != STAGE_E_DAMAGED;
		command_problem("%s", error.message);
	}
	add(report, found, &checked);
}

static void
add_busy(struct report *report, const struct stage_spool_found *found)
{
	size_t i;

	for (i = 0; i < found->count; i++) {
		const struct checked checked = {.name = found->list[i].name,
			.path = found->list[i].path,
			.size = found->list[i].size,
			.result = "busy"};

		report->busy++;
		add(report, found, &checked);
	}
}

/* Tells of what waits by the journal of a spool, and is not there. */
static void
add_missing(struct report *report, const struct stage_spool_found *found)
{
	size_t i;

	for (i = 0; i < found->missing_count; i++) {
		const struct stage_spool_entry *file = &found->missing[i];
		const struct checked checked = {.name = file->name,
			.path = file->path,
			.size = file->size,
			.result = "missing",
			.reason = "it waits by its journal, and somebody has removed it"};

		command_problem(
			"the staged file %s (%s) is missing: it waits by its journal, and somebody has removed it",
			file->path, file->name);
		report->missing++;
		add(report, found, &checked);
	}
}

/* Reads what waits in a spool that nobody has, as far as can be told. */
static enum command_exit
look_at_spool(struct report *report, const struct stage_spool_found *found)
{
	const struct stage_spool_file *file;
	struct stage_spool *spool;
	struct stage_error error;
	int code;

	code = stage_spool_look(found->path, NULL, &spool, &error);
	if (code == STAGE_E_SYSTEM && error.sys_errno == ENOENT)
		return COMMAND_DONE; /* handed off meanwhile */
	if (code < 0) {
		command_problem("%s", error.message);
		return COMMAND_PROBLEM;
	}
	for (file = stage_spool_files(spool); file; file = file->next)
		check_file(report, found, spool, file);
	stage_spool_close(&spool);
	return COMMAND_DONE;
}

/* Checks what waits in a spool. Whatever nobody can tell of is a problem. */
static enum command_exit
check_spool(struct report *report, const struct stage_spool_found *found)
{
	char volumes[COMMAND_VOLUMES_MAX];

	if (found->unreadable) {
		command_unreadable_spool(found);
		return COMMAND_PROBLEM;
	}
	if (found->damaged)
		command_problem(
			"%s: %zu records of its journal are damaged; %s may have been theirs",
			found->path, found->damaged,
			command_volumes(volumes, found->unlisted, found->unlisted_bytes));
	add_missing(report, found);
	if (found->owner == STAGE_OWNER_LIVE)
		add_busy(report, found);
	else if (found->count && look_at_spool(report, found) != COMMAND_DONE)
		return COMMAND_PROBLEM;
	return found->damaged ? COMMAND_PROBLEM : COMMAND_DONE;
}

static void
begin(struct report *report)
{
	static const struct table_column columns[] = {
		{"RESULT", false}, {"SIZE", true}, {"NAME IN STORAGE", false}, {"PATH", false}};

	if (report->as_json) {
		json_start(&report->json, stdout);
		json_open_object(&report->json, NULL);
		json_open_array(&report->json, "files");
	} else {
		report->table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	}
}

static void
end(struct report *report)
{
	char volumes[COMMAND_VOLUMES_MAX];

	if (report->as_json) {
		json_close(&report->json);
		json_open_object(&report->json, "total");
		json_number(&report->json, "ok", report->good);
		json_number(&report->json, "damaged", report->damaged);
		json_number(&report->json, "missing", report->missing);
		json_number(&report->json, "unreadable", report->unreadable);
		json_number(&report->json, "busy", report->busy);
		json_close(&report->json);
		json_close(&report->json);
		return;
	}
	table_print(report->table, stdout);
	table_free(&report->table);
	printf("%s, ok; %zu damaged, %zu missing, %zu unreadable; %zu of live runs, not checked\n",
		command_volumes(volumes, report->good, report->good_bytes), report->damaged,
		report->missing, report->unreadable, report->busy);
}

enum command_exit
command_verify(const struct command_options *options)
{
	struct report report = {.as_json = options->json};
	struct command_search search;
	enum command_exit status;
	size_t i, k;

	status = command_search(options->directories, &search);
	if (status != COMMAND_SETTINGS) {
		begin(&report);
		if (command_find_all_spools(&search) != COMMAND_DONE)
			status = COMMAND_PROBLEM;
		for (i = 0; i < search.count; i++)
			for (k = 0; k < search.list[i].spool_count; k++)
				if (check_spool(&report, &search.list[i].spools[k]) != COMMAND_DONE)
					status = COMMAND_PROBLEM;
		if (report.damaged + report.missing + report.unreadable)
			status = COMMAND_PROBLEM;
		end(&report);
	}
	command_search_free(&search);
	return status;
}
