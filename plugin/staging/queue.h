/*
 * queue - the volumes of a target on their way to storage
 *
 * Around handoff.h: a policy (how often, how long after a failure), the function of Python that
 * uploads, and waiting as an interpreter must wait: without the GIL, which the uploading thread needs,
 * and with a look for signals ten times a second. Ctrl-C raises out of a wait, and handlers of other
 * signals run in it.
 *
 * A queue is a part of one object, and lives as long. All functions are called with the GIL held.
 * Waiting is for the thread that puts, as that may end the queue.
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
	struct queue *next; /* of this process */
	PyObject *object;   /* that it is a part of; borrowed */
	PyObject *upload;   /* NULL: closed */
	char *target;       /* where to, for messages */
	struct stage_handoff_target how;
	struct stage_handoff *handoff; /* NULL until something was put */
	dev_t *devices;                /* the file systems that its files have come from */
	size_t device_count;
};

/*
 * Opens the queue of object for target, which it takes over: upload(path, name, size, attempt) is
 * called in a thread of its own, and returns (UPLOAD_..., text). settings say how often and how long
 * after a failure; where they say nothing attempts and delay do.
 */
void queue_open(struct queue *queue, PyObject *object, char *target, PyObject *upload,
	const struct stage_settings *settings, int attempts, double delay);

/* Is it open? */
bool queue_is_open(const struct queue *queue);

/* Sees to it that a file can be put: 0; STAGE_E_CLOSED; errors as of stage_handoff_open(). */
int queue_prepare(struct queue *queue, struct stage_error *error);

/* Puts a file, as stage_handoff_put(); codes besides: of queue_prepare(). */
int queue_put(struct queue *queue, struct stage_spool *spool, struct stage_spool_file *file,
	struct stage_error *error);

/* How many files wait. */
size_t queue_waiting(const struct queue *queue, uint64_t *ret_bytes);

/*
 * Waits until fewer than count files wait, at most for seconds, or for ever where that is negative.
 * Returns as stage_handoff_wait(), or 1 with an exception: a signal's handler raised.
 */
int queue_wait(struct queue *queue, size_t count, double seconds, struct stage_error *error);

/*
 * Waits until storage has taken a file of this process from the file system of fd, which gives room
 * back there. False where none waits, or none is handed off any more, or with an exception, raised by
 * a signal's handler.
 */
bool queue_wait_beside(int fd);

/*
 * Stops. leaves: the process is about to end; an upload that is under way has a second. Otherwise that
 * is waited for, and the user told how to end it. Is it over?
 */
bool queue_stop(struct queue *queue, bool leaves);

/* Tells what was handed off, and closes a queue that has stopped or is to. Does nothing to a closed one. */
void queue_close(struct queue *queue);

/* Frees what a closed queue has left; of any other, closes it first. */
void queue_release(struct queue *queue);

#endif
