/*
 * What a run of another machine left, or one on a file system whose locks prove nothing, is left alone
 * by backups, flush and gc. The operator knows more: that the disk was moved here, that the container
 * is gone, that the other machine is off. He says so here, and the directory is an orphan like others
 * (stage_orphan_release()): the next backup to its target hands off what waits in it.
 *
 * Where a lock proves that no run lives, that is asked; where none does, he has to say it (--yes).
 * Against a lock that is held nothing helps.
 */
#include "command/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "amount.h"
#include "orphan.h"
#include "command/table.h"

/* A directory that was named, or is for the target that was. */
struct candidate {
	char *path, *target; /* "" where it is for none */
	enum stage_owner owner;
	bool proven;
	pid_t pid;
	size_t volumes; /* that wait */
	uint64_t bytes;
};

struct report {
	const struct command_options *options;
	struct json json;
	struct table *table;
	struct candidate *list;
	size_t count;
	size_t adopted, refused;
};

static struct candidate *
add(struct report *report, const char *path, const char *target)
{
	struct candidate *candidate;

	report->list = command_memory(
		reallocarray(report->list, report->count + 1, sizeof(*report->list)));
	candidate = &report->list[report->count++];
	*candidate = (struct candidate){
		.path = command_memory(strdup(path)), .target = command_memory(strdup(target))};
	return candidate;
}

static void
add_spool(struct report *report, const struct stage_spool_found *spool)
{
	struct candidate *candidate =
		add(report, spool->path, spool->unreadable ? "" : spool->target);

	candidate->owner = spool->owner;
	candidate->proven = spool->proven;
	candidate->pid = spool->pid;
	candidate->volumes = spool->count + spool->unlisted;
	candidate->bytes = spool->bytes + spool->unlisted_bytes;
}

/* Finds all spools for the target. */
static enum command_exit
find_target(struct report *report)
{
	static char *const nothing[] = {NULL};
	struct command_search search;
	enum command_exit status;
	size_t i, k;

	status = command_search(nothing, &search);
	if (status != COMMAND_SETTINGS && command_find_all_spools(&search) != COMMAND_DONE)
		status = COMMAND_PROBLEM;
	for (i = 0; i < search.count; i++)
		for (k = 0; k < search.list[i].spool_count; k++) {
			const struct stage_spool_found *spool = &search.list[i].spools[k];

			if (!spool->unreadable &&
				command_is_named(spool->target, report->options->url))
				add_spool(report, spool);
		}
	command_search_free(&search);
	if (status == COMMAND_DONE && report->count == 0) {
		command_problem("nothing that a run left waits for this URL");
		status = COMMAND_PROBLEM;
	}
	return status;
}

/* The spool at path in the root; false where there is none. */
static bool
add_spool_at(struct report *report, const char *root, const char *path)
{
	struct stage_spool_found *list = NULL;
	size_t count = 0, i, before = report->count;

	if (stage_spool_find(root, &list, &count, NULL) < 0)
		return false;
	for (i = 0; i < count; i++)
		if (strcmp(list[i].path, path) == 0)
			add_spool(report, &list[i]);
	stage_spool_find_free(&list, count);
	return report->count > before;
}

/* Adds the staging directory at path in the root, whether it is a spool or not. */
static enum command_exit
add_directory(struct report *report, const char *root, const char *path)
{
	struct stage_found *list = NULL;
	struct candidate *candidate;
	struct stage_error error;
	size_t count = 0, i;

	if (add_spool_at(report, root, path))
		return COMMAND_DONE;
	if (stage_orphan_list(root, &list, &count, &error) < 0) {
		command_problem("%s", error.message);
		return COMMAND_PROBLEM;
	}
	for (i = 0; i < count; i++) {
		if (strcmp(list[i].path, path) != 0)
			continue;
		candidate = add(report, path, "");
		candidate->owner = list[i].owner;
		candidate->proven = list[i].proven;
		candidate->pid = list[i].pid;
	}
	stage_orphan_list_free(&list, count);
	if (report->count)
		return COMMAND_DONE;
	command_problem(
		"%s is no staging directory; \"stagedir status\" lists those that exist", path);
	return COMMAND_PROBLEM;
}

static enum command_exit
find_directory(struct report *report)
{
	char *path = command_absolute_path(report->options->url), *root, *slash;
	enum command_exit status;

	if (!path) {
		command_problem("%s: %s", report->options->url, stage_error_errno_text(errno));
		return COMMAND_PROBLEM;
	}
	root = command_memory(strdup(path));
	slash = strrchr(root, '/');
	slash[slash == root] = '\0';
	status = add_directory(report, root, path);
	free(root);
	free(path);
	return status;
}

/* Takes it over, or tells why not: "" where it is done. */
static const char *
adopt(const struct candidate *candidate, const struct command_options *options,
	struct stage_error *error)
{
	switch (candidate->owner) {
	case STAGE_OWNER_LIVE:
		return "its run lives";
	case STAGE_OWNER_OTHER_USER:
		return "it belongs to another user";
	case STAGE_OWNER_DEAD:
		return NULL;
	case STAGE_OWNER_OTHER_MACHINE:
	case STAGE_OWNER_UNKNOWN:
		break;
	}
	if (!candidate->proven && !options->yes) {
		stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"no lock proves here that its run is gone: see to it that process %ld of the machine that made it does not live, and then give --yes",
			(long)candidate->pid);
		return error->message;
	}
	if (!options->dry_run && stage_orphan_release(candidate->path, options->yes, error) < 0)
		return error->message;
	return "";
}

static void
add_json(struct report *report, const struct candidate *candidate, const char *result,
	const char *reason)
{
	struct json *json = &report->json;

	json_open_object(json, NULL);
	json_string(json, "result", result);
	json_string(json, "path", candidate->path);
	json_string(json, "state", stage_orphan_owner_name(candidate->owner));
	json_string(json, "target", *candidate->target ? candidate->target : NULL);
	json_number(json, "pid", (uint64_t)candidate->pid);
	json_number(json, "volumes", candidate->volumes);
	json_number(json, "bytes", candidate->bytes);
	json_string(json, "reason", reason);
	json_close(json);
}

static void
add_row(struct report *report, const struct candidate *candidate, const char *result,
	const char *reason)
{
	struct table *table = report->table;
	char text[STAGE_AMOUNT_MAX];

	table_cell(table, "%s%s", report->options->dry_run ? "would be " : "", result);
	table_cell(table, "%s", stage_orphan_owner_name(candidate->owner));
	table_cell(table, "%zu", candidate->volumes);
	table_cell(table, "%s", stage_amount_size(text, candidate->bytes));
	table_cell(table, "%s", candidate->path);
	if (reason)
		table_note(table, "%s", reason);
	else if (*candidate->target)
		table_note(table, "for %s", candidate->target);
}

static void
do_candidate(struct report *report, const struct candidate *candidate)
{
	struct stage_error error;
	const char *result = "adopted", *reason = adopt(candidate, report->options, &error);

	if (!reason) {
		result = "left";
		reason = "it is this machine's already, and its run is gone";
	} else if (*reason) {
		result = "refused";
		report->refused++;
		command_problem("%s: %s", candidate->path, reason);
	} else {
		reason = NULL;
		report->adopted++;
	}
	if (report->options->json)
		add_json(report, candidate, result, reason);
	else
		add_row(report, candidate, result, reason);
}

static void
begin(struct report *report)
{
	static const struct table_column columns[] = {{"RESULT", false}, {"STATE", false},
		{"VOLUMES", true}, {"SIZE", true}, {"PATH", false}};

	if (report->options->json) {
		json_start(&report->json, stdout);
		json_open_object(&report->json, NULL);
		json_boolean(&report->json, "dry_run", report->options->dry_run);
		json_open_array(&report->json, "directories");
	} else {
		report->table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	}
}

static void
end(struct report *report)
{
	size_t i;

	if (report->options->json) {
		json_close(&report->json);
		json_close(&report->json);
	} else {
		table_print(report->table, stdout);
		if (report->adopted)
			puts("the next backup to its target, or \"stagedir flush\", hands off what waits; \"stagedir gc\" removes what is of no use");
	}
	table_free(&report->table);
	for (i = 0; i < report->count; i++) {
		free(report->list[i].path);
		free(report->list[i].target);
	}
	free(report->list);
}

enum command_exit
command_adopt(const struct command_options *options)
{
	struct report report = {.options = options};
	enum command_exit status;
	size_t i;

	status = strstr(options->url, "://") ? find_target(&report) : find_directory(&report);
	if (status == COMMAND_SETTINGS)
		return status;
	begin(&report);
	for (i = 0; i < report.count; i++)
		do_candidate(&report, &report.list[i]);
	end(&report);
	return report.refused ? COMMAND_PROBLEM : status;
}
