#include "duplicity/proved.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"

/* Digits of a checksum in the table. */
#define CHECKSUM_DIGITS 16

static int
no_memory(const char *path, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for %s", path);
}

static int
unreadable(const char *path, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_SYSTEM, errno, "cannot read %s", path);
}

/* All of a file, and a NUL behind it. */
static int
read_text(const char *path, char **ret_text, struct stage_error *error)
{
	char *text = NULL;
	size_t size = 0;
	int code = 0;
	FILE *file;

	file = fopen(path, "re");
	if (!file)
		return unreadable(path, error);
	errno = 0;
	if (getdelim(&text, &size, '\0', file) < 0)
		code = ferror(file)
			       ? unreadable(path, error)
			       : stage_error_set(error, STAGE_E_DAMAGED, 0, "%s is empty", path);
	fclose(file);
	if (code == 0)
		*ret_text = text;
	else
		free(text);
	return code;
}

/* Adds a version to those that are told, if it is not the one before. */
static int
add_version(struct proved *proved, const char *version, const char **last)
{
	const char *before = proved->versions;
	char *longer;

	if (*last && strcmp(*last, version) == 0)
		return 0;
	*last = version;
	if (asprintf(&longer, "%s%s%s", before ? before : "", before ? ", " : "", version) < 0)
		return -1;
	free(proved->versions);
	proved->versions = longer;
	return 0;
}

static int
add_module(struct proved *proved, const struct proved_module *module)
{
	struct proved_module *longer;

	longer = realloc(proved->modules, (proved->count + 1) * sizeof(*longer));
	if (!longer)
		return -1;
	longer[proved->count++] = *module;
	proved->modules = longer;
	return 0;
}

/* Takes the lines apart, in their place. */
static int
take_lines(struct proved *proved, const char *path, const char *wanted, struct stage_error *error)
{
	char *lines = proved->text, *line, *rest, *version;
	struct proved_module module;
	const char *last = NULL;

	while ((line = strsep(&lines, "\n"))) {
		if (*line == '#' || *line == '\0')
			continue;
		version = strtok_r(line, " ", &rest);
		module.name = strtok_r(NULL, " ", &rest);
		module.checksum = strtok_r(NULL, " ", &rest);
		module.units = rest;
		if (!module.checksum || strlen(module.checksum) != CHECKSUM_DIGITS)
			return stage_error_set(error, STAGE_E_DAMAGED, 0,
				"%s has a line that is not VERSION MODULE CHECKSUM UNIT:CHECKSUM ...",
				path);
		if (add_version(proved, version, &last) < 0 ||
			(strcmp(version, wanted) == 0 && add_module(proved, &module) < 0))
			return no_memory(path, error);
	}
	return 0;
}

int
proved_read(const char *path, const char *version, struct proved **ret_proved,
	struct stage_error *error)
{
	struct proved *proved = calloc(1, sizeof(*proved));
	int code;

	if (!proved)
		return no_memory(path, error);
	code = read_text(path, &proved->text, error);
	if (code == 0)
		code = take_lines(proved, path, version, error);
	if (code == 0 && !proved->versions)
		code = stage_error_set(error, STAGE_E_DAMAGED, 0, "%s names no version", path);
	if (code < 0)
		proved_free(&proved);
	else
		*ret_proved = proved;
	return code;
}

int
proved_is_same(const struct proved_module *module, const char *folder, bool *ret_is_same,
	struct stage_error *error)
{
	char hex[STAGE_DIGEST_HEX], *path;
	struct stage_digest digest;
	int fd, code;

	if (asprintf(&path, "%s/%s.py", folder, module->name) < 0)
		return no_memory(module->name, error);
	fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	code = fd < 0 ? unreadable(path, error) : stage_digest_read(fd, path, &digest, error);
	if (code == 0) {
		stage_digest_to_hex(&digest, hex);
		*ret_is_same = strncmp(hex, module->checksum, CHECKSUM_DIGITS) == 0;
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return code;
}

void
proved_free(struct proved **proved)
{
	if (!*proved)
		return;
	free((*proved)->modules);
	free((*proved)->versions);
	free((*proved)->text);
	free(*proved);
	*proved = NULL;
}
