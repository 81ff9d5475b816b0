/*
 * follow - reads a file behind its writer
 *
 * The file is written from its beginning to its end, by this process or by another one (gpg). The
 * reader stays half a megabyte behind the writer, and waits for it:
 *
 *	stage_follow_init(&follow, fd, path, &error);
 *	while (stage_follow_read(&follow, buffer, size, 1.0, &count, &error) == 0 && count)
 *		...
 *	stage_follow_release(&follow);
 *
 * The writer, in another thread, says when the file is complete:
 *
 *	stage_follow_complete(&follow);
 *
 * Nothing is read twice. So a file must not be followed if its writer changes a part that it has
 * written before.
 *
 * Not installed. Threads: one reads, any may wait or say that the file is complete. It has no thread of
 * its own. The descriptor and the path stay the caller's, and must live as long as it.
 */
#ifndef STAGEDIR_FOLLOW_H
#define STAGEDIR_FOLLOW_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* Seconds between two looks at a file that has not grown. */
#define STAGE_FOLLOW_LOOK 0.05

enum stage_follow_state { STAGE_FOLLOW_GROWING, STAGE_FOLLOW_COMPLETE, STAGE_FOLLOW_UNWANTED };

/* Its members are its own. */
struct stage_follow {
	int fd;
	const char *path;
	uint64_t size;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	enum stage_follow_state state; /* guarded by lock; all else is the reader's */
};

/* fd has a regular file open for reading; path is for messages. STAGE_E_SYSTEM. */
int stage_follow_init(
	struct stage_follow *follow, int fd, const char *path, struct stage_error *error);

/*
 * Reads the next bytes: exactly size of them while the file grows, up to size once it is complete.
 * *ret_count is 0 at the end of a complete file, and if the file is unwanted. STAGE_E_AGAIN: so many
 * seconds have passed, and there are not enough bytes yet. STAGE_E_SYSTEM.
 */
int stage_follow_read(struct stage_follow *follow, void *buffer, size_t size, double seconds,
	size_t *ret_count, struct stage_error *error);

/* How many bytes were read. For the thread that reads, or for any once that has ended. */
uint64_t stage_follow_size(const struct stage_follow *follow);

/* Waits until the file is complete or unwanted, for so many seconds at most. Is it? */
bool stage_follow_wait(struct stage_follow *follow, double seconds);

/* The file is complete: reading goes on to its end. May be called again. */
void stage_follow_complete(struct stage_follow *follow);

/* The rest of the file is unwanted. */
void stage_follow_abandon(struct stage_follow *follow);

/* To be called when nobody reads or waits any more, and not in a child of fork(2). */
void stage_follow_release(struct stage_follow *follow);

#endif
