/*
 * settings - stagedir.conf, read into one struct in which every value was checked
 *
 * Files, the later wins key by key: SYSCONFDIR/stagedir.conf (/etc/stagedir.conf as packaged), then
 * $XDG_CONFIG_HOME/stagedir/stagedir.conf ($HOME/.config where that is unset). Either may be
 * missing. STAGEDIR_CONFIG in the environment names one file that is read instead of both and must
 * be there.
 *
 * A file is lines of `key = value`, read by inih; a line that starts with `#` or `;` is a comment.
 * There are no sections, no continued lines and no comments behind a value. A key that holds a list
 * is given once a value, the first rank first, and replaces the list of the file before it. The
 * keys are the fields of struct stage_settings.
 *
 * Nothing is guessed: an unknown key, a value that is not allowed, a key given twice, or a file
 * that somebody other than root and the user may write is an error that names file, line, text and
 * what is allowed. Sizes are bytes, or a number with K, M, G or T (powers of 1024).
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

struct stage_settings {
	/* temp_root: directories in which to stage, ranked; absolute, `~` and `$VAR` expanded. Ends
	 * with NULL; empty unless a file says otherwise. */
	char **temp_roots;

	/* $TMPDIR as it was when the settings were read, NULL where it is unset or empty; no key. */
	char *tmpdir;

	/* min_free: bytes that must be free in a root. Default 1 MiB. */
	uint64_t min_free;

	/* avoid_tmpfs: use a root that is memory only where there is no other. Default true. */
	bool avoid_tmpfs;

	/* targets: patterns (fnmatch(3), `*` matches `/` too) of URLs that are staged without the
	 * prefix. Ends with NULL. The value `stage+`, the default, is an empty list. */
	char **targets;

	/* stage_ahead: make the next volumes while earlier ones are handed off; otherwise each is
	 * put as the host would. Default true. */
	bool stage_ahead;

	/* max_volumes: finished volumes that may wait, with the one that is being handed off; with
	 * 1 nothing is made while one is handed off. 1 to 1000, default 4. */
	int max_volumes;

	/* max_staged: bytes that all runs of this user may hold staged in one root, with the volume
	 * that is being made. Default 0: no limit but the free space. */
	uint64_t max_staged;

	/* retries: attempts to hand off a file before it is given up. 1 to 1000; 0, the default,
	 * is as the host says. */
	int retries;

	/* backoff: seconds before the second attempt; each further delay is twice the one before,
	 * up to 16 times the first, and up to a quarter longer by chance. 0 to 86400; -1, the
	 * default, is as the host says. */
	int backoff;

	/* durable: a file counts as staged once it is on disk (fsync(2)). Default true. */
	bool durable;

	/* gzip_level: from 1, fast, to 12, small (gzip.h). Default 6. */
	int gzip_level;

	/* gzip_threads: threads that compress. 1 to 64; 0, the default, is one for each CPU that
	 * may be used, at most 8 (gzip.h). */
	int gzip_threads;
};

/*
 * Reads the files named above. Returns 0 and a struct that the caller frees; STAGE_E_SETTING, with
 * the errno where a file that must be there, or is, cannot be read; STAGE_E_MEMORY.
 */
int stage_settings_load(struct stage_settings **ret_settings, struct stage_error *error);

/* The same from one named file, which must be there. */
int stage_settings_load_file(
	const char *path, struct stage_settings **ret_settings, struct stage_error *error);

/*
 * Is there any file for stage_settings_load() to read? A host that is asked for a plain URL can
 * leave everything alone when there is none.
 */
bool stage_settings_exist(void);

/*
 * Is this URL, which has no stage+ prefix, to be staged? It is if a pattern is for the URL as given, or
 * for its target form (url.h): nobody has to write a password into a pattern.
 */
bool stage_settings_take_over(const struct stage_settings *settings, const char *url);

/* Frees *settings and sets it to NULL; NULL in it is no error. Keeps errno. */
void stage_settings_free(struct stage_settings **settings);

#pragma GCC visibility pop

#endif
