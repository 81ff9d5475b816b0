/*
 * watch - the runs that stagedir watch follows, and how they are shown
 *
 *	watch.c		finds them, and reads what they have added to their records (core/runreader.h)
 *	watchview.c	shows them: a block for each on a terminal, a line, or a JSON object
 */
#ifndef STAGEDIR_WATCH_H
#define STAGEDIR_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include "runreader.h"
#include "runsummary.h"

struct watch_run {
	char *path; /* of its record */
	struct stage_runreader *reader;
	struct stage_runsummary summary;
	enum stage_runstate state;
};

struct watch_runs {
	struct watch_run *list;
	size_t count;
};

enum watch_form { WATCH_BLOCKS, WATCH_LINES, WATCH_JSON };

/* Shows all runs, as they are now (milliseconds since 1970). Blocks are drawn in the place of those before. */
void watch_show(const struct watch_runs *runs, enum watch_form form, int64_t now);

#endif
