/*
 * A block goes around:
 *
 *	filling ---> in flight: queued, compressed, done ---> written ---> spare ---> filling
 *
 * In flight they are a list in the order of the file. Two ends move along it:
 *
 *	first		the oldest; the caller writes it once it is done
 *	to_compress	the oldest that no thread of the stream has taken
 *
 * A block is done when its member has a size. While no thread was started nothing is ever in
 * flight: the caller compresses what it has filled, and writes it.
 *
 * lock guards the lists, ending, and of a block in flight its member's size; it is never held while
 * a block is compressed or written. All else is the caller's alone. A block that is in flight is
 * not moved or freed, so that thread and caller use theirs without the lock.
 */
#include "gzip.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compressor.h"
#include "cpus.h"
#include "output.h"

/* So many that threads go on while the caller, who reads files, is slow, and the other way round. */
#define BLOCKS_FOR(threads) ((threads) > 1 ? 4 * (size_t)(threads) + 8 : 1)

_Static_assert(STAGE_GZIP_LEVEL_MAX == STAGE_LEVEL_MAX, "compressor.h and gzip.h agree");

struct block {
	struct block *next;
	size_t used;        /* bytes of data */
	size_t member_size; /* 0 until it is compressed */
	unsigned char data[STAGE_GZIP_BLOCK];
	unsigned char member[STAGE_MEMBER_ROOM(STAGE_GZIP_BLOCK)];
};

struct worker {
	struct stage_gzip *gzip;
	struct stage_compressor *compressor;
	pthread_t thread;
};

struct stage_gzip {
	pid_t owner;
	struct stage_output output;
	char *name;
	uint64_t limit;
	int level;
	int code; /* of the first error, which error then holds */
	struct stage_error error;

	struct worker *workers; /* the first one's compressor is there from the start */
	unsigned int threads;   /* that were started */
	unsigned int
		threads_wanted; /* 1: none is ever started; as many as could be, once they were */

	struct block *filling; /* may be NULL once there are threads */
	size_t blocks, blocks_max;
	bool begun; /* a block was compressed, or is in flight */

	pthread_mutex_t lock;
	pthread_cond_t work; /* what threads wait for */
	pthread_cond_t done; /* what the caller waits for */
	struct block *first, *last, *to_compress, *spare;
	bool ending;
};

/* The most bytes that members of size bytes have, where the first byte begins a block. */
static uint64_t
most_of(uint64_t size)
{
	uint64_t rest = size % STAGE_GZIP_BLOCK;

	return size / STAGE_GZIP_BLOCK * STAGE_MEMBER_MAX(STAGE_GZIP_BLOCK) +
	       (rest ? STAGE_MEMBER_MAX(rest) : 0);
}

/* In a thread of the stream. */
static void *
compress_blocks(void *context)
{
	struct worker *worker = context;
	struct stage_gzip *gzip = worker->gzip;
	struct block *block;
	size_t size;

	pthread_mutex_lock(&gzip->lock);
	for (;;) {
		while (!gzip->to_compress && !gzip->ending)
			pthread_cond_wait(&gzip->work, &gzip->lock);
		if (gzip->ending)
			break;
		block = gzip->to_compress;
		gzip->to_compress = block->next;
		pthread_mutex_unlock(&gzip->lock);
		size = stage_compressor_run(
			worker->compressor, block->data, block->used, block->member);
		pthread_mutex_lock(&gzip->lock);
		block->member_size = size;
		pthread_cond_signal(&gzip->done);
	}
	pthread_mutex_unlock(&gzip->lock);
	return NULL;
}

/* Starts as many threads as are wanted and can be had. Signals are for the threads of the host. */
static void
start_threads(struct stage_gzip *gzip)
{
	sigset_t all, before;
	struct worker *worker;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (; gzip->threads < gzip->threads_wanted; gzip->threads++) {
		worker = &gzip->workers[gzip->threads];
		worker->gzip = gzip;
		if (!worker->compressor)
			worker->compressor = stage_compressor_new(gzip->level);
		if (!worker->compressor ||
			pthread_create(&worker->thread, NULL, compress_blocks, worker) != 0)
			break;
	}
	gzip->threads_wanted = gzip->threads > 0 ? gzip->threads : 1;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void
end_threads(struct stage_gzip *gzip)
{
	unsigned int i;

	pthread_mutex_lock(&gzip->lock);
	gzip->ending = true;
	pthread_cond_broadcast(&gzip->work);
	pthread_mutex_unlock(&gzip->lock);
	for (i = 0; i < gzip->threads; i++)
		pthread_join(gzip->workers[i].thread, NULL);
}

static int
write_member(struct stage_gzip *gzip, const struct block *block)
{
	gzip->code =
		stage_output_write(&gzip->output, block->member, block->member_size, &gzip->error);
	return gzip->code;
}

/* The oldest block in flight, if it is done, or with wait once it is; NULL if not, or none is. */
static struct block *
oldest_done(struct stage_gzip *gzip, bool wait)
{
	struct block *block;

	pthread_mutex_lock(&gzip->lock);
	while (wait && gzip->first && !gzip->first->member_size)
		pthread_cond_wait(&gzip->done, &gzip->lock);
	block = gzip->first && gzip->first->member_size ? gzip->first : NULL;
	pthread_mutex_unlock(&gzip->lock);
	return block;
}

/* Writes the oldest block in flight, which is done, and has one to spare. */
static int
retire(struct stage_gzip *gzip, struct block *block)
{
	if (write_member(gzip, block) < 0)
		return gzip->code;
	pthread_mutex_lock(&gzip->lock);
	gzip->first = block->next;
	if (!gzip->first)
		gzip->last = NULL;
	block->next = gzip->spare;
	gzip->spare = block;
	pthread_mutex_unlock(&gzip->lock);
	return 0;
}

/* Writes what is done; with wait all that is in flight. */
static int
write_done(struct stage_gzip *gzip, bool wait)
{
	struct block *block;

	while ((block = oldest_done(gzip, wait)))
		if (retire(gzip, block) < 0)
			return gzip->code;
	return 0;
}

static struct block *
take_spare(struct stage_gzip *gzip)
{
	struct block *block;

	pthread_mutex_lock(&gzip->lock);
	block = gzip->spare;
	if (block)
		gzip->spare = block->next;
	pthread_mutex_unlock(&gzip->lock);
	return block;
}

/*
 * Sees to it that there is a block to fill. There always is one some time: if none is spare and no
 * further one can be had, some are in flight.
 */
static int
need_block(struct stage_gzip *gzip)
{
	struct block *block;

	if (gzip->filling)
		return 0;
	block = take_spare(gzip);
	if (!block && gzip->blocks < gzip->blocks_max) {
		block = malloc(sizeof(*block));
		if (block)
			gzip->blocks++;
		else
			gzip->blocks_max = gzip->blocks;
	}
	if (!block) {
		if (retire(gzip, oldest_done(gzip, true)) < 0)
			return gzip->code;
		block = take_spare(gzip);
	}
	block->used = block->member_size = 0;
	gzip->filling = block;
	return 0;
}

/* Puts the filled block in flight. */
static void
launch(struct stage_gzip *gzip)
{
	struct block *block = gzip->filling;

	gzip->filling = NULL;
	block->next = NULL;
	pthread_mutex_lock(&gzip->lock);
	if (gzip->last)
		gzip->last->next = block;
	else
		gzip->first = block;
	gzip->last = block;
	if (!gzip->to_compress)
		gzip->to_compress = block;
	pthread_cond_signal(&gzip->work);
	pthread_mutex_unlock(&gzip->lock);
}

/* Has the filled block, which need not be full, compressed: by a thread, or here. */
static int
end_block(struct stage_gzip *gzip)
{
	struct block *block = gzip->filling;

	gzip->begun = true;
	if (gzip->threads > 0) {
		launch(gzip);
		return 0;
	}
	block->member_size = stage_compressor_run(
		gzip->workers[0].compressor, block->data, block->used, block->member);
	if (write_member(gzip, block) < 0)
		return gzip->code;
	block->used = block->member_size = 0;
	return 0;
}

static void
release(struct stage_gzip *gzip)
{
	struct block *block, *next;
	unsigned int i;

	for (block = gzip->first; block; block = next) {
		next = block->next;
		free(block);
	}
	for (block = gzip->spare; block; block = next) {
		next = block->next;
		free(block);
	}
	free(gzip->filling);
	for (i = 0; gzip->workers && i < STAGE_GZIP_THREADS_MAX; i++)
		stage_compressor_free(gzip->workers[i].compressor);
	free(gzip->workers);
	free(gzip->name);
	free(gzip);
}

/* Lock and conditions, or none of them. Returns an errno. */
static int
init_locks(struct stage_gzip *gzip)
{
	int failed;

	failed = pthread_mutex_init(&gzip->lock, NULL);
	if (failed)
		return failed;
	failed = pthread_cond_init(&gzip->work, NULL);
	if (failed)
		goto no_work;
	failed = pthread_cond_init(&gzip->done, NULL);
	if (!failed)
		return 0;

	pthread_cond_destroy(&gzip->work);
no_work:
	pthread_mutex_destroy(&gzip->lock);
	return failed;
}

static void
destroy_locks(struct stage_gzip *gzip)
{
	pthread_cond_destroy(&gzip->done);
	pthread_cond_destroy(&gzip->work);
	pthread_mutex_destroy(&gzip->lock);
}

/* What one thread needs: with that every file can be written. False for want of memory. */
static bool
allocate(struct stage_gzip *gzip, const char *name)
{
	gzip->name = strdup(name);
	gzip->filling = malloc(sizeof(*gzip->filling));
	gzip->workers = calloc(STAGE_GZIP_THREADS_MAX, sizeof(*gzip->workers));
	if (!gzip->name || !gzip->filling || !gzip->workers)
		return false;
	gzip->filling->used = gzip->filling->member_size = 0;
	gzip->blocks = 1;
	gzip->workers[0].compressor = stage_compressor_new(gzip->level);
	return gzip->workers[0].compressor != NULL;
}

static struct stage_gzip_options
complete(const struct stage_gzip_options *options)
{
	struct stage_gzip_options complete = {0};

	if (options)
		complete = *options;
	if (!complete.limit)
		complete.limit = UINT64_MAX;
	if (!complete.level)
		complete.level = STAGE_LEVEL_DEFAULT;
	if (!complete.threads)
		complete.threads = stage_cpus_threads();
	return complete;
}

int
stage_gzip_open(int fd, const char *name, const struct stage_gzip_options *options,
	struct stage_gzip **ret_gzip, struct stage_error *error)
{
	const struct stage_gzip_options how = complete(options);
	struct stage_gzip *gzip;
	int failed;

	if (how.level < 1 || how.level > STAGE_GZIP_LEVEL_MAX ||
		how.threads > STAGE_GZIP_THREADS_MAX)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"%s cannot be compressed at level %d by %u threads: levels are 1 to %d, threads at most %d",
			name, how.level, how.threads, STAGE_GZIP_LEVEL_MAX, STAGE_GZIP_THREADS_MAX);
	gzip = calloc(1, sizeof(*gzip));
	if (gzip) {
		gzip->limit = how.limit;
		gzip->level = how.level;
		gzip->threads_wanted = how.threads;
		gzip->blocks_max = BLOCKS_FOR(how.threads);
	}
	if (!gzip || !allocate(gzip, name)) {
		if (gzip)
			release(gzip);
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory to compress what goes to %s", name);
	}
	gzip->output = (struct stage_output){.fd = fd,
		.name = gzip->name,
		.make_room = how.make_room,
		.wrote = how.wrote,
		.context = how.context};
	failed = init_locks(gzip);
	if (failed) {
		release(gzip);
		return stage_error_set(error, STAGE_E_SYSTEM, failed,
			"cannot make the locks to compress what goes to %s", name);
	}
	gzip->owner = getpid();
	*ret_gzip = gzip;
	return 0;
}

/* To be called first by whatever goes on with the file. */
static int
enter(struct stage_gzip *gzip, struct stage_error *error)
{
	if (!gzip)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"nothing can be compressed: the stream is not open");
	if (getpid() != gzip->owner)
		return stage_error_set(error, STAGE_E_FORKED, 0,
			"%s is compressed by process %ld, not by its child", gzip->name,
			(long)gzip->owner);
	return gzip->code;
}

/* To be called last: passes the stream's own error on. */
static int
leave(const struct stage_gzip *gzip, int code, struct stage_error *error)
{
	if (gzip && code < 0 && code == gzip->code && error)
		*error = gzip->error;
	return code;
}

/* Does it fit, as far as is known now? */
static bool
fits_as_known(struct stage_gzip *gzip, uint64_t size)
{
	uint64_t total = gzip->output.size, more;
	const struct block *block;

	if (gzip->limit == UINT64_MAX)
		return true;
	/* what is larger than that by itself does not fit, and could not be counted */
	if (size > gzip->limit || size > UINT64_MAX / 2)
		return false;
	more = most_of((gzip->filling ? gzip->filling->used : 0) + size);
	if (more == 0 && !gzip->begun)
		more = STAGE_MEMBER_MAX(0);
	pthread_mutex_lock(&gzip->lock);
	for (block = gzip->first; block; block = block->next)
		total += block->member_size ? block->member_size : most_of(block->used);
	pthread_mutex_unlock(&gzip->lock);
	return total <= gzip->limit && more <= gzip->limit - total;
}

/*
 * What is known depends on how fast threads are, what is answered does not: "yes" is not taken back
 * by knowing more, and "no" is said when all is known. So the block that is being filled is not
 * ended before all others are known not to help.
 */
static int
find_out(struct stage_gzip *gzip, uint64_t size, bool *ret_fits)
{
	struct block *block;

	while (!fits_as_known(gzip, size)) {
		block = oldest_done(gzip, true);
		if (block) {
			if (retire(gzip, block) < 0)
				return gzip->code;
		} else if (gzip->filling && gzip->filling->used > 0) {
			if (end_block(gzip) < 0)
				return gzip->code;
		} else {
			*ret_fits = false;
			return 0;
		}
	}
	*ret_fits = true;
	return 0;
}

int
stage_gzip_fits(struct stage_gzip *gzip, uint64_t size, bool *ret_fits, struct stage_error *error)
{
	int code;

	code = enter(gzip, error);
	if (code == 0)
		code = find_out(gzip, size, ret_fits);
	return leave(gzip, code, error);
}

/* Fills the present block; one that is full is compressed. */
static int
fill(struct stage_gzip *gzip, const unsigned char *data, size_t size, size_t *ret_taken)
{
	struct block *block;
	size_t room;

	if (need_block(gzip) < 0)
		return gzip->code;
	block = gzip->filling;
	room = STAGE_GZIP_BLOCK - block->used;
	*ret_taken = size < room ? size : room;
	memcpy(block->data + block->used, data, *ret_taken);
	block->used += *ret_taken;
	if (block->used < STAGE_GZIP_BLOCK)
		return 0;
	if (gzip->threads < gzip->threads_wanted && gzip->threads_wanted > 1)
		start_threads(gzip);
	return end_block(gzip);
}

int
stage_gzip_write(struct stage_gzip *gzip, const void *data, size_t size, struct stage_error *error)
{
	const unsigned char *next = data;
	size_t taken = 0;
	int code;

	code = enter(gzip, error);
	if (code == 0)
		code = write_done(gzip, false);
	for (; code == 0 && size > 0; next += taken, size -= taken)
		code = fill(gzip, next, size, &taken);
	return leave(gzip, code, error);
}

/* Ends the file, if that is still possible. */
static int
finish(struct stage_gzip *gzip, struct stage_error *error)
{
	int code = gzip->code;

	if (code == 0 && (!gzip->begun || (gzip->filling && gzip->filling->used > 0)))
		code = end_block(gzip);
	if (code == 0)
		code = write_done(gzip, true);
	return leave(gzip, code, error);
}

int
stage_gzip_close(
	struct stage_gzip **gzip, bool abandon, uint64_t *ret_size, struct stage_error *error)
{
	struct stage_gzip *closed = *gzip;
	int saved_errno = errno, code = 0;

	if (!closed)
		return 0;
	*gzip = NULL;
	if (getpid() != closed->owner) {
		code = stage_error_set(error, STAGE_E_FORKED, 0,
			"%s is compressed by process %ld, not by its child", closed->name,
			(long)closed->owner);
		/* a thread that does not exist here may have been changing the lists; the
		 * conditions stay in any case: to destroy one waits for the parent's threads */
		if (pthread_mutex_trylock(&closed->lock) == 0)
			release(closed);
		errno = saved_errno;
		return code;
	}
	if (!abandon)
		code = finish(closed, error);
	end_threads(closed);
	if (ret_size && code == 0)
		*ret_size = closed->output.size;
	destroy_locks(closed);
	release(closed);
	errno = saved_errno;
	return code;
}
