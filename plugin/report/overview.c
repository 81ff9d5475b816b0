#include "report/overview.h"

#include <inttypes.h>

#include "report/html.h"
#include "report/spell.h"
#include "report/verdict.h"

static void
write_heading(FILE *out, const struct timeline *timeline)
{
	const struct stage_runsummary *summary = &timeline->summary;
	char zone[SPELL_MAX];

	fputs("<h1>", out);
	html_text(out, verdict_action(summary->action));
	fputs(" to ", out);
	html_path(out, summary->target);
	fputs("</h1>\n<p class=\"soft\">Begun ", out);
	html_moment(out, "begun", timeline->begin);
	fprintf(out, ", %s ",
		timeline->state == STAGE_RUNSTATE_ENDED  ? "ended"
		: timeline->state == STAGE_RUNSTATE_LIVE ? "as of"
							 : "last heard of");
	html_moment(out, "ended", timeline->end);
	fputs(" (", out);
	html_text(out, spell_zone(zone, timeline->begin));
	fputs("), by duplicity ", out);
	html_text(out, summary->host);
	fprintf(out, ", process %" PRIu64 ".</p>\n", summary->pid);
}

static void
write_state(FILE *out, const struct timeline *timeline)
{
	const struct stage_runsummary *summary = &timeline->summary;

	fprintf(out, "<p class=\"state %s\" id=\"state\"><strong>%s</strong>",
		verdict_class(timeline->state, summary),
		verdict_sentence(timeline->state, summary));
	html_text(out, summary->message);
	if (timeline->state == STAGE_RUNSTATE_ENDED && summary->status)
		fprintf(out, "%s(exit status %" PRIu64 ")",
			summary->message && *summary->message ? " " : "", summary->status);
	fputs("</p>\n", out);
	if (timeline->damaged)
		fprintf(out,
			"<p class=\"state bad\" id=\"damaged\"><strong>The record is damaged.</strong>"
			"%zu of its lines cannot be read, and all that follows is without them.</p>\n",
			timeline->damaged);
}

static void
write_files(FILE *out, const char *title, const char *id, const struct stage_runfiles *files)
{
	char name[32];

	fprintf(out, "<div><dt>%s</dt><dd>", title);
	snprintf(name, sizeof(name), "%s-bytes", id);
	html_size(out, name, files->bytes);
	snprintf(name, sizeof(name), "%s-files", id);
	fputs("<span>", out);
	html_number(out, name, files->count);
	fprintf(out, " file%s</span></dd></div>\n", files->count == 1 ? "" : "s");
}

static void
write_speed(FILE *out, const char *title, const char *id, uint64_t speed, const char *note)
{
	fprintf(out, "<div><dt>%s</dt><dd>", title);
	html_speed(out, id, speed);
	fprintf(out, "<span>%s</span></dd></div>\n", note);
}

static void
write_times(FILE *out, const struct timeline *timeline)
{
	const int64_t took = timeline->end - timeline->begin;
	int64_t waited = 0;
	int wait;

	for (wait = 0; wait < STAGE_RUNWAITS; wait++)
		waited += stage_runsummary_waited(
			&timeline->summary, (enum stage_runwait)wait, timeline->end);
	fputs("<div><dt>Took</dt><dd>", out);
	html_duration(out, "took", took);
	fputs("</dd></div>\n<div><dt>duplicity waited</dt><dd>", out);
	html_duration(out, "waited", waited);
	fprintf(out, "<span>%d %% of the time</span></dd></div>\n",
		took > 0 ? (int)(waited * 100 / took) : 0);
}

void
overview_write(FILE *out, const struct timeline *timeline)
{
	const struct stage_runsummary *summary = &timeline->summary;
	const struct stage_runfiles waiting = stage_runsummary_waiting(summary);

	write_heading(out, timeline);
	write_state(out, timeline);
	fputs("<dl class=\"figures\">\n", out);
	write_times(out, timeline);
	write_files(out, "Made", "made", &summary->made);
	if (summary->adopted.count)
		write_files(out, "Taken over from dead runs", "adopted", &summary->adopted);
	write_files(out, "Stored", "stored", &summary->confirmed);
	if (waiting.count)
		write_files(out, "Still waits", "waiting", &waiting);
	write_speed(out, "Making", "making-speed", stage_runsummary_making_speed(summary),
		"without the waits");
	write_speed(out, "Moving", "moving-speed", stage_runsummary_moving_speed(summary),
		"with failed attempts");
	fputs("<div><dt>Failed attempts</dt><dd>", out);
	html_number(out, "retries", summary->retries);
	fputs("</dd></div>\n</dl>\n", out);
}
