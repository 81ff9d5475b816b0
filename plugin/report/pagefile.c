#include "report/pagefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listing.h"
#include "path.h"
#include "regular.h"
#include "runrecord.h"
#include "report/page.h"

#define SUFFIX ".html"

/* 0 or an errno. */
static int
write_all(int fd, const char *text, size_t length)
{
	ssize_t written;

	while (length) {
		written = write(fd, text, length);
		if (written < 0 && errno != EINTR)
			return errno;
		if (written > 0) {
			text += written;
			length -= (size_t)written;
		}
	}
	return 0;
}

int
pagefile_write(const char *path, const char *text, size_t length, struct stage_error *error)
{
	struct stat found;
	char *beside;
	int fd, failed;

	if (lstat(path, &found) == 0 && !S_ISREG(found.st_mode))
		return stage_error_set(error, STAGE_E_DAMAGED, 0,
			"cannot write %s: it is no regular file, and is not replaced", path);
	if (asprintf(&beside, "%s.stagedir-%ld", path, (long)getpid()) < 0)
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to write %s", path);
	(void)unlink(beside); /* of a run that was killed, and had this pid */
	fd = stage_regular_make(AT_FDCWD, beside, O_WRONLY);
	failed = fd < 0 ? errno : write_all(fd, text, length);
	if (!failed && rename(beside, path) < 0)
		failed = errno;
	if (fd >= 0 && failed)
		(void)unlink(beside);
	if (fd >= 0)
		close(fd);
	free(beside);
	return failed ? stage_error_set(error, STAGE_E_SYSTEM, failed, "cannot write %s", path) : 0;
}

/* Is this the name of a page of a record? */
static bool
is_page(const char *name)
{
	const size_t length = strlen(name);
	char record[STAGE_RUNRECORD_NAME_MAX];

	if (length <= strlen(SUFFIX) || length - strlen(SUFFIX) >= sizeof(record) ||
		strcmp(name + length - strlen(SUFFIX), SUFFIX) != 0)
		return false;
	memcpy(record, name, length - strlen(SUFFIX));
	record[length - strlen(SUFFIX)] = '\0';
	return stage_runrecord_is_name(record);
}

/* The names of the pages in a folder. */
struct pages {
	char (*names)[STAGE_RUNRECORD_NAME_MAX + sizeof(SUFFIX)];
	size_t count;
};

static void
add_page(struct pages *pages, const char *name)
{
	void *longer = reallocarray(pages->names, pages->count + 1, sizeof(*pages->names));

	if (!longer)
		return;
	pages->names = longer;
	snprintf(pages->names[pages->count++], sizeof(*pages->names), "%s", name);
}

static int
compare_oldest(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Removes the oldest pages, so that keep are left. What cannot be listed or removed stays. */
static void
remove_old(const char *folder, unsigned int keep)
{
	struct stage_listing listing;
	const struct dirent *entry;
	struct pages pages = {0};
	struct stat found;
	size_t i;
	int fd;

	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	stage_listing_open(&listing, fd);
	while ((entry = stage_listing_next(&listing)))
		if (is_page(entry->d_name) && stage_regular_is_own(fd, entry->d_name, &found))
			add_page(&pages, entry->d_name);
	if (stage_listing_close(&listing) == 0 && pages.count > keep) {
		qsort(pages.names, pages.count, sizeof(*pages.names), compare_oldest);
		for (i = 0; i + keep < pages.count; i++)
			(void)unlinkat(fd, pages.names[i], 0);
	}
	free(pages.names);
	close(fd);
}

int
pagefile_add(const char *folder, const char *record, unsigned int keep, struct stage_error *error)
{
	char name[STAGE_RUNRECORD_NAME_MAX + sizeof(SUFFIX)];
	struct stage_runfolder records;
	char *text = NULL, *path;
	size_t length;
	int code;

	code = stage_runreader_list(&records, error);
	if (code < 0)
		return code;
	code = page_make(&records, record, &text, &length, error);
	stage_runreader_list_free(&records);
	if (code < 0)
		return code;
	snprintf(name, sizeof(name), "%s" SUFFIX, record);
	path = stage_path_join(folder, name);
	code = path ? pagefile_write(path, text, length, error)
		    : stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for a path");
	free(path);
	free(text);
	if (code == 0)
		remove_old(folder, keep);
	return code;
}
