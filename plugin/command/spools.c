#include "command/command.h"

#include <stdlib.h>

#include "amount.h"
#include "duplicity/manifest.h"
#include "command/table.h"

enum command_exit
command_find_spools(struct command_folder *folder)
{
	struct stage_error error;

	if (stage_spool_find(folder->path, &folder->spools, &folder->spool_count, &error) < 0)
		return command_unreadable(&error);
	return COMMAND_DONE;
}

enum command_exit
command_find_all_spools(struct command_search *search)
{
	enum command_exit status = COMMAND_DONE;
	size_t i;

	for (i = 0; i < search->count; i++)
		if (command_find_spools(&search->list[i]) != COMMAND_DONE)
			status = COMMAND_PROBLEM;
	return status;
}

const char *
command_volumes(char buffer[COMMAND_VOLUMES_MAX], size_t count, uint64_t bytes)
{
	char size[STAGE_AMOUNT_MAX];

	snprintf(buffer, COMMAND_VOLUMES_MAX, "%zu volume%s, %s%s", count, count == 1 ? "" : "s",
		stage_amount_size(size, bytes), bytes < 1024 ? " bytes" : "");
	return buffer;
}

void
command_unreadable_spool(const struct stage_spool_found *spool)
{
	char volumes[COMMAND_VOLUMES_MAX];

	command_problem("nobody can tell what waits in %s: %s; %s, stay there", spool->path,
		spool->unreadable,
		command_volumes(volumes, spool->unlisted, spool->unlisted_bytes));
}

const char *
command_not_ours(enum stage_owner owner)
{
	return owner == STAGE_OWNER_OTHER_MACHINE
		       ? "another machine made it"
		       : "its file system has no locks that prove that its run is gone";
}

/* What was read last: the files of a spool, of which there may be many, are asked for one after another. */
static struct manifestindex manifest;

enum command_resume
command_can_resume(
	const struct stage_spool_found *spool, const char *note, struct stage_error *error)
{
	unsigned long volume;
	int code;

	if (!spool->has_target) {
		stage_error_set(error, STAGE_E_DAMAGED, 0,
			"the record of its target is damaged or missing: nobody can tell where it belongs");
		return COMMAND_USELESS;
	}
	if (!*spool->home) {
		stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"its journal names no archive directory, so that duplicity did not put it there; if nobody wants it, remove %s",
			spool->path);
		return COMMAND_UNKNOWN;
	}
	code = manifest_note_check(&manifest, spool->home, note, &volume, error);
	if (code == 0)
		return COMMAND_RESUMABLE;
	return code == STAGE_E_DAMAGED ? COMMAND_USELESS : COMMAND_UNKNOWN;
}

const char *
command_run_state(const struct stage_spool_found *spool)
{
	return spool->owner == STAGE_OWNER_DEAD ? "dead" : stage_orphan_owner_name(spool->owner);
}

void
command_spool_json(const struct stage_spool_found *spool, struct json *json)
{
	json_string(json, "path", spool->path);
	json_string(json, "target", spool->target);
	json_string(json, "home", spool->home);
	json_string(json, "state", command_run_state(spool));
	json_number(json, "pid", (uint64_t)spool->pid);
	json_string(json, "unreadable", spool->unreadable);
	json_number(json, "damaged", spool->damaged);
	json_number(json, "missing", spool->missing_count);
	json_number(json, "unlisted", spool->unlisted);
	json_number(json, "unlisted_bytes", spool->unlisted_bytes);
}
