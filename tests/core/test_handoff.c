/*
 * A struct storage stands for what is behind upload(): it takes files, at once or when it is told
 * to, or refuses them by a script, and sees to it that it is never asked out of turn.
 */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "handoff.h"
#include "spool.h"
#include "spool_find.h"
#include "wrap.h"

#define ATTEMPTS_MAX 32
#define LONG 20 /* seconds in which anything happens that is to happen */
#define PRODUCERS 4
#define FILES_EACH 100

struct storage {
	pthread_mutex_t lock;
	pthread_cond_t changed;

	const enum stage_upload *script; /* results of the first attempts; then all is well */
	size_t script_length;
	const char *message;
	useconds_t longest; /* time that an upload takes, by chance */
	bool held;          /* nothing comes back */

	size_t begun, done, wrong;
	unsigned int busy;
	char previous[1024]; /* path of the last one that was taken: it has to be gone */
	char text[32768];    /* "NAME:ATTEMPT " of each that began */
	size_t used;
	double times[ATTEMPTS_MAX];
};

/* What most tests need. */
static struct bench {
	struct stage_dir *dir;
	struct stage_spool *spool;
	struct stage_handoff *handoff;
	struct storage storage;
	char path[1024]; /* of the spool */
} bench;

/* Less than longest, by the chance that is in a name. */
static useconds_t
time_for(const char *path, useconds_t longest)
{
	useconds_t hash = 0;

	while (*path)
		hash = hash * 31 + (unsigned char)*path++;
	return longest ? hash % longest : 0;
}

static enum stage_upload
upload(void *context, const struct stage_spool_file *file, unsigned int attempt,
	struct stage_error *error)
{
	struct storage *storage = context;
	enum stage_upload result = STAGE_UPLOAD_DONE;
	size_t number;
	int length;

	pthread_mutex_lock(&storage->lock);
	number = storage->begun++;
	storage->wrong += storage->busy++ > 0;
	storage->wrong += storage->previous[0] && is_there(storage->previous);
	storage->wrong += !is_there(file->path);
	length = snprintf(storage->text + storage->used, sizeof(storage->text) - storage->used,
		"%s:%u ", file->name, attempt);
	storage->used += (size_t)length;
	if (number < ATTEMPTS_MAX)
		storage->times[number] = stage_clock_now();
	pthread_cond_broadcast(&storage->changed);
	while (storage->held)
		pthread_cond_wait(&storage->changed, &storage->lock);
	pthread_mutex_unlock(&storage->lock);
	usleep(time_for(file->path, storage->longest));

	pthread_mutex_lock(&storage->lock);
	if (number < storage->script_length)
		result = storage->script[number];
	if (result == STAGE_UPLOAD_DONE) {
		storage->done++;
		snprintf(storage->previous, sizeof(storage->previous), "%s", file->path);
	} else if (storage->message) {
		stage_error_set(error, STAGE_E_SYSTEM, ECONNRESET, "%s", storage->message);
	}
	storage->busy--;
	pthread_cond_broadcast(&storage->changed);
	pthread_mutex_unlock(&storage->lock);
	return result;
}

static void
hold(struct storage *storage, bool held)
{
	pthread_mutex_lock(&storage->lock);
	storage->held = held;
	pthread_cond_broadcast(&storage->changed);
	pthread_mutex_unlock(&storage->lock);
}

static void
wait_for_begun(struct storage *storage, size_t count)
{
	pthread_mutex_lock(&storage->lock);
	while (storage->begun < count)
		pthread_cond_wait(&storage->changed, &storage->lock);
	pthread_mutex_unlock(&storage->lock);
}

static void
set_script(struct storage *storage, const enum stage_upload *script, size_t length)
{
	storage->script = script;
	storage->script_length = length;
}
#define SCRIPT(...)                                                                                \
	do {                                                                                       \
		static const enum stage_upload script[] = {__VA_ARGS__};                           \
                                                                                                   \
		set_script(&bench.storage, script, sizeof(script) / sizeof(script[0]));            \
	} while (0)

/* Staging directory and spool, with a storage that takes all. */
static void
open_bench_on(bool durable)
{
	static const struct stage_spool_about about = {.target = "test://", .home = ""};

	memset(&bench, 0, sizeof(bench));
	capture();
	pthread_mutex_init(&bench.storage.lock, NULL);
	pthread_cond_init(&bench.storage.changed, NULL);
	bench.storage.message = "the line is bad";
	WORKS(stage_dir_open(test_dir, NULL, &bench.dir, &failure));
	REQUIRE(bench.dir != NULL);
	WORKS(stage_spool_open(bench.dir, &about, durable, &captured.log, &bench.spool, &failure));
	REQUIRE(bench.spool != NULL);
	snprintf(bench.path, sizeof(bench.path), "%s", stage_spool_path(bench.spool));
}

static void
open_bench(void)
{
	open_bench_on(false);
}

static void
open_queue(unsigned int attempts, double delay)
{
	const struct stage_handoff_target target = {upload, &bench.storage, attempts, delay};

	WORKS(stage_handoff_open(&target, &captured.log, &bench.handoff, &failure));
	REQUIRE(bench.handoff != NULL);
}

/* Closes what is open; takes away what stays. The result: files that were left staged. */
static size_t
close_bench(void)
{
	const struct stage_spool_file *file;
	size_t kept = 0;

	stage_handoff_close(&bench.handoff);
	CHECK(bench.handoff == NULL);
	CHECK(bench.storage.wrong == 0 && bench.storage.busy == 0);
	for (file = stage_spool_files(bench.spool); file; file = file->next)
		kept += file->sealed && is_there(file->path);
	stage_spool_close(&bench.spool);
	CHECK(is_there(bench.path) == (kept > 0));
	remove_tree(bench.path);
	stage_dir_close(&bench.dir);
	pthread_mutex_destroy(&bench.storage.lock);
	pthread_cond_destroy(&bench.storage.changed);
	return kept;
}

/* A file in the spool; NULL where it failed. For any thread. */
static struct stage_spool_file *
try_to_make(const char *name, size_t bytes)
{
	struct stage_spool_file *file = NULL;
	char *path;
	int fd;

	if (stage_dir_mkstemp(bench.dir, &fd, &path, NULL) < 0)
		return NULL;
	if (ftruncate(fd, (off_t)bytes) < 0 ||
		stage_spool_accept(bench.spool, bench.dir, path, name, "", &file, NULL) < 0)
		file = NULL;
	close(fd);
	free(path);
	return file;
}

static struct stage_spool_file *
make(const char *name, size_t bytes)
{
	struct stage_spool_file *file = try_to_make(name, bytes);

	REQUIRE(file != NULL);
	return file;
}

static void
put(const char *name, size_t bytes)
{
	WORKS(stage_handoff_put(bench.handoff, bench.spool, make(name, bytes), &failure));
}

static size_t
waiting(void)
{
	uint64_t bytes;
	size_t count;

	stage_handoff_waiting(bench.handoff, &count, &bytes);
	return count;
}

static void
wait_for_all(void)
{
	WORKS(stage_handoff_wait(bench.handoff, 1, LONG, &failure));
}

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
	const struct stage_handoff_target target = {upload, &bench.storage, 1, 0};

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
	const struct stage_handoff_target wrong[] = {{NULL, NULL, 1, 0}, {upload, NULL, 0, 0},
		{upload, NULL, 1, -1}, {upload, NULL, 1, NAN}};
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
		CHECK(times[i + 1] - times[i] >= delay * factors[i]);
	CHECK(times[7] - times[6] < delay * 64); /* what it would be without the limit */
	CHECK(close_bench() == 0);
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
	CHECK(times[1] - times[0] >= 3 * delay);
	CHECK(times[2] - times[1] >= 3 * 2 * delay);
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

/* A log that holds the sealing thread at its first file, for as long as is wanted. */
static atomic_bool at_gate, gate_shut;

static void
write_at_gate(void *context, enum stage_level level, const char *line)
{
	struct captured *all = context;

	all->log.write(all, level, line);
	if (!strstr(line, "Staged gate"))
		return;
	atomic_store(&at_gate, true);
	while (atomic_load(&gate_shut))
		usleep(1000);
}

static void
open_queue_with_gate(void)
{
	const struct stage_handoff_target target = {upload, &bench.storage, 1, 0};
	const struct stage_log log = {write_at_gate, &captured};

	atomic_store(&at_gate, false);
	atomic_store(&gate_shut, true);
	WORKS(stage_handoff_open(&target, &log, &bench.handoff, &failure));
	REQUIRE(bench.handoff != NULL);
	put("gate", 1);
	while (!atomic_load(&at_gate))
		usleep(1000);
}

static void
stopped_before_sealing(void)
{
	char name[32];
	size_t i;

	open_bench();
	open_queue_with_gate();
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "%zu", i);
		put(name, 1);
	}
	CHECK(stage_handoff_stop(bench.handoff, 0) == STAGE_E_AGAIN);
	CHECK(waiting() == 21 && bench.storage.begun == 0);
	atomic_store(&gate_shut, false);
	CHECK(stage_handoff_stop(bench.handoff, LONG) == 0);
	CHECK(waiting() == 21 && bench.storage.begun == 0);
	CHECK(close_bench() == 21);
}

/* A file that cannot be sealed is not uploaded, nor what comes behind it; that is still sealed. */
static void
sealing_fails(void)
{
	struct stage_spool_file *file;

	open_bench();
	open_queue_with_gate();
	file = make("broken", 1);
	WORKS(stage_handoff_put(bench.handoff, bench.spool, file, &failure));
	put("behind", 1);
	CHECK(unlink(file->path) == 0);
	atomic_store(&gate_shut, false);
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT);
	HAS(failure.message, file->path);
	HAS(captured.text, "W:broken is not staged, it would not survive an end of this run: ");
	put("late", 1);
	CHECK(stage_handoff_stop(bench.handoff, LONG) == 0);
	HAS(captured.text, "D:Staged behind");
	HAS(captured.text, "D:Staged late");
	HAS_NOT(bench.storage.text, "broken");
	HAS_NOT(bench.storage.text, "behind");
	CHECK(close_bench() == 2 + (bench.storage.done == 0));
}

/* The upload that is under way is not tried again either. */
static void
sealing_fails_in_upload(void)
{
	struct stage_spool_file *file;

	open_bench();
	SCRIPT(STAGE_UPLOAD_RETRY);
	hold(&bench.storage, true);
	open_queue(3, 0);
	put("a", 1);
	wait_for_begun(&bench.storage, 1);
	file = make("broken", 1);
	CHECK(unlink(file->path) == 0);
	WORKS(stage_handoff_put(bench.handoff, bench.spool, file, &failure));
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_SYSTEM);
	hold(&bench.storage, false);
	usleep(20 * 1000);
	CHECK(stage_handoff_stop(bench.handoff, LONG) == 0);
	CHECK(bench.storage.begun == 1);
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_SYSTEM);
	CHECK(close_bench() == 1);
}

static void
full_disk(int sys_errno)
{
	open_bench();
	open_queue_with_gate();
	put("a", 1);
	wrap_begin_two("openat", sys_errno, "openat", sys_errno);
	atomic_store(&gate_shut, false);
	wait_for_all();
	wrap_end();
	CHECK(strcmp(bench.storage.text, "gate:1 a:1 ") == 0);
	HAS(captured.text, "W:a is not staged, it would not survive an end of this run: ");
	HAS(captured.text, stage_error_errno_text(sys_errno));
	CHECK(close_bench() == 0);
}

static void
no_space(void)
{
	full_disk(ENOSPC);
}

static void
no_quota(void)
{
	full_disk(EDQUOT);
}

/* A file of zeros, and what was told of it: that it is so, or that it is something else. */
static struct stage_spool_file *
make_told(const char *name, bool right)
{
	static const unsigned char other[STAGE_DIGEST_BYTES] = {1};
	struct stage_spool_file *file = make(name, 3);
	struct stage_digest digest = {0};
	int fd = open(file->path, O_RDONLY | O_CLOEXEC);

	WORKS(stage_digest_read(fd, name, &digest, &failure));
	close(fd);
	stage_spool_set_digest(file, 3, right ? digest.sha256 : other);
	return file;
}

/*
 * A disk that does not take a file, as it is full, and tells so at fsync(2): what is not there is
 * never uploaded, nor what is behind it.
 */
static void
full_at_fsync(bool right)
{
	struct stage_spool_file *file;

	open_bench_on(true);
	open_queue_with_gate();
	file = make_told("a", right);
	WORKS(stage_handoff_put(bench.handoff, bench.spool, file, &failure));
	wrap_begin_two("fsync", ENOSPC, "fsync", ENOSPC);
	atomic_store(&gate_shut, false);
	if (right)
		wait_for_all();
	else
		FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_NO_ROOM);
	wrap_end();
	HAS(captured.text, "W:a is not staged, it would not survive an end of this run: ");
	if (right) {
		CHECK(strcmp(bench.storage.text, "gate:1 a:1 ") == 0);
		HAS(captured.text, "W:storage has a, but a run after a crash would not know it");
		CHECK(close_bench() == 0);
		return;
	}
	CHECK(failure.sys_errno == ENOSPC);
	HAS(failure.message, "a is lost: ");
	put("behind", 1);
	CHECK(stage_handoff_stop(bench.handoff, LONG) == 0);
	HAS(captured.text, "D:Staged behind");
	HAS_NOT(bench.storage.text, "a:");
	HAS_NOT(bench.storage.text, "behind");
	CHECK(close_bench() == 1 + (bench.storage.done == 0));
}

static void
full_at_fsync_there(void)
{
	full_at_fsync(true);
}

static void
full_at_fsync_lost(void)
{
	full_at_fsync(false);
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

/* What is handed off without having been sealed is known to be in storage, by who takes over. */
static void
full_is_recorded(void)
{
	const char *note, *name;

	open_bench();
	open_queue_with_gate();
	put("a", 1);
	wrap_begin_two("openat", ENOSPC, "openat", ENOSPC);
	atomic_store(&gate_shut, false);
	wait_for_all();
	wrap_end();
	SCRIPT(0, 0, STAGE_UPLOAD_GIVE_UP);
	put("behind", 1);
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_HANDOFF);
	stage_handoff_close(&bench.handoff);
	stage_spool_close(&bench.spool);
	WORKS(stage_spool_adopt(bench.path, false, NULL, &bench.spool, &failure));
	REQUIRE(bench.spool != NULL);
	name = stage_spool_confirmed(bench.spool, &note);
	CHECK(name && strcmp(name, "a") == 0);
	CHECK(close_bench() == 1);
}

/* Nothing is uploaded any more: then it is an error after all. */
static void
no_space_when_stopped(void)
{
	open_bench();
	open_queue_with_gate();
	put("a", 1);
	CHECK(stage_handoff_stop(bench.handoff, 0) == STAGE_E_AGAIN);
	wrap_begin_two("openat", ENOSPC, "openat", ENOSPC);
	atomic_store(&gate_shut, false);
	CHECK(stage_handoff_stop(bench.handoff, LONG) == 0);
	wrap_end();
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOSPC);
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
	const struct stage_handoff_target target = {upload_and_look, &bench.storage, 1, 0};
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
	{"retries", retries},
	{"delays", delays},
	{"later", later},
	{"runs_out_of_attempts", runs_out_of_attempts},
	{"gives_up", gives_up},
	{"without_reason", without_reason},
	{"failures_are_recorded", failures_are_recorded},
	{"waits", waits},
	{"backpressure", backpressure},
	{"stopped_in_delay", stopped_in_delay},
	{"stopped_in_upload", stopped_in_upload},
	{"stopped_in_failing_upload", stopped_in_failing_upload},
	{"closed_in_upload", closed_in_upload},
	{"stopped_before_sealing", stopped_before_sealing},
	{"sealing_fails", sealing_fails},
	{"sealing_fails_in_upload", sealing_fails_in_upload},
	{"no_space", no_space},
	{"no_quota", no_quota},
	{"full_at_fsync_there", full_at_fsync_there},
	{"full_at_fsync_lost", full_at_fsync_lost},
	{"full_in_upload", full_in_upload},
	{"broken_in_upload", broken_in_upload},
	{"full_is_recorded", full_is_recorded},
	{"no_space_when_stopped", no_space_when_stopped},
	{"forget_fails", forget_fails},
	{"adopted", adopted},
	{"statistics", statistics},
	{"signals", signals},
	{"forked_in_upload", forked_in_upload},
	{"many_producers", many_producers},
	{"forked_while_hammered", forked_while_hammered},
	{"stopped_by_many", stopped_by_many},
	{NULL, NULL},
};

const struct suite suite_handoff = {"handoff", tests};
