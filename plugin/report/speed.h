/*
 * speed - two pictures of bytes a second over time, each with its own scale: of what duplicity made, and of what storage took
 *
 * The bytes of a file are spread evenly over the time in which it was made, and over that of the attempt that succeeded.
 *
 * One thread at a time.
 */
#ifndef STAGEDIR_SPEED_H
#define STAGEDIR_SPEED_H

#include <stdio.h>

#include "report/timeline.h"

void speed_write(FILE *out, const struct timeline *timeline);

#endif
