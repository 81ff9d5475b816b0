/*
 * reserve_others - the staging directories of others in a temp root, without a listing for each volume
 *
 *	struct stage_reserve_others others = {0};
 *
 *	...this run has announced...
 *	stage_reserve_others_find(&others, &held);
 *	for (i = 0; i < others.count; i++) {
 *		...found by others.names[i], and if a run lives there:
 *		stage_reserve_others_tell(&others, fd);
 *		...then its announcement is read...
 *	}
 *	stage_reserve_others_told(&others);
 *	stage_reserve_others_release(&others);
 *
 * A temp root may have a million entries, none of them ours. So it is listed once, and then only if another
 * run may have come since:
 *
 *	- A run that comes says so to all that live: it sets the sticky bit of their directories, which means
 *	  nothing there, before it reads what they have announced. Whoever finds the bit at his own
 *	  directory, behind his own announcement, takes it back and lists the root. So of two runs, of which
 *	  each announces before it looks, one at least sees the other.
 *	- A run of a version that does not say so changes the time of the root by its coming, as everything
 *	  else does that comes or goes there. So a root whose time has changed is listed as well: at each
 *	  reservation if it has few entries, and otherwise once a minute.
 *	- Where locks prove nothing (locks.h), or the bit cannot be set, the root is listed each time.
 *
 * The time of a root is trusted only when it is some seconds old: what comes within a tick of the file
 * system's clock leaves no trace in it.
 *
 * Not installed. One thread at a time for a struct.
 */
#ifndef STAGEDIR_RESERVE_OTHERS_H
#define STAGEDIR_RESERVE_OTHERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "lockdir.h"
#include "naming.h"

/* A root with more entries is not listed at each change. */
#define STAGE_RESERVE_FEW 1000

/* Seconds between two listings of such a root. */
#define STAGE_RESERVE_PAUSE 60

/* All zero: nothing is known. names and count are for callers. */
struct stage_reserve_others {
	/* of staging directories of this machine, but for the own one; some may be gone */
	char (*names)[STAGE_DIR_NAME_MAX];
	size_t count;

	size_t room;
	size_t entries;   /* of the root, when it was listed */
	bool listed;      /* names are those of the last listing */
	bool settled;     /* the time of the root was old enough then */
	bool hears;       /* others can tell this run that they have come */
	bool has_told;    /* this run has told all others */
	bool failed;      /* it could not tell one of them */
	struct stat root; /* before it was listed */
	double when;      /* it was listed (clock.h) */
};

/* Brings the names up to date. own is the directory of this run. -1 with errno. */
int stage_reserve_others_find(struct stage_reserve_others *others, const struct stage_lockdir *own);

/* Tells the live run whose directory fd is that this one has come, unless it was told. */
void stage_reserve_others_tell(struct stage_reserve_others *others, int fd);

/* All that live were told. If one could not be, all are told again the next time. */
void stage_reserve_others_told(struct stage_reserve_others *others);

/* Frees the names. */
void stage_reserve_others_release(struct stage_reserve_others *others);

#endif
