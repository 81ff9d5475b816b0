/*
 * tables - the figures of a run in tables: its files, its waits, its attempts that failed
 *
 * Each is bounded, and each sum is that of all of the run.
 *
 *	tables_open(out, "Files", columns, count);
 *	...<tr>...</tr>
 *	tables_close(out);
 *
 * One thread at a time.
 */
#ifndef STAGEDIR_TABLES_H
#define STAGEDIR_TABLES_H

#include <stdio.h>

#include "report/rows.h"
#include "report/timeline.h"

struct tables_column {
	const char *title, *class;
};

/* A table up to its first row. It scrolls by itself where it is wider than the page. id names it for programs. */
void tables_open(FILE *out, const char *id, const char *caption,
	const struct tables_column *columns, size_t count);
void tables_close(FILE *out);

void tables_files(FILE *out, const struct timeline *timeline, const struct row *rows, size_t count);
void tables_waits(FILE *out, const struct timeline *timeline);
void tables_failures(FILE *out, const struct timeline *timeline);

#endif
