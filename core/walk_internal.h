/*
 * walk_internal - what walk.c, walk_ahead.c and walk_folder.c share
 *
 * A walk is a tree of folders. A folder is listed, then its entries are looked at, a chunk of them at a time; then
 * the small files of a chunk are read, if that is wanted. Each of these is a task. Tasks stand in one list, in the
 * order in which the caller meets what they make:
 *
 *	[files of chunk 1 of a] [listing of a/x] [listing of a/y] [chunk 2 of a] [listing of b] ...
 *
 * A thread takes the first one that nobody has, and puts in its place what follows from it. The caller does a
 * task himself if nobody has it when he needs it.
 */
#ifndef STAGEDIR_WALK_INTERNAL_H
#define STAGEDIR_WALK_INTERNAL_H

#include <pthread.h>
#include <sys/types.h>

#include "walk.h"

/* So many entries are looked at in one go. */
#define STAGE_WALK_CHUNK ((size_t)64)

#define STAGE_WALK_THREADS 3

struct folder;

enum task_state {
	TASK_NONE, /* in no list */
	TASK_WAITING,
	TASK_TAKEN,
	TASK_DONE,
};

enum task_kind {
	TASK_LIST, /* and look at the first chunk */
	TASK_LOOK,
	TASK_READ,
};

struct task {
	struct task *previous, *next;
	struct folder *folder;
	size_t chunk; /* which one; of a listing 0 */
	enum task_kind kind;
	enum task_state state;
};

/* What is known of an entry. */
struct known {
	struct stat stat;
	int failed;
	bool is_readable;
	char *target;
	struct folder *child;          /* where it is read ahead */
	struct stage_content *content; /* the same */
};

struct chunk {
	struct task looking, reading;
	size_t bytes; /* that were read */
	bool is_read; /* the caller knows that nobody reads */
	struct known
		*known; /* NULL before it is looked at, and behind it; done without it: no memory */
};

struct folder {
	struct folder *parent; /* of those that are entered */
	char *path;
	size_t path_length;
	struct task listing;

	/* Once it is listed. */
	int failed;
	char *text;         /* the names */
	const char **names; /* sorted */
	size_t count;
	struct chunk *chunks;

	/* The caller's. */
	bool is_listed, is_told;
	size_t position; /* of the next entry */
};

struct stage_walk {
	struct stage_walk_options options;
	pid_t owner;
	pthread_t threads[STAGE_WALK_THREADS];
	unsigned int thread_count;

	/* The caller's. */
	struct folder *current;
	struct known *last; /* what the last step has given */
	char *path;
	size_t path_room;
	bool has_failed;

	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct task first; /* of the list of tasks; none itself */
	size_t known, listed, bytes;
	bool ended;
};

/* walk_folder.c: without the lock. */

/* A folder of this path, parent's and a name of it; NULL without memory. */
struct folder *stage_walk_folder_new(const char *parent, size_t parent_length, const char *name);

/* With all that is in it. Its tasks are in no list. NULL is fine. */
void stage_walk_folder_free(struct folder *folder);

/* Does the task: what it makes is the folder's. */
void stage_walk_folder_do(const struct stage_walk *walk, const struct task *task);

/* Makes the folder one that has these names, in this order. -1 without memory. */
int stage_walk_folder_set(struct folder *folder, const char *const *names, size_t count);

/* Number of entries in a chunk. */
size_t stage_walk_chunk_size(const struct folder *folder, size_t chunk);

void stage_walk_chunk_free(struct folder *folder, size_t chunk);

/* walk_content.c: the files of a chunk. Without the lock. */
void stage_walk_read_chunk(struct folder *folder, size_t chunk);

/* walk_ahead.c: these take the lock. */

/* Starts as many threads as there can be. */
void stage_walk_start(struct stage_walk *walk);

/* Ends and joins them. */
void stage_walk_stop(struct stage_walk *walk);

/* Puts the listing of a folder before all tasks. */
void stage_walk_add(struct stage_walk *walk, struct folder *folder);

/* Puts the chunks of a folder, from one on, before all tasks. */
void stage_walk_add_chunks(struct stage_walk *walk, struct folder *folder, size_t first);

/* Sees to it that a task is done. */
void stage_walk_finish(struct stage_walk *walk, struct task *task);

/* A folder that was listed ahead is entered: its names are no longer ahead. */
void stage_walk_entered(struct stage_walk *walk, const struct folder *folder);

/* Sees to it that nobody reads files of the chunk any more: they were read, or will not be. */
void stage_walk_await_content(struct stage_walk *walk, struct folder *folder, size_t chunk);

/* The caller is past a chunk. */
void stage_walk_passed(struct stage_walk *walk, struct folder *folder, size_t chunk);

/* Frees a folder that is not entered, with its tasks. */
void stage_walk_discard(struct stage_walk *walk, struct folder *folder);

#endif
