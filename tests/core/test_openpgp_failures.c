/* A pipe that nobody reads, a caller who says no, want of memory and of threads, a fork. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "openpgp.h"
#include "openpgp_run.h"
#include "wrap.h"

/* Writes what has nowhere to go, and finds the same error wherever it asks. */
static void
check_error(int fd, int sys_errno, unsigned int threads)
{
	const struct stage_openpgp_options options = {
		.limit = 1 << 30, .level = 1, .threads = threads};
	unsigned char *data = gzip_data(RANDOM, MANY);
	struct stage_openpgp *openpgp = NULL;
	uint64_t written = 77;
	bool fits = true;
	int i;

	WORKS(stage_openpgp_open(fd, "the pipe", &options, &openpgp, &failure));
	FAILS(stage_openpgp_write(openpgp, data, MANY, &failure), STAGE_E_SYSTEM);
	for (i = 0; i < 2; i++) {
		CHECK(failure.sys_errno == sys_errno);
		HAS(failure.message, "cannot write the pipe: ");
		HAS(failure.message, stage_error_errno_text(sys_errno));
		FAILS(stage_openpgp_fits(openpgp, 1, &fits, &failure), STAGE_E_SYSTEM);
		FAILS(stage_openpgp_write(openpgp, data, 1, &failure), STAGE_E_SYSTEM);
		CHECK(stage_openpgp_write(openpgp, data, 1, NULL) == STAGE_E_SYSTEM);
	}
	CHECK(stage_openpgp_size(openpgp) == 0);
	FAILS(stage_openpgp_close(&openpgp, false, &written, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == sys_errno && openpgp == NULL && written == 77);

	/* nobody asks before the end; nobody wants to know */
	WORKS(stage_openpgp_open(fd, "the pipe", &options, &openpgp, &failure));
	WORKS(stage_openpgp_write(openpgp, data, 10, &failure));
	FAILS(stage_openpgp_close(&openpgp, false, NULL, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == sys_errno);
	WORKS(stage_openpgp_open(fd, "the pipe", &options, &openpgp, &failure));
	FAILS(stage_openpgp_write(openpgp, data, MANY, &failure), STAGE_E_SYSTEM);
	WORKS(stage_openpgp_close(&openpgp, true, NULL, &failure));
	free(data);
}

static void
errors(void)
{
	int fd = gzip_output("a"), threads;

	for (threads = 1; threads <= 3; threads += 2) {
		wrap_begin_two("write", EIO, "write", EIO);
		check_error(fd, EIO, (unsigned int)threads);
		wrap_end();
	}
	close(fd);
	unlink(in_dir("a"));
}

static void
nobody_reads(void)
{
	void (*handler)(int) = signal(SIGPIPE, SIG_IGN);
	int fds[2];

	REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
	close(fds[0]);
	check_error(fds[1], EPIPE, 1);
	check_error(fds[1], EPIPE, 2);
	close(fds[1]);
	signal(SIGPIPE, handler);
}

/* Of four blocks of data: a head, four full blocks and one that is not, an end. */
#define WRITES 7

/* How often somebody was asked, in which thread, and how often he says yes. */
struct asked {
	pthread_t thread;
	size_t times, yes, elsewhere;
};

static int
before(void *context, struct stage_error *error)
{
	struct asked *asked = context;

	asked->elsewhere += !pthread_equal(asked->thread, pthread_self());
	if (asked->times++ < asked->yes)
		return 0;
	return stage_error_set(error, STAGE_E_DAMAGED, 0, "that is enough");
}

static void
asked_before(void)
{
	unsigned char *data = gzip_data(MIXED, MANY);
	struct asked asked = {.thread = pthread_self(), .yes = SIZE_MAX};
	struct stage_openpgp_options options = {.level = 1, .before = before, .context = &asked};

	for (options.threads = 1; options.threads <= 4; options.threads += 3) {
		asked.times = 0;
		wrap_tally_begin();
		openpgp_compress("a", data, MANY, PIECE, &options);
		CHECK(asked.times == wrap_tally("write") && asked.times > MANY / BLOCK);
		wrap_tally_end();
		CHECK(asked.elsewhere == 0);
		CHECK(openpgp_reads_back("a", data, MANY));
	}
	free(data);
	unlink(in_dir("a"));
}

/* What he has said is what the stream fails with from then on, and nothing more is written. */
static void
told_no(void)
{
	unsigned char *data = gzip_data(MIXED, 4 * BLOCK);
	struct asked asked = {.thread = pthread_self()};
	const struct stage_openpgp_options options = {
		.threads = 2, .before = before, .context = &asked};
	struct stage_openpgp *openpgp = NULL;
	bool fits = true;
	uint64_t size;
	int fd;

	for (asked.yes = 0; asked.yes <= WRITES; asked.yes++) {
		asked.times = 0;
		fd = gzip_output("a");
		WORKS(stage_openpgp_open(fd, "a", &options, &openpgp, &failure));
		stage_openpgp_write(openpgp, data, 4 * BLOCK, NULL);
		if (asked.times > asked.yes) {
			size = stage_openpgp_size(openpgp);
			FAILS(stage_openpgp_fits(openpgp, 1, &fits, &failure), STAGE_E_DAMAGED);
			FAILS(stage_openpgp_write(openpgp, "", 1, &failure), STAGE_E_DAMAGED);
			CHECK(size == stage_openpgp_size(openpgp) && size == gzip_size("a"));
		}
		if (asked.yes < WRITES) {
			FAILS(stage_openpgp_close(&openpgp, false, NULL, &failure),
				STAGE_E_DAMAGED);
			HAS(failure.message, "that is enough");
			CHECK(asked.times == asked.yes + 1);
		} else {
			WORKS(stage_openpgp_close(&openpgp, false, NULL, &failure));
			CHECK(asked.times == WRITES);
		}
		close(fd);
	}
	CHECK(openpgp_reads_back("a", data, 4 * BLOCK));
	free(data);
	unlink(in_dir("a"));
}

/* What cannot be had is done without: threads, their compressors, further blocks. */
static void
without(const char *what, int sys_errno)
{
	const struct stage_openpgp_options options = {.level = 1, .threads = 4};
	unsigned char *data = gzip_data(MIXED, 8 * BLOCK);
	struct stage_openpgp *openpgp = NULL;
	int fd = gzip_output("a");

	WORKS(stage_openpgp_open(fd, "a", &options, &openpgp, &failure));
	wrap_begin_two(what, sys_errno, what, sys_errno);
	WORKS(stage_openpgp_write(openpgp, data, 8 * BLOCK, &failure));
	WORKS(stage_openpgp_close(&openpgp, false, NULL, &failure));
	wrap_end();
	CHECK(openpgp_reads_back("a", data, 8 * BLOCK));
	free(data);
	close(fd);
	unlink(in_dir("a"));
}

static void
without_threads_or_memory(void)
{
	without("pthread_create", EAGAIN);
	without("malloc", ENOMEM);
	without("calloc", ENOMEM);
}

/*
 * A thread begins with the first full block, and is gone when the stream is. A sanitizer has one of its own
 * from the first one on, so that comes before.
 */
static void
threads(void)
{
	const struct stage_openpgp_options options = {.level = 1, .threads = 3};
	unsigned char *data = gzip_data(TEXT, 2 * BLOCK);
	struct stage_openpgp *openpgp = NULL;
	/* the rest is framing: eight pieces, a tag and what is before the data */
	size_t whole_block = BLOCK - 8 - 1 - LITERAL_HEADER;
	int fd, first;

	openpgp_compress("a", data, 2 * BLOCK, PIECE, &options);
	first = count_entries("/proc/self/task");
	fd = gzip_output("a");
	WORKS(stage_openpgp_open(fd, "a", &options, &openpgp, &failure));
	WORKS(stage_openpgp_write(openpgp, data, whole_block - 1, &failure));
	CHECK(count_entries("/proc/self/task") == first);
	WORKS(stage_openpgp_write(openpgp, data, 2 * PIECE, &failure));
	CHECK(count_entries("/proc/self/task") == first + 3);
	WORKS(stage_openpgp_close(&openpgp, false, NULL, &failure));
	free(data);
	close(fd);
	unlink(in_dir("a"));
}

/* What was begun before a fork, and is gone on with in the child. */
static int
child_calls_all(void *context)
{
	struct stage_openpgp *openpgp = context;
	uint64_t written = 77;
	bool fits = true;

	if (stage_openpgp_write(openpgp, "x", 1, &failure) != STAGE_E_FORKED)
		return 1;
	if (!strstr(failure.message, "not by its child"))
		return 2;
	if (stage_openpgp_fits(openpgp, 1, &fits, NULL) != STAGE_E_FORKED)
		return 3;
	if (stage_openpgp_close(&openpgp, false, &written, &failure) != STAGE_E_FORKED)
		return 4;
	return openpgp || written != 77 ? 5 : 0;
}

static void
forked(void)
{
	struct stage_openpgp_options options = {.level = 6};
	unsigned char *data = gzip_data(TEXT, 4 * BLOCK);
	struct stage_openpgp *openpgp = NULL;
	int fd;

	for (options.threads = 1; options.threads <= 3; options.threads += 2) {
		fd = gzip_output("a");
		WORKS(stage_openpgp_open(fd, "a", &options, &openpgp, &failure));
		CHECK(in_child(child_calls_all, openpgp, -1) == 0);
		WORKS(stage_openpgp_write(openpgp, data, 3 * BLOCK + 5, &failure));
		CHECK(in_child(child_calls_all, openpgp, -1) == 0);
		WORKS(stage_openpgp_write(openpgp, data + 3 * BLOCK + 5, BLOCK - 5, &failure));
		WORKS(stage_openpgp_close(&openpgp, false, NULL, &failure));
		CHECK(openpgp_reads_back("a", data, 4 * BLOCK));
		close(fd);
	}
	free(data);
	unlink(in_dir("a"));
}

static const struct test tests[] = {
	{"errors", errors},
	{"nobody_reads", nobody_reads},
	{"asked_before", asked_before},
	{"told_no", told_no},
	{"without_threads_or_memory", without_threads_or_memory},
	{"threads", threads},
	{"forked", forked},
	{NULL, NULL},
};

const struct suite suite_openpgp_failures = {"openpgp_failures", tests};
