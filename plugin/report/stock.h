/*
 * stock - two pictures of what waits in the staging directory over time, in bytes and in files, each with its limit
 *
 * One thread at a time.
 */
#ifndef STAGEDIR_STOCK_H
#define STAGEDIR_STOCK_H

#include <stdio.h>

#include "report/timeline.h"

/* The most that waited at once. */
struct stage_runfiles stock_peak(const struct timeline *timeline);

void stock_write(FILE *out, const struct timeline *timeline);

#endif
