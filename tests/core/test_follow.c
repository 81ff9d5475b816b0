/* A file that is read while it grows: test_digestfollow.c has the threads. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "follow.h"
#include "wrap.h"

#define UNSETTLED ((size_t)256 * 1024)

static struct stage_follow follow;
static int reading, writing;

static void
begin(void)
{
	make_file(in_dir("data"), "", 0600);
	reading = open(in_dir("data"), O_RDONLY | O_CLOEXEC);
	writing = open(in_dir("data"), O_WRONLY | O_APPEND | O_CLOEXEC);
	REQUIRE(reading >= 0 && writing >= 0);
	WORKS(stage_follow_init(&follow, reading, "data", &failure));
}

static void
end(void)
{
	stage_follow_release(&follow);
	close(reading);
	close(writing);
	unlink(in_dir("data"));
}

static void
grow(size_t size)
{
	static const char zeros[UNSETTLED];

	CHECK(write(writing, zeros, size) == (ssize_t)size);
}

static size_t
read_next(size_t size)
{
	static char buffer[1000];
	size_t count = 4711;

	REQUIRE(size <= sizeof(buffer));
	WORKS(stage_follow_read(&follow, buffer, size, 0, &count, &failure));
	return count;
}

static void
read_nothing_yet(void)
{
	char buffer[100];
	size_t count = 4711;

	FAILS(stage_follow_read(&follow, buffer, sizeof(buffer), 0, &count, &failure),
		STAGE_E_AGAIN);
	HAS(failure.message, "data is still being written");
	CHECK(count == 4711);
}

/* What may still be under way is not read, and never less than a piece. */
static void
settled(void)
{
	begin();
	read_nothing_yet();
	grow(99);
	read_nothing_yet();
	grow(UNSETTLED);
	read_nothing_yet();
	grow(1);
	CHECK(read_next(100) == 100);
	read_nothing_yet();
	CHECK(stage_follow_size(&follow) == 100);
	end();
}

static void
complete(void)
{
	begin();
	grow(150);
	CHECK(!stage_follow_wait(&follow, 0));
	stage_follow_complete(&follow);
	stage_follow_complete(&follow);
	CHECK(stage_follow_wait(&follow, 1e9));
	CHECK(read_next(100) == 100);
	CHECK(read_next(100) == 50);
	CHECK(read_next(100) == 0);
	CHECK(stage_follow_size(&follow) == 150);
	end();
}

static void
unwanted(void)
{
	begin();
	grow(150);
	stage_follow_abandon(&follow);
	CHECK(stage_follow_wait(&follow, 1e9));
	CHECK(read_next(100) == 0);
	end();
}

static void
unreadable(void)
{
	static const char *const calls[] = {"fstat", "pread"};
	char buffer[100];
	size_t count, i;

	for (i = 0; i < 2; i++) {
		begin();
		grow(UNSETTLED);
		grow(sizeof(buffer));
		wrap_begin_two(calls[i], EIO, calls[i], EIO);
		FAILS(stage_follow_read(&follow, buffer, sizeof(buffer), 0, &count, &failure),
			STAGE_E_SYSTEM);
		wrap_end();
		CHECK(failure.sys_errno == EIO);
		HAS(failure.message, "data");
		CHECK(stage_follow_size(&follow) == 0);
		end();
	}
}

static const struct test tests[] = {
	{"settled", settled},
	{"complete", complete},
	{"unwanted", unwanted},
	{"unreadable", unreadable},
	{NULL, NULL},
};

const struct suite suite_follow = {"follow", tests};
