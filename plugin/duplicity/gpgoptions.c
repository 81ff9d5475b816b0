/*
 * gpg splits its words so: --NAME, --NAME=VALUE, --NAME VALUE; -A, -AB for -A -B, -AVALUE, -A VALUE. It ends at
 * "--" and at the first word that is neither option nor value. A line of a file is a name without dashes, then the
 * value, up to the end. Dashes, abbreviations and "=" are mistakes in a file. Here they are understood.
 *
 * What is known of a folder or a file is used up at once; only --homedir is kept until all words were seen.
 */
#include "duplicity/gpgoptions.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "duplicity/gpgconf.h"
#include "duplicity/gpgtable.h"
#include "path.h"
#include "text.h"

#define SPACES " \t\n\v\f\r"

struct look {
	const char *next; /* of the words */
	struct gpgoptions *found;
	unsigned int against; /* flags that speak against it */
	char *homedir;        /* of --homedir, or NULL */
	bool has_own_file;    /* --options or --no-options: gpg.conf of the user is not read */
	bool may_be_value; /* this word may be the value of the option before it, and the next one: */
	bool next_may_be_value;
	struct stage_error
		*error; /* not the caller's: some errors speak against it, and are none */
};

struct word {
	const char *start;
	size_t length;
};

static void against(struct gpgoptions *found, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The first is kept. */
static void
against(struct gpgoptions *found, const char *format, ...)
{
	char raw[STAGE_ERROR_MESSAGE_MAX];
	va_list arguments;

	if (*found->against)
		return;
	va_start(arguments, format);
	stage_text_format(raw, sizeof(raw), format, arguments);
	va_end(arguments);
	stage_error_printable(found->against, sizeof(found->against), raw);
}

/* The bytes of the white space at text, by Python's str.isspace(); 0 if there is none. */
static size_t
space(const char *text)
{
	static const char *const wide[] = {"\u00a0", "\u1680", "\u2000", "\u2001", "\u2002",
		"\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a",
		"\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\xc2\x85"};
	size_t i;

	if (!*text)
		return 0;
	if (strchr(SPACES "\x1c\x1d\x1e\x1f", *text))
		return 1;
	for (i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (strncmp(text, wide[i], strlen(wide[i])) == 0)
			return strlen(wide[i]);
	return 0;
}

/* The next word, of length 0 if there is none. */
static struct word
peek(struct look *look)
{
	struct word word;
	size_t length;

	while ((length = space(look->next)) != 0)
		look->next += length;
	word = (struct word){.start = look->next};
	while (word.start[word.length] && !space(word.start + word.length))
		word.length++;
	return word;
}

static void
pass(struct look *look, struct word word)
{
	look->next = word.start + word.length;
}

/* How many words a group has behind its name. */
static size_t
members(const char *value, size_t length)
{
	const char *next = memchr(value, '=', length), *end = value + length;
	size_t count = 0;

	while (next && next < end) {
		next++;
		if (next < end && !strchr(SPACES, *next) && strchr(SPACES "=", next[-1]))
			count++;
	}
	return count;
}

/* What options and lines have in common. */
static void
use(struct gpgoptions *found, const struct gpgtable_option *option, struct word value)
{
	if (option->flags & GPGTABLE_KEY)
		found->recipients++;
	if (option->flags & GPGTABLE_GROUP)
		found->recipients += members(value.start, value.length);
}

static void
look_at_line(const struct look *look, const char *path, size_t number, struct word line)
{
	struct gpgoptions *found = look->found;
	const char *end = line.start + line.length;
	struct gpgtable_option option;
	struct word name = line;

	while (name.start < end && strchr(SPACES, *name.start))
		name.start++;
	if (name.start == end || *name.start == '#' || *name.start == '[')
		return;
	while (end - name.start > 1 && *name.start == '-')
		name.start++;
	for (name.length = 0; name.start + name.length < end; name.length++)
		if (strchr(SPACES "=", name.start[name.length]))
			break;
	gpgtable_long(name.start, name.length, &option);
	if (option.flags & look->against)
		against(found, "%s, line %zu, has %s", path, number, option.name);
	name.start += name.length;
	use(found, &option,
		(struct word){.start = name.start, .length = (size_t)(end - name.start)});
}

static void
look_at_text(const struct look *look, const char *path, const char *text)
{
	struct word line = {.start = text};
	size_t number = 0;

	/* a byte order mark */
	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		line.start += 3;
	while (*line.start) {
		line.length = strcspn(line.start, "\n");
		look_at_line(look, path, ++number, line);
		line.start += line.length + (line.start[line.length] != '\0');
	}
}

/* What comes of reading a file: its text, or that it cannot be one of gpg. */
static int
look_at_file(struct look *look, int code, const char *path, const char *text)
{
	if (code == STAGE_E_DAMAGED) {
		against(look->found, "%s", look->error->message);
		return 0;
	}
	if (code == 0 && text)
		look_at_text(look, path, text);
	return code;
}

/* The file of --options. gpg fails where it is missing. */
static int
own_file(struct look *look, struct word value)
{
	char *path = strndup(value.start, value.length), *text = NULL;
	int code;

	look->has_own_file = true;
	if (!path)
		return stage_error_set(
			look->error, STAGE_E_MEMORY, 0, "no memory for the options of gpg");
	code = gpgconf_read(path, &text, look->error);
	code = look_at_file(look, code, path, text);
	if (code == 0 && !text)
		against(look->found, "--gpg-options has options, and %s is missing", path);
	free(path);
	free(text);
	return code;
}

static int
own_homedir(struct look *look, struct word value)
{
	free(look->homedir);
	look->homedir = strndup(value.start, value.length);
	return look->homedir ? 0
			     : stage_error_set(look->error, STAGE_E_MEMORY, 0,
				       "no memory for the options of gpg");
}

/*
 * An option of the words. value is what is glued to it; start NULL: nothing. Takes the next word where that is
 * the value.
 */
static int
look_at_option(struct look *look, const struct gpgtable_option *option, struct word value)
{
	bool is_glued = value.start != NULL;
	int code = 0;

	if (option->flags & look->against)
		against(look->found, "--gpg-options has %s", option->name);
	if (!is_glued && option->flags & (GPGTABLE_VALUE | GPGTABLE_PERHAPS)) {
		value = peek(look);
		if (option->flags & GPGTABLE_VALUE || *value.start != '-')
			pass(look, value);
		else
			look->next_may_be_value = true;
		/* then the word behind this one is an option */
		if (option->flags & GPGTABLE_VALUE && look->may_be_value)
			against(look->found, "--gpg-options has %s, or that is a value",
				option->name);
	}
	/* a word of duplicity's would be the value */
	if (!value.length && option->name && option->flags & (GPGTABLE_VALUE | GPGTABLE_PERHAPS))
		against(look->found, "--gpg-options has %s without its value", option->name);
	if (!value.length)
		value.start = "";
	use(look->found, option, value);
	if (option->flags & GPGTABLE_NO_FILE)
		look->has_own_file = true;
	if (!*look->found->against && option->flags & GPGTABLE_FILE)
		code = own_file(look, value);
	if (!*look->found->against && option->flags & GPGTABLE_HOMEDIR)
		code = own_homedir(look, value);
	return code;
}

static int
look_at_long(struct look *look, struct word word)
{
	const char *equals = memchr(word.start, '=', word.length);
	struct gpgtable_option option;
	struct word value = {0};

	if (equals) {
		value.start = equals + 1;
		value.length = (size_t)(word.start + word.length - value.start);
		word.length = (size_t)(equals - word.start);
	}
	gpgtable_long(word.start, word.length, &option);
	return look_at_option(look, &option, value);
}

/* What follows a letter that is not known may be letters, or its value. */
static int
look_at_letters(struct look *look, struct word word)
{
	struct gpgtable_option option;
	int code = 0;

	while (code == 0 && word.length) {
		gpgtable_short(*word.start, &option);
		word.start++;
		word.length--;
		if (option.flags & GPGTABLE_VALUE && word.length)
			return look_at_option(look, &option, word);
		if (option.flags & GPGTABLE_PERHAPS && word.length)
			continue;
		code = look_at_option(look, &option, (struct word){0});
	}
	return code;
}

static int
look_at_words(struct look *look)
{
	struct word word;
	int code = 0;

	while (code == 0 && !*look->found->against && (word = peek(look)).length) {
		pass(look, word);
		look->may_be_value = look->next_may_be_value;
		look->next_may_be_value = false;
		if (word.length == 1 || *word.start != '-') {
			against(look->found, "--gpg-options has a word that is no option of gpg");
		} else if (word.start[1] != '-') {
			word.start++;
			word.length--;
			code = look_at_letters(look, word);
		} else if (word.length == 2) {
			against(look->found, "--gpg-options has --, which ends the options of gpg");
		} else {
			word.start += 2;
			word.length -= 2;
			code = look_at_long(look, word);
		}
	}
	return code;
}

/* The file of all users. */
static int
look_at_system(struct look *look, const struct gpgoptions_gpg *gpg)
{
	char *path, *text = NULL;
	int code;

	if (gpg->version[0] < 2 || (gpg->version[0] == 2 && gpg->version[1] < 2))
		return 0;
	path = stage_path_join(gpg->sysconfdir ? gpg->sysconfdir : "/etc/gnupg", "gpg.conf");
	if (!path)
		return stage_error_set(
			look->error, STAGE_E_MEMORY, 0, "no memory for the path of gpg.conf");
	code = gpgconf_read(path, &text, look->error);
	code = look_at_file(look, code, path, text);
	free(path);
	free(text);
	return code;
}

static int
look_at_home(struct look *look, const struct gpgoptions_gpg *gpg)
{
	char *homedir = NULL, *path = NULL, *text = NULL;
	int code;

	if (look->has_own_file)
		return 0;
	code = gpgconf_homedir(look->homedir, &homedir, look->error);
	if (code < 0)
		return code;
	code = gpgconf_find(homedir, gpg->version, &path, &text, look->error);
	code = look_at_file(look, code, path, text);
	free(homedir);
	free(path);
	free(text);
	return code;
}

int
gpgoptions_look(const char *options, const struct gpgoptions_gpg *gpg, struct gpgoptions *ret_found,
	struct stage_error *error)
{
	struct gpgoptions found = {0};
	struct stage_error failed;
	struct look look = {.next = options ? options : "", .found = &found, .error = &failed};
	int code;

	look.against = GPGTABLE_AGAINST | (gpg->signs ? GPGTABLE_SIGNING : 0);

	code = look_at_words(&look);
	if (code == 0 && !*found.against)
		code = look_at_system(&look, gpg);
	if (code == 0 && !*found.against)
		code = look_at_home(&look, gpg);
	free(look.homedir);
	if (code == 0)
		*ret_found = found;
	else if (error)
		*error = failed;
	return code;
}
