#include "staging/home.h"

#include <fcntl.h>
#include <unistd.h>

#include "durable.h"
#include "listing.h"
#include "regular.h"

static int
open_home(const char *home)
{
	return open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* True when it is on disk. */
static bool
sync_file(int dirfd, const char *name)
{
	bool synced;
	int fd;

	if (stage_regular_open(dirfd, name, O_RDONLY, &fd, NULL) < 0)
		return false;
	synced = stage_durable_file(fd) == 0;
	close(fd);
	return synced;
}

bool
home_sync_manifest(const char *home, const char *manifest)
{
	int dirfd = open_home(home);
	bool synced;

	if (dirfd < 0)
		return false;
	synced = sync_file(dirfd, manifest) && stage_durable_folder(dirfd) == 0;
	close(dirfd);
	return synced;
}

void
home_sync(const char *home)
{
	int dirfd = open_home(home);
	struct stage_listing listing;
	const struct dirent *entry;

	if (dirfd < 0)
		return;
	stage_listing_open(&listing, dirfd);
	while ((entry = stage_listing_next(&listing)))
		if (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN)
			(void)sync_file(dirfd, entry->d_name);
	(void)stage_listing_close(&listing);
	(void)stage_durable_folder(dirfd);
	close(dirfd);
}
