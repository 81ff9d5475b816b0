#include "command/watch.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "amount.h"
#include "command/command.h"
#include "error.h"
#include "runline.h"
#include "runrecord.h"

/* Of a terminal that does not tell. */
#define COLUMNS 80

/* The bar of what waits, at the widest. */
#define BAR_MAX 20

/* A name that may be told of no more than this is cut. */
#define LINE_MAX_BYTES 1024

/* How many lines were drawn, which the next blocks replace. */
static size_t drawn;

static size_t
terminal_columns(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 20)
		return COLUMNS;
	return size.ws_col;
}

/* Prints a line of a block, cut to the width of the terminal: one that is broken would not be replaced. */
static void __attribute__((format(printf, 1, 2))) draw(const char *format, ...)
{
	char text[LINE_MAX_BYTES], printable[LINE_MAX_BYTES];
	size_t columns = terminal_columns(), length;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	stage_error_printable(printable, sizeof(printable), text);
	/* a character of several bytes counts once */
	for (length = 0; printable[length]; length++)
		if ((printable[length] & 0xc0) != 0x80 && columns-- == 0)
			break;
	printf("%.*s\n", (int)length, printable);
	drawn++;
}

static uint64_t
seconds_between(int64_t begun, int64_t end)
{
	return end > begun ? (uint64_t)(end - begun) / 1000 : 0;
}

static void
draw_files(const char *word, const struct stage_runfiles *files, uint64_t speed)
{
	char bytes[STAGE_AMOUNT_MAX], a_second[STAGE_AMOUNT_MAX];

	draw("  %-10s %5" PRIu64 " volume%s %8s%s%s%s", word, files->count,
		files->count == 1 ? " " : "s", stage_amount_size(bytes, files->bytes),
		speed ? "   " : "", speed ? stage_amount_size(a_second, speed) : "",
		speed ? "/s" : "");
}

/* What waits, and how much more may, as a bar. */
static void
draw_waiting(const struct stage_runsummary *summary)
{
	const struct stage_runfiles waiting = stage_runsummary_waiting(summary);
	char bytes[STAGE_AMOUNT_MAX], bar[BAR_MAX + 1];
	uint64_t most = summary->max_volumes, filled = waiting.count, i;

	if (filled > most)
		filled = most;
	if (most > BAR_MAX) {
		filled = filled * BAR_MAX / most;
		most = BAR_MAX;
	}
	for (i = 0; i < most; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[most] = '\0';
	draw("  %-10s %5" PRIu64 " volume%s %8s   [%s] at most %" PRIu64, "waiting", waiting.count,
		waiting.count == 1 ? " " : "s", stage_amount_size(bytes, waiting.bytes), bar,
		summary->max_volumes);
}

static void
draw_moving(const struct stage_runsummary *summary, int64_t now)
{
	char age[STAGE_AMOUNT_MAX];

	if (!summary->moving)
		return;
	draw("  %-10s %s, since %s", "moving", summary->moving,
		stage_amount_age(age, seconds_between(summary->moving_since, now)));
	if (summary->attempt > 1)
		draw("  %-10s attempt %" PRIu64 ", the one before: %s", "", summary->attempt,
			summary->failure ? summary->failure : "");
}

static void
draw_waits(const struct stage_runsummary *summary, int64_t now)
{
	const int64_t left = stage_runsummary_left(summary, now);
	char age[STAGE_AMOUNT_MAX];

	if (!summary->waits_since)
		return;
	draw("  %-10s for %s, since %s", "waits", stage_runline_wait(summary->waits_for),
		stage_amount_age(age, seconds_between(summary->waits_since, now)));
	if (left >= 0 && summary->waits_for == STAGE_RUNWAIT_DRAIN)
		draw("  %-10s %s", "left", stage_amount_age(age, (uint64_t)left));
}

static void
draw_roots(const struct stage_runsummary *summary)
{
	char now[STAGE_AMOUNT_MAX], begun[STAGE_AMOUNT_MAX];
	uint64_t free_bytes;
	size_t i;

	for (i = 0; i < summary->root_count; i++)
		if (stage_runline_free(summary->roots[i].path, &free_bytes))
			draw("  %-10s %s in %s; %s when the run began", "free",
				stage_amount_size(now, free_bytes), summary->roots[i].path,
				stage_amount_size(begun, summary->roots[i].free_bytes));
}

/* How a run ended that does not live any more; "" while it lives. */
static const char *
end_of(const struct watch_run *run)
{
	switch (run->state) {
	case STAGE_RUNSTATE_LIVE:
		return "";
	case STAGE_RUNSTATE_ENDED:
		return run->summary.result == STAGE_RUN_DONE ? "done" : "failed";
	case STAGE_RUNSTATE_KILLED:
		return "killed";
	case STAGE_RUNSTATE_UNKNOWN:
		break;
	}
	return "nobody can tell whether it lives";
}

static void
draw_run(const struct watch_run *run, int64_t now)
{
	const struct stage_runsummary *summary = &run->summary;
	const int64_t until = run->state == STAGE_RUNSTATE_LIVE ? now
			      : summary->ended                  ? summary->ended
								: summary->last;
	char age[STAGE_AMOUNT_MAX];

	draw("%s to %s", summary->action, summary->target);
	draw("  process %" PRIu64 ", duplicity %s, %s", summary->pid, summary->host,
		stage_amount_age(age, seconds_between(summary->begun, until)));
	draw_files("made", &summary->made, stage_runsummary_making_speed(summary));
	if (summary->adopted.count)
		draw_files("adopted", &summary->adopted, 0);
	draw_waiting(summary);
	if (run->state == STAGE_RUNSTATE_LIVE)
		draw_moving(summary, now);
	draw_files("confirmed", &summary->confirmed, stage_runsummary_moving_speed(summary));
	if (run->state != STAGE_RUNSTATE_LIVE) {
		draw("  %s%s%s", end_of(run), summary->message && *summary->message ? ": " : "",
			summary->message ? summary->message : "");
		return;
	}
	draw_waits(summary, now);
	draw_roots(summary);
}

static void
print_line(const struct watch_run *run, int64_t now)
{
	const char *message = run->summary.message;
	char line[STAGE_RUNLINE_MAX];

	stage_runline_write(line, sizeof(line), &run->summary, now);
	if (*end_of(run))
		command_say("%s; %s%s%s", line, end_of(run), message && *message ? ": " : "",
			message ? message : "");
	else
		command_say("%s", line);
}

static void
json_files(struct json *json, const char *key, const struct stage_runfiles *files, uint64_t speed)
{
	json_open_object(json, key);
	json_number(json, "volumes", files->count);
	json_number(json, "bytes", files->bytes);
	json_number(json, "bytes_per_second", speed);
	json_close(json);
}

/* A number that is 0 where there is none. */
static void
json_time(struct json *json, const char *key, int64_t time)
{
	if (time)
		json_number(json, key, (uint64_t)time);
	else
		json_null(json, key);
}

static void
json_moving(struct json *json, const struct stage_runsummary *summary)
{
	if (!summary->moving) {
		json_null(json, "moving");
		return;
	}
	json_open_object(json, "moving");
	json_string(json, "name", summary->moving);
	json_time(json, "since", summary->moving_since);
	json_number(json, "attempt", summary->attempt);
	json_close(json);
}

static void
json_waits(struct json *json, const struct stage_runsummary *summary, int64_t now)
{
	const int64_t left = stage_runsummary_left(summary, now);
	int wait;

	json_string(json, "waits_for",
		summary->waits_since ? stage_runwait_name(summary->waits_for) : NULL);
	json_time(json, "waits_since", summary->waits_since);
	json_open_object(json, "waited");
	for (wait = 0; wait < STAGE_RUNWAITS; wait++)
		json_number(json, stage_runwait_name((enum stage_runwait)wait),
			(uint64_t)stage_runsummary_waited(summary, (enum stage_runwait)wait, now));
	json_close(json);
	if (left < 0)
		json_null(json, "seconds_left");
	else
		json_number(json, "seconds_left", (uint64_t)left);
}

static void
json_roots(struct json *json, const struct stage_runsummary *summary)
{
	uint64_t free_bytes;
	size_t i;

	json_open_array(json, "roots");
	for (i = 0; i < summary->root_count; i++) {
		json_open_object(json, NULL);
		json_string(json, "path", summary->roots[i].path);
		if (stage_runline_free(summary->roots[i].path, &free_bytes))
			json_number(json, "free", free_bytes);
		else
			json_null(json, "free");
		json_close(json);
	}
	json_close(json);
}

static void
print_json(const struct watch_run *run, int64_t now)
{
	const struct stage_runsummary *summary = &run->summary;
	const struct stage_runfiles waiting = stage_runsummary_waiting(summary);
	struct json json;

	json_start_line(&json, stdout);
	json_open_object(&json, NULL);
	json_string(&json, "record", run->path);
	json_string(&json, "state", stage_runstate_name(run->state));
	json_string(&json, "action", summary->action);
	json_string(&json, "target", summary->target);
	json_string(&json, "duplicity", summary->host);
	json_number(&json, "pid", summary->pid);
	json_number(&json, "time", (uint64_t)now);
	json_time(&json, "begun", summary->begun);
	json_time(&json, "ended", summary->ended);
	json_files(&json, "made", &summary->made, stage_runsummary_making_speed(summary));
	json_files(&json, "adopted", &summary->adopted, 0);
	json_files(&json, "waiting", &waiting, 0);
	json_files(&json, "confirmed", &summary->confirmed, stage_runsummary_moving_speed(summary));
	json_number(&json, "max_volumes", summary->max_volumes);
	json_moving(&json, summary);
	json_number(&json, "retries", summary->retries);
	json_string(&json, "failure", summary->failure);
	json_waits(&json, summary, now);
	json_roots(&json, summary);
	json_string(&json, "result",
		summary->result == STAGE_RUN_NONE ? NULL : stage_runresult_name(summary->result));
	json_string(&json, "message", summary->message);
	json_close(&json);
}

void
watch_show(const struct watch_runs *runs, enum watch_form form, int64_t now)
{
	size_t i;

	if (form == WATCH_BLOCKS && drawn)
		printf("\033[%zuA\033[J", drawn);
	drawn = 0;
	for (i = 0; i < runs->count; i++)
		switch (form) {
		case WATCH_BLOCKS:
			draw_run(&runs->list[i], now);
			break;
		case WATCH_LINES:
			print_line(&runs->list[i], now);
			break;
		case WATCH_JSON:
			print_json(&runs->list[i], now);
			break;
		}
	fflush(stdout);
}
