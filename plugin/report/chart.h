/*
 * chart - a picture over the time of a run, as inline SVG
 *
 *	struct chart chart = {.out = out, .id = "files", .begin = begin, .end = end};
 *
 *	chart_open(&chart, "Files", "Each file, from made to stored.", height);
 *	chart_axis(&chart, top, bottom);
 *	chart_label(&chart, y, "vol1");
 *	chart_plot(&chart, top, bottom);
 *	chart_bar(&chart, "made", &(struct chart_bar){from, to, y, height});
 *	chart_plot_end(&chart);
 *	chart_close(&chart);
 *
 * It is as wide as its place in the page, and text in it has always the same size: what has a width is within the
 * plot, which is stretched; what is text is placed by percentages. Heights are pixels. Labels stand to the left
 * of the plot, in a margin that the page's style leaves.
 *
 * Classes are the page's (style.c). Titles and classes are written as they are.
 *
 * One thread at a time.
 */
#ifndef STAGEDIR_CHART_H
#define STAGEDIR_CHART_H

#include <stdint.h>
#include <stdio.h>

/* Units of the plot from its left to its right. Nothing finer is drawn. */
#define CHART_WIDTH 1000

struct chart {
	FILE *out;
	const char *id;
	int64_t begin, end; /* milliseconds since 1970 */
};

/* A span of time, at y, so high; pixels, tenths of which are told apart. */
struct chart_bar {
	int64_t from, to;
	double y, height;
};

/* The picture, with what a screen reader says of it; description may have what html_text() must not escape. */
void chart_open(struct chart *chart, const char *title, const char *description, int height);
void chart_close(struct chart *chart);

/* Pixels that an axis takes beneath its bottom. */
#define CHART_AXIS 22

/* Lines at round times since the begin, from top to bottom, with their labels beneath. */
void chart_axis(struct chart *chart, int top, int bottom);

/* A line at y over the whole width, of this class. */
void chart_line(struct chart *chart, const char *class, int y);

/* A text in the margin, with its middle at y. */
void chart_label(struct chart *chart, int y, const char *text);

/* A line of text above what follows at y: from the left edge of the page, and to the right edge. */
void chart_caption(struct chart *chart, int y, const char *left, const char *right);

/* The units of a moment from the left. */
int chart_x(const struct chart *chart, int64_t time);

/* What is stretched. */
void chart_plot(struct chart *chart, int top, int bottom);
void chart_plot_end(struct chart *chart);

/* Within a plot. Each bar can be seen, however short its time was. */
void chart_bar(struct chart *chart, const char *class, const struct chart_bar *bar);

/*
 * Many bars of one class in one row, in the order of time. Those that nobody could tell apart are drawn as one, so that the
 * picture has a bounded size.
 *
 *	struct chart_strip strip;
 *
 *	chart_strip(&strip, &chart, "made", y, height);
 *	chart_strip_add(&strip, from, to);
 *	chart_strip_end(&strip);
 */
struct chart_strip {
	struct chart *chart;
	double y, height;
	int from, to; /* units; to is -1 before the first bar */
};

void chart_strip(
	struct chart_strip *strip, struct chart *chart, const char *class, double y, double height);
void chart_strip_add(struct chart_strip *strip, int64_t from, int64_t to);
void chart_strip_end(struct chart_strip *strip);

/* A value for each unit of the width, as an area above the line at bottom: most is so many pixels high. */
void chart_area(struct chart *chart, const char *class, const double values[CHART_WIDTH],
	double most, int bottom, int height);

#endif
