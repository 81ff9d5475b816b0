/*
 * command - what the parts of the operator's command stagedir(1) share
 *
 *	main.c	main: the options, the usage, the end
 *	roots.c	stagedir roots
 *	status.c	stagedir status
 *	gc.c	stagedir gc
 *	judge.c	which files of a dead run's spool gc removes
 *	verify.c	stagedir verify
 *	flush.c	stagedir flush
 *	adopt.c	stagedir adopt
 *	places.c	where all but roots look for staging directories
 *	spools.c	what waits in them
 *	run.c	what process and user a staging directory is of
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
#include <stdint.h>
#include <sys/types.h>

#include "command/json.h"
#include "settings.h"
#include "spool.h"
#include "spool_find.h"

enum command_exit {
	COMMAND_DONE = 0,
	COMMAND_PROBLEM = 1,  /* something is wrong that an operator should see */
	COMMAND_USAGE = 2,    /* the command line */
	COMMAND_SETTINGS = 3, /* the configuration file */
};

struct command_options {
	bool json;
	bool dry_run;
	bool yes;                  /* the operator knows that no run lives */
	char *const *directories;  /* DIR..., ends with NULL */
	const char *url;           /* or a staging directory; NULL where none was given */
	char *const *host_options; /* what was given behind --, ends with NULL */
};

/* The subcommands. They have printed everything when they return. */
enum command_exit command_roots(const struct command_options *options);
enum command_exit command_status(const struct command_options *options);
enum command_exit command_gc(const struct command_options *options);
enum command_exit command_verify(const struct command_options *options);
enum command_exit command_flush(const struct command_options *options);
enum command_exit command_adopt(const struct command_options *options);

/* Prints a problem, made printable; a line of the result likewise. */
void command_problem(const char *format, ...) __attribute__((format(printf, 1, 2)));
void command_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Returns pointer, or ends the process with a message where it is NULL: a command that reports has
 * nothing to save when memory is out.
 */
void *command_memory(void *pointer);

/* A URL, or an argument that may have one in it, without its secrets (url.h). The caller frees. */
char *command_shown_url(const char *text);

/* Loads the settings, which the caller frees. On failure the problem is printed. */
enum command_exit command_load_settings(struct stage_settings **ret_settings);

/* Directories in which to look for staging directories; each is there once, by its first path. */
struct command_places {
	struct command_place {
		char *path; /* absolute */
		dev_t device;
		ino_t inode;
		struct stage_spool_found *spools; /* of command_find_spools() */
		size_t spool_count;
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

/* Finds the spools in a place, in all of them. What is wrong is printed, and gives COMMAND_PROBLEM. */
enum command_exit command_find_spools(struct command_place *place);
enum command_exit command_find_all_spools(struct command_places *places);

/* Writes "3 volumes, 75.0M" and returns buffer. */
#define COMMAND_VOLUMES_MAX 64
const char *command_volumes(char buffer[COMMAND_VOLUMES_MAX], size_t count, uint64_t bytes);

/* Prints that nobody can tell what waits in a spool, and how much it is. */
void command_unreadable_spool(const struct stage_spool_found *spool);

/* Why an OTHER_MACHINE's or UNKNOWN directory is left alone: "another machine made it". */
const char *command_not_ours(enum stage_owner owner);

/* Does the URL, which may have credentials, name this target, which may have lost its user? */
bool command_is_named(const char *target, const char *url);

/* An absolute path without slashes at its end; NULL with errno. The caller frees. */
char *command_absolute_path(const char *path);

/* Can a staged file with this note be handed off by a later run? */
enum command_resume {
	COMMAND_RESUMABLE,
	COMMAND_USELESS, /* no, and never again */
	COMMAND_UNKNOWN, /* that could not be found out */
};

/* Asks the host's directory (manifest.h); *error says why where it is not COMMAND_RESUMABLE. */
enum command_resume command_can_resume(
	const char *home, const char *note, struct stage_error *error);

/* "live" and "dead", or what else its run may be: stage_orphan_owner_name(). */
const char *command_run_state(const struct stage_spool_found *spool);

/* Writes what is known of a spool, but for its files, into the object that is open. */
void command_spool_json(const struct stage_spool_found *spool, struct json *json);

/* One file of a spool, and what gc does with it. */
struct command_verdict {
	char *path;
	char *name; /* in storage; "" where a damaged record had it */
	uint64_t size;
	bool removed; /* or would be */
	bool waits;   /* it is kept, and can be handed off */
	char *reason; /* why it is removed, or could not be; NULL otherwise */
};

/* What gc has done with a spool, or would do. */
struct command_judged {
	const struct stage_spool_found *spool;
	struct command_verdict *list;
	size_t count, waiting, removed;
	uint64_t waiting_bytes, removed_bytes;
	size_t rest; /* files that are removed too, as they were never sealed */
	uint64_t rest_bytes;
	size_t left; /* files, or the spool itself, of which gc could not tell or that stayed */
};

/*
 * Goes through the spool of a dead run and removes what cannot be handed off any more; with
 * dry_run tells only. It is claimed for the removal alone, not while it is read: a run may take it
 * over meanwhile, and then it has no verdicts. Nor has one that is gone. Problems are printed. The
 * caller frees.
 */
void command_judge(
	const struct stage_spool_found *spool, bool dry_run, struct command_judged *ret_judged);
void command_judged_free(struct command_judged *judged);

/* What the process that made a staging directory was called with. It decides nothing. */
struct command_run {
	char *arguments; /* each with its NUL; NULL where the kernel does not tell */
	size_t size;
};

/*
 * Asks the kernel for the arguments of a process. Secrets in URLs are replaced by ***, as what is
 * printed here is pasted into reports. The caller frees run->arguments.
 */
void command_run_read(pid_t pid, struct command_run *ret_run);

/* The same of arguments that this process has, ending with NULL. */
void command_run_take(char *const *arguments, struct command_run *ret_run);

/* Writes an array of strings, or null. */
void command_run_json(const struct command_run *run, struct json *json, const char *key);

/* One line of them all; NULL where there are none. The caller frees. */
char *command_run_line(const struct command_run *run);

/* The name of a user, or his number where he has none. Valid until the next call. */
const char *command_user(uid_t uid);

#endif
