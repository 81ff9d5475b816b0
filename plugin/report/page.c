#include "report/page.h"

#include <inttypes.h>
#include <stdlib.h>

#include "runrecord.h"
#include "report/gantt.h"
#include "report/html.h"
#include "report/lanes.h"
#include "report/lastruns.h"
#include "report/overview.h"
#include "report/rows.h"
#include "report/speed.h"
#include "report/spell.h"
#include "report/stock.h"
#include "report/style.h"
#include "report/tables.h"
#include "report/timeline.h"

/* A table of more rows is folded. */
#define ROWS_OPEN 16

static void
write_head(FILE *out, const struct timeline *timeline)
{
	char text[SPELL_MAX];

	fputs("<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
	      "<meta charset=\"utf-8\"/>\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
	      "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
	      "<meta name=\"robots\" content=\"noindex\"/>\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
	      "<title>",
		out);
	html_text(out, timeline->summary.target);
	fputs(", ", out);
	html_text(out, spell_moment(text, timeline->begin));
	fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n", style_sheet);
}

static void
write_key(FILE *out)
{
	static const struct {
		const char *class, *text;
		int height;
	} keys[] = {{"made", "is made", 12}, {"sealing", "is sealed: written to disk", 8},
		{"waits", "waits", 3}, {"failed", "attempt that fails", 8},
		{"moved", "moves to storage", 12}};
	size_t i;

	fputs("<ul class=\"key\">\n", out);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		fprintf(out,
			"<li><svg width=\"20\" height=\"12\" aria-hidden=\"true\" xmlns=\"http://www.w3.org/2000/svg\">"
			"<rect class=\"%s\" width=\"20\" y=\"%d\" height=\"%d\"/></svg>%s</li>\n",
			keys[i].class, (12 - keys[i].height) / 2, keys[i].height, keys[i].text);
	fputs("</ul>\n", out);
}

static void
write_lanes(FILE *out, const struct timeline *timeline)
{
	fputs("<section aria-labelledby=\"h-lanes\">\n<h2 id=\"h-lanes\">Who worked, and who waited</h2>\n<figure>\n",
		out);
	lanes_write(out, timeline);
	fputs("<figcaption>In all pictures the time is that since ", out);
	html_clock(out, NULL, timeline->begin);
	fputs(".</figcaption>\n</figure>\n", out);
	tables_waits(out, timeline);
	fputs("</section>\n", out);
}

static void
write_files(FILE *out, const struct timeline *timeline, const struct row *rows, size_t count)
{
	fputs("<section aria-labelledby=\"h-files\">\n<h2 id=\"h-files\">Files, from made to stored</h2>\n",
		out);
	if (count < timeline->file_count)
		fprintf(out,
			"<p id=\"grouped\">There are %zu files: a line stands for %zu of them.</p>\n",
			timeline->file_count, rows[0].count);
	fputs("<figure>\n", out);
	write_key(out);
	gantt_write(out, timeline, rows, count);
	fprintf(out, "</figure>\n<details%s>\n<summary>The same as a table</summary>\n",
		count <= ROWS_OPEN ? " open=\"open\"" : "");
	tables_files(out, timeline, rows, count);
	fputs("</details>\n</section>\n", out);
}

static void
write_limits(FILE *out, const struct timeline *timeline)
{
	const struct stage_runsummary *summary = &timeline->summary;
	const struct stage_runfiles peak = stock_peak(timeline);
	size_t i;

	fputs("<p>At most ", out);
	html_size(out, "peak-bytes", peak.bytes);
	fputs(" in ", out);
	html_number(out, "peak-files", peak.count);
	fprintf(out,
		" files waited at once. Allowed are %" PRIu64 " files (<code>max_volumes</code>)",
		summary->max_volumes);
	if (summary->max_staged) {
		fputs(" and ", out);
		html_size(out, NULL, summary->max_staged);
		fputs(" (<code>max_staged</code>, of all runs of this user).", out);
	} else {
		fputs("; bytes are not limited (<code>max_staged = 0</code>).", out);
	}
	for (i = 0; i < summary->root_count; i++) {
		fputs(" When it came to <code>", out);
		html_text(out, summary->roots[i].path);
		fputs("</code>, ", out);
		html_size(out, NULL, summary->roots[i].free_bytes);
		fputs(" were free there.", out);
	}
	fputs("</p>\n", out);
}

static void
write_rest(FILE *out, const struct timeline *timeline)
{
	fputs("<section aria-labelledby=\"h-stock\">\n<h2 id=\"h-stock\">What waited in the staging directory</h2>\n",
		out);
	write_limits(out, timeline);
	fputs("<figure>\n", out);
	stock_write(out, timeline);
	fputs("</figure>\n</section>\n<section aria-labelledby=\"h-speed\">\n<h2 id=\"h-speed\">Throughput</h2>\n"
	      "<p>The bytes of a file are spread evenly over the time that it took. Each picture has a scale of its own.</p>\n<figure>\n",
		out);
	speed_write(out, timeline);
	fputs("</figure>\n</section>\n<section aria-labelledby=\"h-failures\">\n<h2 id=\"h-failures\">Retries</h2>\n",
		out);
	tables_failures(out, timeline);
	fputs("</section>\n", out);
}

static int
write_page(FILE *out, const struct stage_runfolder *folder, const char *name,
	const struct timeline *timeline, struct stage_error *error)
{
	struct row *rows;
	size_t count;
	int code;

	code = rows_make(timeline, &rows, &count, error);
	if (code < 0)
		return code;
	write_head(out, timeline);
	overview_write(out, timeline);
	write_lanes(out, timeline);
	write_files(out, timeline, rows, count);
	free(rows);
	write_rest(out, timeline);
	fputs("<section aria-labelledby=\"h-runs\">\n<h2 id=\"h-runs\">The last runs</h2>\n", out);
	code = lastruns_write(out, folder, timeline->summary.target, name, error);
	fputs("</section>\n</main>\n<footer>Made by stagedir " VERSION ", ", out);
	html_moment(out, NULL, stage_runrecord_now());
	fprintf(out, ", of the record <code>%s</code>.</footer>\n</body>\n</html>\n", name);
	return code;
}

static int
read_record(const struct stage_runfolder *folder, const char *name, struct timeline *ret_timeline,
	struct stage_error *error)
{
	struct stage_runreader *reader;
	struct timeline timeline;
	int code;

	code = stage_runreader_open(folder->fd, name, &reader, error);
	if (code < 0)
		return code;
	code = timeline_read(reader, stage_runrecord_now(), &timeline, error);
	stage_runreader_close(&reader);
	if (code < 0)
		return code;
	if (!timeline.summary.target) {
		timeline_release(&timeline);
		return stage_error_set(error, STAGE_E_DAMAGED, 0,
			"the record %s does not tell of which run it is: its first lines are damaged",
			name);
	}
	*ret_timeline = timeline;
	return 0;
}

int
page_make(const struct stage_runfolder *folder, const char *name, char **ret_text,
	size_t *ret_length, struct stage_error *error)
{
	struct timeline timeline;
	size_t length = 0;
	char *text = NULL;
	FILE *out;
	bool failed;
	int code;

	code = read_record(folder, name, &timeline, error);
	if (code < 0)
		return code;
	out = open_memstream(&text, &length);
	code = out ? write_page(out, folder, name, &timeline, error) : STAGE_E_MEMORY;
	timeline_release(&timeline);
	failed = out && ferror(out);
	failed |= !out || fclose(out) != 0;
	if (failed || code < 0) {
		free(text);
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for a page");
	}
	*ret_text = text;
	*ret_length = length;
	return 0;
}
