#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "allocate.h"
#include "spool.h"
#include "wrap.h"

#define MIB ((uint64_t)1024 * 1024)

/* Bytes that the file takes on the disk. */
static uint64_t
taken(int fd)
{
	struct stat stat;

	return fstat(fd, &stat) < 0 ? UINT64_MAX : (uint64_t)stat.st_blocks * 512;
}

static off_t
size_of(int fd)
{
	struct stat stat;

	return fstat(fd, &stat) < 0 ? -1 : stat.st_size;
}

static int
create(void)
{
	int fd = open(in_dir("file"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	REQUIRE(fd >= 0);
	return fd;
}

static void
destroy(int fd)
{
	CHECK(close(fd) == 0);
	CHECK(unlink(in_dir("file")) == 0);
}

static void
alone(void)
{
	int fd = create();

	CHECK(stage_allocate(fd, 0, 0));
	CHECK(taken(fd) == 0);
	CHECK(stage_allocate(fd, 0, MIB) && stage_allocate(fd, MIB, 2 * MIB));
	CHECK(size_of(fd) == 0);
	if (taken(fd) == 0)
		fprintf(stderr, "\nNOT TESTED, as this file system cannot: allocating\n");
	else
		CHECK(taken(fd) >= 3 * MIB);
	CHECK(write(fd, "some", 4) == 4);
	CHECK(size_of(fd) == 4);
	errno = EPROTO;
	stage_allocate_end(fd);
	CHECK(errno == EPROTO);
	CHECK(size_of(fd) == 4);
	CHECK(taken(fd) < MIB);
	destroy(fd);
}

/* What cannot be allocated is written without. */
static void
not_possible(void)
{
	int fd = create();

	wrap_begin_two("fallocate", EOPNOTSUPP, "ftruncate", EIO);
	CHECK(stage_allocate(fd, 0, MIB));
	stage_allocate_end(fd);
	wrap_end();
	CHECK(!stage_allocate(fd, 1, UINT64_MAX) && errno == ENOSPC);
	CHECK(taken(fd) == 0);
	destroy(fd);
	/* a descriptor to read from can be neither allocated nor truncated */
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CHECK(stage_allocate(fd, 0, MIB));
	stage_allocate_end(fd);
	close(fd);
}

static void
no_space(void)
{
	int fd = create();

	wrap_begin_two("fallocate", EDQUOT, "fallocate", EDQUOT);
	errno = 0;
	CHECK(!stage_allocate(fd, 0, MIB));
	CHECK(errno == EDQUOT);
	wrap_end();
	wrap_begin(2, EINTR, false);
	CHECK(stage_allocate(fd, 0, MIB));
	CHECK(wrap_end() == 3);
	destroy(fd);
}

/* Opens a new file in folder; it stays open until the child ends. */
static int
open_in(const char *folder, const char *name)
{
	return open(join(folder, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

/* 0, or which check failed: 1 MiB is free. Where pages are memory nothing is taken, it is only looked at what is free. */
static int
fill_tmpfs(void *context)
{
	int fd = open_in(context, "file");

	if (fd < 0)
		return 1;
	errno = 0;
	if (stage_allocate(fd, 0, 2 * MIB) || errno != ENOSPC)
		return 2;
	if (!stage_allocate(fd, 0, MIB / 2) || !stage_allocate(fd, MIB / 2, MIB / 2) ||
		taken(fd) != 0)
		return 3;
	if (stage_allocate_possible(fd, MIB / 4) != MIB / 4)
		return 4;
	if (stage_allocate_possible(fd, 9 * MIB) > MIB || taken(fd) != 0)
		return 5;
	return 0;
}

static void
full_tmpfs(void)
{
	CHECK(in_child_on_tmpfs(fill_tmpfs, "allocating in a full tmpfs") == 0);
}

/* How much a file may have: what a quota refuses is tried for in halves, and nothing of it is kept. */
static void
possible(void)
{
	int fd = create();

	CHECK(stage_allocate_possible(fd, 3 * MIB) == 3 * MIB);
	CHECK(stage_allocate_possible(fd, 0) == 0);
	wrap_begin_two("fallocate", EDQUOT, "fallocate", EDQUOT);
	/* all of what is free is never taken here, not even for a moment: other tests need some of it */
	CHECK(stage_allocate_possible(fd, UINT64_MAX) < UINT64_MAX);
	CHECK(stage_allocate_possible(fd, 3 * MIB) < 3 * MIB);
	wrap_end();
	CHECK(taken(fd) == 0 && size_of(fd) == 0);
	destroy(fd);
}

/* A spool takes no more space than what is staged in it. */
static void
accepted(void)
{
	const struct stage_spool_about about = {"file:///x", ""};
	struct stage_spool_file *file;
	struct stage_spool *spool;
	struct stage_dir *dir;
	char *path;
	int fd;

	REQUIRE(stage_dir_open(test_dir, NULL, &dir, &failure) == 0);
	WORKS(stage_spool_open(dir, &about, false, NULL, &spool, &failure));
	WORKS(stage_dir_mktemp(dir, &path, &failure));
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	REQUIRE(fd >= 0);
	CHECK(write(fd, "volume", 6) == 6);
	CHECK(stage_allocate(fd, 0, 3 * MIB));
	WORKS(stage_spool_accept(spool, dir, path, "x", "", &file, &failure));
	CHECK(file->size == 6);
	CHECK(taken(fd) < MIB);
	close(fd);
	free(path);
	stage_spool_close(&spool);
	stage_dir_close(&dir);
}

static const struct test tests[] = {
	{"alone", alone},
	{"not_possible", not_possible},
	{"no_space", no_space},
	{"full_tmpfs", full_tmpfs},
	{"possible", possible},
	{"accepted", accepted},
	{NULL, NULL},
};

const struct suite suite_allocate = {"allocate", tests};
