#include "spool_find.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"
#include "path.h"
#include "secrets.h"
#include "unlisted.h"
#include "url.h"

static void
free_entries(struct stage_spool_found *found)
{
	size_t i;

	for (i = 0; i < found->count; i++) {
		free(found->list[i].path);
		free(found->list[i].name);
		free(found->list[i].note);
		free(found->list[i].failure);
	}
	free(found->list);
}

static void
release(struct stage_spool_found *found)
{
	free_entries(found);
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

/* False for want of memory. */
static bool
add_entry(struct stage_spool_found *found, const struct stage_journal_record *record,
	const struct stage_secrets *secrets)
{
	struct stage_spool_entry *entry = &found->list[found->count++];
	int code;

	entry->path = stage_path_join(found->path, record->file);
	entry->name = strdup(record->name);
	entry->note = strdup(record->note);
	code = stage_secrets_hide(secrets, record->failure, &entry->failure, NULL);
	entry->size = record->digest.size;
	entry->sealed = record->sealed;
	entry->attempts = record->attempts;
	entry->failed = record->failed;
	found->bytes += entry->size;
	return entry->path && entry->name && entry->note && code == 0;
}

/* Copies the records of files; those that are gone were forgotten meanwhile. */
static bool
add_entries(struct stage_spool_found *found, int dirfd, const struct stage_journal_content *content,
	const struct stage_secrets *secrets)
{
	struct stat stat;
	size_t i;

	found->list = calloc(content->count + 1, sizeof(*found->list));
	if (!found->list)
		return false;
	for (i = 0; i < content->count; i++) {
		if (fstatat(dirfd, content->list[i].file, &stat, AT_SYMLINK_NOFOLLOW) < 0 &&
			errno == ENOENT)
			continue;
		if (!add_entry(found, &content->list[i], secrets))
			return false;
	}
	return true;
}

/* Copies what the journal tells. One of stagedir 0.1.0 may have a secret in its target. */
static bool
add_content(struct stage_spool_found *found, int dirfd, const struct stage_journal_content *content)
{
	struct stage_secrets *secrets = NULL;
	bool added;

	found->damaged = content->damaged;
	found->home = strdup(content->home);
	added = found->home && stage_url_target(content->target, &found->target, NULL) == 0 &&
		stage_secrets_add(&secrets, content->target, NULL) == 0 &&
		add_entries(found, dirfd, content, secrets);
	stage_secrets_free(&secrets);
	return added;
}

/* Notes why nothing can be told of a spool. */
static int
set_unreadable(struct stage_spool_found *found, const char *why)
{
	found->unreadable = strdup(why);
	return found->unreadable ? 0 : STAGE_E_MEMORY;
}

/* Counts the files of which the journal, NULL where it cannot be read, does not tell. */
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
