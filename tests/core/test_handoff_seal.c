#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "digest.h"
#include "handoff.h"
#include "handoff_run.h"
#include "spool.h"
#include "wrap.h"

/* A log that holds the sealing thread at its first file, for as long as is wanted. */
static atomic_bool at_gate, gate_shut;

static void
write_at_gate(void *context, enum stage_level level, const char *line)
{
	struct captured *all = context;

	all->log.write(all, level, line);
	if (!strstr(line, "Staged gate"))
		return;
	atomic_store(&at_gate, true);
	while (atomic_load(&gate_shut))
		usleep(1000);
}

static void
open_queue_with_gate(void)
{
	const struct stage_handoff_target target = {
		.upload = upload, .context = &bench.storage, .attempts = 1};
	const struct stage_log log = {write_at_gate, &captured};

	atomic_store(&at_gate, false);
	atomic_store(&gate_shut, true);
	WORKS(stage_handoff_open(&target, &log, &bench.handoff, &failure));
	REQUIRE(bench.handoff != NULL);
	put("gate", 1);
	while (!atomic_load(&at_gate))
		usleep(1000);
}

static void
stopped_before_sealing(void)
{
	char name[32];
	size_t i;

	open_bench();
	open_queue_with_gate();
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "%zu", i);
		put(name, 1);
	}
	CHECK(stage_handoff_stop(bench.handoff, 0) == STAGE_E_AGAIN);
	CHECK(waiting() == 21 && bench.storage.begun == 0);
	atomic_store(&gate_shut, false);
	CHECK(stage_handoff_stop(bench.handoff, LONG) == 0);
	CHECK(waiting() == 21 && bench.storage.begun == 0);
	CHECK(close_bench() == 21);
}

/* A file that cannot be sealed is not uploaded, nor what comes behind it; that is still sealed. */
static void
sealing_fails(void)
{
	struct stage_spool_file *file;

	open_bench();
	open_queue_with_gate();
	file = make("broken", 1);
	WORKS(stage_handoff_put(bench.handoff, bench.spool, file, &failure));
	put("behind", 1);
	CHECK(unlink(file->path) == 0);
	atomic_store(&gate_shut, false);
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT);
	HAS(failure.message, file->path);
	HAS(captured.text, "W:broken is not staged, it would not survive an end of this run: ");
	put("late", 1);
	CHECK(stage_handoff_stop(bench.handoff, LONG) == 0);
	HAS(captured.text, "D:Staged behind");
	HAS(captured.text, "D:Staged late");
	HAS_NOT(bench.storage.text, "broken");
	HAS_NOT(bench.storage.text, "behind");
	CHECK(close_bench() == 2 + (bench.storage.done == 0));
}

/* The upload that is under way is not tried again either. */
static void
sealing_fails_in_upload(void)
{
	struct stage_spool_file *file;

	open_bench();
	SCRIPT(STAGE_UPLOAD_RETRY);
	hold(&bench.storage, true);
	open_queue(3, 0);
	put("a", 1);
	wait_for_begun(&bench.storage, 1);
	file = make("broken", 1);
	CHECK(unlink(file->path) == 0);
	WORKS(stage_handoff_put(bench.handoff, bench.spool, file, &failure));
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_SYSTEM);
	hold(&bench.storage, false);
	usleep(20 * 1000);
	CHECK(stage_handoff_stop(bench.handoff, LONG) == 0);
	CHECK(bench.storage.begun == 1);
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_SYSTEM);
	CHECK(close_bench() == 1);
}

static void
full_disk(int sys_errno)
{
	open_bench();
	open_queue_with_gate();
	put("a", 1);
	wrap_begin_two("openat", sys_errno, "openat", sys_errno);
	atomic_store(&gate_shut, false);
	wait_for_all();
	wrap_end();
	CHECK(strcmp(bench.storage.text, "gate:1 a:1 ") == 0);
	HAS(captured.text, "W:a is not staged, it would not survive an end of this run: ");
	HAS(captured.text, stage_error_errno_text(sys_errno));
	CHECK(close_bench() == 0);
}

static void
no_space(void)
{
	full_disk(ENOSPC);
}

static void
no_quota(void)
{
	full_disk(EDQUOT);
}

/* A file of zeros, and what was told of it: that it is so, or that it is something else. */
static struct stage_spool_file *
make_told(const char *name, bool right)
{
	static const unsigned char other[STAGE_DIGEST_BYTES] = {1};
	struct stage_spool_file *file = make(name, 3);
	struct stage_digest digest = {0};
	int fd = open(file->path, O_RDONLY | O_CLOEXEC);

	WORKS(stage_digest_read(fd, name, &digest, &failure));
	close(fd);
	stage_spool_set_digest(file, 3, right ? digest.sha256 : other);
	return file;
}

/*
 * A disk that does not take a file, as it is full, and tells so at fsync(2): what is not there is
 * never uploaded, nor what is behind it.
 */
static void
full_at_fsync(bool right)
{
	struct stage_spool_file *file;

	open_bench_on(true);
	open_queue_with_gate();
	file = make_told("a", right);
	WORKS(stage_handoff_put(bench.handoff, bench.spool, file, &failure));
	wrap_begin_two("fsync", ENOSPC, "fsync", ENOSPC);
	atomic_store(&gate_shut, false);
	if (right)
		wait_for_all();
	else
		FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_NO_ROOM);
	wrap_end();
	HAS(captured.text, "W:a is not staged, it would not survive an end of this run: ");
	if (right) {
		CHECK(strcmp(bench.storage.text, "gate:1 a:1 ") == 0);
		HAS(captured.text, "W:storage has a, but a run after a crash would not know it");
		CHECK(close_bench() == 0);
		return;
	}
	CHECK(failure.sys_errno == ENOSPC);
	HAS(failure.message, "a is lost: ");
	put("behind", 1);
	CHECK(stage_handoff_stop(bench.handoff, LONG) == 0);
	HAS(captured.text, "D:Staged behind");
	HAS_NOT(bench.storage.text, "a:");
	HAS_NOT(bench.storage.text, "behind");
	CHECK(close_bench() == 1 + (bench.storage.done == 0));
}

static void
full_at_fsync_there(void)
{
	full_at_fsync(true);
}

static void
full_at_fsync_lost(void)
{
	full_at_fsync(false);
}

/* What is handed off without having been sealed is known to be in storage, by who takes over. */
static void
full_is_recorded(void)
{
	const char *note, *name;

	open_bench();
	open_queue_with_gate();
	put("a", 1);
	wrap_begin_two("openat", ENOSPC, "openat", ENOSPC);
	atomic_store(&gate_shut, false);
	wait_for_all();
	wrap_end();
	SCRIPT(0, 0, STAGE_UPLOAD_GIVE_UP);
	put("behind", 1);
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_HANDOFF);
	stage_handoff_close(&bench.handoff);
	stage_spool_close(&bench.spool);
	WORKS(stage_spool_adopt(bench.path, false, NULL, &bench.spool, &failure));
	REQUIRE(bench.spool != NULL);
	name = stage_spool_confirmed(bench.spool, &note);
	CHECK(name && strcmp(name, "a") == 0);
	CHECK(close_bench() == 1);
}

/* Nothing is uploaded any more: then it is an error after all. */
static void
no_space_when_stopped(void)
{
	open_bench();
	open_queue_with_gate();
	put("a", 1);
	CHECK(stage_handoff_stop(bench.handoff, 0) == STAGE_E_AGAIN);
	wrap_begin_two("openat", ENOSPC, "openat", ENOSPC);
	atomic_store(&gate_shut, false);
	CHECK(stage_handoff_stop(bench.handoff, LONG) == 0);
	wrap_end();
	FAILS(stage_handoff_wait(bench.handoff, 1, LONG, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOSPC);
	CHECK(close_bench() == 1);
}

static const struct test tests[] = {
	{"stopped_before_sealing", stopped_before_sealing},
	{"sealing_fails", sealing_fails},
	{"sealing_fails_in_upload", sealing_fails_in_upload},
	{"no_space", no_space},
	{"no_quota", no_quota},
	{"full_at_fsync_there", full_at_fsync_there},
	{"full_at_fsync_lost", full_at_fsync_lost},
	{"full_is_recorded", full_is_recorded},
	{"no_space_when_stopped", no_space_when_stopped},
	{NULL, NULL},
};

const struct suite suite_handoff_seal = {"handoff_seal", tests};
