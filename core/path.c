#include "path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of path without slashes at its end; the root directory has none left. */
static size_t
length_of(const char *path)
{
	size_t length = strlen(path);

	while (length && path[length - 1] == '/')
		length--;
	return length;
}

char *
stage_path_join(const char *directory, const char *name)
{
	char *path;

	if (asprintf(&path, "%.*s/%s", (int)length_of(directory), directory, name) >= 0)
		return path;
	errno = ENOMEM;
	return NULL;
}

char *
stage_path_absolute(const char *path)
{
	char *absolute, *cwd;

	if (path[0] == '/') {
		absolute = strdup(path);
	} else {
		cwd = getcwd(NULL, 0);
		if (!cwd)
			return NULL;
		absolute = stage_path_join(cwd, path);
		free(cwd);
	}
	if (absolute && length_of(absolute))
		absolute[length_of(absolute)] = '\0';
	else if (absolute)
		absolute[1] = '\0'; /* the root directory */
	return absolute;
}
