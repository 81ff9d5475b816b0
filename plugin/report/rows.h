/*
 * rows - the files of a run as rows of a picture and of a table, which are never more than a page can have
 *
 *	rows_make(&timeline, &rows, &count, &error);
 *	...
 *	free(rows);
 *
 * A run may have thousands of files. Then a row stands for several of them, one behind the other.
 *
 * One thread at a time.
 */
#ifndef STAGEDIR_ROWS_H
#define STAGEDIR_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "report/timeline.h"

#define ROWS_MOST 120

/* Of moments that several files have there is the first, or for ends the last; 0 if no file has it. Durations are sums. */
struct row {
	size_t first, count; /* of timeline->files */
	size_t attempt,
		attempt_count; /* of timeline->attempts, those of these files and of no other */
	uint64_t bytes, stored, stored_bytes, failures;
	int64_t begun, made, sealed, uploaded,
		confirmed; /* confirmed: 0 as well if a file is not */
	int64_t making, sealing, waiting,
		moving; /* waiting: until the first attempt; moving: all attempts */
};

/* Makes the list of rows, which the caller frees. STAGE_E_MEMORY. */
int rows_make(const struct timeline *timeline, struct row **ret_rows, size_t *ret_count,
	struct stage_error *error);

/* What a row is called, in a few letters: "vol12", "manifest", "vol1-vol5". Returns buffer. */
#define ROWS_LABEL_MAX 48
const char *rows_label(
	char buffer[ROWS_LABEL_MAX], const struct timeline *timeline, const struct row *row);

#endif
