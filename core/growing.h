/*
 * growing - a file that is read while somebody writes it
 *
 * It is written from its beginning to its end, by this process or by another one (gpg). The reader
 * stays half a megabyte behind the writer, and waits for it:
 *
 *	stage_growing_init(&growing, fd, path, &error);
 *	while (stage_growing_read(&growing, buffer, size, 1.0, &count, &error) == 0 && count)
 *		...
 *	stage_growing_release(&growing);
 *
 * and the writer, in another thread, tells that the file is complete:
 *
 *	stage_growing_complete(&growing);
 *
 * What was read is not read again: a file of which written parts are changed later must not be read
 * by this.
 *
 * Not installed. Threads: one reads, any may tell or wait. It has no thread of its own, and the
 * descriptor and the path stay the caller's; both must live as long as it.
 */
#ifndef STAGEDIR_GROWING_H
#define STAGEDIR_GROWING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* Seconds between two looks at a file that has not grown. */
#define STAGE_GROWING_LOOK 0.05

enum stage_growing_state { STAGE_GROWING, STAGE_GROWN, STAGE_UNWANTED };

/* Its members are its own. */
struct stage_growing {
	int fd;
	const char *path;
	uint64_t size;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	enum stage_growing_state state; /* guarded by lock; all else is the reader's */
};

/* fd has a regular file open for reading; path is for messages. STAGE_E_SYSTEM. */
int stage_growing_init(
	struct stage_growing *growing, int fd, const char *path, struct stage_error *error);

/*
 * Reads the next bytes: exactly size of them while the file grows, at most so many once it is
 * complete. *ret_count is 0 at the end of a complete file, and where nobody wants it any more.
 * STAGE_E_AGAIN: so many seconds have passed and there are not enough yet. STAGE_E_SYSTEM.
 */
int stage_growing_read(struct stage_growing *growing, void *buffer, size_t size, double seconds,
	size_t *ret_count, struct stage_error *error);

/* Bytes that were read. Of the thread that reads, or when it has ended. */
uint64_t stage_growing_size(const struct stage_growing *growing);

/* Waits until the file is complete, or unwanted, or so many seconds have passed. Is it? */
bool stage_growing_wait(struct stage_growing *growing, double seconds);

/* The file is complete: what there is, is read to its end. May be called again. */
void stage_growing_complete(struct stage_growing *growing);

/* Nobody wants to know the rest of it. */
void stage_growing_abandon(struct stage_growing *growing);

/* When nobody reads or waits any more. Not in a child that a fork(2) has made of this process. */
void stage_growing_release(struct stage_growing *growing);

#endif
