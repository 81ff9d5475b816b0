/*
 * lock guards the stream, what is counted, and the error. It is not held while gpg is written to or read.
 *
 * The thread looks at stop whenever nothing has come for a while. It has all signals blocked.
 */
#include "archive/signing.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "output.h"

#define PIECE ((size_t)64 * 1024)
#define WAIT_MS 100

/*
 * By how much gpg's packets may be larger than the data (RFC 9580): one-pass signature and literal header are below
 * 64 bytes; a signature has its key's size, 1 KiB at the most that gpg makes, and its subpackets; each piece has a
 * byte for its length, and gpg makes them of 8 KiB or more, but for the first ones.
 */
#define SIGNATURE_BYTES ((uint64_t)3 * 1024)
#define BYTES_PER_LENGTH 4096

struct signing {
	struct stage_output in; /* the loop's; its size is what gpg was given */
	int out;
	pthread_t thread;
	bool has_ended; /* the thread was joined */

	pthread_mutex_t lock;
	struct stage_openpgp *openpgp;
	uint64_t returned; /* bytes that gpg has given back */
	bool stop;
	int code; /* the first error, of the thread */
	struct stage_error error;

	unsigned char piece[PIECE]; /* the thread's */
};

/* Is the thread to go on? */
static bool
goes_on(struct signing *signing)
{
	bool stop;

	pthread_mutex_lock(&signing->lock);
	stop = signing->stop;
	pthread_mutex_unlock(&signing->lock);
	return !stop;
}

/* In the thread: what gpg has given back; 0 at its end. */
static ssize_t
take(struct signing *signing)
{
	struct pollfd ready = {.fd = signing->out, .events = POLLIN};
	ssize_t count;

	while (goes_on(signing)) {
		if (poll(&ready, 1, WAIT_MS) <= 0)
			continue;
		count = read(signing->out, signing->piece, PIECE);
		if (count >= 0 || (errno != EINTR && errno != EAGAIN))
			return count;
	}
	return 0;
}

/* In the thread: passes it on, or throws it away where that has failed. */
static void
give(struct signing *signing, ssize_t count)
{
	int failed = errno;

	pthread_mutex_lock(&signing->lock);
	if (signing->code == 0 && count < 0)
		signing->code = stage_error_set(
			&signing->error, STAGE_E_SYSTEM, failed, "cannot read what gpg has signed");
	else if (signing->code == 0)
		signing->code = stage_openpgp_write(
			signing->openpgp, signing->piece, (size_t)count, &signing->error);
	if (count > 0)
		signing->returned += (uint64_t)count;
	pthread_mutex_unlock(&signing->lock);
}

static void *
run(void *context)
{
	struct signing *signing = context;
	ssize_t count;

	do {
		count = take(signing);
		if (count != 0)
			give(signing, count);
	} while (count > 0);
	return NULL;
}

static int
start(struct signing *signing)
{
	sigset_t all, before;
	int code;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(&signing->thread, NULL, run, signing);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

int
signing_open(int in, int out, int (*before)(void *context, struct stage_error *error),
	struct stage_openpgp *openpgp, struct signing **ret_signing, struct stage_error *error)
{
	struct signing *signing = calloc(1, sizeof(*signing));
	int code;

	if (!signing)
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory for what gpg is to sign");
	signing->in.fd = in;
	signing->in.before = before;
	signing->in.name = "the pipe to the gpg that signs";
	signing->out = out;
	signing->openpgp = openpgp;
	code = pthread_mutex_init(&signing->lock, NULL);
	if (code == 0) {
		code = start(signing);
		if (code == 0) {
			*ret_signing = signing;
			return 0;
		}
		pthread_mutex_destroy(&signing->lock);
	}
	free(signing);
	return stage_error_set(error, STAGE_E_SYSTEM, code,
		"cannot start a thread that reads what gpg has signed");
}

/* The lock is held. */
static int
failed(const struct signing *signing, struct stage_error *error)
{
	if (signing->code < 0 && error)
		*error = signing->error;
	return signing->code;
}

int
signing_fits(struct signing *signing, uint64_t size, bool *ret_fits, struct stage_error *error)
{
	uint64_t given = signing->in.size, most = UINT64_MAX;
	int code;

	if (size < UINT64_MAX / 4 && given < UINT64_MAX / 4) {
		most = given + size;
		most += most / BYTES_PER_LENGTH + SIGNATURE_BYTES;
	}
	pthread_mutex_lock(&signing->lock);
	code = failed(signing, error);
	if (code == 0 && most != UINT64_MAX)
		most = most > signing->returned ? most - signing->returned : 0;
	if (code == 0)
		code = stage_openpgp_fits(signing->openpgp, most, ret_fits, error);
	pthread_mutex_unlock(&signing->lock);
	return code;
}

int
signing_write(struct signing *signing, const void *data, size_t size, struct stage_error *error)
{
	int code;

	pthread_mutex_lock(&signing->lock);
	code = failed(signing, error);
	pthread_mutex_unlock(&signing->lock);
	return code < 0 ? code : stage_output_write(&signing->in, data, size, error);
}

/* The thread is over: is all there? */
static int
check_end(const struct signing *signing, struct stage_error *error)
{
	int code = failed(signing, error);

	if (code == 0 && signing->returned <= signing->in.size)
		return stage_error_set(error, STAGE_E_SYSTEM, EPIPE,
			"gpg was given %llu bytes to sign, and has made %llu of them",
			(unsigned long long)signing->in.size,
			(unsigned long long)signing->returned);
	return code;
}

int
signing_wait(struct signing *signing, bool *ret_ended, struct stage_error *error)
{
	struct timespec until;

	if (!signing->has_ended) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += WAIT_MS * 1000000L;
		if (until.tv_nsec >= 1000000000L) {
			until.tv_nsec -= 1000000000L;
			until.tv_sec++;
		}
		signing->has_ended = pthread_timedjoin_np(signing->thread, NULL, &until) == 0;
	}
	*ret_ended = signing->has_ended;
	return signing->has_ended ? check_end(signing, error) : 0;
}

void
signing_close(struct signing **signing)
{
	struct signing *closed = *signing;
	int saved_errno = errno;

	if (!closed)
		return;
	*signing = NULL;
	pthread_mutex_lock(&closed->lock);
	closed->stop = true;
	pthread_mutex_unlock(&closed->lock);
	if (!closed->has_ended)
		pthread_join(closed->thread, NULL);
	pthread_mutex_destroy(&closed->lock);
	free(closed);
	errno = saved_errno;
}
