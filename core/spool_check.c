/*
 * Four questions, asked at different times:
 *
 *	check_written	before an upload: may a file that could not be sealed be handed off?
 *	check_there	before each: is it still there?
 *	check_read	after an upload: was what was read what was written?
 *	check		of a sealed file: is it what its record says?
 *
 * A file that can be read from the page cache proves nothing: its pages may be dropped before storage has
 * them. So they are dropped first, except for pages that still wait to be written.
 *
 * handoff_seal.c asks check_written when the disk was full at fsync.
 */
#include "spool_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "durable.h"
#include "spool_item.h"

static int
fail_lost(const struct stage_spool_item *item, const char *found, struct stage_error *error)
{
	const struct stage_spool_file *file = &item->file;
	const bool full = stage_durable_is_full(item->lost);

	return stage_error_set(error, full ? STAGE_E_NO_ROOM : STAGE_E_SYSTEM, item->lost,
		"%s is lost: the disk did not take the staged file %s, and %s. The next run makes it again%s. What the disk said",
		file->name, file->path, found, full ? "; make room there first" : "");
}

/* Is on disk what was written? */
static int
compare(const struct stage_spool_item *item, int fd, struct stage_error *error)
{
	struct stage_digest digest;
	struct stage_error failure;
	int code;

	if (!item->told)
		return fail_lost(item, "what was written to it is not known", error);
	(void)stage_durable_file(fd);
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	code = stage_digest_read(fd, item->file.path, &digest, &failure);
	if (code == STAGE_E_MEMORY) {
		if (error)
			*error = failure;
		return code;
	}
	if (code < 0)
		return fail_lost(item, "it cannot be read", error);
	if (digest.size != item->digest.size ||
		memcmp(digest.sha256, item->digest.sha256, sizeof(digest.sha256)) != 0)
		return fail_lost(item, "what it has there is something else", error);
	return 0;
}

int
stage_spool_check_written(
	struct stage_spool *spool, struct stage_spool_file *file, struct stage_error *error)
{
	struct stage_spool_item *item = stage_spool_item_of(file);
	uint64_t size;
	int code;

	if (file->sealed || item->written)
		return 0;
	code = stage_spool_item_check_same(item, spool->held.fd, error);
	if (code == 0 && item->fd < 0)
		code = stage_spool_item_open(
			item, spool->held.fd, spool->looking, &item->fd, &size, error);
	if (code == 0 && (item->lost || stage_spool_item_write_out(item, item->fd) < 0))
		code = compare(item, item->fd, error);
	return code;
}

int
stage_spool_check_read(
	struct stage_spool *spool, struct stage_spool_file *file, struct stage_error *error)
{
	struct stage_spool_item *item = stage_spool_item_of(file);

	if (item->fd < 0 || stage_durable_has_taken(item->fd))
		return 0;
	item->lost = errno;
	item->written = false;
	stage_spool_end_lost(spool, file);
	return fail_lost(item, "storage may have something else under that name", error);
}

static int
fail_size(const struct stage_spool_item *item, uint64_t size, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_DAMAGED, 0,
		"the staged file %s (%s) has %llu bytes, and had %llu when it was sealed",
		item->file.path, item->file.name, (unsigned long long)size,
		(unsigned long long)item->digest.size);
}

int
stage_spool_check_there(
	struct stage_spool *spool, const struct stage_spool_file *file, struct stage_error *error)
{
	struct stat stat;

	if (fstatat(spool->held.fd, stage_spool_item_base(file), &stat, AT_SYMLINK_NOFOLLOW) == 0 ||
		errno != ENOENT)
		return 0;
	return stage_spool_item_fail_gone(file, error);
}

int
stage_spool_check(
	struct stage_spool *spool, const struct stage_spool_file *file, struct stage_error *error)
{
	const struct stage_spool_item *item = stage_spool_item_of_const(file);
	struct stage_digest digest;
	uint64_t size;
	int code, fd;

	if (!file->sealed)
		return stage_error_set(
			error, STAGE_E_ARGUMENT, 0, "%s was never sealed", file->path);
	code = stage_spool_item_open(item, spool->held.fd, spool->looking, &fd, &size, error);
	if (code < 0)
		return code;
	/* what is only in the page cache would not survive either */
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	/* one that has grown for ever need not be read for ever */
	if (size != item->digest.size)
		code = fail_size(item, size, error);
	else
		code = stage_digest_read(fd, file->path, &digest, error);
	close(fd);
	if (code < 0)
		return code;
	if (digest.size != item->digest.size)
		return fail_size(item, digest.size, error);
	if (memcmp(digest.sha256, item->digest.sha256, sizeof(digest.sha256)) != 0)
		return stage_spool_item_fail_damaged(
			file, "has changed since it was sealed: its SHA-256 is another", error);
	return 0;
}
