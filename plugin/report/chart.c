/* Numbers are written by whole ones: printf(3) would write the locale's decimal point. */
#include "report/chart.h"

#include <inttypes.h>

#include "report/html.h"
#include "report/spell.h"

/* Labels on an axis, at the most: so many fit beside each other on a telephone. */
#define TICKS_MOST 4

/* Units: a bar is at least so wide. */
#define BAR_LEAST 3

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* Tenths of a pixel. */
static void
print_tenths(FILE *out, double value)
{
	const int tenths = (int)(value * 10 + 0.5);

	if (tenths % 10)
		fprintf(out, "%d.%d", tenths / 10, tenths % 10);
	else
		fprintf(out, "%d", tenths / 10);
}

int
chart_x(const struct chart *chart, int64_t time)
{
	const int64_t span = chart->end - chart->begin;

	if (time <= chart->begin || span <= 0)
		return 0;
	if (time >= chart->end)
		return CHART_WIDTH;
	return (int)((double)(time - chart->begin) * CHART_WIDTH / (double)span);
}

void
chart_open(struct chart *chart, const char *title, const char *description, int height)
{
	fprintf(chart->out,
		"<svg class=\"chart\" role=\"img\" aria-labelledby=\"%s-title %s-desc\" height=\"%d\" "
		"xmlns=\"http://www.w3.org/2000/svg\">\n"
		"<title id=\"%s-title\">%s</title>\n<desc id=\"%s-desc\">",
		chart->id, chart->id, height, chart->id, title, chart->id);
	html_text(chart->out, description);
	fputs("</desc>\n", chart->out);
}

void
chart_close(struct chart *chart)
{
	fputs("</svg>\n", chart->out);
}

/* Milliseconds between two labels. */
static int64_t
choose_step(int64_t span)
{
	static const int64_t steps[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, SECOND, 2 * SECOND,
		3 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 20 * SECOND, 30 * SECOND, MINUTE,
		2 * MINUTE, 3 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 20 * MINUTE,
		30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 6 * HOUR, 12 * HOUR, DAY};
	const size_t count = sizeof(steps) / sizeof(steps[0]);
	size_t i;

	for (i = 0; i < count; i++)
		if (span / steps[i] <= TICKS_MOST)
			return steps[i];
	return (span / TICKS_MOST / DAY + 1) * DAY;
}

static void
print_percent(FILE *out, int x)
{
	fprintf(out, "%d.%d%%", x / (CHART_WIDTH / 100), x % (CHART_WIDTH / 100));
}

void
chart_axis(struct chart *chart, int top, int bottom)
{
	const int64_t span = chart->end - chart->begin, step = choose_step(span);
	char text[SPELL_MAX];
	int64_t tick;

	for (tick = 0; tick <= span / step; tick++) {
		const int64_t time = tick * step;
		const int x = chart_x(chart, chart->begin + time);
		const char *anchor = x > CHART_WIDTH * 93 / 100 ? "end" : x ? "middle" : "start";

		fputs("<line class=\"grid\" x1=\"", chart->out);
		print_percent(chart->out, x);
		fputs("\" x2=\"", chart->out);
		print_percent(chart->out, x);
		fprintf(chart->out, "\" y1=\"%d\" y2=\"%d\"/><text class=\"tick\" x=\"", top,
			bottom + 4);
		print_percent(chart->out, x);
		fprintf(chart->out, "\" y=\"%d\" text-anchor=\"%s\">%s</text>\n", bottom + 18,
			anchor, time ? spell_duration(text, time) : "0");
	}
}

void
chart_line(struct chart *chart, const char *class, int y)
{
	fprintf(chart->out, "<line class=\"%s\" x1=\"0\" x2=\"100%%\" y1=\"%d\" y2=\"%d\"/>\n",
		class, y, y);
}

void
chart_label(struct chart *chart, int y, const char *text)
{
	fprintf(chart->out, "<text class=\"label\" x=\"-8\" y=\"%d\">", y + 4);
	html_text(chart->out, text);
	fputs("</text>\n", chart->out);
}

void
chart_caption(struct chart *chart, int y, const char *left, const char *right)
{
	fprintf(chart->out, "<text class=\"caption\" x=\"-76\" y=\"%d\">", y);
	html_text(chart->out, left);
	fprintf(chart->out,
		"</text><text class=\"caption\" x=\"100%%\" y=\"%d\" text-anchor=\"end\">", y);
	html_text(chart->out, right);
	fputs("</text>\n", chart->out);
}

void
chart_plot(struct chart *chart, int top, int bottom)
{
	fprintf(chart->out,
		"<svg y=\"%d\" width=\"100%%\" height=\"%d\" viewBox=\"0 %d %d %d\" preserveAspectRatio=\"none\">\n",
		top, bottom - top, top, CHART_WIDTH, bottom - top);
}

void
chart_plot_end(struct chart *chart)
{
	fputs("</svg>\n", chart->out);
}

/* Makes a span wide enough to be seen. */
static void
widen(int *from, int *to)
{
	if (*to - *from >= BAR_LEAST)
		return;
	if (*from > CHART_WIDTH - BAR_LEAST)
		*from = CHART_WIDTH - BAR_LEAST;
	*to = *from + BAR_LEAST;
}

void
chart_bar(struct chart *chart, const char *class, const struct chart_bar *bar)
{
	int from = chart_x(chart, bar->from), to = chart_x(chart, bar->to);

	widen(&from, &to);
	fprintf(chart->out, "<rect class=\"%s\" x=\"%d\" width=\"%d\" y=\"", class, from,
		to - from);
	print_tenths(chart->out, bar->y);
	fputs("\" height=\"", chart->out);
	print_tenths(chart->out, bar->height);
	fputs("\"/>", chart->out);
}

void
chart_strip(
	struct chart_strip *strip, struct chart *chart, const char *class, double y, double height)
{
	*strip = (struct chart_strip){.chart = chart, .y = y, .height = height, .to = -1};
	fprintf(chart->out, "<path class=\"%s\" d=\"", class);
}

static void
flush_strip(struct chart_strip *strip)
{
	FILE *out = strip->chart->out;
	int from = strip->from, to = strip->to;

	if (to < 0)
		return;
	widen(&from, &to);
	fprintf(out, "M%d ", from);
	print_tenths(out, strip->y);
	fprintf(out, "h%dv", to - from);
	print_tenths(out, strip->height);
	fprintf(out, "h-%dz", to - from);
}

void
chart_strip_add(struct chart_strip *strip, int64_t from, int64_t to)
{
	const int first = chart_x(strip->chart, from), last = chart_x(strip->chart, to);

	if (strip->to < 0 || first > strip->to) {
		flush_strip(strip);
		strip->from = first;
		strip->to = last;
	} else if (last > strip->to) {
		strip->to = last;
	}
}

void
chart_strip_end(struct chart_strip *strip)
{
	flush_strip(strip);
	fputs("\"/>", strip->chart->out);
}

void
chart_area(struct chart *chart, const char *class, const double values[CHART_WIDTH], double most,
	int bottom, int height)
{
	double value, before = 0;
	int x;

	fprintf(chart->out, "<path class=\"%s\" d=\"M0 %d", class, bottom);
	for (x = 0; x <= CHART_WIDTH; x++) {
		value = x < CHART_WIDTH && most > 0 ? values[x] / most * height : 0;
		/* a tenth of a pixel is less than anybody sees */
		if (value - before < 0.05 && before - value < 0.05)
			continue;
		fprintf(chart->out, "H%dV", x);
		print_tenths(chart->out, bottom - value);
		before = value;
	}
	fprintf(chart->out, "H%dV%dz\"/>\n", CHART_WIDTH, bottom);
}
