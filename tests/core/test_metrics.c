/* Figures for Prometheus: of records, of what waits, and a file that is there or not, but never in part. */
#include "tests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dir.h"
#include "metrics.h"
#include "runrecord.h"
#include "spool.h"
#include "wrap.h"

#define TARGET "sftp://me@host/a\"b\\c"
#define LABEL "{target=\"sftp://me@host/a\\\"b\\\\c\""

static char *none[] = {NULL};

/* The text of all figures, valid until the next call. */
static const char *
figures(char *const *roots)
{
	static char *text;
	const struct stage_metrics_places places = {.roots = roots, .folders = none};

	free(text);
	text = NULL;
	WORKS(stage_metrics_make(&places, &text, &failure));
	return text ? text : "";
}

/* A run in which a volume was made, and one attempt failed, with this result; NULL: it does not end. */
static struct stage_runrecord *
run(const char *action, const char *result)
{
	const struct stage_runevent begun = {.name = action, .target = TARGET, .text = "3"};
	const int64_t now = stage_runrecord_now();
	struct stage_runrecord *record = NULL;

	while (stage_runrecord_now() == now)
		usleep(100);
	WORKS(stage_runrecord_begin(&begun, 30, NULL, &record, &failure));
	stage_runrecord_add(
		record, &(struct stage_runevent){.kind = STAGE_RUN_MADE, .name = "v", .size = 700});
	stage_runrecord_add(record,
		&(struct stage_runevent){.kind = STAGE_RUN_FAILED, .name = "v", .number = 1});
	if (result)
		stage_runrecord_add(
			record, &(struct stage_runevent){.kind = STAGE_RUN_ENDED, .name = result});
	return record;
}

static void
ended(const char *action, const char *result)
{
	struct stage_runrecord *record = run(action, result);

	stage_runrecord_close(&record);
}

static void
of_records(void)
{
	struct stage_runrecord *live;
	const char *text;

	text = figures(none);
	HAS(text, "# TYPE stagedir_last_success_timestamp_seconds gauge\n");
	HAS_NOT(text, "{");
	ended("full", "done");
	ended("inc", "storage");
	ended("inc", NULL);
	text = figures(none);
	HAS(text, "stagedir_last_success_timestamp_seconds" LABEL "} 1");
	HAS(text, "stagedir_last_run_success" LABEL "} 0\n");
	HAS(text, "stagedir_last_run_made_bytes" LABEL "} 700\n");
	HAS(text, "stagedir_last_run_retries" LABEL "} 1\n");
	HAS(text, "stagedir_last_run_wait_seconds" LABEL ",reason=\"room\"} 0\n");
	HAS(text, "stagedir_failed_runs" LABEL ",kind=\"storage\"} 1\n");
	HAS(text, "stagedir_failed_runs" LABEL ",kind=\"killed\"} 1\n");
	HAS(text, "stagedir_failed_runs" LABEL ",kind=\"gpg\"} 0\n");
	HAS(text, "stagedir_active_runs" LABEL "} 0\n");

	/* neither one that only hands off, nor one that lives, is the last backup; one that is run anew goes on */
	ended("full", "done");
	ended("flush", "storage");
	ended("full", "restarted");
	live = run("full", NULL);
	text = figures(none);
	HAS(text, "stagedir_last_run_success" LABEL "} 1\n");
	HAS(text, "stagedir_active_runs" LABEL "} 1\n");
	HAS(text, "stagedir_failed_runs" LABEL ",kind=\"storage\"} 1\n");
	HAS_NOT(text, "restarted");
	stage_runrecord_close(&live);
	remove_tree(in_dir(".local"));
}

/* The run that has just ended needs no record, and is not counted twice if it has one. */
static void
of_the_own_run(void)
{
	struct stage_metrics_places places = {.roots = none, .folders = none};
	struct stage_runsummary summary = {0};
	struct stage_runrecord *record;
	char *text = NULL;

	ended("full", "gpg");
	record = run("full", "storage");
	CHECK(stage_runrecord_summary(record, &summary));
	places.run = &summary;
	places.record = stage_runrecord_path(record);
	WORKS(stage_metrics_make(&places, &text, &failure));
	HAS(text, "stagedir_failed_runs" LABEL ",kind=\"storage\"} 1\n");
	HAS(text, "stagedir_failed_runs" LABEL ",kind=\"gpg\"} 1\n");
	free(text);
	stage_runrecord_close(&record);
	remove_tree(in_dir(".local"));

	/* one of the future tells nothing of when */
	places.record = "";
	summary.begun += 2 * STAGE_RUNRECORD_SLACK;
	WORKS(stage_metrics_make(&places, &text, &failure));
	HAS_NOT(text, "stagedir_last_run_success{");
	free(text);
	summary.begun -= 2 * STAGE_RUNRECORD_SLACK;

	WORKS(stage_metrics_make(&places, &text, &failure));
	HAS(text, "stagedir_last_run_success" LABEL "} 0\n");
	HAS(text, "stagedir_last_run_made_bytes" LABEL "} 700\n");
	HAS(text, "stagedir_failed_runs" LABEL ",kind=\"storage\"} 1\n");
	free(text);
	stage_runsummary_release(&summary);
}

static void
of_spools(void)
{
	static const struct stage_spool_about about = {.target = TARGET, .home = ""};
	char *roots[] = {(char *)test_dir, (char *)test_dir, NULL};
	char *path, spool_path[1024];
	struct stage_spool_file *file;
	struct stage_spool *spool;
	struct stage_dir *dir;
	const char *text;
	int fd;

	WORKS(stage_dir_open(test_dir, NULL, &dir, &failure));
	WORKS(stage_spool_open(dir, &about, false, NULL, &spool, &failure));
	WORKS(stage_dir_mkstemp(dir, &fd, &path, &failure));
	CHECK(write(fd, "12345", 5) == 5);
	close(fd);
	WORKS(stage_spool_accept(spool, dir, path, "v", "", &file, &failure));
	WORKS(stage_spool_seal(spool, file, &failure));
	free(path);
	text = figures(roots);
	/* a root that is named twice counts once */
	HAS(text, "stagedir_waiting_volumes" LABEL "} 1\n");
	HAS(text, "stagedir_waiting_bytes" LABEL "} 5\n");
	HAS(text, "stagedir_waiting_oldest_timestamp_seconds" LABEL "} 1");
	HAS_NOT(text, "stagedir_last_run_success{");
	text = strstr(text, "stagedir_root_free_bytes{root=\"");
	CHECK(text && !strstr(text + 1, "stagedir_root_free_bytes{"));
	snprintf(spool_path, sizeof(spool_path), "%s", stage_spool_path(spool));
	stage_spool_close(&spool);
	stage_dir_close(&dir);
	remove_tree(spool_path);
}

static void
written(void)
{
	const char *path = in_dir("stagedir.prom");
	struct stat found;
	char text[16] = "";
	FILE *file;

	umask(077);
	WORKS(stage_metrics_write(path, "old\n", &failure));
	CHECK(stat(path, &found) == 0 && (found.st_mode & 07777) == 0644);
	wrap_begin_two("write", ENOSPC, "write", ENOSPC);
	FAILS(stage_metrics_write(path, "new\n", &failure), STAGE_E_SYSTEM);
	wrap_end();
	HAS(failure.message, "cannot write ");
	CHECK(failure.sys_errno == ENOSPC && count_entries(test_dir) == 1);
	file = fopen(path, "re");
	REQUIRE(file != NULL);
	CHECK(fgets(text, sizeof(text), file) && strcmp(text, "old\n") == 0);
	fclose(file);
	FAILS(stage_metrics_write(in_dir("nowhere/x.prom"), "new\n", &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT);
	unlink(path);
}

/* What is no regular file is not replaced. */
static void
not_of_a_file(void)
{
	const char *path = in_dir("stagedir.prom");
	struct stat found;

	CHECK(mkfifo(path, 0600) == 0);
	FAILS(stage_metrics_write(path, "new\n", &failure), STAGE_E_SETTING);
	HAS(failure.message, "stagedir.prom is not a regular file");
	CHECK(lstat(path, &found) == 0 && S_ISFIFO(found.st_mode));
	unlink(path);
	CHECK(symlink("/dev/null", path) == 0);
	FAILS(stage_metrics_write(path, "new\n", &failure), STAGE_E_SETTING);
	CHECK(lstat(path, &found) == 0 && S_ISLNK(found.st_mode));
	CHECK(count_entries(test_dir) == 1);
	unlink(path);
}

static const struct test tests[] = {
	{"of_records", of_records},
	{"of_the_own_run", of_the_own_run},
	{"of_spools", of_spools},
	{"written", written},
	{"not_of_a_file", not_of_a_file},
	{NULL, NULL},
};

const struct suite suite_metrics = {"metrics", tests};
