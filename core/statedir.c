#include "statedir.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "expand.h"
#include "path.h"

/*
 * Does a folder that the environment names belong to another user, or, where it is not there, the nearest of the folders
 * above it? Nothing is made in another user's folder.
 */
static bool
is_of_another(const char *path)
{
	char *above = strdup(path), *slash;
	struct stat found;
	int failed = above ? stat(above, &found) : -1;

	while (failed && above && (slash = strrchr(above, '/')) && slash > above) {
		*slash = '\0';
		failed = stat(above, &found);
	}
	free(above);
	if (failed)
		failed = stat("/", &found);
	return failed || (found.st_uid != geteuid() && found.st_uid != 0);
}

/* The folder of the state of all programs, without ours; NULL: no home is known. */
static const char *
find_home(const char **ret_below)
{
	const char *named = getenv("XDG_STATE_HOME"), *home = stage_expand_home("");
	const struct passwd *entry;

	*ret_below = "";
	if (named && *named == '/' && !is_of_another(named))
		return named;
	*ret_below = "/.local/state";
	if (home && !is_of_another(home))
		return home;
	entry = getpwuid(geteuid());
	return entry ? entry->pw_dir : NULL;
}

/* Our folder; NULL without memory, or with *ret_known false. */
static char *
find_path(bool *ret_known)
{
	const char *given = getenv("STATE_DIRECTORY"), *below, *home;
	char *path = NULL;

	*ret_known = true;
	if (given && *given == '/') {
		path = strndup(given, strcspn(given, ":"));
		if (!path || !is_of_another(path))
			return path;
		free(path);
		path = NULL;
	}
	home = find_home(&below);
	*ret_known = home && *home == '/';
	if (!*ret_known || asprintf(&path, "%s%s/stagedir", home, below) < 0)
		return NULL;
	return path;
}

/* Makes each folder on the path that is not there. One that cannot be made is seen when it is opened. */
static void
make_path(char *path)
{
	char *slash;

	for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0700);
		*slash = '/';
	}
	(void)mkdir(path, 0700);
}

/* Opens a folder that only this user may write to. */
static int
open_own(int dirfd, const char *name, int flags, const char *path, int *ret_fd,
	struct stage_error *error)
{
	struct stat found;
	int fd, code;

	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
	if (fd < 0 || fstat(fd, &found) < 0) {
		code = stage_error_set(error, STAGE_E_SYSTEM, errno, "cannot open %s", path);
	} else if (found.st_uid != geteuid()) {
		code = stage_error_set(error, STAGE_E_SETTING, 0,
			"%s belongs to user %ld; it must belong to user %ld", path,
			(long)found.st_uid, (long)geteuid());
	} else if (found.st_mode & 022) {
		code = stage_error_set(error, STAGE_E_SETTING, 0,
			"others may write to %s; allowed is mode 0755 or less (chmod go-w)", path);
	} else {
		*ret_fd = fd;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	return code;
}

int
stage_statedir_open(
	const char *folder, bool make, int *ret_fd, char **ret_path, struct stage_error *error)
{
	char *base, *path = NULL;
	int base_fd = -1, code;
	bool known;

	base = find_path(&known);
	if (!known)
		return stage_error_set(error, STAGE_E_SETTING, 0,
			"this user has no home directory, and XDG_STATE_HOME names none");
	path = base ? stage_path_join(base, folder) : NULL;
	if (!path) {
		free(base);
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for a path");
	}
	if (make)
		make_path(base);
	code = open_own(AT_FDCWD, base, 0, base, &base_fd, error);
	if (code == 0) {
		if (make)
			(void)mkdirat(base_fd, folder, 0700);
		code = open_own(base_fd, folder, O_NOFOLLOW, path, ret_fd, error);
		close(base_fd);
	}
	if (code == 0 && ret_path)
		*ret_path = path;
	else
		free(path);
	free(base);
	return code;
}
