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
 * Python's gzip module and libarchive read them as one. A program that calls inflate(3) itself must
 * go on after the first one. A single member would need a library that can begin a block where another
 * ended. zlib can. libdeflate cannot, but needs less than half of its time.
 *
 * The file depends on the data, the questions to fits, the level, the limit and the library (ISA-L's also on the
 * kind of processor), and on nothing else: not on the number of threads, not on chance. It holds no time and no name.
 *
 * The caller keeps the limit, by asking fits before each write. A block that is not yet compressed
 * counts as incompressible. If that would be too much, fits waits until it is compressed, and counts its
 * real size. So "no" means that the file, if it ended now, would be below the limit by less than the
 * asked bytes and their framing (at most 28 bytes for 64 KiB).
 *
 * Memory: with one thread 1 MiB, with n threads up to 4 n + 8 MiB: that is 4 n + 8 blocks and their
 * compressed forms. The library needs some for each thread: libdeflate 0.7 MiB (from level 10 on 9 MiB),
 * ISA-L 1 MiB more (levels 1 and 2), zlib 0.3 MiB. Threads are started when the first block is full, so that smaller files need none. With
 * one thread none is ever started, and the caller's does it all. If a thread or a further block cannot
 * be had, the others do the work.
 *
 * Errors: only open can run out of memory. Writing fails with STAGE_E_SYSTEM, and the message has the
 * name that open was given. Such an error is kept, and every later call fails with it. A stream that is
 * closed (NULL) is STAGE_E_ARGUMENT.
 *
 * Threads: a stream is for one thread at a time. The descriptor is used only within calls of the
 * caller, and not after close. Forks: the threads are the parent's. In a child every function fails
 * with STAGE_E_FORKED; close frees, and does nothing to the file.
 */
#ifndef STAGEDIR_GZIP_H
#define STAGEDIR_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#pragma GCC visibility push(default)

/* Larger blocks compress better, smaller ones need less memory. The files of /usr, by libdeflate's level
 * 6, get this much of the size by zlib's -6: 1.005 in blocks of 128 KiB, 0.996 of 512 KiB, 0.993 in one. */
#define STAGE_GZIP_BLOCK ((size_t)512 * 1024)

/* The best level, and the most threads. */
#define STAGE_GZIP_LEVEL_MAX 12
#define STAGE_GZIP_THREADS_MAX 64

struct stage_gzip;

/* 0 in a field is its default. */
struct stage_gzip_options {
	/* Bytes that the stream may write, for stage_gzip_fits(). Bytes that the file has at open do
	 * not count. Default: no limit. */
	uint64_t limit;

	/* From 1, fast, to 12, small. Default: files as large as by zlib's 6. zlib has none above 9. */
	int level;

	/* Threads that compress, at most 64. Default: one for each CPU that this process may use, at
	 * most 8 (stage_cpus_threads()). */
	unsigned int threads;

	/*
	 * Called within a call of the caller that meets ENOSPC or EDQUOT. True: space was freed, the
	 * write is tried again. False, or NULL here: it is an error.
	 */
	bool (*make_room)(void *context);

	/* Called within a call of the caller, with each piece that was written to the file. May be
	 * NULL. */
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
 * Will the file surely stay within the limit if size more bytes are written, and it is then closed? The
 * answer holds until the next question. The question may end a block that was begun, to know its
 * compressed size. STAGE_E_SYSTEM, STAGE_E_FORKED.
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
 * Ends the file, or with abandon leaves it as it is. A file without any data is an empty gzip file, of 23
 * bytes at most. Ends the threads, frees *gzip and sets it to NULL, even if something fails. NULL in it
 * is no error. *ret_size (ret_size may be NULL) is how many bytes were written. STAGE_E_SYSTEM, unless
 * abandoned; STAGE_E_FORKED.
 */
int stage_gzip_close(
	struct stage_gzip **gzip, bool abandon, uint64_t *ret_size, struct stage_error *error);

#pragma GCC visibility pop

#endif
