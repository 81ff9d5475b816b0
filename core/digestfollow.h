/*
 * digestfollow - the digests of a file, taken by a thread that reads behind its writer
 *
 * For a file that another process writes, such as gpg. A thread follows the file (follow.h), so that
 * hardly anything is left to be read when it is complete. With write_back it also has the kernel write
 * the file to disk meanwhile, so that a later sync is short.
 *
 *	stage_digestfollow_open(fd, path, true, &follow, &error);
 *	...the file is written...
 *	stage_digestfollow_end(&follow, &followed, &error);
 *
 * Nothing is read twice, so parts that were written must not change later. A file that has become
 * shorter is an error.
 *
 * Not installed. Threads: one thread at a time for one struct. Its own thread blocks all signals.
 * Forks: the thread is the parent's. In a child both ends only free.
 */
#ifndef STAGEDIR_DIGESTFOLLOW_H
#define STAGEDIR_DIGESTFOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "error.h"

struct stage_digestfollow;

struct stage_digestfollowed {
	struct stage_digest digest;
	unsigned char sha1[STAGE_SHA1_BYTES];
};

/*
 * Begins to follow a regular file, which fd has open for reading. path is for messages. On success fd
 * is taken over. write_back: the caller will sync the file. STAGE_E_SYSTEM: no thread could be
 * started; STAGE_E_MEMORY.
 */
int stage_digestfollow_open(int fd, const char *path, bool write_back,
	struct stage_digestfollow **ret_follow, struct stage_error *error);

/*
 * The file is complete: reads the rest of it, and gives the digests of the whole. Frees *follow, sets
 * it to NULL, also on failure. STAGE_E_SYSTEM: the file could not be read, or the disk did not take
 * some of it; STAGE_E_DAMAGED: it has another size than was read; STAGE_E_MEMORY; STAGE_E_FORKED;
 * STAGE_E_ARGUMENT where *follow is NULL.
 */
int stage_digestfollow_end(struct stage_digestfollow **follow,
	struct stage_digestfollowed *ret_followed, struct stage_error *error);

/* The file is unwanted: ends and frees all, sets *follow to NULL. NULL in it is no error. */
void stage_digestfollow_drop(struct stage_digestfollow **follow);

#endif
