#include "staging/room.h"

#include <stdbool.h>
#include <time.h>

#include "log.h"
#include "runrecord.h"

#include "python/hostlog.h"
#include "staging/run.h"

/* Seconds between two looks for room that others may give back. */
#define LOOK 0.2

/* Sleeps until another run may have given room back. 1 with an exception. */
static int
wait_for_others(void)
{
	const struct timespec look = {.tv_nsec = (long)(LOOK * 1e9)};

	Py_BEGIN_ALLOW_THREADS
	nanosleep(&look, NULL);
	Py_END_ALLOW_THREADS
	run_look();
	return PyErr_CheckSignals() < 0 ? 1 : 0;
}

static void
say_once(bool *said, enum stage_level level, const struct stage_error *error)
{
	if (*said)
		return;
	*said = true;
	stage_log_line(&hostlog, level, "waiting for room to stage: %s", error->message);
	run_waits(STAGE_RUN_FOR_ROOM, stage_runrecord_now(), error->message);
}

/*
 * What to do when no place has room: wait for the queue to give some back, open another place, or wait for
 * other runs. 0: look again. STAGE_E_NO_ROOT: nobody will give any back. *error says why there is no room.
 */
static int
find_room(struct staging *self, bool others, bool *said, struct stage_error *error)
{
	static const struct places_next next = {
		.what = "the next volumes", .why = "the one before it is full"};
	struct stage_error failure;
	uint64_t bytes;
	size_t waiting = queue_waiting(&self->queue, &bytes);
	int code;

	if (waiting) {
		say_once(said, STAGE_INFO, error);
		code = queue_wait(&self->queue, waiting, LOOK, NULL, error);
		return code == STAGE_E_AGAIN ? 0 : code;
	}
	code = places_open_next(&self->places, &next, &failure);
	if (code == 0)
		return 0;
	if (others) {
		say_once(said, STAGE_NOTICE, error);
		return wait_for_others();
	}
	return STAGE_E_NO_ROOT;
}

/* Nobody will give room back: the volume is made in what there is. *error says how much is missing. */
static int
reserve_most(struct staging *self, struct reserved *ret_reserved, struct stage_error *error)
{
	struct stage_error failure;
	int code;

	code = places_reserve_most(&self->places, ret_reserved, &failure);
	if (code == 0) {
		stage_log_line(&hostlog, self->had_less ? STAGE_INFO : STAGE_NOTICE,
			"no temp root has room for a whole volume, and one that becomes larger than %llu bytes may end the run: %s",
			(unsigned long long)ret_reserved->bytes, error->message);
		self->had_less = true;
		return 0;
	}
	if (code != STAGE_E_NO_ROOM) {
		*error = failure;
		return code;
	}
	stage_error_set(&failure, STAGE_E_NO_ROOM, 0,
		"no room for the next volume: %s. Make room there, name another temp_root in stagedir.conf, or have smaller volumes (--volsize); stagedir status tells what lies there, stagedir flush and stagedir gc may free some",
		error->message);
	*error = failure;
	return STAGE_E_NO_ROOM;
}

static int
reserve(struct staging *self, uint64_t bytes, struct reserved *ret_reserved, bool *said,
	struct stage_error *error)
{
	bool others = false;
	int code;

	do {
		code = queue_wait(&self->queue, (size_t)self->settings->max_volumes, -1,
			STAGE_RUN_FOR_STORAGE, error);
		if (code)
			return code;
		code = places_reserve(&self->places, bytes, ret_reserved, &others, error);
		if (code == 0)
			return 0;
		if (code == STAGE_E_NO_ROOM)
			code = find_room(self, others, said, error);
		if (code == STAGE_E_NO_ROOT)
			return reserve_most(self, ret_reserved, error);
		if (code == 0)
			code = STAGE_E_AGAIN;
	} while (code == STAGE_E_AGAIN);
	return code;
}

int
room_reserve(struct staging *self, uint64_t bytes, struct reserved *ret_reserved,
	struct stage_error *error)
{
	bool said = false;
	int code = reserve(self, bytes, ret_reserved, &said, error);

	if (said)
		run_goes_on(STAGE_RUN_FOR_ROOM);
	return code;
}
