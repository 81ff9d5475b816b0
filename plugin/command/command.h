/*
 * command - what the parts of the operator's command stagedir(1) share
 *
 *	main.c	main: the options, the usage, the end
 *	roots.c	stagedir roots
 *	status.c	stagedir status
 *	prometheus.c	stagedir status --prometheus
 *	gc.c	stagedir gc
 *	judge.c	which files of a dead run's spool are useless, and gc removes
 *	verify.c	stagedir verify
 *	flush.c	stagedir flush
 *	adopt.c	stagedir adopt
 *	watch.c, watchview.c	stagedir watch
 *	report.c	stagedir report; the page itself is made by plugin/report/
 *	search.c	in which folders all but roots look for staging directories
 *	spools.c	the spools in these, and which of their files can be handed off
 *	run.c	the process and the user that made a staging directory
 *	json.c, table.c		output for programs, for people
 *
 * Results go to standard output once, as JSON or as a table. Problems go to standard error at once,
 * one line each, which begins with "stagedir: ". Exit status: see enum command_exit.
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
	COMMAND_PROBLEM = 1,  /* something is wrong, and an operator should see it */
	COMMAND_USAGE = 2,    /* the command line */
	COMMAND_SETTINGS = 3, /* the configuration file */
};

struct command_options {
	bool json;
	bool prometheus;
	bool dry_run;
	bool yes;                  /* the operator knows that no run lives */
	char *const *directories;  /* DIR..., ends with NULL */
	const char *url;           /* or a staging directory; NULL where none was given */
	const char *run;           /* the name of a record, or a URL; NULL where none was given */
	const char *output;        /* a file; NULL where none was given */
	char *const *host_options; /* the arguments behind --, ends with NULL */
};

/* The subcommands. They have printed everything when they return. */
enum command_exit command_roots(const struct command_options *options);
enum command_exit command_status(const struct command_options *options);
enum command_exit command_gc(const struct command_options *options);
enum command_exit command_verify(const struct command_options *options);
enum command_exit command_flush(const struct command_options *options);
enum command_exit command_adopt(const struct command_options *options);
enum command_exit command_watch(const struct command_options *options);
enum command_exit command_report(const struct command_options *options);

/* What status does with --prometheus. */
enum command_exit command_prometheus(const struct command_options *options);

/* Print a problem, and a line of the result. Both are made printable. */
void command_problem(const char *format, ...) __attribute__((format(printf, 1, 2)));
void command_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Returns pointer, or ends the process with a message where it is NULL: a command that reports has
 * nothing to save when memory is out.
 */
void *command_memory(void *pointer);

/* A copy of a URL, or of an argument that may hold one, without secrets (url.h). The caller frees. */
char *command_shown_url(const char *text);

/* Loads the settings, which the caller frees. On failure the problem is printed. */
enum command_exit command_load_settings(struct stage_settings **ret_settings);

/* The folders in which staging directories are looked for. Each is there once, by its first path. */
struct command_search {
	struct command_folder {
		char *path; /* absolute */
		dev_t device;
		ino_t inode;
		struct stage_spool_found *spools; /* of command_find_spools() */
		size_t spool_count;
	} * list;
	size_t count;
};

/*
 * Finds the folders, in this order:
 *	- every temp root that exists, also one that is refused for staging now;
 *	- every archive directory of the host, in which it stages signatures and manifests;
 *	- the directories that the operator names.
 * A problem with one of them is printed and gives COMMAND_PROBLEM, and the rest is found.
 * COMMAND_SETTINGS finds none. The caller frees in any case.
 */
enum command_exit command_search(char *const *directories, struct command_search *ret_search);
void command_search_free(struct command_search *search);

/* Prints why a folder could not be read. If it has gone since it was found, that is no problem. */
enum command_exit command_unreadable(const struct stage_error *error);

/* Find the spools in one folder, and in all. A problem is printed, and gives COMMAND_PROBLEM. */
enum command_exit command_find_spools(struct command_folder *folder);
enum command_exit command_find_all_spools(struct command_search *search);

/* Writes "3 volumes, 75.0M" and returns buffer. */
#define COMMAND_VOLUMES_MAX 64
const char *command_volumes(char buffer[COMMAND_VOLUMES_MAX], size_t count, uint64_t bytes);

/* Prints that nobody can tell what waits in a spool, and how much it is. */
void command_unreadable_spool(const struct stage_spool_found *spool);

/* Why an OTHER_MACHINE's or UNKNOWN directory is left alone: "another machine made it". */
const char *command_not_ours(enum stage_owner owner);

/* Does url, which may have credentials, name this target? The target may have lost its user. */
bool command_is_named(const char *target, const char *url);

/* An absolute path without slashes at its end; NULL with errno. The caller frees. */
char *command_absolute_path(const char *path);

/* Can a staged file of the spool, with this note, be handed off by a later run? */
enum command_resume {
	COMMAND_RESUMABLE,
	COMMAND_USELESS, /* no, and never again */
	COMMAND_UNKNOWN, /* that could not be found out */
};

/*
 * Asks the host's archive directory (duplicity/manifest.h). Unless it is COMMAND_RESUMABLE, *error says
 * why.
 */
enum command_resume command_can_resume(
	const struct stage_spool_found *spool, const char *note, struct stage_error *error);

/* The state of its run: "live", "dead" or another word of stage_orphan_owner_name(). */
const char *command_run_state(const struct stage_spool_found *spool);

/* Writes all that is known of a spool, except for its files, into the object that is open. */
void command_spool_json(const struct stage_spool_found *spool, struct json *json);

/* One file of a spool, and what gc does with it. */
struct command_verdict {
	char *path;
	char *name; /* in storage; "" if its record is damaged */
	uint64_t size;
	bool removed; /* or would be */
	bool waits;   /* it is kept, and can be handed off */
	char *reason; /* why it is removed, or could not be judged; NULL otherwise */
};

/* What gc has done with a spool, or would do. */
struct command_judged {
	const struct stage_spool_found *spool;
	struct command_verdict *list;
	size_t count, waiting, removed;
	uint64_t waiting_bytes, removed_bytes;
	size_t rest; /* files that were never sealed, which are removed too */
	uint64_t rest_bytes;
	size_t left; /* files, or the spool itself, that could not be judged or removed */
};

/*
 * Goes through the spool of a dead run and removes the files that cannot be handed off any more. With
 * dry_run it only says which. The spool is claimed for the removal alone, not while it is read. So a
 * run may take it over meanwhile: then it has no verdicts, as one that is gone. Problems are printed.
 * The caller frees.
 */
void command_judge(
	const struct stage_spool_found *spool, bool dry_run, struct command_judged *ret_judged);
void command_judged_free(struct command_judged *judged);

/* The arguments of the process that made a staging directory. Nothing depends on them. */
struct command_run {
	char *arguments; /* each with its NUL; NULL where the kernel does not tell */
	size_t size;
};

/*
 * Asks the kernel for the arguments of a process. Secrets in URLs are replaced by ***, since people
 * paste this into reports. The caller frees run->arguments.
 */
void command_run_read(pid_t pid, struct command_run *ret_run);

/* The same of arguments in this process's memory, which end with NULL. */
void command_run_take(char *const *arguments, struct command_run *ret_run);

/* Writes an array of strings, or null. */
void command_run_json(const struct command_run *run, struct json *json, const char *key);

/* One line of them all; NULL where there are none. The caller frees. */
char *command_run_line(const struct command_run *run);

/* The name of a user, or his number where he has none. Valid until the next call. */
const char *command_user(uid_t uid);

#endif
