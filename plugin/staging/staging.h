/*
 * staging - the type Staging: one run's staging ahead for one target
 *
 * It has the places in which volumes are made (places.h, room.h), the volume that is being made (volumeobject.h),
 * the queue in which they go to storage (queue.h), and the spools of dead runs that were taken over
 * (adopt.h). How it ends: end.h.
 */
#ifndef STAGEDIR_STAGING_H
#define STAGEDIR_STAGING_H

#include <Python.h>

#include <stdbool.h>
#include <sys/types.h>

#include "settings.h"

#include "staging/adopt.h"
#include "staging/places.h"
#include "staging/queue.h"

struct staging {
	PyObject_HEAD
	struct staging *next; /* in staging_all */
	pid_t owner;
	const struct stage_settings *settings; /* of the run; NULL until __init__ */
	char *home;
	struct places places;
	struct queue queue;
	struct adopted adopted;
	PyObject *volume; /* the last one; NULL before the first */
	bool ending;      /* it is being ended, also if a signal comes meanwhile */
	bool synced;      /* the host's partial manifest is on disk */
	bool had_less;    /* room than for a whole volume */
};

/* All Stagings of this process. The GIL guards the list. */
extern struct staging *staging_all;

/* Adds Staging to the module: 0, or -1 with an exception. */
int staging_add_type(PyObject *module);

/* Closes queue, spools and places. Sealed files stay. */
void staging_close(struct staging *self);

#endif
