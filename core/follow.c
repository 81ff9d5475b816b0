/*
 * lock guards state; everything else is the thread's while that lives.
 */
#include "follow.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "durable.h"

/* Bytes for a pread(2): enough for the calls to cost nothing beside the digests. */
#define PIECE (256 * 1024)

/* Bytes at the end of a file that somebody may still be writing. */
#define UNSETTLED (256 * 1024)

/* Bytes for a sync_file_range(2), at least. */
#define WRITE_BACK_BYTES ((uint64_t)8 * 1024 * 1024)

/* Seconds between two looks at a file that has not grown. */
#define LOOK 0.05

enum state { GROWING, COMPLETE, UNWANTED };

struct stage_follow {
	pid_t owner;
	int fd;
	char *path;
	bool write_back;
	pthread_t thread;

	pthread_mutex_t lock;
	pthread_cond_t wake;
	enum state state;

	struct stage_digester *digester;
	unsigned char *buffer;
	uint64_t size, begun; /* bytes that were read; of which writing to disk was begun */
	int code;
	int sys_errno;
};

static enum state
state_of(struct stage_follow *follow)
{
	enum state state;

	pthread_mutex_lock(&follow->lock);
	state = follow->state;
	pthread_mutex_unlock(&follow->lock);
	return state;
}

/* Sleeps until there may be more to read. */
static void
wait_for_more(struct stage_follow *follow)
{
	struct timespec until = stage_clock_deadline(LOOK);

	pthread_mutex_lock(&follow->lock);
	if (follow->state == GROWING)
		pthread_cond_timedwait(&follow->wake, &follow->lock, &until);
	pthread_mutex_unlock(&follow->lock);
}

/* Has the writing to disk begin. Whatever comes of it is told by the sync of the owner. */
static void
write_back(struct stage_follow *follow)
{
	uint64_t bytes = follow->size - follow->begun;

	if (!follow->write_back || bytes < WRITE_BACK_BYTES)
		return;
	(void)sync_file_range(
		follow->fd, (off_t)follow->begun, (off_t)bytes, SYNC_FILE_RANGE_WRITE);
	follow->begun = follow->size;
}

static bool
fail(struct stage_follow *follow)
{
	follow->sys_errno = errno;
	follow->code = STAGE_E_SYSTEM;
	return false;
}

/*
 * Is there a piece that may be read? What is being written is not, even where the size tells of it:
 * Linux on processors that order memory weakly has given out bytes that were not there yet, until
 * "mm/filemap: avoid buffered read/write race to read inconsistent data" (2024), and what FUSE and
 * network file systems do is theirs. False, too, with a code.
 */
static bool
has_piece(struct stage_follow *follow, enum state state)
{
	struct stat stat;

	if (state == COMPLETE)
		return true;
	if (fstat(follow->fd, &stat) < 0)
		return fail(follow);
	return (uint64_t)stat.st_size >= follow->size + PIECE + UNSETTLED;
}

/* Reads a piece. False where there is none, or with a code. */
static bool
read_piece(struct stage_follow *follow)
{
	ssize_t got;

	do
		got = pread(follow->fd, follow->buffer, PIECE, (off_t)follow->size);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return fail(follow);
	if (stage_digester_add(follow->digester, follow->buffer, (size_t)got) < 0) {
		follow->code = STAGE_E_MEMORY;
		return false;
	}
	follow->size += (uint64_t)got;
	write_back(follow);
	return got > 0;
}

/* In the thread. */
static void *
run(void *context)
{
	struct stage_follow *follow = context;
	enum state state;

	while ((state = state_of(follow)) != UNWANTED) {
		if (has_piece(follow, state) && read_piece(follow))
			continue;
		if (follow->code < 0 || state == COMPLETE)
			break;
		wait_for_more(follow);
	}
	return NULL;
}

/* Without the thread and its lock. */
static void
release(struct stage_follow *follow)
{
	if (follow->fd >= 0)
		close(follow->fd);
	stage_digester_free(follow->digester);
	free(follow->buffer);
	free(follow->path);
	free(follow);
}

/* Lock and thread, or none of them. Returns an errno. */
static int
start(struct stage_follow *follow)
{
	sigset_t all, before;
	int failed;

	failed = pthread_mutex_init(&follow->lock, NULL);
	if (failed)
		return failed;
	failed = stage_clock_condition(&follow->wake);
	if (failed)
		goto no_wake;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&follow->thread, NULL, run, follow);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!failed)
		return 0;

	pthread_cond_destroy(&follow->wake);
no_wake:
	pthread_mutex_destroy(&follow->lock);
	return failed;
}

static int
no_memory(const char *path, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for the digests of %s", path);
}

int
stage_follow_open(int fd, const char *path, bool write_back, struct stage_follow **ret_follow,
	struct stage_error *error)
{
	struct stage_follow *follow = calloc(1, sizeof(*follow));
	int failed;

	if (!follow)
		return no_memory(path, error);
	follow->owner = getpid();
	follow->fd = -1;
	follow->write_back = write_back;
	follow->path = strdup(path);
	follow->buffer = malloc(PIECE);
	follow->digester = stage_digester_new(true);
	if (!follow->path || !follow->buffer || !follow->digester) {
		release(follow);
		return no_memory(path, error);
	}
	follow->fd = fd;
	failed = start(follow);
	if (failed) {
		follow->fd = -1; /* still the caller's */
		release(follow);
		return stage_error_set(error, STAGE_E_SYSTEM, failed,
			"cannot start a thread that follows %s", path);
	}
	*ret_follow = follow;
	return 0;
}

static void
join(struct stage_follow *follow, enum state state)
{
	pthread_mutex_lock(&follow->lock);
	follow->state = state;
	pthread_cond_signal(&follow->wake);
	pthread_mutex_unlock(&follow->lock);
	pthread_join(follow->thread, NULL);
	pthread_cond_destroy(&follow->wake);
	pthread_mutex_destroy(&follow->lock);
}

/*
 * Has the disk taken all that it was given so far? Otherwise what was read may be what the disk had
 * in its place: the kernel drops what it could not write. The wait is for the first page alone.
 */
static bool
was_taken(const struct stage_follow *follow)
{
	return !follow->write_back || stage_durable_has_taken(follow->fd);
}

/* What the thread, which has ended, has found. */
static int
tell(struct stage_follow *follow, struct stage_followed *ret_followed, struct stage_error *error)
{
	struct stage_followed followed;
	struct stat stat;

	if (follow->code == 0 && (fstat(follow->fd, &stat) < 0 || !was_taken(follow))) {
		follow->code = STAGE_E_SYSTEM;
		follow->sys_errno = errno;
	}
	if (follow->code == STAGE_E_SYSTEM)
		return stage_error_set(
			error, STAGE_E_SYSTEM, follow->sys_errno, "cannot read %s", follow->path);
	if (follow->code < 0 ||
		stage_digester_end(follow->digester, &followed.digest, followed.sha1) < 0)
		return no_memory(follow->path, error);
	if ((uint64_t)stat.st_size != follow->size)
		return stage_error_set(error, STAGE_E_DAMAGED, 0,
			"%llu bytes were read of %s while it was written, and now it has %lld",
			(unsigned long long)follow->size, follow->path, (long long)stat.st_size);
	*ret_followed = followed;
	return 0;
}

int
stage_follow_end(struct stage_follow **follow, struct stage_followed *ret_followed,
	struct stage_error *error)
{
	int code;

	if (!*follow)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"nothing is followed: it has ended already, or was never begun");
	if (getpid() == (*follow)->owner) {
		join(*follow, COMPLETE);
		code = tell(*follow, ret_followed, error);
	} else {
		code = stage_error_set(error, STAGE_E_FORKED, 0,
			"%s is followed by the process that has made this one", (*follow)->path);
	}
	release(*follow);
	*follow = NULL;
	return code;
}

void
stage_follow_drop(struct stage_follow **follow)
{
	if (!*follow)
		return;
	if (getpid() == (*follow)->owner)
		join(*follow, UNWANTED);
	release(*follow);
	*follow = NULL;
}
