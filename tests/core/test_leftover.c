/* What backends of the host leave in a staging directory, and how much of it may go. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dir.h"
#include "leftover.h"
#include "orphan.h"
#include "removable.h"
#include "spool_run.h"
#include "wrap.h"

static int
open_folder(void)
{
	return open(test_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static const char *const folders[] = {
	"duplicity_temp.1", "duplicity_temp.9999", "tmpabcdefgh", "tmp_1234567"};
static const char *const files[] = {"tmpabcdefgh", ".mktemp-abcdefghijklm-1.Ab3dEf"};
static const char *const others[] = {"duplicity_temp.", "duplicity_temp.1a", "duplicity_temp",
	"xduplicity_temp.1", "tmp", "tmpabcdefg", "tmpabcdefghi", "tmpABCDEFGH", "tmpabc.efgh",
	".name.Ab3dEf", ".mktemp-abcdefghijklm-1.Ab3dE", ".mktemp-abcdefghijklm-1.Ab3d.f",
	"mktemp-abcdefghijklm-1.Ab3dEf", ".", ".Ab3dEf"};
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* As par2 leaves it, in its folder. */
static void
fill(const char *folder)
{
	make_dir(in_dir(folder), 0700);
	make_file(join(in_dir(folder), "duplicity-full.vol1.difftar.gz.par2"), "12345", 0644);
	REQUIRE(symlink("/etc/passwd", join(in_dir(folder), "duplicity-full.vol1.difftar.gz")) ==
		0);
	make_dir(join(in_dir(folder), "deeper"), 0755);
	make_file(join(in_dir(folder), "deeper/file"), "123", 0600);
}

static void
names(void)
{
	int fd = open_folder();
	struct stat stat;
	size_t i;

	for (i = 0; i < COUNT(folders); i++) {
		CHECK(!stage_leftover_is(fd, folders[i], &stat));
		fill(folders[i]);
		CHECK(stage_leftover_is(fd, folders[i], &stat) && stat.st_size == 8);
		CHECK(stage_leftover_remove(fd, folders[i]) == 0);
		CHECK(!is_there(in_dir(folders[i])));
		/* the name alone is not enough */
		REQUIRE(symlink("/etc", in_dir(folders[i])) == 0);
		CHECK(!stage_leftover_is(fd, folders[i], &stat));
		unlink(in_dir(folders[i]));
	}
	make_file(in_dir("duplicity_temp.1"), "", 0600);
	CHECK(!stage_leftover_is(fd, "duplicity_temp.1", &stat));
	unlink(in_dir("duplicity_temp.1"));
	for (i = 0; i < COUNT(files); i++) {
		make_file(in_dir(files[i]), "123", 0600);
		CHECK(stage_leftover_is(fd, files[i], &stat) && stat.st_size == 3);
		CHECK(stage_leftover_remove(fd, files[i]) == 0 && !is_there(in_dir(files[i])));
	}
	make_dir(in_dir(files[1]), 0700);
	CHECK(!stage_leftover_is(fd, files[1], &stat));
	rmdir(in_dir(files[1]));
	for (i = 0; i < COUNT(others); i++) {
		if (strcmp(others[i], ".") == 0) {
			CHECK(!stage_leftover_is(fd, others[i], &stat));
			continue;
		}
		make_file(in_dir(others[i]), "", 0600);
		CHECK(!stage_leftover_is(fd, others[i], &stat));
		unlink(in_dir(others[i]));
		make_dir(in_dir(others[i]), 0700);
		CHECK(!stage_leftover_is(fd, others[i], &stat));
		rmdir(in_dir(others[i]));
	}
	CHECK(stage_leftover_remove(fd, "duplicity_temp.1") == 0);
	close(fd);
}

/* A folder in which there is anything that no backend makes stays, with all that is in it. */
static void
strangers(void)
{
	const char *folder = "duplicity_temp.1";
	int fd = open_folder(), i;
	char deep[512] = "duplicity_temp.1/d";
	struct stat stat;

	fill(folder);
	REQUIRE(mkfifo(join(in_dir(folder), "deeper/fifo"), 0600) == 0);
	CHECK(!stage_leftover_is(fd, folder, &stat));
	CHECK(stage_removable_remove(fd, test_dir, folder, &capture()->log, &stat) ==
		STAGE_NOT_OURS);
	HAS(captured.text, "duplicity_temp.1 was not made by stagedir and is left there");
	CHECK(count_entries(in_dir(folder)) == 3 &&
		count_entries(join(in_dir(folder), "deeper")) == 2);
	unlink(join(in_dir(folder), "deeper/fifo"));
	CHECK(stage_leftover_is(fd, folder, &stat));
	if (can_be_others("a file of another user in a folder of a backend")) {
		REQUIRE(chown(join(in_dir(folder), "deeper/file"), NOBODY, NOBODY) == 0);
		CHECK(!stage_leftover_is(fd, folder, &stat));
		REQUIRE(chown(join(in_dir(folder), "deeper/file"), 0, 0) == 0);
		REQUIRE(chown(join(in_dir(folder), "deeper"), NOBODY, NOBODY) == 0);
		CHECK(!stage_leftover_is(fd, folder, &stat));
		REQUIRE(chown(join(in_dir(folder), "deeper"), 0, 0) == 0);
	}
	/* for ever deeper is nobody's */
	for (i = 0; i < 18; i++) {
		make_dir(in_dir(deep), 0700);
		strcat(deep, "/d");
	}
	CHECK(!stage_leftover_is(fd, folder, &stat));
	remove_tree(in_dir(folder));
	close(fd);
}

/* In a namespace of its own, in the child. */
static int
mounted(void *context)
{
	const char *small = context;
	char folder[1024], inside[1100];
	struct stat stat;
	int fd, result = 0;

	snprintf(folder, sizeof(folder), "%s/duplicity_temp.1", small);
	snprintf(inside, sizeof(inside), "%s/inside", folder);
	if (mkdir(folder, 0700) < 0 || mkdir(inside, 0700) < 0)
		return 2;
	fd = open(small, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!stage_leftover_is(fd, "duplicity_temp.1", &stat))
		return 3;
	/* the same file system, by a bind mount, and another one */
	if (mount(small, inside, NULL, MS_BIND, NULL) < 0)
		return 4;
	if (stage_leftover_is(fd, "duplicity_temp.1", &stat) ||
		stage_leftover_remove(fd, "duplicity_temp.1") != EBUSY)
		result = 5;
	/* the same, where only the numbers of mounts tell */
	wrap_hide_mount_roots(true);
	if (stage_leftover_is(fd, "duplicity_temp.1", &stat) ||
		stage_leftover_remove(fd, "duplicity_temp.1") != EBUSY)
		result = 9;
	wrap_begin_two("statx", ENOSYS, "fsync", EIO);
	if (stage_leftover_remove(fd, "duplicity_temp.1") != EBUSY)
		result = 10;
	wrap_end();
	umount(inside);
	if (!stage_leftover_is(fd, "duplicity_temp.1", &stat))
		result = 11;
	wrap_hide_mount_roots(false);
	if (mount("tmpfs", inside, "tmpfs", 0, "size=1m") < 0)
		return 6;
	if (stage_leftover_is(fd, "duplicity_temp.1", &stat) ||
		stage_leftover_remove(fd, "duplicity_temp.1") != EPERM)
		result = 7;
	umount(inside);
	if (stage_leftover_remove(fd, "duplicity_temp.1") != 0)
		result = 8;
	close(fd);
	return result;
}

static void
mounts(void)
{
	CHECK(in_child_on_tmpfs(mounted, "a mount in a folder of a backend") == 0);
}

/* Whatever fails is told, and what is there then stays. */
static void
fails(void)
{
	static const struct {
		const char *function;
		int sys_errno;
	} failures[] = {{"openat", EMFILE}, {"fstat", EIO}, {"fstatat", EIO}, {"readdir", EIO},
		{"unlinkat", EROFS}};
	int fd = open_folder(), fds = count_fds(), failed;
	struct stat stat;
	size_t i;

	fill("duplicity_temp.1");
	for (i = 0; i < COUNT(failures); i++) {
		wrap_begin_two(failures[i].function, failures[i].sys_errno, failures[i].function,
			failures[i].sys_errno);
		failed = stage_leftover_remove(fd, "duplicity_temp.1");
		wrap_end();
		CHECK(failed == failures[i].sys_errno && count_fds() == fds);
		CHECK(count_entries(in_dir("duplicity_temp.1")) == 3);
	}
	/* where nobody can tell whether something is mounted */
	wrap_begin_two("statx", EPERM, "open", EMFILE);
	CHECK(stage_leftover_remove(fd, "duplicity_temp.1") == EBUSY && count_fds() == fds);
	wrap_end();
	wrap_begin_two("statx", EPERM, "read", EIO);
	CHECK(stage_leftover_remove(fd, "duplicity_temp.1") == EBUSY);
	CHECK(!stage_leftover_is(fd, "duplicity_temp.1", &stat));
	wrap_end();
	CHECK(count_fds() == fds && count_entries(in_dir("duplicity_temp.1")) == 3);
	wrap_begin_two("unlinkat", EROFS, "unlinkat", EROFS);
	CHECK(stage_removable_remove(fd, "DIR", "duplicity_temp.1", &capture()->log, &stat) ==
		STAGE_NOT_REMOVABLE);
	wrap_end();
	HAS(captured.text, "W:cannot remove DIR/duplicity_temp.1: Read-only file system");
	CHECK(stage_leftover_remove(fd, "duplicity_temp.1") == 0);
	close(fd);
}

static void
fill_at(const char *path)
{
	make_dir(join(path, "duplicity_temp.1"), 0700);
	make_file(join(path, "duplicity_temp.1/a.par2"), "12345", 0600);
	make_file(join(path, "tmpabcdefgh"), "12", 0600);
}

/* In the directories of a run: its own end, the end of a dead run, and its spool. */
static void
of_runs(void)
{
	struct stage_reclaimed total = {0};
	char path[1024], *made;
	size_t rest;
	uint64_t bytes;

	open_both();
	WORKS(stage_dir_mktemp(dir, &made, &failure));
	*strrchr(made, '/') = '\0';
	snprintf(path, sizeof(path), "%s", made);
	free(made);
	fill_at(path);
	fill_at(spool_path);
	close_both();
	CHECK(count_entries(test_dir) == 0 && captured.lines[STAGE_WARNING] == 0);

	open_both();
	stage("a", "1");
	close_both();
	fill_at(spool_path);
	adopt();
	stage_spool_rest(spool, &rest, &bytes);
	CHECK(rest == 2 && bytes == 7);
	stage_spool_close(&spool);
	CHECK(count_entries(spool_path) == 2 && captured.lines[STAGE_WARNING] == 0);
	adopt();
	finish();

	WORKS(stage_dir_open(test_dir, NULL, &dir, &failure));
	WORKS(stage_dir_mktemp(dir, &made, &failure));
	*strrchr(made, '/') = '\0';
	stage_dir_close(&dir);
	make_dir(made, 0700);
	fill_at(made);
	free(made);
	WORKS(stage_orphan_reclaim(test_dir, &capture()->log, &total, &failure));
	CHECK(total.files == 2 && total.bytes == 7 && captured.lines[STAGE_WARNING] == 0);
	CHECK(count_entries(test_dir) == 0);
}

static const struct test tests[] = {
	{"names", names},
	{"strangers", strangers},
	{"mounts", mounts},
	{"fails", fails},
	{"of_runs", of_runs},
	{NULL, NULL},
};

const struct suite suite_leftover = {"leftover", tests};
