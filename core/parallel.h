/*
 * parallel - data are compressed in blocks by several threads, and written in order
 *
 * The machinery of gzip.h and openpgp.h, which are its manual: memory, threads, forks, errors, and the limit
 * are as they tell. A format says what a block becomes, and what is written before and after all blocks.
 *
 * Not installed.
 */
#ifndef STAGEDIR_PARALLEL_H
#define STAGEDIR_PARALLEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "output.h"

struct stage_compressor;
struct stage_parallel;

#define STAGE_PARALLEL_BLOCK ((size_t)512 * 1024)
#define STAGE_PARALLEL_THREADS_MAX 64

/* Constant; a stream keeps a pointer to it. */
struct stage_parallel_format {
	/* Compresses a block to STAGE_MEMBER_ROOM(size) bytes; cannot fail. */
	size_t (*compress)(struct stage_compressor *compressor, const unsigned char *data,
		size_t size, unsigned char *compressed);

	/* The most bytes that this makes of size bytes. */
	size_t (*most)(size_t size);

	/* Written before the first block and after the last one. The limit counts them. */
	const char *head, *tail;
	size_t head_size, tail_size;
};

/* 0 in limit, level, threads or blocks is its default. */
struct stage_parallel_options {
	const struct stage_parallel_format *format;
	uint64_t limit;
	int level;
	unsigned int threads;
	unsigned int blocks; /* at most so many at once, where there are threads */
	bool late_reader;    /* of a pipe: it is not waited for while 32 blocks are not full */
	struct stage_output output; /* of it: fd, the functions and their context */
};

/* name is for messages, and is copied. STAGE_E_ARGUMENT, STAGE_E_MEMORY, STAGE_E_SYSTEM. */
int stage_parallel_open(const char *name, const struct stage_parallel_options *options,
	struct stage_parallel **ret_parallel, struct stage_error *error);

/*
 * Will what is written stay within the limit with now more bytes of data, and then later ones at the end?
 * later is the caller's own, and small: what he must write after whatever he is asked about. Another question
 * may end a block before it, so that it becomes one by itself; that is counted, too. STAGE_E_ARGUMENT where
 * parallel is NULL, STAGE_E_FORKED, and what the output fails with; so also stage_parallel_write().
 */
int stage_parallel_fits(struct stage_parallel *parallel, uint64_t now, uint64_t later,
	bool *ret_fits, struct stage_error *error);

int stage_parallel_write(
	struct stage_parallel *parallel, const void *data, size_t size, struct stage_error *error);

/* Bytes that were written to the descriptor. */
uint64_t stage_parallel_size(const struct stage_parallel *parallel);

/*
 * Ends the stream, or with abandon leaves it as it is. Frees *parallel and sets it to NULL. Keeps errno.
 * STAGE_E_FORKED, and what the output fails with, unless abandoned.
 */
int stage_parallel_close(struct stage_parallel **parallel, bool abandon, uint64_t *ret_size,
	struct stage_error *error);

#endif
