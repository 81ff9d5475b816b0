/*
 * Another spool of this process counts as another run's: runs are told apart by the directories that
 * they hold. Where it matters that they are processes, they are.
 */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lockdir.h"
#include "orphan.h"
#include "reserve_internal.h"
#include "reserve_run.h"
#include "spool_find.h"
#include "wrap.h"

#define MIB ((uint64_t)1024 * 1024)

static int
reserve(struct run *run, uint64_t bytes, uint64_t limit, struct stage_reserved *ret_room)
{
	return stage_spool_reserve(run->spool, run->path, bytes, limit, ret_room, &failure);
}

static const char *
room_file(const struct run *run)
{
	return join(stage_spool_path(run->spool), STAGE_RESERVE_NAME);
}

/* Makes what was reserved for, with so many bytes on the disk. */
static void
write_reserved(const struct run *run, size_t bytes)
{
	char *content = calloc(1, bytes + 1);
	int fd = open(run->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	REQUIRE(content && fd >= 0);
	memset(content, 'x', bytes);
	CHECK(write(fd, content, bytes) == (ssize_t)bytes);
	CHECK(fsync(fd) == 0);
	close(fd);
	free(content);
}

static void
accept_reserved(struct run *run)
{
	struct stage_spool_file *file;

	WORKS(stage_spool_accept(run->spool, run->dir, run->path, "x", "", &file, &failure));
}

static void
forget_first(struct run *run)
{
	struct stage_spool_file *file = stage_spool_files(run->spool);

	WORKS(stage_spool_forget(run->spool, &file, &failure));
}

static uint64_t
blocks_of(const char *path)
{
	struct stat stat;

	return lstat(path, &stat) == 0 ? (uint64_t)stat.st_blocks * 512 : 0;
}

static void
alone(void)
{
	struct stage_reserved room = {1, 1, 1, 1, 1, true};
	struct run run;

	CHECK(reserve_run_begin(&run, test_dir) == 0);
	WORKS(reserve(&run, MIB, 0, &room));
	CHECK(is_there(room_file(&run)));
	CHECK(room.free > 0 && !room.promised && !room.staged && !room.orphaned && !room.others);
	/* once more, in its place */
	WORKS(reserve(&run, 2 * MIB, 2 * MIB, &room));
	CHECK(!room.promised && !room.others);
	write_reserved(&run, 1000);
	accept_reserved(&run);
	CHECK(!is_there(room_file(&run)));
	free(run.path);
	WORKS(stage_dir_mktemp(run.dir, &run.path, &failure));
	WORKS(reserve(&run, 1, 0, &room));
	CHECK(room.staged == 1000 && !room.others);
	/* the last byte of the limit, and one more */
	WORKS(reserve(&run, 1000, 2000, &room));
	FAILS(reserve(&run, 1001, 2000, &room), STAGE_E_NO_ROOM);
	CHECK(!is_there(room_file(&run)) && room.staged == 1000);
	memset(&room, 0, sizeof(room));
	FAILS(reserve(&run, UINT64_MAX, 0, &room), STAGE_E_NO_ROOM);
	CHECK(room.free > 0 && room.free < UINT64_MAX && !is_there(room_file(&run)));
	HAS(failure.message, test_dir);
	WORKS(reserve(&run, 1, 0, &room));
	reserve_run_end(&run);
	CHECK(count_entries(test_dir) == 0);
}

static void
wrong_arguments(void)
{
	struct stage_reserved room = {7, 7, 7, 7, 7, true};
	struct run run, other;
	const char *const paths[] = {"", "/", "x", "mktemp-abcdefghijklm-1", test_dir,
		in_dir("mktemp-abcdefghijklm-1"), in_dir("x/mktemp-abcdefghijklm-1"),
		"/tmp/stagedir-0123456789abcdef-4711-abcdefghijklmnop/mktemp-abcdefghijklm-1",
		in_dir("stagedir-0123456789abcdef-4711-abcdefghijklmnop/../../mktemp-abcdefghijklm-1"),
		in_dir("stagedir-0123456789abcdef-4711-abcdefghijklmnop/x")};
	size_t i;

	CHECK(reserve_run_begin(&run, test_dir) == 0 && reserve_run_begin(&other, test_dir) == 0);
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		WORKS(reserve(&run, 1, 0, &room));
		memset(&room, 7, sizeof(room));
		FAILS(stage_spool_reserve(run.spool, paths[i], 1, 0, &room, &failure),
			STAGE_E_ARGUMENT);
		CHECK(room.free == UINT64_C(0x0707070707070707));
		CHECK(!is_there(room_file(&run)));
	}
	/* the file of any staging directory in that root */
	WORKS(stage_spool_reserve(run.spool, other.path, 1, 0, &room, &failure));
	reserve_run_end(&run);
	reserve_run_end(&other);
}

/* What is never enough is a setting, not a lack of room. */
static void
small_limit(void)
{
	struct stage_reserved room;
	struct run run;

	CHECK(reserve_run_begin(&run, test_dir) == 0);
	WORKS(reserve(&run, 100, 100, &room));
	FAILS(reserve(&run, 101, 100, &room), STAGE_E_SETTING);
	HAS(failure.message, "max_staged is 100 bytes");
	HAS(failure.message, "101");
	CHECK(!is_there(room_file(&run)));
	reserve_run_end(&run);
}

static void
several(void)
{
	struct stage_reserved room;
	struct run first, second, third;

	CHECK(reserve_run_begin(&first, test_dir) == 0 &&
		reserve_run_begin(&second, test_dir) == 0 &&
		reserve_run_begin(&third, test_dir) == 0);
	WORKS(reserve(&first, 400, 1000, &room));
	WORKS(reserve(&second, 400, 1000, &room));
	CHECK(room.promised == 400 && room.staged == 0 && room.others);
	FAILS(reserve(&third, 400, 1000, &room), STAGE_E_NO_ROOM);
	CHECK(room.promised == 800 && room.others);
	HAS(failure.message, "800 are promised to other runs");
	/* what did not get room is in nobody's way */
	WORKS(reserve(&first, 600, 1000, &room));
	WORKS(reserve(&first, 400, 1000, &room));
	/* what is staged counts as what it is */
	write_reserved(&first, 300);
	accept_reserved(&first);
	FAILS(reserve(&third, 301, 1000, &room), STAGE_E_NO_ROOM);
	CHECK(room.promised == 400 && room.staged == 300 && room.others);
	WORKS(reserve(&third, 300, 1000, &room));
	/* and not at all when it was handed off */
	forget_first(&first);
	WORKS(reserve(&third, 600, 1000, &room));
	CHECK(room.promised == 400 && room.staged == 0);
	reserve_run_end(&second);
	WORKS(reserve(&third, 1000, 1000, &room));
	CHECK(room.promised == 0 && room.staged == 0 && !room.others);
	reserve_run_end(&first);
	reserve_run_end(&third);
}

/* What is written already is in what the file system has no more. */
static void
written_part(void)
{
	struct stage_reserved room;
	struct run first, second;

	CHECK(reserve_run_begin(&first, test_dir) == 0 &&
		reserve_run_begin(&second, test_dir) == 0);
	WORKS(reserve(&first, MIB, 0, &room));
	write_reserved(&first, MIB / 4);
	CHECK(blocks_of(first.path) >= MIB / 4);
	WORKS(reserve(&second, 1, 0, &room));
	CHECK(room.promised == MIB - blocks_of(first.path));
	/* a hole is not written */
	CHECK(truncate(first.path, (off_t)MIB) == 0);
	WORKS(reserve(&second, 1, 0, &room));
	CHECK(room.promised == MIB - blocks_of(first.path) && room.promised > MIB / 2);
	/* more than was reserved is no less than nothing */
	write_reserved(&first, 2 * MIB);
	WORKS(reserve(&second, 1, 0, &room));
	CHECK(room.promised == 0 && room.others);
	/* for a limit it counts whole */
	FAILS(reserve(&second, MIB, 2 * MIB - 1, &room), STAGE_E_NO_ROOM);
	WORKS(reserve(&second, MIB, 2 * MIB, &room));
	reserve_run_end(&first);
	reserve_run_end(&second);
}

static int
reserve_and_die(void *context)
{
	struct stage_spool_file *file;
	struct stage_reserved room;
	struct run run;

	if (reserve_run_begin(&run, context) < 0)
		return 1;
	close(open(run.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	if (truncate(run.path, 100) < 0 ||
		stage_spool_accept(run.spool, run.dir, run.path, "x", "", &file, NULL) < 0 ||
		stage_spool_seal(run.spool, file, NULL) < 0)
		return 2;
	if (stage_dir_mktemp(run.dir, &run.path, NULL) < 0)
		return 3;
	return stage_spool_reserve(run.spool, run.path, MIB, 0, &room, NULL);
}

static void
dead_ones(void)
{
	char *root = strdup(test_dir);
	struct stage_spool_file *file;
	struct stage_spool_found *found;
	struct stage_reclaimed total = {0};
	struct stage_spool *adopted;
	struct stage_reserved room;
	size_t count, dead;
	struct run run;

	CHECK(in_child(reserve_and_die, root, -1) == 0);
	CHECK(reserve_run_begin(&run, test_dir) == 0);
	WORKS(reserve(&run, 50, 50, &room));
	CHECK(room.promised == 0 && room.staged == 0 && room.orphaned == 100 && !room.others);
	/* taken over, it counts again; what was reserved does not, once that was closed */
	WORKS(stage_spool_find(test_dir, &found, &count, &failure));
	REQUIRE(count == 2);
	dead = found[0].owner != STAGE_OWNER_DEAD;
	WORKS(stage_spool_adopt(found[dead].path, false, NULL, &adopted, &failure));
	FAILS(reserve(&run, 50, 50, &room), STAGE_E_NO_ROOM);
	CHECK(room.staged == 100 && room.orphaned == 0 && room.others);
	file = stage_spool_files(adopted);
	WORKS(stage_spool_forget(adopted, &file, &failure));
	stage_spool_close(&adopted);
	WORKS(reserve(&run, 50, 50, &room));
	CHECK(room.staged == 0 && room.promised == 0 && !room.others);
	stage_spool_find_free(&found, count);
	reserve_run_end(&run);
	WORKS(stage_orphan_reclaim(test_dir, NULL, &total, &failure));
	free(root);
}

/* Whatever stands in the file of another run, nothing outside of the root is looked at. */
static void
odd_files(void)
{
	static const char *const nothing[] = {"", "\n", "x\n", "100\n", "100 \n", " 100 %s\n",
		"-1 %s\n", "+100 %s\n", "0x10 %s\n", "100 %s", "100 %s\nx", "100 %s\n\n",
		"100  %s\n", "100 %sx\n", "99999999999999999999999999 %s\n",
		"100 ../../../../../../etc/passwd\n", "100 /etc/passwd\n", "100 ../%s\n",
		"100 stagedir-0123456789abcdef-4711-abcdefghijklmnop/../%s\n",
		"100 stagedir-0123456789abcdef-4711-abcdefghijklmnop\n",
		"100 mktemp-abcdefghijklm-1\n"};
	struct stage_reserved room;
	struct run run, other;
	char line[4096], *what, *victim;
	size_t i;

	CHECK(reserve_run_begin(&run, test_dir) == 0 && reserve_run_begin(&other, test_dir) == 0);
	what = other.path + strlen(test_dir) + 1;
	for (i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		const char *here = strstr(nothing[i], "%s");

		snprintf(line, sizeof(line), "%.*s%s%s",
			(int)(here ? here - nothing[i] : (long)strlen(nothing[i])), nothing[i],
			here ? what : "", here ? here + 2 : "");
		make_file(room_file(&other), line, 0600);
		WORKS(reserve(&run, 1, 100, &room));
		if (room.promised || room.others)
			fprintf(stderr, "\ntaken for a reservation: %s\n", line);
		CHECK(!room.promised && !room.others);
	}
	/* bytes that no text has, more than a line has */
	make_file_bytes(room_file(&other), "1 \0x\n", 5, 0600);
	WORKS(reserve(&run, 1, 100, &room));
	memset(line, '1', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	make_file_bytes(room_file(&other), line, sizeof(line), 0600);
	WORKS(reserve(&run, 1, 100, &room));
	CHECK(!room.promised && !room.others);

	/* huge, but a number: there is no room for anybody, and nothing wraps round */
	snprintf(line, sizeof(line), "%" PRIu64 " %s\n", UINT64_MAX, what);
	make_file(room_file(&other), line, 0600);
	FAILS(reserve(&run, 1, 100, &room), STAGE_E_NO_ROOM);
	CHECK(room.promised == UINT64_MAX && room.others);
	FAILS(reserve(&run, 1, 0, &room), STAGE_E_NO_ROOM);
	/* a directory that is a link out of the root is not followed */
	victim = strdup(in_dir("stagedir-0123456789abcdef-4711-abcdefghijklmnop"));
	make_dir(in_dir("outside"), 0700);
	make_file(in_dir("outside/mktemp-abcdefghijklm-1"), "0123456789", 0600);
	REQUIRE(symlink("outside", victim) == 0);
	snprintf(line, sizeof(line), "5000 %s/mktemp-abcdefghijklm-1\n", strrchr(victim, '/') + 1);
	make_file(room_file(&other), line, 0600);
	WORKS(reserve(&run, 1, 0, &room));
	CHECK(room.promised == 5000);
	unlink(victim);
	unlink(in_dir("outside/mktemp-abcdefghijklm-1"));
	rmdir(in_dir("outside"));
	free(victim);

	/* things that are no file */
	unlink(room_file(&other));
	REQUIRE(symlink("/etc/passwd", room_file(&other)) == 0);
	WORKS(reserve(&run, 1, 100, &room));
	unlink(room_file(&other));
	REQUIRE(mkfifo(room_file(&other), 0600) == 0);
	WORKS(reserve(&run, 1, 100, &room));
	unlink(room_file(&other));
	make_dir(room_file(&other), 0700);
	WORKS(reserve(&run, 1, 100, &room));
	CHECK(!room.promised && !room.others);
	rmdir(room_file(&other));

	/* the own one: nothing is written through it, nobody is waited for */
	unlink(room_file(&run));
	make_file(in_dir("precious"), "precious", 0600);
	REQUIRE(symlink(in_dir("precious"), room_file(&run)) == 0);
	FAILS(reserve(&run, 1, 100, &room), STAGE_E_SYSTEM);
	CHECK(blocks_of(in_dir("precious")) > 0);
	REQUIRE(mkfifo(room_file(&run), 0600) == 0);
	FAILS(reserve(&run, 1, 100, &room), STAGE_E_SYSTEM);
	WORKS(reserve(&run, 1, 100, &room));
	unlink(in_dir("precious"));
	reserve_run_end(&run);
	reserve_run_end(&other);
}

/* What cannot be looked at is never nothing. */
static void
not_to_be_counted(void)
{
	static const struct {
		const char *function;
		int sys_errno;
	} failures[] = {{"openat", EMFILE}, {"read", EIO}, {"readdir", EIO}, {"fstat", EIO},
		{"fdopendir", ENOMEM}, {"fcntl", EMFILE}, {"fstatvfs", EIO}, {"flock", ENOLCK}};
	struct stage_reserved room;
	struct run run, other;
	size_t i;
	int code;

	CHECK(reserve_run_begin(&run, test_dir) == 0 && reserve_run_begin(&other, test_dir) == 0);
	WORKS(reserve(&other, 100, 0, &room));
	for (i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		wrap_begin_two(failures[i].function, failures[i].sys_errno, failures[i].function,
			failures[i].sys_errno);
		code = reserve(&run, 100, 150, &room);
		wrap_end();
		if (code != STAGE_E_SYSTEM && code != STAGE_E_NO_ROOM)
			fprintf(stderr, "\n%s: %s\n", failures[i].function,
				stage_error_code_name(code));
		CHECK(code == STAGE_E_SYSTEM || code == STAGE_E_NO_ROOM);
		CHECK(!is_there(room_file(&run)));
	}
	reserve_run_end(&run);
	reserve_run_end(&other);
}

#define ROUNDS 300

/* Seen by two processes. */
struct race {
	atomic_int arrived[ROUNDS];
	int codes[2][ROUNDS];
	char root[512];
};

/* Reserves in each round together with the other one, then gives it back. */
static int
race_on(struct race *race, int who)
{
	struct stage_reserve_others others = {0};
	struct stage_lockdir held = STAGE_LOCKDIR_NONE;
	int root = open(race->root, O_PATH | O_DIRECTORY | O_CLOEXEC), code;
	char path[1024];
	size_t round, rounds = scaled(ROUNDS / 2);

	code = stage_lockdir_create(&held, root, race->root, NULL);
	close(root);
	if (code < 0)
		return 1;
	snprintf(path, sizeof(path), "%s/%s/mktemp-abcdefghijklm-1", race->root, held.name);
	for (round = 0; round < 2 * rounds; round++) {
		struct stage_reserved room;

		/* every other meeting is for both to have given up what they had */
		atomic_fetch_add(&race->arrived[round], 1);
		while (atomic_load(&race->arrived[round]) < 2)
			sched_yield();
		if (round % 2 == 0)
			race->codes[who][round] = stage_reserve_take(
				&held, &others, race->root, path, 60, 100, &room, NULL);
		else
			stage_reserve_release(&held);
	}
	stage_reserve_others_release(&others);
	stage_lockdir_remove(&held);
	stage_lockdir_release(&held);
	return 0;
}

static int
race_in_child(void *context)
{
	return race_on(context, 1);
}

static void *
race_in_thread(void *context)
{
	return race_on(context, 0) == 0 ? NULL : context;
}

/* Of two that reserve at once never both have it, where there is room for one. */
static void
two_at_once(void)
{
	struct race *race = mmap(
		NULL, sizeof(*race), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size_t round, both = 0, one = 0, none = 0, wrong = 0;
	pthread_t thread;
	void *result;

	REQUIRE(race != MAP_FAILED);
	snprintf(race->root, sizeof(race->root), "%s", test_dir);
	REQUIRE(pthread_create(&thread, NULL, race_in_thread, race) == 0);
	CHECK(in_child(race_in_child, race, -1) == 0);
	pthread_join(thread, &result);
	CHECK(result == NULL);
	for (round = 0; round < 2 * scaled(ROUNDS / 2); round += 2) {
		int first = race->codes[0][round], second = race->codes[1][round];

		both += first == 0 && second == 0;
		one += (first == 0) != (second == 0);
		none += first && second;
		wrong += (first && first != STAGE_E_NO_ROOM) ||
			 (second && second != STAGE_E_NO_ROOM);
	}
	CHECK(both == 0 && wrong == 0);
	if (getenv("STAGEDIR_TEST_VERBOSE"))
		fprintf(stderr, " %zu times one, %zu times none ", one, none);
	munmap(race, sizeof(*race));
}

#define NOT_POSSIBLE 99

/* 0, or which check failed. */
static int
fill_tmpfs(void *context)
{
	struct stage_spool_file *file;
	struct stage_reserved room;
	struct run run, other;
	char filler[1024], block[4096] = {0};
	int fd, code;

	if (reserve_run_begin(&run, context) < 0 || reserve_run_begin(&other, context) < 0)
		return 1;
	/* two thirds are promised: the same again is too much, one third is not */
	if (reserve(&other, 640 * 1024, 0, &room) < 0 || room.free > MIB)
		return 2;
	if (reserve(&run, 640 * 1024, 0, &room) != STAGE_E_NO_ROOM || room.promised != 640 * 1024 ||
		!room.others)
		return 3;
	if (reserve(&run, 256 * 1024, 0, &room) < 0)
		return 4;
	/* somebody else fills it: not even an announcement can be written */
	snprintf(filler, sizeof(filler), "%s/filler", (const char *)context);
	fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, block, sizeof(block)) > 0)
		;
	if (errno != ENOSPC)
		return 5;
	code = reserve(&run, 256 * 1024, 0, &room);
	if (code != STAGE_E_NO_ROOM || is_there(room_file(&run)) || room.free > sizeof(block))
		return 6;
	/* an empty file still has its place there, and can be staged or not, but nothing hangs */
	close(open(run.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	if (stage_spool_accept(run.spool, run.dir, run.path, "x", "", &file, &failure) < 0)
		return 7;
	code = stage_spool_seal(run.spool, file, &failure);
	if (code < 0 && (code != STAGE_E_SYSTEM || failure.sys_errno != ENOSPC || file->sealed))
		return 8;
	if (stage_spool_forget(run.spool, &file, &failure) < 0)
		return 9;
	unlink(filler);
	close(fd);
	if (reserve(&run, 256 * 1024, 0, &room) < 0 || room.free < 512 * 1024)
		return 10;
	reserve_run_end(&run);
	reserve_run_end(&other);
	return count_entries(context) == 0 ? 0 : 11;
}

static void
full_tmpfs(void)
{
	if (can_be_others("a tmpfs that is full"))
		CHECK(in_child_on_tmpfs(fill_tmpfs, "a full tmpfs") == 0);
}

/* In a root directory of its own. */
static int
stage_in_root_directory(void *context)
{
	struct stage_spool_file *file;
	struct stage_spool_found *found;
	struct stage_spool *spool;
	struct stage_reserved room;
	struct run run;
	size_t count;
	char path[256];

	if (chroot(context) < 0 || chdir("/") < 0)
		return NOT_POSSIBLE;
	if (reserve_run_begin(&run, "/") < 0)
		return 1;
	if (strncmp(stage_spool_path(run.spool), "/stagedir-", 10) != 0)
		return 2;
	if (reserve(&run, 1, 1, &room) < 0 || !is_there(room_file(&run)))
		return 3;
	close(open(run.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	if (stage_spool_accept(run.spool, run.dir, run.path, "x", "", &file, NULL) < 0 ||
		stage_spool_seal(run.spool, file, NULL) < 0)
		return 4;
	snprintf(path, sizeof(path), "%s", stage_spool_path(run.spool));
	reserve_run_end(&run);
	if (stage_spool_find("/", &found, &count, NULL) < 0 || count != 1 || found[0].count != 1 ||
		strcmp(found[0].path, path) != 0)
		return 5;
	if (stage_spool_adopt(found[0].path, true, NULL, &spool, NULL) < 0)
		return 6;
	stage_spool_find_free(&found, count);
	file = stage_spool_files(spool);
	if (strcmp(stage_spool_path(spool), path) != 0 ||
		stage_spool_check(spool, file, NULL) < 0 ||
		stage_spool_forget(spool, &file, NULL) < 0)
		return 7;
	stage_spool_close(&spool);
	return count_entries("/") == 0 ? 0 : 8;
}

static void
root_directory(void)
{
	char *root;
	int result;

	if (!can_be_others("the root directory as a temp root"))
		return;
	root = strdup(test_dir);
	result = in_child(stage_in_root_directory, root, -1);
	if (result)
		fprintf(stderr, "\nroot_directory: %d\n", result);
	CHECK(result == 0);
	free(root);
}

/* Announces the most that can be written down, as no run of ours would. */
static void
announce_most(const struct run *run)
{
	char *line;

	REQUIRE(asprintf(&line, "%" PRIu64 " %s\n", UINT64_MAX, run->path + strlen(test_dir) + 1) >
		0);
	make_file(room_file(run), line, 0600);
	free(line);
}

static void
too_much_to_add(void)
{
	struct run first, second, third;
	struct stage_reserved room;

	CHECK(reserve_run_begin(&first, test_dir) == 0 &&
		reserve_run_begin(&second, test_dir) == 0 &&
		reserve_run_begin(&third, test_dir) == 0);
	announce_most(&second);
	announce_most(&third);
	FAILS(reserve(&first, 1, 0, &room), STAGE_E_NO_ROOM);
	CHECK(room.promised == UINT64_MAX);
	FAILS(reserve(&first, 1, 1000, &room), STAGE_E_NO_ROOM);
	reserve_run_end(&first);
	reserve_run_end(&second);
	reserve_run_end(&third);
}

static const struct test tests[] = {
	{"alone", alone},
	{"wrong_arguments", wrong_arguments},
	{"small_limit", small_limit},
	{"several", several},
	{"written_part", written_part},
	{"dead_ones", dead_ones},
	{"odd_files", odd_files},
	{"not_to_be_counted", not_to_be_counted},
	{"too_much_to_add", too_much_to_add},
	{"two_at_once", two_at_once},
	{"full_tmpfs", full_tmpfs},
	{"root_directory", root_directory},
	{NULL, NULL},
};

const struct suite suite_reserve = {"reserve", tests};
