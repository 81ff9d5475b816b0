#include "command/table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "error.h"

#define GAP 2 /* blanks between two columns, and before a note */

struct table {
	const struct table_column *columns;
	size_t width; /* columns */
	size_t count; /* cells so far */
	char **cells; /* row by row; behind each row its notes, a line each, or NULL */
};

struct table *
table_new(const struct table_column *columns, size_t count)
{
	struct table *table = command_memory(calloc(1, sizeof(*table)));

	table->columns = columns;
	table->width = count;
	return table;
}

/* Formats, makes printable. The caller frees. */
static char *__attribute__((format(printf, 1, 0))) printable(const char *format, va_list arguments)
{
	char *text, *safe;
	size_t size;

	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	size = 4 * strlen(command_memory(text)) + 4;
	safe = command_memory(malloc(size));
	stage_error_printable(safe, size, text);
	free(text);
	return safe;
}

/* Where the cell number `cell`, counted over all rows, is kept. */
static size_t
slot_of(const struct table *table, size_t cell)
{
	return cell + cell / table->width;
}

void
table_cell(struct table *table, const char *format, ...)
{
	size_t slots = slot_of(table, table->count);
	va_list arguments;

	if (table->count % table->width == 0) {
		table->cells = command_memory(reallocarray(
			table->cells, slots + table->width + 1, sizeof(*table->cells)));
		memset(table->cells + slots, 0, (table->width + 1) * sizeof(*table->cells));
	}
	va_start(arguments, format);
	table->cells[slots] = printable(format, arguments);
	va_end(arguments);
	table->count++;
}

void
table_note(struct table *table, const char *format, ...)
{
	char **notes, *note, *both;
	va_list arguments;
	size_t row;

	assert(table->count > 0);
	row = (table->count - 1) / table->width;
	notes = &table->cells[row * (table->width + 1) + table->width];
	va_start(arguments, format);
	note = printable(format, arguments);
	va_end(arguments);
	if (*notes) {
		if (asprintf(&both, "%s\n%*s%s", *notes, GAP, "", note) < 0)
			both = NULL;
		free(*notes);
		free(note);
		note = command_memory(both);
	}
	*notes = note;
}

/* Characters of UTF-8. Wide ones take two places, but only paths hold them, and paths come last. */
static size_t
length_of(const char *text)
{
	size_t length = 0;

	for (; *text; text++)
		length += ((unsigned char)*text & 0xc0) != 0x80;
	return length;
}

static size_t
width_of(const struct table *table, size_t column)
{
	size_t widest = strlen(table->columns[column].title), cell, length;

	for (cell = column; cell < table->count; cell += table->width) {
		length = length_of(table->cells[slot_of(table, cell)]);
		if (length > widest)
			widest = length;
	}
	return widest;
}

static void
print_cell(const struct table *table, size_t column, const char *text, size_t width, FILE *out)
{
	int padding = (int)(width - length_of(text));
	bool last = column + 1 == table->width;

	if (table->columns[column].right)
		fprintf(out, "%*s%s", padding, "", text);
	else
		fprintf(out, "%s%*s", text, last ? 0 : padding, "");
	fprintf(out, last ? "\n" : "%*s", GAP, "");
}

void
table_print(const struct table *table, FILE *out)
{
	size_t *widths, column, cell;
	const char *note;

	if (table->count == 0)
		return;
	widths = command_memory(calloc(table->width, sizeof(*widths)));
	for (column = 0; column < table->width; column++)
		widths[column] = width_of(table, column);
	for (column = 0; column < table->width; column++)
		print_cell(table, column, table->columns[column].title, widths[column], out);
	for (cell = 0; cell < table->count; cell++) {
		column = cell % table->width;
		print_cell(table, column, table->cells[slot_of(table, cell)], widths[column], out);
		note = table->cells[slot_of(table, cell) + 1];
		if (column + 1 == table->width && note)
			fprintf(out, "%*s%s\n", GAP, "", note);
	}
	free(widths);
}

void
table_free(struct table **table)
{
	size_t slot, slots;

	if (!*table)
		return;
	slots = ((*table)->count + (*table)->width - 1) / (*table)->width * ((*table)->width + 1);
	for (slot = 0; slot < slots; slot++)
		free((*table)->cells[slot]);
	free((*table)->cells);
	free(*table);
	*table = NULL;
}
