/*
 * Folders: made, opened again, and given their attributes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unpack_internal.h"

#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct unpack_folder *
stage_unpack_folder_new(
	struct unpack_folder *parent, const struct stage_entry *entry, const char *name)
{
	struct unpack_folder *folder =
		malloc(sizeof(*folder) + entry->index_length + entry->target_length + 2);

	if (!folder)
		return NULL;
	memset(folder, 0, sizeof(*folder));
	stage_unpack_copy(entry, &folder->told.entry, folder->text);
	folder->parent = parent;
	folder->name = folder->text + (name - entry->index);
	folder->length = entry->index_length;
	folder->depth = parent ? parent->depth + 1 : 0;
	folder->fd = -1;
	return folder;
}

void
stage_unpack_folder_rest(struct unpack_folder *folder)
{
	close(folder->fd);
	folder->fd = -1;
}

int
stage_unpack_folder_open(struct unpack_folder *folder)
{
	struct stat stat;
	int saved_errno;

	do
		folder->fd = openat(folder->parent->fd, folder->name, OPEN_FOLDER);
	while (folder->fd < 0 && errno == EINTR);
	if (folder->fd < 0)
		return errno;
	if (fstat(folder->fd, &stat) < 0) {
		saved_errno = errno;
		stage_unpack_folder_rest(folder);
		return saved_errno;
	}
	folder->device = stat.st_dev;
	folder->inode = stat.st_ino;
	return 0;
}

/*
 * Is the folder that was opened the one that was made? What another user has put there is his. Some file systems say of
 * all that it is somebody else's; what they say of a new file shows it. Where no such file can be had, there are none but
 * those.
 */
static bool
is_own(const struct unpack_folder *folder)
{
	struct stat made, other;
	bool is = true;
	int fd;

	if (fstat(folder->fd, &made) < 0)
		return false;
	if (made.st_uid == geteuid())
		return true;
	fd = openat(folder->parent->fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return true;
	if (fstat(fd, &other) == 0)
		is = other.st_uid == made.st_uid;
	close(fd);
	return is;
}

int
stage_unpack_folder_make(struct unpack_folder *folder)
{
	int failed;

	if (mkdirat(folder->parent->fd, folder->name, 0700) < 0)
		return errno;
	folder->is_made = true;
	failed = stage_unpack_folder_open(folder);
	if (!failed && !is_own(folder)) {
		stage_unpack_folder_rest(folder);
		failed = ENOENT;
	}
	return failed;
}

/* Takes a descriptor if it is the folder's; closes any other. */
static bool
take(struct unpack_folder *folder, int fd)
{
	struct stat stat;

	if (fd < 0)
		return false;
	if (fstat(fd, &stat) < 0 || stat.st_dev != folder->device || stat.st_ino != folder->inode) {
		close(fd);
		return false;
	}
	folder->fd = fd;
	return true;
}

/* The folder of this depth on the way to another one. */
static const struct unpack_folder *
at_depth(const struct unpack_folder *folder, unsigned int depth)
{
	while (folder->depth > depth)
		folder = folder->parent;
	return folder;
}

/* Goes down to a folder from the next one above it that is open; the base always is. -1 where that fails. */
static int
descend(const struct unpack_folder *folder)
{
	const struct unpack_folder *above = folder->parent;
	unsigned int depth;
	int fd, next;

	while (above->fd < 0)
		above = above->parent;
	fd = fcntl(above->fd, F_DUPFD_CLOEXEC, 3);
	for (depth = above->depth + 1; fd >= 0 && depth <= folder->depth; depth++) {
		next = openat(fd, at_depth(folder, depth)->name, OPEN_FOLDER);
		close(fd);
		fd = next;
	}
	return fd;
}

bool
stage_unpack_folder_reopen(struct unpack_folder *folder)
{
	struct unpack_folder *parent = folder->parent;

	if (parent->fd >= 0 || parent->failed)
		return false;
	if (folder->fd >= 0 && take(parent, openat(folder->fd, "..", OPEN_FOLDER)))
		return true;
	if (take(parent, descend(parent)))
		return true;
	parent->failed = ENOENT; /* it is no longer where it was made */
	return false;
}

bool
stage_unpack_folder_complete(const struct stage_unpack *unpack, struct unpack_folder *folder)
{
	bool was_open = folder->fd >= 0;

	if (!was_open && folder->is_member)
		stage_unpack_note(&folder->told, STAGE_UNPACK_CHMOD, folder->failed);
	else if (was_open && folder->is_member && !folder->is_unfinished)
		stage_unpack_set_attributes(unpack, folder->fd, false, 0777, &folder->told);
	else if (was_open && folder->is_made)
		stage_unpack_set_mode(unpack, folder->fd, false, 0777);
	if (was_open && folder->depth > 0)
		stage_unpack_folder_rest(folder);
	return was_open;
}
