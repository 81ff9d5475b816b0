/*
 * digestthread - the digests of a file, taken by a thread from the bytes that its writer has in hand
 *
 * For a file that this process writes. Its bytes are given to the thread as well, so that nobody reads the
 * file again. (digestfollow.h is for files that another process writes.)
 *
 *	stage_digestthread_open(fd, path, true, &thread, &error);
 *	while (...) {
 *		write(fd, data, size);
 *		stage_digestthread_add(thread, data, size);
 *	}
 *	stage_digestthread_end(&thread, &digest, sha1, &error);
 *
 * The bytes are copied, so that the writer goes on at once. Up to a megabyte waits for the thread; with
 * more, the writer waits. With write_back the thread also has the kernel write the file to disk meanwhile,
 * so that a later sync is short.
 *
 * The digests are those of the bytes that were given, whatever the disk makes of them.
 *
 * Not installed. Threads: one thread at a time for one struct. Its own thread blocks all signals. Forks:
 * the thread is the parent's. In a child nothing is added, and both ends only free.
 */
#ifndef STAGEDIR_DIGESTTHREAD_H
#define STAGEDIR_DIGESTTHREAD_H

#include <stdbool.h>
#include <stddef.h>

#include "digest.h"
#include "error.h"

struct stage_digestthread;

/*
 * Begins with no bytes. write_back: the caller will sync the file. fd is the file's, stays the caller's,
 * and must be open until the end; it is used for write_back only. path is for messages. STAGE_E_SYSTEM:
 * no thread could be started; STAGE_E_MEMORY.
 */
int stage_digestthread_open(int fd, const char *path, bool write_back,
	struct stage_digestthread **ret_thread, struct stage_error *error);

/* The next bytes of the file. Waits while too many are waiting already. Never fails; end does. */
void stage_digestthread_add(struct stage_digestthread *thread, const void *data, size_t size);

/*
 * Waits until the thread has had all bytes, and gives their digests. Frees *thread, sets it to NULL, also
 * on failure. STAGE_E_MEMORY; STAGE_E_FORKED; STAGE_E_ARGUMENT where *thread is NULL.
 */
int stage_digestthread_end(struct stage_digestthread **thread, struct stage_digest *ret_digest,
	unsigned char ret_sha1[STAGE_SHA1_BYTES], struct stage_error *error);

/* The file is unwanted: ends and frees all, sets *thread to NULL. NULL in it is no error. */
void stage_digestthread_drop(struct stage_digestthread **thread);

#endif
