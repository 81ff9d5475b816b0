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

/* What is to become of a staged file of a dead run, as far as the host tells. */
enum adopt_verdict {
	ADOPT_JUDGE,   /* what storage has decides (duplicity/stored.h) */
	ADOPT_DISCARD, /* it is of no use, which was told */
	ADOPT_LEAVE    /* it is not this run's to judge */
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
 * Does with each file that adopt_spools() has named what it should, put into queue or forgotten.
 * arguments are a list of (BACKUP, ADOPT_...), one a file, and a list of what storage has, (BACKUP,
 * VOLUME, IS_CERTAIN). A list of the names of what was put, or NULL with an exception.
 */
PyObject *adopt_resume(struct adopted *self, struct queue *queue, PyObject *arguments);

/* Closes the spools: what is left in them stays. */
void adopt_release(struct adopted *self);

#endif
