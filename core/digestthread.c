/*
 * Pieces go around in a ring:
 *
 *	filled by the writer ---given---> waiting ---taken---> free ---> filled again
 *
 * given and taken count them, from the first one on. Fewer than PIECES are between the two, so that
 * there is always one that the writer may fill. A piece is the writer's before it counts as given,
 * and the thread's from then on until it counts as taken.
 *
 * lock guards given, taken and state; everything else is either the writer's or the thread's alone.
 */
#include "digestthread.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* Bytes of a piece: so many that to wake the thread costs nothing beside the digests. */
#define PIECE ((size_t)256 * 1024)

#define PIECES 5

/* Bytes for a sync_file_range(2), at least. */
#define WRITE_BACK_BYTES ((uint64_t)8 * 1024 * 1024)

enum state { OPEN, COMPLETE, UNWANTED };

struct piece {
	size_t used;
	unsigned char bytes[PIECE];
};

struct stage_digestthread {
	pid_t owner;
	int fd;
	char *path;
	bool write_back;
	pthread_t thread;
	struct piece *pieces;

	pthread_mutex_t lock;
	pthread_cond_t change;
	uint64_t given, taken;
	enum state state;

	/* the thread's */
	struct stage_digester *digester;
	uint64_t size, begun; /* bytes that were digested; of which writing to disk was begun */
	bool failed;
};

/* Has the writing to disk begin. Whatever comes of it is told by the sync of the owner. */
static void
write_back(struct stage_digestthread *thread)
{
	uint64_t bytes = thread->size - thread->begun;

	if (!thread->write_back || bytes < WRITE_BACK_BYTES)
		return;
	(void)sync_file_range(
		thread->fd, (off_t)thread->begun, (off_t)bytes, SYNC_FILE_RANGE_WRITE);
	thread->begun = thread->size;
}

/* The next piece that was given; NULL when there will be none. In the thread. */
static const struct piece *
wait_for_piece(struct stage_digestthread *thread)
{
	const struct piece *piece = NULL;

	pthread_mutex_lock(&thread->lock);
	while (thread->state == OPEN && thread->given == thread->taken)
		pthread_cond_wait(&thread->change, &thread->lock);
	if (thread->state != UNWANTED && thread->given != thread->taken)
		piece = &thread->pieces[thread->taken % PIECES];
	pthread_mutex_unlock(&thread->lock);
	return piece;
}

static void *
run(void *context)
{
	struct stage_digestthread *thread = context;
	const struct piece *piece;

	while ((piece = wait_for_piece(thread))) {
		if (stage_digester_add(thread->digester, piece->bytes, piece->used) < 0)
			thread->failed = true;
		thread->size += piece->used;
		write_back(thread);
		pthread_mutex_lock(&thread->lock);
		thread->taken++;
		pthread_cond_signal(&thread->change);
		pthread_mutex_unlock(&thread->lock);
	}
	return NULL;
}

/* Gives the piece that was filled, and waits until there is another one. */
static void
give(struct stage_digestthread *thread)
{
	pthread_mutex_lock(&thread->lock);
	thread->given++;
	pthread_cond_signal(&thread->change);
	while (thread->given - thread->taken >= PIECES)
		pthread_cond_wait(&thread->change, &thread->lock);
	pthread_mutex_unlock(&thread->lock);
	thread->pieces[thread->given % PIECES].used = 0;
}

void
stage_digestthread_add(struct stage_digestthread *thread, const void *data, size_t size)
{
	const unsigned char *next = data;

	if (getpid() != thread->owner)
		return;
	while (size > 0) {
		struct piece *piece = &thread->pieces[thread->given % PIECES];
		size_t room = PIECE - piece->used, taken = size < room ? size : room;

		memcpy(piece->bytes + piece->used, next, taken);
		piece->used += taken;
		next += taken;
		size -= taken;
		if (piece->used == PIECE)
			give(thread);
	}
}

/* Without the thread and its lock. */
static void
release(struct stage_digestthread *thread)
{
	stage_digester_free(thread->digester);
	free(thread->pieces);
	free(thread->path);
	free(thread);
}

/* Lock and thread, or none of them. Returns an errno. */
static int
start(struct stage_digestthread *thread)
{
	sigset_t all, before;
	int failed;

	failed = pthread_mutex_init(&thread->lock, NULL);
	if (failed)
		return failed;
	failed = pthread_cond_init(&thread->change, NULL);
	if (failed)
		goto no_change;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&thread->thread, NULL, run, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!failed)
		return 0;

	pthread_cond_destroy(&thread->change);
no_change:
	pthread_mutex_destroy(&thread->lock);
	return failed;
}

static int
no_memory(const char *path, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for the digests of %s", path);
}

int
stage_digestthread_open(int fd, const char *path, bool write_back,
	struct stage_digestthread **ret_thread, struct stage_error *error)
{
	struct stage_digestthread *thread = calloc(1, sizeof(*thread));
	int failed;

	if (!thread)
		return no_memory(path, error);
	thread->owner = getpid();
	thread->fd = fd;
	thread->write_back = write_back;
	thread->path = strdup(path);
	thread->pieces = malloc(PIECES * sizeof(*thread->pieces));
	thread->digester = stage_digester_new(true);
	if (!thread->path || !thread->pieces || !thread->digester) {
		release(thread);
		return no_memory(path, error);
	}
	thread->pieces[0].used = 0;
	failed = start(thread);
	if (failed) {
		release(thread);
		return stage_error_set(error, STAGE_E_SYSTEM, failed,
			"cannot start a thread for the digests of %s", path);
	}
	*ret_thread = thread;
	return 0;
}

static void
join(struct stage_digestthread *thread, enum state state)
{
	pthread_mutex_lock(&thread->lock);
	if (state == COMPLETE && thread->pieces[thread->given % PIECES].used > 0)
		thread->given++;
	thread->state = state;
	pthread_cond_signal(&thread->change);
	pthread_mutex_unlock(&thread->lock);
	pthread_join(thread->thread, NULL);
	pthread_cond_destroy(&thread->change);
	pthread_mutex_destroy(&thread->lock);
}

int
stage_digestthread_end(struct stage_digestthread **thread, struct stage_digest *ret_digest,
	unsigned char ret_sha1[STAGE_SHA1_BYTES], struct stage_error *error)
{
	struct stage_digestthread *ended = *thread;
	int code = 0;

	if (!ended)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"no digests are taken: that has ended already, or was never begun");
	*thread = NULL;
	if (getpid() != ended->owner) {
		code = stage_error_set(error, STAGE_E_FORKED, 0,
			"the digests of %s are taken by the process that has made this one",
			ended->path);
	} else {
		join(ended, COMPLETE);
		if (ended->failed || stage_digester_end(ended->digester, ret_digest, ret_sha1) < 0)
			code = no_memory(ended->path, error);
	}
	release(ended);
	return code;
}

void
stage_digestthread_drop(struct stage_digestthread **thread)
{
	if (!*thread)
		return;
	if (getpid() == (*thread)->owner)
		join(*thread, UNWANTED);
	release(*thread);
	*thread = NULL;
}
