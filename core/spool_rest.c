/*
 * What is in the directory of a spool when it is closed is one of
 *
 *	kept		a sealed file, or one that a damaged record may have told of
 *	apart		the journal, and a release (released.h): they go with the directory
 *	rest		a file with a name of ours that is none of these: it is removed
 *	a stranger	anything else: it is named in a warning and stays
 */
#include "spool_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "claim.h"
#include "reserve.h"
#include "spool_item.h"

/* Does anything stay for a later run, or for whoever can tell what it is? */
static bool
keeps(const struct stage_spool *spool)
{
	const struct stage_spool_file *file;

	for (file = spool->files; file; file = file->next)
		if (file->sealed)
			return true;
	return spool->unlisted != NULL;
}

/* Is this the name of a file that is to stay? */
static bool
is_name_kept(const struct stage_spool *spool, const char *base)
{
	const struct stage_spool_file *file;

	for (file = spool->unlisted; file; file = file->next)
		if (strcmp(stage_spool_item_base(file), base) == 0)
			return true;
	for (file = spool->files; file; file = file->next)
		if (strcmp(stage_spool_item_base(file), base) == 0)
			return file->sealed;
	return false;
}

/* Does it say that the directory is ours, or that its run is gone? That is so as long as it stays. */
static bool
is_release(const char *name)
{
	bool machine, boot;

	return stage_naming_is_released(name, &machine, &boot);
}

/* A regular file of this user with a name that is given to what need not stay. */
static bool
is_rest(const struct stage_spool *spool, const char *name, struct stat *ret_stat)
{
	return (stage_naming_is_file(name) || strcmp(name, STAGE_RESERVE_NAME) == 0 ||
		       is_release(name)) &&
	       fstatat(spool->held.fd, name, ret_stat, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(ret_stat->st_mode) && ret_stat->st_uid == geteuid();
}

/* Does it stay whatever else is removed, or go with the directory? */
static bool
is_apart(const struct stage_spool *spool, const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	       strcmp(name, STAGE_JOURNAL_NAME) == 0 || is_name_kept(spool, name) ||
	       (is_release(name) && keeps(spool));
}

void
stage_spool_rest(const struct stage_spool *spool, size_t *ret_files, uint64_t *ret_bytes)
{
	struct dirent *entry;
	struct stat stat;
	DIR *stream;
	int fd;

	*ret_files = 0;
	*ret_bytes = 0;
	fd = openat(spool->held.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(stream))) {
		if (is_apart(spool, entry->d_name) || !is_rest(spool, entry->d_name, &stat))
			continue;
		++*ret_files;
		*ret_bytes += (uint64_t)stat.st_size;
	}
	closedir(stream);
}

static void
remove_name(struct stage_spool *spool, const char *name)
{
	if (unlinkat(spool->held.fd, name, 0) < 0 && errno != ENOENT)
		stage_log_line(&spool->log, STAGE_WARNING, "cannot remove %s/%s: %s", spool->path,
			name, stage_error_errno_text(errno));
}

/* Removes one thing, unless it is to stay; names what is not ours. */
static void
clear_entry(struct stage_spool *spool, const char *name)
{
	struct stat stat;

	if (is_apart(spool, name))
		return;
	if (is_rest(spool, name, &stat))
		remove_name(spool, name);
	else
		stage_log_line(&spool->log, STAGE_WARNING,
			"%s/%s was not made by stagedir and is left there", spool->path, name);
}

/* Removes from the directory what is not sealed. */
static void
clear(struct stage_spool *spool)
{
	struct stage_spool_file *file;
	struct dirent *entry;
	DIR *stream;
	int fd;

	for (file = spool->files; file; file = file->next)
		stage_spool_item_drop_fd(stage_spool_item_of(
			file)); /* FUSE and NFS keep what is open under another name */
	fd = openat(spool->held.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream) {
		stage_log_line(&spool->log, STAGE_WARNING, "cannot read the spool %s: %s",
			spool->path, stage_error_errno_text(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	errno = 0;
	while ((entry = readdir(stream))) {
		clear_entry(spool, entry->d_name);
		errno = 0;
	}
	if (errno)
		stage_log_line(&spool->log, STAGE_WARNING, "cannot read the spool %s: %s",
			spool->path, stage_error_errno_text(errno));
	closedir(stream);
}

/*
 * The journal goes last: a spool in which something waits always has one. It is closed before: where
 * FUSE or NFS removes an open file it stays, by another name (.fuse_hidden, .nfs), and the directory is
 * not empty.
 */
static void
remove_directory(struct stage_spool *spool)
{
	int failed;

	stage_journal_close(&spool->journal);
	remove_name(spool, STAGE_JOURNAL_NAME);
	failed = stage_lockdir_remove(&spool->held);
	if (failed == ESTALE)
		stage_log_line(&spool->log, STAGE_WARNING,
			"the spool %s was removed, moved or replaced by somebody else; what stands in its place was left alone",
			spool->path);
	else if (failed)
		stage_log_line(&spool->log, STAGE_WARNING, "cannot remove the empty spool %s: %s",
			spool->path, stage_error_errno_text(failed));
	if (failed && failed != ESTALE)
		stage_claim_leave(&spool->held, spool->path);
}

void
stage_spool_rest_remove(struct stage_spool *spool)
{
	clear(spool);
	if (keeps(spool))
		stage_claim_leave(&spool->held, spool->path);
	else
		remove_directory(spool);
}
