/* parallel_internal - what parallel.c, the caller's side, and parallel_threads.c, the threads, share */
#ifndef STAGEDIR_PARALLEL_INTERNAL_H
#define STAGEDIR_PARALLEL_INTERNAL_H

#include <pthread.h>

#include "compressor.h"
#include "forkmark.h"
#include "output.h"
#include "parallel.h"

struct block {
	struct block *next;
	size_t used;            /* bytes of data */
	size_t compressed_size; /* 0 until it is compressed */
	unsigned char data[STAGE_PARALLEL_BLOCK];
	unsigned char compressed[STAGE_MEMBER_ROOM(STAGE_PARALLEL_BLOCK)];
};

struct worker {
	struct stage_parallel *parallel;
	struct stage_compressor *compressor;
	pthread_t thread;
};

struct stage_parallel {
	struct stage_forkmark mark;
	const struct stage_parallel_format *format;
	struct stage_output output;
	char *name;
	uint64_t limit;
	int level;
	int code; /* of the first error, which error then holds */
	struct stage_error error;

	struct worker *workers; /* the first one's compressor is there from the start */
	unsigned int threads;   /* that were started */
	/* 1: none is ever started; as many as could be, once they were */
	unsigned int threads_wanted;

	struct block *filling; /* may be NULL once there are threads */
	size_t blocks, blocks_max;
	bool begun;   /* a block was compressed, or is in flight */
	bool started; /* the head is written, or was tried */

	pthread_mutex_t lock;
	pthread_cond_t work; /* what threads wait for */
	pthread_cond_t done; /* what the caller waits for */
	struct block *first, *last, *to_compress, *spare;
	bool ending;
};

/* Starts as many threads as are wanted and can be had. Signals are for the threads of the host. */
void stage_parallel_start_threads(struct stage_parallel *parallel);

/* Ends them, and waits for it. */
void stage_parallel_end_threads(struct stage_parallel *parallel);

/* Lock and conditions, or none of them. Returns an errno. */
int stage_parallel_init_locks(struct stage_parallel *parallel);
void stage_parallel_destroy_locks(struct stage_parallel *parallel);

#endif
