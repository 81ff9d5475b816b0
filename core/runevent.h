/*
 * runevent - something that happened in a run, as a line of the record of that run (runrecord.h)
 *
 * Lines have the form of journal_format.h: CRC32, a word, the time in milliseconds since 1970 (UTC), and fields:
 *
 *	stagedir-run 1
 *	begun TIME PID ACTION TARGET HOST MAX_VOLUMES MAX_STAGED
 *	root TIME PATH FREE			a temp root in which the run makes volumes, and its free bytes
 *	volume TIME NUMBER			the host begins to make a volume, the NUMBERth of this run
 *	made TIME NUMBER NAME SIZE		it is made, and is to be stored as NAME
 *	adopted TIME NAME SIZE			a dead run has staged it; this run hands it off
 *	sealed TIME NAME SIZE			it is on disk, and survives the run
 *	upload TIME NAME ATTEMPT		an attempt to hand it off begins
 *	failed TIME NAME ATTEMPT REASON
 *	confirmed TIME NAME SIZE		storage has it
 *	waits TIME WHAT REASON			the host waits: WHAT is storage, drain or room
 *	goes-on TIME WHAT			it does not wait any more
 *	ended TIME RESULT STATUS MESSAGE	RESULT is a word of stage_runresult_name(); STATUS is the exit status
 *
 * A text of more than STAGE_RUNEVENT_TEXT_MAX bytes is cut, and then ends in "...". So no line is longer than
 * STAGE_RUNEVENT_LINE_MAX.
 *
 * A later version may add words, and fields at the end of a line: both are passed over. No field holds a secret.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_RUNEVENT_H
#define STAGEDIR_RUNEVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STAGE_RUNEVENT_TEXT_MAX 4096
#define STAGE_RUNEVENT_LINE_MAX (60 * 1024)

enum stage_runevent_kind {
	STAGE_RUN_VERSION, /* the first line; no event */
	STAGE_RUN_BEGUN,
	STAGE_RUN_ROOT,
	STAGE_RUN_VOLUME,
	STAGE_RUN_MADE,
	STAGE_RUN_ADOPTED,
	STAGE_RUN_SEALED,
	STAGE_RUN_UPLOAD,
	STAGE_RUN_FAILED,
	STAGE_RUN_CONFIRMED,
	STAGE_RUN_WAITS,
	STAGE_RUN_GOES_ON,
	STAGE_RUN_ENDED,
};

/* What the host waits for. */
#define STAGE_RUN_FOR_STORAGE "storage" /* as many volumes wait as may */
#define STAGE_RUN_FOR_DRAIN                                                                        \
	"drain" /* all volumes are made, and are to be in storage before it goes on */
#define STAGE_RUN_FOR_ROOM "room" /* of a temp root */

/* How a run ends. Records of runs that were killed have none of these. */
enum stage_runresult {
	STAGE_RUN_NONE, /* it has not ended, or was killed */
	STAGE_RUN_DONE,
	STAGE_RUN_NO_STORAGE,  /* storage refused a file for good */
	STAGE_RUN_NO_ROOM,     /* there was no space left */
	STAGE_RUN_NO_GPG,      /* gpg failed */
	STAGE_RUN_INTERRUPTED, /* Ctrl-C */
	STAGE_RUN_SIGNALLED,   /* SIGTERM or SIGHUP */
	STAGE_RUN_RESTARTED,   /* the host runs itself anew, with a record of its own */
	STAGE_RUN_ERROR,       /* anything else */
};
#define STAGE_RUN_RESULTS (STAGE_RUN_ERROR + 1)

/* A member that an event has not is NULL or 0. */
struct stage_runevent {
	enum stage_runevent_kind kind;
	int64_t time;       /* milliseconds since 1970 */
	const char *name;   /* of a file in storage; ACTION, PATH, WHAT, RESULT */
	const char *target; /* in its target form (url.h) */
	const char *text;   /* HOST (its version), REASON, MESSAGE: one line for people */
	uint64_t number;    /* PID, NUMBER, ATTEMPT, STATUS */
	uint64_t size;      /* bytes: SIZE, FREE, MAX_STAGED */
	uint64_t count;     /* MAX_VOLUMES */
};

/* "none", "done", "storage", "room", "gpg", "interrupted", "signal", "restarted", "error". Never NULL. */
const char *stage_runresult_name(enum stage_runresult result);

/* The result of this name; STAGE_RUN_ERROR for any other word. */
enum stage_runresult stage_runresult_of(const char *name);

/*
 * The event as a line with its newline, behind the mark that ends a torn line (journal_format.h) if
 * torn. Returns its length, and text that the caller frees; 0 without memory.
 */
size_t stage_runevent_format(const struct stage_runevent *event, bool torn, char **ret_text);

/*
 * Reads the line that ends at end, where its newline is, and changes it. 1 and an event, whose strings are in the
 * line; 0: it tells nothing that is known here; -1: it is damaged.
 */
int stage_runevent_parse(char *line, char *end, struct stage_runevent *ret_event);

#endif
