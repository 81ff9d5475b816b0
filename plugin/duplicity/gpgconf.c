#include "duplicity/gpgconf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "expand.h"
#include "path.h"
#include "regular.h"

#define FILE_MAX (64 * 1024)

static int
no_memory(const char *subject, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for %s", subject);
}

/* gpg itself expands ~ and ~USER at the beginning, also of $GNUPGHOME, and no variables. */
int
gpgconf_homedir(const char *given, char **ret_homedir, struct stage_error *error)
{
	const char *path = given && *given ? given : getenv("GNUPGHOME"), *home = "";
	char *user = NULL, *homedir;
	size_t length = 0;

	if (!path || !*path)
		path = "~/.gnupg";
	if (*path == '~') {
		length = strcspn(path, "/");
		user = strndup(path + 1, length - 1);
		if (!user)
			return no_memory("the home directory of gpg", error);
		home = stage_expand_home(user);
		free(user);
	}
	if (!home)
		return stage_error_set(error, STAGE_E_SETTING, 0,
			"%s: there is no such home directory, which gpg needs", path);
	if (asprintf(&homedir, "%s%s", home, path + length) < 0)
		return no_memory("the home directory of gpg", error);
	*ret_homedir = homedir;
	return 0;
}

/* All that the file has, and a NUL; more than FILE_MAX is too much. */
static int
read_all(int fd, const char *path, char **ret_text, struct stage_error *error)
{
	char *text = malloc(FILE_MAX + 1);
	size_t used = 0;
	ssize_t got;

	if (!text)
		return no_memory(path, error);
	while (used <= FILE_MAX && (got = read(fd, text + used, FILE_MAX + 1 - used)) != 0) {
		if (got > 0) {
			used += (size_t)got;
		} else if (errno != EINTR) {
			stage_error_set(error, STAGE_E_SYSTEM, errno, "cannot read %s", path);
			free(text);
			return STAGE_E_SYSTEM;
		}
	}
	if (used > FILE_MAX || memchr(text, '\0', used)) {
		free(text);
		return stage_error_set(error, STAGE_E_DAMAGED, 0, "%s %s", path,
			used > FILE_MAX ? "is larger than 64 KiB" : "holds a NUL byte");
	}
	text[used] = '\0';
	*ret_text = text;
	return 0;
}

int
gpgconf_read(const char *path, char **ret_text, struct stage_error *error)
{
	char *real = realpath(path, NULL);
	int fd, code;

	if (!real && (errno == ENOENT || errno == ENOTDIR)) {
		*ret_text = NULL;
		return 0;
	}
	if (!real)
		return stage_error_set(error, STAGE_E_SYSTEM, errno, "cannot read %s", path);
	code = stage_regular_open(AT_FDCWD, real, O_RDONLY, &fd, NULL);
	free(real);
	if (code == STAGE_E_DAMAGED)
		return stage_error_set(error, code, 0, "%s is no regular file", path);
	if (code < 0)
		return stage_error_set(error, code, errno, "cannot read %s", path);
	code = read_all(fd, path, ret_text, error);
	close(fd);
	return code;
}

/* One of the names. ret_ arguments are written only if it exists. */
static int
try_name(const char *homedir, const char *name, char **ret_path, char **ret_text,
	struct stage_error *error)
{
	char *path = stage_path_join(homedir, name), *text;
	int code;

	if (!path)
		return no_memory("the path of gpg.conf", error);
	code = gpgconf_read(path, &text, error);
	if (code < 0 || !text) {
		free(path);
		return code;
	}
	*ret_path = path;
	*ret_text = text;
	return 0;
}

int
gpgconf_find(const char *homedir, const unsigned int version[3], char **ret_path, char **ret_text,
	struct stage_error *error)
{
	char names[5][64] = {"", "", "", "gpg.conf", "options"}, *path = NULL, *text = NULL;
	size_t i, count = version[0] < 2 || (version[0] == 2 && version[1] < 3) ? 5 : 4;
	int code = 0;

	snprintf(names[0], sizeof(names[0]), "gpg.conf-%u.%u.%u", version[0], version[1],
		version[2]);
	snprintf(names[1], sizeof(names[1]), "gpg.conf-%u.%u", version[0], version[1]);
	snprintf(names[2], sizeof(names[2]), "gpg.conf-%u", version[0]);
	for (i = 0; code == 0 && !path && i < count; i++)
		code = try_name(homedir, names[i], &path, &text, error);
	if (code == 0) {
		*ret_path = path;
		*ret_text = text;
	}
	return code;
}
