/*
 * reserve - space in a temp root, reserved before it is used
 *
 * Several runs of a user may stage in one root. Each writes to the file `room` of its spool which file it
 * is about to make, and how large that may become. For the others the part that is not yet written counts
 * as used. There is no lock, which a dead or hostile process could keep. Instead a run announces first,
 * then counts, and takes its announcement back if there is not enough. If two announce at once, both may
 * have to try again; but if there is room for one, never both get it. An announcement counts only while
 * its run lives.
 *
 * stage_spool_reserve() (spool.h) does all that, and gives the numbers.
 */
#ifndef STAGEDIR_RESERVE_H
#define STAGEDIR_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

/* The file of a staging directory with the reservation of its run. */
#define STAGE_RESERVE_NAME "room"

/* Where the space of a temp root is, as far as this user can see. All in bytes. */
struct stage_reserved {
	uint64_t free;     /* for this user, by the file system (statvfs(3)) */
	uint64_t promised; /* reserved by other live runs, and not yet written */
	uint64_t staged;   /* in the spools of all live runs of this user, this one too */
	uint64_t orphaned; /* in directories that dead runs of this user left */
	uint64_t possible; /* what could be reserved now */
	bool others;       /* other live runs of this user stage here, and may give some back */
};

#endif
