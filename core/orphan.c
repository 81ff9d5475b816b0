#include "orphan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "claim.h"
#include "journal.h"
#include "listing.h"
#include "lockdir.h"
#include "naming.h"
#include "path.h"
#include "removable.h"
#include "unlisted.h"

/* What a walk of a staging directory met. */
struct content {
	size_t files;
	uint64_t bytes;
	size_t strangers; /* not ours */
	size_t stuck;     /* ours, but not to be removed */
};

/* Is there, besides a journal and what goes with it, nothing in the directory fd? */
static bool
has_only_records(int fd)
{
	struct stage_listing listing;
	const struct dirent *entry;

	stage_listing_open(&listing, fd);
	do
		entry = stage_listing_next(&listing);
	while (entry && stage_removable_is_record(entry->d_name));
	return stage_listing_close(&listing) == 0 && !entry;
}

/* How many files wait, or may, by the journal. 1 where nobody can tell. */
static size_t
count_content(int fd, const struct stage_journal_content *content)
{
	struct stage_unlisted unlisted;
	size_t i, waiting = 0;
	struct stat stat;

	/* only what is known to be gone does not wait */
	for (i = 0; i < content->count; i++)
		waiting += fstatat(fd, content->list[i].file, &stat, AT_SYMLINK_NOFOLLOW) == 0 ||
			   errno != ENOENT;
	if (stage_unlisted_find(fd, content, &unlisted) < 0)
		return waiting + 1;
	free(unlisted.list);
	return waiting + unlisted.count;
}

/*
 * How many files in the directory fd wait for hand-off. 1 where nobody can tell, which is not so
 * for a run that was ended before it had begun its journal.
 */
static size_t
count_waiting(int fd, const char *path)
{
	struct stage_journal_content *content = NULL;
	struct stage_error failure;
	size_t waiting;
	int code;

	code = stage_journal_read(fd, path, &content, &failure);
	if (code == STAGE_E_SYSTEM && failure.sys_errno == ENOENT)
		return 0;
	if (code == STAGE_E_DAMAGED && has_only_records(fd))
		return 0;
	if (code < 0)
		return 1;
	waiting = count_content(fd, content);
	stage_journal_content_free(&content);
	return waiting;
}

/* Counts what is in the directory fd. STAGE_E_SYSTEM leaves errno. */
static int
measure(int fd, struct content *content)
{
	struct stage_listing listing;
	const struct dirent *entry;
	struct stat stat;

	stage_listing_open(&listing, fd);
	while ((entry = stage_listing_next(&listing))) {
		if (stage_removable_is(fd, entry->d_name, &stat)) {
			content->files++;
			content->bytes += (uint64_t)stat.st_size;
		} else {
			content->strangers++;
		}
	}
	return stage_listing_close(&listing);
}

/* Removes our files from the directory fd, names all else. STAGE_E_SYSTEM leaves errno. */
static int
empty(int fd, const char *path, const struct stage_log *log, struct content *content)
{
	struct stage_listing listing;
	const struct dirent *entry;
	struct stat stat;

	stage_listing_open(&listing, fd);
	while ((entry = stage_listing_next(&listing))) {
		switch (stage_removable_remove(fd, path, entry->d_name, log, &stat)) {
		case STAGE_REMOVED:
			content->files++;
			content->bytes += (uint64_t)stat.st_size;
			break;
		case STAGE_NOT_OURS:
			content->strangers++;
			break;
		case STAGE_NOT_REMOVABLE:
			content->stuck++;
			break;
		}
	}
	return stage_listing_close(&listing);
}

static uint64_t
age_of(const struct stage_lockdir *held)
{
	time_t now = time(NULL), made = held->stat.st_mtime;
	struct statx extended;

	if (statx(held->fd, "", AT_EMPTY_PATH, STATX_BTIME, &extended) == 0 &&
		(extended.stx_mask & STATX_BTIME))
		made = (time_t)extended.stx_btime.tv_sec;
	return now > made ? (uint64_t)(now - made) : 0;
}

/*
 * What a directory of another user shows from outside. False where it is not a directory any more.
 */
static bool
look_from_outside(int root_fd, const char *name, struct stage_found *found)
{
	struct stat stat;

	if (fstatat(root_fd, name, &stat, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(stat.st_mode))
		return false;
	found->uid = stat.st_uid;
	found->owner = stat.st_uid == geteuid() ? STAGE_OWNER_UNKNOWN : STAGE_OWNER_OTHER_USER;
	return true;
}

/* True if name in root is a staging directory; fills *found but for its path. */
static bool
look(int root_fd, const char *name, struct stage_found *found)
{
	struct stage_lockdir held = STAGE_LOCKDIR_NONE;
	struct content content = {0};
	bool this_machine;

	memset(found, 0, sizeof(*found));
	if (!stage_naming_is_dir(name, &found->pid, &this_machine))
		return false;
	if (stage_lockdir_look(&held, root_fd, name) < 0)
		return look_from_outside(root_fd, name, found);
	found->uid = held.stat.st_uid;
	found->owner = stage_claim_owner(&held, this_machine);
	found->proven = held.proves && held.lock == STAGE_LOCK_OURS;
	found->age = age_of(&held);
	if (found->owner != STAGE_OWNER_OTHER_USER && measure(held.fd, &content) == 0) {
		found->files = content.files;
		found->bytes = content.bytes;
		found->strangers = content.strangers;
		found->waiting = count_waiting(held.fd, name);
	}
	stage_lockdir_release(&held);
	return true;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct stage_found *)a)->path, ((const struct stage_found *)b)->path);
}

/* Appends *found, with its path, to the list. */
static int
append(struct stage_found **list, size_t *count, const struct stage_found *found, const char *root,
	const char *name)
{
	struct stage_found *longer;
	char *path = stage_path_join(root, name);

	if (!path)
		return STAGE_E_MEMORY;
	longer = realloc(*list, (*count + 1) * sizeof(**list));
	if (!longer) {
		free(path);
		return STAGE_E_MEMORY;
	}
	longer[*count] = *found;
	longer[*count].path = path;
	*list = longer;
	(*count)++;
	return 0;
}

static int
fail_to_read(const char *root, struct stage_error *error)
{
	return stage_error_set(
		error, STAGE_E_SYSTEM, errno, "cannot look for staging directories in %s", root);
}

/* The root may be reached by links: whoever named it has reason to trust it. -1, with a message. */
static int
open_root(const char *root, struct stage_error *error)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		fail_to_read(root, error);
	return fd;
}

int
stage_orphan_list(const char *root, struct stage_found **ret_list, size_t *ret_count,
	struct stage_error *error)
{
	struct stage_found *list = NULL, found;
	struct stage_listing listing;
	const struct dirent *entry;
	size_t count = 0;
	int fd, code = 0;

	fd = open_root(root, error);
	if (fd < 0)
		return STAGE_E_SYSTEM;
	stage_listing_open(&listing, fd);
	while (code == 0 && (entry = stage_listing_next(&listing)))
		if (look(fd, entry->d_name, &found))
			code = append(&list, &count, &found, root, entry->d_name);
	if (code < 0)
		stage_error_set(error, code, 0, "no memory to list %s", root);
	if (stage_listing_close(&listing) < 0)
		code = fail_to_read(root, error);
	close(fd);
	if (code < 0) {
		stage_orphan_list_free(&list, count);
		return code;
	}
	if (count)
		qsort(list, count, sizeof(*list), by_path);
	*ret_list = list;
	*ret_count = count;
	return 0;
}

void
stage_orphan_list_free(struct stage_found **list, size_t count)
{
	int saved_errno = errno;
	size_t i;

	for (i = 0; i < count; i++)
		free((*list)[i].path);
	free(*list);
	*list = NULL;
	errno = saved_errno;
}

const char *
stage_orphan_owner_name(enum stage_owner owner)
{
	switch (owner) {
	case STAGE_OWNER_LIVE:
		return "live";
	case STAGE_OWNER_DEAD:
		return "orphan";
	case STAGE_OWNER_OTHER_USER:
		return "other user";
	case STAGE_OWNER_OTHER_MACHINE:
		return "other machine";
	case STAGE_OWNER_UNKNOWN:
		break;
	}
	return "unknown";
}

static void
leave_waiting(
	const char *path, pid_t pid, const struct stage_log *log, struct stage_reclaimed *total)
{
	stage_log_line(log, STAGE_INFO, "files that the dead run %ld left in %s wait for hand-off",
		(long)pid, path);
	total->waiting++;
}

/* Empties and removes an orphan that we have claimed. Where it stays, the claim is given back. */
static void
remove_orphan(const struct stage_lockdir *held, const char *path, pid_t pid,
	const struct stage_log *log, struct stage_reclaimed *total)
{
	struct content content = {0};
	bool was_empty;
	int failed;

	if (empty(held->fd, path, log, &content) < 0) {
		stage_log_line(log, STAGE_WARNING, "cannot read the orphan %s: %s", path,
			stage_error_errno_text(errno));
		stage_claim_leave(held, path);
		total->left++;
		return;
	}
	total->files += content.files;
	total->bytes += content.bytes;
	total->left += content.strangers + content.stuck;
	failed = stage_lockdir_remove(held);
	was_empty = !content.files && !content.strangers && !content.stuck;
	/* a run that was just beginning, or ending, and has removed it itself */
	if (failed == ESTALE && was_empty)
		return;
	if (failed == 0)
		total->directories++;
	else
		total->left++;
	if (failed && failed != ESTALE)
		stage_claim_leave(held, path);
	/* an empty one may be that of a run that is just beginning, which then makes another */
	stage_log_line(log, was_empty && !failed ? STAGE_INFO : STAGE_NOTICE,
		"removed %zu files, %llu bytes, that the dead run %ld left in %s%s%s",
		content.files, (unsigned long long)content.bytes, (long)pid, path,
		failed ? "; the directory stays: " : "",
		failed ? stage_error_errno_text(failed) : "");
}

/*
 * Removes the orphan that held was found as. Where something waits it is never claimed: that would
 * keep out those who want to take it over. The second look is for one that somebody has taken over
 * meanwhile, and left again.
 */
static void
reclaim(struct stage_lockdir *held, const char *root, pid_t pid, const struct stage_log *log,
	struct stage_reclaimed *total)
{
	char *path = stage_path_join(root, held->name);

	if (!path) {
		stage_log_line(log, STAGE_WARNING, "no memory to remove the orphan %s/%s", root,
			held->name);
		total->left++;
		return;
	}
	if (count_waiting(held->fd, path)) {
		leave_waiting(path, pid, log, total);
	} else if (stage_claim_take(held, path, NULL) < 0) {
		; /* somebody else's now */
	} else if (count_waiting(held->fd, path)) {
		leave_waiting(path, pid, log, total);
		stage_claim_leave(held, path);
	} else {
		remove_orphan(held, path, pid, log, total);
	}
	free(path);
}

/*
 * Tells of what stays for want of a proof, and takes room: nobody else would. What waits in it is told
 * by whoever could hand it off.
 */
static void
leave_unproven(
	const struct stage_lockdir *held, const char *root, pid_t pid, const struct stage_log *log)
{
	struct content content = {0};
	char *path;

	if (measure(held->fd, &content) < 0 || content.files == 0 ||
		count_waiting(held->fd, held->name))
		return;
	path = stage_path_join(root, held->name);
	if (path)
		stage_log_line(log, STAGE_NOTICE,
			"%zu files, %llu bytes, in %s are left there, as no lock proves that the run %ld is gone; once you know, \"stagedir adopt %s\" says so, and they are removed",
			content.files, (unsigned long long)content.bytes, path, (long)pid, path);
	free(path);
}

/* Of what cannot be opened, but may hide an orphan. */
static void
warn_unopened(const char *root, const char *name, int sys_errno, const struct stage_log *log,
	struct stage_reclaimed *total)
{
	if (stage_lockdir_is_none(sys_errno))
		return;
	stage_log_line(log, STAGE_WARNING, "cannot look into the staging directory %s/%s: %s", root,
		name, stage_error_errno_text(sys_errno));
	total->left++;
}

/* Reclaims name in root, if it is the staging directory of a dead run. */
static void
reclaim_if_dead(int root_fd, const char *name, const char *root, const struct stage_log *log,
	struct stage_reclaimed *total)
{
	struct stage_lockdir held = STAGE_LOCKDIR_NONE;
	bool this_machine;
	pid_t pid;

	if (!stage_naming_is_dir(name, &pid, &this_machine))
		return;
	if (stage_lockdir_look(&held, root_fd, name) < 0) {
		warn_unopened(root, name, errno, log, total);
		return;
	}
	switch (stage_claim_owner(&held, this_machine)) {
	case STAGE_OWNER_DEAD:
		reclaim(&held, root, pid, log, total);
		break;
	case STAGE_OWNER_UNKNOWN:
		leave_unproven(&held, root, pid, log);
		break;
	case STAGE_OWNER_LIVE:
	case STAGE_OWNER_OTHER_USER:
	case STAGE_OWNER_OTHER_MACHINE:
		break;
	}
	stage_lockdir_release(&held);
}

int
stage_orphan_reclaim(const char *root, const struct stage_log *log, struct stage_reclaimed *total,
	struct stage_error *error)
{
	struct stage_listing listing;
	const struct dirent *entry;
	int fd, code = 0;

	fd = open_root(root, error);
	if (fd < 0)
		return STAGE_E_SYSTEM;
	stage_listing_open(&listing, fd);
	while ((entry = stage_listing_next(&listing)))
		reclaim_if_dead(fd, entry->d_name, root, log, total);
	if (stage_listing_close(&listing) < 0)
		code = fail_to_read(root, error);
	close(fd);
	return code;
}

int
stage_orphan_release(const char *path, bool sure, struct stage_error *error)
{
	struct stage_lockdir held = STAGE_LOCKDIR_NONE;
	char *root;
	int code;

	code = stage_claim_look(path, &held, &root, error);
	if (code == 0) {
		free(root);
		code = stage_claim_release(&held, path, sure, error);
	}
	stage_lockdir_release(&held);
	return code;
}
