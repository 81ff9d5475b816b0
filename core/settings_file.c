/*
 * A file is read whole into memory. inih then takes it apart through our reader, which counts
 * lines and keeps the current one, so that an error can name both; inih itself knows the number
 * alone.
 */
#include "settings_file.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "owner.h"
#include "settings_value.h"
#include "text.h"
#include "url.h"

/* Far more than any sensible file; keeps a device or a mistake from filling memory. */
#define FILE_MAX (64 * 1024)

/* The state of reading one file. */
struct reader {
	const char *path;
	const char *next; /* what inih has not had yet */
	unsigned int line;
	char text[512]; /* of the current line, for errors */

	struct stage_settings *settings;
	bool seen[STAGE_SETTINGS_MAX]; /* has this file given the setting? */
	int code;
	struct stage_error *error;
};

/* The first error of a file is the one that is reported. */
static int
fail_memory(struct reader *reader)
{
	if (reader->code == 0)
		reader->code = stage_error_set(reader->error, STAGE_E_MEMORY, 0,
			"no memory for the settings in %s", reader->path);
	return reader->code;
}

static int __attribute__((format(printf, 2, 3)))
fail(struct reader *reader, const char *format, ...)
{
	char why[1024], *shown;
	va_list arguments;

	if (reader->code < 0)
		return reader->code;
	va_start(arguments, format);
	stage_text_format(why, sizeof(why), format, arguments);
	va_end(arguments);
	if (stage_url_display(reader->text, &shown, NULL) < 0)
		return fail_memory(reader);
	reader->code = stage_error_set(reader->error, STAGE_E_SETTING, 0, "%s:%u: \"%s\": %s",
		reader->path, reader->line, shown, why);
	free(shown);
	return reader->code;
}

static int
fail_unknown(struct reader *reader)
{
	char known[1024];

	stage_settings_value_names(known, sizeof(known));
	return fail(reader, "unknown key; known are %s", known);
}

static int
set(struct reader *reader, int setting, const char *value)
{
	char why[256];
	int code;

	/* the list of an earlier file gives way to the one of this file */
	if (!reader->seen[setting])
		stage_settings_value_clear(reader->settings, setting);
	reader->seen[setting] = true;
	code = stage_settings_value_set(reader->settings, setting, value, why, sizeof(why));
	if (code == STAGE_E_MEMORY)
		return fail_memory(reader);
	return code < 0 ? fail(reader, "%s", why) : 0;
}

/* inih's handler: 0 is an error there */
static int
handle(void *user, const char *section, const char *name, const char *value)
{
	struct reader *reader = user;
	int setting;

	if (reader->code < 0)
		return 0;
	if (*section)
		return fail(reader, "there are no [sections]; write the key alone") == 0;
	setting = stage_settings_value_find(name);
	if (setting < 0)
		return fail_unknown(reader) == 0;
	if (!*value)
		return fail(reader, "the value is missing") == 0;
	if (reader->seen[setting] && !stage_settings_value_is_list(setting))
		return fail(reader, "%s was given already in this file", name) == 0;
	return set(reader, setting, value) == 0;
}

/* What inih would take silently, and not as an administrator means it. NULL: nothing. */
static const char *
find_misunderstanding(const char *line)
{
	size_t blanks = strspn(line, " \t");

	if (!line[blanks] || strchr("\r#;", line[blanks]))
		return NULL;
	if (*line == '[')
		return "there are no [sections]; write the key alone";
	if (blanks)
		return "a key must stand at the beginning of its line";
	if (strstr(line, " #") || strstr(line, "\t#") || strstr(line, " ;") || strstr(line, "\t;"))
		return "a comment must stand on a line of its own";
	return NULL;
}

/* inih's reader, like fgets(3). Keeps what the line is for fail(). */
static char *
read_line(char *buffer, int size, void *stream)
{
	struct reader *reader = stream;
	const char *misunderstanding;
	size_t length;

	if (!*reader->next || reader->code < 0)
		return NULL;
	length = strcspn(reader->next, "\n");
	reader->line++;
	snprintf(reader->text, sizeof(reader->text), "%.*s", (int)length, reader->next);
	if (length + 2 > (size_t)size) {
		fail(reader, "longer than the %d bytes that a line may have", size - 2);
		return NULL;
	}
	memcpy(buffer, reader->next, length);
	buffer[length] = '\0';
	misunderstanding = find_misunderstanding(buffer);
	if (misunderstanding) {
		fail(reader, "%s", misunderstanding);
		return NULL;
	}
	memcpy(buffer + length, "\n", 2);
	reader->next += length;
	if (*reader->next)
		reader->next++;
	return buffer;
}

static int
parse(struct reader *reader, const char *content)
{
	int bad_line;

	reader->next = content;
	bad_line = ini_parse_stream(read_line, reader, handle, reader);
	/* inih goes on after a line that it does not understand: ours may not be the first error */
	if (reader->code == STAGE_E_SETTING && bad_line > 0 && bad_line < (int)reader->line)
		reader->code = 0;
	if (reader->code == 0 && bad_line > 0) {
		/* inih found neither a key nor a section there; have the text of that line again */
		reader->next = content;
		reader->line = 0;
		while ((int)reader->line < bad_line && *reader->next) {
			size_t length = strcspn(reader->next, "\n");

			reader->line++;
			snprintf(reader->text, sizeof(reader->text), "%.*s", (int)length,
				reader->next);
			reader->next += length + (reader->next[length] != '\0');
		}
		fail(reader, "not understood; allowed are \"key = value\" and comments after #");
	} else if (reader->code == 0 && bad_line < 0) {
		fail_memory(reader);
	}
	return reader->code;
}

/* Only who is relied upon may say where backups are staged. */
static int
check_writers(const char *path, const struct stat *stat, struct stage_error *error)
{
	if (!S_ISREG(stat->st_mode))
		return stage_error_set(error, STAGE_E_SETTING, 0,
			"%s: not a regular file, which a configuration file must be", path);
	if (!stage_owner_is_trusted_at(stat->st_uid, path))
		return stage_error_set(error, STAGE_E_SETTING, 0,
			"%s: belongs to user %ld; a configuration file must belong to root or to user %ld",
			path, (long)stat->st_uid, (long)geteuid());
	if (stat->st_mode & 022)
		return stage_error_set(error, STAGE_E_SETTING, 0,
			"%s: mode %04o, others may write it; allowed is 0644 or less (chmod go-w)",
			path, (unsigned int)stat->st_mode & 07777);
	return 0;
}

/* Reads a whole file, which the caller frees. */
static int
read_file(const char *path, char **ret_content, struct stage_error *error)
{
	char *content = NULL;
	size_t used = 0;
	struct stat stat;
	ssize_t got;
	int fd, code;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &stat) < 0)
		goto failed;
	code = check_writers(path, &stat, error);
	if (code < 0)
		goto done;
	content = malloc(FILE_MAX + 1);
	if (!content)
		goto failed;
	while (used <= FILE_MAX && (got = read(fd, content + used, FILE_MAX + 1 - used)) != 0) {
		if (got > 0)
			used += (size_t)got;
		else if (errno != EINTR)
			goto failed;
	}
	if (used > FILE_MAX || memchr(content, '\0', used)) {
		code = stage_error_set(error, STAGE_E_SETTING, 0,
			"%s: not a configuration file: it %s", path,
			used > FILE_MAX ? "is larger than 64 KiB" : "holds a NUL byte");
		goto done;
	}
	content[used] = '\0';
	close(fd);
	*ret_content = content;
	return 0;

failed:
	code = stage_error_set(error, errno == ENOMEM ? STAGE_E_MEMORY : STAGE_E_SETTING, errno,
		"cannot read the configuration file %s", path);
done:
	free(content);
	if (fd >= 0)
		close(fd);
	return code;
}

int
stage_settings_file_read(
	struct stage_settings *settings, const char *path, struct stage_error *error)
{
	struct reader reader = {.path = path, .settings = settings, .error = error};
	char *content = NULL;
	int code;

	code = read_file(path, &content, error);
	if (code < 0)
		return code;
	code = parse(&reader, content);
	free(content);
	return code;
}
