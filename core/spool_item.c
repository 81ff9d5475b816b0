#include "spool_item.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "durable.h"
#include "path.h"
#include "regular.h"

void
stage_spool_item_drop_fd(struct stage_spool_item *item)
{
	int fd = item->fd;

	/* first: a child that is forked here must not close what gets the number next */
	item->fd = -1;
	if (fd >= 0)
		close(fd);
}

void
stage_spool_item_free(struct stage_spool_file *file)
{
	if (!file)
		return;
	stage_spool_item_drop_fd(stage_spool_item_of(file));
	free(file->path);
	free(file->name);
	free(file->note);
	free(file);
}

struct stage_spool_item *
stage_spool_item_new(const char *path, const char *base, const char *name, const char *note)
{
	struct stage_spool_item *item = calloc(1, sizeof(*item));

	if (!item)
		return NULL;
	item->fd = -1;
	item->file.name = strdup(name);
	item->file.note = strdup(note);
	item->file.path = stage_path_join(path, base);
	if (item->file.name && item->file.note && item->file.path)
		return item;
	stage_spool_item_free(&item->file);
	return NULL;
}

char *
stage_spool_item_base(const struct stage_spool_file *file)
{
	return strrchr(file->path, '/') + 1;
}

int
stage_spool_item_fail_damaged(
	const struct stage_spool_file *file, const char *what, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_DAMAGED, 0, "the staged file %s (%s) %s", file->path,
		file->name, what);
}

int
stage_spool_item_fail_gone(const struct stage_spool_file *file, struct stage_error *error)
{
	return stage_spool_item_fail_damaged(file, "is gone", error);
}

int
stage_spool_item_open(const struct stage_spool_item *item, int dirfd, bool looking, int *ret_fd,
	uint64_t *ret_size, struct stage_error *error)
{
	const struct stage_spool_file *file = &item->file;
	struct stat stat;
	int code;

	code = stage_regular_open(dirfd, stage_spool_item_base(file), O_RDONLY, ret_fd, &stat);
	if (code == STAGE_E_DAMAGED)
		return stage_spool_item_fail_damaged(file, "is not a regular file any more", error);
	if (code < 0 && errno == ENOENT && looking)
		return stage_error_set(error, STAGE_E_SYSTEM, ENOENT,
			"the staged file %s (%s) was handed off, or removed, while it was looked at",
			file->path, file->name);
	if (code < 0 && errno == ENOENT && file->sealed)
		return stage_spool_item_fail_gone(file, error);
	if (code < 0)
		return stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot open the staged file %s", file->path);
	*ret_size = (uint64_t)stat.st_size;
	return 0;
}

int
stage_spool_item_check_same(
	const struct stage_spool_item *item, int dirfd, struct stage_error *error)
{
	struct stat ours, there;

	if (item->fd < 0)
		return 0;
	if (fstat(item->fd, &ours) < 0 ||
		fstatat(dirfd, stage_spool_item_base(&item->file), &there, AT_SYMLINK_NOFOLLOW) < 0)
		return stage_error_set(error, STAGE_E_SYSTEM, errno,
			"cannot look at the staged file %s", item->file.path);
	if (ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
		return 0;
	return stage_spool_item_fail_damaged(
		&item->file, "is another file than the one that was accepted", error);
}

int
stage_spool_item_write_out(struct stage_spool_item *item, int fd)
{
	if (stage_durable_file(item->fd >= 0 ? item->fd : fd) < 0) {
		item->lost = errno;
		return -1;
	}
	item->written = true;
	return 0;
}
