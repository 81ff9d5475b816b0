/*
 * Files, links, fifos and devices: made, written, and given their attributes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "unpack_internal.h"

/* The link by which a descriptor of O_PATH has its mode and its times set. */
struct by_path {
	char text[32];
};

static struct by_path
path_of(int fd)
{
	struct by_path path;

	snprintf(path.text, sizeof(path.text), "/proc/self/fd/%d", fd);
	return path;
}

static int
set_owner(int fd, bool by_path, const struct stage_entry *entry)
{
	uid_t uid = (uid_t)entry->uid;
	gid_t gid = (gid_t)entry->gid;

	if (entry->uid < 0 || entry->uid > UINT32_MAX || entry->gid < 0 ||
		entry->gid > UINT32_MAX) {
		errno = EINVAL;
		return -1;
	}
	return by_path ? fchownat(fd, "", uid, gid, AT_EMPTY_PATH) : fchown(fd, uid, gid);
}

static int
set_mode(int fd, bool by_path, mode_t mode)
{
	return by_path ? chmod(path_of(fd).text, mode) : fchmod(fd, mode);
}

static int
set_times(int fd, bool by_path, const struct stage_entry *entry)
{
	const struct timespec times[] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = (time_t)entry->mtime}};

	return by_path ? utimensat(AT_FDCWD, path_of(fd).text, times, 0) : futimens(fd, times);
}

void
stage_unpack_set_mode(const struct stage_unpack *unpack, int fd, bool by_path, mode_t mode)
{
	struct stat stat;

	/* a folder may have been given its group by the folder that it is in, which its mode tells */
	if (fstat(fd, &stat) == 0)
		(void)set_mode(
			fd, by_path, (stat.st_mode & 07000) | (mode & ~unpack->options.mask));
}

void
stage_unpack_set_attributes(
	const struct stage_unpack *unpack, int fd, bool by_path, mode_t unset, struct told *told)
{
	bool goes_on = unpack->options.ignores_errors;

	if (unpack->options.owners && set_owner(fd, by_path, &told->entry) < 0) {
		stage_unpack_note(told, STAGE_UNPACK_CHOWN, errno);
		if (!goes_on) {
			stage_unpack_set_mode(unpack, fd, by_path, unset);
			return;
		}
	}
	if (set_mode(fd, by_path, (mode_t)told->entry.mode & 07777) < 0) {
		stage_unpack_note(told, STAGE_UNPACK_CHMOD, errno);
		stage_unpack_set_mode(unpack, fd, by_path, unset);
		if (!goes_on)
			return;
	}
	if (set_times(fd, by_path, &told->entry) < 0)
		stage_unpack_note(told, STAGE_UNPACK_UTIME, errno);
}

void
stage_unpack_member_create(struct unpack_member *member)
{
	do
		member->fd = openat(member->folder->fd, member->name,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	while (member->fd < 0 && errno == EINTR);
	if (member->fd < 0)
		stage_unpack_note(&member->told, STAGE_UNPACK_OPEN, errno);
}

bool
stage_unpack_member_write(struct unpack_member *member, const void *data, size_t size)
{
	const unsigned char *bytes = data;
	ssize_t written;

	while (size > 0) {
		written = write(member->fd, bytes, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0) {
			stage_unpack_note(&member->told, STAGE_UNPACK_WRITE, errno);
			return false;
		}
		bytes += written;
		size -= (size_t)written;
	}
	return true;
}

static void
complete_file(const struct stage_unpack *unpack, struct unpack_member *member)
{
	struct told *told = &member->told;

	if (member->fd < 0 && told->count == 0) {
		stage_unpack_member_create(member);
		if (member->fd >= 0)
			stage_unpack_member_write(member, member->content, member->size);
	}
	if (member->fd < 0)
		return;
	if (told->count > 0 || member->is_partial)
		stage_unpack_set_mode(unpack, member->fd, false, 0666);
	else
		stage_unpack_set_attributes(unpack, member->fd, false, 0666, told);
	if (close(member->fd) < 0 && errno != EINTR && told->count == 0)
		stage_unpack_note(told, STAGE_UNPACK_WRITE, errno);
	member->fd = -1;
}

/* A descriptor of O_PATH of what was made, and of nothing that is there in its place; -1 with errno. */
static int
open_made(const struct unpack_member *member, mode_t type)
{
	int fd = openat(member->folder->fd, member->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat stat;

	if (fd < 0)
		return -1;
	if (fstat(fd, &stat) == 0 && (stat.st_mode & S_IFMT) == type && stat.st_nlink == 1)
		return fd;
	close(fd);
	errno = ENOENT;
	return -1;
}

static void
complete_link(const struct stage_unpack *unpack, struct unpack_member *member)
{
	const struct stage_entry *entry = &member->told.entry;
	int fd;

	if (symlinkat(entry->target, member->folder->fd, member->name) < 0) {
		stage_unpack_note(&member->told, STAGE_UNPACK_SYMLINK, errno);
		return;
	}
	if (!unpack->options.owners)
		return;
	fd = open_made(member, S_IFLNK);
	if (fd < 0 || set_owner(fd, true, entry) < 0)
		stage_unpack_note(&member->told, STAGE_UNPACK_LCHOWN, errno);
	if (fd >= 0)
		close(fd);
}

static void
complete_special(const struct stage_unpack *unpack, struct unpack_member *member, mode_t type)
{
	const struct stage_entry *entry = &member->told.entry;
	dev_t device = makedev((unsigned int)entry->dev_major, (unsigned int)entry->dev_minor);
	int fd;

	if (mknodat(member->folder->fd, member->name, type | 0600, type == S_IFIFO ? 0 : device) <
		0) {
		stage_unpack_note(&member->told,
			type == S_IFIFO ? STAGE_UNPACK_MKFIFO : STAGE_UNPACK_MKNOD, errno);
		return;
	}
	fd = open_made(member, type);
	if (fd < 0) {
		stage_unpack_note(&member->told, STAGE_UNPACK_CHMOD, errno);
		return;
	}
	stage_unpack_set_attributes(unpack, fd, true, 0666, &member->told);
	close(fd);
}

void
stage_unpack_member_complete(const struct stage_unpack *unpack, struct unpack_member *member)
{
	switch (member->told.entry.type) {
	case STAGE_ENTRY_FILE:
		complete_file(unpack, member);
		break;
	case STAGE_ENTRY_LINK:
		complete_link(unpack, member);
		break;
	case STAGE_ENTRY_FIFO:
		complete_special(unpack, member, S_IFIFO);
		break;
	case STAGE_ENTRY_CHARACTER:
		complete_special(unpack, member, S_IFCHR);
		break;
	case STAGE_ENTRY_BLOCK:
		complete_special(unpack, member, S_IFBLK);
		break;
	case STAGE_ENTRY_DIRECTORY:
	case STAGE_ENTRY_NONE:
		break;
	}
	free(member->content);
	member->content = NULL;
}
