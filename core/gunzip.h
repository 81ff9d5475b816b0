/*
 * gunzip - reads a gzip file, inflated ahead of its reader by a thread
 *
 *	const struct stage_gunzip_options options = {.path = path, .ahead = true};
 *
 *	stage_gunzip_open(fd, &options, &gunzip, &error);
 *	stage_gunzip_read(gunzip, buffer, sizeof(buffer), &count, &error);
 *	stage_gunzip_skip(gunzip, size, &count, &error);
 *	stage_gunzip_close(&gunzip);
 *
 * Which files it takes, and by whom they are inflated, inflater.h tells.
 *
 * Memory: 256 KiB with a thread, 16 KiB without, and what an inflater takes. The file may be of any size.
 *
 * Errors: what was inflated before a fault is given out first. The first error is kept, and every later call
 * fails with it. STAGE_E_DAMAGED: the file is cut, is none of gzip, or a checksum is wrong; the message
 * names path and reason.
 *
 * Threads: one at a time. Forks: in a child every call fails but the close, which frees what is the child's.
 *
 * Not installed.
 */
#ifndef STAGEDIR_GUNZIP_H
#define STAGEDIR_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct stage_gunzip;

/* Called around whatever may wait for the disk or for the thread, both or none; NULL: nothing is. */
struct stage_gunzip_waiting {
	void (*begin)(void *context);
	void (*end)(void *context);
	void *context;
};

struct stage_gunzip_options {
	const char *path; /* for messages; is copied */
	bool ahead;       /* by a thread; otherwise when it is asked for */
	bool leaves_open; /* the descriptor stays the caller's, who closes it behind the gunzip */
	struct stage_gunzip_waiting waiting;
};

/*
 * Begins to read a regular file from its first byte, by pread(2): the offset of fd is left alone. Takes over
 * fd unless it leaves_open; on failure it is still the caller's. STAGE_E_MEMORY, STAGE_E_SYSTEM.
 */
int stage_gunzip_open(int fd, const struct stage_gunzip_options *options,
	struct stage_gunzip **ret_gunzip, struct stage_error *error);

/* Reads size bytes; fewer at the end of the file only. STAGE_E_DAMAGED, STAGE_E_SYSTEM, STAGE_E_FORKED. */
int stage_gunzip_read(struct stage_gunzip *gunzip, void *buffer, size_t size, size_t *ret_count,
	struct stage_error *error);

/* The same, and forgets them. */
int stage_gunzip_skip(
	struct stage_gunzip *gunzip, uint64_t size, uint64_t *ret_count, struct stage_error *error);

/* Ends the thread, frees *gunzip, which may be NULL, and sets it to NULL. Keeps errno. */
void stage_gunzip_close(struct stage_gunzip **gunzip);

#endif
