/* Threads, signals and forks. */
#include "tests.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gzip.h"
#include "gzip_run.h"

static int
count_threads(void)
{
	return count_entries("/proc/self/task");
}

/* A thread begins with the first full block, and is gone when the stream is. */
static void
threads(void)
{
	struct stage_gzip_options options = {.level = 1};
	unsigned char *data = gzip_data(TEXT, 3 * BLOCK);
	struct stage_gzip *gzip = NULL;
	int fd = gzip_output("a"), before = count_threads();

	options.threads = 1;
	WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, data, 3 * BLOCK, &failure));
	CHECK(count_threads() == before);
	WORKS(stage_gzip_close(&gzip, false, NULL, &failure));

	options.threads = 3;
	WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, data, BLOCK - 1, &failure));
	CHECK(count_threads() == before);
	WORKS(stage_gzip_write(gzip, data, 1, &failure));
	CHECK(count_threads() == before + 3);
	WORKS(stage_gzip_write(gzip, data, 2 * BLOCK, &failure));
	CHECK(count_threads() == before + 3);
	WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
	free(data);
	close(fd);
	unlink(in_dir("a"));
}

static bool
blocks_all(const char *task)
{
	unsigned long long blocked = 0;
	char line[256];
	FILE *status;

	status = fopen(join(join("/proc/self/task", task), "status"), "re");
	if (!status)
		return false;
	while (fgets(line, sizeof(line), status) && sscanf(line, "SigBlk: %llx", &blocked) != 1)
		;
	fclose(status);
	return (blocked >> (SIGTERM - 1) & 1) && (blocked >> (SIGINT - 1) & 1) &&
	       (blocked >> (SIGUSR1 - 1) & 1);
}

/* Threads of this process that block all signals, as the kernel tells. */
static int
count_blocking(void)
{
	DIR *stream = opendir("/proc/self/task");
	const struct dirent *entry;
	int count = 0;

	REQUIRE(stream != NULL);
	while ((entry = readdir(stream)))
		count += entry->d_name[0] != '.' && blocks_all(entry->d_name);
	closedir(stream);
	return count;
}

/* All of the stream's threads are blocked, and those of the caller as before. */
static void
signals(void)
{
	const struct stage_gzip_options options = {.threads = 2};
	unsigned char *data = gzip_data(TEXT, BLOCK);
	struct stage_gzip *gzip = NULL;
	int fd = gzip_output("a"), blocked = count_blocking();
	sigset_t before, after;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, data, BLOCK, &failure));
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	CHECK(!sigismember(&after, SIGTERM) && !sigismember(&after, SIGINT));
	CHECK(sigismember(&after, SIGUSR1) == sigismember(&before, SIGUSR1));
	CHECK(count_blocking() == blocked + 2);
	WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
	free(data);
	close(fd);
	unlink(in_dir("a"));
}

/* What was begun before a fork, and is gone on with in the child. */
static int
child_calls_all(void *context)
{
	struct stage_gzip *gzip = context;
	uint64_t written = 77;
	bool fits = true;

	if (stage_gzip_write(gzip, "x", 1, &failure) != STAGE_E_FORKED)
		return 1;
	if (!strstr(failure.message, "not by its child"))
		return 2;
	if (stage_gzip_fits(gzip, 1, &fits, NULL) != STAGE_E_FORKED)
		return 3;
	if (stage_gzip_close(&gzip, false, &written, &failure) != STAGE_E_FORKED)
		return 4;
	return gzip || written != 77 ? 5 : 0;
}

static int
child_abandons(void *context)
{
	struct stage_gzip *gzip = context;

	return stage_gzip_close(&gzip, true, NULL, NULL) == STAGE_E_FORKED && !gzip ? 0 : 1;
}

static void
forked(void)
{
	struct stage_gzip_options options = {.level = 12};
	unsigned char *data = gzip_data(TEXT, 4 * BLOCK);
	struct stage_gzip *gzip = NULL;
	int fd;

	for (options.threads = 1; options.threads <= 3; options.threads += 2) {
		fd = gzip_output("a");
		WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
		CHECK(in_child(child_calls_all, gzip, -1) == 0);
		WORKS(stage_gzip_write(gzip, data, 3 * BLOCK + 5, &failure));
		CHECK(in_child(child_calls_all, gzip, -1) == 0);
		CHECK(in_child(child_abandons, gzip, -1) == 0);
		WORKS(stage_gzip_write(gzip, data + 3 * BLOCK + 5, BLOCK - 5, &failure));
		WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
		CHECK(gzip_reads_back("a", data, 4 * BLOCK));
		close(fd);
	}
	free(data);
	unlink(in_dir("a"));
}

/* Another thread than the one that writes forks, whatever that is in the middle of. */
struct writer {
	struct stage_gzip *gzip;
	const unsigned char *data;
	const char *path;
	size_t rounds, wrong;
	atomic_bool ended;
};

static void *
write_rounds(void *context)
{
	struct writer *writer = context;
	size_t i;

	for (i = 0; i < writer->rounds; i++)
		writer->wrong += stage_gzip_write(writer->gzip, writer->data, BLOCK / 4, NULL) != 0;
	atomic_store(&writer->ended, true);
	return NULL;
}

static void
forked_while_written(void)
{
	const struct stage_gzip_options options = {.level = 1, .threads = 2};
	unsigned char *data = gzip_data(ZEROS, BLOCK / 4);
	struct writer writer = {.data = data, .rounds = scaled(2000)};
	int fd = gzip_output("a"), result = 0;
	pthread_t thread;

	WORKS(stage_gzip_open(fd, "a", &options, &writer.gzip, &failure));
	REQUIRE(pthread_create(&thread, NULL, write_rounds, &writer) == 0);
	while (!atomic_load(&writer.ended) && result == 0)
		result = in_child_beside_threads(child_calls_all, writer.gzip);
	CHECK(result == 0);
	pthread_join(thread, NULL);
	CHECK(writer.wrong == 0);
	WORKS(stage_gzip_close(&writer.gzip, false, NULL, &failure));
	CHECK(gzip_reads_as("a", ZEROS, writer.rounds * (BLOCK / 4)));
	free(data);
	close(fd);
	unlink(in_dir("a"));
}

/* Several streams at once, each in a thread of its own. */
static void *
write_one(void *context)
{
	const struct stage_gzip_options options = {.level = 1, .threads = 2, .limit = 3 * BLOCK};
	struct writer *writer = context;
	struct stage_gzip *gzip = NULL;
	bool fits;
	int fd;

	fd = open(writer->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	writer->wrong = fd < 0 || stage_gzip_open(fd, writer->path, &options, &gzip, NULL) != 0;
	while (writer->wrong == 0) {
		writer->wrong += stage_gzip_fits(gzip, PIECE, &fits, NULL) != 0;
		if (!fits)
			break;
		writer->wrong += stage_gzip_write(gzip, writer->data, PIECE, NULL) != 0;
	}
	writer->wrong += stage_gzip_close(&gzip, false, NULL, NULL) != 0;
	close(fd);
	return NULL;
}

static void
side_by_side(void)
{
	unsigned char *data = gzip_data(RANDOM, PIECE);
	struct writer writers[4];
	pthread_t running[4];
	char name[32];
	size_t i;

	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%zu", i);
		writers[i] = (struct writer){.data = data, .path = in_dir(name)};
		REQUIRE(pthread_create(&running[i], NULL, write_one, &writers[i]) == 0);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(running[i], NULL);
		snprintf(name, sizeof(name), "%zu", i);
		CHECK(writers[i].wrong == 0);
		CHECK(gzip_same(name, "0"));
	}
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%zu", i);
		unlink(in_dir(name));
	}
	free(data);
}

static const struct test tests[] = {
	{"threads", threads},
	{"signals", signals},
	{"forked", forked},
	{"forked_while_written", forked_while_written},
	{"side_by_side", side_by_side},
	{NULL, NULL},
};

const struct suite suite_gzip_threads = {"gzip_threads", tests};
