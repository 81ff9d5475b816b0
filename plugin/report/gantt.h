/*
 * gantt - the picture of each file of a run (rows.h): made, sealed, waiting, moving, in storage
 *
 * One thread at a time.
 */
#ifndef STAGEDIR_GANTT_H
#define STAGEDIR_GANTT_H

#include <stdio.h>

#include "report/rows.h"
#include "report/timeline.h"

void gantt_write(FILE *out, const struct timeline *timeline, const struct row *rows, size_t count);

#endif
