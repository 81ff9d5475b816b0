/*
 * lock guards all but path, bytes, durable and log, which do not change. It is held while a digest
 * thread is waited for; that never waits for anybody.
 */
#include "volume.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "allocate.h"
#include "digestthread.h"
#include "digestfollow.h"
#include "regular.h"

enum state { RESERVED, BEGUN, COMPLETE, STAGED, ENDED };

static const char *const state_names[] = {
	"not begun", "being written", "complete", "staged", "not wanted any more"};

struct stage_volume {
	pid_t owner;
	char *path;
	uint64_t bytes;
	bool durable;
	const struct stage_log *log;

	pthread_mutex_t lock;
	enum state state;
	int held_fd;                       /* from before it was written; -1: none */
	struct stage_digestthread *thread; /* of a volume that is begun, one of the two, or none */
	struct stage_digestfollow *follow;
	int thread_fd; /* the thread's; -1: none */
	bool has_digest, has_sha1;
	struct stage_digest digest;
	unsigned char sha1[STAGE_SHA1_BYTES];
};

int
stage_volume_new(const char *path, uint64_t bytes, bool durable, const struct stage_log *log,
	struct stage_volume **ret_volume, struct stage_error *error)
{
	struct stage_volume *volume = calloc(1, sizeof(*volume));
	int failed;

	if (volume)
		volume->path = strdup(path);
	if (!volume || !volume->path) {
		free(volume);
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory for the volume %s", path);
	}
	failed = pthread_mutex_init(&volume->lock, NULL);
	if (failed) {
		free(volume->path);
		free(volume);
		return stage_error_set(error, STAGE_E_SYSTEM, failed,
			"cannot make a lock for the volume %s", path);
	}
	volume->owner = getpid();
	volume->bytes = bytes;
	volume->durable = durable;
	volume->log = log;
	volume->held_fd = volume->thread_fd = -1;
	*ret_volume = volume;
	return 0;
}

const char *
stage_volume_path(const struct stage_volume *volume)
{
	return volume->path;
}

/* Takes the lock of a volume that is in this state; with a code the lock is not taken. */
static int
enter(struct stage_volume *volume, enum state state, const char *what, struct stage_error *error)
{
	enum state now;

	if (getpid() != volume->owner)
		return stage_error_set(error, STAGE_E_FORKED, 0,
			"the volume %s cannot be %s: it is of the process that has made this one",
			volume->path, what);
	pthread_mutex_lock(&volume->lock);
	now = volume->state;
	if (now == state)
		return 0;
	pthread_mutex_unlock(&volume->lock);
	return stage_error_set(error, STAGE_E_ARGUMENT, 0,
		"the volume %s cannot be %s: it is %s, and must be %s", volume->path, what,
		state_names[now], state_names[state]);
}

static int
leave(struct stage_volume *volume, int code)
{
	pthread_mutex_unlock(&volume->lock);
	return code;
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
say_why_not(const struct stage_volume *volume, const struct stage_error *error)
{
	stage_log_line(volume->log, STAGE_INFO, "%s is read again when it is complete: %s",
		volume->path, error->message);
}

/* Opens for reading what fd has open. -1 where there is something else at path. */
static int
open_again(int fd, const char *path)
{
	struct stat written, found;
	int again;

	if (stage_regular_open(AT_FDCWD, path, O_RDONLY, &again, &found) < 0)
		return -1;
	if (fstat(fd, &written) == 0 && written.st_dev == found.st_dev &&
		written.st_ino == found.st_ino)
		return again;
	close(again);
	return -1;
}

/* Begins to take the digests. 0, or a code with *error. */
static int
take_digests(struct stage_volume *volume, int fd, enum stage_volume_writer writer,
	struct stage_error *error)
{
	int code, again;

	volume->held_fd = open_again(fd, volume->path);
	/* another one than is held: what a descriptor was told of the disk it is not told again */
	again = volume->held_fd < 0 ? -1 : open_again(fd, volume->path);
	if (again < 0)
		return stage_error_set(error, STAGE_E_SYSTEM, 0, "it cannot be opened for reading");
	if (writer == STAGE_VOLUME_OTHER) {
		code = stage_digestfollow_open(
			again, volume->path, volume->durable, &volume->follow, error);
		if (code < 0)
			close(again);
		return code;
	}
	volume->thread_fd = again;
	code = stage_digestthread_open(
		again, volume->path, volume->durable, &volume->thread, error);
	if (code < 0)
		close_fd(&volume->thread_fd);
	return code;
}

int
stage_volume_begin(struct stage_volume *volume, int fd, enum stage_volume_writer writer,
	struct stage_error *error)
{
	struct stage_error failure;
	int code;

	code = enter(volume, RESERVED, "begun", error);
	if (code < 0)
		return code;
	if (!stage_allocate(fd, volume->bytes))
		return leave(volume, stage_error_set(error, STAGE_E_SYSTEM, errno,
					     "no disk space for the volume %s", volume->path));
	volume->state = BEGUN;
	if (take_digests(volume, fd, writer, &failure) < 0)
		say_why_not(volume, &failure);
	return leave(volume, 0);
}

void
stage_volume_wrote(struct stage_volume *volume, const void *data, size_t size)
{
	if (getpid() != volume->owner)
		return;
	pthread_mutex_lock(&volume->lock);
	if (volume->thread)
		stage_digestthread_add(volume->thread, data, size);
	pthread_mutex_unlock(&volume->lock);
}

/* What the digest thread has taken is of all that is in the file. */
static int
check_size(const struct stage_volume *volume, const struct stage_digest *digest,
	struct stage_error *error)
{
	struct stat stat;

	if (fstat(volume->held_fd, &stat) < 0)
		return stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot look at %s", volume->path);
	if ((uint64_t)stat.st_size != digest->size)
		return stage_error_set(error, STAGE_E_DAMAGED, 0,
			"%llu bytes were written to it, and it has %lld",
			(unsigned long long)digest->size, (long long)stat.st_size);
	return 0;
}

/* Ends the thread that takes digests of what is written: 0, or a code with *error. */
static int
end_thread(struct stage_volume *volume, struct stage_error *error)
{
	struct stage_digest digest;
	int code;

	code = stage_digestthread_end(&volume->thread, &digest, volume->sha1, error);
	close_fd(&volume->thread_fd);
	if (code == 0)
		code = check_size(volume, &digest, error);
	if (code == 0)
		volume->digest = digest;
	return code;
}

static int
end_follow(struct stage_volume *volume, struct stage_error *error)
{
	struct stage_digestfollowed followed;
	int code;

	code = stage_digestfollow_end(&volume->follow, &followed, error);
	if (code < 0)
		return code;
	volume->digest = followed.digest;
	memcpy(volume->sha1, followed.sha1, sizeof(volume->sha1));
	return 0;
}

/* Takes what is known. With the lock. */
static void
know(struct stage_volume *volume)
{
	struct stage_error failure;
	const bool is_own = volume->thread;
	int code;

	volume->state = COMPLETE;
	if (!volume->thread && !volume->follow)
		return;
	code = is_own ? end_thread(volume, &failure) : end_follow(volume, &failure);
	volume->has_digest = volume->has_sha1 = code == 0;
	if (code < 0)
		say_why_not(volume, &failure);
	else
		stage_log_line(volume->log, STAGE_DEBUG, "%s was %s", volume->path,
			is_own ? "digested while it was written" : "read while it was written");
}

int
stage_volume_complete(struct stage_volume *volume, struct stage_error *error)
{
	int code;

	if (enter(volume, COMPLETE, "completed", NULL) == 0)
		return leave(volume, 0);
	code = enter(volume, BEGUN, "completed", error);
	if (code < 0)
		return code;
	know(volume);
	return leave(volume, 0);
}

int
stage_volume_sha1(struct stage_volume *volume, unsigned char ret_sha1[STAGE_SHA1_BYTES],
	struct stage_error *error)
{
	int code;

	code = enter(volume, COMPLETE, "asked for its SHA-1", error);
	if (code < 0)
		return code;
	if (!volume->has_sha1)
		return leave(volume, STAGE_E_AGAIN);
	memcpy(ret_sha1, volume->sha1, STAGE_SHA1_BYTES);
	return leave(volume, 0);
}

int
stage_volume_set_sha1(struct stage_volume *volume, const unsigned char sha1[STAGE_SHA1_BYTES],
	struct stage_error *error)
{
	int code;

	code = enter(volume, COMPLETE, "told its SHA-1", error);
	if (code < 0)
		return code;
	volume->has_sha1 = true;
	memcpy(volume->sha1, sha1, STAGE_SHA1_BYTES);
	return leave(volume, 0);
}

int
stage_volume_staged(
	struct stage_volume *volume, struct stage_spool_file *file, struct stage_error *error)
{
	int code;

	code = enter(volume, COMPLETE, "staged", error);
	if (code < 0)
		return code;
	if (volume->has_digest)
		stage_spool_set_digest(file, volume->digest.size, volume->digest.sha256);
	if (volume->held_fd >= 0)
		stage_spool_hold(file, volume->held_fd);
	volume->held_fd = -1; /* the spool's now */
	volume->state = STAGED;
	return leave(volume, 0);
}

/* With the lock, or where nobody else has the volume. */
static void
end(struct stage_volume *volume)
{
	stage_digestthread_drop(&volume->thread);
	stage_digestfollow_drop(&volume->follow);
	close_fd(&volume->thread_fd);
	close_fd(&volume->held_fd);
	if (volume->state != STAGED)
		volume->state = ENDED;
}

void
stage_volume_end(struct stage_volume *volume)
{
	if (getpid() != volume->owner)
		return;
	pthread_mutex_lock(&volume->lock);
	end(volume);
	pthread_mutex_unlock(&volume->lock);
}

static enum state
state_of(struct stage_volume *volume)
{
	enum state state;

	if (getpid() != volume->owner)
		return ENDED;
	pthread_mutex_lock(&volume->lock);
	state = volume->state;
	pthread_mutex_unlock(&volume->lock);
	return state;
}

bool
stage_volume_is_begun(struct stage_volume *volume)
{
	const enum state state = state_of(volume);

	return state == BEGUN || state == COMPLETE || state == STAGED;
}

bool
stage_volume_is_staged(struct stage_volume *volume)
{
	return state_of(volume) == STAGED;
}

void
stage_volume_free(struct stage_volume **volume)
{
	struct stage_volume *freed = *volume;

	if (!freed)
		return;
	*volume = NULL;
	end(freed);
	/* a child cannot know who had the lock */
	if (getpid() == freed->owner)
		pthread_mutex_destroy(&freed->lock);
	free(freed->path);
	free(freed);
}
