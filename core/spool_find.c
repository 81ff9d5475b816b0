#include "spool_find.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "claim.h"
#include "journal.h"
#include "lockdir.h"
#include "path.h"
#include "redact.h"
#include "unlisted.h"
#include "url.h"

static void
free_entries(struct stage_spool_entry *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		free(list[i].path);
		free(list[i].name);
		free(list[i].note);
		free(list[i].failure);
	}
	free(list);
}

static void
release(struct stage_spool_found *found)
{
	free_entries(found->list, found->count);
	free_entries(found->missing, found->missing_count);
	free(found->path);
	free(found->target);
	free(found->home);
	free(found->unreadable);
}

void
stage_spool_find_free(struct stage_spool_found **list, size_t count)
{
	int saved_errno = errno;
	size_t i;

	for (i = 0; i < count; i++)
		release(&(*list)[i]);
	free(*list);
	*list = NULL;
	errno = saved_errno;
}

/* Fills entry, whose strings are the caller's also where there is no memory for all: then it is false. */
static bool
copy_record(const struct stage_spool_found *found, const struct stage_journal_record *record,
	const struct stage_redact *secrets, struct stage_spool_entry *entry)
{
	int code;

	entry->path = stage_path_join(found->path, record->file);
	entry->name = strdup(record->name);
	entry->note = strdup(record->note);
	code = stage_redact_hide(secrets, record->failure, &entry->failure, NULL);
	entry->size = record->digest.size;
	entry->sealed = record->sealed;
	entry->attempts = record->attempts;
	entry->failed = record->failed;
	return entry->path && entry->name && entry->note && code == 0;
}

/* Is there no such file in the directory? */
static bool
is_missing(int dirfd, const char *file)
{
	struct stat stat;

	return fstatat(dirfd, file, &stat, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

/* Does a file wait by this journal? */
static bool
is_recorded(const struct stage_journal_content *content, const char *file)
{
	size_t i;

	for (i = 0; i < content->count; i++)
		if (strcmp(content->list[i].file, file) == 0)
			return true;
	return false;
}

/* Which of the records have no file, and has any none? The caller frees. NULL for want of memory. */
static bool *
look_for_missing(int dirfd, const struct stage_journal_content *content, bool *ret_any)
{
	bool *missing = calloc(content->count + 1, sizeof(*missing));
	size_t i;

	*ret_any = false;
	for (i = 0; missing && i < content->count; i++) {
		missing[i] = is_missing(dirfd, content->list[i].file);
		*ret_any |= missing[i];
	}
	return missing;
}

/*
 * Copies the records of files that are there, and of those missing that later, the journal as it was read
 * once they were, still has: what was forgotten between the two is neither.
 */
static bool
copy_records(struct stage_spool_found *found, const struct stage_journal_content *content,
	const bool *missing, const struct stage_journal_content *later,
	const struct stage_redact *secrets)
{
	size_t i;

	found->list = calloc(content->count + 1, sizeof(*found->list));
	found->missing = calloc(content->count + 1, sizeof(*found->missing));
	if (!found->list || !found->missing)
		return false;
	for (i = 0; i < content->count; i++) {
		const struct stage_journal_record *record = &content->list[i];
		struct stage_spool_entry *entry;

		if (!missing[i]) {
			entry = &found->list[found->count++];
			found->bytes += record->digest.size;
		} else if (later && is_recorded(later, record->file)) {
			entry = &found->missing[found->missing_count++];
		} else {
			continue;
		}
		if (!copy_record(found, record, secrets, entry))
			return false;
	}
	return true;
}

/* Copies the records. That a file is forgotten is recorded before it is removed. */
static bool
add_entries(struct stage_spool_found *found, int dirfd, const struct stage_journal_content *content,
	const struct stage_redact *secrets)
{
	struct stage_journal_content *later = NULL;
	bool any, copied = false, *missing = look_for_missing(dirfd, content, &any);
	int code = 0;

	/* a run that lives may hand off just now; one that has just begun may remove the journal, too */
	if (any && found->owner != STAGE_OWNER_LIVE)
		code = stage_journal_read(dirfd, found->path, &later, NULL);
	if (missing && code != STAGE_E_MEMORY)
		copied = copy_records(found, content, missing, later, secrets);
	stage_journal_content_free(&later);
	free(missing);
	return copied;
}

/* Copies what the journal tells. One of stagedir 0.1.0 may have a secret in its target. */
static bool
add_content(struct stage_spool_found *found, int dirfd, const struct stage_journal_content *content)
{
	struct stage_redact *secrets = NULL;
	bool added;

	found->damaged = content->damaged;
	found->has_target = content->has_target;
	found->home = strdup(content->home);
	added = found->home && stage_url_target(content->target, &found->target, NULL) == 0 &&
		stage_redact_add(&secrets, content->target, NULL) == 0 &&
		add_entries(found, dirfd, content, secrets);
	stage_redact_free(&secrets);
	return added;
}

/* Notes why nothing can be told of a spool. */
static int
set_unreadable(struct stage_spool_found *found, const char *why)
{
	found->unreadable = strdup(why);
	return found->unreadable ? 0 : STAGE_E_MEMORY;
}

/* Counts the files without a record in the journal, which is NULL where it cannot be read. */
static int
count_unlisted(
	struct stage_spool_found *found, int dirfd, const struct stage_journal_content *content)
{
	struct stage_unlisted unlisted;
	int code = stage_unlisted_find(dirfd, content, &unlisted);

	if (code == STAGE_E_MEMORY)
		return code;
	found->unlisted = unlisted.count; /* none where the directory cannot be read */
	found->unlisted_bytes = unlisted.bytes;
	free(unlisted.list);
	return 0;
}

/* A run that had just begun when its directory was listed has locked it before it began the journal. */
static void
look_again_for_owner(struct stage_spool_found *found)
{
	struct stage_lockdir held = STAGE_LOCKDIR_NONE;
	char *root = NULL;

	if (found->owner != STAGE_OWNER_DEAD && found->owner != STAGE_OWNER_UNKNOWN)
		return;
	if (stage_claim_look(found->path, &held, &root, NULL) == 0 &&
		held.lock == STAGE_LOCK_TAKEN) {
		found->owner = STAGE_OWNER_LIVE;
		found->proven = false;
	}
	stage_lockdir_release(&held);
	free(root);
}

/*
 * Reads the spool at found->path, in which something waits or not. Returns 1 where there is none,
 * STAGE_E_MEMORY.
 */
static int
read_spool(struct stage_spool_found *found, bool waits)
{
	struct stage_journal_content *content = NULL;
	struct stage_error failure;
	int code, fd;

	fd = open(found->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 1;
	if (fd < 0)
		return set_unreadable(found, stage_error_errno_text(errno));
	code = stage_journal_read(fd, found->path, &content, &failure);
	look_again_for_owner(found);
	if (code == 0)
		code = add_content(found, fd, content) ? 0 : STAGE_E_MEMORY;
	else if (code == STAGE_E_SYSTEM && failure.sys_errno == ENOENT)
		code = 1;
	else if (code == STAGE_E_DAMAGED && !waits)
		code = 1; /* its run was ended, or is just now, before it had begun the journal */
	else if (code != STAGE_E_MEMORY)
		code = set_unreadable(found, failure.message);
	if (code == 0)
		code = count_unlisted(found, fd, content);
	stage_journal_content_free(&content);
	close(fd);
	return code;
}

/* Appends the spool in a directory to the list, if there is one. */
static int
add(struct stage_spool_found **list, size_t *count, struct stage_found *directory)
{
	struct stage_spool_found found = {.owner = directory->owner,
					 .proven = directory->proven,
					 .pid = directory->pid,
					 .age = directory->age},
				 *longer;
	int code;

	found.path = directory->path;
	directory->path = NULL; /* taken over */
	code = read_spool(&found, directory->waiting > 0);
	longer = code == 0 ? realloc(*list, (*count + 1) * sizeof(**list)) : NULL;
	if (!longer) {
		release(&found);
		return code == 1 ? 0 : STAGE_E_MEMORY;
	}
	longer[(*count)++] = found;
	*list = longer;
	return 0;
}

int
stage_spool_find(const char *root, struct stage_spool_found **ret_list, size_t *ret_count,
	struct stage_error *error)
{
	struct stage_spool_found *list = NULL;
	struct stage_found *directories;
	size_t count = 0, directory_count, i;
	int code;

	code = stage_orphan_list(root, &directories, &directory_count, error);
	if (code < 0)
		return code;
	for (i = 0; i < directory_count && code == 0; i++)
		if (directories[i].owner != STAGE_OWNER_OTHER_USER)
			code = add(&list, &count, &directories[i]);
	stage_orphan_list_free(&directories, directory_count);
	if (code < 0) {
		stage_spool_find_free(&list, count);
		return stage_error_set(error, code, 0, "no memory for the spools in %s", root);
	}
	*ret_list = list;
	*ret_count = count;
	return 0;
}
