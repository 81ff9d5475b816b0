/* A staging directory that others move, replace, or want to lock. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dir_run.h"
#include "wrap.h"

/* No name is given out, however it is asked for. */
static void
gives_no_name(struct stage_dir *dir)
{
	char *path = NULL;
	FILE *file = NULL;
	int fd = -1;

	/* at once for those who ask, after the 10 ms of dir.h for those who want a name */
	FAILS(stage_dir_check(dir, &failure), STAGE_E_SWAPPED);
	usleep(20 * 1000);
	FAILS(stage_dir_mktemp(dir, &path, &failure), STAGE_E_SWAPPED);
	HAS(failure.message, "was removed, moved or replaced by somebody else");
	FAILS(stage_dir_check(dir, &failure), STAGE_E_SWAPPED);
	FAILS(stage_dir_mkstemp(dir, &fd, &path, &failure), STAGE_E_SWAPPED);
	CHECK(!path && !file && fd == -1);
}

static void
renamed(void)
{
	struct stage_dir *dir = dir_open_logged();
	char *path = dir_new_file(dir, 1), *second = dir_new_file(dir, 1);

	REQUIRE(rename(stage_dir_path(dir), in_dir("away")) == 0);
	gives_no_name(dir);
	CHECK(count_entries(in_dir("away")) == 2);
	/* what it has is still there for those who hold a name */
	WORKS(stage_dir_remove(dir, second, &failure));
	CHECK(count_entries(in_dir("away")) == 1);
	/* emptied where it is, but a directory at another place is not taken away */
	CHECK(stage_dir_cleanup(dir) == 1);
	HAS(captured.text, "was removed, moved or replaced by somebody else");
	CHECK(count_entries(in_dir("away")) == 0);
	stage_dir_close(&dir);
	CHECK(rmdir(in_dir("away")) == 0);
	free(path);
	free(second);
}

static void
replaced(bool by_link)
{
	struct stage_dir *dir = dir_open_logged();
	char *path = dir_new_file(dir, 1), *second = dir_new_file(dir, 1), directory[1024];
	const char *victim = in_dir("victim"), *same_name, *same_second;

	snprintf(directory, sizeof(directory), "%s", stage_dir_path(dir));
	make_dir(victim, 0700);
	same_name = join(victim, strrchr(path, '/') + 1);
	make_file(same_name, "precious", 0600);
	same_second = join(victim, strrchr(second, '/') + 1);
	make_file(same_second, "precious", 0600);
	make_file(join(victim, "other"), "precious", 0600);
	REQUIRE(rename(directory, in_dir("away")) == 0);
	REQUIRE((by_link ? symlink("victim", directory) : rename(victim, directory)) == 0);
	gives_no_name(dir);
	WORKS(stage_dir_remove(dir, second, &failure));
	CHECK(stage_dir_cleanup(dir) == 1);
	CHECK(count_entries(in_dir("away")) == 0);
	CHECK(is_there(second) && is_there(path) && is_there(join(directory, "other")));
	CHECK(count_entries(directory) == 3);
	stage_dir_close(&dir);
	CHECK(count_entries(directory) == 3);

	if (by_link)
		unlink(directory);
	else
		CHECK(rename(directory, victim) == 0);
	unlink(same_name);
	unlink(same_second);
	unlink(join(victim, "other"));
	CHECK(rmdir(victim) == 0 && rmdir(in_dir("away")) == 0);
	free(path);
	free(second);
}

static void
replaced_by_link(void)
{
	replaced(true);
}

static void
replaced_by_directory(void)
{
	replaced(false);
}

static void
removed(void)
{
	struct stage_dir *dir = dir_open_logged();
	char *path = dir_new_file(dir, 1);

	unlink(path);
	REQUIRE(rmdir(stage_dir_path(dir)) == 0);
	gives_no_name(dir);
	CHECK(stage_dir_cleanup(dir) == 1);
	stage_dir_close(&dir);
	free(path);
}

/* That it cannot be looked at is no proof that somebody was there, and is what is told. */
static void
unreadable(void)
{
	static const int errnos[] = {EIO, EACCES};
	struct stage_dir *dir = dir_open_logged();
	char *path = NULL;
	size_t i;

	for (i = 0; i < 2; i++) {
		wrap_begin_two("lstat", errnos[i], "fstatat", errnos[i]);
		CHECK(stage_dir_check(dir, &failure) == STAGE_E_SYSTEM);
		CHECK(failure.sys_errno == errnos[i]);
		HAS(failure.message, stage_error_errno_text(errnos[i]));
		HAS(failure.message, stage_dir_path(dir));
		HAS_NOT(failure.message, "somebody else");
		usleep(20 * 1000);
		CHECK(stage_dir_mktemp(dir, &path, &failure) == STAGE_E_SYSTEM && !path);
		CHECK(failure.sys_errno == errnos[i]);
		wrap_end();
	}
	/* once it can be, all is well */
	WORKS(stage_dir_check(dir, &failure));
	snprintf(failure.message, sizeof(failure.message), "%s", stage_dir_path(dir));
	wrap_begin_two("fstatat", EIO, "fstatat", EIO);
	CHECK(stage_dir_cleanup(dir) == 1);
	wrap_end();
	HAS(captured.text, "cannot remove the staging directory");
	HAS(captured.text, "Input/output error");
	HAS_NOT(captured.text, "somebody else");
	CHECK(rmdir(failure.message) == 0);
	stage_dir_close(&dir);
	/* nor is it for a new one, that another process had taken it */
	wrap_begin_two("fstatat", EIO, "fstatat", EIO);
	CHECK(stage_dir_open(test_dir, NULL, &dir, &failure) == STAGE_E_SYSTEM && !dir);
	wrap_end();
	CHECK(failure.sys_errno == EIO);
	HAS_NOT(failure.message, "another process");
	CHECK(count_entries(test_dir) == 0);
}

/* The root is moved while a link takes its place: what is in it is still found. */
static void
root_replaced(void)
{
	struct stage_dir *dir;
	char *path;

	make_dir(in_dir("r"), 0700);
	make_dir(in_dir("victim"), 0700);
	WORKS(stage_dir_open(in_dir("r"), NULL, &dir, &failure));
	path = dir_new_file(dir, 1);
	REQUIRE(rename(in_dir("r"), in_dir("away")) == 0);
	REQUIRE(symlink("victim", in_dir("r")) == 0);
	gives_no_name(dir);
	CHECK(stage_dir_cleanup(dir) == 0);
	CHECK(count_entries(in_dir("away")) == 0);
	stage_dir_close(&dir);
	unlink(in_dir("r"));
	rmdir(in_dir("away"));
	rmdir(in_dir("victim"));
	free(path);
}

static void
lock_is_held(void)
{
	struct stage_dir *dir = dir_open_logged();
	int fd = open(stage_dir_path(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	REQUIRE(fd >= 0);
	CHECK(flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK);
	CHECK(flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK);
	free(dir_new_file(dir, 0));
	CHECK(flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK);
	/* until the very end of cleanup */
	CHECK(stage_dir_cleanup(dir) == 0);
	CHECK(flock(fd, LOCK_EX | LOCK_NB) == 0);
	close(fd);
	stage_dir_close(&dir);
}

static const struct test tests[] = {
	{"renamed", renamed},
	{"replaced_by_link", replaced_by_link},
	{"replaced_by_directory", replaced_by_directory},
	{"removed", removed},
	{"unreadable", unreadable},
	{"root_replaced", root_replaced},
	{"lock_is_held", lock_is_held},
	{NULL, NULL},
};

const struct suite suite_dir_swap = {"dir_swap", tests};
