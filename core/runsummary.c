#include "runsummary.h"

#include <stdlib.h>
#include <string.h>

static const char *const waits[STAGE_RUNWAITS] = {
	[STAGE_RUNWAIT_STORAGE] = STAGE_RUN_FOR_STORAGE,
	[STAGE_RUNWAIT_DRAIN] = STAGE_RUN_FOR_DRAIN,
	[STAGE_RUNWAIT_ROOM] = STAGE_RUN_FOR_ROOM,
};

const char *
stage_runwait_name(enum stage_runwait wait)
{
	return waits[wait];
}

/* Keeps a text in the place of another. */
static bool
keep(char **member, const char *text)
{
	char *copy = strdup(text ? text : "");

	if (!copy)
		return false;
	free(*member);
	*member = copy;
	return true;
}

static void
count(struct stage_runfiles *files, const struct stage_runevent *event)
{
	files->count++;
	files->bytes += event->size;
}

static bool
add_root(struct stage_runsummary *summary, const struct stage_runevent *event)
{
	struct stage_runroot *longer, root = {.free_bytes = event->size};
	size_t i;

	for (i = 0; i < summary->root_count; i++)
		if (event->name && strcmp(summary->roots[i].path, event->name) == 0)
			return true;
	if (!keep(&root.path, event->name))
		return false;
	longer = realloc(summary->roots, (summary->root_count + 1) * sizeof(*longer));
	if (!longer) {
		free(root.path);
		return false;
	}
	longer[summary->root_count++] = root;
	summary->roots = longer;
	return true;
}

/* A clock may have been set back. */
static int64_t
since(int64_t begun, int64_t now)
{
	return begun && now > begun ? now - begun : 0;
}

static bool
begin(struct stage_runsummary *summary, const struct stage_runevent *event)
{
	summary->begun = event->time;
	summary->pid = event->number;
	summary->max_volumes = event->count;
	summary->max_staged = event->size;
	return keep(&summary->action, event->name) & keep(&summary->target, event->target) &
	       keep(&summary->host, event->text);
}

static bool
begin_upload(struct stage_runsummary *summary, const struct stage_runevent *event)
{
	const bool same = event->name && summary->moving && event->number > 1 &&
			  strcmp(summary->moving, event->name) == 0;

	summary->attempt = event->number;
	if (same)
		return true;
	summary->moving_since = event->time;
	return keep(&summary->moving, event->name);
}

static void
confirm(struct stage_runsummary *summary, const struct stage_runevent *event)
{
	count(&summary->confirmed, event);
	summary->moved += since(summary->moving_since, event->time);
	summary->moving_since = 0;
	free(summary->moving);
	summary->moving = NULL;
}

static bool
begin_wait(struct stage_runsummary *summary, const struct stage_runevent *event)
{
	int wait;

	for (wait = 0; wait < STAGE_RUNWAITS - 1; wait++)
		if (event->name && strcmp(waits[wait], event->name) == 0)
			break;
	summary->waits_since = event->time;
	summary->waits_for = (enum stage_runwait)wait;
	return keep(&summary->waits_why, event->text);
}

static void
end_wait(struct stage_runsummary *summary, int64_t now)
{
	summary->waited[summary->waits_for] += since(summary->waits_since, now);
	summary->waits_since = 0;
}

static bool
end(struct stage_runsummary *summary, const struct stage_runevent *event)
{
	end_wait(summary, event->time);
	summary->ended = event->time;
	summary->result = stage_runresult_of(event->name ? event->name : "");
	summary->status = event->number;
	return keep(&summary->message, event->text);
}

bool
stage_runsummary_add(struct stage_runsummary *summary, const struct stage_runevent *event)
{
	if (event->kind != STAGE_RUN_VERSION)
		summary->last = event->time;
	switch (event->kind) {
	case STAGE_RUN_VERSION:
		break;
	case STAGE_RUN_BEGUN:
		return begin(summary, event);
	case STAGE_RUN_ROOT:
		return add_root(summary, event);
	case STAGE_RUN_VOLUME:
		summary->making_since = event->time;
		break;
	case STAGE_RUN_MADE:
		count(&summary->made, event);
		summary->making += since(summary->making_since, event->time);
		summary->making_since = 0;
		break;
	case STAGE_RUN_ADOPTED:
		count(&summary->adopted, event);
		break;
	case STAGE_RUN_SEALED:
		count(&summary->sealed, event);
		break;
	case STAGE_RUN_UPLOAD:
		return begin_upload(summary, event);
	case STAGE_RUN_FAILED:
		summary->retries++;
		summary->failed = event->time;
		return keep(&summary->failure, event->text);
	case STAGE_RUN_CONFIRMED:
		confirm(summary, event);
		break;
	case STAGE_RUN_WAITS:
		return begin_wait(summary, event);
	case STAGE_RUN_GOES_ON:
		end_wait(summary, event->time);
		break;
	case STAGE_RUN_ENDED:
		return end(summary, event);
	}
	return true;
}

static uint64_t
difference(uint64_t more, uint64_t less)
{
	return more > less ? more - less : 0;
}

struct stage_runfiles
stage_runsummary_waiting(const struct stage_runsummary *summary)
{
	return (struct stage_runfiles){
		difference(summary->made.count + summary->adopted.count, summary->confirmed.count),
		difference(summary->made.bytes + summary->adopted.bytes, summary->confirmed.bytes),
	};
}

int64_t
stage_runsummary_waited(
	const struct stage_runsummary *summary, enum stage_runwait wait, int64_t now)
{
	return summary->waited[wait] +
	       (summary->waits_for == wait ? since(summary->waits_since, now) : 0);
}

static uint64_t
speed(uint64_t bytes, int64_t milliseconds)
{
	return milliseconds > 0 ? (uint64_t)((double)bytes * 1000 / (double)milliseconds) : 0;
}

uint64_t
stage_runsummary_making_speed(const struct stage_runsummary *summary)
{
	return speed(summary->made.bytes, summary->making);
}

uint64_t
stage_runsummary_moving_speed(const struct stage_runsummary *summary)
{
	return speed(summary->confirmed.bytes, summary->moved);
}

int64_t
stage_runsummary_left(const struct stage_runsummary *summary, int64_t now)
{
	const uint64_t bytes = stage_runsummary_waiting(summary).bytes,
		       a_second = stage_runsummary_moving_speed(summary);
	int64_t seconds;

	if (!a_second)
		return bytes ? -1 : 0;
	seconds = (int64_t)((double)bytes / (double)a_second) -
		  since(summary->moving_since, now) / 1000;
	return seconds > 0 ? seconds : 0;
}

static bool
copy_text(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return *to || !from;
}

static bool
copy_roots(const struct stage_runsummary *summary, struct stage_runsummary *copy)
{
	copy->roots = calloc(summary->root_count + 1, sizeof(*copy->roots));
	if (!copy->roots)
		return false;
	for (; copy->root_count < summary->root_count; copy->root_count++) {
		copy->roots[copy->root_count] = summary->roots[copy->root_count];
		if (!copy_text(&copy->roots[copy->root_count].path,
			    summary->roots[copy->root_count].path))
			return false;
	}
	return true;
}

bool
stage_runsummary_copy(const struct stage_runsummary *summary, struct stage_runsummary *ret_copy)
{
	struct stage_runsummary copy = *summary;
	bool done;

	copy.roots = NULL;
	copy.root_count = 0;
	/* not &&: each member is the copy's own afterwards, or NULL */
	done = copy_text(&copy.action, summary->action) & copy_text(&copy.target, summary->target) &
	       copy_text(&copy.host, summary->host) & copy_text(&copy.moving, summary->moving) &
	       copy_text(&copy.failure, summary->failure) &
	       copy_text(&copy.waits_why, summary->waits_why) &
	       copy_text(&copy.message, summary->message) & copy_roots(summary, &copy);
	if (done)
		*ret_copy = copy;
	else
		stage_runsummary_release(&copy);
	return done;
}

void
stage_runsummary_release(struct stage_runsummary *summary)
{
	size_t i;

	for (i = 0; i < summary->root_count; i++)
		free(summary->roots[i].path);
	free(summary->roots);
	free(summary->action);
	free(summary->target);
	free(summary->host);
	free(summary->moving);
	free(summary->failure);
	free(summary->waits_why);
	free(summary->message);
	*summary = (struct stage_runsummary){0};
}
