/*
 * lastblock_run - what zlib finds where lastblock.h looks
 *
 * No CUnit in it, so that the fuzz target has it, too.
 */
#ifndef STAGEDIR_LASTBLOCK_RUN_H
#define STAGEDIR_LASTBLOCK_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "lastblock.h"

/* False: zlib does not find a complete stream. */
bool lastblock_by_zlib(const unsigned char *stream, size_t size, struct stage_lastblock *ret_last);

#endif
