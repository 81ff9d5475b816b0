/*
 * Very many volumes go through a spool: the last ones cost what the first ones did. Cost is counted, not
 * timed: calls of the C library, and bytes that are read and written.
 */
#include "tests.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool_run.h"
#include "wrap.h"

static const char *const called[] = {"malloc", "calloc", "realloc", "strdup", "open", "openat",
	"close", "read", "pread", "write", "fsync", "readdir", "fstat", "fstatat", "fstatvfs",
	"flock", "fchmod", "unlinkat", "linkat", "renameat", "renameat2"};
#define CALLED (sizeof(called) / sizeof(called[0]))

struct cost {
	size_t calls[CALLED];
	unsigned long long bytes;
};

/* One volume from its reservation until storage has it, while others wait. */
static bool
pass(size_t number)
{
	struct stage_spool_file *file;
	struct stage_reserved room;
	char *path, name[64], note[128];
	bool passed;
	int fd;

	snprintf(name, sizeof(name), "duplicity-full.20261128T000000Z.vol%zu.difftar.gz", number);
	snprintf(note, sizeof(note),
		"%zu SHA1 %040zx duplicity-full.20261128T000000Z.manifest.part", number, number);
	if (stage_dir_mktemp(dir, &path, &failure) < 0)
		return false;
	passed = stage_spool_reserve(spool, path, 100, 0, &room, &failure) == 0;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	passed = passed && fd >= 0 &&
		 stage_spool_accept(spool, dir, path, name, note, &file, &failure) == 0 &&
		 stage_spool_seal(spool, file, &failure) == 0;
	free(path);
	if (passed && number > 8) {
		file = stage_spool_files(spool);
		passed = stage_spool_confirm(spool, &file, &failure) == 0;
	}
	return passed;
}

/* The cost of so many volumes from this number on. */
static struct cost
cost_of(size_t first, size_t count)
{
	struct cost cost = {0};
	size_t i;

	wrap_tally_begin();
	for (i = 0; i < count; i++)
		REQUIRE(pass(first + i));
	for (i = 0; i < CALLED; i++)
		cost.calls[i] = wrap_tally(called[i]);
	cost.bytes =
		wrap_tally_bytes("read") + wrap_tally_bytes("pread") + wrap_tally_bytes("write");
	wrap_tally_end();
	return cost;
}

/* Of a tenth more at the most, as the journal is not written anew at the same numbers. */
static void
is_level(const char *what, unsigned long long first, unsigned long long last)
{
	if (last > first + first / 10 + 20)
		fprintf(stderr, "\n%s: %llu at first, %llu at last\n", what, first, last);
	CHECK(last <= first + first / 10 + 20);
}

static void
cost_is_level(void)
{
	/* So few that the journal is not written anew, or so many that it is in each step about as often. */
	const size_t many = getenv("STAGE_TEST_LONG") ? 200000 : 30000;
	const size_t count = scaled(many) < 5000 ? scaled(many) : many;
	const size_t step = count / 10;
	struct cost first, last;
	struct stat stat;
	size_t i;

	dir = NULL;
	spool = NULL;
	WORKS(stage_dir_open(test_dir, &capture()->log, &dir, &failure));
	WORKS(stage_spool_open(dir, &about, false, &captured.log, &spool, &failure));
	snprintf(spool_path, sizeof(spool_path), "%s", stage_spool_path(spool));
	first = last = cost_of(1, step);
	for (i = 1; i < count / step; i++)
		last = cost_of(1 + i * step, step);
	for (i = 0; i < CALLED; i++)
		is_level(called[i], first.calls[i], last.calls[i]);
	is_level("bytes", first.bytes, last.bytes);
	CHECK(lstat(join(spool_path, "journal"), &stat) == 0 && stat.st_size < 1024 * 1024);
	CHECK(count_files() == 8);
	/* and a later run is told of what still waits */
	close_both();
	adopt();
	CHECK(count_files() == 8);
	finish();
}

static const struct test tests[] = {
	{"cost_is_level", cost_is_level},
	{NULL, NULL},
};

const struct suite suite_many = {"many", tests};
