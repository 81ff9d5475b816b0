/*
 * Pieces of inflated bytes are in a ring. The thread fills the one behind the last, the reader empties the
 * first. Both work on their piece without the lock:
 *
 *	first          first + count
 *	  |                  |
 *	  v                  v
 *	[reader] [full] [full] [thread]
 *
 * Without a thread the ring has one piece, which the reader fills himself.
 */
#include "gunzip.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inflater.h"

/* Bytes of a piece: with a thread, and without, as a chain may have hundreds of small archives. */
#define PIECE_AHEAD ((size_t)64 * 1024)
#define PIECE_ALONE ((size_t)16 * 1024)
#define PIECES 4

struct piece {
	unsigned char *bytes;
	size_t size;
};

struct stage_gunzip {
	pid_t owner;
	int fd;
	char *path;
	bool ahead, leaves_open;
	size_t piece; /* bytes of one */
	struct stage_gunzip_waiting waiting;

	struct stage_inflater *inflater; /* of the one who inflates */

	/* shared */
	pthread_mutex_t lock;
	pthread_cond_t filled, emptied;
	pthread_t thread;
	struct piece ring[PIECES];
	size_t count;
	bool ended, unwanted;
	struct stage_error failure; /* its code is 0 where nothing has failed */

	/* of the reader */
	size_t first, taken;
	bool holds; /* ring[first] is being read */
};

/* Fills a piece: 1; 0 or an error if nothing comes behind it. */
static int
fill(struct stage_gunzip *gunzip, struct piece *piece, struct stage_error *error)
{
	return stage_inflater_fill(
		gunzip->inflater, piece->bytes, gunzip->piece, &piece->size, error);
}

/* To be called with the lock where there is a thread. */
static void
take_in(struct stage_gunzip *gunzip, const struct piece *piece, int code,
	const struct stage_error *failure)
{
	if (piece->size > 0)
		gunzip->count++;
	if (code > 0)
		return;
	gunzip->ended = true;
	if (code < 0)
		gunzip->failure = *failure;
}

static void *
run(void *context)
{
	struct stage_gunzip *gunzip = context;
	struct stage_error failure = {0};
	size_t next = 0;
	int code = 1;

	while (code > 0) {
		pthread_mutex_lock(&gunzip->lock);
		while (gunzip->count == PIECES && !gunzip->unwanted)
			pthread_cond_wait(&gunzip->emptied, &gunzip->lock);
		if (gunzip->unwanted)
			code = 0;
		pthread_mutex_unlock(&gunzip->lock);
		if (code == 0)
			break;
		code = fill(gunzip, &gunzip->ring[next], &failure);
		pthread_mutex_lock(&gunzip->lock);
		take_in(gunzip, &gunzip->ring[next], code, &failure);
		pthread_cond_signal(&gunzip->filled);
		pthread_mutex_unlock(&gunzip->lock);
		next = (next + 1) % PIECES;
	}
	return NULL;
}

static int
init_shared(struct stage_gunzip *gunzip)
{
	int code = pthread_mutex_init(&gunzip->lock, NULL);

	if (code)
		return code;
	code = pthread_cond_init(&gunzip->filled, NULL);
	if (code)
		goto no_filled;
	code = pthread_cond_init(&gunzip->emptied, NULL);
	if (code == 0)
		return 0;
	pthread_cond_destroy(&gunzip->filled);
no_filled:
	pthread_mutex_destroy(&gunzip->lock);
	return code;
}

static void
release_shared(struct stage_gunzip *gunzip)
{
	pthread_cond_destroy(&gunzip->emptied);
	pthread_cond_destroy(&gunzip->filled);
	pthread_mutex_destroy(&gunzip->lock);
}

static int
start(struct stage_gunzip *gunzip, struct stage_error *error)
{
	sigset_t all, before;
	int code = init_shared(gunzip);

	if (code == 0) {
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		code = pthread_create(&gunzip->thread, NULL, run, gunzip);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		if (code == 0)
			return 0;
		release_shared(gunzip);
	}
	return stage_error_set(
		error, STAGE_E_SYSTEM, code, "cannot start a thread that reads %s", gunzip->path);
}

/* All but the thread, what is shared with it, and the descriptor. */
static void
release(struct stage_gunzip *gunzip)
{
	size_t i;

	stage_inflater_free(gunzip->inflater);
	for (i = 0; i < PIECES; i++)
		free(gunzip->ring[i].bytes);
	free(gunzip->path);
	free(gunzip);
}

static int
allocate(struct stage_gunzip *gunzip, const char *path, struct stage_error *error)
{
	size_t i;

	gunzip->path = strdup(path);
	if (!gunzip->path)
		goto no_memory;
	for (i = 0; i < (gunzip->ahead ? PIECES : 1); i++)
		if (!(gunzip->ring[i].bytes = malloc(gunzip->piece)))
			goto no_memory;
	return stage_inflater_new(gunzip->fd, path, gunzip->piece, &gunzip->inflater, error);

no_memory:
	return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to read %s", path);
}

int
stage_gunzip_open(int fd, const struct stage_gunzip_options *options,
	struct stage_gunzip **ret_gunzip, struct stage_error *error)
{
	struct stage_gunzip *gunzip = calloc(1, sizeof(*gunzip));
	int code;

	if (!gunzip)
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory to read %s", options->path);
	gunzip->owner = getpid();
	gunzip->fd = fd;
	gunzip->ahead = options->ahead;
	gunzip->leaves_open = options->leaves_open;
	gunzip->piece = options->ahead ? PIECE_AHEAD : PIECE_ALONE;
	gunzip->waiting = options->waiting;
	code = allocate(gunzip, options->path, error);
	if (code == 0 && gunzip->ahead)
		code = start(gunzip, error);
	if (code < 0)
		release(gunzip);
	else
		*ret_gunzip = gunzip;
	return code;
}

/* Gives the piece that was read back to the thread. */
static void
give_back(struct stage_gunzip *gunzip)
{
	if (gunzip->ahead)
		pthread_mutex_lock(&gunzip->lock);
	gunzip->count--;
	if (gunzip->ahead) {
		pthread_cond_signal(&gunzip->emptied);
		pthread_mutex_unlock(&gunzip->lock);
		gunzip->first = (gunzip->first + 1) % PIECES;
	}
	gunzip->holds = false;
}

static void
fill_now(struct stage_gunzip *gunzip)
{
	struct stage_error failure = {0};
	int code = fill(gunzip, &gunzip->ring[0], &failure);

	take_in(gunzip, &gunzip->ring[0], code, &failure);
}

/* Is there a piece to read: 1, 0 if there will be none, -1 if there is none yet? */
static int
look(struct stage_gunzip *gunzip)
{
	int found;

	if (gunzip->ahead)
		pthread_mutex_lock(&gunzip->lock);
	found = gunzip->count > 0 ? 1 : gunzip->ended ? 0 : -1;
	if (gunzip->ahead)
		pthread_mutex_unlock(&gunzip->lock);
	return found;
}

/* The same, once it is known. */
static int
wait_and_look(struct stage_gunzip *gunzip)
{
	int found = look(gunzip);

	if (found >= 0)
		return found;
	if (gunzip->waiting.begin)
		gunzip->waiting.begin(gunzip->waiting.context);
	if (gunzip->ahead) {
		pthread_mutex_lock(&gunzip->lock);
		while (gunzip->count == 0 && !gunzip->ended)
			pthread_cond_wait(&gunzip->filled, &gunzip->lock);
		pthread_mutex_unlock(&gunzip->lock);
	} else {
		fill_now(gunzip);
	}
	if (gunzip->waiting.end)
		gunzip->waiting.end(gunzip->waiting.context);
	return look(gunzip);
}

/* Sees to a piece that has bytes: 1, 0 at the end, or an error. */
static int
hold(struct stage_gunzip *gunzip, struct stage_error *error)
{
	if (gunzip->holds && gunzip->taken < gunzip->ring[gunzip->first].size)
		return 1;
	if (gunzip->owner != getpid())
		return stage_error_set(error, STAGE_E_FORKED, 0,
			"%s is read by the process that opened it alone", gunzip->path);
	if (gunzip->holds)
		give_back(gunzip);
	if (wait_and_look(gunzip) > 0) {
		gunzip->holds = true;
		gunzip->taken = 0;
		return 1;
	}
	/* the thread has ended, and writes to this no more */
	if (gunzip->failure.code < 0 && error)
		*error = gunzip->failure;
	return gunzip->failure.code;
}

int
stage_gunzip_read(struct stage_gunzip *gunzip, void *buffer, size_t size, size_t *ret_count,
	struct stage_error *error)
{
	unsigned char *to = buffer;
	size_t done = 0, part;
	int code = 1;

	while (done < size && (code = hold(gunzip, error)) > 0) {
		const struct piece *piece = &gunzip->ring[gunzip->first];

		part = piece->size - gunzip->taken;
		if (part > size - done)
			part = size - done;
		memcpy(to + done, piece->bytes + gunzip->taken, part);
		gunzip->taken += part;
		done += part;
	}
	if (code < 0)
		return code;
	*ret_count = done;
	return 0;
}

int
stage_gunzip_skip(
	struct stage_gunzip *gunzip, uint64_t size, uint64_t *ret_count, struct stage_error *error)
{
	uint64_t done = 0;
	size_t part;
	int code = 1;

	while (done < size && (code = hold(gunzip, error)) > 0) {
		part = gunzip->ring[gunzip->first].size - gunzip->taken;
		if (part > size - done)
			part = (size_t)(size - done);
		gunzip->taken += part;
		done += part;
	}
	if (code < 0)
		return code;
	*ret_count = done;
	return 0;
}

static void
join(struct stage_gunzip *gunzip)
{
	pthread_mutex_lock(&gunzip->lock);
	gunzip->unwanted = true;
	pthread_cond_signal(&gunzip->emptied);
	pthread_mutex_unlock(&gunzip->lock);
	pthread_join(gunzip->thread, NULL);
	release_shared(gunzip);
}

void
stage_gunzip_close(struct stage_gunzip **gunzip)
{
	int before = errno;

	if (!*gunzip)
		return;
	if ((*gunzip)->ahead && (*gunzip)->owner == getpid())
		join(*gunzip);
	if (!(*gunzip)->leaves_open)
		close((*gunzip)->fd);
	release(*gunzip);
	*gunzip = NULL;
	errno = before;
}
