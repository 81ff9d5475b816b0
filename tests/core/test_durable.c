#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "durable.h"
#include "wrap.h"

/* The result of a call while this function of the system fails so; leaves its errno. */
static int
failing(int (*call)(int fd), int fd, const char *function, int sys_errno)
{
	int result;

	wrap_begin_two(function, sys_errno, function, sys_errno);
	result = call(fd);
	sys_errno = errno;
	wrap_end();
	errno = sys_errno;
	return result;
}

static int
has_taken(int fd)
{
	return stage_durable_has_taken(fd);
}

static void
file(void)
{
	static const int errnos[] = {EIO, ENOSPC, EDQUOT, EINVAL, ENOTSUP};
	bool was_interrupted;
	int fd, interrupted;
	size_t i;

	make_file(in_dir("file"), "x", 0600);
	fd = open(in_dir("file"), O_RDONLY | O_CLOEXEC);
	REQUIRE(fd >= 0);
	stage_durable_begin(fd);
	CHECK(stage_durable_file(fd) == 0 && stage_durable_has_taken(fd));
	wrap_begin(1, EINTR, false);
	interrupted = stage_durable_file(fd);
	was_interrupted = wrap_failed();
	wrap_end();
	CHECK(interrupted == 0 && was_interrupted);
	for (i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++)
		CHECK(failing(stage_durable_file, fd, "fsync", errnos[i]) == -1 &&
			errno == errnos[i]);
	close(fd);
	unlink(in_dir("file"));
}

/* A file system that has no fsync for folders is no error; a disk that fails is. */
static void
folder(void)
{
	int fd = open(test_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	REQUIRE(fd >= 0);
	CHECK(stage_durable_folder(fd) == 0);
	CHECK(failing(stage_durable_folder, fd, "fsync", EINVAL) == 0 &&
		failing(stage_durable_folder, fd, "fsync", ENOTSUP) == 0);
	CHECK(failing(stage_durable_folder, fd, "fsync", EIO) == -1 && errno == EIO);
	CHECK(failing(stage_durable_folder, fd, "fsync", ENOSPC) == -1 && errno == ENOSPC);
	close(fd);
}

static int
path_failing(int fd, int below, const char *first, const char *second)
{
	int result, sys_errno;

	wrap_begin_two(first, EACCES, second, EIO);
	result = stage_durable_folder_path(fd, below);
	sys_errno = errno;
	wrap_end();
	errno = sys_errno;
	return result;
}

/* A root that may be searched and not read is made durable with all of its file system. */
static void
folder_by_path(void)
{
	int fd = open(test_dir, O_PATH | O_DIRECTORY | O_CLOEXEC), below, before;

	make_dir(in_dir("below"), 0700);
	below = open(in_dir("below"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	REQUIRE(fd >= 0 && below >= 0);
	before = count_fds();
	CHECK(stage_durable_folder_path(fd, below) == 0);
	CHECK(path_failing(fd, below, "openat", "fsync") == 0);
	CHECK(path_failing(fd, below, "openat", "syncfs") == -1 && errno == EIO);
	CHECK(path_failing(fd, below, "fsync", "fsync") == -1);
	CHECK(count_fds() == before);
	close(below);
	close(fd);
	rmdir(in_dir("below"));
}

static void
taken(void)
{
	static const struct {
		int sys_errno;
		bool taken;
	} cases[] = {{EIO, false}, {ENOSPC, false}, {EDQUOT, false}, {ESTALE, false},
		{EINVAL, true}, {ENOSYS, true}, {EPERM, true}};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK(failing(has_taken, -1, "sync_file_range", cases[i].sys_errno) ==
			cases[i].taken);
}

static void
full(void)
{
	CHECK(stage_durable_is_full(ENOSPC) && stage_durable_is_full(EDQUOT));
	CHECK(!stage_durable_is_full(0) && !stage_durable_is_full(EIO) &&
		!stage_durable_is_full(EFBIG));
}

static const struct test tests[] = {
	{"file", file},
	{"folder", folder},
	{"folder_by_path", folder_by_path},
	{"taken", taken},
	{"full", full},
	{NULL, NULL},
};

const struct suite suite_durable = {"durable", tests};
