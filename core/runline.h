/*
 * runline - how far a run is, in one line for people
 *
 *	full to sftp://host/dir: 12 volumes, 2.3G made (45.0M/s); 4 volumes, 800.0M wait (at most 4); NAME moves
 *	since 1m 3s; 8 volumes, 1.5G confirmed (12.0M/s); waits for storage since 3m 0s; 12.3G free in /var/tmp
 *
 * in one line. What a run is at, it tells; of what has not happened it tells nothing.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_RUNLINE_H
#define STAGEDIR_RUNLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runsummary.h"

/* Enough for a line of any run with names that are not absurd; a longer one ends in "...". */
#define STAGE_RUNLINE_MAX 1024

/* Writes the line to buffer (size bytes), with the bytes that are free in the temp roots now. Returns buffer. */
char *stage_runline_write(
	char *buffer, size_t size, const struct stage_runsummary *summary, int64_t now);

/* The bytes that are free in a temp root now. False: that cannot be told. */
bool stage_runline_free(const char *root, uint64_t *ret_bytes);

/* "storage", "room", "all that waits to be in storage": what a run waits for, in words. */
const char *stage_runline_wait(enum stage_runwait wait);

#endif
