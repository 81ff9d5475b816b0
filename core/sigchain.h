/*
 * sigchain - the archives of signatures of a chain of backups as one: what the last backup says of each path
 *
 *	for each archive, the oldest first:
 *		stage_sigchain_add(chain, archive, &error);
 *	while ((code = stage_sigchain_next(chain, &entry, &error)) > 0)
 *		...
 *	stage_sigchain_close(&chain);
 *
 * It is the host's combine_path_iters(): paths come in order, and of a path that several archives know the
 * newest is given. A path that was deleted is given, too, as such.
 *
 * Memory: the archives'. Time: for each path as many comparisons as the logarithm of the number of archives.
 * Errors are those of sigarchive.h; one of any archive ends the chain. Threads: one at a time. Not installed.
 */
#ifndef STAGEDIR_SIGCHAIN_H
#define STAGEDIR_SIGCHAIN_H

#include "sigarchive.h"

struct stage_sigchain;

/* A chain without archives. STAGE_E_MEMORY. */
int stage_sigchain_new(struct stage_sigchain **ret_chain, struct stage_error *error);

/* Adds one that is newer than all before, and takes it over; on failure it is still the caller's. Not behind
 * the first stage_sigchain_next(): STAGE_E_ARGUMENT. STAGE_E_MEMORY. */
int stage_sigchain_add(
	struct stage_sigchain *chain, struct stage_sigarchive *archive, struct stage_error *error);

/* Goes to the next path: 1, 0 behind the last, or an error. *ret_entry lasts until the next call. */
int stage_sigchain_next(struct stage_sigchain *chain,
	const struct stage_sigarchive_entry **ret_entry, struct stage_error *error);

/* Reads size bytes of the content of that entry, fewer at its end. */
int stage_sigchain_read(struct stage_sigchain *chain, void *buffer, size_t size, size_t *ret_count,
	struct stage_error *error);

/* Frees *chain, which may be NULL, with its archives, and sets it to NULL. Keeps errno. */
void stage_sigchain_close(struct stage_sigchain **chain);

#endif
