/* Members of every kind, in every place, become what they were. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "unpack_run.h"

static void
check_stat(const char *path, mode_t mode, time_t mtime)
{
	struct stat stat;

	REQUIRE(lstat(path, &stat) == 0);
	CHECK(stat.st_mode == mode);
	CHECK(S_ISLNK(mode) || stat.st_mtim.tv_sec == mtime);
	CHECK(S_ISLNK(mode) || stat.st_mtim.tv_nsec == 0);
	CHECK(S_ISLNK(mode) || stat.st_atim.tv_sec >= time(NULL) - 60);
}

static void
check_owner(const char *path)
{
	struct stat stat;

	REQUIRE(lstat(path, &stat) == 0);
	CHECK(stat.st_uid == 1234 && stat.st_gid == 4321);
}

/* One of each kind. */
static void
add_kinds(struct stage_unpack *unpack)
{
	unpack_add(unpack, "", STAGE_ENTRY_DIRECTORY, 0750, 1000);
	unpack_file(unpack, "a", "content", 0640, 1001);
	unpack_add(unpack, "b", STAGE_ENTRY_DIRECTORY, 0500, 1002);
	unpack_file(unpack, "b/a", "", 04755, 0);
	unpack_add(unpack, "b/b", STAGE_ENTRY_DIRECTORY, 0, 1003);
	unpack_file(unpack, "b/b/c", "deeper", 0, 1004);
	unpack_add(unpack, "b/link", STAGE_ENTRY_LINK, 0777, 1);
	unpack_add(unpack, "b/pipe", STAGE_ENTRY_FIFO, 0604, 1005);
	unpack_add(unpack, "none", STAGE_ENTRY_NONE, 0, 0);
}

static void
check_kinds(const char *base)
{
	char target[64] = "";

	check_stat(base, S_IFDIR | 0750, 1000);
	check_stat(join(base, "a"), S_IFREG | 0640, 1001);
	CHECK(unpack_has(join(base, "a"), "content"));
	check_stat(join(base, "b"), S_IFDIR | 0500, 1002);
	check_stat(join(base, "b/a"), S_IFREG | 04755, 0);
	check_stat(join(base, "b/b"), S_IFDIR, 1003);
	check_stat(join(base, "b/pipe"), S_IFIFO | 0604, 1005);
	CHECK(readlink(join(base, "b/link"), target, sizeof(target) - 1) > 0);
	CHECK(strcmp(target, UNPACK_TARGET) == 0);
	CHECK(count_entries(base) == 2);
}

static void
kinds(void)
{
	static const struct stage_unpack_options owned = {.owners = true};
	struct stage_unpack *unpack = unpack_begin("t", &unpack_plain);

	add_kinds(unpack);
	CHECK(unpack_end(unpack) == 0);
	check_kinds(in_dir("t"));
	CHECK(chmod(in_dir("t/b/b"), 0700) == 0);
	check_stat(in_dir("t/b/b/c"), S_IFREG, 1004);
	CHECK(chmod(in_dir("t/b"), 0700) == 0);
	remove_tree(in_dir("t"));
	if (!can_be_others("owners and devices of what is unpacked"))
		return;
	unpack = unpack_begin("t", &owned);
	add_kinds(unpack);
	unpack_add(unpack, "x", STAGE_ENTRY_CHARACTER, 0620, 7);
	unpack_add(unpack, "y", STAGE_ENTRY_BLOCK, 0602, 8);
	CHECK(unpack_end(unpack) == 0);
	check_stat(in_dir("t/x"), S_IFCHR | 0620, 7);
	check_stat(in_dir("t/y"), S_IFBLK | 0602, 8);
	check_stat(in_dir("t/b/a"), S_IFREG | 04755, 0);
	check_owner(in_dir("t"));
	check_owner(in_dir("t/x"));
	check_owner(in_dir("t/b"));
	check_owner(in_dir("t/b/b/c"));
	check_owner(in_dir("t/b/link"));
	check_owner(in_dir("t/b/pipe"));
	remove_tree(in_dir("t"));
}

/* Files around the size from which on they are written at once, in pieces of odd sizes. */
static void
sizes(void)
{
	static const size_t sizes[] = {
		0, 1, STAGE_UNPACK_SMALL - 1, STAGE_UNPACK_SMALL, STAGE_UNPACK_SMALL + 1, 3000000};
	static const size_t pieces[] = {1000, 65536, 4000000};
	struct stage_unpack *unpack = unpack_begin("t", &unpack_plain);
	unsigned char *bytes = malloc(3000000);
	char name[32];
	size_t i, j;

	REQUIRE(bytes != NULL);
	for (i = 0; i < 3000000; i++)
		bytes[i] = (unsigned char)(i * i >> 7);
	for (i = 0; i < 6; i++) {
		for (j = 0; j < 3; j++) {
			snprintf(name, sizeof(name), "%zu-%zu", i, j);
			unpack_bytes(unpack, name, bytes, sizes[i], pieces[j]);
		}
	}
	CHECK(unpack_end(unpack) == 0);
	for (i = 0; i < 6; i++) {
		for (j = 0; j < 3; j++) {
			snprintf(name, sizeof(name), "t/%zu-%zu", i, j);
			CHECK(unpack_has_bytes(in_dir(name), bytes, sizes[i]));
			check_stat(in_dir(name), S_IFREG | 0644, 5);
		}
	}
	free(bytes);
	remove_tree(in_dir("t"));
}

/* Takes the first of a chain of folders out of it, again and again: a path through all is too long. */
static void
remove_chain(const char *base)
{
	char first[512], second[512], spare[512], inside[512];

	snprintf(first, sizeof(first), "%s/d", base);
	snprintf(second, sizeof(second), "%s/d/d", base);
	snprintf(spare, sizeof(spare), "%s/e", base);
	snprintf(inside, sizeof(inside), "%s/d/f", base);
	while (is_there(first)) {
		rename(second, spare);
		unlink(inside);
		REQUIRE(rmdir(first) == 0);
		rename(spare, first);
	}
	remove_tree(base);
}

/* Goes down, and says how deep it was as wanted: with a file at every 500th. */
static size_t
measure(const char *base)
{
	int fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC), next;
	struct stat stat;
	size_t depth = 0;

	while ((next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0) {
		close(fd);
		fd = next;
		if (fstat(fd, &stat) < 0 || (stat.st_mode & 07777) != 0711 ||
			stat.st_mtime != (time_t)depth)
			break;
		if (depth % 500 == 0 && fstatat(fd, "f", &stat, AT_SYMLINK_NOFOLLOW) < 0)
			break;
		depth++;
	}
	close(fd);
	return depth;
}

static void
deep(void)
{
	size_t depth = 5000, i;
	char *path = malloc(2 * depth + 2);
	struct stage_unpack *unpack = unpack_begin("t", &unpack_plain);
	int before = count_fds();

	REQUIRE(path != NULL);
	for (i = 0; i < depth; i++) {
		memcpy(path + 2 * i, "/d", 3);
		unpack_add(unpack, path + 1, STAGE_ENTRY_DIRECTORY, 0711, (int)i);
	}
	CHECK(count_fds() <= before + 24);
	/* the order of a tree: a name behind "d" comes when all in that was left */
	for (i = depth; i-- > 0;) {
		if (i % 500 != 0)
			continue;
		memcpy(path + 2 * (i + 1), "/f", 3);
		unpack_file(unpack, path + 1, "f", 0644, 5);
		CHECK(count_fds() <= before + 24);
	}
	CHECK(unpack_end(unpack) == 0);
	CHECK(measure(in_dir("t")) == depth);
	free(path);
	remove_chain(in_dir("t"));
}

/* Many folders that are left with something on its way: no more descriptors than are promised. */
static void
many(void)
{
	size_t folders = scaled(2000), files = 10, i, j;
	struct stage_unpack *unpack = unpack_begin("t", &unpack_plain);
	int before = count_fds(), most = 0, now;
	char name[64];

	for (i = 0; i < folders; i++) {
		snprintf(name, sizeof(name), "%05zu", i);
		unpack_add(unpack, name, STAGE_ENTRY_DIRECTORY, 0500, (int)i);
		for (j = 0; j < files; j++) {
			snprintf(name, sizeof(name), "%05zu/%zu", i, j);
			unpack_file(unpack, name, name, 0600, (int)j);
		}
		now = count_fds();
		most = now > most ? now : most;
	}
	CHECK(most - before <= 80);
	CHECK(unpack_end(unpack) == 0);
	for (i = 0; i < folders; i++) {
		snprintf(name, sizeof(name), "t/%05zu", i);
		check_stat(in_dir(name), S_IFDIR | 0500, (time_t)i);
		CHECK(count_entries(in_dir(name)) == (int)files);
		snprintf(name, sizeof(name), "t/%05zu/9", i);
		CHECK(unpack_has(in_dir(name), name + 2));
		snprintf(name, sizeof(name), "t/%05zu", i);
		chmod(in_dir(name), 0700);
	}
	remove_tree(in_dir("t"));
}

/* Folders that are no members: made for a folder, needed by all else. */
static void
missing(void)
{
	struct stage_unpack *unpack = unpack_begin("t", &unpack_plain);

	unpack_add(unpack, "a/b/c", STAGE_ENTRY_DIRECTORY, 0700, 1);
	unpack_file(unpack, "a/b/d", "d", 0600, 2);
	unpack_file(unpack, "b/c", "lost", 0600, 2);
	unpack_fails(unpack, STAGE_UNPACK_OPEN, ENOENT, "b/c");
	unpack_file(unpack, "e", "e", 0600, 2);
	unpack_file(unpack, "e/f", "below a file", 0600, 2);
	unpack_fails(unpack, STAGE_UNPACK_OPEN, ENOTDIR, "e/f");
	unpack_add(unpack, "e/g/h", STAGE_ENTRY_DIRECTORY, 0700, 1);
	unpack_fails(unpack, STAGE_UNPACK_MKDIR, ENOTDIR, "e/g/h");
	unpack_file(unpack, "e/g/h/i", "in a folder that is not there", 0600, 2);
	CHECK(unpack_end(unpack) == 0);
	CHECK(unpack_has(in_dir("t/a/b/d"), "d"));
	check_stat(in_dir("t/a/b/c"), S_IFDIR | 0700, 1);
	CHECK(count_entries(in_dir("t")) == 2);
	unpack_mode(in_dir("t/a"), 0755);
	unpack_mode(in_dir("t/a/b"), 0755);
	remove_tree(in_dir("t"));
}

static void
wrong_order(void)
{
	struct stage_unpack *unpack = unpack_begin("t", &unpack_plain);
	struct stage_entry base = {.index = "", .type = STAGE_ENTRY_DIRECTORY};

	FAILS(stage_unpack_write(unpack, "a", 1, &failure), STAGE_E_ARGUMENT);
	FAILS(stage_unpack_end(unpack, true, &failure), STAGE_E_ARGUMENT);
	unpack_start_file(unpack, "a", 0600, 1);
	FAILS(stage_unpack_add(unpack, &base, &failure), STAGE_E_ARGUMENT);
	FAILS(stage_unpack_finish(unpack, true, &failure), STAGE_E_ARGUMENT);
	WORKS(stage_unpack_end(unpack, true, &failure));
	FAILS(stage_unpack_add(unpack, &base, &failure), STAGE_E_ARGUMENT);
	WORKS(stage_unpack_finish(unpack, true, &failure));
	FAILS(stage_unpack_finish(unpack, true, &failure), STAGE_E_ARGUMENT);
	stage_unpack_close(&unpack);
	stage_unpack_close(&unpack);
	unpack_closed();
	remove_tree(in_dir("t"));
}

/* Closed before its end: what was added is there, without attributes, and with the modes of new files. */
static void
unfinished(void)
{
	struct stage_unpack *unpack = unpack_begin("t", &unpack_plain);

	unpack_add(unpack, "", STAGE_ENTRY_DIRECTORY, 0500, 1);
	unpack_add(unpack, "a", STAGE_ENTRY_DIRECTORY, 0500, 1);
	unpack_file(unpack, "a/b", "b", 0400, 1);
	unpack_start_file(unpack, "a/c", 0400, 1);
	WORKS(stage_unpack_write(unpack, "half", 4, &failure));
	stage_unpack_close(&unpack);
	unpack_closed();
	unpack_mode(in_dir("t"), 0700);
	unpack_mode(in_dir("t/a"), 0755);
	unpack_mode(in_dir("t/a/b"), 0400);
	unpack_mode(in_dir("t/a/c"), 0644);
	CHECK(unpack_has(in_dir("t/a/c"), "half"));
	remove_tree(in_dir("t"));
}

static int
add_in_child(void *context)
{
	struct stage_unpack *unpack = context;
	struct stage_entry entry = {.index = "x", .index_length = 1, .type = STAGE_ENTRY_FIFO};
	int code = stage_unpack_add(unpack, &entry, &failure);

	stage_unpack_close(&unpack);
	return code == STAGE_E_FORKED && !unpack && !is_there(in_dir("t/x")) ? 0 : 1;
}

static void
forked(void)
{
	struct stage_unpack *unpack = unpack_begin("t", &unpack_plain);

	unpack_file(unpack, "a", "a", 0600, 1);
	CHECK(in_child_beside_threads(add_in_child, unpack) == 0);
	unpack_file(unpack, "b", "b", 0600, 1);
	CHECK(unpack_end(unpack) == 0);
	CHECK(count_entries(in_dir("t")) == 2);
	remove_tree(in_dir("t"));
}

static const struct test tests[] = {
	{"kinds", kinds},
	{"sizes", sizes},
	{"deep", deep},
	{"many", many},
	{"missing", missing},
	{"wrong_order", wrong_order},
	{"unfinished", unfinished},
	{"forked", forked},
	{NULL, NULL},
};

const struct suite suite_unpack = {"unpack", tests};
