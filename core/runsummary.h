/*
 * runsummary - how far a run is, or how it went: the sum of its events (runevent.h)
 *
 *	struct stage_runsummary summary = {0};
 *
 *	while (...)
 *		stage_runsummary_add(&summary, &event);
 *	...summary.confirmed.bytes...
 *	stage_runsummary_release(&summary);
 *
 * A run has one queue, and hands off one file at a time. So the files that wait are those that were made or
 * adopted, less those that are confirmed; the first of them is the one that moves.
 *
 * Not installed. One thread at a time for a struct.
 */
#ifndef STAGEDIR_RUNSUMMARY_H
#define STAGEDIR_RUNSUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runevent.h"

struct stage_runfiles {
	uint64_t count, bytes;
};

struct stage_runroot {
	char *path;
	uint64_t free_bytes; /* when the run came to it */
};

enum stage_runwait { STAGE_RUNWAIT_STORAGE, STAGE_RUNWAIT_DRAIN, STAGE_RUNWAIT_ROOM };
#define STAGE_RUNWAITS (STAGE_RUNWAIT_ROOM + 1)

/* Times are milliseconds since 1970, 0 where there is none; durations are milliseconds. Strings are NULL before they are told. */
struct stage_runsummary {
	int64_t begun, ended, last; /* last: the last event */
	uint64_t pid;
	char *action, *target, *host; /* host: its version */
	uint64_t max_volumes, max_staged;
	struct stage_runroot *roots;
	size_t root_count;

	struct stage_runfiles made, adopted, sealed, confirmed;
	int64_t making_since; /* a volume is being made */
	int64_t making; /* the host made volumes for so long, without the time in which it waited */

	char *moving; /* the file that is handed off, also between two attempts */
	int64_t moving_since;
	uint64_t attempt;
	int64_t moved; /* how long that took of the files that are confirmed */

	uint64_t retries; /* attempts that failed */
	char *failure;    /* why the last one did */
	int64_t failed;   /* when */

	int64_t waits_since; /* the host waits now */
	enum stage_runwait waits_for;
	char *waits_why;
	int64_t waited[STAGE_RUNWAITS]; /* that are over */

	enum stage_runresult result;
	uint64_t status; /* of exit, where result is not NONE */
	char *message;   /* why it failed */
};

/* "storage", "drain", "room". */
const char *stage_runwait_name(enum stage_runwait wait);

/* Adds an event. False: there is no memory for a text of it; the numbers are right all the same. */
bool stage_runsummary_add(struct stage_runsummary *summary, const struct stage_runevent *event);

/* What waits in the run's spools, with the file that moves. */
struct stage_runfiles stage_runsummary_waiting(const struct stage_runsummary *summary);

/* How long it has waited for something until now, with the wait that goes on. */
int64_t stage_runsummary_waited(
	const struct stage_runsummary *summary, enum stage_runwait wait, int64_t now);

/* Bytes a second while the host makes volumes, and while a file is handed off. 0: that cannot be told yet. */
uint64_t stage_runsummary_making_speed(const struct stage_runsummary *summary);
uint64_t stage_runsummary_moving_speed(const struct stage_runsummary *summary);

/*
 * Seconds until all that waits is handed off, by the speed so far. -1: nobody can tell. Before all is made
 * (waits_for is DRAIN) the run has more to do than that.
 */
int64_t stage_runsummary_left(const struct stage_runsummary *summary, int64_t now);

/* Makes a copy, which the caller releases. False without memory. */
bool stage_runsummary_copy(
	const struct stage_runsummary *summary, struct stage_runsummary *ret_copy);

/* Frees all that the struct points to, and empties it. */
void stage_runsummary_release(struct stage_runsummary *summary);

#endif
