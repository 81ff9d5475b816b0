#include "report/stock.h"

#include <inttypes.h>
#include <string.h>

#include "report/chart.h"
#include "report/spell.h"

#define TOP 16
#define HEIGHT 84

/* A limit that is higher than so many times what there was would leave nothing to see. */
#define LIMIT_TIMES 4

struct stage_runfiles
stock_peak(const struct timeline *timeline)
{
	struct stage_runfiles peak = {0};
	size_t i;

	for (i = 0; i < timeline->stock_count; i++) {
		if (timeline->stock[i].files > peak.count)
			peak.count = timeline->stock[i].files;
		if (timeline->stock[i].bytes > peak.bytes)
			peak.bytes = timeline->stock[i].bytes;
	}
	return peak;
}

static double
value_of(const struct timeline_stock *stock, bool bytes)
{
	return (double)(bytes ? stock->bytes : stock->files);
}

/* In each unit of the width the most that there was in it. */
static void
fill(const struct chart *chart, const struct timeline *timeline, bool bytes,
	double values[CHART_WIDTH])
{
	size_t i;
	int x, to;

	memset(values, 0, CHART_WIDTH * sizeof(*values));
	for (i = 0; i < timeline->stock_count; i++) {
		const double value = value_of(&timeline->stock[i], bytes);
		const bool last = i + 1 == timeline->stock_count;

		x = chart_x(chart, timeline->stock[i].time);
		to = chart_x(chart, last ? timeline->end : timeline->stock[i + 1].time);
		do
			if (x < CHART_WIDTH && values[x] < value)
				values[x] = value;
		while (++x < to);
	}
}

static const char *
spell_value(char text[SPELL_MAX], uint64_t value, bool bytes)
{
	if (bytes)
		return spell_size(text, value);
	snprintf(text, SPELL_MAX, "%" PRIu64 " file%s", value, value == 1 ? "" : "s");
	return text;
}

static void
write_limit(struct chart *chart, uint64_t limit, double most, bool bytes)
{
	const int y = TOP + HEIGHT - (int)((double)limit / most * HEIGHT);
	char text[SPELL_MAX];

	chart_line(chart, "limit", y);
	fprintf(chart->out, "<text class=\"limit-label\" x=\"100%%\" y=\"%d\">limit %s</text>\n",
		y - 4, spell_value(text, limit, bytes));
}

static void
write_one(FILE *out, const struct timeline *timeline, bool bytes)
{
	struct chart chart = {.out = out,
		.id = bytes ? "stock-bytes" : "stock-files",
		.begin = timeline->begin,
		.end = timeline->end};
	const struct stage_runfiles peaks = stock_peak(timeline);
	const uint64_t peak = bytes ? peaks.bytes : peaks.count;
	const uint64_t limit = bytes ? timeline->summary.max_staged : timeline->summary.max_volumes;
	const bool is_shown = limit && limit / LIMIT_TIMES <= peak;
	const double most = (double)(is_shown && limit > peak ? limit : peak ? peak : 1);
	const int peak_y = TOP + HEIGHT - (int)((double)peak / most * HEIGHT);
	double values[CHART_WIDTH];
	char text[SPELL_MAX];

	chart_open(&chart, bytes ? "Bytes that wait" : "Files that wait",
		bytes ? "How many bytes were made and not yet in storage, over the time of the run."
		      : "How many files were made and not yet in storage, over the time of the run.",
		TOP + HEIGHT + CHART_AXIS);
	chart_axis(&chart, TOP, TOP + HEIGHT);
	chart_line(&chart, "grid", TOP + HEIGHT);
	chart_label(&chart, TOP + HEIGHT, "0");
	if (peak)
		chart_label(&chart, peak_y, spell_value(text, peak, bytes));
	fill(&chart, timeline, bytes, values);
	chart_plot(&chart, TOP, TOP + HEIGHT);
	chart_area(&chart, "stock", values, most, TOP + HEIGHT, HEIGHT);
	chart_plot_end(&chart);
	if (is_shown)
		write_limit(&chart, limit, most, bytes);
	chart_close(&chart);
}

void
stock_write(FILE *out, const struct timeline *timeline)
{
	write_one(out, timeline, true);
	write_one(out, timeline, false);
}
