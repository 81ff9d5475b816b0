#include "unlisted.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "listing.h"
#include "naming.h"
#include "regular.h"

static bool
is_listed(const struct stage_journal_content *content, const char *name)
{
	size_t i;

	for (i = 0; content && i < content->count; i++)
		if (strcmp(content->list[i].file, name) == 0)
			return true;
	return false;
}

static int
add(struct stage_unlisted *unlisted, const char *name, const struct stat *stat)
{
	struct stage_unlisted_file *longer;
	size_t length;

	longer = realloc(unlisted->list, (unlisted->count + 1) * sizeof(*longer));
	if (!longer)
		return STAGE_E_MEMORY;
	unlisted->list = longer;
	longer += unlisted->count++;
	length = strnlen(name, sizeof(longer->name) - 1);
	memcpy(longer->name, name, length);
	longer->name[length] = '\0';
	longer->size = (uint64_t)stat->st_size;
	unlisted->bytes += longer->size;
	return 0;
}

/* Adds a name of the directory, if it is such a file. */
static int
look(int dirfd, const char *name, const struct stage_journal_content *content,
	struct stage_unlisted *unlisted)
{
	struct stat stat;

	if (!stage_naming_is_staged(name) || is_listed(content, name))
		return 0;
	if (stage_regular_is_own(dirfd, name, &stat))
		return add(unlisted, name, &stat);
	return errno == 0 || errno == ENOENT ? 0 : STAGE_E_SYSTEM;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct stage_unlisted_file *)a)->name,
		((const struct stage_unlisted_file *)b)->name);
}

int
stage_unlisted_find(
	int dirfd, const struct stage_journal_content *content, struct stage_unlisted *ret_unlisted)
{
	struct stage_unlisted unlisted = {0};
	struct stage_listing listing;
	const struct dirent *entry;
	int code = 0;

	*ret_unlisted = unlisted;
	if (content && !content->damaged)
		return 0;
	stage_listing_open(&listing, dirfd);
	while (code == 0 && (entry = stage_listing_next(&listing)))
		code = look(dirfd, entry->d_name, content, &unlisted);
	if (stage_listing_close(&listing) < 0)
		code = STAGE_E_SYSTEM;
	if (code < 0) {
		free(unlisted.list);
		return code;
	}
	if (unlisted.count)
		qsort(unlisted.list, unlisted.count, sizeof(*unlisted.list), by_name);
	*ret_unlisted = unlisted;
	return 0;
}
