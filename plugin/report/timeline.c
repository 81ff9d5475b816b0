/*
 * Files are handed off in the order in which they come. So the file that an event names is, but for damaged records,
 * the first that has not come to that event yet, and is found at once from where the last one was.
 */
#include "report/timeline.h"

#include <stdlib.h>
#include <string.h>

struct builder {
	struct timeline *timeline;
	size_t sealed, open; /* all files before are sealed, or confirmed */
	int64_t volume;      /* when the volume was begun that is being made; 0: none is */
	bool moves, waits;   /* the last attempt, and the last wait, go on */
	uint64_t files, bytes;
};

/*
 * Makes room for one more item of this size behind count items. list is the address of a pointer to them. False without
 * memory.
 */
static bool
grow(void *list, size_t count, size_t size)
{
	void *items;

	/* it grows at 0, 16, and then each power of two */
	if (count && (count < 16 || (count & (count - 1))))
		return true;
	memcpy(&items, list, sizeof(items));
	items = reallocarray(items, count < 16 ? 16 : 2 * count, size);
	if (items)
		memcpy(list, &items, sizeof(items));
	return items != NULL;
}

static bool
copy(const char *text, char **ret_copy)
{
	*ret_copy = strdup(text ? text : "");
	return *ret_copy != NULL;
}

static bool
add_file(struct builder *builder, const char *name, uint64_t size, struct timeline_file file)
{
	struct timeline *timeline = builder->timeline;

	file.size = size;
	if (!grow(&timeline->files, timeline->file_count, sizeof(file)) ||
		(name && !copy(name, &file.name)))
		return false;
	timeline->files[timeline->file_count++] = file;
	return true;
}

/* What waits has become more or less. */
static bool
add_stock(struct builder *builder, int64_t time, uint64_t size, bool more)
{
	struct timeline *timeline = builder->timeline;

	if (more) {
		builder->files++;
		builder->bytes += size;
	} else {
		builder->files -= builder->files > 0;
		builder->bytes -= builder->bytes < size ? builder->bytes : size;
	}
	if (!grow(&timeline->stock, timeline->stock_count, sizeof(*timeline->stock)))
		return false;
	timeline->stock[timeline->stock_count++] =
		(struct timeline_stock){time, builder->files, builder->bytes};
	return true;
}

/* The file of this name that is not confirmed. One that the record has not told of before is added. NULL: no memory. */
static struct timeline_file *
find(struct builder *builder, const char *name)
{
	struct timeline *timeline = builder->timeline;
	size_t i;

	while (builder->open < timeline->file_count && timeline->files[builder->open].confirmed)
		builder->open++;
	for (i = builder->open; i < timeline->file_count; i++)
		if (!timeline->files[i].confirmed && strcmp(timeline->files[i].name, name) == 0)
			return &timeline->files[i];
	if (!add_file(builder, name, 0, (struct timeline_file){0}))
		return NULL;
	return &timeline->files[timeline->file_count - 1];
}

static void
seal(struct builder *builder, const char *name, int64_t time)
{
	struct timeline *timeline = builder->timeline;
	size_t i;

	for (i = builder->sealed; i < timeline->file_count; i++)
		if (!timeline->files[i].sealed && strcmp(timeline->files[i].name, name) == 0)
			break;
	if (i == timeline->file_count)
		return;
	timeline->files[i].sealed = time;
	if (i == builder->sealed)
		builder->sealed++;
}

static bool
add_attempt(struct timeline *timeline, struct timeline_attempt attempt)
{
	if (!grow(&timeline->attempts, timeline->attempt_count, sizeof(attempt)))
		return false;
	timeline->attempts[timeline->attempt_count++] = attempt;
	return true;
}

static bool
begin_attempt(struct builder *builder, const struct stage_runevent *event)
{
	struct timeline *timeline = builder->timeline;
	struct timeline_file *file = find(builder, event->name);

	if (!file)
		return false;
	if (!file->uploaded)
		file->uploaded = event->time;
	file->attempts++;
	/* one file moves at a time: an attempt whose end is not told is over */
	if (builder->moves)
		timeline->attempts[timeline->attempt_count - 1].to = event->time;
	builder->moves = true;
	return add_attempt(timeline,
		(struct timeline_attempt){(size_t)(file - timeline->files), event->time, 0, NULL});
}

/* Ends the attempt that goes on with this file; without one the record has lost its beginning. */
static bool
end_attempt(struct builder *builder, const struct timeline_file *file, int64_t time, char *failure)
{
	struct timeline *timeline = builder->timeline;
	const size_t number = (size_t)(file - timeline->files);
	struct timeline_attempt *last = timeline->attempts + timeline->attempt_count - 1;

	if (builder->moves && last->file == number) {
		builder->moves = false;
		last->to = time;
		last->failure = failure;
		return true;
	}
	return !failure ||
	       add_attempt(timeline, (struct timeline_attempt){number, time, time, failure});
}

static bool
fail(struct builder *builder, const struct stage_runevent *event)
{
	struct timeline_file *file = find(builder, event->name);
	char *failure;

	if (!file || !copy(event->text, &failure))
		return false;
	file->failures++;
	if (end_attempt(builder, file, event->time, failure))
		return true;
	free(failure);
	return false;
}

static bool
confirm(struct builder *builder, const struct stage_runevent *event)
{
	struct timeline_file *file = find(builder, event->name);

	if (!file)
		return false;
	file->confirmed = event->time;
	file->size = event->size;
	return end_attempt(builder, file, event->time, NULL) &&
	       add_stock(builder, event->time, event->size, false);
}

static void
end_wait(struct builder *builder, int64_t time)
{
	if (builder->waits)
		builder->timeline->waits[builder->timeline->wait_count - 1].to = time;
	builder->waits = false;
}

/* stage_runsummary_add() has seen the event: it knows what is waited for. */
static bool
begin_wait(struct builder *builder, const struct stage_runevent *event)
{
	struct timeline *timeline = builder->timeline;
	char *why;

	end_wait(builder, event->time);
	if (!grow(&timeline->waits, timeline->wait_count, sizeof(*timeline->waits)) ||
		!copy(event->text, &why))
		return false;
	timeline->waits[timeline->wait_count++] =
		(struct timeline_wait){timeline->summary.waits_for, event->time, 0, why};
	builder->waits = true;
	return true;
}

/* The file is put into the queue. */
static bool
put(struct builder *builder, const struct stage_runevent *event, struct timeline_file file)
{
	return add_file(builder, event->name, event->size, file) &&
	       add_stock(builder, event->time, event->size, true);
}

static bool
add(struct builder *builder, const struct stage_runevent *event)
{
	const int64_t begun = builder->volume;

	switch (event->kind) {
	case STAGE_RUN_VOLUME:
		builder->volume = event->time;
		break;
	case STAGE_RUN_MADE:
		builder->volume = 0;
		return put(builder, event,
			(struct timeline_file){.begun = begun, .made = event->time});
	case STAGE_RUN_ADOPTED:
		return put(builder, event,
			(struct timeline_file){.adopted = true, .sealed = event->time});
	case STAGE_RUN_SEALED:
		seal(builder, event->name, event->time);
		break;
	case STAGE_RUN_UPLOAD:
		return begin_attempt(builder, event);
	case STAGE_RUN_FAILED:
		return fail(builder, event);
	case STAGE_RUN_CONFIRMED:
		return confirm(builder, event);
	case STAGE_RUN_WAITS:
		return begin_wait(builder, event);
	case STAGE_RUN_GOES_ON:
	case STAGE_RUN_ENDED:
		end_wait(builder, event->time);
		break;
	case STAGE_RUN_VERSION:
	case STAGE_RUN_BEGUN:
	case STAGE_RUN_ROOT:
		break;
	}
	return true;
}

/* What goes on at the end. */
static bool
end(struct builder *builder, int64_t now)
{
	struct timeline *timeline = builder->timeline;

	if (timeline->state == STAGE_RUNSTATE_LIVE && now > timeline->end)
		timeline->end = now;
	if (builder->moves)
		timeline->attempts[timeline->attempt_count - 1].to = timeline->end;
	end_wait(builder, timeline->end);
	return !builder->volume ||
	       add_file(builder, NULL, 0, (struct timeline_file){.begun = builder->volume});
}

int
timeline_read(struct stage_runreader *reader, int64_t now, struct timeline *ret_timeline,
	struct stage_error *error)
{
	struct timeline timeline = {0};
	struct builder builder = {.timeline = &timeline};
	struct stage_runevent event;
	int code;

	while ((code = stage_runreader_next(reader, &event, error)) > 0) {
		if (!timeline.begin)
			timeline.begin = timeline.end = event.time;
		if (event.time > timeline.end) /* a clock may have been set back */
			timeline.end = event.time;
		if (!stage_runsummary_add(&timeline.summary, &event) || !add(&builder, &event)) {
			code = STAGE_E_MEMORY;
			break;
		}
	}
	timeline.state = stage_runreader_state(reader);
	timeline.damaged = stage_runreader_damaged(reader);
	if (code == 0 && !end(&builder, now))
		code = STAGE_E_MEMORY;
	if (code == STAGE_E_MEMORY)
		stage_error_set(error, code, 0, "no memory for the record of a run");
	if (code < 0)
		timeline_release(&timeline);
	else
		*ret_timeline = timeline;
	return code;
}

void
timeline_release(struct timeline *timeline)
{
	size_t i;

	for (i = 0; i < timeline->file_count; i++)
		free(timeline->files[i].name);
	for (i = 0; i < timeline->attempt_count; i++)
		free(timeline->attempts[i].failure);
	for (i = 0; i < timeline->wait_count; i++)
		free(timeline->waits[i].why);
	free(timeline->files);
	free(timeline->attempts);
	free(timeline->waits);
	free(timeline->stock);
	stage_runsummary_release(&timeline->summary);
	*timeline = (struct timeline){0};
}
