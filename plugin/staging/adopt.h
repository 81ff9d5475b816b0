/*
 * adopt - the spools of dead runs that a run takes over
 *
 *	adopt_spools(&adopted)			what can be handed off, as far as this machine tells
 *	...what is in storage? the host knows...
 *	adopt_resume(&adopted, &queue, arguments)
 *	...the queue drains...
 *	adopt_release(&adopted)
 *
 * All functions are called with the GIL held, and give it up while they work.
 */
#ifndef STAGEDIR_ADOPT_H
#define STAGEDIR_ADOPT_H

#include <Python.h>

#include <stdbool.h>
#include <stddef.h>

#include "spool.h"

#include "staging/queue.h"

/* Why a staged file of a dead run is not handed off, as far as the host tells, whatever storage has. */
enum adopt_verdict {
	ADOPT_JUDGE,   /* nothing is against it */
	ADOPT_DISCARD, /* it is of no use, which was told */
	ADOPT_LEAVE,   /* it is not this run's to judge */
};

/* A staged file of a dead run that can be handed off, as far as archive and digest tell. */
struct resumable {
	struct stage_spool *spool;
	struct stage_spool_file *file;
	unsigned long volume;
};

/* Zeroed memory has no spools; the strings are the owner's. */
struct adopted {
	const char *target, *home; /* of the run: where to, and its archive directory */
	bool durable;
	struct stage_spool **spools;
	size_t count;
	struct resumable *resumables; /* by number of volume */
	size_t resumable_count;
};

/*
 * Adopts what there is in all temp roots for this target and archive directory, and tells of what is
 * passed over. A list of (NAME, PATH) of the files that can be handed off, by number of volume; NULL
 * with an exception.
 */
PyObject *adopt_spools(struct adopted *self);

/* A list of the names that these spools have as confirmed by storage; NULL with an exception. */
PyObject *adopt_confirmed(const struct adopted *self);

/*
 * Hands off, through queue, what adopt_spools() has named and what may follow what storage has
 * (duplicity/stored.h). arguments are those of Staging.resume(), a tuple of two lists. A list of the
 * names of what is handed off; NULL with an exception.
 */
PyObject *adopt_resume(struct adopted *self, struct queue *queue, PyObject *arguments);

/* Closes the spools: what is left in them stays. */
void adopt_release(struct adopted *self);

#endif
