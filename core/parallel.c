/*
 * A block goes around:
 *
 *	filling ---> in flight: queued, compressed, done ---> written ---> spare ---> filling
 *
 * In flight they are a list in the order of the data. Two ends move along it:
 *
 *	first		the oldest; the caller writes it once it is done
 *	to_compress	the oldest that no thread of the stream has taken
 *
 * A block is done when its compressed form has a size. While no thread was started nothing is ever in
 * flight: the caller compresses what it has filled, and writes it.
 *
 * lock guards the lists, ending, and of a block in flight its compressed size; it is never held while
 * a block is compressed or written. All else is the caller's alone. A block that is in flight is
 * not moved or freed, so that thread and caller use theirs without the lock.
 */
#include "parallel_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cpus.h"

/* gpg reads nothing for a third of a second, while it makes a key of a passphrase: so many are compressed meanwhile. */
#define LATE_BLOCKS 32

/* So many that threads go on while the caller, who reads files, is slow, and the other way round. */
#define BLOCKS_FOR(threads) ((threads) > 1 ? 4 * (size_t)(threads) + 8 : 1)

/* The most bytes that blocks of size bytes have, where the first byte begins a block. */
static uint64_t
most_of(const struct stage_parallel *parallel, uint64_t size)
{
	size_t rest = size % STAGE_PARALLEL_BLOCK;

	return size / STAGE_PARALLEL_BLOCK * parallel->format->most(STAGE_PARALLEL_BLOCK) +
	       (rest ? parallel->format->most(rest) : 0);
}

/* All that is written goes through here; the head goes first. */
static int
put(struct stage_parallel *parallel, const void *data, size_t size)
{
	const struct stage_parallel_format *format = parallel->format;

	if (!parallel->started && format->head_size > 0)
		parallel->code = stage_output_write(
			&parallel->output, format->head, format->head_size, &parallel->error);
	parallel->started = true;
	if (parallel->code == 0)
		parallel->code =
			stage_output_write(&parallel->output, data, size, &parallel->error);
	return parallel->code;
}

/* The oldest block in flight, if it is done, or with wait once it is; NULL if not, or none is. */
static struct block *
oldest_done(struct stage_parallel *parallel, bool wait)
{
	struct block *block;

	pthread_mutex_lock(&parallel->lock);
	while (wait && parallel->first && !parallel->first->compressed_size)
		pthread_cond_wait(&parallel->done, &parallel->lock);
	block = parallel->first && parallel->first->compressed_size ? parallel->first : NULL;
	pthread_mutex_unlock(&parallel->lock);
	return block;
}

/* Writes the oldest block in flight, which is done, and has one to spare. */
static int
retire(struct stage_parallel *parallel, struct block *block)
{
	if (put(parallel, block->compressed, block->compressed_size) < 0)
		return parallel->code;
	pthread_mutex_lock(&parallel->lock);
	parallel->first = block->next;
	if (!parallel->first)
		parallel->last = NULL;
	block->next = parallel->spare;
	parallel->spare = block;
	pthread_mutex_unlock(&parallel->lock);
	return 0;
}

/* Can a block be filled, though no other one is written? */
static bool
can_fill(struct stage_parallel *parallel)
{
	bool can;

	pthread_mutex_lock(&parallel->lock);
	can = parallel->spare || parallel->blocks < parallel->blocks_max;
	pthread_mutex_unlock(&parallel->lock);
	return can;
}

/*
 * Writes what is done; with wait all that is in flight. Otherwise nobody waits for the reader of a pipe while blocks can be
 * filled: gpg reads nothing while it makes a key.
 */
static int
write_done(struct stage_parallel *parallel, bool wait)
{
	struct block *block;

	while ((block = oldest_done(parallel, wait))) {
		if (!wait && can_fill(parallel) &&
			!stage_output_has_room(&parallel->output, block->compressed_size))
			return 0;
		if (retire(parallel, block) < 0)
			return parallel->code;
	}
	return 0;
}

static struct block *
take_spare(struct stage_parallel *parallel)
{
	struct block *block;

	pthread_mutex_lock(&parallel->lock);
	block = parallel->spare;
	if (block)
		parallel->spare = block->next;
	pthread_mutex_unlock(&parallel->lock);
	return block;
}

/*
 * Sees to it that there is a block to fill. There always is one some time: if none is spare and no
 * further one can be had, some are in flight.
 */
static int
need_block(struct stage_parallel *parallel)
{
	struct block *block;

	if (parallel->filling)
		return 0;
	if (write_done(parallel, false) < 0)
		return parallel->code;
	block = take_spare(parallel);
	if (!block && parallel->blocks < parallel->blocks_max) {
		block = malloc(sizeof(*block));
		if (block)
			parallel->blocks++;
		else
			parallel->blocks_max = parallel->blocks;
	}
	if (!block) {
		if (retire(parallel, oldest_done(parallel, true)) < 0)
			return parallel->code;
		block = take_spare(parallel);
	}
	block->used = block->compressed_size = 0;
	parallel->filling = block;
	return 0;
}

/* Puts the filled block in flight. */
static void
launch(struct stage_parallel *parallel)
{
	struct block *block = parallel->filling;

	parallel->filling = NULL;
	block->next = NULL;
	pthread_mutex_lock(&parallel->lock);
	if (parallel->last)
		parallel->last->next = block;
	else
		parallel->first = block;
	parallel->last = block;
	if (!parallel->to_compress)
		parallel->to_compress = block;
	pthread_cond_signal(&parallel->work);
	pthread_mutex_unlock(&parallel->lock);
}

/* Has the filled block, which need not be full, compressed: by a thread, or here. */
static int
end_block(struct stage_parallel *parallel)
{
	struct block *block = parallel->filling;

	parallel->begun = true;
	if (parallel->threads > 0) {
		launch(parallel);
		return 0;
	}
	block->compressed_size = parallel->format->compress(
		parallel->workers[0].compressor, block->data, block->used, block->compressed);
	if (put(parallel, block->compressed, block->compressed_size) < 0)
		return parallel->code;
	block->used = block->compressed_size = 0;
	return 0;
}

static void
release(struct stage_parallel *parallel)
{
	struct block *block, *next;
	unsigned int i;

	for (block = parallel->first; block; block = next) {
		next = block->next;
		free(block);
	}
	for (block = parallel->spare; block; block = next) {
		next = block->next;
		free(block);
	}
	stage_forkmark_release(&parallel->mark);
	free(parallel->filling);
	for (i = 0; parallel->workers && i < STAGE_PARALLEL_THREADS_MAX; i++)
		stage_compressor_free(parallel->workers[i].compressor);
	free(parallel->workers);
	free(parallel->name);
	free(parallel);
}

static struct stage_parallel_options
complete(const struct stage_parallel_options *options)
{
	struct stage_parallel_options complete = *options;

	if (!complete.limit)
		complete.limit = UINT64_MAX;
	if (!complete.level)
		complete.level = STAGE_LEVEL_DEFAULT;
	if (!complete.threads)
		complete.threads = stage_cpus_threads();
	return complete;
}

/* What one thread needs: with that all can be written. NULL: there is no memory. */
static struct stage_parallel *
new_stream(const char *name, const struct stage_parallel_options *how)
{
	struct stage_parallel *parallel = calloc(1, sizeof(*parallel));

	if (!parallel)
		return NULL;
	parallel->format = how->format;
	parallel->output = how->output;
	parallel->output.name = parallel->name = strdup(name);
	parallel->limit = how->limit;
	parallel->level = how->level;
	parallel->threads_wanted = how->threads;
	parallel->blocks_max =
		how->blocks && how->threads > 1 ? how->blocks : BLOCKS_FOR(how->threads);
	if (how->late_reader && how->threads > 1 && parallel->blocks_max < LATE_BLOCKS)
		parallel->blocks_max = LATE_BLOCKS;
	parallel->blocks = 1;
	parallel->filling = malloc(sizeof(*parallel->filling));
	parallel->workers = calloc(STAGE_PARALLEL_THREADS_MAX, sizeof(*parallel->workers));
	if (parallel->workers)
		parallel->workers[0].compressor = stage_compressor_new(how->level);
	if (!parallel->name || !parallel->filling || !parallel->workers ||
		!parallel->workers[0].compressor) {
		release(parallel);
		return NULL;
	}
	parallel->filling->used = parallel->filling->compressed_size = 0;
	return parallel;
}

int
stage_parallel_open(const char *name, const struct stage_parallel_options *options,
	struct stage_parallel **ret_parallel, struct stage_error *error)
{
	const struct stage_parallel_options how = complete(options);
	struct stage_parallel *parallel;
	int failed;

	if (how.level < 1 || how.level > STAGE_LEVEL_MAX ||
		how.threads > STAGE_PARALLEL_THREADS_MAX)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"%s cannot be compressed at level %d by %u threads: levels are 1 to %d, threads at most %d",
			name, how.level, how.threads, STAGE_LEVEL_MAX, STAGE_PARALLEL_THREADS_MAX);
	parallel = new_stream(name, &how);
	if (!parallel)
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory to compress what goes to %s", name);
	failed = stage_parallel_init_locks(parallel);
	if (failed) {
		release(parallel);
		return stage_error_set(error, STAGE_E_SYSTEM, failed,
			"cannot make the locks to compress what goes to %s", name);
	}
	stage_forkmark_init(&parallel->mark);
	*ret_parallel = parallel;
	return 0;
}

static int
forked(const struct stage_parallel *parallel, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_FORKED, 0,
		"%s is compressed by process %ld, not by its child", parallel->name,
		(long)parallel->mark.owner);
}

/* To be called first by whatever goes on with the stream. */
static int
enter(struct stage_parallel *parallel, struct stage_error *error)
{
	if (!parallel)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"nothing can be compressed: the stream is not open");
	if (!stage_forkmark_is_own(&parallel->mark))
		return forked(parallel, error);
	return parallel->code;
}

/* To be called last: passes the stream's own error on. */
static int
leave(const struct stage_parallel *parallel, int code, struct stage_error *error)
{
	if (parallel && code < 0 && code == parallel->code && error)
		*error = parallel->error;
	return code;
}

/* The most bytes of what is filled, and is to come. A question may end a block between now and later. */
static uint64_t
most_to_come(const struct stage_parallel *parallel, uint64_t now, uint64_t later)
{
	uint64_t first = (parallel->filling ? parallel->filling->used : 0) + now;
	uint64_t most = most_of(parallel, first + later);

	if ((first > 0 && later > 0) || (most == 0 && !parallel->begun))
		most += parallel->format->most(0);
	return most;
}

/* Does it fit, as far as is known now? */
static bool
fits_as_known(struct stage_parallel *parallel, uint64_t now, uint64_t later)
{
	uint64_t total = parallel->output.size + parallel->format->tail_size, more;
	const struct block *block;

	if (parallel->limit == UINT64_MAX)
		return true;
	if (!parallel->started)
		total += parallel->format->head_size;
	/* what is larger than that by itself does not fit, and could not be counted */
	if (now > parallel->limit || now > UINT64_MAX / 2)
		return false;
	more = most_to_come(parallel, now, later);
	pthread_mutex_lock(&parallel->lock);
	for (block = parallel->first; block; block = block->next)
		total += block->compressed_size ? block->compressed_size
						: most_of(parallel, block->used);
	pthread_mutex_unlock(&parallel->lock);
	return total <= parallel->limit && more <= parallel->limit - total;
}

/*
 * What is known depends on how fast threads are, what is answered does not: "yes" is not taken back
 * by knowing more, and "no" is said when all is known. So the block that is being filled is not
 * ended before all others are known not to help.
 */
static int
find_out(struct stage_parallel *parallel, uint64_t now, uint64_t later, bool *ret_fits)
{
	struct block *block;

	while (!fits_as_known(parallel, now, later)) {
		block = oldest_done(parallel, true);
		if (block) {
			if (retire(parallel, block) < 0)
				return parallel->code;
		} else if (parallel->filling && parallel->filling->used > 0) {
			if (end_block(parallel) < 0)
				return parallel->code;
		} else {
			*ret_fits = false;
			return 0;
		}
	}
	*ret_fits = true;
	return 0;
}

int
stage_parallel_fits(struct stage_parallel *parallel, uint64_t now, uint64_t later, bool *ret_fits,
	struct stage_error *error)
{
	int code;

	code = enter(parallel, error);
	if (code == 0)
		code = find_out(parallel, now, later, ret_fits);
	return leave(parallel, code, error);
}

/* Fills the present block; one that is full is compressed. */
static int
fill(struct stage_parallel *parallel, const unsigned char *data, size_t size, size_t *ret_taken)
{
	struct block *block;
	size_t room;

	if (need_block(parallel) < 0)
		return parallel->code;
	block = parallel->filling;
	room = STAGE_PARALLEL_BLOCK - block->used;
	*ret_taken = size < room ? size : room;
	memcpy(block->data + block->used, data, *ret_taken);
	block->used += *ret_taken;
	if (block->used < STAGE_PARALLEL_BLOCK)
		return 0;
	if (parallel->threads < parallel->threads_wanted && parallel->threads_wanted > 1)
		stage_parallel_start_threads(parallel);
	return end_block(parallel);
}

int
stage_parallel_write(
	struct stage_parallel *parallel, const void *data, size_t size, struct stage_error *error)
{
	const unsigned char *next = data;
	size_t taken = 0;
	int code;

	code = enter(parallel, error);
	for (; code == 0 && size > 0; next += taken, size -= taken)
		code = fill(parallel, next, size, &taken);
	return leave(parallel, code, error);
}

/* Ends the stream, if that is still possible. */
static int
finish(struct stage_parallel *parallel, struct stage_error *error)
{
	int code = parallel->code;

	if (code == 0 && (!parallel->begun || (parallel->filling && parallel->filling->used > 0)))
		code = end_block(parallel);
	if (code == 0)
		code = write_done(parallel, true);
	if (code == 0 && parallel->format->tail_size > 0)
		code = put(parallel, parallel->format->tail, parallel->format->tail_size);
	return leave(parallel, code, error);
}

uint64_t
stage_parallel_size(const struct stage_parallel *parallel)
{
	return parallel->output.size;
}

int
stage_parallel_close(struct stage_parallel **parallel, bool abandon, uint64_t *ret_size,
	struct stage_error *error)
{
	struct stage_parallel *closed = *parallel;
	int saved_errno = errno, code = 0;

	if (!closed)
		return 0;
	*parallel = NULL;
	if (!stage_forkmark_is_own(&closed->mark)) {
		code = forked(closed, error);
		/* a thread that is not here may have been changing the lists; to destroy conditions would wait for it */
		if (pthread_mutex_trylock(&closed->lock) == 0)
			release(closed);
		errno = saved_errno;
		return code;
	}
	if (!abandon)
		code = finish(closed, error);
	stage_parallel_end_threads(closed);
	if (ret_size && code == 0)
		*ret_size = closed->output.size;
	stage_parallel_destroy_locks(closed);
	release(closed);
	errno = saved_errno;
	return code;
}
