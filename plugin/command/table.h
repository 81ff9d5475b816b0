/*
 * table - an aligned table for people
 *
 *	static const struct table_column columns[] = {{"SIZE", true}, {"PATH", false}};
 *	struct table *table = table_new(columns, 2);
 *
 *	table_cell(table, "%s", "12.3M");
 *	table_cell(table, "%s", path);
 *	table_note(table, "what cannot be said in a column");
 *	table_print(table, stdout);
 *	table_free(&table);
 *
 * Cells are given row by row, from left to right. Every cell and note is made printable
 * (stage_error_printable(), error.h), so that no name of a file can break a line or control a terminal. If
 * there is no memory the process ends, see command_memory().
 */
#ifndef STAGEDIR_TABLE_H
#define STAGEDIR_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct table;

struct table_column {
	const char *title;
	bool right; /* numbers */
};

/* columns must live as long as the table. */
struct table *table_new(const struct table_column *columns, size_t count);

void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A line of its own beneath the row that was begun last, and beneath the notes that it has. */
void table_note(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints the titles and all rows; nothing at all where there are no rows. */
void table_print(const struct table *table, FILE *out);

/* Frees *table and sets it to NULL; NULL in it is no error. */
void table_free(struct table **table);

#endif
