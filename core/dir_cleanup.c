#include "dir_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "claim.h"
#include "leftover.h"
#include "listing.h"
#include "removable.h"

/* Removes the tracked files; the number that could not be. */
static size_t
remove_files(const struct stage_dir *dir, const struct stage_lockdir *held,
	const struct stage_nameset *names)
{
	size_t position = 0, left = 0;
	const char *name;

	while ((name = stage_nameset_next(names, &position))) {
		stage_log_line(&dir->log, STAGE_DEBUG,
			"Removing still remembered temporary file %s/%s", dir->path, name);
		if (unlinkat(held->fd, name, 0) == 0 || errno == ENOENT)
			continue;
		stage_log_line(&dir->log, STAGE_WARNING,
			"cannot remove the temporary file %s/%s: %s", dir->path, name,
			stage_error_errno_text(errno));
		left++;
	}
	return left;
}

/* Names what is in the directory and was never tracked; how many such things there are. */
static size_t
name_strangers(const struct stage_dir *dir, const struct stage_lockdir *held,
	const struct stage_nameset *names)
{
	struct stage_listing listing;
	const struct dirent *entry;
	bool machine, boot;
	size_t count = 0;

	stage_listing_open(&listing, held->fd);
	while ((entry = stage_listing_next(&listing))) {
		if (stage_naming_is_released(entry->d_name, &machine, &boot) ||
			stage_nameset_contains(names, entry->d_name))
			continue;
		stage_removable_leave(dir->path, entry->d_name, &dir->log);
		count++;
	}
	/* that the directory stays is told already */
	(void)stage_listing_close(&listing);
	return count;
}

/* Removes what backends of the host have left. Was there anything? */
static bool
remove_leftovers(const struct stage_dir *dir, const struct stage_lockdir *held)
{
	struct stage_listing listing;
	const struct dirent *entry;
	struct stat stat;
	bool removed = false;

	stage_listing_open(&listing, held->fd);
	while ((entry = stage_listing_next(&listing)))
		if (stage_leftover_is(held->fd, entry->d_name, &stat) &&
			stage_removable_remove(held->fd, dir->path, entry->d_name, &dir->log,
				&stat) == STAGE_REMOVED)
			removed = true;
	(void)stage_listing_close(&listing);
	return removed;
}

static size_t
remove_directory(
	const struct stage_dir *dir, struct stage_lockdir *held, const struct stage_nameset *names)
{
	size_t left = 1;
	int failed;

	failed = stage_lockdir_remove(held);
	if ((failed == ENOTEMPTY || failed == EEXIST) && remove_leftovers(dir, held))
		failed = stage_lockdir_remove(held);
	if (failed == 0)
		return 0;
	if (failed == ESTALE)
		stage_log_line(&dir->log, STAGE_WARNING,
			"the staging directory %s was removed, moved or replaced by somebody else; its files were removed, what stands in its place was left alone",
			dir->path);
	else
		stage_log_line(&dir->log, STAGE_WARNING,
			"cannot remove the staging directory %s: %s", dir->path,
			stage_error_errno_text(failed));
	/* by whoever can, where no lock will tell that this run is gone */
	if (failed != ESTALE)
		stage_claim_leave(held, dir->path);
	if (failed == ENOTEMPTY || failed == EEXIST)
		left += name_strangers(dir, held, names);
	return left;
}

size_t
stage_dir_cleanup(struct stage_dir *dir)
{
	struct stage_lockdir held;
	struct stage_nameset names;
	size_t left;

	if (stage_dir_enter(dir, NULL) < 0)
		return 0;
	/* from here on the names are this thread's alone: the log is called without the lock */
	atomic_store(&dir->closed, true);
	held = dir->held;
	names = dir->names;
	dir->held = (struct stage_lockdir)STAGE_LOCKDIR_NONE;
	dir->names = (struct stage_nameset){0};
	stage_dir_leave(dir);

	left = remove_files(dir, &held, &names);
	left += remove_directory(dir, &held, &names);
	stage_lockdir_release(&held);
	stage_nameset_release(&names);
	return left;
}

void
stage_dir_close(struct stage_dir **dir)
{
	int saved_errno = errno;

	if (!*dir)
		return;
	stage_dir_cleanup(*dir);
	/* what cleanup took is gone from here; in a child it took nothing */
	stage_lockdir_release(&(*dir)->held);
	if (getpid() == (*dir)->owner) {
		stage_nameset_release(&(*dir)->names);
		pthread_mutex_destroy(&(*dir)->lock);
	} else if (pthread_mutex_trylock(&(*dir)->lock) == 0) {
		/*
		 * otherwise a thread that does not exist here was changing them: they are in pieces
		 */
		stage_nameset_release(&(*dir)->names);
	}
	free((*dir)->path);
	free(*dir);
	*dir = NULL;
	errno = saved_errno;
}
