/*
 * A file is uploaded in attempts: each is made, and where it failed there is a delay before the next one.
 * A storage may know of a file only a moment later: then the same attempt looks for it again.
 * It ends when storage has the file, when an attempt says that it is of no use to try again, when all
 * attempts are used up, or when nothing may be uploaded any more. Nothing but the first of these goes on
 * to the next file.
 */
#include "handoff_internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "clock.h"

#define LATER_FACTOR 3

/* So often an uploaded file is looked for that storage does not show at once. */
#define LOOKS 3

/* With the lock: waits for a file whose turn it is. NULL when none may be uploaded any more. */
static struct stage_handoff_item *
next_turn(struct stage_handoff *handoff)
{
	double since = stage_clock_now();

	while (stage_handoff_is_open(handoff) && !(handoff->first && handoff->first->ready))
		pthread_cond_wait(&handoff->uploading, &handoff->lock);
	handoff->statistics.idle_seconds += stage_clock_now() - since;
	return stage_handoff_is_open(handoff) ? handoff->first : NULL;
}

/*
 * Both threads block all signals: those are for the threads of the host, which knows what to do
 * with them. But a program that is started there inherits what is blocked, and could not be ended.
 */
static enum stage_upload
call(struct stage_handoff *handoff, const struct stage_handoff_item *item,
	enum stage_upload (*function)(
		void *, const struct stage_spool_file *, unsigned int, struct stage_error *),
	unsigned int number, struct stage_error *ret_error)
{
	double since = stage_clock_now();
	enum stage_upload result;
	sigset_t blocked;

	*ret_error = (struct stage_error){0};
	pthread_sigmask(SIG_SETMASK, &handoff->signals, &blocked);
	result = function(handoff->target.context, item->file, number, ret_error);
	pthread_sigmask(SIG_SETMASK, &blocked, NULL);
	pthread_mutex_lock(&handoff->lock);
	handoff->statistics.upload_seconds += stage_clock_now() - since;
	pthread_mutex_unlock(&handoff->lock);
	return result;
}

/* Waits before the next call. False when there is to be none. */
static bool
wait_for_next(struct stage_handoff *handoff, double delay)
{
	struct timespec deadline = stage_clock_deadline(delay);
	bool open;

	pthread_mutex_lock(&handoff->lock);
	while (stage_handoff_is_open(handoff) &&
		pthread_cond_timedwait(&handoff->uploading, &handoff->lock, &deadline) != ETIMEDOUT)
		;
	open = stage_handoff_is_open(handoff);
	pthread_mutex_unlock(&handoff->lock);
	return open;
}

/* Uploads once, and looks for the file until storage shows it. UNCONFIRMED only if nobody is to look any more. */
static enum stage_upload
upload_once(struct stage_handoff *handoff, const struct stage_handoff_item *item,
	unsigned int number, struct stage_error *ret_said)
{
	const struct stage_handoff_target *target = &handoff->target;
	double delay = target->confirm_delay;
	enum stage_upload result;
	unsigned int look;

	result = call(handoff, item, target->upload, number, ret_said);
	for (look = 0; result == STAGE_UPLOAD_UNCONFIRMED && look < LOOKS && target->confirm;
		look++, delay *= 2) {
		if (!wait_for_next(handoff, delay))
			return result;
		result = call(handoff, item, target->confirm, number, ret_said);
	}
	return result == STAGE_UPLOAD_UNCONFIRMED ? STAGE_UPLOAD_RETRY : result;
}

/* A staged file is not as it was sealed: storage is not to blame, and no other attempt can help. */
static void
tell_lost(const struct stage_handoff_item *item, const struct stage_error *found,
	struct stage_error *ret_error)
{
	stage_error_set(ret_error, found->code, 0,
		"%s: it cannot be handed off, and storage is not to blame. Whoever cleans up temporary files must leave %s alone",
		found->message, stage_spool_path(item->spool));
	ret_error->sys_errno = found->sys_errno;
}

/* Before an attempt: is there no file to hand off? *ret_error is written only if so. */
static bool
is_gone(const struct stage_handoff_item *item, struct stage_error *ret_error)
{
	struct stage_error found;

	if (!item->file->sealed || stage_spool_check_there(item->spool, item->file, &found) == 0)
		return false;
	tell_lost(item, &found, ret_error);
	return true;
}

/* An attempt has failed: was it for want of the file? *ret_error is written only if so. */
static bool
is_lost(const struct stage_handoff_item *item, struct stage_error *ret_error)
{
	struct stage_error found;

	if (!item->file->sealed || stage_spool_check(item->spool, item->file, &found) == 0)
		return false;
	if (found.code != STAGE_E_DAMAGED && found.sys_errno != EIO)
		return false; /* that may pass */
	tell_lost(item, &found, ret_error);
	return true;
}

/* One attempt; where it failed, *ret_error says why in any case. UNCONFIRMED as of upload_once(). */
static enum stage_upload
attempt(struct stage_handoff *handoff, const struct stage_handoff_item *item, unsigned int number,
	struct stage_error *ret_error)
{
	struct stage_error said;
	enum stage_upload result;

	if (is_gone(item, ret_error))
		return STAGE_UPLOAD_GIVE_UP;
	stage_handoff_tell(handoff, STAGE_HANDOFF_UPLOAD, item, number, NULL);
	result = upload_once(handoff, item, number, &said);
	if (result == STAGE_UPLOAD_DONE || result == STAGE_UPLOAD_UNCONFIRMED)
		return result;
	pthread_mutex_lock(&handoff->lock);
	handoff->statistics.retries++;
	pthread_mutex_unlock(&handoff->lock);
	/* as messages have to be, whoever wrote it */
	stage_error_set(ret_error, STAGE_E_HANDOFF, 0, "%s",
		said.message[0] ? said.message : "storage did not take it, without a reason");
	ret_error->sys_errno = said.sys_errno;
	stage_spool_note_failure(item->spool, item->file, number, ret_error->message);
	stage_handoff_tell(handoff, STAGE_HANDOFF_FAILED, item, number, ret_error->message);
	return is_lost(item, ret_error) ? STAGE_UPLOAD_GIVE_UP : result;
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

double
stage_handoff_delay(
	const struct stage_handoff_target *target, unsigned int number, enum stage_upload result)
{
	const double longest = target->longest_delay;
	double delay = target->delay;

	for (; number > 1 && delay < longest; number--)
		delay *= 2;
	if (delay > longest)
		delay = longest;
	if (result == STAGE_UPLOAD_RETRY_LATER)
		delay *= LATER_FACTOR;
	return delay * (1 - by_chance() / 4);
}

static void
give_up(struct stage_handoff *handoff, const struct stage_handoff_item *item, unsigned int number,
	const struct stage_error *error)
{
	/* whoever waits is told the same as an error */
	stage_log_line(&handoff->log, STAGE_INFO,
		"attempt %u to hand off %s failed, and is the last: %s", number, item->file->name,
		error->message);
	pthread_mutex_lock(&handoff->lock);
	stage_handoff_fail(handoff, error);
	pthread_mutex_unlock(&handoff->lock);
}

/* Was it the file that storage was given? Otherwise nothing more is uploaded. */
static bool
check_uploaded(struct stage_handoff *handoff, const struct stage_handoff_item *item)
{
	struct stage_error error;

	if (stage_spool_check_read(item->spool, item->file, &error) == 0)
		return true;
	pthread_mutex_lock(&handoff->lock);
	stage_handoff_fail(handoff, &error);
	pthread_mutex_unlock(&handoff->lock);
	return false;
}

/* Without the lock: tries until storage has the file. False where that has come to an end. */
static bool
upload(struct stage_handoff *handoff, const struct stage_handoff_item *item)
{
	enum stage_upload result;
	struct stage_error error;
	unsigned int number;
	double delay;

	if (handoff->target.mode)
		stage_spool_publish(item->spool, item->file, handoff->target.mode);
	for (number = 1;; number++) {
		result = attempt(handoff, item, number, &error);
		if (result == STAGE_UPLOAD_DONE) {
			stage_handoff_tell(handoff, STAGE_HANDOFF_CONFIRMED, item, number, NULL);
			return check_uploaded(handoff, item);
		}
		if (result == STAGE_UPLOAD_UNCONFIRMED)
			return false;
		if (result == STAGE_UPLOAD_GIVE_UP || number >= handoff->target.attempts) {
			give_up(handoff, item, number, &error);
			return false;
		}
		delay = stage_handoff_delay(&handoff->target, number, result);
		stage_log_line(&handoff->log, STAGE_WARNING,
			"attempt %u of %u to hand off %s failed, the next is due in %.1f seconds: %s",
			number, handoff->target.attempts, item->file->name, delay, error.message);
		if (!wait_for_next(handoff, delay))
			return false;
	}
}

/* Without the lock: storage has the file, whatever becomes of ours. */
static void
forget(struct stage_handoff *handoff, struct stage_handoff_item *item)
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
	struct stage_handoff_item *item = handoff->first;

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

void *
stage_handoff_upload(void *context)
{
	struct stage_handoff *handoff = context;
	struct stage_handoff_item *item;
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
	stage_handoff_end_thread(handoff);
	return NULL;
}
