/*
 * readahead - the bytes of a source are read ahead of their reader by a thread
 *
 *	const struct stage_readahead_source source = {.fill = fill, .free = end, .context = file};
 *	const struct stage_readahead_options options = {.path = path, .ahead = true};
 *
 *	stage_readahead_open(&source, &options, &readahead, &error);
 *	stage_readahead_read(readahead, buffer, sizeof(buffer), &count, &error);
 *	stage_readahead_skip(readahead, size, &count, &error);
 *	stage_readahead_close(&readahead);
 *
 * Sources are gzip files (gunzip.h) and what gpg makes of messages (unwrapped.h).
 *
 * Memory: 256 KiB with a thread, 16 KiB without, and the source's.
 *
 * Errors: what was read before a fault is given out first. The first error is kept, and every later call
 * fails with it.
 *
 * Threads: one at a time. Forks: in a child every call fails but the close, which frees what is the child's.
 *
 * Not installed.
 */
#ifndef STAGEDIR_READAHEAD_H
#define STAGEDIR_READAHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct stage_readahead;

struct stage_readahead_source {
	/*
	 * Fills a buffer of size bytes: 1. 0 at the end, and an error: fewer bytes, and none come behind
	 * them. Called by one thread at a time, with all signals blocked if it is not the reader's.
	 */
	int (*fill)(void *context, unsigned char *buffer, size_t size, size_t *ret_used,
		struct stage_error *error);

	/* Has a fill that waits in another thread, and all later ones, end soon. NULL: none waits for long. */
	void (*stop)(void *context);

	/* Nobody fills any more. Also called in the child of a fork. */
	void (*free)(void *context);

	void *context;
};

/* Called around whatever may wait for the source or for the thread, both or none; NULL: nothing is. */
struct stage_readahead_waiting {
	void (*begin)(void *context);
	void (*end)(void *context);
	void *context;
};

struct stage_readahead_options {
	const char *path; /* for messages; is copied */
	bool ahead;       /* by a thread; otherwise when it is asked for */
	bool leaves_open; /* a descriptor of the source stays the caller's, who closes it behind the readahead */
	struct stage_readahead_waiting waiting;
};

/* How many bytes fill is asked for at a time. */
size_t stage_readahead_piece(bool ahead);

/* Begins to read. Takes over the source; on failure it is still the caller's. STAGE_E_MEMORY, STAGE_E_SYSTEM. */
int stage_readahead_open(const struct stage_readahead_source *source,
	const struct stage_readahead_options *options, struct stage_readahead **ret_readahead,
	struct stage_error *error);

/* Reads size bytes; fewer at the end only. The source's errors, STAGE_E_FORKED. */
int stage_readahead_read(struct stage_readahead *readahead, void *buffer, size_t size,
	size_t *ret_count, struct stage_error *error);

/*
 * Reads what is there, at least a byte and at most size bytes; *ret_count is 0 at the end. Waits for it for so many seconds at most:
 * STAGE_E_AGAIN without a message. Without a thread it waits for the source. For readers who look for signals meanwhile.
 */
int stage_readahead_read_soon(struct stage_readahead *readahead, double seconds, void *buffer,
	size_t size, size_t *ret_count, struct stage_error *error);

/* The same as read, and forgets them. */
int stage_readahead_skip(struct stage_readahead *readahead, uint64_t size, uint64_t *ret_count,
	struct stage_error *error);

/* Ends the thread, frees *readahead, which may be NULL, with its source, and sets it to NULL. Keeps errno. */
void stage_readahead_close(struct stage_readahead **readahead);

#endif
