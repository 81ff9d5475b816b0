/*
 * From a file's left to its right: high and light while it is made, low and light until it is sealed, a thin line while it
 * waits, also between two attempts, high and dark while it moves, lower and red for an attempt that fails. So the heights
 * tell without the colours.
 */
#include "report/gantt.h"

#include <inttypes.h>

#include "report/chart.h"
#include "report/html.h"
#include "report/spell.h"

/* Pixels of a row: of few, of more, and of many. */
#define FEW 40
#define PITCH_OF_FEW 18
#define PITCH_OF_MANY 7

/* Rows between two labels, where there are many. */
#define LABEL_EACH 10

#define TOP 4

/* What appears when the pointer rests on a row. */
static void
write_tip(FILE *out, const struct timeline *timeline, const struct row *row)
{
	char label[ROWS_LABEL_MAX], text[SPELL_MAX];

	fputs("<title>", out);
	html_text(out, row->count > 1 || !timeline->files[row->first].name
			       ? rows_label(label, timeline, row)
			       : timeline->files[row->first].name);
	fprintf(out, ", %s", spell_size(text, row->bytes));
	if (row->making)
		fprintf(out, ", made in %s", spell_duration(text, row->making));
	if (row->moving)
		fprintf(out, ", moved in %s", spell_duration(text, row->moving));
	if (row->failures)
		fprintf(out, ", attempts that failed: %" PRIu64, row->failures);
	fputs("</title>", out);
}

/* A strip of attempts, those that failed or the others. */
static void
write_attempts(struct chart *chart, const struct timeline *timeline, const struct row *row,
	bool failed, double y, double height)
{
	const struct timeline_attempt *attempt = timeline->attempts + row->attempt;
	struct chart_strip strip;
	size_t i;

	if (!row->attempt_count || (failed && !row->failures))
		return;
	chart_strip(&strip, chart, failed ? "failed" : "moved", y, height);
	for (i = 0; i < row->attempt_count; i++, attempt++)
		if (!attempt->failure == !failed)
			chart_strip_add(&strip, attempt->from, attempt->to);
	chart_strip_end(&strip);
}

static void
write_row(struct chart *chart, const struct timeline *timeline, const struct row *row, int top,
	int pitch)
{
	const double high = pitch * 0.7, y = top + (pitch - high) / 2, middle = top + pitch / 2.0;
	const bool is_one = row->count == 1;
	/* several files are made and moved at once: the one above the other */
	const double half = is_one ? high : high / 2, lower = is_one ? y : middle;
	const int64_t known = row->made ? row->made : row->sealed;
	const int64_t waits = is_one && row->sealed > known ? row->sealed : known;
	const int64_t end = row->confirmed ? row->confirmed : timeline->end;

	fputs("<g>", chart->out);
	write_tip(chart->out, timeline, row);
	if (waits && timeline->files[row->first].name)
		chart_bar(chart, "waits",
			&(struct chart_bar){waits, end, middle - high * 0.12, high * 0.24});
	if (row->begun)
		chart_bar(chart, "made",
			&(struct chart_bar){
				row->begun, row->made ? row->made : timeline->end, y, half});
	if (is_one && row->made && row->sealed > row->made)
		chart_bar(chart, "sealing",
			&(struct chart_bar){
				row->made, row->sealed, middle - high * 0.3, high * 0.6});
	write_attempts(chart, timeline, row, false, lower, half);
	write_attempts(chart, timeline, row, true, is_one ? middle - high * 0.3 : lower,
		is_one ? high * 0.6 : half);
	fputs("</g>\n", chart->out);
}

static void
write_labels(struct chart *chart, const struct timeline *timeline, const struct row *rows,
	size_t count, int pitch)
{
	char label[ROWS_LABEL_MAX];
	size_t i;

	for (i = 0; i < count; i++) {
		struct row first = rows[i];

		if (pitch < PITCH_OF_FEW && i % LABEL_EACH)
			continue;
		first.count = 1;
		chart_label(chart, TOP + (int)i * pitch + pitch / 2,
			rows_label(label, timeline, &first));
	}
}

void
gantt_write(FILE *out, const struct timeline *timeline, const struct row *rows, size_t count)
{
	struct chart chart = {
		.out = out, .id = "gantt", .begin = timeline->begin, .end = timeline->end};
	const int pitch = count > FEW ? PITCH_OF_MANY : PITCH_OF_FEW;
	const int bottom = TOP + (int)count * pitch;
	size_t i;

	chart_open(&chart, "Files from made to stored",
		"A bar for each file over the time of the run: made, sealed, waiting, moving, attempts that failed. "
		"The table beneath has the same figures.",
		bottom + CHART_AXIS);
	chart_axis(&chart, TOP, bottom);
	write_labels(&chart, timeline, rows, count, pitch);
	chart_plot(&chart, TOP, bottom);
	for (i = 0; i < count; i++)
		write_row(&chart, timeline, &rows[i], TOP + (int)i * pitch, pitch);
	chart_plot_end(&chart);
	chart_close(&chart);
}
