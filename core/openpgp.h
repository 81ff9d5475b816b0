/*
 * openpgp - data become an OpenPGP compressed packet, by several threads, for gpg to encrypt
 *
 * gpg compresses by one thread, and slowly. Given such a packet it only encrypts:
 *
 *	gpg --no-literal --compress-algo none --encrypt ... <pipe
 *
 * gpg --decrypt gives the same data back as for a message that gpg has made itself. Of cryptography
 * nothing is done here.
 *
 *	const struct stage_openpgp_options options = {.limit = 25 * 1024 * 1024};
 *
 *	stage_openpgp_open(fd, "the pipe to gpg", &options, &openpgp, &error);
 *	while (stage_openpgp_fits(openpgp, sizeof(data), &fits, &error) == 0 && fits &&
 *		(size = read(source, data, sizeof(data))) > 0)
 *		stage_openpgp_write(openpgp, data, size, &error);
 *	stage_openpgp_close(&openpgp, false, &size, &error);
 *
 * The packet (RFC 9580, 5.6) has an old header of tag 8 with indeterminate length, algorithm 1 (ZIP), and
 * then one raw DEFLATE stream (RFC 1951), which ends with an empty block of its own. What it compresses is
 * one literal packet (5.9): binary, no name, no date, in pieces of 64 KiB by partial lengths. It is cut
 * into blocks of 512 KiB, which are compressed independently, as gzip.h tells. A part of the stream that
 * would be larger than stored is stored.
 *
 * With has_packets the data are packets already, such as gpg --sign makes: a one-pass signature, a literal
 * packet, a signature. They are compressed as they are, nothing is put around them, and no data are no
 * packet.
 *
 * Measured: files of /usr, 428 MB, are compressed to 0.993 of the size that gpg makes of them, in a fifth of its CPU
 * time.
 *
 * The packet depends on the data, the questions to fits, the level, the limit and the library (ISA-L's also on
 * the kind of processor), and on nothing else: not on the number of threads, not on chance.
 *
 * The caller keeps the limit, by asking fits before each write. "No" means that the packet, if it ended
 * now, would be below the limit by less than the asked bytes, the begun piece of 64 KiB, and their framing
 * (at most 64 bytes for 64 KiB). The begun piece counts as incompressible, as its length is not yet known.
 * Who writes 64 KiB at a time has but 6 bytes in it. With has_packets there is no begun piece.
 *
 * Memory and threads: as gzip.h tells, and 64 KiB. Data of less than 512 KiB start no thread.
 *
 * Errors: only open can run out of memory. Writing fails with STAGE_E_SYSTEM and sys_errno, and the message
 * has the name that open was given. A pipe that nobody reads any more is EPIPE; SIGPIPE must be ignored.
 * Such an error is kept, and every later call fails with it. A stream that is closed (NULL) is
 * STAGE_E_ARGUMENT.
 *
 * A stream is for one thread at a time. The descriptor is used only within calls of the caller, and not
 * after close. In the child of a fork every function fails with STAGE_E_FORKED; close frees, and writes
 * nothing.
 *
 * Not installed.
 */
#ifndef STAGEDIR_OPENPGP_H
#define STAGEDIR_OPENPGP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/*
 * Fast levels by which data of a backup get hardly larger than by gpg, or not at all. gpg compresses by zlib's level 6; for a
 * passphrase by ZIP, with a window of 8 KiB, and for keys by ZLIB, with one of 32 KiB, as gpg's own keys prefer it. Measured,
 * messages beside gpg's: by a passphrase, files of /usr, 447 MB: 0.987; one of 2 GB: 1.004; 100,000 small ones: 1.014. To keys,
 * compressed data beside zlib's: 0.999, 0.997, 0.999. deflater.h has the figures of all levels.
 */
#if defined HAVE_ISAL
#define STAGE_OPENPGP_LEVEL 2
#elif defined HAVE_LIBDEFLATE
#define STAGE_OPENPGP_LEVEL 3
#else
#define STAGE_OPENPGP_LEVEL 6
#endif
#define STAGE_OPENPGP_LEVEL_TO_KEYS 6

struct stage_openpgp;

/* 0 in a field is its default. */
struct stage_openpgp_options {
	/* Bytes that the packet may have, for stage_openpgp_fits(). Default: no limit. */
	uint64_t limit;

	/* From 1, fast, to 12, small. Default: STAGE_OPENPGP_LEVEL. */
	int level;

	/* Threads that compress, at most 64. Default: as for gzip (stage_cpus_threads()). */
	unsigned int threads;

	/*
	 * Blocks of 512 KiB that are taken and not written to the descriptor yet, at most. Default: 8, and 4
	 * for each thread.
	 */
	unsigned int blocks;

	/* Whoever reads the pipe begins late, as gpg does: 32 blocks at least, where there are threads. */
	bool late_reader;

	/* What is written is the content of the compressed packet; no literal packet is made of it. */
	bool has_packets;

	/*
	 * Called within a call of the caller, in his thread, before each write(2) to the descriptor. A
	 * code < 0, with *error filled, ends the stream with that error, as a write that fails. May be
	 * NULL.
	 */
	int (*before)(void *context, struct stage_error *error);
	void *context;
};

/*
 * Opens a stream to fd, which stays the caller's. Nothing is written yet. name is for messages, and is
 * copied. options may be NULL: all defaults. STAGE_E_ARGUMENT, STAGE_E_MEMORY, STAGE_E_SYSTEM.
 */
int stage_openpgp_open(int fd, const char *name, const struct stage_openpgp_options *options,
	struct stage_openpgp **ret_openpgp, struct stage_error *error);

/*
 * Will the packet surely stay within the limit if size more bytes, or fewer, are written, and it is then
 * closed? All framing is counted. The answer holds until the next question. The question may end a block
 * that was begun, to know its compressed size. STAGE_E_SYSTEM, STAGE_E_FORKED, before's.
 */
int stage_openpgp_fits(
	struct stage_openpgp *openpgp, uint64_t size, bool *ret_fits, struct stage_error *error);

/*
 * Takes size bytes, whether they fit or not, and waits while too much is in flight. STAGE_E_SYSTEM,
 * STAGE_E_FORKED, before's.
 */
int stage_openpgp_write(
	struct stage_openpgp *openpgp, const void *data, size_t size, struct stage_error *error);

/* Bytes that were written to the descriptor so far. */
uint64_t stage_openpgp_size(const struct stage_openpgp *openpgp);

/*
 * Ends the packet, or with abandon leaves it as it is. A packet without any data has 17 bytes at most. Ends the
 * threads, frees *openpgp and sets it to NULL, even if something fails. NULL in it is no error. *ret_size
 * (ret_size may be NULL) is how many bytes were written. STAGE_E_SYSTEM, before's, unless abandoned;
 * STAGE_E_FORKED.
 */
int stage_openpgp_close(struct stage_openpgp **openpgp, bool abandon, uint64_t *ret_size,
	struct stage_error *error);

#endif
