#include "follow.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"

/* Bytes at the end of a file that somebody may still be writing. */
#define UNSETTLED (256 * 1024)

static int
fail(const struct stage_follow *follow, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_SYSTEM, errno, "cannot read %s", follow->path);
}

int
stage_follow_init(struct stage_follow *follow, int fd, const char *path, struct stage_error *error)
{
	int failed;

	*follow = (struct stage_follow){.fd = fd, .path = path, .state = STAGE_FOLLOW_GROWING};
	failed = pthread_mutex_init(&follow->lock, NULL);
	if (failed)
		goto failed;
	failed = stage_clock_condition(&follow->wake);
	if (!failed)
		return 0;
	pthread_mutex_destroy(&follow->lock);
failed:
	return stage_error_set(
		error, STAGE_E_SYSTEM, failed, "cannot read %s while it is written", path);
}

static enum stage_follow_state
state_of(struct stage_follow *follow)
{
	enum stage_follow_state state;

	pthread_mutex_lock(&follow->lock);
	state = follow->state;
	pthread_mutex_unlock(&follow->lock);
	return state;
}

bool
stage_follow_wait(struct stage_follow *follow, double seconds)
{
	struct timespec until = stage_clock_deadline(seconds);
	bool grows;
	int code = 0;

	pthread_mutex_lock(&follow->lock);
	while (follow->state == STAGE_FOLLOW_GROWING && code == 0)
		code = pthread_cond_timedwait(&follow->wake, &follow->lock, &until);
	grows = follow->state == STAGE_FOLLOW_GROWING;
	pthread_mutex_unlock(&follow->lock);
	return !grows;
}

/*
 * May so many bytes be read of a file that grows: 1, 0 or -1 with errno? What is being written is
 * not, even where the size tells of it: Linux on processors that order memory weakly has given out
 * bytes that were not there yet, until "mm/filemap: avoid buffered read/write race to read
 * inconsistent data" (2024), and what FUSE and network file systems do is theirs.
 */
static int
is_settled(const struct stage_follow *follow, size_t size)
{
	struct stat stat;

	if (fstat(follow->fd, &stat) < 0)
		return -1;
	return (uint64_t)stat.st_size >= follow->size + size + UNSETTLED;
}

static ssize_t
read_next(struct stage_follow *follow, void *buffer, size_t size)
{
	ssize_t got;

	do
		got = pread(follow->fd, buffer, size, (off_t)follow->size);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		follow->size += (uint64_t)got;
	return got;
}

int
stage_follow_read(struct stage_follow *follow, void *buffer, size_t size, double seconds,
	size_t *ret_count, struct stage_error *error)
{
	enum stage_follow_state state;
	int settled = 1;
	ssize_t got = 0;

	for (;;) {
		state = state_of(follow);
		if (state == STAGE_FOLLOW_GROWING)
			settled = is_settled(follow, size);
		if (settled > 0 && state != STAGE_FOLLOW_UNWANTED)
			got = read_next(follow, buffer, size);
		if (settled < 0 || got < 0)
			return fail(follow, error);
		if (got > 0 || state != STAGE_FOLLOW_GROWING)
			break;
		if (seconds <= 0)
			return stage_error_set(
				error, STAGE_E_AGAIN, 0, "%s is still being written", follow->path);
		stage_follow_wait(follow, STAGE_FOLLOW_LOOK);
		seconds -= STAGE_FOLLOW_LOOK;
		settled = 1;
	}
	*ret_count = (size_t)got;
	return 0;
}

uint64_t
stage_follow_size(const struct stage_follow *follow)
{
	return follow->size;
}

static void
tell(struct stage_follow *follow, enum stage_follow_state state)
{
	pthread_mutex_lock(&follow->lock);
	follow->state = state;
	pthread_cond_broadcast(&follow->wake);
	pthread_mutex_unlock(&follow->lock);
}

void
stage_follow_complete(struct stage_follow *follow)
{
	tell(follow, STAGE_FOLLOW_COMPLETE);
}

void
stage_follow_abandon(struct stage_follow *follow)
{
	tell(follow, STAGE_FOLLOW_UNWANTED);
}

void
stage_follow_release(struct stage_follow *follow)
{
	pthread_cond_destroy(&follow->wake);
	pthread_mutex_destroy(&follow->lock);
}
