/*
 * handoff - staged files go to storage in order, while the next ones are made
 *
 * A struct stage_handoff is a queue with two threads. The first seals each file that was put
 * (spool.h), the second uploads the sealed ones by a function of the caller: strictly in the order
 * in which they were put, one at a time, the next not begun before storage has confirmed this one.
 * Then the file is forgotten.
 *
 *	stage_handoff_open(&target, &log, &handoff, &error);
 *	while (...) {
 *		while (stage_handoff_wait(handoff, 4, 0.1, &error) == STAGE_E_AGAIN)
 *			...look for signals...		(at most 4 files wait at any time)
 *		...make a file...
 *		stage_spool_accept(spool, dir, path, name, note, &file, &error);
 *		stage_handoff_put(handoff, spool, file, &error);
 *	}
 *	...stage_handoff_wait(handoff, 1, ...)		(all are in storage)
 *	stage_handoff_close(&handoff);			(before its spools are closed)
 *
 * States of a file, which only go down:
 *
 *	put		waits to be sealed; a crash loses it
 *	staged		waits for its turn; survives
 *	moving		is being uploaded, or waits to be tried again; survives
 *	forgotten	storage has confirmed it
 *
 * The first error is kept: from then on nothing more is uploaded, what is put is still sealed, and
 * every wait tells that error. Files that could not be handed off stay staged in their spools.
 *
 * Where the disk is too full to seal a file, it is handed off all the same, with a warning that it
 * would not survive, if what was written to it is there (stage_spool_check_written()). When it is
 * not, or nothing is uploaded any more, that is an error like any other. So it is where the disk
 * fails to take, during the upload, what it was not asked to have before.
 *
 * Threads: any function may be called by any thread at any time, close last. Functions of the
 * caller are called without a lock held. Forks: the threads are the parent's. In a child every
 * function fails with STAGE_E_FORKED, and stop and close do nothing but free.
 */
#ifndef STAGEDIR_HANDOFF_H
#define STAGEDIR_HANDOFF_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "log.h"
#include "spool.h"

#pragma GCC visibility push(default)

struct stage_handoff;

enum stage_upload {
	STAGE_UPLOAD_DONE,        /* storage has the file, and has confirmed its size */
	STAGE_UPLOAD_RETRY,       /* failed, may be tried again */
	STAGE_UPLOAD_RETRY_LATER, /* the same, after three times the usual delay */
	STAGE_UPLOAD_GIVE_UP,     /* failed, and trying again is of no use */
};

struct stage_handoff_target {
	/*
	 * Uploads one file; called in the thread that uploads, and may take as long as it takes.
	 * attempt counts from 1. Where it is not done, error->message says why, in one line. The
	 * threads of the queue block all signals, but here those are blocked that were where it was
	 * opened: a program that is started here inherits them.
	 */
	enum stage_upload (*upload)(void *context, const struct stage_spool_file *file,
		unsigned int attempt, struct stage_error *error);
	void *context;

	unsigned int attempts; /* after so many failures of a file it is given up; at least 1 */

	/*
	 * Seconds before the second attempt. Each further delay is twice the one before, up to
	 * sixteen times the first; each is up to a quarter longer by chance, so that many machines
	 * do not come back to a storage that was down at once.
	 */
	double delay;
};

struct stage_handoff_statistics {
	uint64_t files, bytes;   /* handed off */
	uint64_t retries;        /* attempts that failed */
	double upload_seconds;   /* spent in upload(), without a call that has not returned */
	double idle_seconds;     /* that the uploading thread waited for a file */
	double producer_seconds; /* that wait() waited */
};

/*
 * Copies target and log; what they point to must live as long as the queue. Starts the threads.
 * STAGE_E_SYSTEM, STAGE_E_MEMORY; STAGE_E_ARGUMENT where the target makes no sense.
 */
int stage_handoff_open(const struct stage_handoff_target *target, const struct stage_log *log,
	struct stage_handoff **ret_handoff, struct stage_error *error);

/*
 * Puts a file, sealed or not, at the end of the queue. spool must live until the handoff is closed;
 * file is the queue's from now on. Works also after an error: the file is then sealed and stays.
 * STAGE_E_CLOSED after stop, STAGE_E_MEMORY, STAGE_E_FORKED: the file is still the caller's.
 */
int stage_handoff_put(struct stage_handoff *handoff, struct stage_spool *spool,
	struct stage_spool_file *file, struct stage_error *error);

/*
 * Waits until fewer than count files (at least 1: none) are in the queue, at most for seconds; 0
 * seconds looks. The first of these that is so is returned, at once: STAGE_E_HANDOFF, or the code
 * with which sealing failed, when the queue has failed; STAGE_E_CLOSED when it was stopped, also
 * when it is empty; 0; STAGE_E_AGAIN when the time is over, without a message. STAGE_E_ARGUMENT,
 * STAGE_E_FORKED.
 */
int stage_handoff_wait(
	struct stage_handoff *handoff, size_t count, double seconds, struct stage_error *error);

/* How many files are in the queue, and the sum of their sizes. 0 in a child. */
void stage_handoff_waiting(struct stage_handoff *handoff, size_t *ret_count, uint64_t *ret_bytes);

/*
 * No further upload is begun, no delay waited for; one that is under way ends by itself, and its
 * file is forgotten as usual. Files that were put are still sealed. Waits for that, at most for
 * seconds (0: looks). Returns 0 when both threads are done, else STAGE_E_AGAIN: to be called again
 * by a caller that wants to wait. What could not be sealed is an error, which wait then tells.
 */
int stage_handoff_stop(struct stage_handoff *handoff, double seconds);

/* So far. All 0 in a child. */
void stage_handoff_statistics(
	struct stage_handoff *handoff, struct stage_handoff_statistics *ret_statistics);

/* Stops, waits for the threads, frees *handoff, sets it to NULL; NULL in it is no error. */
void stage_handoff_close(struct stage_handoff **handoff);

#pragma GCC visibility pop

#endif
