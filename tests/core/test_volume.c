/*
 * Whether a digest is known already shows in sealing: where it is, the file is not read again, which
 * here would fail.
 */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool.h"
#include "spool_run.h"
#include "volume.h"
#include "wrap.h"

/* Of "abc" (FIPS 180-4). */
static const unsigned char abc[STAGE_SHA1_BYTES] = {0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a,
	0xba, 0x3e, 0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d};

/* A volume whose file is made, and fd open for writing it. */
static struct stage_volume *
new_volume(uint64_t bytes, int *ret_fd)
{
	struct stage_volume *volume = NULL;
	char *path = NULL;

	WORKS(stage_dir_mktemp(dir, &path, &failure));
	REQUIRE(path != NULL);
	*ret_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	REQUIRE(*ret_fd >= 0);
	WORKS(stage_volume_new(path, bytes, true, &captured.log, &volume, &failure));
	REQUIRE(volume != NULL);
	CU_ASSERT_STRING_EQUAL(stage_volume_path(volume), path);
	free(path);
	return volume;
}

static void
write_bytes(int fd, const char *bytes)
{
	CHECK(write(fd, bytes, strlen(bytes)) == (ssize_t)strlen(bytes));
}

/* The spool takes a complete volume, and seals it; reading it fails meanwhile where it is not to be read. */
static struct stage_spool_file *
stage_and_seal(struct stage_volume *volume, bool reads)
{
	struct stage_spool_file *file = NULL;
	int code;

	WORKS(stage_spool_accept(
		spool, dir, stage_volume_path(volume), "the volume", "", &file, &failure));
	REQUIRE(file != NULL);
	WORKS(stage_volume_staged(volume, file, &failure));
	CHECK(stage_volume_is_begun(volume) && stage_volume_is_staged(volume));
	wrap_begin_two("pread", EIO, "pread", EIO);
	code = stage_spool_seal(spool, file, &failure);
	wrap_end();
	CHECK(code == (reads ? STAGE_E_SYSTEM : 0));
	if (reads)
		WORKS(stage_spool_seal(spool, file, &failure));
	WORKS(stage_spool_check(spool, file, &failure));
	return file;
}

/* By whoever it is written: its digests are known when it is complete. */
static void
from_begun_to_sealed(void)
{
	unsigned char sha1[STAGE_SHA1_BYTES];
	struct stage_spool_file *file;
	struct stage_volume *volume;
	int fd, fds, other;

	open_both();
	fds = count_fds();
	for (other = 0; other <= 1; other++) {
		volume = new_volume(1000000, &fd);
		CHECK(!stage_volume_is_begun(volume) && !stage_volume_is_staged(volume));
		WORKS(stage_volume_begin(
			volume, fd, other ? STAGE_VOLUME_OTHER : STAGE_VOLUME_OWN, &failure));
		write_bytes(fd, "abc");
		if (!other)
			stage_volume_wrote(volume, "abc", 3);
		close(fd);
		WORKS(stage_volume_complete(volume, &failure));
		WORKS(stage_volume_complete(volume, &failure));
		WORKS(stage_volume_sha1(volume, sha1, &failure));
		CHECK(memcmp(sha1, abc, sizeof(sha1)) == 0);
		HAS(captured.text, other ? " was read while it was" : " was digested while it was");
		file = stage_and_seal(volume, false);
		stage_volume_free(&volume);
		CHECK(volume == NULL);
		WORKS(stage_spool_forget(spool, &file, &failure));
	}
	stage_volume_free(&volume);
	CHECK(count_fds() == fds);
	close_both();
}

/* What is not all that is in the file tells nothing of it: it is read. Somebody else may tell its SHA-1. */
static void
not_known(void)
{
	unsigned char sha1[STAGE_SHA1_BYTES];
	struct stage_spool_file *file;
	struct stage_volume *volume;
	int fd;

	open_both();
	volume = new_volume(1000000, &fd);
	WORKS(stage_volume_begin(volume, fd, STAGE_VOLUME_OWN, &failure));
	write_bytes(fd, "abc");
	stage_volume_wrote(volume, "ab", 2);
	close(fd);
	WORKS(stage_volume_complete(volume, &failure));
	HAS(captured.text,
		"is read again when it is complete: 2 bytes were written to it, and it has 3");
	CHECK(stage_volume_sha1(volume, sha1, NULL) == STAGE_E_AGAIN);
	WORKS(stage_volume_set_sha1(volume, abc, &failure));
	WORKS(stage_volume_sha1(volume, sha1, &failure));
	CHECK(memcmp(sha1, abc, sizeof(sha1)) == 0);
	file = stage_and_seal(volume, true);
	stage_volume_free(&volume);
	WORKS(stage_spool_forget(spool, &file, &failure));
	close_both();
}

/* Without a thread, or where there is another file at its path, the volume is made all the same. */
static void
without_thread(void)
{
	struct stage_spool_file *file;
	struct stage_volume *volume;
	char *moved;
	int fd;

	open_both();
	volume = new_volume(1000000, &fd);
	wrap_begin_two("pthread_create", EAGAIN, "pthread_create", EAGAIN);
	WORKS(stage_volume_begin(volume, fd, STAGE_VOLUME_OTHER, &failure));
	wrap_end();
	HAS(captured.text, "is read again when it is complete: cannot start a thread");
	write_bytes(fd, "abc");
	close(fd);
	WORKS(stage_volume_complete(volume, &failure));
	file = stage_and_seal(volume, true);
	stage_volume_free(&volume);
	WORKS(stage_spool_forget(spool, &file, &failure));
	volume = new_volume(1000000, &fd);
	moved = strdup(in_dir("moved"));
	CHECK(rename(stage_volume_path(volume), moved) == 0);
	make_file(stage_volume_path(volume), "another", 0600);
	WORKS(stage_volume_begin(volume, fd, STAGE_VOLUME_OWN, &failure));
	HAS(captured.text, "it cannot be opened for reading");
	stage_volume_free(&volume);
	close(fd);
	unlink(moved);
	free(moved);
	close_both();
}

/* Writing to disk begins while it is written, by either, where it is to be durable. */
static void
written_back(void)
{
	static const char bytes[9 * 1024 * 1024];
	struct stage_volume *volume;
	int fd, other;

	open_both();
	for (other = 0; other <= 1; other++) {
		volume = new_volume(sizeof(bytes), &fd);
		wrap_begin_two("sync_file_range", EINVAL, "sync_file_range", EINVAL);
		WORKS(stage_volume_begin(
			volume, fd, other ? STAGE_VOLUME_OTHER : STAGE_VOLUME_OWN, &failure));
		CHECK(write(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes));
		if (!other)
			stage_volume_wrote(volume, bytes, sizeof(bytes));
		WORKS(stage_volume_complete(volume, &failure));
		CHECK(wrap_failed());
		wrap_end();
		close(fd);
		stage_volume_free(&volume);
	}
	close_both();
}

/* Where nothing can be allocated: may the rest of the test be left out? */
static bool
cannot_allocate(uint64_t bytes)
{
	if (bytes > 0)
		return false;
	fprintf(stderr, "\nNOT TESTED, as this file system cannot: allocating ahead\n");
	return true;
}

/* What is allocated stays ahead of what is written, by a step, and never beyond what is reserved. */
static void
a_step_ahead(void)
{
	const off_t mib = 1024 * 1024;
	struct stage_volume *volume;
	struct stat stat;
	int fd;

	open_both();
	volume = new_volume(20 * (uint64_t)mib, &fd);
	FAILS(stage_volume_ahead(volume, &failure), STAGE_E_ARGUMENT);
	WORKS(stage_volume_begin(volume, fd, STAGE_VOLUME_OTHER, &failure));
	REQUIRE(fstat(fd, &stat) == 0 && stat.st_blocks == 0);
	WORKS(stage_volume_ahead(volume, &failure));
	REQUIRE(fstat(fd, &stat) == 0);
	if (!cannot_allocate((uint64_t)stat.st_blocks)) {
		CHECK(stat.st_blocks * 512 >= 16 * mib && stat.st_blocks * 512 < 17 * mib);
		wrap_tally_begin();
		CHECK(ftruncate(fd, 7 * mib) == 0);
		WORKS(stage_volume_ahead(volume, &failure));
		CHECK(wrap_tally("fallocate") == 0);
		wrap_tally_end();
		CHECK(ftruncate(fd, 9 * mib) == 0);
		WORKS(stage_volume_ahead(volume, &failure));
		REQUIRE(fstat(fd, &stat) == 0);
		CHECK(stat.st_blocks * 512 <= 20 * mib);
	}
	close(fd);
	stage_volume_free(&volume);
	close_both();
}

/* The number of the call that allocates a step, in the last run without failures; 0: there is none. */
static size_t
allocating_call(size_t calls)
{
	size_t i;

	for (i = 1; i <= calls; i++)
		if (strncmp(wrap_name(i), "fallocate", strlen("fallocate")) == 0)
			return i;
	return 0;
}

/* Writes 9 MiB to a volume that has a step, with one call failed. Returns how many calls that took. */
static size_t
write_beyond_half(size_t fail, blkcnt_t *ret_blocks)
{
	const size_t size = 9 * (size_t)1024 * 1024;
	struct stage_volume *volume;
	void *data = calloc(1, size);
	struct stat stat;
	size_t calls;
	int fd;

	volume = new_volume(8 * size, &fd);
	WORKS(stage_volume_begin(volume, fd, STAGE_VOLUME_OWN, &failure));
	WORKS(stage_volume_ahead(volume, &failure));
	REQUIRE(data != NULL && ftruncate(fd, (off_t)size) == 0);
	wrap_begin(fail, ENOSPC, false);
	stage_volume_wrote(volume, data, size);
	CHECK(wrap_failed() == (fail > 0));
	calls = wrap_end();
	REQUIRE(fstat(fd, &stat) == 0);
	*ret_blocks = stat.st_blocks;
	free(data);
	close(fd);
	stage_volume_free(&volume);
	return calls;
}

/* A step that is refused costs the own writer none of what the steps before have got. */
static void
refused_step(void)
{
	const blkcnt_t blocks = 2 * 1024; /* of a MiB */
	blkcnt_t has;
	size_t number;

	open_both();
	number = allocating_call(write_beyond_half(0, &has));
	if (!cannot_allocate((uint64_t)has)) {
		REQUIRE(number > 0);
		CHECK(has >= 25 * blocks && has < 26 * blocks);
		write_beyond_half(number, &has);
		CHECK(has >= 16 * blocks && has < 17 * blocks);
	}
	close_both();
}

/* Whoever has no space may wait and ask again, or do without. The own writer does without. */
static void
no_space(void)
{
	struct stage_volume *volume;
	int fd, code;

	open_both();
	volume = new_volume(1000000, &fd);
	WORKS(stage_volume_begin(volume, fd, STAGE_VOLUME_OTHER, &failure));
	wrap_begin_two("fallocate", ENOSPC, "fallocate64", ENOSPC);
	code = stage_volume_ahead(volume, &failure);
	CHECK(code == STAGE_E_SYSTEM && failure.sys_errno == ENOSPC);
	HAS(failure.message, "no disk space for the volume");
	FAILS(stage_volume_ahead(volume, &failure), STAGE_E_SYSTEM);
	stage_volume_wrote(volume, "abc", 3);
	WORKS(stage_volume_ahead(volume, &failure));
	wrap_end();
	close(fd);
	stage_volume_free(&volume);
	volume = new_volume(1000000, &fd);
	WORKS(stage_volume_begin(volume, fd, STAGE_VOLUME_OWN, &failure));
	stage_volume_without(volume);
	wrap_begin_two("fallocate", ENOSPC, "fallocate64", ENOSPC);
	WORKS(stage_volume_ahead(volume, &failure));
	wrap_end();
	close(fd);
	stage_volume_free(&volume);
	close_both();
}

/* Each state refuses what is of another one, and says which it is. */
static void
wrong_order(void)
{
	unsigned char sha1[STAGE_SHA1_BYTES];
	struct stage_spool_file *file;
	struct stage_volume *volume;
	int fd;

	open_both();
	volume = new_volume(1000000, &fd);
	FAILS(stage_volume_complete(volume, &failure), STAGE_E_ARGUMENT);
	HAS(failure.message, "cannot be completed: it is not begun, and must be being written");
	FAILS(stage_volume_sha1(volume, sha1, &failure), STAGE_E_ARGUMENT);
	FAILS(stage_volume_set_sha1(volume, abc, &failure), STAGE_E_ARGUMENT);
	FAILS(stage_volume_staged(volume, NULL, &failure), STAGE_E_ARGUMENT);
	HAS(failure.message, stage_volume_path(volume));
	stage_volume_wrote(volume, "abc", 3);
	WORKS(stage_volume_begin(volume, fd, STAGE_VOLUME_OWN, &failure));
	FAILS(stage_volume_begin(volume, fd, STAGE_VOLUME_OWN, &failure), STAGE_E_ARGUMENT);
	HAS(failure.message, "cannot be begun: it is being written");
	FAILS(stage_volume_staged(volume, NULL, &failure), STAGE_E_ARGUMENT);
	close(fd);
	WORKS(stage_volume_complete(volume, &failure));
	stage_volume_wrote(volume, "abc", 3);
	file = stage_and_seal(volume, false);
	FAILS(stage_volume_staged(volume, file, &failure), STAGE_E_ARGUMENT);
	FAILS(stage_volume_complete(volume, &failure), STAGE_E_ARGUMENT);
	stage_volume_end(volume);
	CHECK(stage_volume_is_staged(volume));
	stage_volume_free(&volume);
	WORKS(stage_spool_forget(spool, &file, &failure));
	close_both();
}

/* Nothing is open, and nothing runs, once nobody wants it any more. */
static void
ended(void)
{
	struct stage_volume *volume;
	int fd, fds, other;

	open_both();
	fds = count_fds();
	for (other = 0; other <= 1; other++) {
		volume = new_volume(1000000, &fd);
		WORKS(stage_volume_begin(
			volume, fd, other ? STAGE_VOLUME_OTHER : STAGE_VOLUME_OWN, &failure));
		stage_volume_end(volume);
		stage_volume_end(volume);
		close(fd);
		CHECK(count_fds() == fds && !stage_volume_is_begun(volume));
		stage_volume_wrote(volume, "abc", 3);
		FAILS(stage_volume_complete(volume, &failure), STAGE_E_ARGUMENT);
		HAS(failure.message, "not wanted any more");
		stage_volume_free(&volume);
	}
	close_both();
}

/* In a child. */
static int
use(void *context)
{
	struct stage_volume **volume = context;
	struct stage_error error;

	stage_volume_wrote(*volume, "abc", 3);
	stage_volume_end(*volume);
	if (stage_volume_is_begun(*volume) || stage_volume_is_staged(*volume) ||
		stage_volume_complete(*volume, &error) != STAGE_E_FORKED ||
		!strstr(error.message, stage_volume_path(*volume)))
		return 1;
	stage_volume_free(volume);
	return *volume != NULL;
}

static void
of_the_parent(void)
{
	unsigned char sha1[STAGE_SHA1_BYTES];
	struct stage_volume *volume;
	int fd;

	open_both();
	volume = new_volume(1000000, &fd);
	WORKS(stage_volume_begin(volume, fd, STAGE_VOLUME_OWN, &failure));
	CHECK(in_child_beside_threads(use, &volume) == 0);
	write_bytes(fd, "abc");
	stage_volume_wrote(volume, "abc", 3);
	close(fd);
	WORKS(stage_volume_complete(volume, &failure));
	WORKS(stage_volume_sha1(volume, sha1, &failure));
	CHECK(memcmp(sha1, abc, sizeof(sha1)) == 0);
	stage_volume_free(&volume);
	close_both();
}

static struct stage_volume *logged;
static size_t lines_of_it;

/* A log that asks the volume of which it is told. */
static void
ask(void *context, enum stage_level level, const char *line)
{
	(void)context;
	(void)level;
	(void)line;
	alarm(20); /* it would wait for itself */
	CHECK(stage_volume_is_begun(logged));
	alarm(0);
	lines_of_it++;
}

/* Who writes the log may wait for somebody who waits for the volume. */
static void
asked_by_the_log(void)
{
	const struct stage_log log = {.write = ask};
	char *path = NULL;
	int fd, other;

	open_both();
	WORKS(stage_dir_mktemp(dir, &path, &failure));
	for (other = 0; other <= 2; other++) {
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		CHECK(fd >= 0);
		WORKS(stage_volume_new(path, 1000, true, &log, &logged, &failure));
		if (other == 2)
			wrap_begin_two("pthread_create", EAGAIN, "pthread_create", EAGAIN);
		WORKS(stage_volume_begin(
			logged, fd, other ? STAGE_VOLUME_OTHER : STAGE_VOLUME_OWN, &failure));
		wrap_end();
		close(fd);
		WORKS(stage_volume_complete(logged, &failure));
		stage_volume_free(&logged);
	}
	CHECK(lines_of_it == 3);
	free(path);
	close_both();
}

/* A thread that completes a volume as soon as all are there. */
struct completing {
	struct stage_volume *volume;
	pthread_barrier_t *all;
	int code;
};

static void *
complete(void *context)
{
	struct completing *completing = context;

	pthread_barrier_wait(completing->all);
	completing->code = stage_volume_complete(completing->volume, NULL);
	return NULL;
}

/* Whoever is not the first one finds it complete. */
static void
completed_by_all(void)
{
	struct completing completing[3];
	struct stage_volume *volume = NULL;
	pthread_t threads[3];
	pthread_barrier_t all;
	int fd, round;
	size_t i;

	open_both();
	CHECK(pthread_barrier_init(&all, NULL, 3) == 0);
	make_file(in_dir("volume"), "", 0600);
	fd = open(in_dir("volume"), O_WRONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	for (round = 0; round < 1000; round++) {
		WORKS(stage_volume_new("no/such/path", 0, false, NULL, &volume, &failure));
		WORKS(stage_volume_begin(volume, fd, STAGE_VOLUME_OWN, &failure));
		for (i = 0; i < 3; i++) {
			completing[i] = (struct completing){volume, &all, 0};
			CHECK(pthread_create(&threads[i], NULL, complete, &completing[i]) == 0);
		}
		for (i = 0; i < 3; i++) {
			pthread_join(threads[i], NULL);
			CHECK(completing[i].code == 0);
		}
		stage_volume_free(&volume);
	}
	close(fd);
	unlink(in_dir("volume"));
	pthread_barrier_destroy(&all);
	close_both();
}

static const struct test tests[] = {
	{"from_begun_to_sealed", from_begun_to_sealed},
	{"not_known", not_known},
	{"without_thread", without_thread},
	{"written_back", written_back},
	{"a_step_ahead", a_step_ahead},
	{"refused_step", refused_step},
	{"no_space", no_space},
	{"wrong_order", wrong_order},
	{"ended", ended},
	{"of_the_parent", of_the_parent},
	{"asked_by_the_log", asked_by_the_log},
	{"completed_by_all", completed_by_all},
	{NULL, NULL},
};

const struct suite suite_volume = {"volume", tests};
