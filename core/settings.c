/*
 * Which files are read, and what the settings are good for. A file is read in settings_file.c, a value
 * is checked in settings_value.c.
 */
#include "settings.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "expand.h"
#include "settings_file.h"
#include "settings_value.h"
#include "url.h"

#define SYSTEM_FILE SYSCONFDIR "/stagedir.conf"

static struct stage_settings *
new_settings(void)
{
	struct stage_settings *settings = calloc(1, sizeof(*settings));
	const char *tmpdir = getenv("TMPDIR");
	bool has_tmpdir = tmpdir && *tmpdir;

	if (!settings)
		return NULL;
	if (has_tmpdir)
		settings->tmpdir = strdup(tmpdir);
	if ((has_tmpdir && !settings->tmpdir) || stage_settings_value_defaults(settings) < 0)
		stage_settings_free(&settings);
	return settings;
}

/*
 * Is the file there? Also true where the system cannot tell. False where this user may not look there: the
 * file is then not his. (Under sudo and setpriv HOME may be another user's.)
 */
static bool
exists(const char *path)
{
	struct stat stat_;

	return stat(path, &stat_) == 0 || (errno != ENOENT && errno != ENOTDIR && errno != EACCES);
}

/* The user's own file; NULL with errno 0 where the user has no home, ENOMEM otherwise. */
static char *
user_file(void)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *below = "";
	char *path = NULL;

	/* the XDG base directory specification: unset, empty or relative is as if unset */
	if (!base || *base != '/') {
		base = stage_expand_home("");
		below = "/.config";
	}
	errno = 0;
	if (base && asprintf(&path, "%s%s/stagedir/stagedir.conf", base, below) < 0) {
		errno = ENOMEM;
		return NULL;
	}
	return path;
}

/* Reads system file and user's file over settings. */
static int
load_both(struct stage_settings *settings, struct stage_error *error)
{
	char *path;
	int code = 0;

	if (exists(SYSTEM_FILE))
		code = stage_settings_file_read(settings, SYSTEM_FILE, error);
	if (code < 0)
		return code;
	path = user_file();
	if (!path)
		return errno ? stage_error_set(error, STAGE_E_MEMORY, 0,
				       "no memory for the name of the configuration file")
			     : 0;
	if (exists(path))
		code = stage_settings_file_read(settings, path, error);
	free(path);
	return code;
}

/* Loads one named file, or with NULL both of the usual ones. */
static int
load(const char *path, struct stage_settings **ret_settings, struct stage_error *error)
{
	struct stage_settings *settings = new_settings();
	int code;

	if (!settings)
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for the settings");
	code = path ? stage_settings_file_read(settings, path, error) : load_both(settings, error);
	if (code < 0) {
		stage_settings_free(&settings);
		return code;
	}
	*ret_settings = settings;
	return 0;
}

int
stage_settings_load(struct stage_settings **ret_settings, struct stage_error *error)
{
	return load(getenv("STAGEDIR_CONFIG"), ret_settings, error);
}

int
stage_settings_load_file(
	const char *path, struct stage_settings **ret_settings, struct stage_error *error)
{
	return load(path, ret_settings, error);
}

static bool
is_named(const struct stage_settings *settings, const char *url)
{
	char *const *pattern;

	for (pattern = settings->targets; *pattern; pattern++)
		if (fnmatch(*pattern, url, 0) == 0)
			return true;
	return false;
}

bool
stage_settings_take_over(const struct stage_settings *settings, const char *url)
{
	bool named = is_named(settings, url);
	char *target;

	/* a pattern for a user has no password; want of memory is told by whatever comes next */
	if (!named && stage_url_target(url, &target, NULL) == 0) {
		named = is_named(settings, target);
		free(target);
	}
	return named;
}

void
stage_settings_free(struct stage_settings **settings)
{
	int saved_errno = errno;

	if (!*settings)
		return;
	stage_settings_value_release(*settings);
	free((*settings)->tmpdir);
	free(*settings);
	*settings = NULL;
	errno = saved_errno;
}
