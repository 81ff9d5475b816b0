#include "runline.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "amount.h"
#include "filesystem.h"
#include "text.h"

bool
stage_runline_free(const char *root, uint64_t *ret_bytes)
{
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool told;

	if (fd < 0)
		return false;
	told = stage_filesystem_free(fd, ret_bytes) == 0;
	close(fd);
	return told;
}

const char *
stage_runline_wait(enum stage_runwait wait)
{
	switch (wait) {
	case STAGE_RUNWAIT_STORAGE:
		return "storage";
	case STAGE_RUNWAIT_ROOM:
		return "room";
	case STAGE_RUNWAIT_DRAIN:
		break;
	}
	return "all that waits to be in storage";
}

static uint64_t
seconds_since(int64_t begun, int64_t now)
{
	return now > begun ? (uint64_t)(now - begun) / 1000 : 0;
}

static void
add_files(char *buffer, size_t size, const char *before, const struct stage_runfiles *files,
	const char *word)
{
	char bytes[STAGE_AMOUNT_MAX];

	stage_text_append(buffer, size, "%s%" PRIu64 " volume%s, %s %s", before, files->count,
		files->count == 1 ? "" : "s", stage_amount_size(bytes, files->bytes), word);
}

static void
add_speed(char *buffer, size_t size, uint64_t speed)
{
	char bytes[STAGE_AMOUNT_MAX];

	if (speed)
		stage_text_append(buffer, size, " (%s/s)", stage_amount_size(bytes, speed));
}

static void
add_moving(char *buffer, size_t size, const struct stage_runsummary *summary, int64_t now)
{
	char age[STAGE_AMOUNT_MAX];

	if (!summary->moving)
		return;
	stage_text_append(buffer, size, "; %s moves since %s", summary->moving,
		stage_amount_age(age, seconds_since(summary->moving_since, now)));
	if (summary->attempt > 1)
		stage_text_append(buffer, size, ", attempt %" PRIu64 " (%s)", summary->attempt,
			summary->failure ? summary->failure : "");
}

static void
add_wait(char *buffer, size_t size, const struct stage_runsummary *summary, int64_t now)
{
	const int64_t left = stage_runsummary_left(summary, now);
	char age[STAGE_AMOUNT_MAX];

	if (!summary->waits_since)
		return;
	stage_text_append(buffer, size, "; waits for %s since %s",
		stage_runline_wait(summary->waits_for),
		stage_amount_age(age, seconds_since(summary->waits_since, now)));
	if (summary->waits_for == STAGE_RUNWAIT_DRAIN && left >= 0)
		stage_text_append(buffer, size, ", %s left", stage_amount_age(age, (uint64_t)left));
}

static void
add_roots(char *buffer, size_t size, const struct stage_runsummary *summary)
{
	char bytes[STAGE_AMOUNT_MAX];
	uint64_t free_bytes;
	size_t i;

	for (i = 0; i < summary->root_count; i++)
		if (stage_runline_free(summary->roots[i].path, &free_bytes))
			stage_text_append(buffer, size, "; %s free in %s",
				stage_amount_size(bytes, free_bytes), summary->roots[i].path);
}

char *
stage_runline_write(char *buffer, size_t size, const struct stage_runsummary *summary, int64_t now)
{
	const struct stage_runfiles waiting = stage_runsummary_waiting(summary);

	buffer[0] = '\0';
	stage_text_append(buffer, size, "%s to %s", summary->action ? summary->action : "run",
		summary->target ? summary->target : "");
	add_files(buffer, size, ": ", &summary->made, "made");
	add_speed(buffer, size, stage_runsummary_making_speed(summary));
	add_files(buffer, size, "; ", &waiting, "wait");
	if (summary->max_volumes)
		stage_text_append(buffer, size, " (at most %" PRIu64 ")", summary->max_volumes);
	add_moving(buffer, size, summary, now);
	add_files(buffer, size, "; ", &summary->confirmed, "confirmed");
	add_speed(buffer, size, stage_runsummary_moving_speed(summary));
	add_wait(buffer, size, summary, now);
	add_roots(buffer, size, summary);
	return buffer;
}
