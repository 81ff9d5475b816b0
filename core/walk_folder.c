/*
 * A folder: its names, and what is known of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "listing.h"
#include "walk_internal.h"

/* PARENT/NAME; *ret_length is its length. NULL without memory. */
static char *
join(const char *parent, size_t length, const char *name, size_t *ret_length)
{
	bool slash = *name && length > 0 && parent[length - 1] != '/';
	size_t name_length = strlen(name);
	char *path = malloc(length + slash + name_length + 1);

	if (!path)
		return NULL;
	memcpy(path, parent, length);
	if (slash)
		path[length++] = '/';
	memcpy(path + length, name, name_length + 1);
	*ret_length = length + name_length;
	return path;
}

struct folder *
stage_walk_folder_new(const char *parent, size_t parent_length, const char *name)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	if (!folder)
		return NULL;
	folder->path = join(parent, parent_length, name, &folder->path_length);
	if (!folder->path) {
		free(folder);
		return NULL;
	}
	folder->listing.folder = folder;
	folder->listing.kind = TASK_LIST;
	return folder;
}

static size_t
chunk_count(const struct folder *folder)
{
	return (folder->count + STAGE_WALK_CHUNK - 1) / STAGE_WALK_CHUNK;
}

size_t
stage_walk_chunk_size(const struct folder *folder, size_t chunk)
{
	size_t left = folder->count - chunk * STAGE_WALK_CHUNK;

	return left < STAGE_WALK_CHUNK ? left : STAGE_WALK_CHUNK;
}

void
stage_walk_chunk_free(struct folder *folder, size_t chunk)
{
	struct known *known = folder->chunks[chunk].known;
	size_t i;

	if (!known)
		return;
	for (i = 0; i < stage_walk_chunk_size(folder, chunk); i++) {
		free(known[i].target);
		stage_content_free(&known[i].content);
		stage_walk_folder_free(known[i].child);
	}
	free(known);
	folder->chunks[chunk].known = NULL;
}

void
stage_walk_folder_free(struct folder *folder)
{
	size_t i;

	if (!folder)
		return;
	for (i = 0; folder->chunks && i < chunk_count(folder); i++)
		stage_walk_chunk_free(folder, i);
	free(folder->chunks);
	free((void *)folder->names);
	free(folder->text);
	free(folder->path);
	free(folder);
}

/* Names, one behind the other, each with its NUL. */
struct text {
	char *bytes;
	size_t used, room, count;
};

static int
append(struct text *text, const char *name)
{
	size_t size = strlen(name) + 1, room;
	char *grown;

	if (text->used + size > text->room) {
		room = 2 * (text->used + size) + 512;
		grown = realloc(text->bytes, room);
		if (!grown)
			return -1;
		text->bytes = grown;
		text->room = room;
	}
	memcpy(text->bytes + text->used, name, size);
	text->used += size;
	text->count++;
	return 0;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Gives the folder these names, and chunks for them. -1 without memory. */
static int
take_names(struct folder *folder, struct text *text)
{
	size_t chunks = (text->count + STAGE_WALK_CHUNK - 1) / STAGE_WALK_CHUNK, i;
	const char **names = malloc((text->count + 1) * sizeof(*names)), *name = text->bytes;
	struct chunk *all = calloc(chunks + 1, sizeof(*all));

	if (!names || !all) {
		free((void *)names);
		free(all);
		return -1;
	}
	for (i = 0; i < text->count; i++, name += strlen(name) + 1)
		names[i] = name;
	for (i = 0; i < chunks; i++) {
		all[i].looking.folder = all[i].reading.folder = folder;
		all[i].looking.chunk = all[i].reading.chunk = i;
		all[i].looking.kind = TASK_LOOK;
		all[i].reading.kind = TASK_READ;
	}
	folder->text = text->bytes;
	folder->names = names;
	folder->count = text->count;
	folder->chunks = all;
	return 0;
}

/* Reads the names of the open folder; errno in folder->failed. */
static void
list(struct folder *folder, struct stage_listing *listing)
{
	struct text text = {0};
	const struct dirent *entry;
	bool no_memory = false;

	while (!no_memory && (entry = stage_listing_next(listing)))
		no_memory = append(&text, entry->d_name) < 0;
	if (listing->failed)
		folder->failed = listing->failed;
	else if (no_memory || take_names(folder, &text) < 0)
		folder->failed = ENOMEM;
	if (folder->failed)
		free(text.bytes);
	else
		qsort((void *)folder->names, folder->count, sizeof(*folder->names), compare);
}

/* The target of a link of about this size; NULL: it cannot be read. */
static char *
read_target(int dirfd, const char *name, off_t size)
{
	size_t room = size > 0 && size < PATH_MAX ? (size_t)size + 1 : PATH_MAX;
	char *target;
	ssize_t length;

	for (;; room *= 2) {
		target = malloc(room);
		if (!target)
			return NULL;
		length = readlinkat(dirfd, name, target, room);
		if (length >= 0 && (size_t)length < room)
			break;
		free(target);
		if (length < 0)
			return NULL;
	}
	target[length] = '\0';
	return target;
}

/* A path in a folder whose directory is open, or whole where it could not be opened. */
static void
look(const struct stage_walk *walk, int dirfd, const char *path, struct known *known)
{
	const struct stat *stat = &known->stat;

	known->is_readable = true;
	if (fstatat(dirfd, path, &known->stat, walk->options.follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
		known->failed = errno;
	else if (S_ISLNK(stat->st_mode))
		known->target = read_target(dirfd, path, stat->st_size);
	else if (S_ISREG(stat->st_mode) || S_ISDIR(stat->st_mode))
		known->is_readable = faccessat(dirfd, path, R_OK, 0) == 0;
}

/* Looks at a name of a folder; dirfd is -1 where that could not be opened. Links on the way count only in a whole path. */
static void
look_at(const struct stage_walk *walk, const struct folder *folder, int dirfd, const char *name,
	struct known *known)
{
	char *path;
	size_t length;

	if (folder->path_length + 1 + strlen(name) >= PATH_MAX) {
		known->failed = ENAMETOOLONG;
		return;
	}
	if (dirfd >= 0 && !walk->options.follow)
		look(walk, dirfd, name, known);
	else if ((path = join(folder->path, folder->path_length, name, &length))) {
		look(walk, AT_FDCWD, path, known);
		free(path);
	} else
		known->failed = ENOMEM;
	if (walk->options.descends && known->failed == 0 && S_ISDIR(known->stat.st_mode) &&
		known->is_readable)
		known->child = stage_walk_folder_new(folder->path, folder->path_length, name);
}

static void
look_at_chunk(const struct stage_walk *walk, struct folder *folder, size_t chunk, int dirfd)
{
	size_t count = stage_walk_chunk_size(folder, chunk), i;
	struct known *known = calloc(count, sizeof(*known));

	for (i = 0; known && i < count; i++)
		look_at(walk, folder, dirfd, folder->names[chunk * STAGE_WALK_CHUNK + i],
			&known[i]);
	folder->chunks[chunk].known = known;
}

static void
list_and_look(const struct stage_walk *walk, struct folder *folder, int fd)
{
	struct stage_listing listing;

	stage_listing_take(&listing, fd);
	list(folder, &listing);
	if (!folder->failed && folder->count > 0)
		look_at_chunk(walk, folder, 0, fd);
	stage_listing_close(&listing);
}

void
stage_walk_folder_do(const struct stage_walk *walk, const struct task *task)
{
	struct folder *folder = task->folder;
	int fd;

	if (task->kind == TASK_READ) {
		stage_walk_read_chunk(folder, task->chunk);
		return;
	}
	fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (task->kind == TASK_LIST) {
		list_and_look(walk, folder, fd);
		return;
	}
	look_at_chunk(walk, folder, task->chunk, fd);
	if (fd >= 0)
		close(fd);
}

int
stage_walk_folder_set(struct folder *folder, const char *const *names, size_t count)
{
	struct text text = {0};
	size_t i;

	for (i = 0; i < count; i++) {
		if (append(&text, names[i]) < 0) {
			free(text.bytes);
			return -1;
		}
	}
	if (take_names(folder, &text) < 0) {
		free(text.bytes);
		return -1;
	}
	return 0;
}
