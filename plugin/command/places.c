#include "command/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "expand.h"
#include "listing.h"
#include "naming.h"
#include "path.h"
#include "root.h"

/* Adds a place unless it is there already, perhaps by another path. Takes over path. */
static void
add_place(struct command_places *places, char *path, const struct stat *stat)
{
	size_t i;

	for (i = 0; i < places->count; i++) {
		if (places->list[i].device == stat->st_dev &&
			places->list[i].inode == stat->st_ino) {
			free(path);
			return;
		}
	}
	places->list = command_memory(
		reallocarray(places->list, places->count + 1, sizeof(*places->list)));
	places->list[places->count] =
		(struct command_place){.path = path, .device = stat->st_dev, .inode = stat->st_ino};
	places->count++;
}

static enum command_exit
add_roots(struct command_places *places, const struct stage_settings *settings)
{
	enum command_exit status = COMMAND_DONE;
	struct stage_roots *roots = NULL;
	struct stage_error error;
	struct stat found;
	size_t i;

	if (stage_roots_rank(settings, NULL, &roots, &error) < 0) {
		command_problem("%s", error.message);
		return COMMAND_PROBLEM;
	}
	for (i = 0; i < roots->count; i++) {
		const char *path = roots->list[i].path;

		/* a relative $TMPDIR is refused, and means another directory to every process */
		if (path[0] != '/')
			continue;
		if (stat(path, &found) == 0) {
			add_place(places, command_memory(strdup(path)), &found);
		} else if (errno != ENOENT && errno != ENOTDIR) {
			command_problem("cannot look for staging directories in %s: %s", path,
				stage_error_errno_text(errno));
			status = COMMAND_PROBLEM;
		}
	}
	stage_roots_free(&roots);
	return status;
}

/* Where the host keeps its archive directories, one a backup; NULL where the user has no home. */
static char *
archive_path(void)
{
	const char *base = getenv("XDG_CACHE_HOME"), *below = "";
	char *path;

	if (!base || *base != '/') {
		base = stage_expand_home("");
		below = "/.cache";
	}
	if (!base)
		return NULL;
	if (asprintf(&path, "%s%s/duplicity", base, below) < 0)
		path = NULL;
	return command_memory(path);
}

/* Adds the real directories in an archive path, which fd has open: a link may lead anywhere. */
static int
add_directories_in(struct command_places *places, int fd, const char *archive)
{
	struct stage_listing listing;
	const struct dirent *entry;
	struct stat found;
	char *path;

	stage_listing_open(&listing, fd);
	while ((entry = stage_listing_next(&listing))) {
		if (fstatat(fd, entry->d_name, &found, AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISDIR(found.st_mode))
			continue;
		path = stage_path_join(archive, entry->d_name);
		add_place(places, command_memory(path), &found);
	}
	return stage_listing_close(&listing);
}

static enum command_exit
add_archives(struct command_places *places)
{
	enum command_exit status = COMMAND_DONE;
	char *archive = archive_path();
	int fd;

	if (!archive)
		return COMMAND_DONE;
	fd = open(archive, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 ? errno != ENOENT && errno != ENOTDIR
		   : add_directories_in(places, fd, archive) < 0) {
		command_problem("cannot look for archive directories in %s: %s", archive,
			stage_error_errno_text(errno));
		status = COMMAND_PROBLEM;
	}
	if (fd >= 0)
		close(fd);
	free(archive);
	return status;
}

char *
command_absolute_path(const char *directory)
{
	char *path = stage_path_absolute(directory);

	return path || errno != ENOMEM ? path : command_memory(path);
}

/* Somebody who names a staging directory itself would be told that there is nothing in it. */
static bool
is_staging_directory(const char *path)
{
	bool this_machine;
	pid_t pid;

	return stage_naming_is_dir(strrchr(path, '/') + 1, &pid, &this_machine);
}

static enum command_exit
add_directory(struct command_places *places, const char *directory)
{
	char *path = command_absolute_path(directory);
	struct stat found;

	if (!path || stat(path, &found) < 0) {
		command_problem("cannot look for staging directories in %s: %s", directory,
			stage_error_errno_text(errno));
		free(path);
		return COMMAND_PROBLEM;
	}
	if (is_staging_directory(path)) {
		command_problem(
			"%s is a staging directory; name the directory that it is in", path);
		free(path);
		return COMMAND_PROBLEM;
	}
	add_place(places, path, &found);
	return COMMAND_DONE;
}

enum command_exit
command_places_find(char *const *directories, struct command_places *ret_places)
{
	struct stage_settings *settings = NULL;
	enum command_exit status;

	*ret_places = (struct command_places){0};
	status = command_load_settings(&settings);
	if (status != COMMAND_DONE)
		return status;
	status = add_roots(ret_places, settings);
	if (add_archives(ret_places) != COMMAND_DONE)
		status = COMMAND_PROBLEM;
	for (; *directories; directories++)
		if (add_directory(ret_places, *directories) != COMMAND_DONE)
			status = COMMAND_PROBLEM;
	stage_settings_free(&settings);
	return status;
}

enum command_exit
command_unreadable(const struct stage_error *error)
{
	/* the host removes an archive directory that it does not need after all */
	if (error->sys_errno == ENOENT)
		return COMMAND_DONE;
	command_problem("%s", error->message);
	return COMMAND_PROBLEM;
}

void
command_places_free(struct command_places *places)
{
	size_t i;

	for (i = 0; i < places->count; i++) {
		free(places->list[i].path);
		stage_spool_find_free(&places->list[i].spools, places->list[i].spool_count);
	}
	free(places->list);
	*places = (struct command_places){0};
}
