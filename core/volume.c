/*
 * lock guards all but path, bytes, durable and log, which do not change. It is held while the thread
 * of a follower is waited for; that never waits for anybody. It is not held while something is logged:
 * who writes the log may wait for whoever waits for the lock, or be one who uses the volume.
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
#include "digestfollow.h"
#include "regular.h"

/* Bytes for a sync_file_range(2), at least. */
#define WRITE_BACK_BYTES ((uint64_t)8 * 1024 * 1024)

/*
 * Bytes that are allocated ahead of the writer. Half of it is more than a feeder of gpg passes on between two
 * looks, with what a wide pipe and gpg hold.
 */
#define STEP_BYTES ((uint64_t)16 * 1024 * 1024)

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
	int held_fd;                     /* from before it was written; -1: none */
	int ahead_fd;                    /* to allocate with; -1: it is written without */
	uint64_t allocated;              /* bytes from its begin on */
	int refusal;                     /* the last errno of that */
	struct stage_digester *digester; /* of a volume that is begun, one of the two, or none */
	struct stage_digestfollow *follow;
	uint64_t written, begun; /* bytes of its own writer: all, and those on their way to disk */
	bool failed;             /* the digester has */
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
	volume->held_fd = volume->ahead_fd = -1;
	*ret_volume = volume;
	return 0;
}

const char *
stage_volume_path(const struct stage_volume *volume)
{
	return volume->path;
}

/* Takes the lock of a volume that is in this state, or in the other; with a code the lock is not taken. */
static int
enter_either(struct stage_volume *volume, enum state state, enum state other, const char *what,
	struct stage_error *error)
{
	enum state now;

	if (getpid() != volume->owner)
		return stage_error_set(error, STAGE_E_FORKED, 0,
			"the volume %s cannot be %s: it is of the process that has made this one",
			volume->path, what);
	pthread_mutex_lock(&volume->lock);
	now = volume->state;
	if (now == state || now == other)
		return 0;
	pthread_mutex_unlock(&volume->lock);
	return stage_error_set(error, STAGE_E_ARGUMENT, 0,
		"the volume %s cannot be %s: it is %s, and must be %s", volume->path, what,
		state_names[now], state_names[state]);
}

static int
enter(struct stage_volume *volume, enum state state, const char *what, struct stage_error *error)
{
	return enter_either(volume, state, state, what, error);
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

/* Another descriptor than is held: what one was told of the disk it is not told again. */
static int
follow(struct stage_volume *volume, int fd, struct stage_error *error)
{
	int code, again = open_again(fd, volume->path);

	if (again < 0)
		return stage_error_set(error, STAGE_E_SYSTEM, 0, "it cannot be opened for reading");
	code = stage_digestfollow_open(
		again, volume->path, volume->durable, &volume->follow, error);
	if (code < 0)
		close(again);
	return code;
}

/* Begins to take the digests. 0, or a code with *error. */
static int
take_digests(struct stage_volume *volume, int fd, enum stage_volume_writer writer,
	struct stage_error *error)
{
	volume->held_fd = open_again(fd, volume->path);
	if (volume->held_fd < 0)
		return stage_error_set(error, STAGE_E_SYSTEM, 0, "it cannot be opened for reading");
	if (writer == STAGE_VOLUME_OTHER)
		return follow(volume, fd, error);
	volume->digester = stage_digester_new(true);
	if (!volume->digester)
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for its digests");
	return 0;
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
	volume->state = BEGUN;
	volume->ahead_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	code = take_digests(volume, fd, writer, &failure);
	leave(volume, 0);
	if (code < 0)
		say_why_not(volume, &failure);
	return 0;
}

/* As stage_volume_ahead(), of which so many bytes are written. With the lock. */
static int
allocate_ahead(struct stage_volume *volume, uint64_t written, struct stage_error *error)
{
	uint64_t bytes =
		written + STEP_BYTES < volume->bytes ? written + STEP_BYTES : volume->bytes;

	if (volume->ahead_fd < 0 || bytes <= volume->allocated ||
		written + STEP_BYTES / 2 < volume->allocated)
		return 0;
	if (!stage_allocate(volume->ahead_fd, volume->allocated, bytes - volume->allocated)) {
		volume->refusal = errno;
		return stage_error_set(error, STAGE_E_SYSTEM, errno,
			"no disk space for the volume %s", volume->path);
	}
	volume->refusal = 0;
	volume->allocated = bytes;
	return 0;
}

int
stage_volume_ahead(struct stage_volume *volume, struct stage_error *error)
{
	struct stat stat;
	int code;

	code = enter(volume, BEGUN, "given disk space", error);
	if (code < 0)
		return code;
	if (volume->ahead_fd >= 0 && fstat(volume->ahead_fd, &stat) == 0)
		code = allocate_ahead(volume, (uint64_t)stat.st_size, error);
	return leave(volume, code);
}

void
stage_volume_without(struct stage_volume *volume)
{
	if (getpid() != volume->owner)
		return;
	pthread_mutex_lock(&volume->lock);
	close_fd(&volume->ahead_fd);
	pthread_mutex_unlock(&volume->lock);
}

int
stage_volume_refusal(struct stage_volume *volume)
{
	int refusal;

	if (getpid() != volume->owner)
		return 0;
	pthread_mutex_lock(&volume->lock);
	refusal = volume->refusal;
	pthread_mutex_unlock(&volume->lock);
	return refusal;
}

/* Has the writing to disk begin. Whatever comes of it is told by the sync of the spool. */
static void
write_back(struct stage_volume *volume)
{
	uint64_t bytes = volume->written - volume->begun;

	if (!volume->durable || bytes < WRITE_BACK_BYTES)
		return;
	(void)sync_file_range(
		volume->held_fd, (off_t)volume->begun, (off_t)bytes, SYNC_FILE_RANGE_WRITE);
	volume->begun = volume->written;
}

void
stage_volume_wrote(struct stage_volume *volume, const void *data, size_t size)
{
	struct stage_error refused;

	if (getpid() != volume->owner)
		return;
	pthread_mutex_lock(&volume->lock);
	volume->written += size;
	if (volume->digester) {
		if (stage_digester_add(volume->digester, data, size) < 0)
			volume->failed = true;
		write_back(volume);
	}
	if (allocate_ahead(volume, volume->written, &refused) < 0) {
		stage_allocate_end(volume->ahead_fd); /* nobody else writes it */
		/* what a refused step kept is given back by that, and so are the steps before, which are needed */
		(void)stage_allocate(
			volume->ahead_fd, volume->written, volume->allocated - volume->written);
		close_fd(&volume->ahead_fd);
	}
	pthread_mutex_unlock(&volume->lock);
}

/* What was digested is all that is in the file. */
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

/* Ends the digests of what was written: 0, or a code with *error. */
static int
end_digester(struct stage_volume *volume, struct stage_error *error)
{
	struct stage_digest digest;
	int code;

	if (volume->failed || stage_digester_end(volume->digester, &digest, volume->sha1) < 0)
		code = stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for its digests");
	else
		code = check_size(volume, &digest, error);
	stage_digester_free(volume->digester);
	volume->digester = NULL;
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

/* How its digests were taken; NULL where nobody has. */
static const char *
taken_how(const struct stage_volume *volume)
{
	if (volume->digester)
		return "digested while it was written";
	return volume->follow ? "read while it was written" : NULL;
}

/* Takes what is known, if digests were taken: 0, or a code with *error. With the lock. */
static int
know(struct stage_volume *volume, struct stage_error *error)
{
	int code = 0;

	volume->state = COMPLETE;
	close_fd(&volume->ahead_fd);
	if (volume->digester)
		code = end_digester(volume, error);
	else if (volume->follow)
		code = end_follow(volume, error);
	else
		return 0;
	volume->has_digest = volume->has_sha1 = code == 0;
	return code;
}

int
stage_volume_complete(struct stage_volume *volume, struct stage_error *error)
{
	struct stage_error failure;
	const char *how;
	int code;

	code = enter_either(volume, BEGUN, COMPLETE, "completed", error);
	if (code < 0)
		return code;
	if (volume->state == COMPLETE)
		return leave(volume, 0);
	how = taken_how(volume);
	code = leave(volume, know(volume, &failure));
	if (code < 0)
		say_why_not(volume, &failure);
	else if (how)
		stage_log_line(volume->log, STAGE_DEBUG, "%s was %s", volume->path, how);
	return 0;
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
	stage_digester_free(volume->digester);
	volume->digester = NULL;
	stage_digestfollow_drop(&volume->follow);
	close_fd(&volume->held_fd);
	close_fd(&volume->ahead_fd);
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
