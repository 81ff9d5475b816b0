/*
 * lanes - the picture that shows who worked, and who waited for whom: duplicity above, storage beneath
 *
 * One thread at a time.
 */
#ifndef STAGEDIR_LANES_H
#define STAGEDIR_LANES_H

#include <stdio.h>

#include "report/timeline.h"

void lanes_write(FILE *out, const struct timeline *timeline);

#endif
