#include "runreader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listing.h"
#include "locks.h"
#include "regular.h"
#include "runrecord.h"
#include "statedir.h"

/* Longer than any line of ours. */
#define BUFFER (64 * 1024)
_Static_assert(BUFFER > STAGE_RUNEVENT_LINE_MAX, "a line fits");

struct stage_runreader {
	int fd;
	bool ended;     /* the last event was read */
	bool too_long;  /* the line that is being read does not fit */
	size_t damaged; /* lines */
	off_t offset;   /* of what was read */
	size_t begin, used;
	char name[STAGE_RUNRECORD_NAME_MAX];
	char buffer[BUFFER];
};

const char *
stage_runstate_name(enum stage_runstate state)
{
	static const char *const names[] = {"live", "ended", "killed", "unknown"};

	return names[state];
}

static int
compare_newest(const void *a, const void *b)
{
	return strcmp(*(char *const *)b, *(char *const *)a);
}

/* Puts those of the future, which are the first, behind the others. */
static void
put_future_last(struct stage_runfolder *folder)
{
	char limit[STAGE_RUNRECORD_NAME_MAX];
	char **sorted = calloc(folder->count + 1, sizeof(*sorted));
	size_t future = 0, i;

	if (!sorted)
		return; /* only their order is worse */
	stage_runrecord_spell(limit, stage_runrecord_now() + STAGE_RUNRECORD_SLACK);
	while (future < folder->count && strcmp(folder->names[future], limit) > 0)
		future++;
	for (i = 0; i < folder->count; i++)
		sorted[i] = folder->names[(i + future) % folder->count];
	free(folder->names);
	folder->names = sorted;
}

static bool
is_record(int dirfd, const char *name)
{
	struct stat found;

	return stage_runrecord_is_name(name) &&
	       fstatat(dirfd, name, &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(found.st_mode);
}

/* Adds a name to the folder. */
static int
add_name(struct stage_runfolder *folder, const char *name)
{
	char **longer = reallocarray(folder->names, folder->count + 1, sizeof(*longer));

	if (!longer)
		return STAGE_E_MEMORY;
	folder->names = longer;
	longer[folder->count] = strdup(name);
	if (!longer[folder->count])
		return STAGE_E_MEMORY;
	folder->count++;
	return 0;
}

int
stage_runreader_list(struct stage_runfolder *ret_folder, struct stage_error *error)
{
	struct stage_runfolder folder = {.fd = -1};
	struct stage_listing listing;
	const struct dirent *entry;
	int code;

	code = stage_statedir_open(STAGE_RUNRECORD_FOLDER, false, &folder.fd, &folder.path, error);
	if (code == STAGE_E_SYSTEM && error->sys_errno == ENOENT) {
		*ret_folder = folder;
		return 0;
	}
	if (code < 0)
		return code;
	stage_listing_open(&listing, folder.fd);
	while (code == 0 && (entry = stage_listing_next(&listing)))
		if (is_record(folder.fd, entry->d_name))
			code = add_name(&folder, entry->d_name);
	if (stage_listing_close(&listing) < 0 && code == 0)
		code = stage_error_set(error, STAGE_E_SYSTEM, errno, "cannot list %s", folder.path);
	else if (code < 0)
		stage_error_set(error, code, 0, "no memory to list %s", folder.path);
	if (code < 0) {
		stage_runreader_list_free(&folder);
		return code;
	}
	if (folder.count) {
		qsort(folder.names, folder.count, sizeof(*folder.names), compare_newest);
		put_future_last(&folder);
	}
	*ret_folder = folder;
	return 0;
}

void
stage_runreader_list_free(struct stage_runfolder *folder)
{
	size_t i;

	for (i = 0; i < folder->count; i++)
		free(folder->names[i]);
	free(folder->names);
	free(folder->path);
	if (folder->fd >= 0)
		close(folder->fd);
	*folder = (struct stage_runfolder){.fd = -1};
}

int
stage_runreader_open(
	int dirfd, const char *name, struct stage_runreader **ret_reader, struct stage_error *error)
{
	struct stage_runreader *reader = calloc(1, sizeof(*reader));
	struct stage_runevent first;
	int code;

	if (!reader)
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to read a record");
	snprintf(reader->name, sizeof(reader->name), "%s", name);
	reader->fd = -1;
	code = stage_regular_open(dirfd, name, O_RDONLY, &reader->fd, NULL);
	if (code < 0)
		stage_error_set(error, code, errno, "cannot read the record %s", name);
	else
		code = stage_runreader_next(reader, &first, error);
	if (code >= 0 && (code == 0 || first.kind != STAGE_RUN_VERSION || first.time != 1))
		code = stage_error_set(error, STAGE_E_DAMAGED, 0,
			"%s is no record of a run, or one of another version", name);
	if (code < 0)
		stage_runreader_close(&reader);
	else
		*ret_reader = reader;
	return code < 0 ? code : 0;
}

/* Reads more behind what is in the buffer: the bytes that came, 0 at the end of the file. */
static ssize_t
read_more(struct stage_runreader *reader)
{
	ssize_t got;

	memmove(reader->buffer, reader->buffer + reader->begin, reader->used - reader->begin);
	reader->used -= reader->begin;
	reader->begin = 0;
	if (reader->used == BUFFER) { /* no line of ours is so long: it is passed over */
		reader->used = 0;
		reader->too_long = true;
	}
	do
		got = pread(reader->fd, reader->buffer + reader->used, BUFFER - reader->used,
			reader->offset);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		reader->used += (size_t)got;
		reader->offset += got;
	}
	return got;
}

/* The next whole line, where its newline is in *ret_end. NULL: there is none in the buffer. */
static char *
take_line(struct stage_runreader *reader, char **ret_end)
{
	char *line = reader->buffer + reader->begin;
	char *end = memchr(line, '\n', reader->used - reader->begin);

	if (!end)
		return NULL;
	reader->begin = (size_t)(end + 1 - reader->buffer);
	*ret_end = end;
	return line;
}

int
stage_runreader_next(
	struct stage_runreader *reader, struct stage_runevent *ret_event, struct stage_error *error)
{
	char *line, *end;
	ssize_t got;
	int found;

	for (;;) {
		while (!(line = take_line(reader, &end))) {
			got = read_more(reader);
			if (got < 0)
				return stage_error_set(error, STAGE_E_SYSTEM, errno,
					"cannot read the record %s", reader->name);
			if (got == 0)
				return 0;
		}
		found = reader->too_long ? -1 : stage_runevent_parse(line, end, ret_event);
		reader->too_long = false;
		reader->damaged += found < 0;
		if (found > 0) {
			reader->ended |= ret_event->kind == STAGE_RUN_ENDED;
			return 1;
		}
	}
}

int
stage_runreader_sum(
	struct stage_runreader *reader, struct stage_runsummary *summary, struct stage_error *error)
{
	struct stage_runevent event;
	int code;

	while ((code = stage_runreader_next(reader, &event, error)) > 0)
		if (!stage_runsummary_add(summary, &event))
			return stage_error_set(error, STAGE_E_MEMORY, 0,
				"no memory for the record %s", reader->name);
	return code;
}

enum stage_runstate
stage_runreader_state(struct stage_runreader *reader)
{
	struct stat found;

	if (reader->ended)
		return STAGE_RUNSTATE_ENDED;
	if (flock(reader->fd, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? STAGE_RUNSTATE_LIVE : STAGE_RUNSTATE_UNKNOWN;
	flock(reader->fd, LOCK_UN);
	/* its last lines may have come since the last look */
	if (fstat(reader->fd, &found) == 0 && found.st_size > reader->offset)
		return STAGE_RUNSTATE_LIVE;
	return stage_locks_prove(reader->fd) ? STAGE_RUNSTATE_KILLED : STAGE_RUNSTATE_UNKNOWN;
}

size_t
stage_runreader_damaged(const struct stage_runreader *reader)
{
	return reader->damaged;
}

void
stage_runreader_close(struct stage_runreader **reader)
{
	int saved_errno = errno;

	if (!*reader)
		return;
	if ((*reader)->fd >= 0)
		close((*reader)->fd);
	free(*reader);
	*reader = NULL;
	errno = saved_errno;
}
