/*
 * Queues of this process that are open are in a list, which the GIL guards: whoever writes a file and
 * finds no space asks them all.
 */
#include "staging/queue.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "runrecord.h"
#include "umask.h"

#include "python/exits.h"
#include "python/gil.h"
#include "python/hostlog.h"
#include "staging/run.h"
#include "staging/urlsecrets.h"

/* Seconds: between two looks for signals; for uploads at an end that does not wait. */
#define SLICE 0.1
#define GRACE 1.0

/* Seconds before an uploaded volume is looked for that storage does not show at once. */
#define CONFIRM_DELAY 1

/* By the setting backoff: the longest delay, as a multiple of the first one. The host's delay never grows. */
#define BACKOFF_MAX 16

static struct queue *all;

/* Why storage has not taken a file, in words that may quote its URL. */
static void
set_failure(const char *text, struct stage_error *error)
{
	char *hidden;

	if (urlsecrets_hide(text, &hidden, error) < 0)
		return;
	stage_error_set(error, STAGE_E_HANDOFF, 0, "%s", hidden);
	free(hidden);
}

static enum stage_upload
verdict_of(PyObject *result, struct stage_error *error)
{
	const char *text = NULL;
	PyObject *bytes = NULL;
	int verdict = STAGE_UPLOAD_GIVE_UP;

	if (!result || !PyArg_ParseTuple(result, "iO&", &verdict, PyUnicode_FSConverter, &bytes)) {
		PyErr_Clear();
		text = "the host's own code failed";
	} else {
		text = PyBytes_AsString(bytes);
	}
	if (verdict != STAGE_UPLOAD_DONE)
		set_failure(text, error);
	Py_XDECREF(bytes);
	return (enum stage_upload)verdict;
}

/* Calls one of Python's functions, in the queue's thread. */
static enum stage_upload
call(PyObject *function, const struct stage_spool_file *file, unsigned int attempt,
	struct stage_error *error)
{
	enum stage_upload verdict;
	PyGILState_STATE state;
	PyObject *result;

	state = gil_enter();
	result = PyObject_CallFunction(
		function, "yyKI", file->path, file->name, (unsigned long long)file->size, attempt);
	verdict = verdict_of(result, error);
	Py_XDECREF(result);
	PyGILState_Release(state);
	return verdict;
}

static enum stage_upload
upload(void *context, const struct stage_spool_file *file, unsigned int attempt,
	struct stage_error *error)
{
	return call(((struct queue *)context)->upload, file, attempt, error);
}

static enum stage_upload
confirm(void *context, const struct stage_spool_file *file, unsigned int attempt,
	struct stage_error *error)
{
	return call(((struct queue *)context)->confirm, file, attempt, error);
}

/* In the queue's threads, without the GIL. */
static void
observe(void *context, enum stage_handoff_event event, const struct stage_spool_file *file,
	unsigned int attempt, const char *why)
{
	static const enum stage_runevent_kind kinds[] = {
		[STAGE_HANDOFF_SEALED] = STAGE_RUN_SEALED,
		[STAGE_HANDOFF_UPLOAD] = STAGE_RUN_UPLOAD,
		[STAGE_HANDOFF_FAILED] = STAGE_RUN_FAILED,
		[STAGE_HANDOFF_CONFIRMED] = STAGE_RUN_CONFIRMED,
	};

	(void)context;
	run_tell(&(struct stage_runevent){.kind = kinds[event],
		.name = file->name,
		.number = attempt,
		.size = file->size,
		.text = why});
}

void
queue_open(struct queue *queue, PyObject *object, char *target, PyObject *upload_function,
	PyObject *confirm_function, const struct stage_settings *settings, int attempts,
	double delay)
{
	if (settings->retries > 0)
		attempts = settings->retries;
	queue->how.upload = upload;
	queue->how.confirm = confirm;
	queue->how.observe = observe;
	queue->how.confirm_delay = CONFIRM_DELAY;
	queue->how.context = queue;
	queue->how.mode = 0666 & ~stage_umask();
	queue->how.attempts = attempts > 0 ? (unsigned int)attempts : 1;
	queue->how.delay = settings->backoff >= 0 ? (double)settings->backoff : delay;
	queue->how.longest_delay =
		settings->backoff >= 0 ? BACKOFF_MAX * queue->how.delay : queue->how.delay;
	queue->object = object;
	queue->target = target;
	queue->upload = Py_NewRef(upload_function);
	queue->confirm = Py_NewRef(confirm_function);
	queue->next = all;
	all = queue;
}

bool
queue_is_open(const struct queue *queue)
{
	return queue->upload != NULL;
}

int
queue_prepare(struct queue *queue, struct stage_error *error)
{
	if (queue->handoff)
		return 0;
	if (!queue->upload)
		return stage_error_set(
			error, STAGE_E_CLOSED, 0, "the staging for %s has ended", queue->target);
	return stage_handoff_open(&queue->how, &hostlog, &queue->handoff, error);
}

static bool
has_device(const struct queue *queue, dev_t device)
{
	size_t i;

	for (i = 0; i < queue->device_count; i++)
		if (queue->devices[i] == device)
			return true;
	return false;
}

/* Remembers where files come from. Where that cannot be told, nobody waits for room there. */
static void
note_device(struct queue *queue, struct stage_spool *spool)
{
	struct stat stat;
	dev_t *longer;
	int failed;

	Py_BEGIN_ALLOW_THREADS
	failed = lstat(stage_spool_path(spool), &stat);
	Py_END_ALLOW_THREADS
	if (failed || has_device(queue, stat.st_dev))
		return;
	longer = realloc(queue->devices, (queue->device_count + 1) * sizeof(*longer));
	if (!longer)
		return;
	longer[queue->device_count++] = stat.st_dev;
	queue->devices = longer;
}

int
queue_put(struct queue *queue, struct stage_spool *spool, struct stage_spool_file *file,
	struct stage_error *error)
{
	int code;

	note_device(queue, spool);
	run_put(file->name, file->size, file->sealed);
	code = queue_prepare(queue, error); /* it may have been closed while the GIL was given up */
	return code < 0 ? code : stage_handoff_put(queue->handoff, spool, file, error);
}

size_t
queue_waiting(const struct queue *queue, uint64_t *ret_bytes)
{
	size_t count = 0;

	*ret_bytes = 0;
	if (queue->handoff)
		stage_handoff_waiting(queue->handoff, &count, ret_bytes);
	return count;
}

int
queue_wait(struct queue *queue, size_t count, double seconds, const char *what,
	struct stage_error *error)
{
	const int64_t since = stage_runrecord_now();
	bool told = false;
	int code;

	if (!queue->handoff)
		return 0;
	do {
		Py_BEGIN_ALLOW_THREADS
		code = stage_handoff_wait(queue->handoff, count, SLICE, error);
		Py_END_ALLOW_THREADS
		if (code == STAGE_E_AGAIN && what && !told) {
			run_waits(what, since, "");
			told = true;
		}
		run_look();
		if (PyErr_CheckSignals() < 0)
			code = 1;
		seconds -= seconds < 0 ? 0 : SLICE;
	} while (code == STAGE_E_AGAIN && (seconds < 0 || seconds > SLICE / 2));
	if (told)
		run_goes_on(what);
	return code;
}

/* One that is to hand off something from this file system. NULL: none. */
static struct queue *
find_waiting(dev_t device, size_t *ret_count)
{
	struct queue *queue;
	uint64_t bytes;

	for (queue = all; queue; queue = queue->next)
		if ((*ret_count = queue_waiting(queue, &bytes)) > 0 && has_device(queue, device))
			return queue;
	return NULL;
}

bool
queue_wait_beside(dev_t device)
{
	struct stage_error error;
	size_t count;
	struct queue *queue = find_waiting(device, &count);
	int code;

	if (!queue)
		return false;
	Py_INCREF(queue->object); /* the GIL is given up */
	stage_log_line(&hostlog, STAGE_INFO,
		"waiting for room to write a file: %zu staged volumes are still to be handed off",
		count);
	run_waits(STAGE_RUN_FOR_ROOM, stage_runrecord_now(), "a file is written");
	code = queue_wait(queue, count, -1, NULL, &error);
	run_goes_on(STAGE_RUN_FOR_ROOM);
	Py_DECREF(queue->object);
	return code == 0;
}

/* Whoever presses Ctrl-C a second time does not want to wait for an upload either. */
static void
end_at_once(void)
{
	PyErr_Clear();
	run_interrupted();
	exits_run(
		EXITS_LEAVE); /* which tells what stays of those that are being ended, as this one is */
	signal(SIGINT, SIG_DFL);
	kill(getpid(), SIGINT);
}

bool
queue_stop(struct queue *queue, bool leaves)
{
	bool said = false;
	int code;

	if (!queue->handoff)
		return true;
	for (;;) {
		Py_BEGIN_ALLOW_THREADS
		code = stage_handoff_stop(queue->handoff, leaves ? GRACE : SLICE);
		Py_END_ALLOW_THREADS
		if (code == 0 || leaves)
			return code == 0;
		if (!said)
			stage_log_line(&hostlog, STAGE_NOTICE,
				"waiting for the upload that is under way; Ctrl-C ends it");
		said = true;
		if (PyErr_CheckSignals() < 0)
			end_at_once();
	}
}

static void
tell_statistics(struct queue *queue)
{
	struct stage_handoff_statistics statistics;

	stage_handoff_statistics(queue->handoff, &statistics);
	stage_log_line(&hostlog, STAGE_INFO,
		"staged ahead: %llu volumes, %llu bytes, handed off in %.1f s with %llu retries; duplicity waited %.1f s for storage, storage %.1f s for duplicity",
		(unsigned long long)statistics.files, (unsigned long long)statistics.bytes,
		statistics.upload_seconds, (unsigned long long)statistics.retries,
		statistics.producer_seconds, statistics.idle_seconds);
}

void
queue_close(struct queue *queue)
{
	struct queue **link;

	/* first: nobody else finds it, and holds an object that goes, while the GIL is given up */
	for (link = &all; *link && *link != queue; link = &(*link)->next)
		;
	if (*link)
		*link = queue->next;
	if (queue->handoff) {
		tell_statistics(queue);
		Py_BEGIN_ALLOW_THREADS
		stage_handoff_close(&queue->handoff);
		Py_END_ALLOW_THREADS
	}
	Py_CLEAR(queue->upload);
	Py_CLEAR(queue->confirm);
}

void
queue_release(struct queue *queue)
{
	queue_close(queue);
	free(queue->devices);
	free(queue->target);
	queue->devices = NULL;
	queue->device_count = 0;
	queue->target = NULL;
}
