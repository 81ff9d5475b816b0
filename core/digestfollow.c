/*
 * While the thread lives all members are its own. Only reader is shared with the caller's thread.
 */
#include "digestfollow.h"

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
#include "follow.h"

/* Bytes for a pread(2): enough for the calls to cost nothing beside the digests. */
#define PIECE (256 * 1024)

/* Bytes for a sync_file_range(2), at least. */
#define WRITE_BACK_BYTES ((uint64_t)8 * 1024 * 1024)

struct stage_digestfollow {
	pid_t owner;
	int fd;
	char *path;
	bool write_back;
	pthread_t thread;
	struct stage_follow reader;

	struct stage_digester *digester;
	unsigned char *buffer;
	uint64_t begun;             /* bytes on their way to disk */
	struct stage_error failure; /* its code is 0 where nothing has failed */
};

static int
no_memory(const char *path, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for the digests of %s", path);
}

/* Has the writing to disk begin. Whatever comes of it is told by the sync of the owner. */
static void
write_back(struct stage_digestfollow *follow)
{
	uint64_t size = stage_follow_size(&follow->reader), bytes = size - follow->begun;

	if (!follow->write_back || bytes < WRITE_BACK_BYTES)
		return;
	(void)sync_file_range(
		follow->fd, (off_t)follow->begun, (off_t)bytes, SYNC_FILE_RANGE_WRITE);
	follow->begun = size;
}

/* In the thread. */
static void *
run(void *context)
{
	struct stage_digestfollow *follow = context;
	size_t count = 0;

	for (;;) {
		if (stage_follow_read(&follow->reader, follow->buffer, PIECE, STAGE_CLOCK_NEVER,
			    &count, &follow->failure) < 0)
			return NULL;
		if (count == 0)
			break;
		if (stage_digester_add(follow->digester, follow->buffer, count) < 0) {
			no_memory(follow->path, &follow->failure);
			return NULL;
		}
		write_back(follow);
	}
	return NULL;
}

/* Without the thread and what it shares. */
static void
release(struct stage_digestfollow *follow)
{
	if (follow->fd >= 0)
		close(follow->fd);
	stage_digester_free(follow->digester);
	free(follow->buffer);
	free(follow->path);
	free(follow);
}

/* What is shared, and the thread, or none of them. */
static int
start(struct stage_digestfollow *follow, int fd, struct stage_error *error)
{
	sigset_t all, before;
	int code;

	code = stage_follow_init(&follow->reader, fd, follow->path, error);
	if (code < 0)
		return code;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(&follow->thread, NULL, run, follow);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (code == 0)
		return 0;
	stage_follow_release(&follow->reader);
	return stage_error_set(
		error, STAGE_E_SYSTEM, code, "cannot start a thread that follows %s", follow->path);
}

int
stage_digestfollow_open(int fd, const char *path, bool write_back,
	struct stage_digestfollow **ret_follow, struct stage_error *error)
{
	struct stage_digestfollow *follow = calloc(1, sizeof(*follow));
	int code;

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
	code = start(follow, fd, error);
	if (code < 0) {
		follow->fd = -1; /* still the caller's */
		release(follow);
		return code;
	}
	*ret_follow = follow;
	return 0;
}

/* Waits for the thread, which was told to end. */
static void
join(struct stage_digestfollow *follow)
{
	pthread_join(follow->thread, NULL);
	stage_follow_release(&follow->reader);
}

/*
 * Has the disk taken all that it was given so far? Otherwise what was read may be what the disk had
 * in its place: the kernel drops what it could not write. The wait is for the first page alone.
 */
static bool
was_taken(const struct stage_digestfollow *follow)
{
	return !follow->write_back || stage_durable_has_taken(follow->fd);
}

/* What the thread, which has ended, has found. */
static int
tell(struct stage_digestfollow *follow, struct stage_digestfollowed *ret_followed,
	struct stage_error *error)
{
	const uint64_t size = stage_follow_size(&follow->reader);
	struct stage_digestfollowed followed;
	struct stat stat;

	if (follow->failure.code < 0) {
		if (error)
			*error = follow->failure;
		return follow->failure.code;
	}
	if (fstat(follow->fd, &stat) < 0 || !was_taken(follow))
		return stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot read %s", follow->path);
	if (stage_digester_end(follow->digester, &followed.digest, followed.sha1) < 0)
		return no_memory(follow->path, error);
	if ((uint64_t)stat.st_size != size)
		return stage_error_set(error, STAGE_E_DAMAGED, 0,
			"%llu bytes were read of %s while it was written, and now it has %lld",
			(unsigned long long)size, follow->path, (long long)stat.st_size);
	*ret_followed = followed;
	return 0;
}

int
stage_digestfollow_end(struct stage_digestfollow **follow,
	struct stage_digestfollowed *ret_followed, struct stage_error *error)
{
	int code;

	if (!*follow)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"nothing is followed: it has ended already, or was never begun");
	if (getpid() == (*follow)->owner) {
		stage_follow_complete(&(*follow)->reader);
		join(*follow);
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
stage_digestfollow_drop(struct stage_digestfollow **follow)
{
	if (!*follow)
		return;
	if (getpid() == (*follow)->owner) {
		stage_follow_abandon(&(*follow)->reader);
		join(*follow);
	}
	release(*follow);
	*follow = NULL;
}
