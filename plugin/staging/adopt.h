/*
 * adopt - the spools of dead runs that a run takes over
 *
 *	adopt_spools(&adopted)			what can be handed off, as far as this machine knows
 *	...what is in storage? the host knows...
 *	resume_adopted(&adopted, &queue, arguments)	(resume.h)
 *	...the queue drains...
 *	adopt_release(&adopted)
 *
 * Who judges whether a staged volume is still of use: duplicity/stored.h.
 *
 * All functions are called with the GIL held, and give it up while they work.
 */
#ifndef STAGEDIR_ADOPT_H
#define STAGEDIR_ADOPT_H

#include <Python.h>

#include <stdbool.h>
#include <stddef.h>

#include "spool.h"

#include "duplicity/manifestindex.h"

/* A staged file of a dead run that can be handed off, by archive directory and digest. */
struct resumable {
	struct stage_spool *spool;
	struct stage_spool_file *file;
	unsigned long volume;
};

/* Zeroed memory has no spools; the strings are the owner's. */
struct adopted {
	const char *target, *home; /* of this run: its target and its archive directory */
	bool durable;
	struct stage_spool **spools;
	size_t count;
	struct resumable *resumables; /* by number of volume */
	size_t resumable_count;
	struct manifestindex manifest; /* what was read of the archive directory's */
};

/*
 * Adopts all spools for this target and archive directory, in all temp roots, and logs which others are
 * passed over. Returns a list of (NAME, PATH) of the files that can be handed off, by number of volume;
 * NULL with an exception.
 */
PyObject *adopt_spools(struct adopted *self);

/* A list of the names that storage has confirmed, by these spools; NULL with an exception. */
PyObject *adopt_confirmed(struct adopted *self);

/* Forgets a file of one of these spools. That this fails is logged. */
void adopt_discard(struct stage_spool *spool, struct stage_spool_file *file);

/* Closes the spools. Files that are left in them stay. */
void adopt_release(struct adopted *self);

#endif
