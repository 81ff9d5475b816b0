/*
 * Which files are read, and what the settings are good for. A file is read in settings_file.c, a value
 * is checked in settings_value.c.
 */
#include "settings_internal.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "expand.h"
#include "owner.h"
#include "settings_file.h"
#include "settings_value.h"
#include "url.h"

#define SYSTEM_FILE SYSCONFDIR "/stagedir.conf"

const char *const stage_settings_variables[STAGE_SETTINGS_VARIABLES] = {"TMPDIR", "TEMP", "TMP"};

/* 0, or STAGE_E_MEMORY. */
static int
take_variables(struct stage_settings *settings)
{
	size_t i;

	for (i = 0; i < STAGE_SETTINGS_VARIABLES; i++) {
		const char *value = getenv(stage_settings_variables[i]);

		if (!value || !*value)
			continue;
		settings->variables[i] = strdup(value);
		if (!settings->variables[i])
			return STAGE_E_MEMORY;
	}
	return 0;
}

static struct stage_settings *
new_settings(void)
{
	struct stage_settings *settings = calloc(1, sizeof(*settings));

	if (settings &&
		(take_variables(settings) < 0 || stage_settings_value_defaults(settings) < 0))
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
	struct stat found;

	return stat(path, &found) == 0 || (errno != ENOENT && errno != ENOTDIR && errno != EACCES);
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

/* Does the file belong to somebody who is not relied upon? False also where the system cannot tell. */
static bool
is_foreign(const char *path, uid_t *ret_uid)
{
	struct stat found;

	if (stat(path, &found) < 0)
		return false;
	*ret_uid = found.st_uid;
	return !stage_owner_is_trusted_at(found.st_uid, path);
}

/* Reads the user's file over settings. */
static int
load_user_file(struct stage_settings *settings, const char *path, struct stage_error *error)
{
	char text[STAGE_ERROR_MESSAGE_MAX], line[STAGE_ERROR_MESSAGE_MAX];
	uid_t uid;

	if (!is_foreign(path, &uid))
		return stage_settings_file_read(settings, path, error);
	snprintf(text, sizeof(text),
		"%s belongs to user %ld and is not read: a configuration file must belong to root or to user %ld",
		path, (long)uid, (long)geteuid());
	settings->left_out = strdup(stage_error_printable(line, sizeof(line), text));
	if (!settings->left_out)
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory to tell why %s is not read", path);
	return 0;
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
		code = load_user_file(settings, path, error);
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
	size_t i;

	if (!*settings)
		return;
	stage_settings_value_release(*settings);
	for (i = 0; i < STAGE_SETTINGS_VARIABLES; i++)
		free((*settings)->variables[i]);
	free((*settings)->left_out);
	free(*settings);
	*settings = NULL;
	errno = saved_errno;
}
