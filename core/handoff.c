/*
 * The queue is a list in the order of put. Two threads go along it:
 *
 *	first	the file that is uploaded, or whose turn is next; the uploading thread takes it
 *		out of the list when storage has it
 *	to_seal	the first one that the sealing thread has not dealt with; never before first
 *
 * A file is ready, for the uploading thread, when the sealing thread has gone past it. One that
 * could not be sealed is only ready where the disk is full and what was written is all there; else
 * there is an error, and nothing is uploaded.
 *
 * States of the queue, which only go down; a thread ends when it has nothing to do any more:
 *
 *	open	both threads work
 *	failed	there is an error: the uploading thread ends, the sealing thread works
 *	stopped	nothing can be put: the sealing thread deals with the rest, and ends as well
 *
 * lock guards all but owner, target, log and signals. It is never held while a file is read or
 * written, or while a function of the caller runs. An item is not moved or freed before it is taken
 * out, which only the uploading thread does, and close: so both threads may use theirs without the
 * lock.
 */
#include "handoff.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "durable.h"

#define DELAY_FACTOR_MAX 16
#define LATER_FACTOR 3

struct item {
	struct stage_spool *spool;
	struct stage_spool_file *file;
	uint64_t size;
	bool ready;
	struct item *next;
};

struct stage_handoff {
	pid_t owner;
	struct stage_handoff_target target;
	struct stage_log log;
	sigset_t signals; /* that whoever opened it has blocked */

	pthread_mutex_t lock;
	pthread_cond_t sealing;   /* what the sealing thread waits for */
	pthread_cond_t uploading; /* what the uploading thread waits for */
	pthread_cond_t progress;  /* what callers wait for */
	pthread_t sealer, uploader;
	unsigned int running; /* threads that have not come to their end */
	bool joined;

	struct item *first, *last, *to_seal;
	size_t count;
	uint64_t bytes;

	bool stopped, failed;
	struct stage_error error; /* of failed */
	struct stage_handoff_statistics statistics;
};

/* Lock and conditions, or none of them. Returns an errno. */
static int
init_locks(struct stage_handoff *handoff)
{
	int failed;

	failed = pthread_mutex_init(&handoff->lock, NULL);
	if (failed)
		return failed;
	failed = stage_clock_condition(&handoff->sealing);
	if (failed)
		goto no_sealing;
	failed = stage_clock_condition(&handoff->uploading);
	if (failed)
		goto no_uploading;
	failed = stage_clock_condition(&handoff->progress);
	if (!failed)
		return 0;

	pthread_cond_destroy(&handoff->uploading);
no_uploading:
	pthread_cond_destroy(&handoff->sealing);
no_sealing:
	pthread_mutex_destroy(&handoff->lock);
	return failed;
}

static void
destroy_locks(struct stage_handoff *handoff)
{
	pthread_cond_destroy(&handoff->progress);
	pthread_cond_destroy(&handoff->uploading);
	pthread_cond_destroy(&handoff->sealing);
	pthread_mutex_destroy(&handoff->lock);
}

/* With the lock: may an upload begin? */
static bool
is_open(const struct stage_handoff *handoff)
{
	return !handoff->stopped && !handoff->failed;
}

static bool
still_open(struct stage_handoff *handoff)
{
	bool open;

	pthread_mutex_lock(&handoff->lock);
	open = is_open(handoff);
	pthread_mutex_unlock(&handoff->lock);
	return open;
}

/* With the lock: keeps the first error, and lets everybody know. */
static void
fail(struct stage_handoff *handoff, const struct stage_error *error)
{
	if (handoff->failed)
		return;
	handoff->failed = true;
	handoff->error = *error;
	pthread_cond_signal(&handoff->uploading);
	pthread_cond_broadcast(&handoff->progress);
}

/* With the lock, at the end of a thread: nothing of handoff is used by it afterwards. */
static void
end_thread(struct stage_handoff *handoff)
{
	handoff->running--;
	pthread_cond_broadcast(&handoff->progress);
	pthread_mutex_unlock(&handoff->lock);
}

static bool
is_full_disk(const struct stage_error *error)
{
	return error->code == STAGE_E_SYSTEM && stage_durable_is_full(error->sys_errno);
}

/*
 * Without the lock. Seals a file, or finds that it may be handed off all the same: a full disk is a
 * reason to hand off, as long as that is done, and what was written is there.
 */
static int
seal(struct stage_handoff *handoff, const struct item *item, bool *ret_only_now,
	struct stage_error *error)
{
	struct stage_spool_file *file = item->file;
	int code;

	*ret_only_now = false;
	if (file->sealed) /* in a run that is dead now */
		return 0;
	code = stage_spool_seal(item->spool, file, error);
	if (code == 0) {
		stage_log_line(
			&handoff->log, STAGE_DEBUG, "Staged %s in %s", file->name, file->path);
		return 0;
	}
	stage_log_line(&handoff->log, STAGE_WARNING,
		"%s is not staged, it would not survive an end of this run: %s", file->name,
		error->message);
	if (is_full_disk(error) && still_open(handoff)) {
		code = stage_spool_check_written(item->spool, file, error);
		*ret_only_now = code == 0;
	}
	return code;
}

static void *
seal_files(void *context)
{
	struct stage_handoff *handoff = context;
	struct stage_error error;
	struct item *item;
	bool only_now;
	int code;

	pthread_mutex_lock(&handoff->lock);
	for (;;) {
		while (!handoff->to_seal && !handoff->stopped)
			pthread_cond_wait(&handoff->sealing, &handoff->lock);
		item = handoff->to_seal;
		if (!item)
			break;
		pthread_mutex_unlock(&handoff->lock);
		code = seal(handoff, item, &only_now, &error);
		pthread_mutex_lock(&handoff->lock);
		handoff->to_seal = item->next;
		if (code == 0 && (!only_now || is_open(handoff))) {
			item->ready = true;
			pthread_cond_signal(&handoff->uploading);
		} else {
			fail(handoff, &error);
		}
	}
	end_thread(handoff);
	return NULL;
}

/* With the lock: waits for a file whose turn it is. NULL when none may be uploaded any more. */
static struct item *
next_turn(struct stage_handoff *handoff)
{
	double since = stage_clock_now();

	while (is_open(handoff) && !(handoff->first && handoff->first->ready))
		pthread_cond_wait(&handoff->uploading, &handoff->lock);
	handoff->statistics.idle_seconds += stage_clock_now() - since;
	return is_open(handoff) ? handoff->first : NULL;
}

/*
 * Both threads block all signals: those are for the threads of the host, which knows what to do
 * with them. But a program that upload() starts inherits what is blocked, and could not be ended.
 */
static enum stage_upload
call_upload(struct stage_handoff *handoff, const struct item *item, unsigned int number,
	struct stage_error *ret_error)
{
	const struct stage_handoff_target *target = &handoff->target;
	enum stage_upload result;
	sigset_t blocked;

	pthread_sigmask(SIG_SETMASK, &handoff->signals, &blocked);
	result = target->upload(target->context, item->file, number, ret_error);
	pthread_sigmask(SIG_SETMASK, &blocked, NULL);
	return result;
}

/* One attempt; where it failed, *ret_error says why in any case. */
static enum stage_upload
attempt(struct stage_handoff *handoff, const struct item *item, unsigned int number,
	struct stage_error *ret_error)
{
	enum stage_upload result;
	struct stage_error said = {0};
	double since = stage_clock_now();

	result = call_upload(handoff, item, number, &said);
	pthread_mutex_lock(&handoff->lock);
	handoff->statistics.upload_seconds += stage_clock_now() - since;
	handoff->statistics.retries += result != STAGE_UPLOAD_DONE;
	pthread_mutex_unlock(&handoff->lock);
	if (result == STAGE_UPLOAD_DONE)
		return result;
	/* as messages have to be, whoever wrote it */
	stage_error_set(ret_error, STAGE_E_HANDOFF, 0, "%s",
		said.message[0] ? said.message : "storage did not take it, without a reason");
	ret_error->sys_errno = said.sys_errno;
	stage_spool_note_failure(item->spool, item->file, number, ret_error->message);
	return result;
}

/* From 0 to 1. Where there is no randomness, machines still differ in their clocks. */
static double
by_chance(void)
{
	uint32_t random;
	struct timespec time;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random)) {
		clock_gettime(CLOCK_MONOTONIC, &time);
		return (double)time.tv_nsec / 1e9;
	}
	return (double)random / ((double)UINT32_MAX + 1);
}

static double
delay_after(const struct stage_handoff *handoff, unsigned int number, enum stage_upload result)
{
	double delay = handoff->target.delay;
	unsigned int factor;

	for (factor = 1; number > 1 && factor < DELAY_FACTOR_MAX; number--)
		factor *= 2;
	delay *= factor;
	if (result == STAGE_UPLOAD_RETRY_LATER)
		delay *= LATER_FACTOR;
	return delay * (1 + by_chance() / 4);
}

/* Waits before the next attempt. False when there is to be none. */
static bool
wait_for_next(struct stage_handoff *handoff, double delay)
{
	struct timespec deadline = stage_clock_deadline(delay);
	bool open;

	pthread_mutex_lock(&handoff->lock);
	while (is_open(handoff) &&
		pthread_cond_timedwait(&handoff->uploading, &handoff->lock, &deadline) != ETIMEDOUT)
		;
	open = is_open(handoff);
	pthread_mutex_unlock(&handoff->lock);
	return open;
}

static void
give_up(struct stage_handoff *handoff, const struct item *item, unsigned int number,
	const struct stage_error *error)
{
	/* whoever waits is told the same as an error */
	stage_log_line(&handoff->log, STAGE_INFO,
		"attempt %u to hand off %s failed, and is the last: %s", number, item->file->name,
		error->message);
	pthread_mutex_lock(&handoff->lock);
	fail(handoff, error);
	pthread_mutex_unlock(&handoff->lock);
}

/* Was it the file that storage was given? Otherwise nothing more is uploaded. */
static bool
check_uploaded(struct stage_handoff *handoff, const struct item *item)
{
	struct stage_error error;

	if (stage_spool_check_read(item->spool, item->file, &error) == 0)
		return true;
	pthread_mutex_lock(&handoff->lock);
	fail(handoff, &error);
	pthread_mutex_unlock(&handoff->lock);
	return false;
}

/* Without the lock: tries until storage has the file. False where that has come to an end. */
static bool
upload(struct stage_handoff *handoff, const struct item *item)
{
	enum stage_upload result;
	struct stage_error error;
	unsigned int number;
	double delay;

	for (number = 1;; number++) {
		result = attempt(handoff, item, number, &error);
		if (result == STAGE_UPLOAD_DONE)
			return check_uploaded(handoff, item);
		if (result == STAGE_UPLOAD_GIVE_UP || number >= handoff->target.attempts) {
			give_up(handoff, item, number, &error);
			return false;
		}
		delay = delay_after(handoff, number, result);
		stage_log_line(&handoff->log, STAGE_WARNING,
			"attempt %u of %u to hand off %s failed, the next is due in %.1f seconds: %s",
			number, handoff->target.attempts, item->file->name, delay, error.message);
		if (!wait_for_next(handoff, delay))
			return false;
	}
}

/* Without the lock: storage has the file, whatever becomes of ours. */
static void
forget(struct stage_handoff *handoff, struct item *item)
{
	struct stage_error error;

	stage_log_line(&handoff->log, STAGE_DEBUG, "Handed off %s", item->file->name);
	if (stage_spool_confirm(item->spool, &item->file, &error) < 0)
		stage_log_line(&handoff->log, STAGE_WARNING,
			"%s is in storage, but stays in the temp root: %s", item->file->name,
			error.message);
}

/* With the lock: takes the first file out of the queue. */
static void
take_out(struct stage_handoff *handoff)
{
	struct item *item = handoff->first;

	handoff->first = item->next;
	if (!handoff->first)
		handoff->last = NULL;
	handoff->count--;
	handoff->bytes -= item->size;
	handoff->statistics.files++;
	handoff->statistics.bytes += item->size;
	free(item);
	pthread_cond_broadcast(&handoff->progress);
}

static void *
upload_files(void *context)
{
	struct stage_handoff *handoff = context;
	struct item *item;
	bool done = true;

	pthread_mutex_lock(&handoff->lock);
	while (done && (item = next_turn(handoff))) {
		pthread_mutex_unlock(&handoff->lock);
		done = upload(handoff, item);
		if (done)
			forget(handoff, item);
		pthread_mutex_lock(&handoff->lock);
		if (done)
			take_out(handoff);
	}
	end_thread(handoff);
	return NULL;
}

/* Both threads, or none; they inherit what is blocked here. Returns an errno. */
static int
start(struct stage_handoff *handoff)
{
	sigset_t all;
	int failed;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &handoff->signals);
	handoff->running = 2; /* before one of them ends */
	failed = pthread_create(&handoff->sealer, NULL, seal_files, handoff);
	if (!failed) {
		failed = pthread_create(&handoff->uploader, NULL, upload_files, handoff);
		if (failed) {
			pthread_mutex_lock(&handoff->lock);
			handoff->stopped = true;
			pthread_cond_signal(&handoff->sealing);
			pthread_mutex_unlock(&handoff->lock);
			pthread_join(handoff->sealer, NULL);
		}
	}
	pthread_sigmask(SIG_SETMASK, &handoff->signals, NULL);
	return failed;
}

int
stage_handoff_open(const struct stage_handoff_target *target, const struct stage_log *log,
	struct stage_handoff **ret_handoff, struct stage_error *error)
{
	struct stage_handoff *handoff;
	int failed;

	if (!target->upload || target->attempts < 1 || !(target->delay >= 0))
		return stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"a hand-off needs a function that uploads, at least one attempt, and a delay that is not negative");
	handoff = calloc(1, sizeof(*handoff));
	if (!handoff)
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for a hand-off");
	handoff->target = *target;
	if (log)
		handoff->log = *log;
	failed = init_locks(handoff);
	if (failed) {
		free(handoff);
		return stage_error_set(
			error, STAGE_E_SYSTEM, failed, "cannot make the locks of a hand-off");
	}
	handoff->owner = getpid();
	failed = start(handoff);
	if (failed) {
		destroy_locks(handoff);
		free(handoff);
		return stage_error_set(
			error, STAGE_E_SYSTEM, failed, "cannot start the threads of a hand-off");
	}
	*ret_handoff = handoff;
	return 0;
}

/* To be called first by whatever uses what lock guards. Takes the lock, but never in a child. */
static int
enter(struct stage_handoff *handoff, struct stage_error *error)
{
	if (getpid() != handoff->owner)
		return stage_error_set(error, STAGE_E_FORKED, 0,
			"the hand-off belongs to process %ld, not to its child",
			(long)handoff->owner);
	pthread_mutex_lock(&handoff->lock);
	return 0;
}

static int
fail_stopped(struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_CLOSED, 0, "the hand-off was stopped");
}

/* With the lock. */
static void
append(struct stage_handoff *handoff, struct item *item)
{
	if (handoff->last)
		handoff->last->next = item;
	else
		handoff->first = item;
	handoff->last = item;
	if (!handoff->to_seal)
		handoff->to_seal = item;
	handoff->count++;
	handoff->bytes += item->size;
	pthread_cond_signal(&handoff->sealing);
}

int
stage_handoff_put(struct stage_handoff *handoff, struct stage_spool *spool,
	struct stage_spool_file *file, struct stage_error *error)
{
	struct item *item;
	int code;

	code = enter(handoff, error);
	if (code < 0)
		return code;
	item = handoff->stopped ? NULL : calloc(1, sizeof(*item));
	if (item) {
		*item = (struct item){.spool = spool, .file = file, .size = file->size};
		append(handoff, item);
	} else if (handoff->stopped) {
		code = fail_stopped(error);
	} else {
		code = stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory to hand off %s", file->name);
	}
	pthread_mutex_unlock(&handoff->lock);
	return code;
}

/* With the lock: what wait returns, or STAGE_E_AGAIN. */
static int
look(const struct stage_handoff *handoff, size_t count, struct stage_error *error)
{
	if (handoff->failed) {
		if (error)
			*error = handoff->error;
		return handoff->error.code;
	}
	if (handoff->stopped)
		return fail_stopped(error);
	return handoff->count < count ? 0 : STAGE_E_AGAIN;
}

int
stage_handoff_wait(
	struct stage_handoff *handoff, size_t count, double seconds, struct stage_error *error)
{
	struct timespec deadline;
	double since;
	bool timed_out = !(seconds > 0);
	int code;

	if (count == 0)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"a queue never has fewer than 0 files to wait for");
	code = enter(handoff, error);
	if (code < 0)
		return code;
	code = look(handoff, count, error);
	if (code == STAGE_E_AGAIN && !timed_out) {
		since = stage_clock_now();
		deadline = stage_clock_deadline(seconds);
		do {
			timed_out = pthread_cond_timedwait(&handoff->progress, &handoff->lock,
					    &deadline) == ETIMEDOUT;
			code = look(handoff, count, error);
		} while (code == STAGE_E_AGAIN && !timed_out);
		handoff->statistics.producer_seconds += stage_clock_now() - since;
	}
	pthread_mutex_unlock(&handoff->lock);
	return code == STAGE_E_AGAIN ? stage_error_set(error, code, 0, "%s", "") : code;
}

void
stage_handoff_waiting(struct stage_handoff *handoff, size_t *ret_count, uint64_t *ret_bytes)
{
	*ret_count = 0;
	*ret_bytes = 0;
	if (enter(handoff, NULL) < 0)
		return;
	*ret_count = handoff->count;
	*ret_bytes = handoff->bytes;
	pthread_mutex_unlock(&handoff->lock);
}

void
stage_handoff_statistics(
	struct stage_handoff *handoff, struct stage_handoff_statistics *ret_statistics)
{
	*ret_statistics = (struct stage_handoff_statistics){0};
	if (enter(handoff, NULL) < 0)
		return;
	*ret_statistics = handoff->statistics;
	pthread_mutex_unlock(&handoff->lock);
}

int
stage_handoff_stop(struct stage_handoff *handoff, double seconds)
{
	struct timespec deadline = stage_clock_deadline(seconds);
	bool to_join;
	int code = 0;

	if (enter(handoff, NULL) < 0)
		return 0;
	if (!handoff->stopped) {
		handoff->stopped = true;
		pthread_cond_signal(&handoff->sealing);
		pthread_cond_signal(&handoff->uploading);
		pthread_cond_broadcast(&handoff->progress);
	}
	while (handoff->running && code != ETIMEDOUT)
		code = pthread_cond_timedwait(&handoff->progress, &handoff->lock, &deadline);
	code = handoff->running ? STAGE_E_AGAIN : 0;
	to_join = code == 0 && !handoff->joined;
	handoff->joined |= to_join;
	pthread_mutex_unlock(&handoff->lock);
	if (to_join) {
		/* both are past their last use of the lock: this waits for nobody */
		pthread_join(handoff->sealer, NULL);
		pthread_join(handoff->uploader, NULL);
	}
	return code;
}

static void
free_items(struct stage_handoff *handoff)
{
	struct item *item, *next;

	for (item = handoff->first; item; item = next) {
		next = item->next;
		free(item);
	}
}

void
stage_handoff_close(struct stage_handoff **handoff)
{
	int saved_errno = errno;

	if (!*handoff)
		return;
	while (stage_handoff_stop(*handoff, STAGE_CLOCK_NEVER) == STAGE_E_AGAIN)
		;
	if (getpid() == (*handoff)->owner) {
		free_items(*handoff);
		destroy_locks(*handoff);
	} else if (pthread_mutex_trylock(&(*handoff)->lock) == 0) {
		/* otherwise a thread that does not exist here was changing the list */
		free_items(*handoff);
	}
	/* in a child the conditions stay: to destroy one waits for the parent's threads */
	free(*handoff);
	*handoff = NULL;
	errno = saved_errno;
}
