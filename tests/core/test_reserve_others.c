/* Other runs in a temp root are seen at once, and what else is there costs nothing for each volume. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reserve_others.h"
#include "reserve_run.h"
#include "spool_internal.h"
#include "wrap.h"

static int
reserve(struct run *run, uint64_t bytes, uint64_t limit)
{
	struct stage_reserved room;

	return stage_spool_reserve(run->spool, run->path, bytes, limit, &room, NULL);
}

/* How many entries were looked at to reserve. */
static size_t
entries_for(struct run *run, uint64_t bytes, uint64_t limit, int expected)
{
	size_t entries;

	wrap_tally_begin();
	CHECK(reserve(run, bytes, limit) == expected);
	entries = wrap_tally("readdir");
	wrap_tally_end();
	return entries;
}

/* Entries of the few directories that are ours, at the most. */
#define OURS 40

#define MANY (STAGE_RESERVE_FEW + 200)

/* Of somebody else. */
static void
foreign(size_t from, size_t to, bool make)
{
	char name[32];

	for (; from < to; from++) {
		snprintf(name, sizeof(name), "foreign-%zu", from);
		if (make)
			make_file(in_dir(name), "", 0600);
		else
			unlink(in_dir(name));
	}
}

static bool
has_bit(const struct run *run)
{
	struct stat stat;

	return lstat(stage_spool_path(run->spool), &stat) == 0 && (stat.st_mode & S_ISVTX);
}

/* A root with many entries, which come and go: it is listed once. */
static void
full_root(void)
{
	struct stage_spool_file *file;
	struct run run;
	size_t i;
	int fd;

	foreign(0, MANY, true);
	CHECK(reserve_run_begin(&run, test_dir) == 0);
	CHECK(entries_for(&run, 1, 0, 0) > MANY);
	for (i = 0; i < 100; i++) {
		foreign(MANY + i, MANY + i + 1, true);
		CHECK(entries_for(&run, 1, 0, 0) < OURS);
		fd = open(run.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		close(fd);
		WORKS(stage_spool_accept(run.spool, run.dir, run.path, "x", "", &file, &failure));
		WORKS(stage_spool_confirm(run.spool, &file, &failure));
		free(run.path);
		WORKS(stage_dir_mktemp(run.dir, &run.path, &failure));
	}
	CHECK(!has_bit(&run));
	/* once a minute it is listed all the same, for runs of other versions, if something has come */
	run.spool->others.when -= STAGE_RESERVE_PAUSE;
	CHECK(entries_for(&run, 1, 0, 0) > MANY);
	CHECK(entries_for(&run, 1, 0, 0) < OURS);
	reserve_run_end(&run);
	foreign(0, MANY + 100, false);
}

/* A root in which nothing comes or goes is not listed again, however often; one that changes is. */
static void
quiet_root(void)
{
	struct run run;

	foreign(0, 100, true);
	CHECK(reserve_run_begin(&run, test_dir) == 0);
	CHECK(entries_for(&run, 1, 0, 0) > 100);
	/* its time is too young to be trusted */
	CHECK(!run.spool->others.settled);
	CHECK(entries_for(&run, 1, 0, 0) > 100);
	run.spool->others.settled = true;
	CHECK(entries_for(&run, 1, 0, 0) < OURS);
	foreign(100, 101, true);
	CHECK(entries_for(&run, 1, 0, 0) > 100);
	run.spool->others.settled = true;
	run.spool->others.when -= STAGE_RESERVE_PAUSE;
	CHECK(entries_for(&run, 1, 0, 0) < OURS);
	reserve_run_end(&run);
	foreign(0, 101, false);
}

/* Whoever comes is seen by those that are there, though they do not list the root. */
static void
one_comes(void)
{
	struct run first, second, third;

	foreign(0, MANY, true);
	CHECK(reserve_run_begin(&first, test_dir) == 0);
	CHECK(reserve(&first, 1, 150) == 0);
	CHECK(reserve_run_begin(&second, test_dir) == 0);
	CHECK(reserve(&second, 100, 150) == 0);
	CHECK(has_bit(&first) && !has_bit(&second));
	CHECK(entries_for(&first, 100, 150, STAGE_E_NO_ROOM) > MANY);
	CHECK(!has_bit(&first));
	CHECK(entries_for(&first, 100, 150, STAGE_E_NO_ROOM) < OURS);
	/* which need not be told again */
	CHECK(reserve(&second, 100, 150) == 0 && !has_bit(&first));
	CHECK(reserve_run_begin(&third, test_dir) == 0);
	CHECK(reserve(&third, 40, 150) == 0);
	CHECK(has_bit(&first) && has_bit(&second));
	CHECK(reserve(&second, 110, 150) == 0);
	CHECK(reserve(&second, 111, 150) == STAGE_E_NO_ROOM);
	reserve_run_end(&second);
	CHECK(reserve(&first, 110, 150) == 0);
	CHECK(reserve(&first, 111, 150) == STAGE_E_NO_ROOM);
	reserve_run_end(&third);
	reserve_run_end(&first);
	foreign(0, MANY, false);
}

/* One that does not tell, as it is of another version. */
static void
one_comes_silently(void)
{
	struct run first, second;

	CHECK(reserve_run_begin(&first, test_dir) == 0);
	CHECK(reserve(&first, 1, 150) == 0);
	CHECK(reserve_run_begin(&second, test_dir) == 0);
	CHECK(reserve(&second, 100, 150) == 0);
	REQUIRE(chmod(stage_spool_path(first.spool), 0700) == 0);
	CHECK(reserve(&first, 100, 150) == STAGE_E_NO_ROOM);
	reserve_run_end(&second);
	foreign(0, MANY, true);
	CHECK(reserve(&first, 1, 150) == 0);
	CHECK(reserve_run_begin(&second, test_dir) == 0);
	CHECK(reserve(&second, 100, 150) == 0);
	REQUIRE(chmod(stage_spool_path(first.spool), 0700) == 0);
	first.spool->others.when -= STAGE_RESERVE_PAUSE;
	CHECK(reserve(&first, 100, 150) == STAGE_E_NO_ROOM);
	reserve_run_end(&second);
	reserve_run_end(&first);
	foreign(0, MANY, false);
}

/* Where the bit cannot be set nobody is told, and everybody lists. */
static void
cannot_be_told(void)
{
	struct run first, second;

	foreign(0, MANY, true);
	CHECK(reserve_run_begin(&first, test_dir) == 0 &&
		reserve_run_begin(&second, test_dir) == 0);
	wrap_begin_two("fchmod", EPERM, "fchmod", EPERM);
	CHECK(reserve(&first, 1, 150) == 0);
	CHECK(reserve(&second, 100, 150) == 0);
	CHECK(entries_for(&first, 100, 150, STAGE_E_NO_ROOM) > MANY);
	CHECK(entries_for(&first, 1, 150, 0) > MANY);
	wrap_end();
	/* one that could not tell does so when it can */
	CHECK(!has_bit(&first) && reserve(&second, 100, 150) == 0 && has_bit(&first));
	reserve_run_end(&second);
	reserve_run_end(&first);
	foreign(0, MANY, false);
}

#define ROUNDS 60

/* One that is there and one that comes, at once, want what is enough for one. */
struct meeting {
	struct run there;
	pthread_barrier_t barrier;
	int code;
};

static void *
come(void *context)
{
	struct meeting *meeting = context;
	struct run run;

	pthread_barrier_wait(&meeting->barrier);
	meeting->code = reserve_run_begin(&run, test_dir);
	if (meeting->code == 0)
		meeting->code = reserve(&run, 60, 100);
	pthread_barrier_wait(&meeting->barrier);
	reserve_run_end(&run);
	return NULL;
}

static void
never_both(void)
{
	struct meeting meeting;
	pthread_t thread;
	size_t round, got = 0;
	int code, tries;

	foreign(0, MANY, true);
	CHECK(reserve_run_begin(&meeting.there, test_dir) == 0 &&
		reserve(&meeting.there, 1, 0) == 0);
	REQUIRE(pthread_barrier_init(&meeting.barrier, NULL, 2) == 0);
	for (round = 0; round < scaled(ROUNDS); round++) {
		REQUIRE(pthread_create(&thread, NULL, come, &meeting) == 0);
		pthread_barrier_wait(&meeting.barrier);
		for (tries = (int)round % 20; tries > 0; tries--)
			usleep(20);
		code = reserve(&meeting.there, 60, 100);
		pthread_barrier_wait(&meeting.barrier);
		pthread_join(thread, NULL);
		CHECK(code == 0 || code == STAGE_E_NO_ROOM);
		CHECK(meeting.code == 0 || meeting.code == STAGE_E_NO_ROOM);
		CHECK(code != 0 || meeting.code != 0);
		got += code == 0 || meeting.code == 0;
		CHECK(reserve(&meeting.there, UINT64_MAX, 0) == STAGE_E_NO_ROOM); /* given up */
	}
	pthread_barrier_destroy(&meeting.barrier);
	CHECK(got > 0);
	reserve_run_end(&meeting.there);
	foreign(0, MANY, false);
}

static const struct test tests[] = {
	{"full_root", full_root},
	{"quiet_root", quiet_root},
	{"one_comes", one_comes},
	{"one_comes_silently", one_comes_silently},
	{"cannot_be_told", cannot_be_told},
	{"never_both", never_both},
	{NULL, NULL},
};

const struct suite suite_reserve_others = {"reserve_others", tests};
