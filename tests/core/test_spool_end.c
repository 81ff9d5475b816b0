#include "tests.h"

#include <errno.h>
#include <stdlib.h>

#include "spool.h"
#include "spool_run.h"
#include "wrap.h"

/* Forgotten, but not to be removed: it does not wait any more. */
static void
forget_fails(void)
{
	struct stage_spool_file *file;
	int code;

	open_both();
	file = stage("a", "a");
	wrap_begin_two("unlinkat", EIO, "unlinkat", EIO);
	code = stage_spool_forget(spool, &file, &failure);
	wrap_end();
	CHECK(code == STAGE_E_SYSTEM && failure.sys_errno == EIO);
	REQUIRE(file != NULL);
	CHECK(is_there(file->path) && stage_spool_files(spool) == file && !file->sealed);
	find_all();
	CHECK(found_count == 1 && found[0].count == 0);
	found_done();
	close_both();
	CHECK(!is_there(spool_path));
}

/* Who takes over learns of the last file that storage has confirmed, which is gone. */
static void
confirmed(void)
{
	const char *note = "x";
	struct stage_spool_file *file;
	char *path;

	open_both();
	CHECK(stage_spool_confirmed(spool, &note) == NULL && note == NULL);
	stage("first", "1");
	stage("second", "22");
	stage("third", "333");
	stage("fourth", "4444");
	file = stage_spool_files(spool);
	path = strdup(file->path);
	WORKS(stage_spool_confirm(spool, &file, &failure));
	CHECK(file == NULL && !is_there(path));
	/* of what this run has done itself nothing is told */
	CHECK(stage_spool_confirmed(spool, &note) == NULL && note == NULL);
	close_both();
	adopt();
	CHECK(!strcmp(stage_spool_confirmed(spool, &note), "first") && !strcmp(note, ""));
	/* what was only forgotten is not confirmed */
	file = stage_spool_files(spool)->next;
	WORKS(stage_spool_forget(spool, &file, &failure));
	CHECK(!strcmp(stage_spool_confirmed(spool, &note), "first"));
	stage_spool_close(&spool);
	adopt();
	CHECK(count_files() == 2 && !strcmp(stage_spool_confirmed(spool, &note), "first"));
	file = stage_spool_files(spool);
	WORKS(stage_spool_confirm(spool, &file, &failure));
	stage_spool_close(&spool);
	adopt();
	CHECK(count_files() == 1 && !strcmp(stage_spool_confirmed(spool, &note), "second"));
	finish();
	free(path);
}

/* The same of one that could not be sealed; what is sealed behind it can follow it. */
static void
confirmed_unsealed(void)
{
	struct stage_spool_file *file;
	const char *note;
	int code;

	open_both();
	stage("first", "1");
	file = add_file("second", "22", false);
	REQUIRE(file != NULL);
	stage("third", "333");
	WORKS(stage_spool_confirm(spool, &file, &failure));
	file = add_file("fourth", "4444", false);
	REQUIRE(file != NULL);
	WORKS(stage_spool_forget(spool, &file, &failure)); /* says nothing of storage */
	close_both();
	adopt();
	CHECK(count_files() == 2 && !strcmp(stage_spool_confirmed(spool, &note), "second"));
	CHECK(captured.lines[STAGE_WARNING] == 0);
	finish();

	open_both();
	file = add_file("second", "22", false);
	REQUIRE(file != NULL);
	wrap_begin_two("write", ENOSPC, "write", ENOSPC);
	code = stage_spool_confirm(spool, &file, &failure);
	wrap_end();
	CHECK(code == 0 && file == NULL && captured.lines[STAGE_WARNING] == 1);
	HAS(captured.text, "W:storage has second, but a run after a crash would not know it");
	HAS(captured.text, stage_error_errno_text(ENOSPC));
	close_both();
}

/* A full disk has room for the record once the file is gone. */
static void
confirmed_on_full_disk(void)
{
	struct stage_spool_file *file;
	const char *note;
	bool was_full;
	int code;

	open_both();
	file = stage("first", "1");
	stage("second", "2");
	wrap_begin(2, ENOSPC, false); /* after the memory for it, the record */
	code = stage_spool_confirm(spool, &file, &failure);
	wrap_end();
	was_full = wrap_failed_with("write", ENOSPC);
	CHECK(code == 0 && was_full && captured.lines[STAGE_WARNING] == 0);
	close_both();
	adopt();
	CHECK(count_files() == 1 && captured.lines[STAGE_WARNING] == 0);
	CHECK(stage_spool_confirmed(spool, &note) && !strcmp(note, ""));
	finish();
}

static const struct test tests[] = {
	{"confirmed_unsealed", confirmed_unsealed},
	{"confirmed_on_full_disk", confirmed_on_full_disk},
	{"forget_fails", forget_fails},
	{"confirmed", confirmed},
	{NULL, NULL},
};

const struct suite suite_spool_end = {"spool_end", tests};
