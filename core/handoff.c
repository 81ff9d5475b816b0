#include "handoff_internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

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

bool
stage_handoff_is_open(const struct stage_handoff *handoff)
{
	return !handoff->stopped && !handoff->failed;
}

void
stage_handoff_fail(struct stage_handoff *handoff, const struct stage_error *error)
{
	if (handoff->failed)
		return;
	handoff->failed = true;
	handoff->error = *error;
	pthread_cond_signal(&handoff->uploading);
	pthread_cond_broadcast(&handoff->progress);
}

void
stage_handoff_tell(const struct stage_handoff *handoff, enum stage_handoff_event event,
	const struct stage_handoff_item *item, unsigned int attempt, const char *why)
{
	if (handoff->target.observe)
		handoff->target.observe(handoff->target.context, event, item->file, attempt, why);
}

void
stage_handoff_end_thread(struct stage_handoff *handoff)
{
	handoff->running--;
	pthread_cond_broadcast(&handoff->progress);
	pthread_mutex_unlock(&handoff->lock);
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
	failed = pthread_create(&handoff->sealer, NULL, stage_handoff_seal, handoff);
	if (!failed) {
		failed = pthread_create(&handoff->uploader, NULL, stage_handoff_upload, handoff);
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

	if (!target->upload || target->attempts < 1 || !(target->delay >= 0) ||
		!(target->longest_delay >= target->delay) || !(target->confirm_delay >= 0))
		return stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"a hand-off needs a function that uploads, at least one attempt, and delays that are not negative and do not get shorter");
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
append(struct stage_handoff *handoff, struct stage_handoff_item *item)
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
	struct stage_handoff_item *item;
	int code;

	code = enter(handoff, error);
	if (code < 0)
		return code;
	item = handoff->stopped ? NULL : calloc(1, sizeof(*item));
	if (item) {
		*item = (struct stage_handoff_item){
			.spool = spool, .file = file, .size = file->size};
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
	struct stage_handoff_item *item, *next;

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
