/* Whom a temp root is entrusted to: links that others could change, folders for all; and what is one root. */
#include "tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "root_run.h"

/* In a folder with the sticky bit, such as /tmp, everybody may make links: who made it counts. */
static void
links_among_others(void)
{
	make_dir(in_dir("s"), 01777);
	make_dir(in_dir("t"), 0700);
	REQUIRE(symlink("../t", in_dir("s/link")) == 0);
	root_good(in_dir("s/link"));
	root_good(in_dir("s/link/."));
	if (can_be_others("a link of another user in a folder for all")) {
		REQUIRE(lchown(in_dir("s/link"), NOBODY, NOBODY) == 0);
		root_refused(in_dir("s/link"),
			"s/link is a symbolic link of user 65534, who could change it");
		root_refused(in_dir("s/link/."), "s/link is a symbolic link of user 65534");
	}
	/* without it anybody may replace it, whoever made it */
	REQUIRE(lchown(in_dir("s/link"), geteuid(), getegid()) == 0 &&
		chmod(in_dir("s"), 0777) == 0);
	root_refused(in_dir("s/link"), "/s is writable by everybody (mode 0777)");
	root_refused(in_dir("s/link/."), "/s is writable by everybody (mode 0777)");
	unlink(in_dir("s/link"));
	rmdir(in_dir("t"));
	rmdir(in_dir("s"));
	root_done();
}

/* What is one directory is one root. */
static void
ranked_once(void)
{
	char text[1024];

	make_dir(in_dir("a"), 0700);
	REQUIRE(symlink("a", in_dir("link")) == 0);
	snprintf(text, sizeof(text), "avoid_tmpfs = no\ntemp_root = %s\ntemp_root = %s/../a\n",
		in_dir("link"), in_dir("a"));
	setenv("TMPDIR", in_dir("a"), 1);
	root_set(text);
	WORKS(stage_roots_rank(settings, NULL, &roots, &failure));
	REQUIRE(roots->count >= 2);
	CHECK(strcmp(roots->list[0].path, in_dir("link")) == 0);
	CHECK(roots->chosen == &roots->list[0]);
	CHECK(strcmp(roots->list[1].origin, "default") == 0);
	unlink(in_dir("link"));
	rmdir(in_dir("a"));
	root_done();
}

/* A folder for all without the sticky bit is used if the settings allow it; nothing else changes. */
static void
shared(void)
{
	make_dir(in_dir("m"), 0777);
	make_dir(in_dir("m/t"), 0770);
	root_refused(in_dir("m/t"), "/m is writable by everybody (mode 0777)");
	root_set("avoid_tmpfs = no\nallow_shared_root = yes\n");
	root_good(in_dir("m"));
	root_good(in_dir("m/t"));
	if (can_be_others("a shared temp root of another user")) {
		REQUIRE(chown(in_dir("m"), NOBODY, NOBODY) == 0);
		root_refused(in_dir("m/t"), "/m belongs to user 65534, who could replace");
	}
	rmdir(in_dir("m/t"));
	rmdir(in_dir("m"));
	root_done();
}

static char asked[1024]; /* the path that the selection was asked about */

static bool
is_excluded(void *context, const char *path)
{
	snprintf(asked, sizeof(asked), "%s", path);
	return strcmp(path, context) == 0;
}

/* The state of the root at path in a backup of source that leaves out one path. */
static enum stage_root_state
state_without(const char *path, const char *source, const char *excluded)
{
	struct stage_root_request request = {.tempdir = path,
		.source = source,
		.excluded = is_excluded,
		.context = (void *)(uintptr_t)excluded};

	return root_vet(&request)->state;
}

/* The selection knows a root by the path by which the backup comes to it, which follows no link. */
static void
excluded_in_source(void)
{
	const enum stage_root_state inside = STAGE_ROOT_IN_SOURCE, good_ = STAGE_ROOT_GOOD;

	make_dir(in_dir("s"), 0755);
	make_dir(in_dir("s/t"), 0755);
	REQUIRE(symlink("t", in_dir("s/link")) == 0);
	REQUIRE(symlink("s", in_dir("source")) == 0);
	REQUIRE(chdir(test_dir) == 0);
	CHECK(state_without(in_dir("s/t"), in_dir("s"), in_dir("s/t")) == good_);
	CHECK(state_without(in_dir("s/link"), in_dir("s"), in_dir("s/t")) == good_);
	CHECK(state_without(in_dir("s/link"), in_dir("s"), in_dir("s/link")) == inside);
	CHECK(strcmp(asked, in_dir("s/t")) == 0);
	CHECK(state_without(in_dir("s/t"), in_dir("source"), in_dir("source/t")) == good_);
	CHECK(state_without(in_dir("s/t"), "source/", "source/t") == good_);
	CHECK(state_without(in_dir("source/t"), "./s", "./s/t") == good_);
	CHECK(state_without(in_dir("s/link"), "/", in_dir("s/t")) == good_);
	CHECK(state_without(in_dir("s"), in_dir("s"), "/elsewhere") == inside);
	unlink(in_dir("source"));
	unlink(in_dir("s/link"));
	rmdir(in_dir("s/t"));
	rmdir(in_dir("s"));
	root_done();
}

static const struct test tests[] = {
	{"links_among_others", links_among_others},
	{"ranked_once", ranked_once},
	{"shared", shared},
	{"excluded_in_source", excluded_in_source},
	{NULL, NULL},
};

const struct suite suite_root_trust = {"root_trust", tests};
