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

/* Adds a folder unless it is there already, perhaps by another path. Takes over path. */
static void
add_folder(struct command_search *search, char *path, const struct stat *stat)
{
	size_t i;

	for (i = 0; i < search->count; i++) {
		if (search->list[i].device == stat->st_dev &&
			search->list[i].inode == stat->st_ino) {
			free(path);
			return;
		}
	}
	search->list = command_memory(
		reallocarray(search->list, search->count + 1, sizeof(*search->list)));
	search->list[search->count] = (struct command_folder){
		.path = path, .device = stat->st_dev, .inode = stat->st_ino};
	search->count++;
}

static enum command_exit
add_roots(struct command_search *search, const struct stage_settings *settings)
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
			add_folder(search, command_memory(strdup(path)), &found);
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
add_directories_in(struct command_search *search, int fd, const char *archive)
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
		add_folder(search, command_memory(path), &found);
	}
	return stage_listing_close(&listing);
}

static enum command_exit
add_archives(struct command_search *search)
{
	enum command_exit status = COMMAND_DONE;
	char *archive = archive_path();
	int fd;

	if (!archive)
		return COMMAND_DONE;
	fd = open(archive, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 ? errno != ENOENT && errno != ENOTDIR
		   : add_directories_in(search, fd, archive) < 0) {
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
add_directory(struct command_search *search, const char *directory)
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
	add_folder(search, path, &found);
	return COMMAND_DONE;
}

enum command_exit
command_search(char *const *directories, struct command_search *ret_search)
{
	struct stage_settings *settings = NULL;
	enum command_exit status;

	*ret_search = (struct command_search){0};
	status = command_load_settings(&settings);
	if (status != COMMAND_DONE)
		return status;
	status = add_roots(ret_search, settings);
	if (add_archives(ret_search) != COMMAND_DONE)
		status = COMMAND_PROBLEM;
	for (; *directories; directories++)
		if (add_directory(ret_search, *directories) != COMMAND_DONE)
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
command_search_free(struct command_search *search)
{
	size_t i;

	for (i = 0; i < search->count; i++) {
		free(search->list[i].path);
		stage_spool_find_free(&search->list[i].spools, search->list[i].spool_count);
	}
	free(search->list);
	*search = (struct command_search){0};
}
