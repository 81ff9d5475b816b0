/* Records of runs and metrics while each call is failed: they are told of or left out, and nothing is kept. */
#include "tests.h"

#include <stdio.h>
#include <stdlib.h>

#include "metrics.h"
#include "runreader.h"
#include "runrecord.h"
#include "sweep.h"
#include "wrap.h"

static void
name_folder(void)
{
	setenv("STATE_DIRECTORY", in_dir("state"), 1);
}

static void
remove_folder(void)
{
	remove_tree(in_dir("state"));
	unsetenv("STATE_DIRECTORY");
}

static void
add(struct stage_runrecord *record, enum stage_runevent_kind kind, const char *name)
{
	stage_runrecord_add(record,
		&(struct stage_runevent){.kind = kind, .name = name, .text = "text", .size = 5});
}

/* A record that is kept beside an older one, and one too many. */
static void
record_scenario(void)
{
	static const struct stage_runevent begun = {
		.name = "full", .target = "file:///target", .text = "3.0.6"};
	struct stage_runsummary summary = {0};
	struct stage_runrecord *record;
	int i;

	for (i = 0; i < 3; i++) {
		record = NULL;
		if (TRY(stage_runrecord_begin(&begun, 1, &sweep_log, &record, &sweep_said)) < 0)
			continue;
		add(record, STAGE_RUN_ROOT, "/var/tmp");
		add(record, STAGE_RUN_MADE, "a");
		add(record, STAGE_RUN_UPLOAD, "a");
		add(record, STAGE_RUN_WAITS, "storage");
		if (stage_runrecord_summary(record, &summary))
			stage_runsummary_release(&summary);
		add(record, STAGE_RUN_ENDED, "done");
		stage_runrecord_close(&record);
	}
}

static void
write_records(void)
{
	name_folder();
	record_scenario();
}

static void
read_scenario(void)
{
	struct stage_runsummary summary = {0};
	struct stage_runreader *reader;
	struct stage_runfolder folder;
	size_t i;

	if (TRY(stage_runreader_list(&folder, &sweep_said)) < 0)
		return;
	for (i = 0; i < folder.count; i++) {
		if (TRY(stage_runreader_open(folder.fd, folder.names[i], &reader, &sweep_said)) < 0)
			continue;
		(void)TRY(stage_runreader_sum(reader, &summary, &sweep_said));
		(void)stage_runreader_state(reader);
		stage_runsummary_release(&summary);
		stage_runreader_close(&reader);
	}
	stage_runreader_list_free(&folder);
}

static void
metrics_scenario(void)
{
	char *roots[] = {sweep_root, NULL}, *none[] = {NULL}, *text = NULL;
	const struct stage_metrics_places places = {.roots = roots, .folders = none};

	if (TRY(stage_metrics_make(&places, &text, &sweep_said)) < 0)
		return;
	(void)TRY(stage_metrics_write(in_dir("state/x.prom"), text, &sweep_said));
	free(text);
}

SWEEP(record, record_scenario, name_folder, remove_folder, NULL)
SWEEP(reader, read_scenario, write_records, remove_folder, NULL)
SWEEP(metrics, metrics_scenario, write_records, remove_folder, NULL)

static const struct test tests[] = {
	{"record", record},
	{"reader", reader},
	{"metrics", metrics},
	{NULL, NULL},
};

const struct suite suite_sweep_run = {"sweep_run", tests};
