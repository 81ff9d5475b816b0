#include "report/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t
earliest(int64_t a, int64_t b)
{
	return !a || (b && b < a) ? b : a;
}

static int64_t
latest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
between(int64_t from, int64_t to)
{
	return from && to > from ? to - from : 0;
}

static void
add_file(struct row *row, const struct timeline *timeline, const struct timeline_file *file)
{
	row->count++;
	row->bytes += file->size;
	row->stored += file->confirmed != 0;
	row->stored_bytes += file->confirmed ? file->size : 0;
	row->failures += file->failures;
	row->begun = earliest(row->begun, file->begun);
	row->made = latest(row->made, file->made);
	row->sealed = latest(row->sealed, file->sealed);
	row->uploaded = earliest(row->uploaded, file->uploaded);
	row->confirmed = latest(row->confirmed, file->confirmed);
	row->making += between(file->begun, file->made ? file->made : timeline->end);
	row->sealing += between(file->made, file->sealed);
	if (file->made || file->sealed)
		row->waiting += between(latest(file->made, file->sealed),
			file->uploaded ? file->uploaded : timeline->end);
}

/* Attempts are in the order of files, but for damaged records: what stands elsewhere is not shown. */
static void
add_attempts(struct row *row, const struct timeline *timeline, size_t *next)
{
	const struct timeline_attempt *attempt;

	while (*next < timeline->attempt_count && timeline->attempts[*next].file < row->first)
		(*next)++;
	row->attempt = *next;
	for (; *next < timeline->attempt_count; (*next)++) {
		attempt = &timeline->attempts[*next];
		if (attempt->file >= row->first + row->count)
			break;
		row->attempt_count++;
		row->moving += between(attempt->from, attempt->to);
	}
}

int
rows_make(const struct timeline *timeline, struct row **ret_rows, size_t *ret_count,
	struct stage_error *error)
{
	const size_t each = (timeline->file_count + ROWS_MOST - 1) / ROWS_MOST;
	struct row *rows = calloc(ROWS_MOST, sizeof(*rows));
	size_t i, count = 0, attempt = 0;

	if (!rows)
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for a page");
	for (i = 0; i < timeline->file_count; i++) {
		if (i % each == 0)
			rows[count++].first = i;
		add_file(&rows[count - 1], timeline, &timeline->files[i]);
	}
	for (i = 0; i < count; i++) {
		add_attempts(&rows[i], timeline, &attempt);
		if (rows[i].stored < rows[i].count)
			rows[i].confirmed = 0;
	}
	*ret_rows = rows;
	*ret_count = count;
	return 0;
}

/* duplicity's names: duplicity-full.20261130T020000Z.vol12.difftar.gpg, ...manifest.gpg, ...sigtar.gpg. */
static void
label_file(char buffer[ROWS_LABEL_MAX], const struct timeline *timeline, size_t number)
{
	const char *name = timeline->files[number].name, *part, *digits;
	size_t length;

	if (!name) {
		snprintf(buffer, ROWS_LABEL_MAX, "unfinished");
		return;
	}
	for (part = strstr(name, ".vol"); part; part = strstr(part + 1, ".vol")) {
		digits = part + strlen(".vol");
		length = strspn(digits, "0123456789");
		if (length && length < 12 && (!digits[length] || digits[length] == '.')) {
			snprintf(buffer, ROWS_LABEL_MAX, "vol%.*s", (int)length, digits);
			return;
		}
	}
	if (strstr(name, "manifest"))
		snprintf(buffer, ROWS_LABEL_MAX, "manifest");
	else if (strstr(name, ".sigtar"))
		snprintf(buffer, ROWS_LABEL_MAX, "signatures");
	else
		snprintf(buffer, ROWS_LABEL_MAX, "file %zu", number + 1);
}

const char *
rows_label(char buffer[ROWS_LABEL_MAX], const struct timeline *timeline, const struct row *row)
{
	char last[ROWS_LABEL_MAX];

	label_file(buffer, timeline, row->first);
	if (row->count > 1) {
		label_file(last, timeline, row->first + row->count - 1);
		snprintf(buffer + strlen(buffer), ROWS_LABEL_MAX - strlen(buffer), "-%s",
			strncmp(buffer, "vol", 3) == 0 && strncmp(last, "vol", 3) == 0 ? last + 3
										       : last);
	}
	return buffer;
}
