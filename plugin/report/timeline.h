/*
 * timeline - what happened in a run, file by file: the events of a record (core/runevent.h), arranged for pictures
 *
 *	timeline_read(reader, now, &timeline, &error);
 *	...timeline.files[i]...
 *	timeline_release(&timeline);
 *
 * Nothing is made up. A moment that the record does not tell is 0. A file of which a part of the events is damaged has
 * the others. Of a run without an end, what was begun lasts until the end of the timeline.
 *
 * One thread at a time for a struct.
 */
#ifndef STAGEDIR_TIMELINE_H
#define STAGEDIR_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "runreader.h"
#include "runsummary.h"

/* Moments are milliseconds since 1970. */
struct timeline_file {
	char *name; /* in storage; NULL: the volume that was being made at the end */
	uint64_t size;
	bool adopted;                                     /* a dead run has made it */
	int64_t begun, made, sealed, uploaded, confirmed; /* uploaded: the first attempt began */
	uint64_t attempts, failures;
};

/* An attempt to hand a file off. */
struct timeline_attempt {
	size_t file;
	int64_t from, to; /* to is the end of the timeline if it goes on there */
	char *failure;    /* why it failed; NULL: it did not */
};

struct timeline_wait {
	enum stage_runwait what;
	int64_t from, to;
	char *why;
};

/* What is made, or adopted, and not yet confirmed, from a moment on. */
struct timeline_stock {
	int64_t time;
	uint64_t files, bytes;
};

struct timeline {
	struct stage_runsummary summary;
	enum stage_runstate state;
	size_t damaged;     /* lines of the record */
	int64_t begin, end; /* end: the last event; of a live run, now; never before begin */
	struct timeline_file *files; /* in the order in which they came into the queue */
	size_t file_count;
	struct timeline_attempt *attempts; /* in the order of time, as all that follows */
	size_t attempt_count;
	struct timeline_wait *waits;
	size_t wait_count;
	struct timeline_stock *stock;
	size_t stock_count;
};

/* Reads a record to its end. The caller releases the timeline if this returns 0. STAGE_E_SYSTEM, STAGE_E_MEMORY. */
int timeline_read(struct stage_runreader *reader, int64_t now, struct timeline *ret_timeline,
	struct stage_error *error);

void timeline_release(struct timeline *timeline);

#endif
