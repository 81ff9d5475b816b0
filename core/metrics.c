/*
 * All that is known of a target is gathered in a struct target, from records and then from spools. Each figure is a
 * function of that.
 */
#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "regular.h"
#include "runline.h"
#include "runreader.h"
#include "runrecord.h"
#include "spool_find.h"

/* Of runs that were killed; the others are those of enum stage_runresult. */
#define KILLED STAGE_RUN_RESULTS
#define KINDS (STAGE_RUN_RESULTS + 1)

struct target {
	char *name;
	bool has_run;                 /* last is of a run that has ended */
	struct stage_runsummary last; /* numbers only */
	int64_t last_success;         /* milliseconds since 1970, or 0 */
	uint64_t failed[KINDS];
	uint64_t active;
	bool waits;
	uint64_t volumes, bytes;
	int64_t oldest; /* seconds since 1970, or 0 */
};

struct figures {
	struct target *list;
	size_t count;
	bool no_memory;
};

static struct target *
find(struct figures *figures, const char *name)
{
	struct target *longer;
	size_t i;

	for (i = 0; i < figures->count; i++)
		if (strcmp(figures->list[i].name, name) == 0)
			return &figures->list[i];
	longer = reallocarray(figures->list, figures->count + 1, sizeof(*longer));
	if (longer) {
		figures->list = longer;
		longer[figures->count] = (struct target){.name = strdup(name)};
	}
	if (!longer || !longer[figures->count].name) {
		figures->no_memory = true;
		return NULL;
	}
	return &longer[figures->count++];
}

/* Adds a run that has ended, or was killed. The newest comes first. */
static void
add_ended(struct target *target, const struct stage_runsummary *summary)
{
	const bool is_future = stage_runrecord_is_future(summary);

	if (summary->result == STAGE_RUN_RESTARTED)
		return; /* it goes on with another record */
	if (!target->has_run && !is_future) {
		target->last = *summary;
		if (!target->last.ended)
			target->last.ended = summary->last;
	}
	target->has_run |= !is_future;
	if (summary->result == STAGE_RUN_NONE)
		target->failed[KILLED]++;
	else if (summary->result != STAGE_RUN_DONE)
		target->failed[summary->result]++;
	else if (!target->last_success && !is_future)
		target->last_success = summary->ended;
}

static void
add_record(struct figures *figures, int dirfd, const char *name)
{
	struct stage_runsummary summary = {0};
	struct stage_runreader *reader;
	struct stage_error error;
	struct target *target;
	enum stage_runstate state;

	if (stage_runreader_open(dirfd, name, &reader, &error) < 0)
		return;
	if (stage_runreader_sum(reader, &summary, &error) == 0 && summary.target) {
		state = stage_runreader_state(reader);
		target = find(figures, summary.target);
		if (target && state == STAGE_RUNSTATE_LIVE)
			target->active++;
		else if (target && state != STAGE_RUNSTATE_UNKNOWN &&
			 stage_runrecord_is_backup(&summary))
			add_ended(target, &summary);
	}
	stage_runsummary_release(&summary);
	stage_runreader_close(&reader);
}

/* Adds the caller's run: it is the newest. */
static void
add_own(struct figures *figures, const struct stage_runsummary *run)
{
	struct target *target =
		run->target && stage_runrecord_is_backup(run) ? find(figures, run->target) : NULL;

	if (target)
		add_ended(target, run);
}

/* Is this the name of the file at path? */
static bool
is_at(const char *name, const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash && strcmp(slash + 1, name) == 0;
}

static void
add_records(struct figures *figures, const char *own)
{
	struct stage_runfolder folder;
	struct stage_error error;
	size_t i;

	if (stage_runreader_list(&folder, &error) < 0)
		return;
	for (i = 0; i < folder.count; i++)
		if (!is_at(folder.names[i], own))
			add_record(figures, folder.fd, folder.names[i]);
	stage_runreader_list_free(&folder);
}

static void
add_spool(struct figures *figures, const struct stage_spool_found *spool)
{
	struct target *target;
	size_t i;

	if (!spool->has_target)
		return;
	target = find(figures, spool->target);
	if (!target)
		return;
	target->waits = true;
	target->volumes += spool->count;
	target->bytes += spool->bytes;
	for (i = 0; i < spool->count; i++)
		if (!target->oldest || spool->list[i].sealed < target->oldest)
			target->oldest = spool->list[i].sealed;
}

/* Is the folder named before? Roots are found in several ways. */
static bool
is_there_before(char *const *list, char *const *folder)
{
	for (; *list && list != folder; list++)
		if (strcmp(*list, *folder) == 0)
			return true;
	return false;
}

static void
add_folders(struct figures *figures, char *const *folders, char *const *before)
{
	char *const *folder;
	struct stage_spool_found *list;
	struct stage_error error;
	size_t count, i;

	for (folder = folders; *folder; folder++) {
		if (is_there_before(folders, folder) || is_there_before(before, folder) ||
			stage_spool_find(*folder, &list, &count, &error) < 0)
			continue;
		for (i = 0; i < count; i++)
			add_spool(figures, &list[i]);
		stage_spool_find_free(&list, count);
	}
}

static void
print_label(FILE *out, const char *text)
{
	char printable[STAGE_ERROR_MESSAGE_MAX];
	const char *next;

	stage_error_printable(printable, sizeof(printable), text);
	for (next = printable; *next; next++)
		fprintf(out, *next == '"' || *next == '\\' ? "\\%c" : "%c", *next);
}

static void
print_head(FILE *out, const char *name, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void
print_target(FILE *out, const char *name, const struct target *target)
{
	fprintf(out, "%s{target=\"", name);
	print_label(out, target->name);
}

/* A figure of a target: true, and a value, where it has one. */
struct figure {
	const char *name, *help;
	bool (*value)(const struct target *target, double *ret_value);
};

static bool
last_success(const struct target *target, double *ret_value)
{
	*ret_value = (double)target->last_success / 1000;
	return target->last_success != 0;
}

static bool
last_run(const struct target *target, double *ret_value)
{
	*ret_value = (double)target->last.ended / 1000;
	return target->has_run;
}

static bool
succeeded(const struct target *target, double *ret_value)
{
	*ret_value = target->last.result == STAGE_RUN_DONE;
	return target->has_run;
}

static bool
duration(const struct target *target, double *ret_value)
{
	const int64_t took = target->last.ended - target->last.begun;

	*ret_value = took > 0 ? (double)took / 1000 : 0; /* a clock may have been set back */
	return target->has_run;
}

static bool
made_volumes(const struct target *target, double *ret_value)
{
	*ret_value = (double)target->last.made.count;
	return target->has_run;
}

static bool
made_bytes(const struct target *target, double *ret_value)
{
	*ret_value = (double)target->last.made.bytes;
	return target->has_run;
}

static bool
stored_bytes(const struct target *target, double *ret_value)
{
	*ret_value = (double)target->last.confirmed.bytes;
	return target->has_run;
}

static bool
retries(const struct target *target, double *ret_value)
{
	*ret_value = (double)target->last.retries;
	return target->has_run;
}

static bool
active(const struct target *target, double *ret_value)
{
	*ret_value = (double)target->active;
	return true;
}

static bool
waiting_volumes(const struct target *target, double *ret_value)
{
	*ret_value = (double)target->volumes;
	return true;
}

static bool
waiting_bytes(const struct target *target, double *ret_value)
{
	*ret_value = (double)target->bytes;
	return true;
}

static bool
oldest(const struct target *target, double *ret_value)
{
	*ret_value = (double)target->oldest;
	return target->oldest != 0;
}

static const struct figure table[] = {
	{"stagedir_last_success_timestamp_seconds",
		"When the last backup to a target ended that succeeded.", last_success},
	{"stagedir_last_run_timestamp_seconds",
		"When the last backup to a target ended, or was killed.", last_run},
	{"stagedir_last_run_success",
		"Whether the last backup to a target succeeded (1) or not (0).", succeeded},
	{"stagedir_last_run_duration_seconds", "How long the last backup to a target took.",
		duration},
	{"stagedir_last_run_made_volumes", "Volumes that the last backup to a target made.",
		made_volumes},
	{"stagedir_last_run_made_bytes",
		"Bytes of the volumes that the last backup to a target made.", made_bytes},
	{"stagedir_last_run_stored_bytes",
		"Bytes of the volumes that storage confirmed to the last backup to a target.",
		stored_bytes},
	{"stagedir_last_run_retries",
		"Attempts to hand off a volume that failed in the last backup to a target.",
		retries},
	{"stagedir_active_runs", "Runs to a target that live now.", active},
	{"stagedir_waiting_volumes", "Volumes that wait for hand-off to a target.",
		waiting_volumes},
	{"stagedir_waiting_bytes", "Bytes of the volumes that wait for hand-off to a target.",
		waiting_bytes},
	{"stagedir_waiting_oldest_timestamp_seconds",
		"When the oldest volume was staged that waits for hand-off to a target.", oldest},
};

static void
print_figures(FILE *out, const struct figures *figures)
{
	const struct target *target;
	double value;
	size_t i, t;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		print_head(out, table[i].name, table[i].help);
		for (t = 0; t < figures->count; t++) {
			target = &figures->list[t];
			if (!table[i].value(target, &value))
				continue;
			print_target(out, table[i].name, target);
			fprintf(out, "\"} %.15g\n", value);
		}
	}
}

static void
print_waits(FILE *out, const struct figures *figures)
{
	static const char name[] = "stagedir_last_run_wait_seconds";
	size_t t;
	int wait;

	print_head(out, name, "How long the last backup to a target waited for storage or room.");
	for (t = 0; t < figures->count; t++) {
		for (wait = 0; figures->list[t].has_run && wait < STAGE_RUNWAITS; wait++) {
			print_target(out, name, &figures->list[t]);
			fprintf(out, "\",reason=\"%s\"} %.15g\n",
				stage_runwait_name((enum stage_runwait)wait),
				(double)figures->list[t].last.waited[wait] / 1000);
		}
	}
}

static void
print_failures(FILE *out, const struct figures *figures)
{
	static const char name[] = "stagedir_failed_runs";
	size_t t;
	int kind;

	print_head(out, name,
		"Backups to a target that failed, of those whose records are kept, by kind.");
	for (t = 0; t < figures->count; t++) {
		for (kind = STAGE_RUN_DONE + 1; figures->list[t].has_run && kind < KINDS; kind++) {
			if (kind == STAGE_RUN_RESTARTED)
				continue;
			print_target(out, name, &figures->list[t]);
			fprintf(out, "\",kind=\"%s\"} %" PRIu64 "\n",
				kind == KILLED ? "killed"
					       : stage_runresult_name((enum stage_runresult)kind),
				figures->list[t].failed[kind]);
		}
	}
}

static void
print_roots(FILE *out, char *const *roots)
{
	static const char name[] = "stagedir_root_free_bytes";
	uint64_t free_bytes;
	char *const *root;

	print_head(out, name, "Free space in a temp root, for this user.");
	for (root = roots; *root; root++) {
		if (is_there_before(roots, root) || !stage_runline_free(*root, &free_bytes))
			continue;
		fprintf(out, "%s{root=\"", name);
		print_label(out, *root);
		fprintf(out, "\"} %" PRIu64 "\n", free_bytes);
	}
}

int
stage_metrics_make(
	const struct stage_metrics_places *places, char **ret_text, struct stage_error *error)
{
	static char *const none[] = {NULL};
	struct figures figures = {0};
	size_t length = 0, t;
	char *text = NULL;
	bool failed;
	FILE *out;

	if (places->run)
		add_own(&figures, places->run);
	add_records(&figures, places->record);
	add_folders(&figures, places->roots, none);
	add_folders(&figures, places->folders, places->roots);
	out = open_memstream(&text, &length);
	failed = !out || figures.no_memory;
	if (out) {
		print_figures(out, &figures);
		print_waits(out, &figures);
		print_failures(out, &figures);
		print_roots(out, places->roots);
		failed |= ferror(out) != 0;
		failed |= fclose(out) != 0;
	}
	for (t = 0; t < figures.count; t++)
		free(figures.list[t].name);
	free(figures.list);
	if (failed) {
		free(text);
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for the metrics");
	}
	*ret_text = text;
	return 0;
}

/* Writes all of a text. Returns 0 or an errno. */
static int
write_all(int fd, const char *text)
{
	size_t left = strlen(text);
	ssize_t written;

	while (left) {
		written = write(fd, text, left);
		if (written < 0 && errno != EINTR)
			return errno;
		if (written > 0) {
			text += written;
			left -= (size_t)written;
		}
	}
	return 0;
}

/* May a file take the place of what is at path? Only of a file: neither a device nor a link is replaced. */
static int
check_place(const char *path, struct stage_error *error)
{
	struct stat found;

	if (lstat(path, &found) < 0) {
		if (errno == ENOENT)
			return 0;
		return stage_error_set(error, STAGE_E_SYSTEM, errno, "cannot write %s", path);
	}
	if (S_ISREG(found.st_mode))
		return 0;
	return stage_error_set(error, STAGE_E_SETTING, 0,
		"%s is not a regular file; allowed is one, or a name that is free", path);
}

int
stage_metrics_write(const char *path, const char *text, struct stage_error *error)
{
	char *beside;
	int fd, failed = check_place(path, error);

	if (failed < 0)
		return failed;
	if (asprintf(&beside, "%s.%ld", path, (long)getpid()) < 0)
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to write %s", path);
	(void)unlink(beside); /* of a run that was killed, and had this pid */
	fd = stage_regular_make(AT_FDCWD, beside, O_WRONLY);
	failed = fd < 0 ? errno : write_all(fd, text);
	if (!failed && (fchmod(fd, 0644) < 0 || rename(beside, path) < 0))
		failed = errno;
	if (fd >= 0 && failed)
		(void)unlink(beside);
	if (fd >= 0)
		close(fd);
	free(beside);
	return failed ? stage_error_set(error, STAGE_E_SYSTEM, failed, "cannot write %s", path) : 0;
}
