/*
 * handoff - staged files go to storage in order, while the next ones are made
 *
 * A struct stage_handoff is a queue with two threads. The first seals each file that was put
 * (spool.h). The second uploads the sealed files by a function of the caller, strictly in the order of
 * put, one at a time. It begins the next file only when storage has confirmed this one. Then this one
 * is forgotten.
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
 * The first error is kept: from then on nothing more is uploaded, files are still sealed, and every
 * wait returns that error. Files that could not be handed off stay staged in their spools.
 *
 * If the disk is too full to seal a file, the file is handed off all the same, provided that its content
 * is there (stage_spool_check_written()). A warning says that it would not survive. If its content is
 * not there, or nothing is uploaded any more, that is an error like any other. It is also an error if
 * the disk turns out, during the upload, not to have taken a file that was not synced before.
 *
 * Threads: any thread may call any function at any time, close last. No lock is held while a function
 * of the caller runs. Forks: the threads are the parent's. In a child every function fails with
 * STAGE_E_FORKED; stop does nothing, and close only frees.
 */
#ifndef STAGEDIR_HANDOFF_H
#define STAGEDIR_HANDOFF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "log.h"
#include "spool.h"

#pragma GCC visibility push(default)

struct stage_handoff;

enum stage_upload {
	STAGE_UPLOAD_DONE,        /* storage has the file, and has confirmed its size */
	STAGE_UPLOAD_UNCONFIRMED, /* uploaded, but storage does not show it yet: to be looked for again */
	STAGE_UPLOAD_RETRY,       /* failed, may be tried again */
	STAGE_UPLOAD_RETRY_LATER, /* the same, after three times the usual delay */
	STAGE_UPLOAD_GIVE_UP,     /* failed, and will fail again */
};

/* What happens to a file of the queue. */
enum stage_handoff_event {
	STAGE_HANDOFF_SEALED,    /* it is staged */
	STAGE_HANDOFF_UPLOAD,    /* an attempt begins */
	STAGE_HANDOFF_FAILED,    /* and has failed */
	STAGE_HANDOFF_CONFIRMED, /* storage has it; it is about to be forgotten */
};

struct stage_handoff_target {
	/*
	 * Uploads one file, however long that takes. Called in the uploading thread, but not for a
	 * file that somebody has removed: that is an error. attempt counts from 1. Unless it is DONE, error->message says why, in one line. The threads of the queue
	 * block all signals; but while this runs, only those are blocked that were blocked in the
	 * thread that opened the queue. A program that is started here inherits that.
	 */
	enum stage_upload (*upload)(void *context, const struct stage_spool_file *file,
		unsigned int attempt, struct stage_error *error);

	/*
	 * Looks whether storage has the file now. Called in the same way after an attempt that is
	 * UNCONFIRMED, until the result is another one, three times at most: after confirm_delay
	 * seconds, then after twice, then after four times as many. A file that is not confirmed then
	 * counts as RETRY. May be NULL if no upload is UNCONFIRMED.
	 */
	enum stage_upload (*confirm)(void *context, const struct stage_spool_file *file,
		unsigned int attempt, struct stage_error *error);
	double confirm_delay;

	/*
	 * Is told of each event, in the thread in which it happens, with all signals blocked. attempt counts
	 * from 1, and is 0 of a file that is SEALED; why is the message of an attempt that FAILED, else NULL.
	 * It must return soon, and not fail. May be NULL.
	 */
	void (*observe)(void *context, enum stage_handoff_event event,
		const struct stage_spool_file *file, unsigned int attempt, const char *why);

	void *context;

	unsigned int attempts; /* after so many failures of a file it is given up; at least 1 */

	/*
	 * Seconds before the second attempt. Each further delay is twice the one before, up to
	 * longest_delay. Each is up to a quarter shorter by chance, so that many machines do not all
	 * return to a storage at one moment.
	 */
	double delay;
	double longest_delay; /* at least delay */

	mode_t mode; /* that a file gets before it is uploaded (stage_spool_publish()); 0: its own */
};

struct stage_handoff_statistics {
	uint64_t files, bytes;   /* handed off */
	uint64_t retries;        /* attempts that failed */
	double upload_seconds;   /* in calls of upload() that have returned */
	double idle_seconds;     /* the uploading thread waited for a file */
	double producer_seconds; /* callers waited in stage_handoff_wait() */
};

/*
 * Copies target and log; their contexts must live as long as the queue. Starts the threads.
 * STAGE_E_SYSTEM, STAGE_E_MEMORY; STAGE_E_ARGUMENT: the target makes no sense.
 */
int stage_handoff_open(const struct stage_handoff_target *target, const struct stage_log *log,
	struct stage_handoff **ret_handoff, struct stage_error *error);

/*
 * Puts a file, sealed or not, at the end of the queue, and takes it over. spool must live until the
 * handoff is closed. This works after an error, too: then the file is sealed and stays. STAGE_E_CLOSED
 * (after stop), STAGE_E_MEMORY, STAGE_E_FORKED: the file is still the caller's.
 */
int stage_handoff_put(struct stage_handoff *handoff, struct stage_spool *spool,
	struct stage_spool_file *file, struct stage_error *error);

/*
 * Waits until fewer than count files are in the queue, at most for seconds. count is at least 1, for an
 * empty queue; 0 seconds only looks. It returns at once the first of these that applies:
 *	STAGE_E_HANDOFF, the code with which sealing failed, or
 *	STAGE_E_DAMAGED, STAGE_E_SYSTEM with EIO: a staged file
 *	is gone, or is not what was sealed			the queue has failed
 *	STAGE_E_CLOSED						it was stopped, even if it is empty
 *	0							there are fewer than count files
 *	STAGE_E_AGAIN, without a message			the time is over
 * STAGE_E_ARGUMENT, STAGE_E_FORKED.
 */
int stage_handoff_wait(
	struct stage_handoff *handoff, size_t count, double seconds, struct stage_error *error);

/* How many files are in the queue, and the sum of their sizes. 0 in a child. */
void stage_handoff_waiting(struct stage_handoff *handoff, size_t *ret_count, uint64_t *ret_bytes);

/*
 * Stops the queue. No further upload is begun, and no delay is waited for. An upload that is under way
 * ends by itself, and its file is forgotten as usual, unless it is UNCONFIRMED: then it stays staged. Files
 * that were put are still sealed. Waits for all that, at most for seconds (0: only looks). Returns 0 when
 * both threads are done, else STAGE_E_AGAIN: call it again to go on waiting. If a file could not be sealed,
 * stage_handoff_wait() returns that error.
 */
int stage_handoff_stop(struct stage_handoff *handoff, double seconds);

/* The numbers so far. All 0 in a child. */
void stage_handoff_statistics(
	struct stage_handoff *handoff, struct stage_handoff_statistics *ret_statistics);

/* Stops, waits for the threads, frees *handoff, sets it to NULL; NULL in it is no error. */
void stage_handoff_close(struct stage_handoff **handoff);

#pragma GCC visibility pop

#endif
