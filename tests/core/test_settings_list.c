/* settings.def: all that is made of it agrees. BUILDDIR is where the example and the man page were made. */
#include "tests.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gzip.h"
#include "settings.h"

/* An entry, as the two files should show it. */
struct entry {
	const char *name;
	const char *shown;   /* type, range and default */
	const char *example; /* a value */
	const char *value;   /* the default, NULL for none */
	const char *other;   /* a value that is not the default */
	const char *text;
	int least, most; /* of a number, else 0 */
	size_t offset;
};

static const struct entry list[] = {
#define ENTRY(name, shown, example, value, other, text, least, most)                               \
	{#name, shown, example, value, other, text, least, most,                                   \
		offsetof(struct stage_settings, name)},
#define STAGE_SETTING_DIRECTORIES(name, example, text)                                             \
	ENTRY(name, "list of directories; default: none", example, NULL, "/x", text, 0, 0)
#define STAGE_SETTING_TARGETS(name, value, text)                                                   \
	ENTRY(name, "list of patterns; default: " value, value, value, "*", text, 0, 0)
#define STAGE_SETTING_SIZE(name, value, text)                                                      \
	ENTRY(name, "size in bytes, or with K, M, G or T; default: " value, value, value, "7",     \
		text, 0, 0)
#define STAGE_SETTING_BOOLEAN(name, value, text)                                                   \
	ENTRY(name, "yes or no; default: " value, value, value, value[0] == 'y' ? "no" : "yes",    \
		text, 0, 0)
#define STAGE_SETTING_NUMBER(name, least, most, value, text)                                       \
	ENTRY(name, "whole number, " #least " to " #most "; default: " value, value, value, #most, \
		text, least, most)
#define STAGE_SETTING_OPTIONAL_NUMBER(name, least, most, otherwise, example, text)                 \
	ENTRY(name, "whole number, " #least " to " #most "; default: " otherwise, example, NULL,   \
		#most, text, least, most)
#define STAGE_SETTING_FILE(name, example, text)                                                    \
	ENTRY(name, "path; default: none", example, NULL, "/x", text, 0, 0)
#define STAGE_SETTING_COMMAND(name, example, text)                                                 \
	ENTRY(name, "command for a shell; default: none", example, NULL, "true", text, 0, 0)
#include "settings.def"
};
#define COUNT (sizeof(list) / sizeof(list[0]))

static struct stage_settings *settings, *defaults;

static int
load_text(const char *text, struct stage_settings **ret_settings)
{
	const char *path = in_dir("conf");
	int code;

	stage_settings_free(ret_settings);
	make_file(path, text, 0600);
	code = stage_settings_load_file(path, ret_settings, &failure);
	unlink(path);
	return code;
}

static int
load_value(const struct entry *entry, const char *value)
{
	char line[256];

	snprintf(line, sizeof(line), "%s = %s\n", entry->name, value);
	return load_text(line, &settings);
}

static bool
is_same_list(char *const *list_a, char *const *list_b)
{
	while (*list_a && *list_b && strcmp(*list_a, *list_b) == 0) {
		list_a++;
		list_b++;
	}
	return !*list_a && !*list_b;
}

static bool
is_same_text(const char *text_a, const char *text_b)
{
	return text_a && text_b ? strcmp(text_a, text_b) == 0 : text_a == text_b;
}

/* The number of settings in which the two differ, and in *ret_offset the field of the last. */
static int
differences(const struct stage_settings *a, const struct stage_settings *b, size_t *ret_offset)
{
	int count = 0;

#define COMPARE(name, same)                                                                        \
	if (!(same)) {                                                                             \
		*ret_offset = offsetof(struct stage_settings, name);                               \
		count++;                                                                           \
	}
#define STAGE_SETTING_DIRECTORIES(name, example, text) COMPARE(name, is_same_list(a->name, b->name))
#define STAGE_SETTING_TARGETS(name, value, text) COMPARE(name, is_same_list(a->name, b->name))
#define STAGE_SETTING_SIZE(name, value, text) COMPARE(name, a->name == b->name)
#define STAGE_SETTING_BOOLEAN(name, value, text) COMPARE(name, a->name == b->name)
#define STAGE_SETTING_NUMBER(name, least, most, value, text) COMPARE(name, a->name == b->name)
#define STAGE_SETTING_OPTIONAL_NUMBER(name, least, most, otherwise, example, text)                 \
	COMPARE(name, a->name == b->name)
#define STAGE_SETTING_FILE(name, example, text) COMPARE(name, is_same_text(a->name, b->name))
#define STAGE_SETTING_COMMAND(name, example, text) COMPARE(name, is_same_text(a->name, b->name))
#include "settings.def"
	return count;
}

/* The text of a file that the build has made; the caller frees it. */
static char *
built(const char *name)
{
	const char *path = join(BUILDDIR, name);
	char *text = calloc(1, 65536);
	FILE *file = fopen(path, "re");

	if (!file || !text || fread(text, 1, 65535, file) == 0) {
		fprintf(stderr, "core-tests: cannot read %s, which make makes\n", path);
		free(text);
		text = NULL;
	}
	if (file)
		fclose(file);
	return text;
}

/* Replaces each `old` by `new`, which is not longer. */
static void
replace(char *text, const char *old, const char *new)
{
	char *to = text;

	while (*text) {
		if (strncmp(text, old, strlen(old)) == 0) {
			memcpy(to, new, strlen(new));
			to += strlen(new);
			text += strlen(old);
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

/*
 * The settings are named in the text one by one, each between `before` and `after`, in the order of the
 * list, and nothing else is.
 */
static void
names_all(const char *text, const char *before, const char *after)
{
	size_t count = 0, length;

	for (; (text = strstr(text, before)); text += length) {
		text += strlen(before);
		length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
		if (strncmp(text + length, after, strlen(after)) != 0)
			continue;
		REQUIRE(count < COUNT);
		CHECK(strlen(list[count].name) == length &&
			memcmp(list[count].name, text, length) == 0);
		count++;
	}
	CHECK(count == COUNT);
}

/* A value that was not given is the default of the list; `name = default` changes nothing. */
static void
defaults_are_those_of_the_list(void)
{
	size_t i, offset;

	WORKS(load_text("", &defaults));
	REQUIRE(defaults != NULL);
	for (i = 0; i < COUNT; i++) {
		if (!list[i].value)
			continue;
		WORKS(load_value(&list[i], list[i].value));
		REQUIRE(settings != NULL);
		CHECK(differences(settings, defaults, &offset) == 0);
	}
#define STAGE_SETTING_DIRECTORIES(name, example, text) CHECK(defaults->name[0] == NULL);
#define STAGE_SETTING_TARGETS(name, value, text)
#define STAGE_SETTING_SIZE(name, value, text)
#define STAGE_SETTING_BOOLEAN(name, value, text)
#define STAGE_SETTING_NUMBER(name, least, most, value, text) CHECK(defaults->name == atoi(value));
#define STAGE_SETTING_OPTIONAL_NUMBER(name, least, most, otherwise, example, text)                 \
	CHECK(defaults->name == -1);
#define STAGE_SETTING_FILE(name, example, text) CHECK(defaults->name == NULL);
#define STAGE_SETTING_COMMAND(name, example, text) CHECK(defaults->name == NULL);
#include "settings.def"
	stage_settings_free(&settings);
	stage_settings_free(&defaults);
}

/* The default does not hide that a key does nothing, or that it fills the field of another. */
static void
each_fills_its_own_field(void)
{
	size_t i, offset = 0;

	WORKS(load_text("", &defaults));
	for (i = 0; i < COUNT; i++) {
		WORKS(load_value(&list[i], list[i].other));
		REQUIRE(settings != NULL);
		CHECK(differences(settings, defaults, &offset) == 1);
		CHECK(offset == list[i].offset);
		WORKS(load_value(&list[i], list[i].example));
	}
	stage_settings_free(&settings);
	stage_settings_free(&defaults);
}

static void
refused_number(const struct entry *entry, int number)
{
	char value[32], words[128];

	snprintf(value, sizeof(value), "%d", number);
	FAILS(load_value(entry, value), STAGE_E_SETTING);
	snprintf(words, sizeof(words), "conf:1: \"%s = %d\": not a number", entry->name, number);
	HAS(failure.message, words);
	snprintf(words, sizeof(words), "whole ones from %d to %d", entry->least, entry->most);
	HAS(failure.message, words);
}

static void
ranges_are_those_of_the_list(void)
{
	char value[32];
	size_t i;

	for (i = 0; i < COUNT; i++) {
		if (!list[i].most)
			continue;
		snprintf(value, sizeof(value), "%d", list[i].least);
		WORKS(load_value(&list[i], value));
		snprintf(value, sizeof(value), "%d", list[i].most);
		WORKS(load_value(&list[i], value));
		refused_number(&list[i], list[i].least - 1);
		refused_number(&list[i], list[i].most + 1);
		/* what is handed on to the compressor is what it takes */
		if (strcmp(list[i].name, "gzip_level") == 0)
			CHECK(list[i].most == STAGE_GZIP_LEVEL_MAX);
		if (strcmp(list[i].name, "gzip_threads") == 0)
			CHECK(list[i].most == STAGE_GZIP_THREADS_MAX);
	}
	stage_settings_free(&settings);
}

static void
example_shows_the_list(void)
{
	char *text = built("core/stagedir.conf"), part[2048];
	size_t i;

	REQUIRE(text != NULL);
	names_all(text, "\n#", " = ");
	/* the comments as one line */
	replace(text, "\n# ", " ");
	for (i = 0; i < COUNT; i++) {
		snprintf(part, sizeof(part), "\n %s %c%s.\n#%s = %s\n", list[i].text,
			toupper(list[i].shown[0]), list[i].shown + 1, list[i].name,
			list[i].example);
		HAS(text, part);
	}
	free(text);
}

/* Uncommented, the keys that have a default change nothing. */
static void
example_is_a_file_of_defaults(void)
{
	char *text = built("core/stagedir.conf"), line[256], bare[256];
	size_t i, offset;

	REQUIRE(text != NULL);
	for (i = 0; i < COUNT; i++) {
		snprintf(line, sizeof(line), "\n#%s = ", list[i].name);
		snprintf(bare, sizeof(bare), "\n%s = ", list[i].name);
		if (list[i].value)
			replace(text, line, bare);
	}
	WORKS(load_text("", &defaults));
	WORKS(load_text(text, &settings));
	REQUIRE(settings != NULL && defaults != NULL);
	CHECK(differences(settings, defaults, &offset) == 0);
	free(text);
	stage_settings_free(&settings);
	stage_settings_free(&defaults);
}

static void
man_page_shows_the_list(void)
{
	char *text = built("core/stagedir.conf.5"), part[2048];
	size_t i;

	REQUIRE(text != NULL);
	names_all(text, "\n.TP\n.BR ", " \"");
	replace(text, "\\%", "");
	replace(text, "\\-", "-");
	replace(text, "\n", " ");
	for (i = 0; i < COUNT; i++) {
		snprintf(part, sizeof(part), " .TP .BR %s \" (%s)\" %s .", list[i].name,
			list[i].shown, list[i].text);
		HAS(text, part);
	}
	free(text);
}

static const struct test tests[] = {
	{"defaults_are_those_of_the_list", defaults_are_those_of_the_list},
	{"each_fills_its_own_field", each_fills_its_own_field},
	{"ranges_are_those_of_the_list", ranges_are_those_of_the_list},
	{"example_shows_the_list", example_shows_the_list},
	{"example_is_a_file_of_defaults", example_is_a_file_of_defaults},
	{"man_page_shows_the_list", man_page_shows_the_list},
	{NULL, NULL},
};

const struct suite suite_settings_list = {"settings_list", tests};
