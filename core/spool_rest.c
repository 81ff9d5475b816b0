/*
 * What is in the directory of a spool when it is closed is one of
 *
 *	kept		a sealed file, or one that a damaged record may have told of
 *	apart		the journal, and a release (released.h): they go with the directory
 *	rest		a file with a name of ours that is none of these: it is removed
 *	a stranger	anything else: it is named in a warning and stays
 */
#include "spool_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "claim.h"
#include "listing.h"
#include "removable.h"
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

/* Does it stay whatever else is removed, or go with the directory? */
static bool
is_apart(const struct stage_spool *spool, const char *name)
{
	bool machine, boot;

	return strcmp(name, STAGE_JOURNAL_NAME) == 0 || is_name_kept(spool, name) ||
	       (stage_naming_is_released(name, &machine, &boot) && keeps(spool));
}

void
stage_spool_rest(const struct stage_spool *spool, size_t *ret_files, uint64_t *ret_bytes)
{
	struct stage_listing listing;
	const struct dirent *entry;
	struct stat stat;

	*ret_files = 0;
	*ret_bytes = 0;
	stage_listing_open(&listing, spool->held.fd);
	while ((entry = stage_listing_next(&listing))) {
		if (is_apart(spool, entry->d_name) ||
			!stage_removable_is(spool->held.fd, entry->d_name, &stat))
			continue;
		++*ret_files;
		*ret_bytes += (uint64_t)stat.st_size;
	}
	/* what cannot be read is told when it is to be removed */
	(void)stage_listing_close(&listing);
}

/* Removes from the directory what is not sealed; names what is not ours. */
static void
clear(struct stage_spool *spool)
{
	struct stage_spool_file *file;
	struct stage_listing listing;
	const struct dirent *entry;
	struct stat stat;

	/* FUSE and NFS keep what is open under another name */
	for (file = spool->files; file; file = file->next)
		stage_spool_item_drop_fd(stage_spool_item_of(file));
	stage_listing_open(&listing, spool->held.fd);
	while ((entry = stage_listing_next(&listing)))
		if (!is_apart(spool, entry->d_name))
			stage_removable_remove(
				spool->held.fd, spool->path, entry->d_name, &spool->log, &stat);
	if (stage_listing_close(&listing) < 0)
		stage_log_line(&spool->log, STAGE_WARNING, "cannot read the spool %s: %s",
			spool->path, stage_error_errno_text(errno));
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
	if (unlinkat(spool->held.fd, STAGE_JOURNAL_NAME, 0) < 0 && errno != ENOENT)
		stage_log_line(&spool->log, STAGE_WARNING, "cannot remove %s/%s: %s", spool->path,
			STAGE_JOURNAL_NAME, stage_error_errno_text(errno));
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
