#include "tests.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "handoff.h"
#include "handoff_internal.h"
#include "handoff_run.h"
#include "spool.h"
#include "spool_find.h"
#include "wrap.h"

static void
retries(void)
{
	struct stage_handoff_statistics statistics;

	open_bench();
	SCRIPT(STAGE_UPLOAD_RETRY, STAGE_UPLOAD_RETRY, STAGE_UPLOAD_DONE, STAGE_UPLOAD_RETRY);
	open_queue(3, 0);
	put("a", 1);
	put("b", 1);
	wait_for_all();
	CHECK(strcmp(bench.storage.text, "a:1 a:2 a:3 b:1 b:2 ") == 0);
	HAS(captured.text,
		"W:attempt 1 of 3 to hand off a failed, the next is due in 0.0 seconds: the line is bad: Connection reset by peer\n");
	HAS(captured.text, "W:attempt 2 of 3 to hand off a failed");
	CHECK(captured.lines[STAGE_WARNING] == 3);
	stage_handoff_statistics(bench.handoff, &statistics);
	CHECK(statistics.retries == 3 && statistics.files == 2);
	CHECK(close_bench() == 0);
}

/* What the observer was told, in the order of each thread. */
static char sealed[128], moved[512];

static void
observe(void *context, enum stage_handoff_event event, const struct stage_spool_file *file,
	unsigned int attempt, const char *why)
{
	static const char *const words[] = {"", "begins", "fails", "done"};

	(void)context;
	if (event == STAGE_HANDOFF_SEALED)
		snprintf(sealed + strlen(sealed), sizeof(sealed) - strlen(sealed), "%s:%llu ",
			file->name, (unsigned long long)file->size);
	else
		snprintf(moved + strlen(moved), sizeof(moved) - strlen(moved), "%s:%s:%u%s%.11s ",
			file->name, words[event], attempt, why ? ":" : "", why ? why : "");
}

static void
observed(void)
{
	struct stage_handoff_target target = {
		.upload = upload, .observe = observe, .context = &bench.storage, .attempts = 3};

	sealed[0] = moved[0] = '\0';
	open_bench();
	SCRIPT(STAGE_UPLOAD_RETRY, STAGE_UPLOAD_DONE, STAGE_UPLOAD_GIVE_UP);
	WORKS(stage_handoff_open(&target, &captured.log, &bench.handoff, &failure));
	REQUIRE(bench.handoff != NULL);
	put("a", 5);
	wait_for_all();
	put("b", 7);
	CHECK(stage_handoff_wait(bench.handoff, 1, LONG, &failure) == STAGE_E_HANDOFF);
	CHECK(close_bench() == 1);
	CHECK(strcmp(sealed, "a:5 b:7 ") == 0);
	CHECK(strcmp(moved,
		      "a:begins:1 a:fails:1:the line is a:begins:2 a:done:2 b:begins:1 b:fails:1:the line is ") ==
		0);
}

/* That an attempt waited at least so long can be told; at most, only roughly on a busy machine. */
static void
delays(void)
{
	static const unsigned int factors[] = {1, 2, 4, 8, 16, 16, 16};
	const double delay = 0.01, *times = bench.storage.times;
	size_t i;

	open_bench();
	SCRIPT(STAGE_UPLOAD_RETRY, STAGE_UPLOAD_RETRY, STAGE_UPLOAD_RETRY, STAGE_UPLOAD_RETRY,
		STAGE_UPLOAD_RETRY, STAGE_UPLOAD_RETRY, STAGE_UPLOAD_RETRY);
	open_queue(8, delay);
	put("a", 1);
	wait_for_all();
	CHECK(bench.storage.begun == 8);
	for (i = 0; i < 7; i++)
		CHECK(times[i + 1] - times[i] >= 0.75 * delay * factors[i]);
	CHECK(times[7] - times[6] < 0.75 * delay * 64); /* what it would be without the limit */
	CHECK(close_bench() == 0);
}

/* The sum of what a user has asked for is not exceeded, by whatever chance. */
static void
delays_that_do_not_grow(void)
{
	struct stage_handoff_target target = {.attempts = 7, .delay = 1, .longest_delay = 1};
	unsigned int number;
	double delay;

	for (number = 1; number < 1000; number++) {
		delay = stage_handoff_delay(&target, number, STAGE_UPLOAD_RETRY);
		CHECK(delay >= 0.75 && delay <= 1);
		delay = stage_handoff_delay(&target, number, STAGE_UPLOAD_RETRY_LATER);
		CHECK(delay >= 2.25 && delay <= 3);
	}
	target.longest_delay = 3;
	CHECK(stage_handoff_delay(&target, 2, STAGE_UPLOAD_RETRY) <= 2);
	delay = stage_handoff_delay(&target, 999, STAGE_UPLOAD_RETRY);
	CHECK(delay >= 2.25 && delay <= 3);
}

static void
later(void)
{
	const double delay = 0.02, *times = bench.storage.times;

	open_bench();
	SCRIPT(STAGE_UPLOAD_RETRY_LATER, STAGE_UPLOAD_RETRY_LATER, STAGE_UPLOAD_DONE);
	open_queue(3, delay);
	put("a", 1);
	wait_for_all();
	CHECK(times[1] - times[0] >= 0.75 * 3 * delay);
	CHECK(times[2] - times[1] >= 0.75 * 3 * 2 * delay);
	CHECK(close_bench() == 0);
}

/* Looks for a file count as uploads of their own here: "NAME:ATTEMPT " for each. */
static void
open_queue_that_confirms(double delay)
{
	const struct stage_handoff_target target = {.upload = upload,
		.confirm = upload,
		.confirm_delay = delay,
		.context = &bench.storage,
		.attempts = 2};

	WORKS(stage_handoff_open(&target, &captured.log, &bench.handoff, &failure));
	REQUIRE(bench.handoff != NULL);
}

static void
shown_later(void)
{
	const double delay = 0.02, *times = bench.storage.times;
	struct stage_handoff_statistics statistics;

	open_bench();
	SCRIPT(STAGE_UPLOAD_UNCONFIRMED, STAGE_UPLOAD_UNCONFIRMED, STAGE_UPLOAD_UNCONFIRMED,
		STAGE_UPLOAD_DONE);
	open_queue_that_confirms(delay);
	put("a", 1);
	wait_for_all();
	CHECK(strcmp(bench.storage.text, "a:1 a:1 a:1 a:1 ") == 0);
	CHECK(times[1] - times[0] >= delay && times[2] - times[1] >= 2 * delay &&
		times[3] - times[2] >= 4 * delay);
	stage_handoff_statistics(bench.handoff, &statistics);
	CHECK(statistics.retries == 0 && statistics.files == 1);
	CHECK(captured.lines[STAGE_WARNING] == 0);
	CHECK(close_bench() == 0);
}

/* Who looks may find that it is of no use to wait. */
static void
looked_for_in_vain(void)
{
	open_bench();
	SCRIPT(STAGE_UPLOAD_UNCONFIRMED, STAGE_UPLOAD_UNCONFIRMED, STAGE_UPLOAD_UNCONFIRMED,
		STAGE_UPLOAD_UNCONFIRMED, STAGE_UPLOAD_UNCONFIRMED, STAGE_UPLOAD_GIVE_UP);
	open_queue_that_confirms(0);
	put("a", 1);
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_HANDOFF);
	CHECK(strcmp(bench.storage.text, "a:1 a:1 a:1 a:1 a:2 a:2 ") == 0);
	HAS(captured.text, "W:attempt 1 of 2 to hand off a failed");
	HAS(captured.text, "I:attempt 2 to hand off a failed, and is the last");
	CHECK(close_bench() == 1);
}

/* Nobody waits for that at the end of a run; the next one looks what storage has. */
static void
stopped_before_it_is_shown(void)
{
	open_bench();
	SCRIPT(STAGE_UPLOAD_UNCONFIRMED);
	open_queue_that_confirms(3600);
	put("a", 1);
	wait_for_begun(&bench.storage, 1);
	CHECK(stage_handoff_stop(bench.handoff, LONG) == 0);
	CHECK(strcmp(bench.storage.text, "a:1 ") == 0);
	CHECK(captured.lines[STAGE_WARNING] == 0);
	CHECK(close_bench() == 1);
}

static void
nobody_looks(void)
{
	open_bench();
	SCRIPT(STAGE_UPLOAD_UNCONFIRMED);
	open_queue(2, 0);
	put("a", 1);
	wait_for_all();
	CHECK(strcmp(bench.storage.text, "a:1 a:2 ") == 0);
	CHECK(close_bench() == 0);
}

/* All the rest stays staged; the error is told whenever somebody asks. */
static void
check_failed(const char *part, size_t count)
{
	int i;

	for (i = 0; i < 3; i++) {
		FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_HANDOFF);
		HAS(failure.message, part);
		CHECK(failure.sys_errno == ECONNRESET);
		FAILS(stage_handoff_wait(bench.handoff, 100, 0, &failure), STAGE_E_HANDOFF);
	}
	put("late", 5);
	CHECK(waiting() == count + 1);
	CHECK(stage_handoff_stop(bench.handoff, LONG) == 0);
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_HANDOFF);
	FAILS(stage_handoff_put(bench.handoff, bench.spool, make("never", 1), &failure),
		STAGE_E_CLOSED);
	HAS(captured.text, "D:Staged late in ");
	CHECK(close_bench() == count + 1);
}

static void
runs_out_of_attempts(void)
{
	open_bench();
	SCRIPT(STAGE_UPLOAD_DONE, STAGE_UPLOAD_RETRY, STAGE_UPLOAD_RETRY_LATER);
	hold(&bench.storage, true);
	open_queue(2, 0);
	put("a", 1);
	put("b", 1);
	put("c", 1);
	hold(&bench.storage, false);
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_HANDOFF);
	CHECK(strcmp(bench.storage.text, "a:1 b:1 b:2 ") == 0);
	check_failed("the line is bad: Connection reset by peer", 2);
	HAS(captured.text, "I:attempt 2 to hand off b failed, and is the last: the line is bad");
}

static void
gives_up(void)
{
	open_bench();
	SCRIPT(STAGE_UPLOAD_GIVE_UP);
	bench.storage.message = "the\nquota\tis over";
	open_queue(5, 60);
	put("a", 1);
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_HANDOFF);
	CHECK(strcmp(bench.storage.text, "a:1 ") == 0);
	check_failed("the\\x0aquota\\x09is over", 1);
}

static void
without_reason(void)
{
	open_bench();
	SCRIPT(STAGE_UPLOAD_GIVE_UP);
	bench.storage.message = NULL;
	open_queue(5, 60);
	put("a", 1);
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_HANDOFF);
	HAS(failure.message, "without a reason");
	CHECK(close_bench() == 1);
}

/* What people find about it afterwards. */
static void
failures_are_recorded(void)
{
	struct stage_spool_found *list = NULL;
	size_t count = 0;

	open_bench();
	SCRIPT(STAGE_UPLOAD_RETRY, STAGE_UPLOAD_RETRY, STAGE_UPLOAD_GIVE_UP);
	open_queue(5, 0);
	put("a", 7);
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_HANDOFF);
	WORKS(stage_spool_find(test_dir, &list, &count, &failure));
	CHECK(count == 1);
	if (count == 1 && list[0].count == 1) {
		CHECK(list[0].list[0].attempts == 3 && list[0].list[0].failed > 0);
		HAS(list[0].list[0].failure, "the line is bad");
		CHECK(strcmp(list[0].list[0].name, "a") == 0 && list[0].list[0].size == 7);
	} else {
		CU_FAIL("no record of the file");
	}
	stage_spool_find_free(&list, count);
	CHECK(close_bench() == 1);
}

/*
 * Where the disk is not waited for, it may fail to take a file while that is uploaded: storage may
 * have anything then, and nothing comes behind it.
 */
static void
lost_in_upload(int sys_errno, enum stage_code code)
{
	open_bench();
	open_queue(1, 0);
	put("a", 1);
	wait_for_all();
	hold(&bench.storage, true);
	put("b", 1);
	wait_for_begun(&bench.storage, 2);
	put("behind", 1);
	wrap_begin_two("sync_file_range", sys_errno, "sync_file_range", sys_errno);
	hold(&bench.storage, false);
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), code);
	CHECK(stage_handoff_stop(bench.handoff, LONG) == 0);
	wrap_end();
	CHECK(failure.sys_errno == sys_errno);
	HAS(failure.message, "b is lost: ");
	HAS(failure.message, "storage may have something else");
	CHECK(strcmp(bench.storage.text, "a:1 b:1 ") == 0);
	HAS_NOT(captured.text, "Handed off b");
	CHECK(close_bench() == 1); /* b is of no use to a later run */
}

static void
full_in_upload(void)
{
	lost_in_upload(ENOSPC, STAGE_E_NO_ROOM);
}

static void
broken_in_upload(void)
{
	lost_in_upload(EIO, STAGE_E_SYSTEM);
}

/* What is not there any more is not tried again, and storage is not blamed. */
static void
taken_away(void)
{
	struct stage_spool_file *file;
	char path[1024];

	open_bench();
	SCRIPT(STAGE_UPLOAD_RETRY, STAGE_UPLOAD_RETRY, STAGE_UPLOAD_RETRY);
	hold(&bench.storage, true);
	open_queue(3, 0);
	file = make("a", 1);
	snprintf(path, sizeof(path), "%s", file->path);
	WORKS(stage_handoff_put(bench.handoff, bench.spool, file, &failure));
	wait_for_begun(&bench.storage, 1);
	CHECK(unlink(path) == 0);
	hold(&bench.storage, false);
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_DAMAGED);
	HAS(failure.message, path);
	HAS(failure.message, "is gone: it cannot be handed off, and storage is not to blame.");
	CHECK(strcmp(bench.storage.text, "a:1 ") == 0);
	make_file(path, "",
		0600); /* what nobody has removed stays, with its directory, to be told of */
	CHECK(close_bench() == 1);
}

/* What is gone before its turn is not even tried. */
static void
taken_away_before(void)
{
	struct stage_spool_file *file;
	char path[1024];

	open_bench();
	hold(&bench.storage, true);
	open_queue(3, 0);
	put("a", 1);
	wait_for_begun(&bench.storage, 1);
	file = make("b", 1);
	snprintf(path, sizeof(path), "%s", file->path);
	WORKS(stage_spool_seal(bench.spool, file, &failure));
	WORKS(stage_handoff_put(bench.handoff, bench.spool, file, &failure));
	CHECK(unlink(path) == 0);
	hold(&bench.storage, false);
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_DAMAGED);
	HAS(failure.message, path);
	HAS(failure.message, "is gone: it cannot be handed off, and storage is not to blame.");
	CHECK(strcmp(bench.storage.text, "a:1 ") == 0);
	CHECK(stage_spool_check_there(bench.spool, file, NULL) == STAGE_E_DAMAGED);
	make_file(path, "", 0600);
	WORKS(stage_spool_check_there(bench.spool, file, &failure));
	CHECK(close_bench() == 1);
}

/* Storage has it: that ours cannot be removed is told, and no more. */
static void
forget_fails(void)
{
	struct stage_spool_file *file;
	char path[1024];

	open_bench();
	hold(&bench.storage, true);
	open_queue(1, 0);
	file = make("a", 1);
	snprintf(path, sizeof(path), "%s", file->path);
	WORKS(stage_handoff_put(bench.handoff, bench.spool, file, &failure));
	wait_for_begun(&bench.storage, 1);
	CHECK(unlink(path) == 0);
	make_dir(path, 0700);
	hold(&bench.storage, false);
	wait_for_all();
	HAS(captured.text, "W:a is in storage, but stays in the temp root: ");
	CHECK(waiting() == 0);
	CHECK(rmdir(path) == 0);
	bench.storage.previous[0] = '\0';
	put("b", 1);
	wait_for_all();
	CHECK(bench.storage.done == 2);
	WORKS(stage_spool_forget(bench.spool, &file, &failure));
	CHECK(close_bench() == 0);
}

/* Signals reach neither thread; but what upload() starts must not inherit that. */
static atomic_int blocked_in_upload, blocked_in_log;

static int
blocks(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	return sigismember(&set, signal) == 1;
}

static enum stage_upload
upload_and_look(void *context, const struct stage_spool_file *file, unsigned int attempt,
	struct stage_error *error)
{
	atomic_store(&blocked_in_upload, blocks(SIGTERM) + 2 * blocks(SIGUSR2));
	return upload(context, file, attempt, error);
}

static void
look_and_log(void *context, enum stage_level level, const char *line)
{
	(void)context;
	(void)level;
	if (strstr(line, "Staged") || strstr(line, "Handed off"))
		atomic_fetch_add(&blocked_in_log, blocks(SIGTERM));
}

static void
signals(void)
{
	const struct stage_handoff_target target = {
		.upload = upload_and_look, .context = &bench.storage, .attempts = 1};
	const struct stage_log log = {look_and_log, NULL};
	sigset_t set;

	open_bench();
	atomic_store(&blocked_in_upload, -1);
	atomic_store(&blocked_in_log, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	WORKS(stage_handoff_open(&target, &log, &bench.handoff, &failure));
	CHECK(!blocks(SIGTERM) && blocks(SIGUSR2));
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	put("a", 1);
	wait_for_all();
	CHECK(atomic_load(&blocked_in_upload) == 2 && atomic_load(&blocked_in_log) == 2);
	CHECK(close_bench() == 0);
}

static const struct test tests[] = {
	{"retries", retries},
	{"observed", observed},
	{"delays", delays},
	{"delays_that_do_not_grow", delays_that_do_not_grow},
	{"later", later},
	{"shown_later", shown_later},
	{"looked_for_in_vain", looked_for_in_vain},
	{"stopped_before_it_is_shown", stopped_before_it_is_shown},
	{"nobody_looks", nobody_looks},
	{"runs_out_of_attempts", runs_out_of_attempts},
	{"gives_up", gives_up},
	{"without_reason", without_reason},
	{"failures_are_recorded", failures_are_recorded},
	{"full_in_upload", full_in_upload},
	{"broken_in_upload", broken_in_upload},
	{"taken_away", taken_away},
	{"taken_away_before", taken_away_before},
	{"forget_fails", forget_fails},
	{"signals", signals},
	{NULL, NULL},
};

const struct suite suite_handoff_upload = {"handoff_upload", tests};
