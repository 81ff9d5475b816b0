/* What cannot be written is told, of each member, and nothing is written elsewhere. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unpack_run.h"
#include "wrap.h"

static void
begin_failing(const char *function, int sys_errno)
{
	wrap_begin_two(function, sys_errno, "fsync", EIO);
}

/* Names that lead elsewhere, or nowhere. */
static void
names(void)
{
	static const char *const bad[] = {
		"..", "../a", "a/../b", "/a", "a/", "a//b", ".", "./a", "a/.", "a/.."};
	struct stage_entry cut = {.index = "a\0b", .index_length = 3, .type = STAGE_ENTRY_FIFO};
	struct stage_entry link = {.index = "l",
		.index_length = 1,
		.type = STAGE_ENTRY_LINK,
		.target = "a\0b",
		.target_length = 3};
	struct stage_unpack *unpack = unpack_begin("t", &unpack_plain);
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		unpack_add(unpack, bad[i], STAGE_ENTRY_FIFO, 0600, 1);
		unpack_fails(unpack, STAGE_UNPACK_MKFIFO, EINVAL, bad[i]);
		unpack_file(unpack, bad[i], "x", 0600, 1);
		unpack_fails(unpack, STAGE_UNPACK_OPEN, EINVAL, bad[i]);
	}
	WORKS(stage_unpack_add(unpack, &cut, &failure));
	unpack_fails(unpack, STAGE_UNPACK_MKFIFO, EINVAL, "a");
	WORKS(stage_unpack_add(unpack, &link, &failure));
	unpack_fails(unpack, STAGE_UNPACK_SYMLINK, EINVAL, "l");
	unpack_add(unpack, "..", STAGE_ENTRY_DIRECTORY, 0600, 1);
	unpack_fails(unpack, STAGE_UNPACK_MKDIR, EINVAL, "..");
	unpack_file(unpack, "../a", "lost", 0600, 1);
	CHECK(unpack_end(unpack) == 0);
	CHECK(count_entries(in_dir("t")) == 0 && count_entries(test_dir) == 1);
	remove_tree(in_dir("t"));
}

/* An archive that makes a link, then puts something behind it. */
static void
links(void)
{
	struct stage_unpack *unpack;

	make_dir(in_dir("of a link"), 0700);
	unpack = unpack_begin("t", &unpack_plain);
	unpack_add(unpack, "a", STAGE_ENTRY_LINK, 0777, 1);
	unpack_file(unpack, "a/b", "b", 0600, 1);
	unpack_fails(unpack, STAGE_UNPACK_OPEN, ENOTDIR, "a/b");
	unpack_add(unpack, "a/c", STAGE_ENTRY_DIRECTORY, 0700, 1);
	unpack_fails(unpack, STAGE_UNPACK_MKDIR, ENOTDIR, "a/c");
	unpack_add(unpack, "a", STAGE_ENTRY_DIRECTORY, 0700, 1);
	unpack_fails(unpack, STAGE_UNPACK_MKDIR, EEXIST, "a");
	CHECK(unpack_end(unpack) == 0);
	CHECK(count_entries(in_dir("of a link")) == 0);
	remove_tree(in_dir("of a link"));
	remove_tree(in_dir("t"));
}

/* What is there already, of whatever kind, is left as it is. */
static void
existing(void)
{
	struct stage_unpack *unpack = unpack_begin("t", &unpack_plain);

	make_file(in_dir("outside"), "outside", 0600);
	make_file(in_dir("t/file"), "old", 0640);
	REQUIRE(symlink("../outside", in_dir("t/link")) == 0);
	make_dir(in_dir("t/folder"), 0700);
	unpack_file(unpack, "file", "new", 0600, 1);
	unpack_fails(unpack, STAGE_UNPACK_OPEN, EEXIST, "file");
	unpack_file(unpack, "link", "new", 0600, 1);
	unpack_fails(unpack, STAGE_UNPACK_OPEN, EEXIST, "link");
	unpack_add(unpack, "link", STAGE_ENTRY_LINK, 0600, 1);
	unpack_fails(unpack, STAGE_UNPACK_SYMLINK, EEXIST, "link");
	unpack_add(unpack, "file", STAGE_ENTRY_FIFO, 0600, 1);
	unpack_fails(unpack, STAGE_UNPACK_MKFIFO, EEXIST, "file");
	unpack_add(unpack, "folder", STAGE_ENTRY_DIRECTORY, 0711, 1);
	unpack_fails(unpack, STAGE_UNPACK_MKDIR, EEXIST, "folder");
	unpack_file(unpack, "folder/in it", "lost", 0600, 1);
	CHECK(unpack_end(unpack) == 0);
	CHECK(unpack_has(in_dir("outside"), "outside") && unpack_has(in_dir("t/file"), "old"));
	unpack_mode(in_dir("t/file"), 0640);
	unpack_mode(in_dir("t/folder"), 0700);
	CHECK(count_entries(in_dir("t/folder")) == 0);
	remove_tree(in_dir("t"));
	unlink(in_dir("outside"));
}

static int
unpack_as_other(void *context)
{
	static const struct stage_unpack_options owned = {.owners = true, .mask = 022},
						 ignoring = {.owners = true,
							 .ignores_errors = true,
							 .mask = 022};
	int before = (int)CU_get_number_of_failures();
	struct stage_unpack *unpack;

	(void)context;
	unpack = unpack_begin("t/owned", &owned);
	unpack_file(unpack, "a", "a", 0640, 1);
	unpack_fails(unpack, STAGE_UNPACK_CHOWN, EPERM, "a");
	unpack_add(unpack, "l", STAGE_ENTRY_LINK, 0777, 1);
	unpack_fails(unpack, STAGE_UNPACK_LCHOWN, EPERM, "l");
	unpack_add(unpack, "n", STAGE_ENTRY_BLOCK, 0600, 1);
	unpack_fails(unpack, STAGE_UNPACK_MKNOD, EPERM, "n");
	unpack_add(unpack, "p", STAGE_ENTRY_FIFO, 0600, 1);
	unpack_fails(unpack, STAGE_UNPACK_CHOWN, EPERM, "p");
	unpack_add(unpack, "q", STAGE_ENTRY_DIRECTORY, 0700, 1);
	unpack_file(unpack, "r", "", 0600, 1);
	unpack_fails(unpack, STAGE_UNPACK_CHOWN, EPERM, "q");
	unpack_fails(unpack, STAGE_UNPACK_CHOWN, EPERM, "r");
	CHECK(unpack_end(unpack) == 0);
	unpack_mode(in_dir("t/owned/a"), 0644);
	unpack_mode(in_dir("t/owned/p"), 0644);
	unpack_mode(in_dir("t/owned/q"), 0755);
	unpack = unpack_begin("t/ignoring", &ignoring);
	unpack_file(unpack, "a", "a", 0640, 1);
	unpack_fails(unpack, STAGE_UNPACK_CHOWN, EPERM, "a");
	CHECK(unpack_end(unpack) == 0);
	unpack_mode(in_dir("t/ignoring/a"), 0640);
	return (int)CU_get_number_of_failures() - before;
}

/* Owners cannot be set: the rest is left out, unless errors are to be ignored. */
static void
owners(void)
{
	if (!can_be_others("owners of what somebody else unpacks"))
		return;
	make_dir(in_dir("t"), 0777);
	CHECK(chmod(test_dir, 0755) == 0);
	CHECK(in_child(unpack_as_other, NULL, NOBODY) == 0);
	remove_tree(in_dir("t"));
}

static int
fill_tmpfs(void *context)
{
	const char *place = context;
	int fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC), failures = 0;
	int before = (int)CU_get_number_of_failures();
	struct stage_unpack *unpack = unpack_begin_at(fd, &unpack_plain);
	unsigned char *bytes = calloc(1, 900000);
	struct stage_unpack_failed failed;

	unpack_bytes(unpack, "a", bytes, 900000, 65536);
	unpack_bytes(unpack, "b", bytes, 900000, 65536); /* written by the caller */
	unpack_bytes(unpack, "c", bytes, 200000, 65536); /* by a thread */
	WORKS(stage_unpack_finish(unpack, true, &failure));
	while (stage_unpack_failure(unpack, &failed)) {
		CHECK(failed.call == STAGE_UNPACK_WRITE && failed.sys_errno == ENOSPC);
		failures++;
	}
	CHECK(failures == 2);
	stage_unpack_close(&unpack);
	unpack_mode(join(place, "a"), 0644);
	unpack_mode(join(place, "c"), 0644);
	free(bytes);
	return (int)CU_get_number_of_failures() - before;
}

static void
full(void)
{
	CHECK(in_child_on_tmpfs(fill_tmpfs, "unpacking to a full disk") == 0);
}

/* Swaps a folder for a link and back, as fast as it can. */
struct swapping {
	atomic_bool ended;
	const char *folder, *aside, *target;
};

static void *
swap(void *context)
{
	struct swapping *swapping = context;

	while (!atomic_load(&swapping->ended)) {
		if (rename(swapping->folder, swapping->aside) < 0)
			continue;
		(void)!symlink(swapping->target, swapping->folder);
		unlink(swapping->folder);
		rename(swapping->aside, swapping->folder);
	}
	return NULL;
}

/* Adds a folder, deep enough that it is closed and opened again, and files in it. */
static void
fill_swapped(struct stage_unpack *unpack, size_t count)
{
	char name[256];
	size_t i, length;

	unpack_add(unpack, "a", STAGE_ENTRY_DIRECTORY, 0755, 1);
	length = (size_t)snprintf(name, sizeof(name), "a");
	for (i = 0; i < 40; i++) {
		length += (size_t)snprintf(name + length, sizeof(name) - length, "/d");
		unpack_add(unpack, name, STAGE_ENTRY_DIRECTORY, 0755, 1);
	}
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "a/f%06zu", i);
		unpack_file(unpack, name, "file", 0644, 1);
	}
}

static void
swapped(void)
{
	struct swapping swapping = {.target = "../outside"};
	char folder[512], aside[512];
	struct stage_unpack *unpack;
	size_t count = scaled(5000);
	pthread_t thread;
	int lost, found;

	snprintf(folder, sizeof(folder), "%s", in_dir("t/a"));
	snprintf(aside, sizeof(aside), "%s", in_dir("t/b"));
	swapping.folder = folder;
	swapping.aside = aside;
	make_dir(in_dir("outside"), 0700);
	unpack = unpack_begin("t", &unpack_plain);
	REQUIRE(pthread_create(&thread, NULL, swap, &swapping) == 0);
	fill_swapped(unpack, count);
	atomic_store(&swapping.ended, true);
	pthread_join(thread, NULL);
	lost = unpack_end(unpack);
	CHECK(count_entries(in_dir("outside")) == 0);
	/* it may have been away when it was to be opened again, whenever that was: each file that is not in it was told of */
	found = count_entries(in_dir("t/a"));
	CHECK(found <= 1 + (int)count && found + lost >= 1 + (int)count);
	remove_tree(in_dir("t"));
	remove_tree(in_dir("outside"));
}

static void
system_calls(void)
{
	static const unsigned char bytes[STAGE_UNPACK_SMALL + 1];
	struct stage_unpack *unpack = unpack_begin("t", &unpack_plain);

	begin_failing("write", EIO);
	unpack_file(unpack, "a", "a", 0600, 1);
	unpack_fails(unpack, STAGE_UNPACK_WRITE, EIO, "a");
	unpack_bytes(unpack, "b", bytes, sizeof(bytes), sizeof(bytes));
	unpack_fails(unpack, STAGE_UNPACK_WRITE, EIO, "b");
	wrap_end();
	begin_failing("fchmod", EIO);
	unpack_file(unpack, "c", "c", 0640, 1);
	unpack_fails(unpack, STAGE_UNPACK_CHMOD, EIO, "c");
	wrap_end();
	begin_failing("mkdirat", ENOSPC);
	unpack_add(unpack, "d", STAGE_ENTRY_DIRECTORY, 0700, 1);
	unpack_fails(unpack, STAGE_UNPACK_MKDIR, ENOSPC, "d");
	unpack_file(unpack, "d/e", "lost", 0600, 1);
	wrap_end();
	begin_failing("fstat", EIO);
	unpack_add(unpack, "f", STAGE_ENTRY_DIRECTORY, 0700, 1);
	unpack_fails(unpack, STAGE_UNPACK_MKDIR, EIO, "f");
	wrap_end();
	begin_failing("openat", EMFILE);
	unpack_file(unpack, "g", "g", 0640, 1);
	unpack_fails(unpack, STAGE_UNPACK_OPEN, EMFILE, "g");
	wrap_end();
	CHECK(unpack_end(unpack) == 0);
	CHECK(count_entries(in_dir("t")) == 4);
	remove_tree(in_dir("t"));
}

static void
without_threads(void)
{
	struct stage_unpack *unpack;

	begin_failing("pthread_create", EAGAIN);
	unpack = unpack_begin("t", &unpack_plain);
	unpack_add(unpack, "a", STAGE_ENTRY_DIRECTORY, 0500, 1);
	unpack_file(unpack, "a/b", "b", 0600, 1);
	unpack_file(unpack, "c", "c", 0600, 1);
	CHECK(is_there(in_dir("t/c")));
	unpack_mode(in_dir("t/a"), 0500);
	CHECK(unpack_end(unpack) == 0);
	wrap_end();
	CHECK(unpack_has(in_dir("t/a/b"), "b"));
	remove_tree(in_dir("t"));
}

static void
without_memory(void)
{
	static const struct stage_entry file = {.index = "f",
						.index_length = 1,
						.type = STAGE_ENTRY_FILE},
					folder = {.index = "d",
						.index_length = 1,
						.type = STAGE_ENTRY_DIRECTORY};
	struct stage_unpack *unpack;

	begin_failing("calloc", ENOMEM);
	FAILS(stage_unpack_open(0, &unpack_plain, &unpack, &failure), STAGE_E_MEMORY);
	wrap_end();
	begin_failing("pthread_mutex_init", EAGAIN);
	FAILS(stage_unpack_open(0, &unpack_plain, &unpack, &failure), STAGE_E_SYSTEM);
	wrap_end();
	unpack = unpack_begin("t", &unpack_plain);
	begin_failing("malloc", ENOMEM);
	FAILS(stage_unpack_add(unpack, &file, &failure), STAGE_E_MEMORY);
	FAILS(stage_unpack_add(unpack, &folder, &failure), STAGE_E_MEMORY);
	wrap_end();
	WORKS(stage_unpack_add(unpack, &file, &failure));
	begin_failing("realloc", ENOMEM);
	FAILS(stage_unpack_write(unpack, "a", 1, &failure), STAGE_E_MEMORY);
	wrap_end();
	WORKS(stage_unpack_end(unpack, false, &failure));
	CHECK(unpack_end(unpack) == 0);
	CHECK(count_entries(in_dir("t")) == 1);
	remove_tree(in_dir("t"));
}

static const struct test tests[] = {
	{"names", names},
	{"links", links},
	{"existing", existing},
	{"owners", owners},
	{"full", full},
	{"swapped", swapped},
	{"system_calls", system_calls},
	{"without_threads", without_threads},
	{"without_memory", without_memory},
	{NULL, NULL},
};

const struct suite suite_unpack_failures = {"unpack_failures", tests};
