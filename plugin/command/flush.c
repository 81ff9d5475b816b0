/*
 * The host itself hands off the waiting files: it alone can open the target, and knows what belongs there.
 * When a run of the host begins, the plugin takes over the files of dead runs for its target and archive
 * directory, in all temp roots. It does so in a backup, or if the environment has FLUSH. So this runs
 * collection-status, the least command that lists storage, which needs neither source nor passphrase.
 *
 * The output of the child is not parsed. Whether it has worked shows in the files that still wait.
 */
#include "command/command.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "url.h"

#define PREFIX "stage+"
#define FLUSH "STAGEDIR_FLUSH"

extern char **environ;

/* What waits for one target with one archive directory. */
struct job {
	char *target, *home;
	size_t count;
	uint64_t bytes;
};

struct jobs {
	struct job *list;
	size_t count;
};

static volatile sig_atomic_t interrupted;

static void
take_interrupt(int number)
{
	interrupted = number;
}

/* A URL without our prefix. */
static const char *
plain(const char *url)
{
	return strncmp(url, PREFIX, strlen(PREFIX)) == 0 ? url + strlen(PREFIX) : url;
}

bool
command_is_named(const char *target, const char *url)
{
	bool named = false;

	if (stage_url_names(url, target, &named, NULL) < 0)
		command_memory(NULL);
	return named;
}

static struct job *
find_job(const struct jobs *jobs, const char *target, const char *home)
{
	size_t i;

	for (i = 0; i < jobs->count; i++)
		if (strcmp(jobs->list[i].target, target) == 0 &&
			strcmp(jobs->list[i].home, home) == 0)
			return &jobs->list[i];
	return NULL;
}

static void
add_file(struct jobs *jobs, const struct stage_spool_found *spool,
	const struct stage_spool_entry *file)
{
	struct job *job = find_job(jobs, spool->target, spool->home);

	if (!job) {
		jobs->list = command_memory(
			reallocarray(jobs->list, jobs->count + 1, sizeof(*jobs->list)));
		job = &jobs->list[jobs->count++];
		*job = (struct job){.target = command_memory(strdup(spool->target)),
			.home = command_memory(strdup(spool->home))};
	}
	job->count++;
	job->bytes += file->size;
}

/* Tells of what waits and is not handed off here, as it is not a dead run's, or may not be. */
static void
tell_of_others(const struct stage_spool_found *spool)
{
	char volumes[COMMAND_VOLUMES_MAX];

	if (spool->owner == STAGE_OWNER_LIVE)
		command_say("%zu volume%s for %s: the live run %ld hands %s off", spool->count,
			spool->count == 1 ? "" : "s", spool->target, (long)spool->pid,
			spool->count == 1 ? "it" : "them");
	else
		command_say(
			"%s, for %s, wait%s in %s and %s left alone: %s; once you know that its run is gone, \"stagedir adopt %s\" takes it over",
			command_volumes(volumes, spool->count, spool->bytes), spool->target,
			spool->count == 1 ? "s" : "", spool->path, spool->count == 1 ? "is" : "are",
			command_not_ours(spool->owner), spool->path);
}

/* Tells of what waits for another URL than the one that was given, which may be a spelling of it. */
static void
tell_of_other_target(const struct stage_spool_found *spool)
{
	char volumes[COMMAND_VOLUMES_MAX];

	if (spool->count && spool->owner != STAGE_OWNER_LIVE)
		command_say("%s, wait%s for %s, which is not the URL that was given",
			command_volumes(volumes, spool->count, spool->bytes),
			spool->count == 1 ? "s" : "", spool->target);
}

/* Adds the files of a spool that may be handed off. Unless quiet, tells of the others. */
static void
add_spool(struct jobs *jobs, const struct stage_spool_found *spool, bool quiet)
{
	char volumes[COMMAND_VOLUMES_MAX];
	struct stage_error error;
	size_t i, useless = 0;

	if (spool->owner != STAGE_OWNER_DEAD) {
		if (spool->count && !quiet)
			tell_of_others(spool);
		return;
	}
	for (i = 0; i < spool->count; i++)
		if (command_can_resume(spool, spool->list[i].note, &error) == COMMAND_USELESS)
			useless++;
		else
			add_file(jobs, spool, &spool->list[i]);
	if (spool->unlisted && !quiet)
		command_say(
			"%s in %s cannot be handed off: damaged records of the journal may have been theirs; \"stagedir gc\" removes them",
			command_volumes(volumes, spool->unlisted, spool->unlisted_bytes),
			spool->path);
	if (useless && !quiet)
		command_say(
			"%zu volume%s for %s cannot be handed off any more; \"stagedir gc\" tells why, and removes %s",
			useless, useless == 1 ? "" : "s", spool->target,
			useless == 1 ? "it" : "them");
}

/* Finds what waits now, for the target that url names where it is not NULL. The caller frees. */
static enum command_exit
find_jobs(const struct command_options *options, bool quiet, struct jobs *ret_jobs)
{
	struct command_search search;
	enum command_exit status;
	size_t i, k;

	*ret_jobs = (struct jobs){0};
	status = command_search(options->directories, &search);
	if (status != COMMAND_SETTINGS && command_find_all_spools(&search) != COMMAND_DONE)
		status = COMMAND_PROBLEM;
	for (i = 0; i < search.count; i++) {
		for (k = 0; k < search.list[i].spool_count; k++) {
			const struct stage_spool_found *spool = &search.list[i].spools[k];

			if (spool->unreadable) {
				command_unreadable_spool(spool);
				status = COMMAND_PROBLEM;
			} else if (!options->url || command_is_named(spool->target, options->url)) {
				add_spool(ret_jobs, spool, quiet);
			} else if (!quiet) {
				tell_of_other_target(spool);
			}
		}
	}
	command_search_free(&search);
	return status;
}

static void
free_jobs(struct jobs *jobs)
{
	size_t i;

	for (i = 0; i < jobs->count; i++) {
		free(jobs->list[i].target);
		free(jobs->list[i].home);
	}
	free(jobs->list);
	*jobs = (struct jobs){0};
}

static const char *
program(void)
{
	const char *named = getenv("DUPLICITY");

	return named && *named ? named : "duplicity";
}

/* A list of strings that ends with NULL, all of them its own. */
static void
append(char ***list, const char *string)
{
	size_t count = 0;

	while (*list && (*list)[count])
		count++;
	*list = command_memory(reallocarray(*list, count + 2, sizeof(**list)));
	(*list)[count] = command_memory(strdup(string));
	(*list)[count + 1] = NULL;
}

static void
free_list(char **list)
{
	size_t i;

	for (i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

/* The command line for a job, which the caller frees. What it must have comes last, and wins. */
static char **
make_arguments(const struct job *job, const struct command_options *options)
{
	char **arguments = NULL, *url, *home = command_memory(strdup(job->home));
	char *slash = strrchr(home, '/');
	size_t i;

	append(&arguments, program());
	append(&arguments, "collection-status");
	for (i = 0; options->host_options[i]; i++)
		append(&arguments, options->host_options[i]);
	*slash = '\0';
	append(&arguments, "--archive-dir");
	append(&arguments, slash == home ? "/" : home);
	append(&arguments, "--name");
	append(&arguments, slash + 1);
	if (asprintf(&url, PREFIX "%s", plain(options->url ? options->url : job->target)) < 0)
		url = NULL;
	append(&arguments, command_memory(url));
	free(url);
	free(home);
	return arguments;
}

/* One line of them, without passwords. */
static void
print_arguments(char *const *arguments)
{
	struct command_run run;
	char *line;

	command_run_take(arguments, &run);
	line = command_run_line(&run);
	command_say("  " FLUSH "=1 %s", line);
	free(line);
	free(run.arguments);
}

/* Runs it and waits. Writes to result what there is to tell of its end; "" where it has worked. */
static void
run_host(char *const *arguments, char *result, size_t size)
{
	posix_spawnattr_t attributes;
	sigset_t defaults;
	int failed, status;
	pid_t pid;

	/* main() has closed pipes ignored; how the rest is, is whoever has called us to say */
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	fflush(stdout);
	failed = posix_spawnattr_init(&attributes);
	if (failed == 0 && setenv(FLUSH, "1", 1) < 0)
		failed = errno;
	if (failed == 0) {
		posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
		posix_spawnattr_setsigdefault(&attributes, &defaults);
		failed = posix_spawnp(&pid, arguments[0], NULL, &attributes, arguments, environ);
		posix_spawnattr_destroy(&attributes);
	}
	if (failed) {
		snprintf(result, size, "%s could not be run: %s", arguments[0],
			stage_error_errno_text(failed));
		return;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		snprintf(result, size, "duplicity was ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		snprintf(result, size, "duplicity ended with exit status %d", WEXITSTATUS(status));
	else
		*result = '\0';
}

/* A Ctrl-C is for the child, which ends as it should; then so do we. */
static void
catch_interrupts(void)
{
	static const int numbers[] = {SIGINT, SIGQUIT};
	struct sigaction action = {.sa_handler = take_interrupt}, before;
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
}

/* Tells what became of a job. */
static enum command_exit
look_again(const struct job *job, const struct command_options *options, const char *result)
{
	char volumes[COMMAND_VOLUMES_MAX];
	enum command_exit status;
	struct job *still;
	struct jobs now;

	status = find_jobs(options, true, &now);
	still = find_job(&now, job->target, job->home);
	if (still) {
		command_problem("%s, still wait%s for %s%s%s",
			command_volumes(volumes, still->count, still->bytes),
			still->count == 1 ? "s" : "", job->target, *result ? ": " : "", result);
		status = COMMAND_PROBLEM;
	} else {
		command_say("nothing waits for %s any more%s%s", job->target,
			*result ? "; after the hand-off " : "", result);
	}
	free_jobs(&now);
	return status;
}

static enum command_exit
do_job(const struct job *job, const struct command_options *options)
{
	char volumes[COMMAND_VOLUMES_MAX], result[STAGE_ERROR_MESSAGE_MAX];
	enum command_exit status = COMMAND_DONE;
	char **arguments;

	if (!strchr(job->home, '/')) {
		command_problem("%s waits for %s, but nobody can tell which backup it is of",
			command_volumes(volumes, job->count, job->bytes), job->target);
		return COMMAND_PROBLEM;
	}
	/* duplicity would make an empty one, with which nothing of the backup is known any more */
	if (access(job->home, F_OK) < 0) {
		command_problem(
			"%s waits for %s, but its archive directory %s cannot be looked at: %s",
			command_volumes(volumes, job->count, job->bytes), job->target, job->home,
			stage_error_errno_text(errno));
		return COMMAND_PROBLEM;
	}
	command_say("%s %s, to %s", options->dry_run ? "would hand off" : "handing off",
		command_volumes(volumes, job->count, job->bytes), job->target);
	arguments = make_arguments(job, options);
	if (options->dry_run) {
		print_arguments(arguments);
	} else {
		run_host(arguments, result, sizeof(result));
		status = look_again(job, options, result);
	}
	free_list(arguments);
	return status;
}

/* The directories that --tempdir among the options for the host names: it stages there too. */
static char **
find_tempdirs(char *const *options)
{
	char **list = command_memory(calloc(1, sizeof(*list)));

	for (; *options; options++) {
		if (strncmp(*options, "--tempdir=", strlen("--tempdir=")) == 0)
			append(&list, *options + strlen("--tempdir="));
		else if (strcmp(*options, "--tempdir") == 0 && options[1])
			append(&list, options[1]);
	}
	return list;
}

enum command_exit
command_flush(const struct command_options *given)
{
	struct command_options options = *given;
	enum command_exit status;
	struct jobs jobs;
	char **tempdirs;
	size_t i;

	tempdirs = find_tempdirs(given->host_options);
	options.directories = tempdirs;
	status = find_jobs(&options, false, &jobs);
	if (jobs.count == 0 && status != COMMAND_SETTINGS)
		printf("nothing waits that a dead run left%s\n", given->url ? " for this URL" : "");
	catch_interrupts();
	for (i = 0; i < jobs.count && !interrupted; i++)
		if (do_job(&jobs.list[i], &options) != COMMAND_DONE)
			status = COMMAND_PROBLEM;
	if (interrupted) {
		command_problem("interrupted");
		status = COMMAND_PROBLEM;
	}
	free_jobs(&jobs);
	free_list(tempdirs);
	return status;
}
