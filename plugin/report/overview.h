/*
 * overview - what a page begins with: of which run it is, how that ended, and its figures
 *
 * One thread at a time.
 */
#ifndef STAGEDIR_OVERVIEW_H
#define STAGEDIR_OVERVIEW_H

#include <stdio.h>

#include "report/timeline.h"

void overview_write(FILE *out, const struct timeline *timeline);

#endif
