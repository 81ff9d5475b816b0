/*
 * settings - stagedir.conf, read into one struct of checked values
 *
 * Files, the later wins key by key: SYSCONFDIR/stagedir.conf (/etc/stagedir.conf as packaged), then
 * $XDG_CONFIG_HOME/stagedir/stagedir.conf ($HOME/.config where that is unset). Either may be
 * missing. STAGEDIR_CONFIG in the environment names one file that is read instead of both and must
 * be there.
 *
 * A file must belong to somebody who is relied upon where it is (root, the user; owner.h), and nobody else may
 * be able to write it. The second of the two files is left out if it belongs to somebody else: sudo -E, su and
 * setpriv leave XDG_CONFIG_HOME or HOME what another user has there. The struct says so in left_out.
 *
 * A file is lines of `key = value`, read by inih. A line that starts with `#` or `;` is a comment. There
 * are no sections, no continued lines and no comments behind a value. A key that holds a list is given
 * once for each value, the first rank first. It replaces the list of the file before. The keys are the
 * settings of settings.def.
 *
 * Nothing is guessed. An unknown key, a value that is not allowed, a key given twice, a file that others may
 * write, or that is not the user's: each is an error, which names file, line, text and what is allowed. Sizes
 * are bytes, or a number with K, M, G or T (powers of 1024).
 *
 *	struct stage_settings *settings;
 *	struct stage_error error;
 *
 *	if (stage_settings_load(&settings, &error) < 0)
 *		...
 *	stage_settings_free(&settings);
 *
 * A struct is never changed after it was loaded: any number of threads may read it. Loading reads
 * the environment, which no other thread may change meanwhile.
 */
#ifndef STAGEDIR_SETTINGS_H
#define STAGEDIR_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

#pragma GCC visibility push(default)

/*
 * The environment variables that name a temp root: TMPDIR, TEMP and TMP. Their order is that of Python's
 * tempfile module, by which the host chooses (duplicity(1), ENVIRONMENT VARIABLES).
 */
#define STAGE_SETTINGS_VARIABLES 3

/*
 * A field for each setting, by its name; settings.def says what each of them is for.
 *
 * Directories are absolute, with `~` and `$VAR` expanded. Targets are patterns of URLs for fnmatch(3),
 * where `*` matches `/` too; the value `stage+` adds none. Both lists end with NULL. Sizes are bytes. A
 * number is in its range, or, if it is optional and no file gives it, -1. A file is absolute, as directories are; a
 * command is as it was written; both are NULL where no file gives them.
 */
struct stage_settings {
#define STAGE_SETTING_DIRECTORIES(name, example, text) char **name;
#define STAGE_SETTING_TARGETS(name, value, text) char **name;
#define STAGE_SETTING_SIZE(name, value, text) uint64_t name;
#define STAGE_SETTING_BOOLEAN(name, value, text) bool name;
#define STAGE_SETTING_NUMBER(name, least, most, value, text) int name;
#define STAGE_SETTING_OPTIONAL_NUMBER(name, least, most, otherwise, example, text) int name;
#define STAGE_SETTING_FILE(name, example, text) char *name;
#define STAGE_SETTING_COMMAND(name, example, text) char *name;
#include "settings.def"

	/*
	 * No keys: the values of these variables, the first one first, as they were when the settings were
	 * read; NULL where one is unset or empty.
	 */
	char *variables[STAGE_SETTINGS_VARIABLES];

	/*
	 * Nor this: why the user's own file was left out, as a message (error.h), for the caller to tell; NULL
	 * where it was read, or is not there.
	 */
	char *left_out;
};

/*
 * Reads the files named above. Returns 0 and a struct that the caller frees; STAGE_E_SETTING, with the
 * errno if a file cannot be read that exists or must exist; STAGE_E_MEMORY.
 */
int stage_settings_load(struct stage_settings **ret_settings, struct stage_error *error);

/* The same from one named file, which must be there. */
int stage_settings_load_file(
	const char *path, struct stage_settings **ret_settings, struct stage_error *error);

/*
 * Is this URL, which has no stage+ prefix, to be staged? It is if a pattern matches the URL as given, or
 * its target form (url.h). So nobody has to write a password into a pattern.
 */
bool stage_settings_take_over(const struct stage_settings *settings, const char *url);

/* Frees *settings and sets it to NULL; NULL in it is no error. Keeps errno. */
void stage_settings_free(struct stage_settings **settings);

#pragma GCC visibility pop

#endif
