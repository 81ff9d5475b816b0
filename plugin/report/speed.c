#include "report/speed.h"

#include "report/chart.h"
#include "report/spell.h"

#define TOP 8
#define HEIGHT 64

/* Columns of the picture: each is an average, of so many units of the width. */
#define COLUMN 10
#define COLUMNS (CHART_WIDTH / COLUMN)

/* Bytes in each column. */
struct bytes {
	double values[COLUMNS];
};

/* Spreads bytes over a span of time. */
static void
spread(struct bytes *bytes, const struct timeline *timeline, int64_t from, int64_t to,
	uint64_t size)
{
	const double span = (double)(timeline->end - timeline->begin) / COLUMNS;
	double left = (double)(from - timeline->begin), right = (double)(to - timeline->begin);
	int column;

	if (span <= 0)
		return;
	if (left < 0)
		left = 0;
	if (right < left + 1)
		right = left + 1; /* a millisecond is the least that is told */
	for (column = (int)(left / span); column < COLUMNS && column * span < right; column++) {
		const double begin = column * span > left ? column * span : left;
		const double end = (column + 1) * span < right ? (column + 1) * span : right;

		if (end > begin)
			bytes->values[column] += (double)size * (end - begin) / (right - left);
	}
}

static void
fill_made(struct bytes *bytes, const struct timeline *timeline)
{
	const struct timeline_file *file;
	size_t i;

	*bytes = (struct bytes){0};
	for (i = 0; i < timeline->file_count; i++) {
		file = &timeline->files[i];
		if (file->made)
			spread(bytes, timeline, file->begun ? file->begun : file->made, file->made,
				file->size);
	}
}

static void
fill_moved(struct bytes *bytes, const struct timeline *timeline)
{
	const struct timeline_attempt *attempt;
	const struct timeline_file *file;
	size_t i;

	*bytes = (struct bytes){0};
	for (i = 0; i < timeline->attempt_count; i++) {
		attempt = &timeline->attempts[i];
		file = &timeline->files[attempt->file];
		if (!attempt->failure && file->confirmed)
			spread(bytes, timeline, attempt->from, attempt->to, file->size);
	}
}

static double
most_of(const struct bytes *bytes)
{
	double most = 0;
	int i;

	for (i = 0; i < COLUMNS; i++)
		if (bytes->values[i] > most)
			most = bytes->values[i];
	return most;
}

static void
write_one(const struct bytes *bytes, struct chart *chart, const char *class, const char *title,
	const char *description)
{
	const double seconds = (double)(chart->end - chart->begin) / COLUMNS / 1000;
	const double peak = most_of(bytes);
	double values[CHART_WIDTH];
	char text[SPELL_MAX], label[SPELL_MAX + 2];
	int x;

	for (x = 0; x < CHART_WIDTH; x++)
		values[x] = bytes->values[x / COLUMN];
	chart_open(chart, title, description, TOP + HEIGHT + CHART_AXIS);
	chart_axis(chart, TOP, TOP + HEIGHT);
	chart_line(chart, "grid", TOP + HEIGHT);
	chart_label(chart, TOP + HEIGHT, "0");
	if (peak > 0) {
		snprintf(
			label, sizeof(label), "%s/s", spell_size(text, (uint64_t)(peak / seconds)));
		chart_label(chart, TOP + HEIGHT - (HEIGHT - 8), label);
	}
	chart_plot(chart, TOP, TOP + HEIGHT);
	chart_area(chart, class, values, peak, TOP + HEIGHT, HEIGHT - 8);
	chart_plot_end(chart);
	chart_close(chart);
}

void
speed_write(FILE *out, const struct timeline *timeline)
{
	struct chart chart = {.out = out, .begin = timeline->begin, .end = timeline->end};
	struct bytes bytes;

	fputs("<h3>Made</h3>\n", out);
	chart.id = "speed-made";
	fill_made(&bytes, timeline);
	write_one(&bytes, &chart, "made", "Bytes a second that duplicity made",
		"Over the time of the run; the scale is its own.");
	fputs("<h3>Moved to storage</h3>\n", out);
	chart.id = "speed-moved";
	fill_moved(&bytes, timeline);
	write_one(&bytes, &chart, "moved", "Bytes a second that storage took",
		"Over the time of the run; the scale is its own.");
}
