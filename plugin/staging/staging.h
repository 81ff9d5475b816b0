/*
 * staging - the object Staging: what staging.c and adopt.c share
 *
 * A Staging is one run's staging ahead for one target: where its volumes are made (places.h), the
 * queue in which they go to storage (handoff.h), and the spools of dead runs that it has taken over
 * (adopt.c). It uploads by a function of Python, in the queue's thread.
 */
#ifndef STAGEDIR_STAGING_H
#define STAGEDIR_STAGING_H

#include <Python.h>

#include <stdbool.h>

#include "follow.h"
#include "handoff.h"
#include "log.h"
#include "settings.h"
#include "spool.h"
#include "spool_find.h"

#include "staging/places.h"

/* A staged file of a dead run that can be handed off, as far as archive and digest tell. */
struct resumable {
	struct stage_spool *spool;
	struct stage_spool_file *file;
	unsigned long volume;
};

/* Why a staged file is not handed off, as far as the host tells, whatever storage has. */
enum resume { RESUME_JUDGE, RESUME_DISCARD, RESUME_LEAVE };

struct staging {
	PyObject_HEAD
	struct staging *next; /* of this process */
	pid_t owner;
	PyObject *upload;                      /* NULL once it has ended */
	const struct stage_settings *settings; /* of the run; NULL until __init__ */
	char *target, *home;
	struct places places;
	char *reserved; /* the path for which room is reserved; NULL before the first */
	uint64_t reserved_bytes;
	struct stage_follow *follow; /* of the file at reserved; NULL where it is not followed */
	bool is_followed;            /* that was complete, and followed tells of it */
	struct stage_followed followed;
	int written_fd; /* of the file at reserved, from before it was written; -1: none */
	struct stage_handoff_target how;
	struct stage_handoff *handoff; /* NULL until something was put */
	bool ending;                   /* it is being ended: a signal came meanwhile */
	bool synced;                   /* what the host has of this backup is on disk */

	struct stage_spool **adopted;
	size_t adopted_count;
	struct resumable *resumables; /* by number of volume */
	size_t resumable_count;
};

/* Adds Staging to the module: 0, or -1 with an exception. */
int staging_add_type(PyObject *module);

/* Those of this process that have not ended; the GIL guards the list. staging.c */
extern struct staging *staging_all;

/*
 * The Staging that an object is; NULL with an exception where it never went through __init__, as
 * Python allows it. To be asked first by every method. staging.c
 */
struct staging *staging_opened(PyObject *object);

/*
 * Waits until fewer than count files are in the queue, at most for seconds, or for ever where that
 * is negative. Returns as stage_handoff_wait(), or 1 with an exception: a signal's handler raised.
 * staging.c
 */
int staging_wait(struct staging *self, size_t count, double seconds, struct stage_error *error);

/* Opens the queue if it is not open yet: 0, or a code with *error. */
int staging_open_queue(struct staging *self, struct stage_error *error);

/* The Staging that reserved room for a file at path; NULL where none did. */
struct staging *space_reserving(const char *path);

/* Follows the file at self->reserved, which fd has open. Does without where it cannot. volume.c */
void volume_follow(struct staging *self, int fd);

/* Forgets what is known of the volume that is made. volume.c */
void volume_unfollow(struct staging *self);

/*
 * What is known of the volume at self->reserved, which must be complete; NULL where it could not be
 * followed. self's until there is another volume. volume.c
 */
const struct stage_followed *volume_followed(struct staging *self);

/* Gives the descriptor from before the volume was written to the staged file. volume.c */
void volume_hold(struct staging *self, struct stage_spool_file *file);

/* _stagedir.volume_sha1(path). volume.c */
PyObject *volume_sha1(PyObject *module, PyObject *path);

/* Staging.adopt(), Staging.confirmed() and Staging.resume(). adopt.c */
PyObject *adopt_spools(PyObject *self, PyObject *unused);
PyObject *adopt_confirmed(PyObject *self, PyObject *unused);
PyObject *adopt_resume(PyObject *self, PyObject *arguments);

/* Are these two paths of one archive directory? passed.c */
bool passed_same_home(const char *a, const char *b);

/*
 * Tells what waits in a spool that was found and that this run does not take over, if it may be its
 * user's concern: of this target or archive directory, or of nobody can tell which. passed.c
 */
void passed_tell(const struct staging *self, const struct stage_spool_found *found);

/* The same of one that is this run's, and that could not be had as *error says. passed.c */
void passed_tell_failed(enum stage_level level, const struct stage_spool_found *found,
	const struct stage_error *error);

/* Closes the adopted spools: what is left in them stays. adopt.c */
void adopt_release(struct staging *self);

#endif
