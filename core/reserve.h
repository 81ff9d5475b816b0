/*
 * room - space in a temp root, reserved before it is used
 *
 * Several runs of a user may stage in one root. Each says in the file `room` of its spool which
 * file it is about to make and how large that may become; what is not yet written of it counts as
 * used for everybody else. There is no lock that a dead or hostile process could keep: a run
 * announces first, then counts, and takes its announcement back where there is not enough. Of two
 * that announce at once both may have to try again, but never are both let in where there is room
 * for one. What is announced counts only while the run lives.
 *
 * Not installed: stage_spool_reserve() is the way to it. Any thread, one at a time for a spool.
 */
#ifndef STAGEDIR_RESERVE_H
#define STAGEDIR_RESERVE_H

#include "error.h"
#include "lockdir.h"
#include "spool.h"

#define STAGE_RESERVE_NAME "room"

/* As stage_spool_reserve(); own is the spool's directory, root the path of the root it is in. */
int stage_reserve_take(const struct stage_lockdir *own, const char *root, const char *path,
	uint64_t bytes, uint64_t limit, struct stage_reserved *ret_room, struct stage_error *error);

/* Gives back what was reserved; that there is nothing is no error. */
void stage_reserve_release(const struct stage_lockdir *own);

#endif
