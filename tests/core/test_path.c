/* Paths that are joined. */
#include "tests.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "path.h"
#include "wrap.h"

static void
is(char *path, const char *expected)
{
	REQUIRE(path != NULL);
	if (strcmp(path, expected) != 0)
		HAS(path, expected);
	CHECK(strcmp(path, expected) == 0);
	free(path);
}

static void
joined(void)
{
	is(stage_path_join("/a", "b"), "/a/b");
	is(stage_path_join("/a///", "b"), "/a/b");
	is(stage_path_join("/", "b"), "/b");
	is(stage_path_join("//", "b"), "/b");
	is(stage_path_join("a", "b/c"), "a/b/c");
}

static void
absolute(void)
{
	REQUIRE(chdir(test_dir) == 0);
	is(stage_path_absolute("/"), "/");
	is(stage_path_absolute("///"), "/");
	is(stage_path_absolute("/a/../b//"), "/a/../b");
	is(stage_path_absolute("a"), in_dir("a"));
	is(stage_path_absolute("a/b/"), in_dir("a/b"));
	is(stage_path_absolute("./"), in_dir("."));
	REQUIRE(chdir("/") == 0);
	is(stage_path_absolute("a/"), "/a");
}

static void
failures(void)
{
	char *path;
	int sys_errno;

	wrap_begin_two("asprintf", ENOMEM, "getcwd", ENOENT);
	path = stage_path_join("a", "b");
	sys_errno = errno;
	wrap_end();
	CHECK(!path && sys_errno == ENOMEM);
	wrap_begin_two("strdup", ENOMEM, "getcwd", ENOENT);
	path = stage_path_absolute("a");
	sys_errno = errno;
	CHECK(!stage_path_absolute("/a"));
	wrap_end();
	CHECK(!path && sys_errno == ENOENT);
}

static const struct test tests[] = {
	{"joined", joined},
	{"absolute", absolute},
	{"failures", failures},
	{NULL, NULL},
};

const struct suite suite_path = {"path", tests};
