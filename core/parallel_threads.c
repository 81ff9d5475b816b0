/* The threads that compress. */
#include "parallel_internal.h"

#include <signal.h>

/* In a thread of the stream. */
static void *
compress_blocks(void *context)
{
	struct worker *worker = context;
	struct stage_parallel *parallel = worker->parallel;
	struct block *block;
	size_t size;

	pthread_mutex_lock(&parallel->lock);
	for (;;) {
		while (!parallel->to_compress && !parallel->ending)
			pthread_cond_wait(&parallel->work, &parallel->lock);
		if (parallel->ending)
			break;
		block = parallel->to_compress;
		parallel->to_compress = block->next;
		pthread_mutex_unlock(&parallel->lock);
		size = parallel->format->compress(
			worker->compressor, block->data, block->used, block->compressed);
		pthread_mutex_lock(&parallel->lock);
		block->compressed_size = size;
		pthread_cond_signal(&parallel->done);
	}
	pthread_mutex_unlock(&parallel->lock);
	return NULL;
}

void
stage_parallel_start_threads(struct stage_parallel *parallel)
{
	sigset_t all, before;
	struct worker *worker;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (; parallel->threads < parallel->threads_wanted; parallel->threads++) {
		worker = &parallel->workers[parallel->threads];
		worker->parallel = parallel;
		if (!worker->compressor)
			worker->compressor = stage_compressor_new(parallel->level);
		if (!worker->compressor ||
			pthread_create(&worker->thread, NULL, compress_blocks, worker) != 0)
			break;
	}
	parallel->threads_wanted = parallel->threads > 0 ? parallel->threads : 1;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void
stage_parallel_end_threads(struct stage_parallel *parallel)
{
	unsigned int i;

	pthread_mutex_lock(&parallel->lock);
	parallel->ending = true;
	pthread_cond_broadcast(&parallel->work);
	pthread_mutex_unlock(&parallel->lock);
	for (i = 0; i < parallel->threads; i++)
		pthread_join(parallel->workers[i].thread, NULL);
}

int
stage_parallel_init_locks(struct stage_parallel *parallel)
{
	int failed;

	failed = pthread_mutex_init(&parallel->lock, NULL);
	if (failed)
		return failed;
	failed = pthread_cond_init(&parallel->work, NULL);
	if (failed)
		goto no_work;
	failed = pthread_cond_init(&parallel->done, NULL);
	if (!failed)
		return 0;

	pthread_cond_destroy(&parallel->work);
no_work:
	pthread_mutex_destroy(&parallel->lock);
	return failed;
}

void
stage_parallel_destroy_locks(struct stage_parallel *parallel)
{
	pthread_cond_destroy(&parallel->done);
	pthread_cond_destroy(&parallel->work);
	pthread_mutex_destroy(&parallel->lock);
}
