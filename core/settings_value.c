/*
 * A setter for each type of settings.def checks a value and fills the field; the table of all settings
 * is below the setters.
 */
#include "settings_value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "expand.h"
#include "text.h"

/* Where the sentence goes that says what is wrong with a value. */
struct sentence {
	char *text;
	size_t size;
};

struct setting {
	const char *name;
	int (*set)(struct stage_settings *settings, const struct setting *setting,
		const char *value, struct sentence *sentence);
	size_t offset;             /* of the field in struct stage_settings */
	int least, most;           /* of a number */
	const char *default_value; /* as a file would say it, NULL for none */
};

static void *
field_of(struct stage_settings *settings, const struct setting *setting)
{
	return (char *)settings + setting->offset;
}

static int __attribute__((format(printf, 2, 3)))
refuse(struct sentence *sentence, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	stage_text_format(sentence->text, sentence->size, format, arguments);
	va_end(arguments);
	return STAGE_E_SETTING;
}

/* Appends to a list that ends with NULL; takes over text, which may be NULL for want of memory. */
static int
append(char ***list, char *text)
{
	char **longer;
	size_t count = 0;

	if (!text)
		return STAGE_E_MEMORY;
	while ((*list)[count])
		count++;
	longer = realloc(*list, (count + 2) * sizeof(**list));
	if (!longer) {
		free(text);
		return STAGE_E_MEMORY;
	}
	longer[count] = text;
	longer[count + 1] = NULL;
	*list = longer;
	return 0;
}

/* The absolute path that a value means, which the caller frees. */
static int
expand(const struct setting *setting, const char *value, char **ret_path, struct sentence *sentence)
{
	char *path = NULL;
	int code;

	code = stage_expand(value, &path, sentence->text, sentence->size);
	if (code == 0 && path[0] != '/') {
		free(path);
		return refuse(sentence,
			"%s must be an absolute path, or start with ~ or a variable that is one",
			setting->name);
	}
	if (code == 0)
		*ret_path = path;
	return code;
}

static int
set_directory(struct stage_settings *settings, const struct setting *setting, const char *value,
	struct sentence *sentence)
{
	char *path = NULL;
	int code;

	code = expand(setting, value, &path, sentence);
	return code < 0 ? code : append(field_of(settings, setting), path);
}

/* Takes over text, which may be NULL for want of memory. */
static int
replace(char **field, char *text)
{
	free(*field);
	*field = text;
	return text ? 0 : STAGE_E_MEMORY;
}

static int
set_file(struct stage_settings *settings, const struct setting *setting, const char *value,
	struct sentence *sentence)
{
	char *path = NULL;
	int code;

	code = expand(setting, value, &path, sentence);
	return code < 0 ? code : replace(field_of(settings, setting), path);
}

static int
set_command(struct stage_settings *settings, const struct setting *setting, const char *value,
	struct sentence *sentence)
{
	(void)sentence;
	return replace(field_of(settings, setting), strdup(value));
}

static int
set_target(struct stage_settings *settings, const struct setting *setting, const char *value,
	struct sentence *sentence)
{
	/* the prefix always works: the value says that nothing else is asked for */
	if (strcmp(value, "stage+") == 0)
		return 0;
	if (strncmp(value, "stage+", strlen("stage+")) == 0)
		return refuse(sentence,
			"a target is \"stage+\" alone, or a pattern of URLs without that prefix, such as sftp://* or *");
	if (strcmp(value, "*") != 0 && !strstr(value, "://"))
		return refuse(sentence,
			"a target must be \"stage+\", \"*\", or a pattern that holds \"://\", such as sftp://* or file:///srv/backup/*");
	return append(field_of(settings, setting), strdup(value));
}

static int
set_size(struct stage_settings *settings, const struct setting *setting, const char *value,
	struct sentence *sentence)
{
	static const char units[] = "KMGT";
	uint64_t *size = field_of(settings, setting);
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
	return refuse(sentence,
		"not a size; allowed is a whole number of bytes, or one with K, M, G or T (powers of 1024) behind it, such as 500M, below 16777216T");
}

static int
set_number(struct stage_settings *settings, const struct setting *setting, const char *value,
	struct sentence *sentence)
{
	size_t digits = strspn(value, "0123456789");
	int *number = field_of(settings, setting);
	unsigned long parsed;

	/* what does not fit is ULONG_MAX, and so more than any limit */
	parsed = strtoul(value, NULL, 10);
	if (digits == 0 || value[digits] || parsed < (unsigned long)setting->least ||
		parsed > (unsigned long)setting->most)
		return refuse(sentence, "not a number that is allowed: whole ones from %d to %d",
			setting->least, setting->most);
	*number = (int)parsed;
	return 0;
}

static int
set_boolean(struct stage_settings *settings, const struct setting *setting, const char *value,
	struct sentence *sentence)
{
	bool *boolean = field_of(settings, setting);

	if (!strcasecmp(value, "yes") || !strcasecmp(value, "true"))
		*boolean = true;
	else if (!strcasecmp(value, "no") || !strcasecmp(value, "false"))
		*boolean = false;
	else
		return refuse(sentence, "not a boolean; allowed are yes, no, true and false");
	return 0;
}

static const struct setting table[] = {
#define ENTRY(name, set, least, most, value)                                                       \
	{#name, set, offsetof(struct stage_settings, name), least, most, value},
#define STAGE_SETTING_DIRECTORIES(name, example, text) ENTRY(name, set_directory, 0, 0, NULL)
#define STAGE_SETTING_TARGETS(name, value, text) ENTRY(name, set_target, 0, 0, value)
#define STAGE_SETTING_SIZE(name, value, text) ENTRY(name, set_size, 0, 0, value)
#define STAGE_SETTING_BOOLEAN(name, value, text) ENTRY(name, set_boolean, 0, 0, value)
#define STAGE_SETTING_NUMBER(name, least, most, value, text)                                       \
	ENTRY(name, set_number, least, most, value)
#define STAGE_SETTING_OPTIONAL_NUMBER(name, least, most, otherwise, example, text)                 \
	ENTRY(name, set_number, least, most, NULL)
#define STAGE_SETTING_FILE(name, example, text) ENTRY(name, set_file, 0, 0, NULL)
#define STAGE_SETTING_COMMAND(name, example, text) ENTRY(name, set_command, 0, 0, NULL)
#include "settings.def"
};
#define COUNT ((int)(sizeof(table) / sizeof(table[0])))
_Static_assert(sizeof(table) / sizeof(table[0]) <= STAGE_SETTINGS_MAX, "callers have room for all");

int
stage_settings_value_find(const char *name)
{
	int setting;

	for (setting = 0; setting < COUNT; setting++)
		if (strcmp(table[setting].name, name) == 0)
			return setting;
	return -1;
}

void
stage_settings_value_names(char *buffer, size_t size)
{
	int setting;

	buffer[0] = '\0';
	for (setting = 0; setting < COUNT; setting++)
		stage_text_append(buffer, size, "%s%s", setting ? ", " : "", table[setting].name);
}

bool
stage_settings_value_is_list(int setting)
{
	return table[setting].set == set_directory || table[setting].set == set_target;
}

int
stage_settings_value_set(
	struct stage_settings *settings, int setting, const char *value, char *why, size_t size)
{
	struct sentence sentence = {why, size};

	return table[setting].set(settings, &table[setting], value, &sentence);
}

void
stage_settings_value_clear(struct stage_settings *settings, int setting)
{
	char ***list = field_of(settings, &table[setting]), **entry;

	if (!stage_settings_value_is_list(setting))
		return;
	for (entry = *list; entry && *entry; entry++) {
		free(*entry);
		*entry = NULL;
	}
}

/* An empty list, or the mark of an optional number that was not given; then the default. */
static int
set_default(struct stage_settings *settings, int setting)
{
	const char *value = table[setting].default_value;
	void *field = field_of(settings, &table[setting]);
	char why[256];

	if (stage_settings_value_is_list(setting)) {
		*(char ***)field = calloc(1, sizeof(char *));
		if (!*(char ***)field)
			return STAGE_E_MEMORY;
	} else if (table[setting].set == set_number) {
		*(int *)field = -1;
	}
	return value ? stage_settings_value_set(settings, setting, value, why, sizeof(why)) : 0;
}

int
stage_settings_value_defaults(struct stage_settings *settings)
{
	int setting, code = 0;

	for (setting = 0; code == 0 && setting < COUNT; setting++)
		code = set_default(settings, setting);
	return code;
}

void
stage_settings_value_release(struct stage_settings *settings)
{
	int setting;

	for (setting = 0; setting < COUNT; setting++) {
		stage_settings_value_clear(settings, setting);
		if (stage_settings_value_is_list(setting))
			free(*(char ***)field_of(settings, &table[setting]));
		else if (table[setting].set == set_file || table[setting].set == set_command)
			free(*(char **)field_of(settings, &table[setting]));
	}
}
