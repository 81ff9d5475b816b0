#include "command/command.h"

#include <inttypes.h>

#include "amount.h"
#include "root.h"
#include "command/table.h"

/* Free space could not be asked of a root that was not even reached. */
static bool
is_free_known(const struct stage_root *root)
{
	return root->fd >= 0 || root->free_bytes > 0;
}

static void
print_json(const struct stage_roots *roots)
{
	struct json json;
	size_t i;

	json_start(&json, stdout);
	json_open_object(&json, NULL);
	json_string(&json, "chosen", roots->chosen ? roots->chosen->path : NULL);
	json_open_array(&json, "roots");
	for (i = 0; i < roots->count; i++) {
		const struct stage_root *root = &roots->list[i];

		json_open_object(&json, NULL);
		json_number(&json, "rank", i + 1);
		json_string(&json, "path", root->path);
		json_string(&json, "origin", root->origin);
		json_string(&json, "state", stage_root_state_name(root->state));
		json_boolean(&json, "chosen", root == roots->chosen);
		if (is_free_known(root))
			json_number(&json, "free", root->free_bytes);
		else
			json_null(&json, "free");
		json_string(&json, "reason", root->reason);
		json_close(&json);
	}
	json_close(&json);
	json_close(&json);
}

static void
print_table(const struct stage_roots *roots)
{
	static const struct table_column columns[] = {{"RANK", true}, {"STATE", false},
		{"FREE", true}, {"NAMED BY", false}, {"PATH", false}};
	struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	char size[STAGE_AMOUNT_MAX];
	size_t i;

	for (i = 0; i < roots->count; i++) {
		const struct stage_root *root = &roots->list[i];

		table_cell(table, "%zu", i + 1);
		table_cell(table, "%s%s", stage_root_state_name(root->state),
			root == roots->chosen ? ", chosen" : "");
		table_cell(table, "%s",
			is_free_known(root) ? stage_amount_size(size, root->free_bytes) : "-");
		table_cell(table, "%s", root->origin);
		table_cell(table, "%s", root->path);
		if (root->state != STAGE_ROOT_GOOD)
			table_note(table, "%s",
				root->reason ? root->reason : "there was no memory for the reason");
	}
	table_print(table, stdout);
	table_free(&table);
}

enum command_exit
command_roots(const struct command_options *options)
{
	struct stage_settings *settings = NULL;
	struct stage_roots *roots = NULL;
	struct stage_error error;
	enum command_exit status;

	status = command_load_settings(&settings);
	if (status != COMMAND_DONE)
		return status;
	if (stage_roots_rank(settings, NULL, &roots, &error) < 0) {
		command_problem("%s", error.message);
		status = COMMAND_PROBLEM;
		goto done;
	}
	if (options->json)
		print_json(roots);
	else
		print_table(roots);
	if (!roots->chosen) {
		command_problem("no temp root can be used; see the reasons%s",
			options->json ? "" : " above");
		status = COMMAND_PROBLEM;
	}
done:
	stage_roots_free(&roots);
	stage_settings_free(&settings);
	return status;
}
