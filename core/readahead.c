/*
 * Pieces of bytes are in a ring. The thread fills the one behind the last, the reader empties the
 * first. Both work on their piece without the lock:
 *
 *	first          first + count
 *	  |                  |
 *	  v                  v
 *	[reader] [full] [full] [thread]
 *
 * Without a thread the ring has one piece, which the reader fills himself.
 */
#include "readahead.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

/* Bytes of a piece: with a thread, and without, as a chain may have hundreds of small archives. */
#define PIECE_AHEAD ((size_t)64 * 1024)
#define PIECE_ALONE ((size_t)16 * 1024)
#define PIECES 4

struct piece {
	unsigned char *bytes;
	size_t size;
};

struct stage_readahead {
	pid_t owner;
	char *path;
	bool ahead;
	size_t piece; /* bytes of one */
	struct stage_readahead_waiting waiting;

	struct stage_readahead_source source; /* of the one who fills */

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
fill(struct stage_readahead *readahead, struct piece *piece, struct stage_error *error)
{
	return readahead->source.fill(
		readahead->source.context, piece->bytes, readahead->piece, &piece->size, error);
}

/* To be called with the lock where there is a thread. */
static void
take_in(struct stage_readahead *readahead, const struct piece *piece, int code,
	const struct stage_error *failure)
{
	if (piece->size > 0)
		readahead->count++;
	if (code > 0)
		return;
	readahead->ended = true;
	if (code < 0)
		readahead->failure = *failure;
}

static void *
run(void *context)
{
	struct stage_readahead *readahead = context;
	struct stage_error failure = {0};
	size_t next = 0;
	int code = 1;

	while (code > 0) {
		pthread_mutex_lock(&readahead->lock);
		while (readahead->count == PIECES && !readahead->unwanted)
			pthread_cond_wait(&readahead->emptied, &readahead->lock);
		if (readahead->unwanted)
			code = 0;
		pthread_mutex_unlock(&readahead->lock);
		if (code == 0)
			break;
		code = fill(readahead, &readahead->ring[next], &failure);
		pthread_mutex_lock(&readahead->lock);
		take_in(readahead, &readahead->ring[next], code, &failure);
		pthread_cond_signal(&readahead->filled);
		pthread_mutex_unlock(&readahead->lock);
		next = (next + 1) % PIECES;
	}
	return NULL;
}

static int
init_shared(struct stage_readahead *readahead)
{
	int code = pthread_mutex_init(&readahead->lock, NULL);

	if (code)
		return code;
	code = stage_clock_condition(&readahead->filled);
	if (code)
		goto no_filled;
	code = pthread_cond_init(&readahead->emptied, NULL);
	if (code == 0)
		return 0;
	pthread_cond_destroy(&readahead->filled);
no_filled:
	pthread_mutex_destroy(&readahead->lock);
	return code;
}

static void
release_shared(struct stage_readahead *readahead)
{
	pthread_cond_destroy(&readahead->emptied);
	pthread_cond_destroy(&readahead->filled);
	pthread_mutex_destroy(&readahead->lock);
}

static int
start(struct stage_readahead *readahead, struct stage_error *error)
{
	sigset_t all, before;
	int code = init_shared(readahead);

	if (code == 0) {
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		code = pthread_create(&readahead->thread, NULL, run, readahead);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		if (code == 0)
			return 0;
		release_shared(readahead);
	}
	return stage_error_set(error, STAGE_E_SYSTEM, code, "cannot start a thread that reads %s",
		readahead->path);
}

/* All but the thread, what is shared with it, and the source. */
static void
release(struct stage_readahead *readahead)
{
	size_t i;

	for (i = 0; i < PIECES; i++)
		free(readahead->ring[i].bytes);
	free(readahead->path);
	free(readahead);
}

static int
allocate(struct stage_readahead *readahead, const char *path, struct stage_error *error)
{
	bool has = (readahead->path = strdup(path));
	size_t i;

	for (i = 0; has && i < (readahead->ahead ? PIECES : 1); i++)
		has = (readahead->ring[i].bytes = malloc(readahead->piece));
	return has ? 0 : stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to read %s", path);
}

size_t
stage_readahead_piece(bool ahead)
{
	return ahead ? PIECE_AHEAD : PIECE_ALONE;
}

int
stage_readahead_open(const struct stage_readahead_source *source,
	const struct stage_readahead_options *options, struct stage_readahead **ret_readahead,
	struct stage_error *error)
{
	struct stage_readahead *readahead = calloc(1, sizeof(*readahead));
	int code;

	if (!readahead)
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory to read %s", options->path);
	readahead->owner = getpid();
	readahead->source = *source;
	readahead->ahead = options->ahead;
	readahead->piece = stage_readahead_piece(options->ahead);
	readahead->waiting = options->waiting;
	code = allocate(readahead, options->path, error);
	if (code == 0 && readahead->ahead)
		code = start(readahead, error);
	if (code < 0)
		release(readahead);
	else
		*ret_readahead = readahead;
	return code;
}

/* Gives the piece that was read back to the thread. */
static void
give_back(struct stage_readahead *readahead)
{
	if (readahead->ahead)
		pthread_mutex_lock(&readahead->lock);
	readahead->count--;
	if (readahead->ahead) {
		pthread_cond_signal(&readahead->emptied);
		pthread_mutex_unlock(&readahead->lock);
		readahead->first = (readahead->first + 1) % PIECES;
	}
	readahead->holds = false;
}

static void
fill_now(struct stage_readahead *readahead)
{
	struct stage_error failure = {0};
	int code = fill(readahead, &readahead->ring[0], &failure);

	take_in(readahead, &readahead->ring[0], code, &failure);
}

/* Is there a piece to read: 1, 0 if there will be none, -1 if there is none yet? */
static int
look(struct stage_readahead *readahead)
{
	int found;

	if (readahead->ahead)
		pthread_mutex_lock(&readahead->lock);
	found = readahead->count > 0 ? 1 : readahead->ended ? 0 : -1;
	if (readahead->ahead)
		pthread_mutex_unlock(&readahead->lock);
	return found;
}

/* The same, once it is known. */
static int
wait_and_look(struct stage_readahead *readahead)
{
	int found = look(readahead);

	if (found >= 0)
		return found;
	if (readahead->waiting.begin)
		readahead->waiting.begin(readahead->waiting.context);
	if (readahead->ahead) {
		pthread_mutex_lock(&readahead->lock);
		while (readahead->count == 0 && !readahead->ended)
			pthread_cond_wait(&readahead->filled, &readahead->lock);
		pthread_mutex_unlock(&readahead->lock);
	} else {
		fill_now(readahead);
	}
	if (readahead->waiting.end)
		readahead->waiting.end(readahead->waiting.context);
	return look(readahead);
}

/* Sees to a piece that has bytes: 1, 0 at the end, or an error. */
static int
hold(struct stage_readahead *readahead, struct stage_error *error)
{
	if (readahead->holds && readahead->taken < readahead->ring[readahead->first].size)
		return 1;
	if (readahead->owner != getpid())
		return stage_error_set(error, STAGE_E_FORKED, 0,
			"%s is read by the process that opened it alone", readahead->path);
	if (readahead->holds)
		give_back(readahead);
	if (wait_and_look(readahead) > 0) {
		readahead->holds = true;
		readahead->taken = 0;
		return 1;
	}
	/* the thread has ended, and writes to this no more */
	if (readahead->failure.code < 0 && error)
		*error = readahead->failure;
	return readahead->failure.code;
}

int
stage_readahead_read(struct stage_readahead *readahead, void *buffer, size_t size,
	size_t *ret_count, struct stage_error *error)
{
	unsigned char *to = buffer;
	size_t done = 0, part;
	int code = 1;

	while (done < size && (code = hold(readahead, error)) > 0) {
		const struct piece *piece = &readahead->ring[readahead->first];

		part = piece->size - readahead->taken;
		if (part > size - done)
			part = size - done;
		memcpy(to + done, piece->bytes + readahead->taken, part);
		readahead->taken += part;
		done += part;
	}
	if (code < 0)
		return code;
	*ret_count = done;
	return 0;
}

/* Is there a piece to read, or nothing behind? With the lock; the one that was read up is counted, too. */
static bool
is_there(const struct stage_readahead *readahead)
{
	return readahead->count > readahead->holds || readahead->ended;
}

/* Waits for that: false, if it takes longer. */
static bool
wait_until_there(struct stage_readahead *readahead, double seconds)
{
	const struct timespec deadline = stage_clock_deadline(seconds);
	bool is;

	if (readahead->waiting.begin)
		readahead->waiting.begin(readahead->waiting.context);
	pthread_mutex_lock(&readahead->lock);
	while (!(is = is_there(readahead)) && pthread_cond_timedwait(&readahead->filled,
						      &readahead->lock, &deadline) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&readahead->lock);
	if (readahead->waiting.end)
		readahead->waiting.end(readahead->waiting.context);
	return is;
}

/* Will a read of a byte not wait, or for no thread? */
static bool
need_not_wait(struct stage_readahead *readahead)
{
	bool is;

	if (!readahead->ahead || readahead->owner != getpid() ||
		(readahead->holds && readahead->taken < readahead->ring[readahead->first].size))
		return true;
	pthread_mutex_lock(&readahead->lock);
	is = is_there(readahead);
	pthread_mutex_unlock(&readahead->lock);
	return is;
}

int
stage_readahead_read_soon(struct stage_readahead *readahead, double seconds, void *buffer,
	size_t size, size_t *ret_count, struct stage_error *error)
{
	const struct piece *piece;
	size_t part = 0;
	int code;

	if (!need_not_wait(readahead) && !wait_until_there(readahead, seconds))
		return STAGE_E_AGAIN;
	code = hold(readahead, error);
	if (code < 0)
		return code;
	if (code > 0) {
		piece = &readahead->ring[readahead->first];
		part = piece->size - readahead->taken;
		if (part > size)
			part = size;
		memcpy(buffer, piece->bytes + readahead->taken, part);
		readahead->taken += part;
	}
	*ret_count = part;
	return 0;
}

int
stage_readahead_skip(struct stage_readahead *readahead, uint64_t size, uint64_t *ret_count,
	struct stage_error *error)
{
	uint64_t done = 0;
	size_t part;
	int code = 1;

	while (done < size && (code = hold(readahead, error)) > 0) {
		part = readahead->ring[readahead->first].size - readahead->taken;
		if (part > size - done)
			part = (size_t)(size - done);
		readahead->taken += part;
		done += part;
	}
	if (code < 0)
		return code;
	*ret_count = done;
	return 0;
}

static void
join(struct stage_readahead *readahead)
{
	pthread_mutex_lock(&readahead->lock);
	readahead->unwanted = true;
	pthread_cond_signal(&readahead->emptied);
	pthread_mutex_unlock(&readahead->lock);
	if (readahead->source.stop)
		readahead->source.stop(readahead->source.context);
	pthread_join(readahead->thread, NULL);
	release_shared(readahead);
}

void
stage_readahead_close(struct stage_readahead **readahead)
{
	int before = errno;

	if (!*readahead)
		return;
	if ((*readahead)->ahead && (*readahead)->owner == getpid())
		join(*readahead);
	(*readahead)->source.free((*readahead)->source.context);
	release(*readahead);
	*readahead = NULL;
	errno = before;
}
