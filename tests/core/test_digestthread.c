#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "digestthread.h"
#include "wrap.h"

#define MANY ((size_t)20 * 1000 * 1000)

static struct stage_digestthread *
open_thread(int fd, bool write_back)
{
	struct stage_digestthread *thread = NULL;

	WORKS(stage_digestthread_open(fd, "data", write_back, &thread, &failure));
	REQUIRE(thread != NULL);
	return thread;
}

static void
sha1_is(const unsigned char sha1[STAGE_SHA1_BYTES], const char *expected)
{
	char hex[2 * STAGE_SHA1_BYTES + 1];
	size_t i;

	for (i = 0; i < STAGE_SHA1_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", sha1[i]);
	CU_ASSERT_STRING_EQUAL(hex, expected);
}

/* By FIPS 180-4's example, and of nothing. */
static void
known(void)
{
	struct stage_digestthread *thread = open_thread(-1, false);
	unsigned char sha1[STAGE_SHA1_BYTES];
	struct stage_digest digest;

	stage_digestthread_add(thread, "ab", 2);
	stage_digestthread_add(thread, "", 0);
	stage_digestthread_add(thread, "c", 1);
	WORKS(stage_digestthread_end(&thread, &digest, sha1, &failure));
	CHECK(thread == NULL && digest.size == 3);
	sha1_is(sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
	thread = open_thread(-1, false);
	WORKS(stage_digestthread_end(&thread, &digest, sha1, &failure));
	CHECK(digest.size == 0);
	sha1_is(sha1, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

/* In pieces of many sizes, each of them reused at once, and more of them than may wait. */
static void
in_pieces(void)
{
	static const size_t sizes[] = {
		1, 65536 + 512, 256 * 1024, 300000, 3, 2000000, 256 * 1024 - 4};
	struct stage_digestthread *thread = open_thread(-1, false);
	unsigned char *data = malloc(MANY), *reused = malloc(2000000), sha1[STAGE_SHA1_BYTES];
	struct stage_digest digest, expected;
	size_t at = 0, i = 0, size;
	int fd;

	REQUIRE(data && reused);
	for (at = 0; at < MANY; at++)
		data[at] = (unsigned char)(at * 2654435761u >> 13);
	for (at = 0; at < MANY; at += size) {
		size = sizes[i++ % (sizeof(sizes) / sizeof(sizes[0]))];
		size = size < MANY - at ? size : MANY - at;
		memcpy(reused, data + at, size);
		stage_digestthread_add(thread, reused, size);
	}
	WORKS(stage_digestthread_end(&thread, &digest, sha1, &failure));
	make_file_bytes(in_dir("data"), data, MANY, 0600);
	fd = open(in_dir("data"), O_RDONLY | O_CLOEXEC);
	WORKS(stage_digest_read(fd, "data", &expected, &failure));
	CHECK(digest.size == MANY);
	CHECK(memcmp(digest.sha256, expected.sha256, sizeof(digest.sha256)) == 0);
	close(fd);
	unlink(in_dir("data"));
	free(reused);
	free(data);
}

/* Writing to disk begins only where that is asked for, and whether it can does not matter. */
static void
written_back(void)
{
	struct stage_digestthread *thread;
	unsigned char sha1[STAGE_SHA1_BYTES];
	char *bytes = calloc(1, MANY);
	struct stage_digest digest;
	int asked, fd;

	REQUIRE(bytes != NULL);
	make_file_bytes(in_dir("data"), bytes, MANY, 0600);
	fd = open(in_dir("data"), O_RDONLY | O_CLOEXEC);
	for (asked = 0; asked <= 1; asked++) {
		thread = open_thread(fd, asked);
		wrap_begin_two("sync_file_range", EINVAL, "sync_file_range", EINVAL);
		stage_digestthread_add(thread, bytes, MANY);
		WORKS(stage_digestthread_end(&thread, &digest, sha1, &failure));
		CHECK(wrap_failed() == asked);
		wrap_end();
		CHECK(digest.size == MANY);
	}
	close(fd);
	unlink(in_dir("data"));
	free(bytes);
}

/* What has ended, in either way, is not there. */
static void
wrong_order(void)
{
	struct stage_digestthread *thread = open_thread(-1, false);
	struct stage_digest digest = {.size = 4711};
	unsigned char sha1[STAGE_SHA1_BYTES];

	stage_digestthread_add(thread, "abc", 3);
	stage_digestthread_drop(&thread);
	CHECK(thread == NULL);
	FAILS(stage_digestthread_end(&thread, &digest, sha1, &failure), STAGE_E_ARGUMENT);
	HAS(failure.message, "no digests are taken");
	stage_digestthread_drop(&thread);
	CHECK(digest.size == 4711);
}

/* In a child. More is added than may wait: nobody would take it. */
static int
use_both(void *context)
{
	static const char bytes[1000000];
	struct stage_digestthread **threads = context;
	unsigned char sha1[STAGE_SHA1_BYTES];
	struct stage_digest digest;
	struct stage_error error;
	int i;

	for (i = 0; i < 5; i++)
		stage_digestthread_add(threads[0], bytes, sizeof(bytes));
	stage_digestthread_drop(&threads[0]);
	if (stage_digestthread_end(&threads[1], &digest, sha1, &error) != STAGE_E_FORKED)
		return 1;
	return threads[0] || threads[1] || !strstr(error.message, "data");
}

static void
of_the_parent(void)
{
	struct stage_digestthread *threads[2] = {open_thread(-1, false), open_thread(-1, false)};
	unsigned char sha1[STAGE_SHA1_BYTES];
	struct stage_digest digest;

	CHECK(in_child_beside_threads(use_both, threads) == 0);
	stage_digestthread_add(threads[1], "abc", 3);
	stage_digestthread_drop(&threads[0]);
	WORKS(stage_digestthread_end(&threads[1], &digest, sha1, &failure));
	CHECK(digest.size == 3);
}

static const struct test tests[] = {
	{"known", known},
	{"in_pieces", in_pieces},
	{"written_back", written_back},
	{"wrong_order", wrong_order},
	{"of_the_parent", of_the_parent},
	{NULL, NULL},
};

const struct suite suite_digestthread = {"digestthread", tests};
