/*
 * A record is made as `.NAME`, which no reader looks at, locked, begun, and given its name then.
 *
 * lock guards what is written, and the sums. A line that was torn is ended by a mark before the next one
 * (journal_format.h).
 */
#include "runrecord.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "path.h"
#include "regular.h"
#include "runreader.h"
#include "statedir.h"

struct stage_runrecord {
	pid_t owner;
	struct stage_log log;
	pthread_mutex_t lock;
	int fd;    /* -1: nothing is written */
	bool torn; /* the last line */
	bool told; /* that something could not be written */
	char *path;
	struct stage_runsummary summary;
};

/* YYYYMMDDTHHMMSS.mmmZ-PID, in UTC. */
#define NAME_PATTERN "00000000T000000.000Z-"

int64_t
stage_runrecord_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool
stage_runrecord_is_name(const char *name)
{
	static const char pattern[] = NAME_PATTERN, digits[] = "0123456789";
	const size_t length = sizeof(pattern) - 1;
	size_t i;

	for (i = 0; i < length; i++)
		if (pattern[i] == '0' ? !name[i] || !strchr(digits, name[i])
				      : name[i] != pattern[i])
			return false;
	return name[length] && !name[length + strspn(name + length, digits)] &&
	       strlen(name) < STAGE_RUNRECORD_NAME_MAX - 1;
}

bool
stage_runrecord_is_future(const struct stage_runsummary *summary)
{
	const int64_t limit = stage_runrecord_now() + STAGE_RUNRECORD_SLACK;

	return summary->begun > limit || summary->last > limit;
}

bool
stage_runrecord_is_backup(const struct stage_runsummary *summary)
{
	return summary->action && strcmp(summary->action, STAGE_RUNRECORD_FLUSH) != 0;
}

void
stage_runrecord_spell(char name[STAGE_RUNRECORD_NAME_MAX], int64_t time)
{
	time_t seconds = (time_t)(time / 1000);
	char text[32];
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(text, sizeof(text), "%Y%m%dT%H%M%S", &utc);
	snprintf(name, STAGE_RUNRECORD_NAME_MAX, "%s.%03dZ-%ld", text, (int)(time % 1000),
		(long)getpid());
}

/* 0 or an errno. */
static int
write_line(int fd, const char *text, size_t length)
{
	ssize_t written;

	do
		written = write(fd, text, length);
	while (written < 0 && errno == EINTR);
	/* that less was written has no errno: want of room is why it happens to a file */
	return written < 0 ? errno : written == (ssize_t)length ? 0 : ENOSPC;
}

/* With the lock: 0 or an errno. */
static int
write_event(struct stage_runrecord *record, const struct stage_runevent *event)
{
	char *text;
	size_t length;
	int failed;

	length = stage_runevent_format(event, record->torn, &text);
	if (!length)
		return ENOMEM;
	failed = write_line(record->fd, text, length);
	record->torn = failed != 0;
	free(text);
	return failed;
}

void
stage_runrecord_add(struct stage_runrecord *record, const struct stage_runevent *event)
{
	struct stage_runevent timed;
	bool tell;
	int failed = 0;

	if (!record || getpid() != record->owner)
		return;
	pthread_mutex_lock(&record->lock);
	timed = *event;
	if (!timed.time)
		timed.time = stage_runrecord_now();
	if (record->summary.result != STAGE_RUN_NONE) {
		pthread_mutex_unlock(&record->lock);
		return;
	}
	stage_runsummary_add(&record->summary, &timed);
	if (record->fd >= 0)
		failed = write_event(record, &timed);
	tell = failed && !record->told;
	record->told |= failed != 0;
	pthread_mutex_unlock(&record->lock);
	if (tell)
		stage_log_line(&record->log, STAGE_WARNING,
			"the record of this run is not complete: cannot write to %s: %s",
			record->path, stage_error_errno_text(failed));
}

/* The targets of which a newer record of a backup is kept that was done. */
struct kept {
	char **targets;
	size_t count;
};

/* Is this the newest backup of its target that was done? The summary's target is taken over then. */
static bool
is_newest_done(struct stage_runsummary *summary, struct kept *kept)
{
	char **longer;
	size_t i;

	if (summary->result != STAGE_RUN_DONE || !summary->target ||
		stage_runrecord_is_future(summary) || !stage_runrecord_is_backup(summary))
		return false;
	for (i = 0; i < kept->count; i++)
		if (strcmp(kept->targets[i], summary->target) == 0)
			return false;
	longer = reallocarray(kept->targets, kept->count + 1, sizeof(*longer));
	if (longer) {
		kept->targets = longer;
		longer[kept->count++] = summary->target;
		summary->target = NULL;
	}
	return true;
}

/* Is a record kept however old it is? Its run lives, or it tells when its target was last backed up. */
static bool
is_wanted(int dirfd, const char *name, struct kept *kept)
{
	struct stage_runsummary summary = {0};
	struct stage_runreader *reader;
	struct stage_error error;
	bool is;

	if (stage_runreader_open(dirfd, name, &reader, &error) < 0)
		return false;
	is = stage_runreader_sum(reader, &summary, &error) == 0 && is_newest_done(&summary, kept);
	is |= stage_runreader_state(reader) == STAGE_RUNSTATE_LIVE;
	stage_runsummary_release(&summary);
	stage_runreader_close(&reader);
	return is;
}

/* Removes the oldest records, so that keep are left. What cannot be removed stays. */
static void
remove_old(unsigned int keep)
{
	struct stage_runfolder folder;
	struct stage_error error;
	struct kept kept = {0};
	size_t i;

	if (stage_runreader_list(&folder, &error) < 0)
		return;
	for (i = 0; folder.count > keep && i < folder.count; i++) {
		const bool wanted = is_wanted(folder.fd, folder.names[i], &kept);

		if (i >= keep && !wanted)
			unlinkat(folder.fd, folder.names[i], 0);
	}
	for (i = 0; i < kept.count; i++)
		free(kept.targets[i]);
	free(kept.targets);
	stage_runreader_list_free(&folder);
}

/* Makes the file, locked, with its first lines. Returns 0 or an errno. */
static int
make_file(struct stage_runrecord *record, int dirfd, const char *name,
	const struct stage_runevent *begun)
{
	char hidden[STAGE_RUNRECORD_NAME_MAX + 1];
	int failed;

	snprintf(hidden, sizeof(hidden), ".%s", name);
	(void)unlinkat(dirfd, hidden, 0); /* of a run that had this pid, and was killed here */
	record->fd = stage_regular_make(dirfd, hidden, O_WRONLY | O_APPEND);
	if (record->fd < 0)
		return errno;
	(void)flock(record->fd, LOCK_EX | LOCK_NB);
	failed = write_event(record, &(struct stage_runevent){.kind = STAGE_RUN_VERSION});
	if (!failed)
		failed = write_event(record, begun);
	if (!failed && renameat(dirfd, hidden, dirfd, name) < 0)
		failed = errno;
	if (failed) {
		unlinkat(dirfd, hidden, 0);
		close(record->fd);
		record->fd = -1;
	}
	return failed;
}

/* Opens the file of the record, or tells why there is none. */
static void
open_file(struct stage_runrecord *record, const struct stage_runevent *begun)
{
	char name[STAGE_RUNRECORD_NAME_MAX];
	struct stage_error error;
	char *folder;
	int fd, code, failed;

	code = stage_statedir_open(STAGE_RUNRECORD_FOLDER, true, &fd, &folder, &error);
	if (code == 0) {
		stage_runrecord_spell(name, begun->time);
		record->path = stage_path_join(folder, name);
		failed = record->path ? make_file(record, fd, name, begun) : ENOMEM;
		if (failed)
			code = stage_error_set(
				&error, STAGE_E_SYSTEM, failed, "cannot make a file in %s", folder);
		close(fd);
		free(folder);
	}
	if (code < 0)
		stage_log_line(&record->log, STAGE_WARNING,
			"there is no record of this run: %s; \"keep_runs = 0\" in stagedir.conf does without",
			error.message);
}

int
stage_runrecord_begin(const struct stage_runevent *begun, unsigned int keep,
	const struct stage_log *log, struct stage_runrecord **ret_record, struct stage_error *error)
{
	struct stage_runrecord *record = calloc(1, sizeof(*record));
	struct stage_runevent timed = *begun;

	if (!record || pthread_mutex_init(&record->lock, NULL) != 0) {
		free(record);
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory for the record of a run");
	}
	record->owner = getpid();
	record->fd = -1;
	if (log)
		record->log = *log;
	timed.kind = STAGE_RUN_BEGUN;
	timed.time = stage_runrecord_now();
	timed.number = (uint64_t)record->owner;
	stage_runsummary_add(&record->summary, &timed);
	if (keep > 0) {
		remove_old(keep - 1);
		open_file(record, &timed);
	}
	*ret_record = record;
	return 0;
}

bool
stage_runrecord_summary(struct stage_runrecord *record, struct stage_runsummary *ret_summary)
{
	bool done;

	if (!record || getpid() != record->owner)
		return false;
	pthread_mutex_lock(&record->lock);
	done = stage_runsummary_copy(&record->summary, ret_summary);
	pthread_mutex_unlock(&record->lock);
	return done;
}

const char *
stage_runrecord_path(const struct stage_runrecord *record)
{
	return record->fd >= 0 ? record->path : "";
}

void
stage_runrecord_close(struct stage_runrecord **record)
{
	int saved_errno = errno;

	if (!*record)
		return;
	if ((*record)->fd >= 0)
		close((*record)->fd);
	if (getpid() == (*record)->owner)
		pthread_mutex_destroy(&(*record)->lock);
	stage_runsummary_release(&(*record)->summary);
	free((*record)->path);
	free(*record);
	*record = NULL;
	errno = saved_errno;
}
