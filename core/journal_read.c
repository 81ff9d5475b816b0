#include "journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "regular.h"

int
stage_journal_fail_memory(const char *path, struct stage_error *error)
{
	return stage_error_set(
		error, STAGE_E_MEMORY, 0, "no memory for %s/" STAGE_JOURNAL_NAME, path);
}

int
stage_journal_fail_damaged(const char *path, const char *why, struct stage_error *error)
{
	return stage_error_set(
		error, STAGE_E_DAMAGED, 0, "%s/" STAGE_JOURNAL_NAME " %s", path, why);
}

int
stage_journal_read_open(int dirfd, const char *path, int flags, int *ret_fd, uint64_t *ret_size,
	struct stage_error *error)
{
	struct stat stat;
	int code;

	code = stage_regular_open(dirfd, STAGE_JOURNAL_NAME, flags, ret_fd, &stat);
	if (code == STAGE_E_DAMAGED)
		return stage_journal_fail_damaged(path, "is not a regular file", error);
	if (code < 0)
		return stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot open %s/" STAGE_JOURNAL_NAME, path);
	*ret_size = (uint64_t)stat.st_size;
	return 0;
}

/* Reads up to size bytes: what is appended meanwhile was not there when the file was opened. */
static int
read_file(int fd, const char *path, size_t size, char **ret_text, size_t *ret_used,
	struct stage_error *error)
{
	char *text = malloc(size + 1);
	size_t used = 0;
	ssize_t got;

	if (!text)
		return stage_journal_fail_memory(path, error);
	while (used < size && (got = read(fd, text + used, size - used)) != 0) {
		if (got > 0) {
			used += (size_t)got;
		} else if (errno != EINTR) {
			int sys_errno = errno;

			free(text);
			return stage_error_set(error, STAGE_E_SYSTEM, sys_errno,
				"cannot read %s/" STAGE_JOURNAL_NAME, path);
		}
	}
	*ret_text = text;
	*ret_used = used;
	return 0;
}

int
stage_journal_read(int dirfd, const char *path, struct stage_journal_content **ret_content,
	struct stage_error *error)
{
	uint64_t size;
	size_t used = 0;
	char *text = NULL;
	int fd, code;

	code = stage_journal_read_open(dirfd, path, O_RDONLY, &fd, &size, error);
	if (code < 0)
		return code;
	if (size > STAGE_JOURNAL_MAX)
		code = stage_journal_fail_damaged(path, "is too large", error);
	else
		code = read_file(fd, path, (size_t)size, &text, &used, error);
	close(fd);
	if (code < 0)
		return code;
	return stage_journal_parse_own(text, used, path, ret_content, error);
}
