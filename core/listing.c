#include "listing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

void
stage_listing_open(struct stage_listing *listing, int dirfd)
{
	/* a copy by dup(2) would share the offset with the caller's */
	stage_listing_take(listing, openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

void
stage_listing_take(struct stage_listing *listing, int fd)
{
	*listing = (struct stage_listing){0};
	if (fd >= 0)
		listing->stream = fdopendir(fd);
	if (listing->stream)
		return;
	listing->failed = errno;
	if (fd >= 0)
		close(fd);
}

static bool
is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

const struct dirent *
stage_listing_next(struct stage_listing *listing)
{
	const struct dirent *entry;

	if (listing->failed)
		return NULL;
	do {
		errno = 0;
		entry = readdir(listing->stream);
	} while (entry && is_dot(entry->d_name));
	if (!entry)
		listing->failed = errno;
	return entry;
}

int
stage_listing_close(struct stage_listing *listing)
{
	int saved_errno = errno;

	if (listing->stream)
		closedir(listing->stream);
	errno = listing->failed ? listing->failed : saved_errno;
	return listing->failed ? STAGE_E_SYSTEM : 0;
}
