#include "command/command.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Copies one argument; there may be a URL in it. */
static void
copy_argument(FILE *out, const char *argument)
{
	char *shown = command_shown_url(argument);

	fputs(shown, out);
	fputc('\0', out);
	free(shown);
}

/* Reads a whole file of /proc; NULL where it cannot be read or is empty. */
static char *
read_arguments(const char *path, size_t *ret_size)
{
	char *content = NULL;
	size_t size = 0;
	FILE *file;

	file = fopen(path, "re");
	if (!file)
		return NULL;
	for (;;) {
		size_t got;

		content = command_memory(realloc(content, size + BUFSIZ + 1));
		got = fread(content + size, 1, BUFSIZ, file);
		size += got;
		if (got == 0)
			break;
	}
	fclose(file);
	if (size == 0) {
		free(content);
		return NULL;
	}
	content[size] = '\0'; /* a process may have overwritten the last one's */
	*ret_size = size;
	return content;
}

void
command_run_read(pid_t pid, struct command_run *ret_run)
{
	char path[64], *raw;
	size_t raw_size = 0, position;
	FILE *out;

	*ret_run = (struct command_run){0};
	snprintf(path, sizeof(path), "/proc/%ld/cmdline", (long)pid);
	raw = read_arguments(path, &raw_size);
	if (!raw)
		return;
	out = command_memory(open_memstream(&ret_run->arguments, &ret_run->size));
	for (position = 0; position < raw_size; position += strlen(raw + position) + 1)
		copy_argument(out, raw + position);
	if (fclose(out) != 0)
		command_memory(NULL);
	free(raw);
}

void
command_run_take(char *const *arguments, struct command_run *ret_run)
{
	FILE *out;

	*ret_run = (struct command_run){0};
	out = command_memory(open_memstream(&ret_run->arguments, &ret_run->size));
	for (; *arguments; arguments++)
		copy_argument(out, *arguments);
	if (fclose(out) != 0)
		command_memory(NULL);
}

void
command_run_json(const struct command_run *run, struct json *json, const char *key)
{
	size_t position;

	if (!run->arguments) {
		json_null(json, key);
		return;
	}
	json_open_array(json, key);
	for (position = 0; position < run->size; position += strlen(run->arguments + position) + 1)
		json_string(json, NULL, run->arguments + position);
	json_close(json);
}

char *
command_run_line(const struct command_run *run)
{
	char *line;
	size_t i;

	if (!run->arguments)
		return NULL;
	line = command_memory(malloc(run->size));
	for (i = 0; i < run->size; i++)
		line[i] = run->arguments[i] ? run->arguments[i] : ' ';
	line[run->size - 1] = '\0';
	return line;
}

const char *
command_user(uid_t uid)
{
	static char number[24];
	const struct passwd *entry = getpwuid(uid);

	if (entry)
		return entry->pw_name;
	snprintf(number, sizeof(number), "%lu", (unsigned long)uid);
	return number;
}
