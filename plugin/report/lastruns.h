/*
 * lastruns - the last runs to one target, in a table
 *
 * One thread at a time.
 */
#ifndef STAGEDIR_LASTRUNS_H
#define STAGEDIR_LASTRUNS_H

#include <stdio.h>

#include "runreader.h"

/*
 * Writes the table of the newest records of this target, newest first; name is the one of the page. A record that cannot be read
 * is a row that says so. STAGE_E_MEMORY.
 */
int lastruns_write(FILE *out, const struct stage_runfolder *folder, const char *target,
	const char *name, struct stage_error *error);

#endif
