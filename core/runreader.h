/*
 * runreader - the records of runs (runrecord.h) are read, also while their runs write them
 *
 *	stage_runreader_list(&folder, &error);
 *	for (i = 0; i < folder.count; i++)
 *		stage_runreader_open(folder.fd, folder.names[i], &reader, &error);
 *		while (stage_runreader_next(reader, &event))
 *			...					(or stage_runreader_sum())
 *		...stage_runreader_state(reader)...
 *		stage_runreader_close(&reader);
 *	stage_runreader_list_free(&folder);
 *
 * next() gives 0 at the end of what is written. Later it goes on there, if the run has written more. What is
 * damaged is passed over and counted.
 *
 * Not installed. Any thread; one at a time for an object.
 */
#ifndef STAGEDIR_RUNREADER_H
#define STAGEDIR_RUNREADER_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "runevent.h"
#include "runsummary.h"

struct stage_runreader;

enum stage_runstate {
	STAGE_RUNSTATE_LIVE,    /* its lock is held */
	STAGE_RUNSTATE_ENDED,   /* its last event says how */
	STAGE_RUNSTATE_KILLED,  /* neither */
	STAGE_RUNSTATE_UNKNOWN, /* no end, and a file system whose locks prove nothing (locks.h) */
};

/* "live", "ended", "killed", "unknown". */
const char *stage_runstate_name(enum stage_runstate state);

/*
 * The folder of records, open, and the names in it, the newest first. Behind all others are those of a day or more from now:
 * the clock was wrong when they were begun, and they are not newer than others.
 */
struct stage_runfolder {
	int fd;
	char *path;
	char **names;
	size_t count;
};

/*
 * Lists the records of this user: regular files with the name of a record. If there is no folder for them there are none, and fd is -1. The caller frees the
 * list if this returns 0. Errors: as of stage_statedir_open().
 */
int stage_runreader_list(struct stage_runfolder *ret_folder, struct stage_error *error);
void stage_runreader_list_free(struct stage_runfolder *folder);

/*
 * Opens a record. STAGE_E_SYSTEM: with ENOENT it was removed meanwhile; STAGE_E_DAMAGED: it is no record, or one of
 * a version that is not known; STAGE_E_MEMORY.
 */
int stage_runreader_open(int dirfd, const char *name, struct stage_runreader **ret_reader,
	struct stage_error *error);

/*
 * 1 and the next event, whose strings are valid until the next call; 0: no more is written now; STAGE_E_SYSTEM: it
 * cannot be read.
 */
int stage_runreader_next(struct stage_runreader *reader, struct stage_runevent *ret_event,
	struct stage_error *error);

/* Adds all that is written by now to a summary. 0, STAGE_E_SYSTEM, STAGE_E_MEMORY. */
int stage_runreader_sum(struct stage_runreader *reader, struct stage_runsummary *summary,
	struct stage_error *error);

/* The state of its run. LIVE also as long as not all that is written was read. */
enum stage_runstate stage_runreader_state(struct stage_runreader *reader);

/* How many lines of it are damaged. */
size_t stage_runreader_damaged(const struct stage_runreader *reader);

/* Frees *reader and sets it to NULL; NULL in it is no error. Keeps errno. */
void stage_runreader_close(struct stage_runreader **reader);

#endif
