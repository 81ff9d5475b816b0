/*
 * runrecord - the record of what one run did, kept for people
 *
 * A text file a run, in the folder `runs` of statedir.h, 0600. Its lines are those of runevent.h; they are only ever
 * appended, one write(2) each, and never synced. Nothing depends on a record: it may be removed at any time, and
 * what cannot be written is one warning, a full disk included.
 *
 * The file is named after the time at which the run began, so that names sort by age. It is locked (flock(2)) as
 * long as its run lives. It gets its name when it is locked, and has its first lines. So a record without an end
 * and without a lock is of a run that was killed.
 *
 *	stage_runrecord_begin(&about, keep, &log, &record, &error);
 *	stage_runrecord_add(record, &(struct stage_runevent){.kind = STAGE_RUN_MADE, .name = name, .size = size});
 *	...
 *	stage_runrecord_close(&record);
 *
 * Its sums are kept in memory, also where nothing is written.
 *
 * To read: runreader.h.
 *
 * Not installed. Threads: any thread may call any function, close last. No lock is held while a line is logged.
 * Forks: in a child nothing is written.
 */
#ifndef STAGEDIR_RUNRECORD_H
#define STAGEDIR_RUNRECORD_H

#include "error.h"
#include "log.h"
#include "runevent.h"
#include "runsummary.h"

#define STAGE_RUNRECORD_FOLDER "runs"

/* Bytes of the name of a record, with its NUL. */
#define STAGE_RUNRECORD_NAME_MAX 64

/* The ACTION of a run that only hands off. */
#define STAGE_RUNRECORD_FLUSH "flush"

struct stage_runrecord;

/* Milliseconds since 1970. */
int64_t stage_runrecord_now(void);

/* A time that is so many milliseconds ahead of now was told by a clock that was wrong. */
#define STAGE_RUNRECORD_SLACK ((int64_t)24 * 60 * 60 * 1000)

/* Was this run told about by a clock that was ahead? When it was says nothing then. */
bool stage_runrecord_is_future(const struct stage_runsummary *summary);

/* The name of a record of this process that is begun at a time. */
void stage_runrecord_spell(char name[STAGE_RUNRECORD_NAME_MAX], int64_t time);

/* Is this the name of a record? */
bool stage_runrecord_is_name(const char *name);

/* Is this the record of a backup, not of a run that only handed off (stagedir flush)? */
bool stage_runrecord_is_backup(const struct stage_runsummary *summary);

/*
 * Begins the record of this process's run. begun is the event BEGUN; its time and its pid are set here. Of older
 * records so many are kept that with this one there are keep; and of each target the newest that is of a backup that
 * was done. With 0 nothing is written, and nothing removed. log must outlive the record. Only STAGE_E_MEMORY fails: what
 * cannot be written is told by log.
 */
int stage_runrecord_begin(const struct stage_runevent *begun, unsigned int keep,
	const struct stage_log *log, struct stage_runrecord **ret_record,
	struct stage_error *error);

/* Adds an event. Its time is now if it is 0. Nothing happens behind the event ENDED, or if record is NULL. */
void stage_runrecord_add(struct stage_runrecord *record, const struct stage_runevent *event);

/* The sums so far, which the caller releases. False: there is no memory. */
bool stage_runrecord_summary(struct stage_runrecord *record, struct stage_runsummary *ret_summary);

/* The path of the file; "" if there is none. The record's. */
const char *stage_runrecord_path(const struct stage_runrecord *record);

/* Closes the file, which gives the lock up, and frees *record; NULL in it is no error. Keeps errno. */
void stage_runrecord_close(struct stage_runrecord **record);

#endif
