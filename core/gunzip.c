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
#include <zlib.h>

/* Bytes of a piece: with a thread, and without, as a chain may have hundreds of small archives. */
#define PIECE_AHEAD ((size_t)64 * 1024)
#define PIECE_ALONE ((size_t)16 * 1024)
#define PIECES 4

/* For inflateInit2(): the largest window, and a gzip header and trailer around it. */
#define WINDOW_BITS (15 + 16)

struct piece {
	unsigned char *bytes;
	size_t size;
};

struct stage_gunzip {
	pid_t owner;
	int fd;
	char *path;
	bool ahead, leaves_open;
	size_t piece; /* bytes of one, and of input */
	struct stage_gunzip_waiting waiting;

	/* of the one who inflates */
	z_stream stream;
	bool initialised, in_member, is_first;
	unsigned char *input;
	off_t offset;

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

static int
damaged(const struct stage_gunzip *gunzip, const char *reason, struct stage_error *error)
{
	return stage_error_set(
		error, STAGE_E_DAMAGED, 0, "%s is damaged: %s", gunzip->path, reason);
}

/* Sees to input: 1, 0 at the end of the file, or an error. */
static int
refill(struct stage_gunzip *gunzip, struct stage_error *error)
{
	ssize_t got;

	if (gunzip->stream.avail_in > 0)
		return 1;
	do
		got = pread(gunzip->fd, gunzip->input, gunzip->piece, gunzip->offset);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot read %s", gunzip->path);
	gunzip->offset += got;
	gunzip->stream.next_in = gunzip->input;
	gunzip->stream.avail_in = (uInt)got;
	return got > 0;
}

/* Goes to the next member: 1, 0 where there is none, or an error. */
static int
begin_member(struct stage_gunzip *gunzip, struct stage_error *error)
{
	int code;

	while ((code = refill(gunzip, error)) > 0) {
		if (gunzip->is_first || *gunzip->stream.next_in != 0)
			break;
		gunzip->stream.next_in++;
		gunzip->stream.avail_in--;
	}
	if (code <= 0)
		return code;
	inflateReset(&gunzip->stream);
	gunzip->is_first = false;
	gunzip->in_member = true;
	return 1;
}

/* Goes on with a member until the piece is full: 0, or an error. */
static int
inflate_member(struct stage_gunzip *gunzip, struct stage_error *error)
{
	int code = refill(gunzip, error), result;

	if (code <= 0)
		return code < 0 ? code : damaged(gunzip, "it was cut", error);
	result = inflate(&gunzip->stream, Z_NO_FLUSH);
	if (result == Z_STREAM_END)
		gunzip->in_member = false;
	else if (result == Z_MEM_ERROR)
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory to read %s", gunzip->path);
	else if (result != Z_OK && result != Z_BUF_ERROR)
		return damaged(gunzip,
			gunzip->stream.msg ? gunzip->stream.msg : "it is no gzip file", error);
	return 0;
}

/* Fills a piece: 1; 0 or an error if nothing comes behind it. */
static int
fill(struct stage_gunzip *gunzip, struct piece *piece, struct stage_error *error)
{
	int code = 1;

	gunzip->stream.next_out = piece->bytes;
	gunzip->stream.avail_out = (uInt)gunzip->piece;
	while (code > 0 && gunzip->stream.avail_out > 0) {
		if (!gunzip->in_member)
			code = begin_member(gunzip, error);
		if (code > 0)
			code = inflate_member(gunzip, error) < 0 ? -1 : 1;
	}
	piece->size = gunzip->piece - gunzip->stream.avail_out;
	return code;
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

	if (gunzip->initialised)
		inflateEnd(&gunzip->stream);
	for (i = 0; i < PIECES; i++)
		free(gunzip->ring[i].bytes);
	free(gunzip->input);
	free(gunzip->path);
	free(gunzip);
}

static bool
allocate(struct stage_gunzip *gunzip, const char *path)
{
	size_t i;

	gunzip->path = strdup(path);
	gunzip->input = malloc(gunzip->piece);
	for (i = 0; i < (gunzip->ahead ? PIECES : 1); i++)
		if (!(gunzip->ring[i].bytes = malloc(gunzip->piece)))
			return false;
	gunzip->initialised = inflateInit2(&gunzip->stream, WINDOW_BITS) == Z_OK;
	return gunzip->path && gunzip->input && gunzip->initialised;
}

int
stage_gunzip_open(int fd, const struct stage_gunzip_options *options,
	struct stage_gunzip **ret_gunzip, struct stage_error *error)
{
	struct stage_gunzip *gunzip = calloc(1, sizeof(*gunzip));
	int code = 0;

	if (gunzip) {
		gunzip->owner = getpid();
		gunzip->fd = fd;
		gunzip->is_first = true;
		gunzip->ahead = options->ahead;
		gunzip->leaves_open = options->leaves_open;
		gunzip->piece = options->ahead ? PIECE_AHEAD : PIECE_ALONE;
		gunzip->waiting = options->waiting;
	}
	if (!gunzip || !allocate(gunzip, options->path))
		code = stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory to read %s", options->path);
	else if (gunzip->ahead)
		code = start(gunzip, error);
	if (code < 0) {
		if (gunzip)
			release(gunzip);
		return code;
	}
	*ret_gunzip = gunzip;
	return 0;
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
