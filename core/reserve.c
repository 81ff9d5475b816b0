/*
 * The file `room` is one line, "BYTES DIRECTORY/FILE": how large that file of a staging directory in
 * this root may become. It is written at once, and read by others without a lock: a line that is
 * cut reserves nothing, which is noticed by whoever is writing it, since he counts afterwards.
 *
 * Who cannot be looked at for want of descriptors or by a failing disk might have announced
 * something: then there is no count, rather than a low one.
 */
#include "reserve_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "durable.h"
#include "filesystem.h"
#include "listing.h"
#include "naming.h"
#include "regular.h"

/* "BYTES DIRECTORY/FILE" with its newline and a NUL */
#define LINE_MAX_BYTES (20 + 1 + STAGE_DIR_NAME_MAX + 1 + STAGE_FILE_NAME_MAX + 2)

/* What the root holds, with what others have announced for files that are not yet whole. */
struct count {
	struct stage_reserved room;
	uint64_t announced; /* by other live runs, whole */
};

/* A file in a staging directory of the root. */
struct announcement {
	uint64_t bytes;
	char directory[STAGE_DIR_NAME_MAX];
	const char *file; /* in what was taken apart */
};

/* What others write may be any number. */
static uint64_t
sum(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Takes DIRECTORY/FILE apart. False where it is anything else, such as a way out of the root. */
static bool
take_path(const char *text, struct announcement *announcement)
{
	const char *slash = strchr(text, '/');
	bool this_machine;
	pid_t pid;

	if (!slash || (size_t)(slash - text) >= sizeof(announcement->directory))
		return false;
	memcpy(announcement->directory, text, (size_t)(slash - text));
	announcement->directory[slash - text] = '\0';
	announcement->file = slash + 1;
	return stage_naming_is_dir(announcement->directory, &pid, &this_machine) &&
	       stage_naming_is_file(announcement->file);
}

/* Takes a line without its newline apart. */
static bool
take_line(const char *line, struct announcement *announcement)
{
	char *end;

	if (*line < '0' || *line > '9')
		return false;
	errno = 0;
	announcement->bytes = strtoull(line, &end, 10);
	return !errno && *end == ' ' && take_path(end + 1, announcement);
}

/* The part of path below root: DIRECTORY/FILE. NULL where it is not that. */
static const char *
below(const char *root, const char *path)
{
	struct announcement announcement;
	size_t length = strlen(root);

	if (length == 1)
		length = 0; /* the root directory */
	if (strncmp(path, root, length) != 0 || path[length] != '/' ||
		!take_path(path + length + 1, &announcement))
		return NULL;
	return path + length + 1;
}

static int
announce(const struct stage_lockdir *own, const char *what, uint64_t bytes)
{
	char line[LINE_MAX_BYTES];
	int fd, length, sys_errno;
	ssize_t written;

	length = snprintf(line, sizeof(line), "%" PRIu64 " %s\n", bytes, what);
	if (stage_regular_open(
		    own->fd, STAGE_RESERVE_NAME, O_WRONLY | O_CREAT | O_TRUNC, &fd, NULL) < 0)
		return -1;
	do
		written = write(fd, line, (size_t)length);
	while (written < 0 && errno == EINTR);
	sys_errno = written < 0 ? errno : ENOSPC;
	close(fd);
	errno = sys_errno;
	return written == length ? 0 : -1;
}

void
stage_reserve_release(const struct stage_lockdir *own)
{
	int saved_errno = errno;

	unlinkat(own->fd, STAGE_RESERVE_NAME, 0);
	errno = saved_errno;
}

/* How much of the file is on the disk already. What cannot be told has still to be written. */
static uint64_t
written_of(int root_fd, const struct announcement *announcement)
{
	uint64_t written = 0;
	struct stat stat;
	int fd;

	/* two steps: no link leads out of the root */
	fd = openat(
		root_fd, announcement->directory, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (fstatat(fd, announcement->file, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISREG(stat.st_mode))
		written = (uint64_t)stat.st_blocks * 512;
	close(fd);
	return written;
}

/* Reads the file `room` of the spool dirfd. 0: there is none, or no line in it; -1 with errno. */
static ssize_t
read_line(int dirfd, char line[LINE_MAX_BYTES])
{
	ssize_t length;
	int fd, code, sys_errno;

	code = stage_regular_open(dirfd, STAGE_RESERVE_NAME, O_RDONLY, &fd, NULL);
	if (code < 0)
		return code == STAGE_E_DAMAGED || errno == ENOENT ? 0 : -1;
	do
		length = read(fd, line, LINE_MAX_BYTES);
	while (length < 0 && errno == EINTR);
	sys_errno = errno;
	close(fd);
	errno = sys_errno;
	if (length < 0)
		return -1;
	if (length == 0 || memchr(line, '\n', (size_t)length) != line + length - 1)
		return 0;
	line[length - 1] = '\0';
	return strlen(line) == (size_t)length - 1 ? length : 0;
}

/* Adds what the live run of the spool dirfd has announced. -1 with errno. */
static int
add_announced(int root_fd, int dirfd, struct count *count)
{
	struct announcement announcement;
	char line[LINE_MAX_BYTES];
	uint64_t written;
	ssize_t length;

	length = read_line(dirfd, line);
	if (length <= 0)
		return (int)length;
	if (!take_line(line, &announcement))
		return 0;
	count->announced = sum(count->announced, announcement.bytes);
	written = written_of(root_fd, &announcement);
	if (written < announcement.bytes)
		count->room.promised = sum(count->room.promised, announcement.bytes - written);
	return 0;
}

/* Adds the sizes of the files in the directory dirfd: staged ones, or all of ours. -1 with errno. */
static int
add_sizes(int dirfd, bool staged_only, uint64_t *sizes)
{
	struct stage_listing listing;
	const struct dirent *entry;
	struct stat stat;
	int result = 0;

	stage_listing_open(&listing, dirfd);
	while (result == 0 && (entry = stage_listing_next(&listing))) {
		if (!stage_naming_is_staged(entry->d_name) &&
			(staged_only || !stage_naming_is_file(entry->d_name)))
			continue;
		if (fstatat(dirfd, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) == 0)
			*sizes = sum(*sizes, (uint64_t)stat.st_size);
		else if (errno != ENOENT)
			result = -1;
	}
	if (stage_listing_close(&listing) < 0 && errno != ENOENT) /* removed meanwhile */
		result = -1;
	return result;
}

/* Adds another live run's directory. -1 with errno. */
static int
add_live(const struct stage_lockdir *held, struct count *count)
{
	uint64_t before = sum(count->room.staged, count->announced);

	if (add_announced(held->root_fd, held->fd, count) < 0 ||
		add_sizes(held->fd, true, &count->room.staged) < 0)
		return -1;
	if (sum(count->room.staged, count->announced) > before)
		count->room.others = true;
	return 0;
}

/* Adds the staging directory of this name, if it is there and this user's. -1 with errno. */
static int
add_directory(const struct stage_lockdir *own, struct stage_reserve_others *others,
	const char *name, struct count *count)
{
	struct stage_lockdir held = STAGE_LOCKDIR_NONE;
	int result = 0;

	if (stage_lockdir_look(&held, own->root_fd, name) < 0)
		return stage_lockdir_is_none(errno) ? 0 : -1;
	if (held.stat.st_uid != geteuid()) {
		; /* cannot be looked into */
	} else if (held.lock == STAGE_LOCK_OURS && held.proves) {
		result = add_sizes(held.fd, false, &count->room.orphaned);
	} else {
		/* TAKEN, or there is no lock to be had just now, or none that proves: it may live */
		const bool others_live = count->room.others;

		stage_reserve_others_tell(others, held.fd);
		result = add_live(&held, count);
		/* but nobody waits, perhaps for ever, for what may as well be dead */
		if (held.lock == STAGE_LOCK_OURS)
			count->room.others = others_live;
	}
	stage_lockdir_release(&held);
	return result;
}

/* Adds all staging directories of the root. -1 with errno. */
static int
add_directories(
	const struct stage_lockdir *own, struct stage_reserve_others *others, struct count *count)
{
	int result;
	size_t i;

	result = add_sizes(own->fd, true, &count->room.staged);
	if (result == 0)
		result = stage_reserve_others_find(others, own);
	for (i = 0; result == 0 && i < others->count; i++)
		result = add_directory(own, others, others->names[i], count);
	if (result == 0)
		stage_reserve_others_told(others);
	return result;
}

static int
count_root(const struct stage_lockdir *own, struct stage_reserve_others *others, const char *root,
	struct count *count, struct stage_error *error)
{
	memset(count, 0, sizeof(*count));
	if (stage_filesystem_free(own->fd, &count->room.free) < 0)
		return stage_error_set(error, STAGE_E_SYSTEM, errno,
			"cannot tell how much space is free in the temp root %s", root);
	if (add_directories(own, others, count) < 0)
		return stage_error_set(error, STAGE_E_SYSTEM, errno,
			"cannot tell what is staged in the temp root %s", root);
	return 0;
}

/* How much could be reserved. */
static uint64_t
possible(const struct count *count, uint64_t limit)
{
	const struct stage_reserved *room = &count->room;
	uint64_t taken = sum(room->staged, count->announced);
	uint64_t free = room->free > room->promised ? room->free - room->promised : 0;

	if (!limit)
		return free;
	if (taken >= limit)
		return 0;
	return limit - taken < free ? limit - taken : free;
}

/* Is there room for bytes more? */
static int
judge(const char *root, const struct count *count, uint64_t bytes, uint64_t limit,
	struct stage_error *error)
{
	const struct stage_reserved *room = &count->room;

	if (limit && sum(sum(room->staged, count->announced), bytes) > limit)
		return stage_error_set(error, STAGE_E_NO_ROOM, 0,
			"%s: %" PRIu64 " bytes are needed, and of the %" PRIu64
			" that may be staged, %" PRIu64 " are, and %" PRIu64
			" are promised to other runs",
			root, bytes, limit, room->staged, count->announced);
	if (room->free < room->promised || room->free - room->promised < bytes)
		return stage_error_set(error, STAGE_E_NO_ROOM, 0,
			"%s: %" PRIu64 " bytes are needed, %" PRIu64 " are free, but %" PRIu64
			" of these are promised to other runs; %" PRIu64 " are staged, and %" PRIu64
			" lie in what dead runs left",
			root, bytes, room->free, room->promised, room->staged, room->orphaned);
	return 0;
}

/* Announces first, counts then. */
static int
reserve(const struct stage_lockdir *own, struct stage_reserve_others *others, const char *root,
	const char *what, uint64_t bytes, uint64_t limit, struct stage_reserved *ret_room,
	struct stage_error *error)
{
	bool announced = announce(own, what, bytes) == 0;
	struct count count;
	int code;

	/* where there is no room even for that, let the count tell why */
	if (!announced && !stage_durable_is_full(errno))
		return stage_error_set(error, STAGE_E_SYSTEM, errno,
			"cannot reserve room in the temp root %s", root);
	code = count_root(own, others, root, &count, error);
	if (code < 0)
		return code;
	count.room.possible = possible(&count, limit);
	*ret_room = count.room;
	code = judge(root, &count, bytes, limit, error);
	if (code == 0 && !announced)
		code = stage_error_set(error, STAGE_E_NO_ROOM, ENOSPC,
			"cannot reserve room in the temp root %s", root);
	return code;
}

int
stage_reserve_take(const struct stage_lockdir *own, struct stage_reserve_others *others,
	const char *root, const char *path, uint64_t bytes, uint64_t limit,
	struct stage_reserved *ret_room, struct stage_error *error)
{
	const char *what = below(root, path);
	int code;

	if (!what)
		code = stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"%s is not a file of a staging directory in %s", path, root);
	else if (limit && bytes > limit)
		code = stage_error_set(error, STAGE_E_SETTING, 0,
			"max_staged is %" PRIu64 " bytes, and one volume may need %" PRIu64
			": allow more, or make smaller volumes",
			limit, bytes);
	else
		code = reserve(own, others, root, what, bytes, limit, ret_room, error);
	if (code < 0)
		stage_reserve_release(own);
	return code;
}
