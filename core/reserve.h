/*
 * reserve - space in a temp root, reserved before it is used
 *
 * Several runs of a user may stage in one root. Each says in the file `room` of its spool which
 * file it is about to make and how large that may become; what is not yet written of it counts as
 * used for everybody else. There is no lock that a dead or hostile process could keep: a run
 * announces first, then counts, and takes its announcement back where there is not enough. Of two
 * that announce at once both may have to try again, but never are both let in where there is room
 * for one. What is announced counts only while the run lives.
 *
 * stage_spool_reserve() (spool.h) does it, and tells what it has counted.
 */
#ifndef STAGEDIR_RESERVE_H
#define STAGEDIR_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

/* The file of a staging directory in which its run says what it reserves. */
#define STAGE_RESERVE_NAME "room"

/* Where the space of a temp root is, as far as this user can see. All in bytes. */
struct stage_reserved {
	uint64_t free;     /* for this user, by the file system (statvfs(3)) */
	uint64_t promised; /* reserved by other live runs, and not yet written */
	uint64_t staged;   /* in the spools of all live runs of this user, this one too */
	uint64_t orphaned; /* in what dead runs of this user left */
	bool others;       /* other live runs of this user stage here, and may give some back */
};

#endif
