/*
 * handoff_internal - the queue that the files of the hand-off share
 *
 *	handoff.c		files are put, waited for, counted; the queue is opened and ended
 *	handoff_seal.c		the thread that seals
 *	handoff_upload.c	the thread that uploads
 *
 * The queue is a list in the order of put. Two threads go along it:
 *
 *	first	the file that is uploaded, or whose turn is next; the uploading thread takes it
 *		out of the list when storage has it
 *	to_seal	the first one that the sealing thread has not dealt with; never before first
 *
 * A file is ready for the uploading thread when the sealing thread has gone past it. A file that could
 * not be sealed is ready only if the disk is full and its content is all there (handoff_seal.c).
 * Otherwise that is an error, and nothing more is uploaded.
 *
 * States of the queue, which only go down; a thread ends when it has nothing to do any more:
 *
 *	open	both threads work
 *	failed	there is an error: the uploading thread ends, the sealing thread works
 *	stopped	nothing can be put: the sealing thread deals with the rest, and ends as well
 *
 * lock guards all but owner, target, log and signals. It is never held while a file is read or
 * written, or while a function of the caller runs. Only the uploading thread and close take items out
 * of the list. Until then an item is not moved or freed, so both threads use theirs without the lock.
 *
 * Not installed.
 */
#ifndef STAGEDIR_HANDOFF_INTERNAL_H
#define STAGEDIR_HANDOFF_INTERNAL_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "handoff.h"
#include "log.h"

struct stage_handoff_item {
	struct stage_spool *spool;
	struct stage_spool_file *file;
	uint64_t size;
	bool ready;
	struct stage_handoff_item *next;
};

struct stage_handoff {
	pid_t owner;
	struct stage_handoff_target target;
	struct stage_log log;
	sigset_t signals; /* those that the opening thread had blocked */

	pthread_mutex_t lock;
	pthread_cond_t sealing;   /* the sealing thread waits for it */
	pthread_cond_t uploading; /* the uploading thread waits for it */
	pthread_cond_t progress;  /* callers wait for it */
	pthread_t sealer, uploader;
	unsigned int running; /* threads that have not ended */
	bool joined;

	struct stage_handoff_item *first, *last, *to_seal;
	size_t count;
	uint64_t bytes;

	bool stopped, failed;
	struct stage_error error; /* of failed */
	struct stage_handoff_statistics statistics;
};

/* The threads. The argument of each is the struct stage_handoff. */
void *stage_handoff_seal(void *context);
void *stage_handoff_upload(void *context);

/* Without the lock: tells the caller's observer, if there is one. */
void stage_handoff_tell(const struct stage_handoff *handoff, enum stage_handoff_event event,
	const struct stage_handoff_item *item, unsigned int attempt, const char *why);

/* Seconds between attempt number, from 1, which has failed with result, and the next one. */
double stage_handoff_delay(
	const struct stage_handoff_target *target, unsigned int number, enum stage_upload result);

/* With the lock: may an upload begin? */
bool stage_handoff_is_open(const struct stage_handoff *handoff);

/* With the lock: keeps the first error, and wakes everybody. */
void stage_handoff_fail(struct stage_handoff *handoff, const struct stage_error *error);

/* With the lock, at the end of a thread: gives the lock up. The thread must not use handoff afterwards. */
void stage_handoff_end_thread(struct stage_handoff *handoff);

#endif
