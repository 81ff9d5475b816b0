#include "report/tables.h"

#include <string.h>

#include "report/html.h"

/* Different reasons that a table has; what failed for others is one row. */
#define REASONS_MOST 20

void
tables_open(FILE *out, const char *id, const char *caption, const struct tables_column *columns,
	size_t count)
{
	size_t i;

	fprintf(out,
		"<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"%s\">\n<table id=\"%s\">\n"
		"<caption>%s</caption>\n<thead><tr>",
		caption, id, caption);
	for (i = 0; i < count; i++)
		fprintf(out, "<th scope=\"col\" class=\"%s\">%s</th>", columns[i].class,
			columns[i].title);
	fputs("</tr></thead>\n<tbody>\n", out);
}

void
tables_close(FILE *out)
{
	fputs("</table>\n</div>\n", out);
}

/* Cells of nothing are many, and say it in a sign. */
static void
number_cell(FILE *out, uint64_t number)
{
	fputs("<td class=\"number\">", out);
	if (number)
		html_number(out, NULL, number);
	else
		fputs("<data value=\"0\">\xe2\x80\x93</data>", out);
	fputs("</td>", out);
}

static void
size_cell(FILE *out, uint64_t bytes)
{
	if (!bytes) {
		number_cell(out, 0);
		return;
	}
	fputs("<td class=\"number\">", out);
	html_size(out, NULL, bytes);
	fputs("</td>", out);
}

static void
duration_cell(FILE *out, int64_t milliseconds)
{
	if (milliseconds <= 0) {
		number_cell(out, 0);
		return;
	}
	fputs("<td class=\"number\">", out);
	html_duration(out, NULL, milliseconds);
	fputs("</td>", out);
}

static void
clock_cell(FILE *out, int64_t time)
{
	fputs("<td class=\"when\">", out);
	if (time)
		html_clock(out, NULL, time);
	else
		fputs("\xe2\x80\x93", out);
	fputs("</td>", out);
}

static void
file_cells(FILE *out, const struct row *row)
{
	size_cell(out, row->bytes);
	duration_cell(out, row->making);
	duration_cell(out, row->sealing);
	duration_cell(out, row->waiting);
	duration_cell(out, row->moving);
	number_cell(out, row->failures);
	size_cell(out, row->stored_bytes);
	clock_cell(out, row->confirmed);
	fputs("</tr>\n", out);
}

static void
file_row(FILE *out, const struct timeline *timeline, const struct row *row)
{
	const struct timeline_file *file = &timeline->files[row->first];
	char label[ROWS_LABEL_MAX];

	fputs("<tr><th scope=\"row\" class=\"word\"", out);
	if (row->count == 1 && file->name) {
		fputs(" title=\"", out);
		html_text(out, file->name);
		fputs("\"", out);
	}
	fputs(">", out);
	html_text(out, rows_label(label, timeline, row));
	fprintf(out, "%s</th>", row->count == 1 && file->adopted ? " (of a dead run)" : "");
	clock_cell(out, row->begun);
	file_cells(out, row);
}

void
tables_files(FILE *out, const struct timeline *timeline, const struct row *rows, size_t count)
{
	static const struct tables_column columns[] = {{"File", "word"}, {"Begun", "when"},
		{"Size", "number"}, {"Made in", "number"}, {"Sealed in", "number"},
		{"Waited", "number"}, {"Moved in", "number"}, {"Failed attempts", "number"},
		{"Stored", "number"}, {"Stored at", "when"}};
	struct row all = {0};
	size_t i;

	tables_open(out, "files", "Files, in the order in which they were handed off", columns,
		sizeof(columns) / sizeof(columns[0]));
	for (i = 0; i < count; i++) {
		file_row(out, timeline, &rows[i]);
		all.bytes += rows[i].bytes;
		all.stored_bytes += rows[i].stored_bytes;
		all.failures += rows[i].failures;
		all.making += rows[i].making;
		all.sealing += rows[i].sealing;
		all.waiting += rows[i].waiting;
		all.moving += rows[i].moving;
	}
	fputs("</tbody>\n<tfoot><tr><th scope=\"row\">All</th><td></td>", out);
	file_cells(out, &all);
	fputs("</tfoot>\n", out);
	tables_close(out);
}

static const char *const wait_words[STAGE_RUNWAITS] = {
	[STAGE_RUNWAIT_STORAGE] = "storage, as many files waited as may",
	[STAGE_RUNWAIT_DRAIN] = "storage, when all was made",
	[STAGE_RUNWAIT_ROOM] = "room in a temp root",
};

struct wait {
	uint64_t times;
	int64_t sum;
	const struct timeline_wait *longest;
};

static int64_t
length_of(const struct timeline_wait *wait)
{
	return wait->to > wait->from ? wait->to - wait->from : 0;
}

static struct wait
sum_waits(const struct timeline *timeline, enum stage_runwait what)
{
	const struct timeline_wait *next = timeline->waits;
	struct wait wait = {0};
	size_t i;

	for (i = 0; i < timeline->wait_count; i++, next++) {
		if (next->what != what)
			continue;
		wait.times++;
		wait.sum += length_of(next);
		if (!wait.longest || length_of(next) > length_of(wait.longest))
			wait.longest = next;
	}
	return wait;
}

static void
wait_row(FILE *out, int what, const struct wait *wait)
{
	fprintf(out, "<tr><th scope=\"row\">%s", wait_words[what]);
	if (*wait->longest->why) {
		fputs(" (", out);
		html_text(out, wait->longest->why);
		fputs(")", out);
	}
	fputs("</th>", out);
	number_cell(out, wait->times);
	duration_cell(out, wait->sum);
	duration_cell(out, length_of(wait->longest));
	clock_cell(out, wait->longest->from);
	fputs("</tr>\n", out);
}

void
tables_waits(FILE *out, const struct timeline *timeline)
{
	static const struct tables_column columns[] = {{"duplicity waited for", "long"},
		{"Times", "number"}, {"Altogether", "number"}, {"Longest", "number"},
		{"which began at", "when"}};
	struct wait wait, all = {0};
	int what;

	if (!timeline->wait_count) {
		fputs("<p>duplicity waited for nothing.</p>\n", out);
		return;
	}
	tables_open(out, "waits", "For what duplicity waited", columns,
		sizeof(columns) / sizeof(columns[0]));
	for (what = 0; what < STAGE_RUNWAITS; what++) {
		wait = sum_waits(timeline, (enum stage_runwait)what);
		if (!wait.times)
			continue;
		wait_row(out, what, &wait);
		all.times += wait.times;
		all.sum += wait.sum;
	}
	fputs("</tbody>\n<tfoot><tr><th scope=\"row\">All</th>", out);
	number_cell(out, all.times);
	duration_cell(out, all.sum);
	fputs("<td></td><td></td></tr></tfoot>\n", out);
	tables_close(out);
}

/* Attempts that failed for one reason. */
struct reason {
	const char *text; /* of the first; NULL: for others than those of the table */
	const char *name; /* of its file */
	uint64_t attempts, files;
	size_t last_file;
	int64_t first, last;
};

/* Are two reasons the same, but for the names of their files? */
static bool
is_same(const struct reason *reason, const char *text, const char *name)
{
	const char *here = strstr(reason->text, reason->name), *there = strstr(text, name);
	const size_t before = there ? (size_t)(there - text) : 0;

	if (!here || !there || !*name)
		return strcmp(reason->text, text) == 0;
	return (size_t)(here - reason->text) == before &&
	       strncmp(reason->text, text, before) == 0 &&
	       strcmp(here + strlen(reason->name), there + strlen(name)) == 0;
}

static void
add_failure(struct reason *reason, const struct timeline_attempt *attempt)
{
	if (!reason->attempts || reason->last_file != attempt->file)
		reason->files++;
	if (!reason->attempts++)
		reason->first = attempt->to;
	reason->last = attempt->to;
	reason->last_file = attempt->file;
}

/* The reasons in the order in which they came first; the last one is of all that there was no room for. */
static size_t
sum_failures(const struct timeline *timeline, struct reason reasons[REASONS_MOST + 1])
{
	const struct timeline_attempt *attempt = timeline->attempts;
	size_t i, k, count = 0;
	const char *name;

	for (i = 0; i < timeline->attempt_count; i++, attempt++) {
		if (!attempt->failure)
			continue;
		name = timeline->files[attempt->file].name;
		for (k = 0; k < count && reasons[k].text; k++)
			if (is_same(&reasons[k], attempt->failure, name))
				break;
		if (k == count)
			reasons[count++] = (struct reason){
				.text = k < REASONS_MOST ? attempt->failure : NULL, .name = name};
		add_failure(&reasons[k], attempt);
	}
	return count;
}

void
tables_failures(FILE *out, const struct timeline *timeline)
{
	static const struct tables_column columns[] = {{"Reason", "long"}, {"Attempts", "number"},
		{"Files", "number"}, {"First at", "when"}, {"Last at", "when"}};
	struct reason reasons[REASONS_MOST + 1];
	const size_t count = sum_failures(timeline, reasons);
	uint64_t all = 0;
	size_t i;

	if (!count) {
		fputs("<p>No attempt to hand a file off failed.</p>\n", out);
		return;
	}
	tables_open(out, "failures", "Attempts to hand a file off that failed", columns,
		sizeof(columns) / sizeof(columns[0]));
	for (i = 0; i < count; i++) {
		fputs("<tr><th scope=\"row\">", out);
		html_text(out, reasons[i].text ? reasons[i].text : "other reasons");
		fputs("</th>", out);
		number_cell(out, reasons[i].attempts);
		number_cell(out, reasons[i].files);
		clock_cell(out, reasons[i].first);
		clock_cell(out, reasons[i].last);
		fputs("</tr>\n", out);
		all += reasons[i].attempts;
	}
	fputs("</tbody>\n<tfoot><tr><th scope=\"row\">All</th>", out);
	number_cell(out, all);
	fputs("<td></td><td></td><td></td></tr></tfoot>\n", out);
	tables_close(out);
}
