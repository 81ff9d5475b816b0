#include "reserve_others.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "filesystem.h"
#include "listing.h"

/* Of a staging directory, and of one whose run has been told that another has come. */
#define MODE 0700
#define MODE_TOLD (MODE | S_ISVTX)

/* Seconds: the coarsest clock of a file system has 2 (FAT). */
#define SETTLED 3

/*
 * Was the directory name made, and locked, on this machine? By comparing it with ours: what cannot
 * be found out must not make others vanish.
 */
static bool
is_of_this_machine(const struct stage_lockdir *own, const char *name)
{
	size_t length = (size_t)(strchr(strchr(own->name, '-') + 1, '-') - own->name);

	return own->lock == STAGE_LOCK_OURS && strncmp(name, own->name, length + 1) == 0;
}

static bool
is_other(const struct stage_lockdir *own, const char *name)
{
	bool this_machine;
	pid_t pid;

	return stage_naming_is_dir(name, &pid, &this_machine) && strcmp(name, own->name) != 0 &&
	       is_of_this_machine(own, name);
}

/* -1 with errno. */
static int
append(struct stage_reserve_others *others, const char *name)
{
	if (others->count == others->room) {
		size_t room = others->room ? 2 * others->room : 16;
		void *longer = reallocarray(others->names, room, sizeof(*others->names));

		if (!longer)
			return -1;
		others->names = longer;
		others->room = room;
	}
	memcpy(others->names[others->count++], name, strlen(name) + 1);
	return 0;
}

/* -1 with errno. */
static int
list(struct stage_reserve_others *others, const struct stage_lockdir *own)
{
	struct stage_listing listing;
	const struct dirent *entry;
	int result = 0;

	others->listed = false;
	others->count = others->entries = 0;
	others->when = stage_clock_now();
	if (fstat(own->root_fd, &others->root) < 0)
		return -1;
	others->settled = time(NULL) - others->root.st_mtim.tv_sec >= SETTLED &&
			  time(NULL) - others->root.st_ctim.tv_sec >= SETTLED;
	stage_listing_open(&listing, own->root_fd);
	while (result == 0 && (entry = stage_listing_next(&listing))) {
		others->entries++;
		if (is_other(own, entry->d_name))
			result = append(others, entry->d_name);
	}
	if (stage_listing_close(&listing) < 0)
		result = -1;
	others->listed = result == 0;
	return result;
}

/* Can the directory be told, so that this run notices? Before the first listing, which sees all that told. */
static bool
can_hear(const struct stage_lockdir *own)
{
	struct stat stat;
	bool told;

	if (!own->proves || own->lock != STAGE_LOCK_OURS || fchmod(own->fd, MODE_TOLD) < 0)
		return false;
	told = fstat(own->fd, &stat) == 0 && (stat.st_mode & S_ISVTX);
	return fchmod(own->fd, MODE) == 0 && told;
}

/* Has another run come, and said so? What it said is taken back. Also if that cannot be found out. */
static bool
was_told(const struct stage_lockdir *own)
{
	struct stat stat;

	if (fstat(own->fd, &stat) == 0 && !(stat.st_mode & S_ISVTX))
		return false;
	(void)fchmod(own->fd, MODE); /* if not, the root is listed the next time too */
	return true;
}

/* May something have come to the root, or gone, since it was listed? */
static bool
has_changed(const struct stage_reserve_others *others, const struct stage_lockdir *own)
{
	struct stat stat;

	return !others->settled || fstat(own->root_fd, &stat) < 0 ||
	       !stage_filesystem_same_times(&stat, &others->root);
}

int
stage_reserve_others_find(struct stage_reserve_others *others, const struct stage_lockdir *own)
{
	if (!others->listed)
		others->hears = can_hear(own);
	if (others->listed && others->hears && !was_told(own) &&
		(!has_changed(others, own) ||
			(others->entries > STAGE_RESERVE_FEW &&
				stage_clock_now() - others->when < STAGE_RESERVE_PAUSE)))
		return 0;
	return list(others, own);
}

void
stage_reserve_others_tell(struct stage_reserve_others *others, int fd)
{
	if (!others->has_told && fchmod(fd, MODE_TOLD) < 0)
		others->failed = true;
}

void
stage_reserve_others_told(struct stage_reserve_others *others)
{
	others->has_told |= !others->failed;
	others->failed = false;
}

void
stage_reserve_others_release(struct stage_reserve_others *others)
{
	free(others->names);
	*others = (struct stage_reserve_others){0};
}
