/* Disks that are full or fail, and want of memory. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>

#include "gzip.h"
#include "gzip_run.h"
#include "wrap.h"

/* Writes what has nowhere to go, and finds the same error wherever it asks. */
static void
check_error(int fd, int sys_errno, unsigned int threads)
{
	const struct stage_gzip_options options = {
		.limit = 1 << 30, .level = 1, .threads = threads};
	unsigned char *data = gzip_data(RANDOM, MANY);
	struct stage_gzip *gzip = NULL;
	uint64_t written = 77;
	bool fits = true;
	int i;

	WORKS(stage_gzip_open(fd, "the volume", &options, &gzip, &failure));
	FAILS(stage_gzip_write(gzip, data, MANY, &failure), STAGE_E_SYSTEM);
	for (i = 0; i < 2; i++) {
		CHECK(failure.sys_errno == sys_errno);
		HAS(failure.message, "cannot write the volume: ");
		HAS(failure.message, stage_error_errno_text(sys_errno));
		FAILS(stage_gzip_fits(gzip, 1, &fits, &failure), STAGE_E_SYSTEM);
		FAILS(stage_gzip_write(gzip, data, 1, &failure), STAGE_E_SYSTEM);
		CHECK(stage_gzip_write(gzip, data, 1, NULL) == STAGE_E_SYSTEM);
	}
	FAILS(stage_gzip_close(&gzip, false, &written, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == sys_errno && gzip == NULL && written == 77);

	/* nobody asks before the end; nobody wants to know */
	WORKS(stage_gzip_open(fd, "the volume", &options, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, data, 10, &failure));
	FAILS(stage_gzip_close(&gzip, false, NULL, &failure), STAGE_E_SYSTEM);
	WORKS(stage_gzip_open(fd, "the volume", &options, &gzip, &failure));
	FAILS(stage_gzip_write(gzip, data, MANY, &failure), STAGE_E_SYSTEM);
	WORKS(stage_gzip_close(&gzip, true, NULL, &failure));
	free(data);
}

static void
errors(void)
{
	const int errnos[] = {EIO, ENOSPC, EDQUOT, EROFS};
	unsigned int threads;
	size_t i;
	int fd = gzip_output("a");

	for (i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++) {
		for (threads = 1; threads <= 3; threads += 2) {
			wrap_begin_two("write", errnos[i], "write", errnos[i]);
			check_error(fd, errnos[i], threads);
			wrap_end();
		}
	}
	close(fd);
	fd = open(in_dir("a"), O_RDONLY | O_CLOEXEC);
	check_error(fd, EBADF, 2);
	close(fd);
	unlink(in_dir("a"));
}

/* The kernel itself writes less than asked for at a limit, and then nothing. */
static void
file_size_limit(void)
{
	struct rlimit before, low;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	int fd = gzip_output("a");

	REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
	low = before;
	low.rlim_cur = 1000 * 1000 + 1;
	REQUIRE(setrlimit(RLIMIT_FSIZE, &low) == 0);
	check_error(fd, EFBIG, 2);
	CHECK(gzip_size("a") == low.rlim_cur);
	REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
	signal(SIGXFSZ, handler);
	close(fd);
	unlink(in_dir("a"));
}

static void
full_disk(void)
{
	const char *small = in_dir("small");
	int fd;

	if (!can_be_others("a file system that is full"))
		return;
	make_dir(small, 0700);
	if (mount("tmpfs", small, "tmpfs", 0, "size=1100k,mode=700") < 0) {
		fprintf(stderr, "\nNOT TESTED, as nothing may be mounted: a full file system\n");
		rmdir(small);
		return;
	}
	fd = gzip_output("small/a");
	check_error(fd, ENOSPC, 2);
	close(fd);
	CHECK(umount(small) == 0);
	rmdir(small);
}

/* How often it is said that there is room, before there is no more to be had; the last time it is so,
 * if that is wanted. */
static size_t rooms;
static bool at_last;

static bool
make_room(void *context)
{
	CHECK(context == &rooms);
	if (rooms == 0)
		return false;
	rooms--;
	if (rooms == 0 && at_last)
		wrap_end();
	return true;
}

static void
room_is_made(void)
{
	const struct stage_gzip_options options = {
		.threads = 2, .make_room = make_room, .context = &rooms};
	unsigned char *data = gzip_data(MIXED, MANY);
	struct stage_gzip *gzip = NULL;
	int fd = gzip_output("a");

	WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, data, 5, &failure));
	/* the first one is written in part, the next ones not at all, then there is room */
	rooms = 3;
	at_last = true;
	wrap_begin_two("write", ENOSPC, "write", ENOSPC);
	WORKS(stage_gzip_write(gzip, data + 5, MANY - 5, &failure));
	WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
	CHECK(rooms == 0);
	CHECK(gzip_reads_back("a", data, MANY));
	close(fd);

	fd = gzip_output("a");
	WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
	rooms = 3;
	at_last = false;
	wrap_begin_two("write", EDQUOT, "write", EDQUOT);
	FAILS(stage_gzip_write(gzip, data, MANY, &failure), STAGE_E_SYSTEM);
	CHECK(rooms == 0 && failure.sys_errno == EDQUOT);
	FAILS(stage_gzip_close(&gzip, false, NULL, &failure), STAGE_E_SYSTEM);
	/* nobody is asked about anything else */
	WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
	rooms = 3;
	wrap_begin_two("write", EIO, "write", EIO);
	FAILS(stage_gzip_write(gzip, data, MANY, &failure), STAGE_E_SYSTEM);
	wrap_end();
	CHECK(rooms == 3);
	FAILS(stage_gzip_close(&gzip, false, NULL, &failure), STAGE_E_SYSTEM);
	close(fd);
	free(data);
	unlink(in_dir("a"));
}

/* What cannot be had is done without: threads, their compressors, further blocks. */
static void
without(const char *what, int sys_errno)
{
	const struct stage_gzip_options options = {.level = 1, .threads = 4};
	unsigned char *data = gzip_data(MIXED, 8 * BLOCK);
	struct stage_gzip *gzip = NULL;
	int fd = gzip_output("a");

	WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
	wrap_begin_two(what, sys_errno, what, sys_errno);
	WORKS(stage_gzip_write(gzip, data, 8 * BLOCK, &failure));
	WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
	wrap_end();
	CHECK(gzip_reads_back("a", data, 8 * BLOCK));
	free(data);
	close(fd);
	unlink(in_dir("a"));
}

static void
without_threads(void)
{
	without("pthread_create", EAGAIN);
}

static void
without_memory(void)
{
	without("malloc", ENOMEM);
	without("calloc", ENOMEM);
#ifdef HAVE_LIBDEFLATE
	without("libdeflate_alloc_compressor", ENOMEM);
#else
	without("deflateInit2_", ENOMEM);
#endif
}

/* As the header says; the libraries' own memory does not count here. */
static void
memory(void)
{
	struct stage_gzip_options options = {.level = 3};
	unsigned char *data = gzip_data(RANDOM, MANY);
	struct stage_gzip *gzip = NULL;
	int fd = gzip_output("a");

	for (options.threads = 1; options.threads <= 4; options.threads += 3) {
		long long most = options.threads == 1 ? 1 : 4 * options.threads + 8;

		wrap_count_bytes(true);
		WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
		WORKS(stage_gzip_write(gzip, data, MANY, &failure));
		CHECK(wrap_live_bytes() > 1024 * 1024);
		CHECK(wrap_live_bytes() < most * (1024 * 1024 + 4096) + 8192);
		WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
		CHECK(wrap_live_bytes() <= 0); /* strdup() is not counted, but its free() */
		wrap_count_bytes(false);
	}
	free(data);
	close(fd);
	unlink(in_dir("a"));
}

static const struct test tests[] = {
	{"errors", errors},
	{"file_size_limit", file_size_limit},
	{"full_disk", full_disk},
	{"room_is_made", room_is_made},
	{"without_threads", without_threads},
	{"without_memory", without_memory},
	{"memory", memory},
	{NULL, NULL},
};

const struct suite suite_gzip_failures = {"gzip_failures", tests};
