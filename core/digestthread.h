/*
 * digestthread - the digests of a file, taken by a thread from what its writer has in hand
 *
 * Whoever writes a file need not read it again: what was written is given here as well.
 *
 *	stage_digestthread_open(fd, path, true, &thread, &error);
 *	while (...) {
 *		write(fd, data, size);
 *		stage_digestthread_add(thread, data, size);
 *	}
 *	stage_digestthread_end(&thread, &digest, sha1, &error);
 *
 * The bytes are copied, so that the writer goes on at once. A megabyte may wait for the thread; then
 * the writer does, too. The thread has the kernel write to disk meanwhile what it is to have on disk
 * later.
 *
 * The digests are of what was written, whatever the disk makes of it. (digestfollow.h is for files that
 * another process writes.)
 *
 * Not installed. Threads: one thread at a time for one struct. Its own blocks all signals. Forks: the
 * thread is the parent's; in a child nothing is added, and both ends do nothing but free.
 */
#ifndef STAGEDIR_DIGESTTHREAD_H
#define STAGEDIR_DIGESTTHREAD_H

#include <stdbool.h>
#include <stddef.h>

#include "digest.h"
#include "error.h"

struct stage_digestthread;

/*
 * Begins with no bytes. fd is of the file, and stays the caller's: it must be open until the end, and
 * is used only where write_back says that the caller will sync the file. path is for messages.
 * STAGE_E_SYSTEM: there is no thread to be had; STAGE_E_MEMORY.
 */
int stage_digestthread_open(int fd, const char *path, bool write_back,
	struct stage_digestthread **ret_thread, struct stage_error *error);

/* The next bytes of the file. Waits while too many are waiting already. Never fails; end does. */
void stage_digestthread_add(struct stage_digestthread *thread, const void *data, size_t size);

/*
 * Ends it: waits until the thread has had all, and tells what that was. Frees *thread, sets it to
 * NULL, also on failure. STAGE_E_MEMORY; STAGE_E_FORKED; STAGE_E_ARGUMENT where *thread is NULL.
 */
int stage_digestthread_end(struct stage_digestthread **thread, struct stage_digest *ret_digest,
	unsigned char ret_sha1[STAGE_SHA1_BYTES], struct stage_error *error);

/* Ends it, of a file of which nobody wants to know any more. NULL in *thread is no error. */
void stage_digestthread_drop(struct stage_digestthread **thread);

#endif
