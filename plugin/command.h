/*
 * command - what the parts of the operator's command stagedir(1) share
 *
 *	stagedir.c		main: the options, the usage, the end
 *	command_roots.c		stagedir roots
 *	command_status.c	stagedir status
 *	command_gc.c		stagedir gc
 *	command_places.c	where the latter two look for staging directories
 *	command_run.c		what process and user a staging directory is of
 *	json.c, table.c		output for programs, for people
 *
 * Results go to standard output, and only once: as JSON or as a table. Problems go to standard
 * error, one line each that begins with "stagedir: ", at the moment when they are met. Exit status:
 * see enum command_exit.
 */
#ifndef STAGEDIR_COMMAND_H
#define STAGEDIR_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "json.h"
#include "settings.h"

enum command_exit {
	COMMAND_DONE = 0,
	COMMAND_PROBLEM = 1,  /* something is wrong that an operator should see */
	COMMAND_USAGE = 2,    /* the command line */
	COMMAND_SETTINGS = 3, /* the configuration file */
};

struct command_options {
	bool json;
	bool dry_run;
	char *const *directories; /* DIR..., ends with NULL */
};

/* The subcommands. They have printed everything when they return. */
enum command_exit command_roots(const struct command_options *options);
enum command_exit command_status(const struct command_options *options);
enum command_exit command_gc(const struct command_options *options);

/* Prints a problem, made printable. */
void command_problem(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Returns pointer, or ends the process with a message where it is NULL: a command that reports has
 * nothing to save when memory is out.
 */
void *command_memory(void *pointer);

/* Loads the settings, which the caller frees. On failure the problem is printed. */
enum command_exit command_load_settings(struct stage_settings **ret_settings);

/* Directories in which to look for staging directories; each is there once, by its first path. */
struct command_places {
	struct command_place {
		char *path; /* absolute */
		dev_t device;
		ino_t inode;
	} * list;
	size_t count;
};

/*
 * Finds, in this order: every temp root that there is, also one that is refused for staging now;
 * every archive directory of the host, in which it stages signatures and manifests; directories.
 * A problem with one of them is printed and gives COMMAND_PROBLEM, and the rest is found;
 * COMMAND_SETTINGS finds none. The caller frees in any case.
 */
enum command_exit command_places_find(char *const *directories, struct command_places *ret_places);

/* Prints why a place could not be read; one that has gone since it was found is no problem. */
enum command_exit command_unreadable(const struct stage_error *error);

void command_places_free(struct command_places *places);

/* What the process that made a staging directory was called with. It decides nothing. */
struct command_run {
	char *arguments; /* each with its NUL; NULL where the kernel does not tell */
	size_t size;
};

/*
 * Asks the kernel for the arguments of a process. Passwords in URLs are replaced by ***, as what is
 * printed here is pasted into reports. The caller frees run->arguments.
 */
void command_run_read(pid_t pid, struct command_run *ret_run);

/* Writes an array of strings, or null. */
void command_run_json(const struct command_run *run, struct json *json, const char *key);

/* One line of them all; NULL where there are none. The caller frees. */
char *command_run_line(const struct command_run *run);

/* The name of a user, or his number where he has none. Valid until the next call. */
const char *command_user(uid_t uid);

#endif
