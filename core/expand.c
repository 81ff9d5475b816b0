#include "expand.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

/* What is being read, and where the expansion goes. */
struct expansion {
	const char *next;
	FILE *out;
	char *why;
	size_t size;
};

const char *
stage_expand_home(const char *user)
{
	const char *home = *user ? NULL : getenv("HOME");
	const struct passwd *entry;

	if (home && *home)
		return home;
	entry = *user ? getpwnam(user) : getpwuid(geteuid());
	return entry ? entry->pw_dir : NULL;
}

static int
expand_home(struct expansion *expansion)
{
	size_t length = strcspn(expansion->next, "/");
	const char *home;
	char *user;

	user = strndup(expansion->next + 1, length - 1);
	if (!user)
		return STAGE_E_MEMORY;
	home = stage_expand_home(user);
	if (home)
		fputs(home, expansion->out);
	else
		snprintf(expansion->why, expansion->size, "there is no home directory ~%s", user);
	free(user);
	expansion->next += length;
	return home ? 0 : STAGE_E_SETTING;
}

static int
expand_variable(struct expansion *expansion)
{
	const char *start = expansion->next + 1, *content;
	bool braced = *start == '{';
	char name[128];
	size_t length;

	start += braced;
	length = strspn(start, NAME_CHARACTERS);
	if (!length || length >= sizeof(name) || (braced && start[length] != '}')) {
		snprintf(expansion->why, expansion->size,
			"$ must be followed by the name of a variable of the environment, as in $NAME or ${NAME}");
		return STAGE_E_SETTING;
	}
	memcpy(name, start, length);
	name[length] = '\0';
	content = getenv(name);
	if (!content) {
		snprintf(
			expansion->why, expansion->size, "$%s is not set in the environment", name);
		return STAGE_E_SETTING;
	}
	fputs(content, expansion->out);
	expansion->next = start + length + braced;
	return 0;
}

int
stage_expand(const char *text, char **ret_path, char *why, size_t size)
{
	struct expansion expansion = {.next = text, .why = why, .size = size};
	size_t length = 0;
	char *path = NULL;
	int code = 0;

	expansion.out = open_memstream(&path, &length);
	if (!expansion.out)
		return STAGE_E_MEMORY;
	if (*text == '~')
		code = expand_home(&expansion);
	while (code == 0 && *expansion.next) {
		if (*expansion.next == '$')
			code = expand_variable(&expansion);
		else
			fputc(*expansion.next++, expansion.out);
	}
	if (code == 0 && ferror(expansion.out))
		code = STAGE_E_MEMORY;
	if (fclose(expansion.out) != 0 && code == 0)
		code = STAGE_E_MEMORY;
	if (code < 0)
		free(path);
	else
		*ret_path = path;
	return code;
}
