/*
 * reserve_internal - how a spool reserves room for its next file (reserve.h)
 *
 *	stage_reserve_take(&held, &others, root, path, bytes, limit, &room, &error);
 *	...the file is made at path...
 *	stage_reserve_release(&held);
 *
 * Not installed. Any thread, one at a time for a spool.
 */
#ifndef STAGEDIR_RESERVE_INTERNAL_H
#define STAGEDIR_RESERVE_INTERNAL_H

#include <stdint.h>

#include "error.h"
#include "lockdir.h"
#include "reserve.h"
#include "reserve_others.h"

/*
 * As stage_spool_reserve(). own is the spool's directory, root the path of its root. others keeps what was
 * seen there, for the next call.
 */
int stage_reserve_take(const struct stage_lockdir *own, struct stage_reserve_others *others,
	const char *root, const char *path, uint64_t bytes, uint64_t limit,
	struct stage_reserved *ret_room, struct stage_error *error);

/* Gives the reservation back. No error if there is none. */
void stage_reserve_release(const struct stage_lockdir *own);

#endif
