/*
 * handoff_run - a run that hands off, for the tests of the hand-off
 *
 *	open_bench();
 *	SCRIPT(STAGE_UPLOAD_RETRY);		(what the first uploads come to; then all is well)
 *	open_queue(attempts, delay);
 *	put("name", bytes);
 *	wait_for_all();
 *	CHECK(close_bench() == 0);		(nothing was left staged)
 *
 * A struct storage stands for what is behind upload(): it takes files, at once or when it is told
 * to, or refuses them by a script, and sees to it that it is never asked out of turn.
 */
#ifndef STAGEDIR_TESTS_HANDOFF_RUN_H
#define STAGEDIR_TESTS_HANDOFF_RUN_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "dir.h"
#include "handoff.h"
#include "spool.h"

#define ATTEMPTS_MAX 32
#define LONG 20 /* seconds in which anything happens that is to happen */

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
struct bench {
	struct stage_dir *dir;
	struct stage_spool *spool;
	struct stage_handoff *handoff;
	struct storage storage;
	char path[1024]; /* of the spool */
};
extern struct bench bench;

/* As a struct stage_handoff_target has it; context is a struct storage. */
enum stage_upload upload(void *context, const struct stage_spool_file *file, unsigned int attempt,
	struct stage_error *error);

/* Has uploads that have begun wait, or not any more. */
void hold(struct storage *storage, bool held);

/* Waits until so many uploads have begun. */
void wait_for_begun(struct storage *storage, size_t count);

void set_script(struct storage *storage, const enum stage_upload *script, size_t length);

#define SCRIPT(...)                                                                                \
	do {                                                                                       \
		static const enum stage_upload script[] = {__VA_ARGS__};                           \
                                                                                                   \
		set_script(&bench.storage, script, sizeof(script) / sizeof(script[0]));            \
	} while (0)

/* Staging directory and spool, with a storage that takes all. Not durable, but for the first. */
void open_bench_on(bool durable);
void open_bench(void);

/* The queue of the bench. */
void open_queue(unsigned int attempts, double delay);

/* Closes what is open; takes away what stays. The result: files that were left staged. */
size_t close_bench(void);

/* A file in the spool, of so many zeros; NULL where it failed. For any thread. */
struct stage_spool_file *try_to_make(const char *name, size_t bytes);

/* The same, which must work. */
struct stage_spool_file *make(const char *name, size_t bytes);

/* Makes one and puts it into the queue. */
void put(const char *name, size_t bytes);

/* How many files are in the queue. */
size_t waiting(void);

/* Waits until all are in storage, which must work. */
void wait_for_all(void);

#endif
