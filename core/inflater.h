/*
 * inflater - the members of a gzip file are inflated, one behind the other
 *
 *	stage_inflater_new(fd, false, path, size, &inflater, &error);
 *	while ((code = stage_inflater_fill(inflater, buffer, sizeof(buffer), &used, &error)) > 0)
 *		... used bytes are in buffer
 *	... and also at the end, or before the fault
 *	stage_inflater_free(inflater);
 *
 * A file may have several gzip members, and zeros behind one, as gzip(1) and Python take them. A file of no bytes
 * has none, and that is no error.
 *
 * libdeflate inflates a member that fits as a whole into memory, faster than zlib. gzip.h makes such ones. So
 * it is asked first, in a file that may have several of them. A member that is larger, or damaged, is zlib's, with all
 * that follows: so only zlib says what is wrong with a file.
 *
 * Memory: a piece, and what zlib takes (44 KiB); of a file of more than 4 MiB 1.1 MiB more.
 *
 * Not installed. One thread at a time.
 */
#ifndef STAGEDIR_INFLATER_H
#define STAGEDIR_INFLATER_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

struct stage_inflater;

/*
 * Will read a regular file from its first byte, by pread(2), piece bytes at a time. fd is used by fill alone. It is taken over,
 * and closed also on failure, unless it leaves_open. path is for messages, and is copied. STAGE_E_MEMORY.
 */
int stage_inflater_new(int fd, bool leaves_open, const char *path, size_t piece,
	struct stage_inflater **ret_inflater, struct stage_error *error);

/*
 * Fills a buffer of size bytes: 1. 0 at the end, and an error: fewer bytes, and none come behind them.
 * STAGE_E_DAMAGED, with the reason; STAGE_E_SYSTEM; STAGE_E_MEMORY.
 */
int stage_inflater_fill(struct stage_inflater *inflater, unsigned char *buffer, size_t size,
	size_t *ret_used, struct stage_error *error);

/* Closes the descriptor, if that is its own. NULL is no error. */
void stage_inflater_free(struct stage_inflater *inflater);

#endif
