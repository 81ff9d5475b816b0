#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dir.h"
#include "spool.h"
#include "spool_run.h"
#include "wrap.h"

/* Of "abc" (FIPS 180-4) */
static const unsigned char sha256[32] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41,
	0x40, 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4,
	0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};

/*
 * What the caller has told of all of a file is not read; of a part of it, it is nothing. That it was
 * told wrongly is noticed by whoever checks the file.
 */
static void
told_digest(void)
{
	struct stage_spool_file *right, *part, *wrong;

	open_both();
	right = add_file("right", "abc", false);
	part = add_file("part", "abcd", false);
	wrong = add_file("wrong", "abd", false);
	REQUIRE(right && part && wrong);
	stage_spool_set_digest(right, 3, sha256);
	stage_spool_set_digest(part, 3, sha256);
	stage_spool_set_digest(wrong, 3, sha256);
	wrap_begin_two("pread", EIO, "pread", EIO);
	WORKS(stage_spool_seal(spool, right, &failure));
	WORKS(stage_spool_seal(spool, wrong, &failure));
	FAILS(stage_spool_seal(spool, part, &failure), STAGE_E_SYSTEM);
	wrap_end();
	WORKS(stage_spool_seal(spool, part, &failure));
	CHECK(right->size == 3 && part->size == 4);
	stage_spool_set_digest(part, 4, sha256); /* too late */
	WORKS(stage_spool_check(spool, right, &failure));
	WORKS(stage_spool_check(spool, part, &failure));
	FAILS(stage_spool_check(spool, wrong, &failure), STAGE_E_DAMAGED);
	WORKS(stage_spool_forget(spool, &right, &failure));
	WORKS(stage_spool_forget(spool, &part, &failure));
	WORKS(stage_spool_forget(spool, &wrong, &failure));
	close_both();
}

static void
flip(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	CHECK(pwrite(fd, "X", 1, 3) == 1);
	close(fd);
}

static void
cut(const char *path)
{
	CHECK(truncate(path, 3) == 0);
}

static void
grow(const char *path)
{
	/* so large that reading it would be noticed */
	CHECK(truncate(path, (off_t)1 << 40) == 0);
}

static void
replace_by_link(const char *path)
{
	CHECK(unlink(path) == 0 && symlink("/etc/passwd", path) == 0);
}

static void
replace_by_fifo(const char *path)
{
	CHECK(unlink(path) == 0 && mkfifo(path, 0600) == 0);
}

static void
replace_by_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(unlink(path) == 0 && chdir(spool_path) == 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", strrchr(path, '/') + 1);
	CHECK(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK(chdir("/") == 0);
	close(fd);
}

static void
replace_by_directory(const char *path)
{
	CHECK(unlink(path) == 0 && mkdir(path, 0700) == 0);
}

static void
take_away(const char *path)
{
	CHECK(unlink(path) == 0);
}

static const struct {
	void (*change)(const char *path);
	const char *says;
} changes[] = {
	{flip, "SHA-256"},
	{cut, "has 3 bytes, and had 8"},
	{grow, "has 1099511627776 bytes, and had 8"},
	{replace_by_link, "not a regular file"},
	{replace_by_fifo, "not a regular file"},
	{replace_by_socket, "not a regular file"},
	{replace_by_directory, "not a regular file"},
	{take_away, "is gone"},
};

static void
changed_file(void)
{
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct stage_spool_file *file;
		char *path;

		open_both();
		file = stage("the name", "contents");
		path = strdup(file->path);
		changes[i].change(path);
		FAILS(stage_spool_check(spool, file, &failure), STAGE_E_DAMAGED);
		HAS(failure.message, changes[i].says);
		HAS(failure.message, path);
		HAS(failure.message, "the name");
		if (changes[i].change == replace_by_directory) {
			FAILS(stage_spool_forget(spool, &file, &failure), STAGE_E_SYSTEM);
			CHECK(file != NULL);
			CHECK(rmdir(path) == 0);
		}
		WORKS(stage_spool_forget(spool, &file, &failure));
		close_both();
		CHECK(captured.lines[STAGE_WARNING] == 0);
		free(path);
	}
}

/* The same before it was sealed: it is not. */
static void
changed_before_seal(void)
{
	size_t i;

	for (i = 1; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct stage_spool_file *file;
		char *path;
		int code;

		if (changes[i].change == grow)
			continue;
		open_both();
		file = add_file("the name", "contents", false);
		REQUIRE(file != NULL);
		path = strdup(file->path);
		changes[i].change(path);
		code = stage_spool_seal(spool, file, &failure);
		CHECK(code == (changes[i].change == take_away ? STAGE_E_SYSTEM : STAGE_E_DAMAGED));
		HAS(failure.message, path);
		CHECK(!file->sealed);
		/* whatever it is now, it is not what was accepted */
		stage_spool_close(&spool);
		CHECK(!is_there(spool_path) ||
			(is_there(path) && captured.lines[STAGE_WARNING] == 2));
		unlink(path);
		rmdir(path);
		rmdir(spool_path);
		stage_dir_close(&dir);
		free(path);
	}
}

/* The disk fails once, and then pretends that all is well: the file cannot be sealed any more. */
static void
disk_fails(void)
{
	struct stage_spool_file *file;
	int code;

	open_both();
	file = add_file("a", "a", false);
	REQUIRE(file != NULL);
	wrap_begin_two("fsync", EIO, "fsync", EIO);
	code = stage_spool_seal(spool, file, &failure);
	wrap_end();
	CHECK(code == STAGE_E_SYSTEM && failure.sys_errno == EIO);
	FAILS(stage_spool_seal(spool, file, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == EIO && !file->sealed);
	find_all();
	CHECK(found_count == 1 && found[0].count == 0);
	found_done();
	close_both();
}

/* A file named "the volume" of which "abc" was told, with what the disk has of it, and not sealed. */
static struct stage_spool_file *
add_told(const char *on_disk)
{
	struct stage_spool_file *file = add_file("the volume", on_disk, false);

	REQUIRE(file != NULL);
	stage_spool_set_digest(file, 3, sha256);
	return file;
}

/* Seals a file while this function of the disk fails. */
static void
fail_to_seal(struct stage_spool_file *file, const char *function, int sys_errno)
{
	int code;

	wrap_begin_two(function, sys_errno, function, sys_errno);
	code = stage_spool_seal(spool, file, &failure);
	wrap_end();
	CHECK(code == STAGE_E_SYSTEM && failure.sys_errno == sys_errno && !file->sealed);
}

static void
is_lost(struct stage_spool_file *file, int sys_errno)
{
	FAILS(stage_spool_check_written(spool, file, &failure), STAGE_E_NO_ROOM);
	CHECK(failure.sys_errno == sys_errno);
	HAS(failure.message, file->path);
	HAS(failure.message, "the volume is lost");
	HAS(failure.message, stage_error_errno_text(sys_errno));
}

/* A disk that has no room for what it was given says so at fsync(2) alone: what it has then counts. */
static void
disk_full_at_fsync(void)
{
	static const int errnos[] = {ENOSPC, EDQUOT};
	size_t i;

	for (i = 0; i < 2; i++) {
		struct stage_spool_file *right, *wrong, *untold;
		int code;

		open_both();
		right = add_told("abc");
		wrong = add_told("ab\1");
		untold = add_file("the volume", "abc", false);
		REQUIRE(untold != NULL);
		fail_to_seal(right, "fsync", errnos[i]);
		fail_to_seal(wrong, "fsync", errnos[i]);
		fail_to_seal(untold, "fsync", errnos[i]);
		WORKS(stage_spool_check_written(spool, right, &failure));
		is_lost(wrong, errnos[i]);
		is_lost(untold, errnos[i]);
		/* that a later fsync(2) finds nothing to do proves nothing */
		is_lost(wrong, errnos[i]);
		FAILS(stage_spool_seal(spool, wrong, &failure), STAGE_E_SYSTEM);
		wrap_begin_two("pread", EIO, "pread", EIO);
		code = stage_spool_check_written(spool, right, &failure);
		wrap_end();
		CHECK(code == STAGE_E_NO_ROOM && failure.sys_errno == errnos[i]);
		close_both();
		CHECK(!is_there(spool_path));
	}
}

/* Only the record is missing: the disk has the file, which is not read. */
static void
disk_full_for_record(void)
{
	struct stage_spool_file *told, *untold;
	int told_code, untold_code;

	open_both();
	told = add_told("ab\1");
	untold = add_file("b", "b", false);
	REQUIRE(untold != NULL);
	fail_to_seal(told, "write", ENOSPC);
	fail_to_seal(untold, "write", ENOSPC);
	wrap_begin_two("pread", EIO, "fsync", EIO);
	told_code = stage_spool_check_written(spool, told, &failure);
	untold_code = stage_spool_check_written(spool, untold, &failure);
	wrap_end();
	CHECK(told_code == 0 && untold_code == 0);
	WORKS(stage_spool_seal(spool, told, &failure));
	WORKS(stage_spool_check_written(spool, told, &failure));
	WORKS(stage_spool_forget(spool, &told, &failure));
	close_both();
}

/* A disk that was never asked is asked before what is on it is trusted. */
static void
disk_was_not_asked(void)
{
	struct stage_spool_file *right, *wrong;
	int right_code, wrong_code;

	open_both();
	right = add_told("abc");
	wrong = add_told("ab\1");
	fail_to_seal(right, "openat", ENOSPC);
	WORKS(stage_spool_check_written(spool, right, &failure));
	wrap_begin_two("fsync", ENOSPC, "openat", ENOSPC);
	right_code = stage_spool_check_written(spool, right, &failure);
	wrong_code = stage_spool_check_written(spool, wrong, &failure);
	wrap_end();
	CHECK(right_code == 0 && wrong_code == STAGE_E_NO_ROOM);
	close_both();
}

/* What has taken the place of the file is neither sealed nor taken for it. */
static void
replaced_by_file(void)
{
	struct stage_spool_file *file;

	open_both();
	file = add_told("abc");
	fail_to_seal(file, "fsync", ENOSPC);
	make_file(join(spool_path, "other"), "abc", 0600);
	REQUIRE(rename(join(spool_path, "other"), file->path) == 0);
	FAILS(stage_spool_check_written(spool, file, &failure), STAGE_E_DAMAGED);
	HAS(failure.message, "another file");
	file = add_told("abc");
	make_file(join(spool_path, "other"), "abc", 0600);
	REQUIRE(rename(join(spool_path, "other"), file->path) == 0);
	FAILS(stage_spool_seal(spool, file, &failure), STAGE_E_DAMAGED);
	close_both();
}

/* The descriptor from before it was written is the one that is asked, and is closed in the end. */
static void
held_descriptor(void)
{
	struct stage_spool_file *file, *other;
	int fds, fd;

	open_both();
	fds = count_fds();
	file = add_told("abc");
	fd = open(file->path, O_RDONLY | O_CLOEXEC);
	stage_spool_hold(file, fd);
	other = add_told("abc");
	CHECK(count_fds() == fds + 2);
	/* of another file: nobody would hear of this one's failures */
	stage_spool_hold(other, open(in_dir("."), O_RDONLY | O_CLOEXEC));
	FAILS(stage_spool_seal(spool, other, &failure), STAGE_E_DAMAGED);
	WORKS(stage_spool_seal(spool, file, &failure));
	CHECK(!is_open_fd(fd) && count_fds() == fds + 1);
	WORKS(stage_spool_forget(spool, &file, &failure));
	WORKS(stage_spool_forget(spool, &other, &failure));
	CHECK(count_fds() == fds);
	close_both();
}

static const struct test tests[] = {
	{"told_digest", told_digest},
	{"changed_file", changed_file},
	{"changed_before_seal", changed_before_seal},
	{"disk_full_at_fsync", disk_full_at_fsync},
	{"disk_full_for_record", disk_full_for_record},
	{"disk_was_not_asked", disk_was_not_asked},
	{"replaced_by_file", replaced_by_file},
	{"held_descriptor", held_descriptor},
	{"disk_fails", disk_fails},
	{NULL, NULL},
};

const struct suite suite_spool_check = {"spool_check", tests};
