/*
 * gzip - a gzip file is compressed by several threads, and does not outgrow a limit
 *
 * What is written to a stream is cut into blocks of STAGE_GZIP_BLOCK bytes. Threads of the stream
 * compress them, each block to one member of the file, and the members are written in order to a
 * descriptor of the caller:
 *
 *	const struct stage_gzip_options options = {.limit = 25 * 1024 * 1024};
 *
 *	stage_gzip_open(fd, path, &options, &gzip, &error);
 *	while (stage_gzip_fits(gzip, sizeof(data), &fits, &error) == 0 && fits &&
 *		(size = read(source, data, sizeof(data))) > 0)
 *		stage_gzip_write(gzip, data, size, &error);
 *	stage_gzip_close(&gzip, false, &size, &error);
 *
 * A file of several members is an ordinary gzip file (RFC 1952, 2.2): gzip, zlib's gzread(3),
 * Python's gzip module and libarchive read them as one; a program that calls inflate(3) itself must
 * go on behind the first one. One member for all would take a library that can begin a block where
 * another ended; zlib can, but libdeflate, which cannot, needs less than half of its time.
 *
 * The file depends on what was written, how often fits was asked for how much, the level, the limit
 * and the library alone: not on the number of threads, not on chance. It holds no time and no name.
 *
 * The limit is the caller's to keep, by asking fits before each write. A block that is not yet
 * compressed counts as incompressible; where that would be too much, fits waits until it is
 * compressed, and counts what it came to. So "no" means that the file, as it is, ends less than the
 * asked bytes and their framing (at most 28 bytes for 64 KiB) below the limit.
 *
 * Memory: with one thread 1 MiB, with n threads up to 4 n + 8 MiB, that is 4 n + 8 blocks with
 * as much for what they are compressed to; and for each thread what the library needs, with
 * libdeflate 0.7 MiB (from level 10 on 9 MiB), with zlib 0.3 MiB. Threads are started when the
 * first block is full, so that smaller files need none; with one thread none is ever started, and
 * the caller's does it all. Where a thread cannot be started, or memory for a further block not be
 * had, the rest does the work.
 *
 * Errors: only open can run out of memory. Writing fails by STAGE_E_SYSTEM, with the name that open
 * was given in the message; such an error is kept, and is what every later call fails with. A call
 * with a stream that is closed, which is NULL, is STAGE_E_ARGUMENT.
 *
 * Threads: a stream is for one thread at a time. All system calls on the descriptor are made in
 * calls of the caller's, and none after close. Forks: the threads are the parent's. In a child every
 * function fails with STAGE_E_FORKED; close then frees, and does nothing to the file.
 */
#ifndef STAGEDIR_GZIP_H
#define STAGEDIR_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#pragma GCC visibility push(default)

/* Larger ones compress better, smaller ones need less memory. Of what lies in /usr, libdeflate's
 * level 6 makes 1.005 of zlib's -6 in blocks of 128 KiB, 0.996 of 512 KiB, 0.993 in one. */
#define STAGE_GZIP_BLOCK ((size_t)512 * 1024)

/* The best level, and the most threads. */
#define STAGE_GZIP_LEVEL_MAX 12
#define STAGE_GZIP_THREADS_MAX 64

struct stage_gzip;

/* 0 in a field is its default. */
struct stage_gzip_options {
	/* Bytes that the file may have, for stage_gzip_fits(); what is in it when it is opened does
	 * not count. Default: no limit. */
	uint64_t limit;

	/* From 1, fast, to 12, small. Default 6. zlib has none above 9. */
	int level;

	/*
	 * Threads that compress, at most 64. Default: one for each CPU that this process may use, as
	 * its affinity (sched_setaffinity(2)) and the CPU quotas of its control groups say, rounded
	 * up; at most 8, since more compress faster than anything reads.
	 */
	unsigned int threads;

	/*
	 * Called in a call of the caller's that meets ENOSPC or EDQUOT: true says that space was
	 * freed, and the write is tried again; with false, or with NULL here, it is an error.
	 */
	bool (*make_room)(void *context);

	/* Told in a call of the caller's of each piece that was written to the file; may be NULL. */
	void (*wrote)(void *context, const void *data, size_t size);
	void *context;
};

/*
 * Opens a stream to fd, from its present offset on; fd stays the caller's. name is for messages,
 * and is copied. options may be NULL: all defaults. STAGE_E_ARGUMENT, STAGE_E_MEMORY,
 * STAGE_E_SYSTEM.
 */
int stage_gzip_open(int fd, const char *name, const struct stage_gzip_options *options,
	struct stage_gzip **ret_gzip, struct stage_error *error);

/*
 * Will the file surely be no larger than the limit if size more bytes are written and it is then
 * closed? The answer holds until it is asked again. A block that has been begun may be ended by
 * that, to know what it comes to. STAGE_E_SYSTEM, STAGE_E_FORKED.
 */
int stage_gzip_fits(
	struct stage_gzip *gzip, uint64_t size, bool *ret_fits, struct stage_error *error);

/*
 * Takes size bytes, whether they fit or not, and waits while too much is in flight.
 * STAGE_E_SYSTEM, STAGE_E_FORKED.
 */
int stage_gzip_write(
	struct stage_gzip *gzip, const void *data, size_t size, struct stage_error *error);

/*
 * Ends the file - without any data it is an empty gzip file, of 23 bytes at most - or, with
 * abandon, leaves it as it is; ends the threads, frees *gzip and sets it to NULL, whatever else
 * fails. NULL in it is no error. *ret_size, which may be NULL, is how many bytes were written.
 * STAGE_E_SYSTEM, unless abandoned; STAGE_E_FORKED.
 */
int stage_gzip_close(
	struct stage_gzip **gzip, bool abandon, uint64_t *ret_size, struct stage_error *error);

#pragma GCC visibility pop

#endif
