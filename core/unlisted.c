#include "unlisted.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	if (fstatat(dirfd, name, &stat, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : STAGE_E_SYSTEM;
	if (!S_ISREG(stat.st_mode) || stat.st_uid != geteuid())
		return 0;
	return add(unlisted, name, &stat);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct stage_unlisted_file *)a)->name,
		((const struct stage_unlisted_file *)b)->name);
}

static int
find(DIR *stream, const struct stage_journal_content *content, struct stage_unlisted *unlisted)
{
	struct dirent *entry;
	int code = 0;

	errno = 0;
	while (code == 0 && (entry = readdir(stream))) {
		code = look(dirfd(stream), entry->d_name, content, unlisted);
		if (code == 0)
			errno = 0;
	}
	return code == 0 && errno ? STAGE_E_SYSTEM : code;
}

int
stage_unlisted_find(
	int dirfd, const struct stage_journal_content *content, struct stage_unlisted *ret_unlisted)
{
	struct stage_unlisted unlisted = {0};
	int fd, code, sys_errno;
	DIR *stream;

	*ret_unlisted = unlisted;
	if (content && !content->damaged)
		return 0;
	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream) {
		sys_errno = errno;
		if (fd >= 0)
			close(fd);
		errno = sys_errno;
		return STAGE_E_SYSTEM;
	}
	code = find(stream, content, &unlisted);
	sys_errno = errno;
	closedir(stream);
	errno = sys_errno;
	if (code < 0) {
		free(unlisted.list);
		return code;
	}
	if (unlisted.count)
		qsort(unlisted.list, unlisted.count, sizeof(*unlisted.list), by_name);
	*ret_unlisted = unlisted;
	return 0;
}
