#include "handoff_run.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests.h"

struct bench bench;

/* Less than longest, by the chance that is in a name. */
static useconds_t
time_for(const char *path, useconds_t longest)
{
	useconds_t hash = 0;

	while (*path)
		hash = hash * 31 + (unsigned char)*path++;
	return longest ? hash % longest : 0;
}

enum stage_upload
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

void
hold(struct storage *storage, bool held)
{
	pthread_mutex_lock(&storage->lock);
	storage->held = held;
	pthread_cond_broadcast(&storage->changed);
	pthread_mutex_unlock(&storage->lock);
}

void
wait_for_begun(struct storage *storage, size_t count)
{
	pthread_mutex_lock(&storage->lock);
	while (storage->begun < count)
		pthread_cond_wait(&storage->changed, &storage->lock);
	pthread_mutex_unlock(&storage->lock);
}

void
set_script(struct storage *storage, const enum stage_upload *script, size_t length)
{
	storage->script = script;
	storage->script_length = length;
}

void
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

void
open_bench(void)
{
	open_bench_on(false);
}

void
open_queue(unsigned int attempts, double delay)
{
	const struct stage_handoff_target target = {.upload = upload,
		.context = &bench.storage,
		.attempts = attempts,
		.delay = delay,
		.longest_delay = 16 * delay};

	WORKS(stage_handoff_open(&target, &captured.log, &bench.handoff, &failure));
	REQUIRE(bench.handoff != NULL);
}

size_t
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

struct stage_spool_file *
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

struct stage_spool_file *
make(const char *name, size_t bytes)
{
	struct stage_spool_file *file = try_to_make(name, bytes);

	REQUIRE(file != NULL);
	return file;
}

void
put(const char *name, size_t bytes)
{
	WORKS(stage_handoff_put(bench.handoff, bench.spool, make(name, bytes), &failure));
}

size_t
waiting(void)
{
	uint64_t bytes;
	size_t count;

	stage_handoff_waiting(bench.handoff, &count, &bytes);
	return count;
}

void
wait_for_all(void)
{
	WORKS(stage_handoff_wait(bench.handoff, 1, LONG, &failure));
}
