/*
 * The caller's side: a stack of the folders that are entered, and in each the position.
 */
#include "walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "walk_internal.h"

static int
no_memory(const char *path, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for what is in %s", path);
}

static int
init_lock(struct stage_walk *walk)
{
	int failed = pthread_mutex_init(&walk->lock, NULL);

	if (failed)
		return failed;
	failed = pthread_cond_init(&walk->work, NULL);
	if (!failed && (failed = pthread_cond_init(&walk->done, NULL)))
		pthread_cond_destroy(&walk->work);
	if (failed)
		pthread_mutex_destroy(&walk->lock);
	return failed;
}

static void
enter(struct stage_walk *walk, struct folder *folder)
{
	folder->parent = walk->current;
	walk->current = folder;
}

int
stage_walk_open(const char *root, const struct stage_walk_options *options,
	struct stage_walk **ret_walk, struct stage_error *error)
{
	struct stage_walk *walk = calloc(1, sizeof(*walk));
	struct folder *folder = stage_walk_folder_new(root, strlen(root), "");
	int failed = ENOMEM;

	if (!walk || !folder || (failed = init_lock(walk))) {
		free(walk);
		stage_walk_folder_free(folder);
		if (failed == ENOMEM)
			return no_memory(root, error);
		return stage_error_set(error, STAGE_E_SYSTEM, failed, "cannot make a lock");
	}
	if (options)
		walk->options = *options;
	walk->owner = getpid();
	walk->first.next = walk->first.previous = &walk->first;
	walk->first.state = TASK_TAKEN; /* nobody else's */
	enter(walk, folder);
	stage_walk_add(walk, folder);
	stage_walk_start(walk);
	*ret_walk = walk;
	return 0;
}

/* The chunk that the position of a folder is in. */
static struct chunk *
chunk_of(const struct folder *folder)
{
	return &folder->chunks[folder->position / STAGE_WALK_CHUNK];
}

bool
stage_walk_is_ready(const struct stage_walk *walk)
{
	const struct folder *folder = walk->current;

	return folder && folder->is_listed && !walk->has_failed &&
	       folder->position < folder->count && folder->position % STAGE_WALK_CHUNK != 0 &&
	       !(walk->last && walk->last->child);
}

/* Sees to it that the folder is listed. */
static void
need_names(struct stage_walk *walk, struct folder *folder)
{
	if (folder->is_listed)
		return;
	stage_walk_finish(walk, &folder->listing);
	stage_walk_entered(walk, folder);
	folder->is_listed = true;
}

/* Sees to it that the entry at the position is known, and forgets those before its chunk. -1 without memory. */
static int
need_chunk(struct stage_walk *walk, struct folder *folder)
{
	struct chunk *chunk = chunk_of(folder);

	if (folder->position % STAGE_WALK_CHUNK == 0) {
		if (folder->position > 0)
			stage_walk_passed(walk, folder, folder->position / STAGE_WALK_CHUNK - 1);
		stage_walk_finish(walk, &chunk->looking);
	}
	return chunk->known ? 0 : -1;
}

static void
leave(struct stage_walk *walk)
{
	struct folder *folder = walk->current;

	walk->current = folder->parent;
	if (folder->count > 0)
		stage_walk_passed(walk, folder, (folder->count - 1) / STAGE_WALK_CHUNK);
	stage_walk_folder_free(folder);
}

/* The path of an entry; NULL without memory. */
static const char *
make_path(
	struct stage_walk *walk, const struct folder *folder, const char *name, size_t *ret_length)
{
	bool slash = folder->path_length > 0 && folder->path[folder->path_length - 1] != '/';
	size_t name_length = strlen(name), length = folder->path_length + slash + name_length;
	char *grown;

	if (length >= walk->path_room) {
		grown = realloc(walk->path, 2 * length + 256);
		if (!grown)
			return NULL;
		walk->path = grown;
		walk->path_room = 2 * length + 256;
	}
	memcpy(walk->path, folder->path, folder->path_length);
	if (slash)
		walk->path[folder->path_length] = '/';
	memcpy(walk->path + length - name_length, name, name_length + 1);
	*ret_length = length;
	return walk->path;
}

static int
give(struct stage_walk *walk, struct stage_walk_entry *ret_entry, struct stage_error *error)
{
	struct folder *folder = walk->current;
	struct known *known;
	const char *path;
	size_t length;

	walk->has_failed = true; /* a chunk is needed once */
	if (need_chunk(walk, folder) < 0 ||
		!(path = make_path(walk, folder, folder->names[folder->position], &length)))
		return no_memory(folder->path, error);
	walk->has_failed = false;
	known = &chunk_of(folder)->known[folder->position % STAGE_WALK_CHUNK];
	*ret_entry = (struct stage_walk_entry){
		.path = path,
		.path_length = length,
		.name = folder->names[folder->position],
		.failed = known->failed,
		.stat = &known->stat,
		.is_readable = known->is_readable,
		.target = known->target,
	};
	walk->last = known;
	folder->position++;
	return STAGE_WALK_ENTRY;
}

int
stage_walk_next(
	struct stage_walk *walk, struct stage_walk_entry *ret_entry, struct stage_error *error)
{
	struct folder *folder = walk->current;

	if (stage_walk_is_ready(walk))
		return give(walk, ret_entry, error);
	if (walk->has_failed)
		return no_memory(folder->path, error);
	if (walk->owner != getpid())
		return stage_error_set(error, STAGE_E_FORKED, 0, "a walk is its process's own");
	if (walk->last && walk->last->child)
		stage_walk_discard(walk, walk->last->child);
	if (walk->last)
		walk->last->child = NULL;
	walk->last = NULL;
	if (!folder)
		return STAGE_WALK_END;
	need_names(walk, folder);
	if (folder->failed && !folder->is_told) {
		folder->is_told = true;
		*ret_entry = (struct stage_walk_entry){.failed = folder->failed};
		return STAGE_WALK_UNREADABLE;
	}
	if (folder->position < folder->count)
		return give(walk, ret_entry, error);
	leave(walk);
	return STAGE_WALK_LEAVE;
}

int
stage_walk_enter(struct stage_walk *walk, struct stage_error *error)
{
	struct folder *folder = walk->last ? walk->last->child : NULL;

	if (!walk->last)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0, "there is nothing to enter");
	if (folder)
		walk->last->child = NULL;
	else if ((folder = stage_walk_folder_new(walk->path, strlen(walk->path), "")))
		stage_walk_add(walk, folder);
	else
		return no_memory(walk->path, error);
	walk->last = NULL;
	enter(walk, folder);
	return 0;
}

int
stage_walk_set_names(
	struct stage_walk *walk, const char *const *names, size_t count, struct stage_error *error)
{
	struct folder *folder = walk->current;

	if (!folder || !folder->is_told || folder->names)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0, "no directory wants names");
	if (stage_walk_folder_set(folder, names, count) < 0)
		return no_memory(folder->path, error);
	stage_walk_add_chunks(walk, folder, 0);
	return 0;
}

struct stage_content *
stage_walk_take_content(struct stage_walk *walk)
{
	struct folder *folder = walk->current;
	struct stage_content *content;
	size_t number;

	if (!walk->last || !walk->options.reads)
		return NULL;
	number = (folder->position - 1) / STAGE_WALK_CHUNK;
	if (!folder->chunks[number].is_read) {
		stage_walk_await_content(walk, folder, number);
		folder->chunks[number].is_read = true;
	}
	content = walk->last->content;
	walk->last->content = NULL;
	return content;
}

void
stage_walk_close(struct stage_walk **walk)
{
	struct stage_walk *closed = *walk;
	int saved_errno = errno;
	struct folder *folder;

	*walk = NULL;
	if (!closed || closed->owner != getpid())
		return; /* another's threads, which are not here, may have had the lock */
	stage_walk_stop(closed);
	while ((folder = closed->current)) {
		closed->current = folder->parent;
		stage_walk_folder_free(folder);
	}
	pthread_cond_destroy(&closed->done);
	pthread_cond_destroy(&closed->work);
	pthread_mutex_destroy(&closed->lock);
	free(closed->path);
	free(closed);
	errno = saved_errno;
}
