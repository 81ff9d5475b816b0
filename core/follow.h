/*
 * follow - the digests of a file, taken while somebody writes it
 *
 * A volume is written from its beginning to its end, by this process or by another one (gpg). A
 * thread reads behind the writer (growing.h), so that hardly anything is left to be read when the
 * file is complete, and has the kernel write to disk meanwhile what it is to have on disk later.
 *
 *	stage_follow_open(fd, path, true, &follow, &error);
 *	...the file is written...
 *	stage_follow_end(&follow, &followed, &error);
 *
 * What was read is not read again: a file of which written parts are changed later must not be
 * followed. That it has become shorter than what was read is an error.
 *
 * Not installed. Threads: one follower is for one thread at a time. Its own blocks all signals.
 * Forks: the thread is the parent's; in a child both ends do nothing but free.
 */
#ifndef STAGEDIR_FOLLOW_H
#define STAGEDIR_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "error.h"

struct stage_follow;

struct stage_followed {
	struct stage_digest digest;
	unsigned char sha1[STAGE_SHA1_BYTES];
};

/*
 * Begins to follow the regular file that fd has open for reading; path is for messages. fd is the
 * follower's on success. write_back: the owner will sync the file. STAGE_E_SYSTEM: there is no
 * thread to be had; STAGE_E_MEMORY.
 */
int stage_follow_open(int fd, const char *path, bool write_back, struct stage_follow **ret_follow,
	struct stage_error *error);

/*
 * Ends it, of a file that is complete: reads the rest, and tells what all of it is. Frees *follow,
 * sets it to NULL, also on failure. STAGE_E_SYSTEM: it could not be read, or the disk has failed to
 * take some of it; STAGE_E_DAMAGED: it does not have as many bytes as were read; STAGE_E_MEMORY;
 * STAGE_E_FORKED; STAGE_E_ARGUMENT where *follow is NULL.
 */
int stage_follow_end(struct stage_follow **follow, struct stage_followed *ret_followed,
	struct stage_error *error);

/* Ends it, of a file of which nobody wants to know any more. NULL in *follow is no error. */
void stage_follow_drop(struct stage_follow **follow);

#endif
