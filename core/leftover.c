#include "leftover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "listing.h"
#include "naming.h"
#include "regular.h"

/* Folders in folders; deeper ones are left. */
#define DEPTH_MAX 16

#define HOST_FOLDER "duplicity_temp."
#define PYTHON "tmp"
#define PYTHON_RANDOM 8
#define RSYNC_RANDOM 6

static const char digits[] = "0123456789";
static const char python[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/* Does text consist of so many of these characters? */
static bool
is_all(const char *text, const char *characters, size_t length)
{
	return strlen(text) == length && strspn(text, characters) == length;
}

bool
stage_leftover_is_of_host(const char *name)
{
	const size_t length = strlen(HOST_FOLDER);

	return strncmp(name, HOST_FOLDER, length) == 0 && name[length] &&
	       is_all(name + length, digits, strlen(name + length));
}

static bool
is_python(const char *name)
{
	return strncmp(name, PYTHON, strlen(PYTHON)) == 0 &&
	       is_all(name + strlen(PYTHON), python, PYTHON_RANDOM);
}

static bool
is_rsync(const char *name)
{
	const char *dot = strrchr(name, '.');
	char file[STAGE_FILE_NAME_MAX];
	size_t length;

	if (*name != '.' || dot == name || !is_all(dot + 1, letters, RSYNC_RANDOM))
		return false;
	length = (size_t)(dot - name) - 1;
	if (length >= sizeof(file))
		return false;
	memcpy(file, name + 1, length);
	file[length] = '\0';
	return stage_naming_is_file(file);
}

struct walk {
	dev_t dev;
	bool removes;
	uint64_t bytes;
};

/* The number of the mount that fd is in (proc(5), /proc/PID/fdinfo); -1 where it cannot be told. */
static long
mount_of(int fd)
{
	char path[64], text[256];
	const char *found;
	long number;
	ssize_t got;
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return -1;
	got = read(info, text, sizeof(text) - 1);
	close(info);
	if (got <= 0)
		return -1;
	text[got] = '\0';
	found = strstr(text, "mnt_id:");
	return found && sscanf(found, "mnt_id: %ld\n", &number) == 1 ? number : -1;
}

/* Is the folder fd, in the directory dirfd, nothing that is mounted there? False also where nobody can tell. */
static bool
is_in_mount(int dirfd, int fd)
{
	struct statx extended;
	long mount;

	if (statx(fd, "", AT_EMPTY_PATH, 0, &extended) == 0 &&
		(extended.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
		return !(extended.stx_attributes & STATX_ATTR_MOUNT_ROOT);
	/* before Linux 5.8, or where statx is not allowed */
	mount = mount_of(fd);
	return mount >= 0 && mount == mount_of(dirfd);
}

/* Opens a folder that is this user's, in the same file system, and nothing that is mounted. -1 with errno. */
static int
open_folder(int dirfd, const char *name, const struct walk *walk)
{
	struct stat stat;
	int fd, failed = 0;

	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &stat) < 0)
		failed = errno;
	else if (stat.st_uid != geteuid() || stat.st_dev != walk->dev)
		failed = EPERM;
	else if (!is_in_mount(dirfd, fd))
		failed = EBUSY;
	if (!failed)
		return fd;
	close(fd);
	errno = failed;
	return -1;
}

static int walk_folder(int dirfd, const char *name, struct walk *walk, int depth);

/* What is in a folder: 0 or an errno; EPERM: it is not one of ours. */
static int
walk_entry(int dirfd, const char *name, struct walk *walk, int depth)
{
	struct stat stat;

	if (fstatat(dirfd, name, &stat, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : errno;
	if (S_ISDIR(stat.st_mode))
		return depth == 0 ? EPERM : walk_folder(dirfd, name, walk, depth - 1);
	if (stat.st_uid != geteuid() || (!S_ISREG(stat.st_mode) && !S_ISLNK(stat.st_mode)))
		return EPERM;
	if (S_ISREG(stat.st_mode))
		walk->bytes += (uint64_t)stat.st_size;
	if (walk->removes && unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return errno;
	return 0;
}

static int
walk_folder(int dirfd, const char *name, struct walk *walk, int depth)
{
	struct stage_listing listing;
	const struct dirent *entry;
	int fd, failed = 0;

	fd = open_folder(dirfd, name, walk);
	if (fd < 0)
		return errno == ENOENT ? 0 : errno;
	stage_listing_open(&listing, fd);
	while (!failed && (entry = stage_listing_next(&listing)))
		failed = walk_entry(fd, entry->d_name, walk, depth);
	if (stage_listing_close(&listing) < 0)
		failed = errno;
	close(fd);
	if (!failed && walk->removes && unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		failed = errno;
	return failed;
}

static int
walk_from(int dirfd, const char *name, struct walk *walk)
{
	struct stat stat;

	if (fstat(dirfd, &stat) < 0)
		return errno;
	walk->dev = stat.st_dev;
	return walk_folder(dirfd, name, walk, DEPTH_MAX);
}

bool
stage_leftover_is(int dirfd, const char *name, struct stat *ret_stat)
{
	const bool folder = stage_leftover_is_of_host(name), both = is_python(name);
	struct walk walk = {.removes = false};

	if (both || is_rsync(name)) {
		if (stage_regular_is_own(dirfd, name, ret_stat))
			return true;
	} else if (!folder) {
		return false;
	}
	if ((!folder && !both) || fstatat(dirfd, name, ret_stat, AT_SYMLINK_NOFOLLOW) < 0 ||
		!S_ISDIR(ret_stat->st_mode) || walk_from(dirfd, name, &walk))
		return false;
	ret_stat->st_size = (off_t)walk.bytes;
	return true;
}

int
stage_leftover_remove(int dirfd, const char *name)
{
	struct walk walk = {.removes = true};
	struct stat stat;

	if (fstatat(dirfd, name, &stat, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : errno;
	if (S_ISDIR(stat.st_mode))
		return walk_from(dirfd, name, &walk);
	return unlinkat(dirfd, name, 0) < 0 && errno != ENOENT ? errno : 0;
}
