#include "tests.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "handoff.h"
#include "handoff_run.h"
#include "spool.h"

#define PRODUCERS 4
#define FILES_EACH 100

static void
life(void)
{
	int before;

	open_bench();
	before = count_fds();
	open_queue(3, 0);
	put("a", 10);
	put("b", 20);
	put("c", 0);
	wait_for_all();
	CHECK(waiting() == 0);
	CHECK(stage_spool_files(bench.spool) == NULL);
	CHECK(strcmp(bench.storage.text, "a:1 b:1 c:1 ") == 0);
	HAS(captured.text, "D:Staged b in ");
	HAS(captured.text, "D:Handed off b");
	CHECK(captured.lines[STAGE_WARNING] == 0);
	errno = EDOM;
	stage_handoff_close(&bench.handoff);
	CHECK(errno == EDOM && bench.handoff == NULL);
	CHECK(count_fds() == before);
	CHECK(close_bench() == 0);
}

static void
unused(void)
{
	open_bench();
	open_queue(1, 0);
	WORKS(stage_handoff_wait(bench.handoff, 1, 0, &failure));
	CHECK(close_bench() == 0);
	CHECK(captured.used == 0);
}

static void
silent(void)
{
	const struct stage_handoff_target target = {
		.upload = upload, .context = &bench.storage, .attempts = 1};

	open_bench();
	SCRIPT(STAGE_UPLOAD_GIVE_UP);
	WORKS(stage_handoff_open(&target, NULL, &bench.handoff, NULL));
	WORKS(stage_handoff_put(bench.handoff, bench.spool, make("a", 1), NULL));
	CHECK(stage_handoff_wait(bench.handoff, 1, LONG, NULL) == STAGE_E_HANDOFF);
	CHECK(stage_handoff_wait(bench.handoff, 0, LONG, NULL) == STAGE_E_ARGUMENT);
	CHECK(stage_handoff_stop(bench.handoff, LONG) == 0);
	CHECK(stage_handoff_wait(bench.handoff, 1, LONG, NULL) == STAGE_E_HANDOFF);
	CHECK(close_bench() == 1);
}

static void
arguments(void)
{
	const struct stage_handoff_target wrong[] = {{.attempts = 1}, {.upload = upload},
		{.upload = upload, .attempts = 1, .delay = -1},
		{.upload = upload, .attempts = 1, .delay = NAN, .longest_delay = NAN},
		{.upload = upload, .attempts = 1, .delay = 2, .longest_delay = 1},
		{.upload = upload, .attempts = 1, .longest_delay = NAN},
		{.upload = upload, .attempts = 1, .confirm_delay = -1},
		{.upload = upload, .attempts = 1, .confirm_delay = NAN}};
	struct stage_handoff *handoff = (struct stage_handoff *)&failure;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		FAILS(stage_handoff_open(&wrong[i], NULL, &handoff, &failure), STAGE_E_ARGUMENT);
	CHECK(handoff == (struct stage_handoff *)&failure);
	handoff = NULL;
	stage_handoff_close(&handoff);
}

/* One at a time, in order, each gone before the next begins: see upload(). */
static void
order(void)
{
	char expected[32768] = "", name[32];
	size_t i, used = 0;

	open_bench();
	bench.storage.longest = 3000;
	open_queue(1, 0);
	for (i = 0; i < scaled(200); i++) {
		snprintf(name, sizeof(name), "volume.%zu", i);
		put(name, i % 7);
		used += (size_t)snprintf(
			expected + used, sizeof(expected) - used, "volume.%zu:1 ", i);
	}
	wait_for_all();
	CHECK(strcmp(bench.storage.text, expected) == 0);
	CHECK(close_bench() == 0);
}

static void
waits(void)
{
	double since;
	uint64_t bytes;
	size_t count;

	open_bench();
	hold(&bench.storage, true);
	open_queue(1, 0);
	FAILS(stage_handoff_wait(bench.handoff, 0, 0, &failure), STAGE_E_ARGUMENT);
	WORKS(stage_handoff_wait(bench.handoff, 1, 0, &failure));
	put("a", 10);
	put("b", 200);
	stage_handoff_waiting(bench.handoff, &count, &bytes);
	CHECK(count == 2 && bytes == 210);
	WORKS(stage_handoff_wait(bench.handoff, 3, 0, &failure));
	memset(&failure, 'x', sizeof(failure));
	CHECK(stage_handoff_wait(bench.handoff, 2, 0, &failure) == STAGE_E_AGAIN);
	CHECK(failure.code == STAGE_E_AGAIN && failure.message[0] == '\0');
	CHECK(stage_handoff_wait(bench.handoff, 1, -1, &failure) == STAGE_E_AGAIN);
	CHECK(stage_handoff_wait(bench.handoff, 1, NAN, &failure) == STAGE_E_AGAIN);
	since = stage_clock_now();
	CHECK(stage_handoff_wait(bench.handoff, 2, 0.05, &failure) == STAGE_E_AGAIN);
	CHECK(stage_clock_now() - since >= 0.05);
	hold(&bench.storage, false);
	WORKS(stage_handoff_wait(bench.handoff, 2, INFINITY, &failure));
	WORKS(stage_handoff_wait(bench.handoff, 1, 1e300, &failure));
	CHECK(close_bench() == 0);
}

/* As the calling sequence of handoff.h says. */
static void
backpressure(void)
{
	size_t i, most = 0;
	char name[32];

	open_bench();
	bench.storage.longest = 2000;
	open_queue(1, 0);
	for (i = 0; i < 50; i++) {
		int code;

		while ((code = stage_handoff_wait(bench.handoff, 4, 0.001, &failure)) ==
			STAGE_E_AGAIN)
			;
		WORKS(code);
		snprintf(name, sizeof(name), "%zu", i);
		put(name, 1);
		if (waiting() > most)
			most = waiting();
	}
	wait_for_all();
	CHECK(most > 1 && most <= 4);
	CHECK(bench.storage.done == 50);
	CHECK(close_bench() == 0);
}

static void
stopped_in_delay(void)
{
	open_bench();
	SCRIPT(STAGE_UPLOAD_RETRY);
	open_queue(5, 1000);
	put("a", 1);
	put("b", 1);
	wait_for_begun(&bench.storage, 1);
	usleep(10 * 1000);
	CHECK(stage_handoff_stop(bench.handoff, LONG) == 0);
	CHECK(stage_handoff_stop(bench.handoff, 0) == 0);
	CHECK(waiting() == 2 && bench.storage.begun == 1);
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_CLOSED);
	FAILS(stage_handoff_wait(bench.handoff, 9, LONG, &failure), STAGE_E_CLOSED);
	CHECK(close_bench() == 2);
}

static void
stopped_in_upload(void)
{
	struct stage_spool_file *file;
	double since;

	open_bench();
	hold(&bench.storage, true);
	open_queue(5, 0);
	put("a", 1);
	put("b", 1);
	wait_for_begun(&bench.storage, 1);
	CHECK(stage_handoff_stop(bench.handoff, 0) == STAGE_E_AGAIN);
	since = stage_clock_now();
	CHECK(stage_handoff_stop(bench.handoff, 0.03) == STAGE_E_AGAIN);
	CHECK(stage_clock_now() - since >= 0.03);
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_CLOSED);
	HAS(failure.message, "was stopped");
	file = make("c", 1);
	FAILS(stage_handoff_put(bench.handoff, bench.spool, file, &failure), STAGE_E_CLOSED);
	WORKS(stage_spool_forget(bench.spool, &file, &failure)); /* it is still ours */
	hold(&bench.storage, false);
	CHECK(stage_handoff_stop(bench.handoff, LONG) == 0);
	/* storage has it, so that it goes */
	CHECK(waiting() == 1 && bench.storage.done == 1 && !is_there(bench.storage.previous));
	CHECK(close_bench() == 1);
}

/* An attempt that fails after the stop: no other follows, and it is not given up. */
static void
stopped_in_failing_upload(void)
{
	open_bench();
	SCRIPT(STAGE_UPLOAD_RETRY);
	hold(&bench.storage, true);
	open_queue(2, 1000);
	put("a", 1);
	wait_for_begun(&bench.storage, 1);
	CHECK(stage_handoff_stop(bench.handoff, 0) == STAGE_E_AGAIN);
	hold(&bench.storage, false);
	CHECK(stage_handoff_stop(bench.handoff, LONG) == 0);
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_CLOSED);
	CHECK(bench.storage.begun == 1);
	CHECK(close_bench() == 1);
}

static void
closed_in_upload(void)
{
	open_bench();
	bench.storage.longest = 50 * 1000;
	open_queue(5, 0);
	put("a", 1);
	put("b", 1);
	put("c", 1);
	wait_for_begun(&bench.storage, 1);
	stage_handoff_close(&bench.handoff);
	CHECK(bench.storage.done == bench.storage.begun);
	CHECK(close_bench() == 3 - bench.storage.done);
}

/* What an earlier run has sealed is handed off as it is. */
static void
adopted(void)
{
	struct stage_spool_file *file, *next;

	open_bench();
	SCRIPT(STAGE_UPLOAD_GIVE_UP);
	open_queue(1, 0);
	put("a", 1);
	put("b", 2);
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_HANDOFF);
	stage_handoff_close(&bench.handoff);
	stage_spool_close(&bench.spool);
	WORKS(stage_spool_adopt(bench.path, false, NULL, &bench.spool, &failure));
	REQUIRE(bench.spool != NULL);

	capture();
	bench.storage.used = 0;
	open_queue(1, 0);
	for (file = stage_spool_files(bench.spool); file; file = next) {
		next = file->next; /* once it is put, it may go at any time */
		CHECK(file->sealed);
		WORKS(stage_handoff_put(bench.handoff, bench.spool, file, &failure));
	}
	put("c", 3);
	wait_for_all();
	CHECK(strcmp(bench.storage.text, "a:1 b:1 c:1 ") == 0);
	HAS_NOT(captured.text, "Staged a");
	HAS_NOT(captured.text, "Staged b");
	HAS(captured.text, "Staged c");
	CHECK(close_bench() == 0);
}

static void
statistics(void)
{
	struct stage_handoff_statistics got;

	open_bench();
	SCRIPT(STAGE_UPLOAD_DONE, STAGE_UPLOAD_RETRY);
	open_queue(2, 0);
	stage_handoff_statistics(bench.handoff, &got);
	CHECK(got.files == 0 && got.bytes == 0 && got.retries == 0);
	usleep(20 * 1000);
	hold(&bench.storage, true);
	put("a", 100);
	put("b", 23);
	wait_for_begun(&bench.storage, 1);
	CHECK(stage_handoff_wait(bench.handoff, 1, 0.02, &failure) == STAGE_E_AGAIN);
	hold(&bench.storage, false);
	wait_for_all();
	stage_handoff_statistics(bench.handoff, &got);
	CHECK(got.files == 2 && got.bytes == 123 && got.retries == 1);
	CHECK(got.upload_seconds >= 0.02 && got.upload_seconds < LONG);
	CHECK(got.idle_seconds >= 0.01 && got.idle_seconds < LONG);
	CHECK(got.producer_seconds >= 0.02 && got.producer_seconds < LONG);
	CHECK(stage_handoff_stop(bench.handoff, LONG) == 0);
	stage_handoff_statistics(bench.handoff, &got);
	CHECK(got.files == 2);
	CHECK(close_bench() == 0);
}

/* Everything that can be called, in a child; 0, or the number of what did the wrong thing. */
static int
child_calls_all(void *context)
{
	struct stage_handoff_statistics got = {.files = 5};
	struct stage_handoff *handoff = bench.handoff;
	uint64_t bytes = 5;
	size_t count = 5;

	(void)context;
	if (stage_handoff_put(handoff, bench.spool, NULL, &failure) != STAGE_E_FORKED)
		return 1;
	if (!strstr(failure.message, "not to its child"))
		return 2;
	if (stage_handoff_wait(handoff, 1, LONG, NULL) != STAGE_E_FORKED)
		return 3;
	stage_handoff_waiting(handoff, &count, &bytes);
	if (count || bytes)
		return 4;
	stage_handoff_statistics(handoff, &got);
	if (got.files)
		return 5;
	if (stage_handoff_stop(handoff, LONG) != 0)
		return 6;
	stage_handoff_close(&handoff);
	return handoff ? 7 : 0;
}

static void
forked_in_upload(void)
{
	open_bench();
	hold(&bench.storage, true);
	open_queue(1, 0);
	put("a", 1);
	put("b", 1);
	wait_for_begun(&bench.storage, 1);
	CHECK(in_child(child_calls_all, NULL, -1) == 0);
	CHECK(waiting() == 2);
	hold(&bench.storage, false);
	wait_for_all();
	CHECK(bench.storage.done == 2);
	CHECK(in_child(child_calls_all, NULL, -1) == 0);
	CHECK(stage_handoff_stop(bench.handoff, LONG) == 0);
	CHECK(in_child(child_calls_all, NULL, -1) == 0);
	CHECK(close_bench() == 0);
}

struct producer {
	pthread_t thread;
	size_t number, files, wrong;
};

static void *
produce(void *context)
{
	struct producer *producer = context;
	struct stage_spool_file *file;
	char name[32];
	size_t i;

	for (i = 0; i < producer->files; i++) {
		producer->wrong += stage_handoff_wait(bench.handoff, 8, LONG, NULL) != 0;
		snprintf(name, sizeof(name), "%zu.%zu", producer->number, i);
		file = try_to_make(name, i % 3);
		producer->wrong +=
			!file || stage_handoff_put(bench.handoff, bench.spool, file, NULL) != 0;
	}
	return NULL;
}

/* Those of one producer come in its order, each once. */
static void
check_order_of(const struct producer *producer)
{
	const char *at = bench.storage.text;
	char name[32];
	size_t i;

	for (i = 0; i < producer->files && at; i++) {
		snprintf(name, sizeof(name), "%zu.%zu:1 ", producer->number, i);
		at = strstr(at, name);
	}
	CHECK(at != NULL);
}

static void
produce_by_many(size_t forks)
{
	struct producer producers[PRODUCERS];
	struct stage_handoff_statistics got;
	size_t i, total = 0;
	int result = 0;

	open_bench();
	open_queue(1, 0);
	for (i = 0; i < PRODUCERS; i++) {
		producers[i] = (struct producer){.number = i, .files = scaled(FILES_EACH)};
		total += producers[i].files;
		REQUIRE(pthread_create(&producers[i].thread, NULL, produce, &producers[i]) == 0);
	}
	for (i = 0; i < forks && result == 0; i++)
		result = in_child(child_calls_all, NULL, -1);
	CHECK(result == 0);
	for (i = 0; i < PRODUCERS; i++) {
		pthread_join(producers[i].thread, NULL);
		CHECK(producers[i].wrong == 0);
	}
	wait_for_all();
	for (i = 0; i < PRODUCERS; i++)
		check_order_of(&producers[i]);
	stage_handoff_statistics(bench.handoff, &got);
	CHECK(got.files == total && bench.storage.done == total);
	CHECK(close_bench() == 0);
}

static void
many_producers(void)
{
	produce_by_many(0);
}

/* At whatever moment the fork comes, the child can call everything. */
static void
forked_while_hammered(void)
{
	produce_by_many(scaled(100));
}

/* Whoever waits learns of a stop at once; several may stop. */
static void *
wait_for_stop(void *context)
{
	(void)context;
	return (void *)(intptr_t)stage_handoff_wait(bench.handoff, 1, LONG, NULL);
}

static void *
stop(void *context)
{
	(void)context;
	return (void *)(intptr_t)stage_handoff_stop(bench.handoff, LONG);
}

static void
stopped_by_many(void)
{
	pthread_t waiters[PRODUCERS], stoppers[PRODUCERS];
	void *result;
	size_t i;

	open_bench();
	hold(&bench.storage, true);
	open_queue(1, 0);
	put("a", 1);
	wait_for_begun(&bench.storage, 1);
	for (i = 0; i < PRODUCERS; i++)
		REQUIRE(pthread_create(&waiters[i], NULL, wait_for_stop, NULL) == 0);
	usleep(10 * 1000);
	for (i = 0; i < PRODUCERS; i++)
		REQUIRE(pthread_create(&stoppers[i], NULL, stop, NULL) == 0);
	for (i = 0; i < PRODUCERS; i++) {
		pthread_join(waiters[i], &result);
		CHECK((intptr_t)result == STAGE_E_CLOSED);
	}
	hold(&bench.storage, false);
	for (i = 0; i < PRODUCERS; i++) {
		pthread_join(stoppers[i], &result);
		CHECK(result == NULL);
	}
	CHECK(close_bench() == 0);
}

static const struct test tests[] = {
	{"life", life},
	{"unused", unused},
	{"silent", silent},
	{"arguments", arguments},
	{"order", order},
	{"waits", waits},
	{"backpressure", backpressure},
	{"stopped_in_delay", stopped_in_delay},
	{"stopped_in_upload", stopped_in_upload},
	{"stopped_in_failing_upload", stopped_in_failing_upload},
	{"closed_in_upload", closed_in_upload},
	{"adopted", adopted},
	{"statistics", statistics},
	{"forked_in_upload", forked_in_upload},
	{"many_producers", many_producers},
	{"forked_while_hammered", forked_while_hammered},
	{"stopped_by_many", stopped_by_many},
	{NULL, NULL},
};

const struct suite suite_handoff = {"handoff", tests};
