#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dir.h"
#include "journal.h"
#include "orphan.h"
#include "spool.h"
#include "spool_find.h"
#include "spool_run.h"
#include "wrap.h"

/* A journal of stagedir 0.1.0 may hold one: nobody is told. */
static void
no_secret_found(void)
{
	static const struct stage_journal_about old = {
		"sftp://me@corp.com:S3%2FCRET@host/folder", "/home"};
	char name[] = "name", note[] = "note";
	struct stage_journal_record record = {.name = name, .note = note};
	struct stage_journal *journal = NULL;
	int fd;

	open_both();
	record.file = strrchr(stage("aaaa", "1")->path, '/') + 1;
	fd = open(spool_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	REQUIRE(fd >= 0 && unlinkat(fd, STAGE_JOURNAL_NAME, 0) == 0);
	WORKS(stage_journal_create(fd, spool_path, &old, false, &journal, &failure));
	WORKS(stage_journal_staged(journal, &record, &failure));
	WORKS(stage_journal_failed(journal, record.file, 2, "no login with S3/CRET", &failure));
	stage_journal_close(&journal);
	close(fd);
	find_all();
	REQUIRE(found_count == 1 && found[0].count == 1);
	CHECK(!strcmp(found[0].target, "sftp://me@corp.com@host/folder"));
	CHECK(!strcmp(found[0].list[0].failure, "no login with ***"));
	found_done();
	close_both();
	remove_tree(spool_path);
}

/* Forgets its files one by one, and dies before the last. */
static int
forget_all(void *context)
{
	struct stage_spool_file *file;
	size_t i, count = *(size_t *)context;

	if (stage_dir_open(test_dir, NULL, &dir, NULL) < 0 ||
		stage_spool_open(dir, &about, false, NULL, &spool, NULL) < 0)
		return 1;
	for (i = 0; i < count; i++)
		if (!add_file("x", "content", true))
			return 2;
	for (i = 1; i < count; i++) {
		file = stage_spool_files(spool);
		if (stage_spool_forget(spool, &file, NULL) < 0)
			return 3;
		if (i % 8 == 0)
			usleep(100);
	}
	return 0;
}

static void
find_while_forgotten(void)
{
	size_t count = scaled(200) + 1, most = 0, wrong = 0;
	struct child child = start_child(forget_all, &count, -1);
	double end = stage_clock_now() + 60;
	bool dead = false;

	while (!dead && stage_clock_now() < end) {
		found_done();
		wrong += stage_spool_find(test_dir, &found, &found_count, NULL) != 0 ||
			 found_count > 1;
		if (found_count == 0)
			continue;
		wrong += found[0].unreadable || found[0].damaged || found[0].missing_count ||
			 found[0].count > count;
		most = found[0].count > most ? found[0].count : most;
		dead = found[0].owner == STAGE_OWNER_DEAD;
	}
	CHECK(end_child(child) == 0);
	CHECK(wrong == 0 && most > 0);
	find_all();
	REQUIRE(found_count == 1);
	CHECK(found[0].owner == STAGE_OWNER_DEAD && found[0].count == 1);
	snprintf(spool_path, sizeof(spool_path), "%s", found[0].path);
	found_done();
	adopt();
	finish();
	reclaim_rest();
}

/* A run is listed before it has locked its directory, and has begun its journal when that is read. */
static void
just_begun(void)
{
	open_both();
	stage("name", "content");
	found_done();
	wrap_hide_refusals(1);
	WORKS(stage_spool_find(test_dir, &found, &found_count, &failure));
	wrap_hide_refusals(0);
	REQUIRE(found_count == 1);
	CHECK(found[0].owner == STAGE_OWNER_LIVE && !found[0].proven && found[0].count == 1);
	found_done();
	finish();
	close_both();
}

static void
find_many(void)
{
	struct stage_spool *spools[5];
	size_t i;

	found_done();
	FAILS(stage_spool_find(in_dir("missing"), &found, &found_count, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT);
	find_all();
	CHECK(found_count == 0);
	WORKS(stage_dir_open(test_dir, NULL, &dir, &failure));
	for (i = 0; i < 5; i++) {
		WORKS(stage_spool_open(dir, &about, false, NULL, &spools[i], &failure));
		spool = spools[i];
		stage("a", "a");
	}
	find_all();
	CHECK(found_count == 5);
	for (i = 1; i < found_count; i++)
		CHECK(strcmp(found[i - 1].path, found[i].path) < 0);
	found_done();
	for (i = 0; i < 5; i++) {
		struct stage_spool_file *file = stage_spool_files(spools[i]);

		WORKS(stage_spool_forget(spools[i], &file, &failure));
		stage_spool_close(&spools[i]);
	}
	stage_dir_close(&dir);
	spool = NULL;
}

/* What somebody has removed from a dead run's spool is told; a live run may have handed it off. */
static void
missing(void)
{
	char *path;

	open_both();
	stage("first", "1");
	path = strdup(stage("second", "22")->path);
	unlink(path);
	find_all();
	REQUIRE(found_count == 1);
	CHECK(found[0].count == 1 && found[0].missing_count == 0);
	close_both();
	find_all();
	REQUIRE(found_count == 1 && found[0].missing_count == 1);
	CHECK(found[0].count == 1 && found[0].bytes == 1);
	CHECK(!strcmp(found[0].list[0].name, "first"));
	CHECK(!strcmp(found[0].missing[0].path, path) && found[0].missing[0].size == 2);
	CHECK(!strcmp(found[0].missing[0].name, "second"));
	found_done();
	adopt();
	HAS(captured.text, "(second) is gone");
	finish();
	free(path);
}

static const struct test tests[] = {
	{"no_secret_found", no_secret_found},
	{"find_while_forgotten", find_while_forgotten},
	{"just_begun", just_begun},
	{"find_many", find_many},
	{"missing", missing},
	{NULL, NULL},
};

const struct suite suite_spool_find = {"spool_find", tests};
