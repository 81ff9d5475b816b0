#include "owner.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "path.h"

#define OTHERS_MAY_WRITE 022

static FILE *
open_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	FILE *file;

	if (fd < 0)
		return NULL;
	file = fdopen(fd, "r");
	if (!file)
		close(fd);
	return file;
}

/* The uid that stands for users without one in this namespace. False where it cannot be read. */
static bool
read_overflow_uid(unsigned long *ret_uid)
{
	FILE *file = open_text("/proc/sys/kernel/overflowuid");
	bool read;

	if (!file)
		return false;
	read = fscanf(file, "%lu", ret_uid) == 1;
	fclose(file);
	return read;
}

/* Has this namespace no user of that uid? Only what was read to its end can tell. */
static bool
is_unmapped(unsigned long uid)
{
	FILE *file = open_text("/proc/self/uid_map");
	unsigned long inside, outside, count;
	bool mapped = false, complete;

	if (!file)
		return false;
	while (fscanf(file, "%lu %lu %lu", &inside, &outside, &count) == 3)
		mapped |= uid >= inside && uid - inside < count;
	complete = feof(file) && !ferror(file);
	fclose(file);
	return complete && !mapped;
}

/* Does this uid stand for users from outside of this namespace? */
static bool
is_from_outside(uid_t uid)
{
	unsigned long overflow;

	return read_overflow_uid(&overflow) && uid == overflow && is_unmapped(overflow);
}

bool
stage_owner_is_trusted(uid_t uid, mode_t folder)
{
	if (uid == 0)
		return true;
	/* asked for first: a process whose own user is not mapped sees that uid as its own */
	if (is_from_outside(uid))
		return !(folder & OTHERS_MAY_WRITE);
	return uid == geteuid();
}

/* Can nobody but those who are relied upon change where this absolute path leads? Writes to path meanwhile. */
static bool
leads_safely(char *path)
{
	struct stat entry, folder;
	char *end = path, before;

	if (stat("/", &folder) < 0)
		return false;
	while (*end) {
		end += strspn(end, "/");
		end += strcspn(end, "/");
		if ((folder.st_mode & OTHERS_MAY_WRITE) && !(folder.st_mode & S_ISVTX))
			return false;
		before = *end;
		*end = '\0';
		if (lstat(path, &entry) < 0 ||
			!stage_owner_is_trusted(entry.st_uid, folder.st_mode) ||
			stat(path, &folder) < 0)
			return false;
		*end = before;
	}
	return true;
}

bool
stage_owner_is_trusted_at(uid_t uid, const char *path)
{
	char *named, *real;
	bool trusted;

	if (stage_owner_is_trusted(uid, OTHERS_MAY_WRITE))
		return true;
	if (!stage_owner_is_trusted(uid, 0))
		return false;
	named = stage_path_absolute(path);
	real = realpath(path, NULL);
	trusted = named && real && leads_safely(named) && leads_safely(real);
	free(named);
	free(real);
	return trusted;
}
