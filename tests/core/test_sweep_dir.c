/* A staging directory, and those that dead runs left, while each call is failed. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "naming.h"
#include "orphan.h"
#include "sweep.h"
#include "wrap.h"

/* One directory, everything done with it. */
static void
use(struct stage_dir *dir)
{
	char *first = NULL, *second = NULL, *third = NULL, *fourth = NULL;
	int fd, to;

	wrap_pause(true);
	to = open(test_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	wrap_pause(false);
	TRY(stage_dir_mktemp(dir, &first, &sweep_said));
	if (TRY(stage_dir_mkstemp(dir, &fd, &second, &sweep_said)) == 0) {
		wrap_pause(true);
		close(fd);
		wrap_pause(false);
	}
	if (TRY(stage_dir_mkstemp(dir, &fd, &third, &sweep_said)) == 0) {
		wrap_pause(true);
		close(fd);
		wrap_pause(false);
	}
	if (TRY(stage_dir_mkstemp(dir, &fd, &fourth, &sweep_said)) == 0) {
		wrap_pause(true);
		close(fd);
		wrap_pause(false);
	}
	if (second) {
		if (TRY(stage_dir_move(dir, second, to, "moved", &sweep_said)) < 0) {
			/* a move that failed has moved nothing */
			wrap_pause(true);
			if (is_there(in_dir("moved")) || !is_there(second)) {
				sweep_complain("half a move");
			}
			wrap_pause(false);
		}
	}
	TRY(stage_dir_check(dir, &sweep_said));
	if (fourth && TRY(stage_dir_create(dir, fourth, &fd, &sweep_said)) == 0) {
		wrap_pause(true);
		close(fd);
		wrap_pause(false);
	}
	if (fourth)
		TRY(stage_dir_remove(dir, fourth, &sweep_said));
	if (first)
		TRY(stage_dir_forget(dir, first, &sweep_said));
	free(first);
	free(second);
	free(third);
	free(fourth);
	sweep_reported += stage_dir_cleanup(dir);
	stage_dir_close(&dir);
	wrap_pause(true);
	unlinkat(to, "moved", 0);
	close(to);
	wrap_pause(false);
}

static void
dir_scenario(void)
{
	struct stage_dir *dir;

	if (TRY(stage_dir_open(sweep_root, &sweep_log, &dir, &sweep_said)) == 0)
		use(dir);
}

static void
relative_scenario(void)
{
	struct stage_dir *dir;

	if (TRY(stage_dir_open("root", &sweep_log, &dir, &sweep_said)) == 0)
		stage_dir_close(&dir);
}

/* More names than a small table holds, then fewer: the table grows and shrinks. */
static void
names_scenario(void)
{
	struct stage_dir *dir;
	char *paths[40] = {NULL};
	size_t i;

	if (TRY(stage_dir_open(sweep_root, &sweep_log, &dir, &sweep_said)) < 0)
		return;
	for (i = 0; i < 40; i++)
		TRY(stage_dir_mktemp(dir, &paths[i], &sweep_said));
	for (i = 0; i < 40; i++) {
		if (paths[i])
			TRY(stage_dir_forget(dir, paths[i], &sweep_said));
		free(paths[i]);
	}
	sweep_reported += stage_dir_cleanup(dir);
	stage_dir_close(&dir);
}

static void
stranger_scenario(void)
{
	char stranger[1024];
	struct stage_dir *dir;

	if (TRY(stage_dir_open(sweep_root, &sweep_log, &dir, &sweep_said)) < 0)
		return;
	wrap_pause(true);
	snprintf(stranger, sizeof(stranger), "%s/stranger", stage_dir_path(dir));
	close(open(stranger, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	wrap_pause(false);
	sweep_reported += stage_dir_cleanup(dir);
	stage_dir_close(&dir);
	wrap_pause(true);
	unlink(stranger);
	*strrchr(stranger, '/') = '\0';
	rmdir(stranger);
	wrap_pause(false);
}

static void
swapped_scenario(void)
{
	struct stage_dir *dir;
	char *path;

	if (TRY(stage_dir_open(sweep_root, &sweep_log, &dir, &sweep_said)) < 0)
		return;
	wrap_pause(true);
	rename(stage_dir_path(dir), in_dir("away"));
	wrap_pause(false);
	if (TRY(stage_dir_mktemp(dir, &path, &sweep_said)) == 0) {
		sweep_complain("a name in a swapped directory");
		free(path);
	}
	sweep_reported += stage_dir_cleanup(dir);
	stage_dir_close(&dir);
	wrap_pause(true);
	rmdir(in_dir("away"));
	wrap_pause(false);
}

/* A live directory, a dead one and one of another machine, made anew for each run. */
static struct stage_dir *live;
static char dead[1024], foreign[1024];

static void
make_found(void)
{
	char name[STAGE_DIR_NAME_MAX];

	stage_dir_open(sweep_root, NULL, &live, NULL);
	stage_naming_dir(true, name, NULL);
	/* the order in which a directory is read depends on the names: always the same */
	memset(strrchr(name, '-') + 1, 'a', STAGE_DIR_RANDOM);
	snprintf(dead, sizeof(dead), "%s/%s", sweep_root, name);
	mkdir(dead, 0700);
	close(open(join(dead, "mkstemp-abcdefghijklm-1"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	close(open(join(dead, "mktemp-abcdefghijklm-2"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	close(open(join(dead, "stranger"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	stage_naming_dir(true, name, NULL);
	name[9] = name[9] == '0' ? '1' : '0';
	snprintf(foreign, sizeof(foreign), "%s/%s", sweep_root, name);
	mkdir(foreign, 0700);
}

/* Takes away what may be left, and says if something is missing that must be there. */
static void
check_found(void)
{
	CHECK(live && is_there(stage_dir_path(live)));
	stage_dir_close(&live);
	CHECK(is_there(join(dead, "stranger")));
	unlink(join(dead, "stranger"));
	unlink(join(dead, "mkstemp-abcdefghijklm-1"));
	unlink(join(dead, "mktemp-abcdefghijklm-2"));
	rmdir(dead);
	CHECK(rmdir(foreign) == 0);
}

static void
orphan_scenario(void)
{
	struct stage_reclaimed total = {0};
	struct stage_found *list = NULL;
	size_t count = 0;

	if (TRY(stage_orphan_list(sweep_root, &list, &count, &sweep_said)) == 0)
		stage_orphan_list_free(&list, count);
	sweep_reported +=
		TRY(stage_orphan_reclaim(sweep_root, &sweep_log, &total, &sweep_said)) < 0;
	sweep_reported += total.left;
}

/* An orphan that nothing keeps: it goes, or its staying is reported. */
static void
make_dead(void)
{
	make_found();
	unlink(join(dead, "stranger"));
	stage_dir_close(&live);
	rmdir(foreign);
}

SWEEP(dir, dir_scenario, NULL, NULL, NULL)
SWEEP(relative, relative_scenario, NULL, NULL, NULL)
SWEEP(names, names_scenario, NULL, NULL, NULL)
SWEEP(stranger, stranger_scenario, NULL, NULL, NULL)
SWEEP(swapped, swapped_scenario, NULL, NULL, NULL)
SWEEP(orphans, orphan_scenario, make_found, check_found, NULL)
/*
 * no lock, or a file system of which nothing is known; no machine-id, hence another machine; not to be
 * opened, hence another user's or gone
 */
SWEEP(orphan, orphan_scenario, make_dead, NULL, "flock fstatfs open openat read")

/*
 * Two things at once: a file cannot be made for want of space, and the table that is to shrink has
 * no memory for it. The reason that is given is the first.
 */
static void
right_reason(void)
{
	struct stage_dir *dir;
	char *paths[14], *path;
	size_t i;
	int fd;

	sweep_prepare();
	WORKS(stage_dir_open(sweep_root, NULL, &dir, &failure));
	for (i = 0; i < 14; i++)
		WORKS(stage_dir_mktemp(dir, &paths[i], &failure));
	wrap_begin_two("openat", ENOSPC, "calloc", ENOMEM);
	for (i = 0; i < 7; i++)
		stage_dir_forget(dir, paths[i], NULL);
	for (i = 7; i < 14; i++) {
		int code = stage_dir_mkstemp(dir, &fd, &path, &failure);

		wrap_pause(true);
		FAILS(code, STAGE_E_SYSTEM);
		CHECK(failure.sys_errno == ENOSPC);
		wrap_pause(false);
		stage_dir_forget(dir, paths[i], NULL);
	}
	wrap_end();
	for (i = 0; i < 14; i++)
		free(paths[i]);
	CHECK(stage_dir_cleanup(dir) == 0);
	stage_dir_close(&dir);
	sweep_clear();
}

static const struct test tests[] = {
	{"dir", dir},
	{"relative", relative},
	{"names", names},
	{"stranger", stranger},
	{"swapped", swapped},
	{"orphans", orphans},
	{"orphan", orphan},
	{"right_reason", right_reason},
	{NULL, NULL},
};

const struct suite suite_sweep_dir = {"sweep_dir", tests};
