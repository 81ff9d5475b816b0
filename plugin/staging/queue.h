/*
 * queue - the volumes of a target on their way to storage
 *
 * It adds to handoff.h: a policy (how often to try, how long after a failure), Python's functions that
 * upload and confirm, and waits that suit an interpreter. A wait gives up the GIL, which the uploading thread needs,
 * and looks for signals ten times a second. Ctrl-C raises out of it, and handlers of other signals run in
 * it.
 *
 * A queue is a part of one object, and lives as long as that. All functions are called with the GIL held.
 * Only the thread that puts may wait, since a wait may end the queue.
 */
#ifndef STAGEDIR_QUEUE_H
#define STAGEDIR_QUEUE_H

#include <Python.h>

#include <stdbool.h>
#include <sys/types.h>

#include "handoff.h"
#include "settings.h"
#include "spool.h"

/* Zeroed memory is a queue that is closed. */
struct queue {
	struct queue *next; /* in a list of all in this process */
	PyObject *object;   /* that has this as a part; borrowed */
	PyObject *upload;   /* NULL: closed */
	PyObject *confirm;
	char *target; /* for messages */
	struct stage_handoff_target how;
	struct stage_handoff *handoff; /* NULL until something was put */
	dev_t *devices;                /* the file systems that its files have come from */
	size_t device_count;
};

/*
 * Opens the queue of object for target, which it takes over. upload(path, name, size, attempt) and
 * confirm(), of a struct stage_handoff_target, are called in a thread of their own, and return
 * (UPLOAD_..., text). settings say how often to try, and how long after a failure; without them attempts
 * and delay do.
 */
void queue_open(struct queue *queue, PyObject *object, char *target, PyObject *upload,
	PyObject *confirm, const struct stage_settings *settings, int attempts, double delay);

/* Is it open? */
bool queue_is_open(const struct queue *queue);

/* To be called before a put: starts the hand-off. 0; STAGE_E_CLOSED; errors as of stage_handoff_open(). */
int queue_prepare(struct queue *queue, struct stage_error *error);

/* Puts a file, as stage_handoff_put(); codes besides: of queue_prepare(). */
int queue_put(struct queue *queue, struct stage_spool *spool, struct stage_spool_file *file,
	struct stage_error *error);

/* How many files wait. */
size_t queue_waiting(const struct queue *queue, uint64_t *ret_bytes);

/*
 * Waits until fewer than count files wait, at most for seconds; for ever if that is negative. Returns as
 * stage_handoff_wait(), or 1 with an exception that a signal's handler raised. What it waits for (STAGE_RUN_FOR_...) is
 * told to the record of the run, if it has to wait at all; NULL: the caller tells that.
 */
int queue_wait(struct queue *queue, size_t count, double seconds, const char *what,
	struct stage_error *error);

/*
 * Waits until storage has taken a file of this process from a file system (st_dev), which frees room there.
 * False if no file waits, or none is handed off any more; or with an exception that a signal's handler
 * raised.
 */
bool queue_wait_beside(dev_t device);

/*
 * Stops the queue. Waits for an upload that is under way, and tells the user how to end it. With leaves
 * the process is about to end, and the upload has one second. Has all ended?
 */
bool queue_stop(struct queue *queue, bool leaves);

/* Stops the queue, logs how much was handed off, and closes it. Does nothing to a closed one. */
void queue_close(struct queue *queue);

/* Closes the queue, if it is open, and frees all of it. */
void queue_release(struct queue *queue);

#endif
