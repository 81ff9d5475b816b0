#include "released.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "listing.h"
#include "naming.h"
#include "regular.h"

/* A file of this user's alone: whoever else could make one could do anything here. */
static bool
counts(const struct stage_lockdir *held, const char *name)
{
	bool this_machine, this_boot;
	struct stat stat;

	return stage_naming_is_released(name, &this_machine, &this_boot) && this_machine &&
	       (held->proves || this_boot) && stage_regular_is_own(held->fd, name, &stat);
}

bool
stage_released_is(const struct stage_lockdir *held)
{
	struct stage_listing listing;
	const struct dirent *entry;
	bool found = false;

	stage_listing_open(&listing, held->fd);
	while (!found && (entry = stage_listing_next(&listing)))
		found = counts(held, entry->d_name);
	/* what cannot be read has not been released, as far as anybody can tell */
	(void)stage_listing_close(&listing);
	return found;
}

int
stage_released_set(const struct stage_lockdir *held, const char *path, struct stage_error *error)
{
	char name[STAGE_RELEASED_NAME_MAX];
	int fd, code;

	code = stage_naming_released(name, error);
	if (code < 0)
		return code;
	fd = stage_regular_make(held->fd, name, O_WRONLY);
	if (fd < 0 && errno != EEXIST)
		return stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot make %s/%s", path, name);
	if (fd >= 0)
		close(fd);
	return 0;
}

bool
stage_released_take(const struct stage_lockdir *held)
{
	char name[STAGE_RELEASED_NAME_MAX];

	return stage_naming_released(name, NULL) == 0 && counts(held, name) &&
	       unlinkat(held->fd, name, 0) == 0;
}
