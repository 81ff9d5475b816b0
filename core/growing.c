#include "growing.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"

/* Bytes at the end of a file that somebody may still be writing. */
#define UNSETTLED (256 * 1024)

static int
fail(const struct stage_growing *growing, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_SYSTEM, errno, "cannot read %s", growing->path);
}

int
stage_growing_init(
	struct stage_growing *growing, int fd, const char *path, struct stage_error *error)
{
	int failed;

	*growing = (struct stage_growing){.fd = fd, .path = path, .state = STAGE_GROWING};
	failed = pthread_mutex_init(&growing->lock, NULL);
	if (failed)
		goto failed;
	failed = stage_clock_condition(&growing->wake);
	if (!failed)
		return 0;
	pthread_mutex_destroy(&growing->lock);
failed:
	return stage_error_set(
		error, STAGE_E_SYSTEM, failed, "cannot read %s while it is written", path);
}

static enum stage_growing_state
state_of(struct stage_growing *growing)
{
	enum stage_growing_state state;

	pthread_mutex_lock(&growing->lock);
	state = growing->state;
	pthread_mutex_unlock(&growing->lock);
	return state;
}

bool
stage_growing_wait(struct stage_growing *growing, double seconds)
{
	struct timespec until = stage_clock_deadline(seconds);
	bool grows;
	int code = 0;

	pthread_mutex_lock(&growing->lock);
	while (growing->state == STAGE_GROWING && code == 0)
		code = pthread_cond_timedwait(&growing->wake, &growing->lock, &until);
	grows = growing->state == STAGE_GROWING;
	pthread_mutex_unlock(&growing->lock);
	return !grows;
}

/*
 * May so many bytes be read of a file that grows: 1, 0 or -1 with errno? What is being written is
 * not, even where the size tells of it: Linux on processors that order memory weakly has given out
 * bytes that were not there yet, until "mm/filemap: avoid buffered read/write race to read
 * inconsistent data" (2024), and what FUSE and network file systems do is theirs.
 */
static int
is_settled(const struct stage_growing *growing, size_t size)
{
	struct stat stat;

	if (fstat(growing->fd, &stat) < 0)
		return -1;
	return (uint64_t)stat.st_size >= growing->size + size + UNSETTLED;
}

static ssize_t
read_next(struct stage_growing *growing, void *buffer, size_t size)
{
	ssize_t got;

	do
		got = pread(growing->fd, buffer, size, (off_t)growing->size);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		growing->size += (uint64_t)got;
	return got;
}

int
stage_growing_read(struct stage_growing *growing, void *buffer, size_t size, double seconds,
	size_t *ret_count, struct stage_error *error)
{
	enum stage_growing_state state;
	int settled = 1;
	ssize_t got = 0;

	for (;;) {
		state = state_of(growing);
		if (state == STAGE_GROWING)
			settled = is_settled(growing, size);
		if (settled > 0 && state != STAGE_UNWANTED)
			got = read_next(growing, buffer, size);
		if (settled < 0 || got < 0)
			return fail(growing, error);
		if (got > 0 || state != STAGE_GROWING)
			break;
		if (seconds <= 0)
			return stage_error_set(error, STAGE_E_AGAIN, 0, "%s is still being written",
				growing->path);
		stage_growing_wait(growing, STAGE_GROWING_LOOK);
		seconds -= STAGE_GROWING_LOOK;
		settled = 1;
	}
	*ret_count = (size_t)got;
	return 0;
}

uint64_t
stage_growing_size(const struct stage_growing *growing)
{
	return growing->size;
}

static void
tell(struct stage_growing *growing, enum stage_growing_state state)
{
	pthread_mutex_lock(&growing->lock);
	growing->state = state;
	pthread_cond_broadcast(&growing->wake);
	pthread_mutex_unlock(&growing->lock);
}

void
stage_growing_complete(struct stage_growing *growing)
{
	tell(growing, STAGE_GROWN);
}

void
stage_growing_abandon(struct stage_growing *growing)
{
	tell(growing, STAGE_UNWANTED);
}

void
stage_growing_release(struct stage_growing *growing)
{
	pthread_cond_destroy(&growing->wake);
	pthread_mutex_destroy(&growing->lock);
}
