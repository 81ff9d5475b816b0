/*
 * A file is read whole into memory. inih then takes it apart through our reader, which counts
 * lines and keeps the current one, so that an error can name both; inih itself knows the number
 * alone. The struct is filled key by key through one table.
 */
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ini.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "expand.h"
#include "gzip.h"
#include "text.h"
#include "url.h"

#define SYSTEM_FILE SYSCONFDIR "/stagedir.conf"

/* Far more than any sensible file; keeps a device or a mistake from filling memory. */
#define FILE_MAX (64 * 1024)

#define KEYS_MAX 16

/* The state of reading one file. */
struct reader {
	const char *path;
	const char *next; /* what inih has not had yet */
	unsigned int line;
	char text[512]; /* of the current line, for errors */

	struct stage_settings *settings;
	bool seen[KEYS_MAX]; /* keys that this file has given, by index in the table */
	int code;
	struct stage_error *error;
};

struct key {
	const char *name;
	bool list; /* may be given several times */
	int (*set)(struct reader *reader, const struct key *key, const char *value);
	size_t offset;   /* of the field in struct stage_settings */
	int least, most; /* of a whole number */
};

static void *
field_of(const struct reader *reader, const struct key *key)
{
	return (char *)reader->settings + key->offset;
}

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

/* Appends to a list that ends with NULL; takes over text, which may be NULL for want of memory. */
static int
append(struct reader *reader, const struct key *key, char *text)
{
	char ***list = field_of(reader, key), **longer;
	size_t count = 0;

	if (!text)
		return fail_memory(reader);
	while ((*list)[count])
		count++;
	longer = realloc(*list, (count + 2) * sizeof(**list));
	if (!longer) {
		free(text);
		return fail_memory(reader);
	}
	longer[count] = text;
	longer[count + 1] = NULL;
	*list = longer;
	return 0;
}

static void
clear(char **list)
{
	char **entry;

	for (entry = list; entry && *entry; entry++) {
		free(*entry);
		*entry = NULL;
	}
}

static int
set_temp_root(struct reader *reader, const struct key *key, const char *value)
{
	char why[256];
	char *path = NULL;
	int code;

	code = stage_expand(value, &path, why, sizeof(why));
	if (code == STAGE_E_MEMORY)
		return fail_memory(reader);
	if (code < 0)
		return fail(reader, "%s", why);
	if (path[0] != '/') {
		free(path);
		return fail(reader,
			"a temp_root must be an absolute path, or start with ~ or a variable that is one");
	}
	return append(reader, key, path);
}

static int
set_target(struct reader *reader, const struct key *key, const char *value)
{
	/* the prefix always works: the value says that nothing else is asked for */
	if (strcmp(value, "stage+") == 0)
		return 0;
	if (strncmp(value, "stage+", strlen("stage+")) == 0)
		return fail(reader,
			"a target is \"stage+\" alone, or a pattern of URLs without that prefix, such as sftp://* or *");
	if (strcmp(value, "*") != 0 && !strstr(value, "://"))
		return fail(reader,
			"a target must be \"stage+\", \"*\", or a pattern that holds \"://\", such as sftp://* or file:///srv/backup/*");
	return append(reader, key, strdup(value));
}

static int
set_size(struct reader *reader, const struct key *key, const char *value)
{
	static const char units[] = "KMGT";
	uint64_t *size = field_of(reader, key);
	unsigned long long number;
	unsigned int shift = 0;
	const char *unit;
	char *end;

	errno = 0;
	number = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || errno)
		goto bad;
	if (*end) {
		unit = strchr(units, *end >= 'a' ? *end - 'a' + 'A' : *end);
		if (!unit || end[1])
			goto bad;
		shift = 10 * (unsigned int)(unit - units + 1);
	}
	if (number > UINT64_MAX >> shift)
		goto bad;
	*size = (uint64_t)number << shift;
	return 0;

bad:
	return fail(reader,
		"not a size; allowed is a whole number of bytes, or one with K, M, G or T (powers of 1024) behind it, such as 500M, below 16777216T");
}

static int
set_number(struct reader *reader, const struct key *key, const char *value)
{
	int *number = field_of(reader, key);
	size_t digits = strspn(value, "0123456789");
	unsigned long parsed;

	/* what does not fit is ULONG_MAX, and so more than any limit */
	parsed = strtoul(value, NULL, 10);
	if (digits == 0 || value[digits] || parsed < (unsigned long)key->least ||
		parsed > (unsigned long)key->most)
		return fail(reader, "not a number that is allowed: whole ones from %d to %d",
			key->least, key->most);
	*number = (int)parsed;
	return 0;
}

static int
set_boolean(struct reader *reader, const struct key *key, const char *value)
{
	bool *boolean = field_of(reader, key);

	if (!strcasecmp(value, "yes") || !strcasecmp(value, "true"))
		*boolean = true;
	else if (!strcasecmp(value, "no") || !strcasecmp(value, "false"))
		*boolean = false;
	else
		return fail(reader, "not a boolean; allowed are yes, no, true and false");
	return 0;
}

#define FIELD(name) offsetof(struct stage_settings, name)
static const struct key keys[] = {
	{"temp_root", true, set_temp_root, FIELD(temp_roots), 0, 0},
	{"min_free", false, set_size, FIELD(min_free), 0, 0},
	{"avoid_tmpfs", false, set_boolean, FIELD(avoid_tmpfs), 0, 0},
	{"targets", true, set_target, FIELD(targets), 0, 0},
	{"stage_ahead", false, set_boolean, FIELD(stage_ahead), 0, 0},
	{"max_volumes", false, set_number, FIELD(max_volumes), 1, 1000},
	{"max_staged", false, set_size, FIELD(max_staged), 0, 0},
	{"retries", false, set_number, FIELD(retries), 1, 1000},
	{"backoff", false, set_number, FIELD(backoff), 0, 24 * 60 * 60},
	{"durable", false, set_boolean, FIELD(durable), 0, 0},
	{"gzip_level", false, set_number, FIELD(gzip_level), 1, STAGE_GZIP_LEVEL_MAX},
	{"gzip_threads", false, set_number, FIELD(gzip_threads), 0, STAGE_GZIP_THREADS_MAX},
};
#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))
_Static_assert(KEY_COUNT <= KEYS_MAX, "struct reader has room for every key");

static int
fail_unknown(struct reader *reader)
{
	char known[512] = "";
	size_t i;

	for (i = 0; i < KEY_COUNT; i++)
		stage_text_append(known, sizeof(known), "%s%s", i ? ", " : "", keys[i].name);
	return fail(reader, "unknown key; known are %s", known);
}

/* inih's handler: 0 is an error there */
static int
handle(void *user, const char *section, const char *name, const char *value)
{
	struct reader *reader = user;
	size_t i;

	if (reader->code < 0)
		return 0;
	if (*section)
		return fail(reader, "there are no [sections]; write the key alone") == 0;
	for (i = 0; i < KEY_COUNT && strcmp(keys[i].name, name) != 0; i++)
		;
	if (i == KEY_COUNT)
		return fail_unknown(reader) == 0;
	if (!*value)
		return fail(reader, "the value is missing") == 0;
	if (reader->seen[i] && !keys[i].list)
		return fail(reader, "%s was given already in this file", name) == 0;
	/* the list of an earlier file gives way to the one of this file */
	if (keys[i].list && !reader->seen[i])
		clear(*(char ***)field_of(reader, &keys[i]));
	reader->seen[i] = true;
	return keys[i].set(reader, &keys[i], value) == 0;
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

/* Nobody but root and the user may say where backups are staged. */
static int
check_writers(const char *path, const struct stat *stat, struct stage_error *error)
{
	if (!S_ISREG(stat->st_mode))
		return stage_error_set(error, STAGE_E_SETTING, 0,
			"%s: not a regular file, which a configuration file must be", path);
	if (stat->st_uid != 0 && stat->st_uid != geteuid())
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

/* Reads a file over what settings holds. */
static int
load_over(struct stage_settings *settings, const char *path, struct stage_error *error)
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

static struct stage_settings *
new_settings(void)
{
	struct stage_settings *settings = calloc(1, sizeof(*settings));
	const char *tmpdir = getenv("TMPDIR");

	if (!settings)
		return NULL;
	if (tmpdir && *tmpdir)
		settings->tmpdir = strdup(tmpdir);
	settings->temp_roots = calloc(1, sizeof(char *));
	settings->targets = calloc(1, sizeof(char *));
	if (!settings->temp_roots || !settings->targets || (tmpdir && *tmpdir && !settings->tmpdir))
		stage_settings_free(&settings);
	else {
		settings->min_free = 1024 * 1024;
		settings->avoid_tmpfs = true;
		settings->stage_ahead = true;
		settings->max_volumes = 4;
		settings->backoff = -1;
		settings->durable = true;
		settings->gzip_level = 6;
	}
	return settings;
}

/*
 * A file that is there, or of which that cannot be told for any other reason than that this user
 * may not look there: then it is not his (HOME may be that of another, under sudo and setpriv).
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
		code = load_over(settings, SYSTEM_FILE, error);
	if (code < 0)
		return code;
	path = user_file();
	if (!path)
		return errno ? stage_error_set(error, STAGE_E_MEMORY, 0,
				       "no memory for the name of the configuration file")
			     : 0;
	if (exists(path))
		code = load_over(settings, path, error);
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
	code = path ? load_over(settings, path, error) : load_both(settings, error);
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
	clear((*settings)->temp_roots);
	clear((*settings)->targets);
	free((*settings)->tmpdir);
	free((*settings)->temp_roots);
	free((*settings)->targets);
	free(*settings);
	*settings = NULL;
	errno = saved_errno;
}
