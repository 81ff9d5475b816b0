#include "report/lanes.h"

#include "report/chart.h"
#include "report/spell.h"

/* Pixels: of a lane with the text above it, from its top to its bar, and of the bar. */
#define PITCH 34
#define BAR_TOP 18
#define BAR 12

/* Visits the spans of a lane in the order of time. Returns how long they took. */
typedef int64_t (*visit_function)(const struct timeline *timeline, struct chart_strip *strip);

static int64_t
add(struct chart_strip *strip, int64_t from, int64_t to)
{
	if (strip)
		chart_strip_add(strip, from, to);
	return to > from ? to - from : 0;
}

static int64_t
visit_making(const struct timeline *timeline, struct chart_strip *strip)
{
	const struct timeline_file *file;
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < timeline->file_count; i++) {
		file = &timeline->files[i];
		if (file->begun)
			sum += add(strip, file->begun, file->made ? file->made : timeline->end);
	}
	return sum;
}

static int64_t
visit_waits(const struct timeline *timeline, struct chart_strip *strip, enum stage_runwait what)
{
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < timeline->wait_count; i++)
		if (timeline->waits[i].what == what)
			sum += add(strip, timeline->waits[i].from, timeline->waits[i].to);
	return sum;
}

static int64_t
visit_storage(const struct timeline *timeline, struct chart_strip *strip)
{
	return visit_waits(timeline, strip, STAGE_RUNWAIT_STORAGE);
}

static int64_t
visit_room(const struct timeline *timeline, struct chart_strip *strip)
{
	return visit_waits(timeline, strip, STAGE_RUNWAIT_ROOM);
}

static int64_t
visit_drain(const struct timeline *timeline, struct chart_strip *strip)
{
	return visit_waits(timeline, strip, STAGE_RUNWAIT_DRAIN);
}

static int64_t
visit_attempts(const struct timeline *timeline, struct chart_strip *strip, bool failed)
{
	const struct timeline_attempt *attempt;
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < timeline->attempt_count; i++) {
		attempt = &timeline->attempts[i];
		if (!attempt->failure == !failed)
			sum += add(strip, attempt->from, attempt->to);
	}
	return sum;
}

static int64_t
visit_moving(const struct timeline *timeline, struct chart_strip *strip)
{
	return visit_attempts(timeline, strip, false);
}

static int64_t
visit_failed(const struct timeline *timeline, struct chart_strip *strip)
{
	return visit_attempts(timeline, strip, true);
}

/* From an attempt that failed to the next one of its file. */
static int64_t
visit_pauses(const struct timeline *timeline, struct chart_strip *strip)
{
	const struct timeline_attempt *attempt;
	int64_t sum = 0;
	size_t i;

	for (i = 0; i + 1 < timeline->attempt_count; i++) {
		attempt = &timeline->attempts[i];
		if (attempt->failure && attempt[1].file == attempt->file)
			sum += add(strip, attempt->to, attempt[1].from);
	}
	return sum;
}

/* Lanes without anything in them are left out, but for those that are always shown. */
static const struct lane {
	const char *text, *class;
	visit_function visit;
	bool always;
} lanes[] = {
	{"duplicity makes volumes", "made", visit_making, true},
	{"duplicity waits for storage", "waits", visit_storage, false},
	{"duplicity waits for room", "waits", visit_room, false},
	{"duplicity waits: all is made", "waits", visit_drain, false},
	{"storage takes files", "moved", visit_moving, true},
	{"storage: attempts that fail", "failed", visit_failed, false},
	{"storage: pauses before the next", "waits", visit_pauses, false},
};
#define LANES (sizeof(lanes) / sizeof(lanes[0]))

static void
write_lane(struct chart *chart, const struct timeline *timeline, const struct lane *lane, int top)
{
	struct chart_strip strip;
	char text[SPELL_MAX];

	chart_caption(
		chart, top + 13, lane->text, spell_duration(text, lane->visit(timeline, NULL)));
	chart_line(chart, "grid", top + BAR_TOP + BAR);
	chart_plot(chart, top + BAR_TOP, top + BAR_TOP + BAR);
	chart_strip(&strip, chart, lane->class, top + BAR_TOP, BAR);
	lane->visit(timeline, &strip);
	chart_strip_end(&strip);
	chart_plot_end(chart);
}

void
lanes_write(FILE *out, const struct timeline *timeline)
{
	struct chart chart = {
		.out = out, .id = "lanes", .begin = timeline->begin, .end = timeline->end};
	bool shown[LANES];
	int height = 0;
	size_t i;

	for (i = 0; i < LANES; i++) {
		shown[i] = lanes[i].always || lanes[i].visit(timeline, NULL) > 0;
		height += shown[i] ? PITCH : 0;
	}
	chart_open(&chart, "Who worked, and who waited",
		"A lane for each thing that duplicity and storage do, marked when they do it. The sums are at its right end.",
		height + CHART_AXIS);
	chart_axis(&chart, BAR_TOP, height);
	for (i = 0, height = 0; i < LANES; i++) {
		if (!shown[i])
			continue;
		write_lane(&chart, timeline, &lanes[i], height);
		height += PITCH;
	}
	chart_close(&chart);
}
