#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "digestfollow.h"
#include "wrap.h"

#define PIECE ((size_t)700 * 1000)
#define PIECES 30

static void
pause_ms(long milliseconds)
{
	const struct timespec time = {.tv_nsec = milliseconds * 1000 * 1000};

	nanosleep(&time, NULL);
}

/* A file that is empty, and a descriptor for reading it. */
static int
new_file(void)
{
	int fd;

	make_file(in_dir("data"), "", 0600);
	fd = open(in_dir("data"), O_RDONLY | O_CLOEXEC);
	REQUIRE(fd >= 0);
	return fd;
}

static struct stage_digestfollow *
follow_new_file(bool write_back)
{
	struct stage_digestfollow *follow = NULL;

	WORKS(stage_digestfollow_open(new_file(), "data", write_back, &follow, &failure));
	REQUIRE(follow != NULL);
	return follow;
}

/* Appends to it. False where that fails: a child asks, too. */
static bool
grow(const char *bytes, size_t size)
{
	int fd = open(in_dir("data"), O_WRONLY | O_APPEND | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, bytes, size) == (ssize_t)size;

	close(fd);
	return written;
}

static void
sha1_is(const struct stage_digestfollowed *followed, const char *expected)
{
	char hex[2 * STAGE_SHA1_BYTES + 1];
	size_t i;

	for (i = 0; i < STAGE_SHA1_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", followed->sha1[i]);
	CU_ASSERT_STRING_EQUAL(hex, expected);
}

/* The SHA-256 of what followed tells is that of the file as it is read at its end. */
static void
is_of_file(const struct stage_digestfollowed *followed)
{
	struct stage_digest digest;
	int fd = open(in_dir("data"), O_RDONLY | O_CLOEXEC);

	WORKS(stage_digest_read(fd, "data", &digest, &failure));
	CHECK(digest.size == followed->digest.size);
	CHECK(memcmp(digest.sha256, followed->digest.sha256, sizeof(digest.sha256)) == 0);
	close(fd);
}

/* By FIPS 180-4's example, and of nothing. */
static void
known(void)
{
	struct stage_digestfollow *follow = follow_new_file(false);
	struct stage_digestfollowed followed;

	CHECK(grow("abc", 3));
	WORKS(stage_digestfollow_end(&follow, &followed, &failure));
	CHECK(follow == NULL);
	sha1_is(&followed, "a9993e364706816aba3e25717850c26c9cd0d89d");
	is_of_file(&followed);
	unlink(in_dir("data"));
	follow = follow_new_file(true);
	WORKS(stage_digestfollow_end(&follow, &followed, &failure));
	sha1_is(&followed, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	is_of_file(&followed);
	unlink(in_dir("data"));
}

/* A few bytes at a time, with pauses in which what there is may be read, and without. */
static void
in_pieces(void)
{
	struct stage_digestfollow *follow = follow_new_file(false);
	struct stage_digestfollowed followed;
	static char bytes[9999];
	int i;

	for (i = 0; i < 300; i++) {
		memset(bytes, i, sizeof(bytes));
		CHECK(grow(bytes, sizeof(bytes)));
		if (i % 100 == 99)
			pause_ms(120);
	}
	WORKS(stage_digestfollow_end(&follow, &followed, &failure));
	CHECK(followed.digest.size == 300 * sizeof(bytes));
	is_of_file(&followed);
	unlink(in_dir("data"));
}

/* In a child. */
static int
write_slowly(void *context)
{
	char *bytes = context;
	int i;

	for (i = 0; i < PIECES; i++) {
		memset(bytes, i, PIECE);
		if (!grow(bytes, PIECE))
			return 1;
		pause_ms(i % 10);
	}
	return 0;
}

static void
of_another_process(void)
{
	char *bytes = malloc(PIECE);
	struct stage_digestfollow *follow = NULL;
	struct stage_digestfollowed followed;
	struct child child;
	int fd;

	REQUIRE(bytes != NULL);
	fd = new_file();
	child = start_child(write_slowly, bytes, -1);
	WORKS(stage_digestfollow_open(fd, "data", true, &follow, &failure));
	REQUIRE(follow != NULL);
	CHECK(end_child(child) == 0);
	WORKS(stage_digestfollow_end(&follow, &followed, &failure));
	CHECK(followed.digest.size == PIECES * PIECE);
	is_of_file(&followed);
	free(bytes);
	unlink(in_dir("data"));
}

/* Writing to disk begins only where that is asked for, and whether it can does not matter. */
static void
written_back(void)
{
	char *bytes = calloc(20, PIECE);
	struct stage_digestfollow *follow;
	struct stage_digestfollowed followed;
	int asked;

	REQUIRE(bytes != NULL);
	for (asked = 0; asked <= 1; asked++) {
		follow = follow_new_file(asked);
		wrap_begin_two("sync_file_range", EINVAL, "sync_file_range", EINVAL);
		CHECK(grow(bytes, 20 * PIECE));
		WORKS(stage_digestfollow_end(&follow, &followed, &failure));
		CHECK(wrap_failed() == asked);
		wrap_end();
		CHECK(followed.digest.size == 20 * PIECE);
		unlink(in_dir("data"));
	}
	free(bytes);
}

/* What the disk did not take may have been read when it was gone: nothing is told of it. */
static void
not_taken(void)
{
	struct stage_digestfollowed followed = {.digest.size = 4711};
	struct stage_digestfollow *follow;
	int code;

	follow = follow_new_file(true);
	CHECK(grow("abc", 3));
	wrap_begin_two("sync_file_range", ENOSPC, "sync_file_range", ENOSPC);
	code = stage_digestfollow_end(&follow, &followed, &failure);
	wrap_end();
	CHECK(code == STAGE_E_SYSTEM && failure.sys_errno == ENOSPC && follow == NULL);
	CHECK(followed.digest.size == 4711);
	unlink(in_dir("data"));
}

/* What was read and is there no more. */
static void
shortened(void)
{
	struct stage_digestfollowed followed = {.digest.size = 4711};
	char *bytes = calloc(1, PIECE);
	struct stage_digestfollow *follow;
	int pause = 200, code = 0;

	REQUIRE(bytes != NULL);
	/* longer and longer, until something was read */
	for (; code == 0 && pause < 20000; pause *= 2) {
		follow = follow_new_file(false);
		CHECK(grow(bytes, PIECE));
		pause_ms(pause % 1000);
		sleep((unsigned int)pause / 1000);
		CHECK(truncate(in_dir("data"), 5) == 0);
		followed.digest.size = 4711;
		code = stage_digestfollow_end(&follow, &followed, &failure);
		unlink(in_dir("data"));
	}
	FAILS(code, STAGE_E_DAMAGED);
	CHECK(follow == NULL && followed.digest.size == 4711);
	free(bytes);
}

static void
unreadable(void)
{
	struct stage_digestfollow *follow = NULL;
	struct stage_digestfollowed followed;
	int fd = open(test_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	WORKS(stage_digestfollow_open(fd, "some/path", false, &follow, &failure));
	REQUIRE(follow != NULL);
	FAILS(stage_digestfollow_end(&follow, &followed, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == EISDIR);
	HAS(failure.message, "cannot read some/path");
}

/* A thread that was joined is there for a moment yet. */
static bool
has_threads(int count)
{
	double until = stage_clock_now() + 5;

	while (count_entries("/proc/self/task") != count && stage_clock_now() < until)
		pause_ms(1);
	return count_entries("/proc/self/task") == count;
}

/* Nothing more is read; thread and descriptor are gone. */
static void
dropped(void)
{
	const int fds = count_fds();
	struct stage_digestfollow *follow;
	int threads;

	pause_ms(100); /* for those of tests before */
	threads = count_entries("/proc/self/task");
	follow = follow_new_file(true);
	CHECK(has_threads(threads + 1));
	CHECK(truncate(in_dir("data"), (off_t)1 << 50) == 0 ||
		truncate(in_dir("data"), (off_t)1 << 40) == 0);
	stage_digestfollow_drop(&follow);
	CHECK(follow == NULL);
	stage_digestfollow_drop(&follow);
	CHECK(count_fds() == fds);
	CHECK(has_threads(threads));
	unlink(in_dir("data"));
}

/* What has ended, in either way, is not there. */
static void
wrong_order(void)
{
	struct stage_digestfollowed followed = {.digest = {.size = 4711}};
	struct stage_digestfollow *follow = follow_new_file(false);

	stage_digestfollow_drop(&follow);
	FAILS(stage_digestfollow_end(&follow, &followed, &failure), STAGE_E_ARGUMENT);
	HAS(failure.message, "nothing is followed");
	stage_digestfollow_drop(&follow);
	CHECK(follow == NULL && followed.digest.size == 4711);
	unlink(in_dir("data"));
}

/* In a child. */
static int
end_both(void *context)
{
	struct stage_digestfollow **follows = context;
	struct stage_digestfollowed followed;
	struct stage_error error;

	stage_digestfollow_drop(&follows[0]);
	if (stage_digestfollow_end(&follows[1], &followed, &error) != STAGE_E_FORKED)
		return 1;
	return follows[0] || follows[1] || !strstr(error.message, "data");
}

static void
of_the_parent(void)
{
	struct stage_digestfollow *follows[2];
	struct stage_digestfollowed followed;

	follows[0] = follow_new_file(false);
	WORKS(stage_digestfollow_open(
		open(in_dir("data"), O_RDONLY | O_CLOEXEC), "data", false, &follows[1], &failure));
	CHECK(in_child_beside_threads(end_both, follows) == 0);
	CHECK(grow("abc", 3));
	stage_digestfollow_drop(&follows[0]);
	WORKS(stage_digestfollow_end(&follows[1], &followed, &failure));
	CHECK(followed.digest.size == 3);
	unlink(in_dir("data"));
}

static const struct test tests[] = {
	{"known", known},
	{"in_pieces", in_pieces},
	{"of_another_process", of_another_process},
	{"written_back", written_back},
	{"not_taken", not_taken},
	{"shortened", shortened},
	{"unreadable", unreadable},
	{"dropped", dropped},
	{"wrong_order", wrong_order},
	{"of_the_parent", of_the_parent},
	{NULL, NULL},
};

const struct suite suite_digestfollow = {"digestfollow", tests};
