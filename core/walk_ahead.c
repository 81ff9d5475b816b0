/*
 * The tasks of a walk, and the threads that do them.
 *
 * Only what the list and the state of tasks say is shared: a task that is taken is one thread's, and what a done one
 * has made is the caller's.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "walk_internal.h"

/* So much is read ahead at most. */
#define KNOWN_MAX ((size_t)4096)
#define LISTED_MAX ((size_t)65536)

static void
insert(struct task *behind, struct task *task)
{
	task->state = TASK_WAITING;
	task->previous = behind;
	task->next = behind->next;
	task->next->previous = task;
	behind->next = task;
}

static void
drop(struct task *task)
{
	task->previous->next = task->next;
	task->next->previous = task->previous;
	task->previous = task->next = NULL;
}

/* Puts the listings of a chunk's directories behind a task; returns the last one. */
static struct task *
insert_children(struct task *behind, const struct folder *folder, size_t chunk)
{
	const struct known *known = folder->chunks[chunk].known;
	size_t count = known ? stage_walk_chunk_size(folder, chunk) : 0, i;

	for (i = 0; i < count; i++) {
		if (known[i].child) {
			insert(behind, &known[i].child->listing);
			behind = &known[i].child->listing;
		}
	}
	return behind;
}

static void
insert_chunks(struct task *behind, struct folder *folder, size_t first)
{
	size_t i;

	for (i = first; i * STAGE_WALK_CHUNK < folder->count; i++) {
		insert(behind, &folder->chunks[i].looking);
		behind = &folder->chunks[i].looking;
	}
}

/* Puts what follows from a chunk that is known behind a task; returns the last one. */
static struct task *
insert_known(struct stage_walk *walk, struct task *behind, struct folder *folder, size_t chunk)
{
	walk->known += stage_walk_chunk_size(folder, chunk);
	folder->chunks[chunk].looking.state = TASK_DONE;
	if (walk->options.reads && folder->chunks[chunk].known) {
		insert(behind, &folder->chunks[chunk].reading);
		behind = &folder->chunks[chunk].reading;
	}
	return insert_children(behind, folder, chunk);
}

/* Puts what follows from a task in its place. */
static void
replace(struct stage_walk *walk, struct task *task)
{
	struct folder *folder = task->folder;
	struct task *behind = task;

	if (task->kind == TASK_READ)
		walk->bytes += folder->chunks[task->chunk].bytes;
	else if (task->kind == TASK_LOOK || folder->count > 0)
		behind = insert_known(walk, behind, folder, task->chunk);
	if (task->kind == TASK_LIST) {
		walk->listed += folder->count;
		insert_chunks(behind, folder, 1);
	}
	drop(task);
	task->state = TASK_DONE;
}

/* Does a task that waits. With the lock, which is given up meanwhile. */
static void
perform(struct stage_walk *walk, struct task *task)
{
	task->state = TASK_TAKEN;
	pthread_mutex_unlock(&walk->lock);
	stage_walk_folder_do(walk, task);
	pthread_mutex_lock(&walk->lock);
	replace(walk, task);
}

/* The first task that nobody has, if there is room for what it makes. */
static struct task *
find(struct stage_walk *walk)
{
	struct task *task = walk->first.next;

	while (task != &walk->first && task->state != TASK_WAITING)
		task = task->next;
	if (task == &walk->first || walk->known >= KNOWN_MAX ||
		walk->bytes >= STAGE_WALK_CONTENTS_MAX ||
		(task->kind == TASK_LIST && walk->listed >= LISTED_MAX))
		return NULL;
	return task;
}

static void *
run(void *context)
{
	struct stage_walk *walk = context;
	struct task *task;

	pthread_mutex_lock(&walk->lock);
	while (!walk->ended) {
		task = find(walk);
		if (!task) {
			pthread_cond_wait(&walk->work, &walk->lock);
			continue;
		}
		perform(walk, task);
		pthread_cond_signal(&walk->done);
		if (find(walk))
			pthread_cond_signal(&walk->work);
	}
	pthread_mutex_unlock(&walk->lock);
	return NULL;
}

void
stage_walk_start(struct stage_walk *walk)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (walk->thread_count < STAGE_WALK_THREADS &&
		pthread_create(&walk->threads[walk->thread_count], NULL, run, walk) == 0)
		walk->thread_count++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void
stage_walk_stop(struct stage_walk *walk)
{
	unsigned int i;

	pthread_mutex_lock(&walk->lock);
	walk->ended = true;
	pthread_cond_broadcast(&walk->work);
	pthread_mutex_unlock(&walk->lock);
	for (i = 0; i < walk->thread_count; i++)
		pthread_join(walk->threads[i], NULL);
}

void
stage_walk_add(struct stage_walk *walk, struct folder *folder)
{
	pthread_mutex_lock(&walk->lock);
	insert(&walk->first, &folder->listing);
	pthread_mutex_unlock(&walk->lock);
}

void
stage_walk_add_chunks(struct stage_walk *walk, struct folder *folder, size_t first)
{
	pthread_mutex_lock(&walk->lock);
	insert_chunks(&walk->first, folder, first);
	pthread_cond_signal(&walk->work);
	pthread_mutex_unlock(&walk->lock);
}

void
stage_walk_finish(struct stage_walk *walk, struct task *task)
{
	pthread_mutex_lock(&walk->lock);
	if (task->state == TASK_WAITING) {
		perform(walk, task);
		/* what follows from it may be done by others meanwhile */
		pthread_cond_signal(&walk->work);
	}
	while (task->state != TASK_DONE)
		pthread_cond_wait(&walk->done, &walk->lock);
	pthread_mutex_unlock(&walk->lock);
}

/* Threads that have waited for room go on where half of it is free: so they seldom wait. */
static void
wake(struct stage_walk *walk)
{
	if (walk->known < KNOWN_MAX / 2 && walk->bytes < STAGE_WALK_CONTENTS_MAX / 2)
		pthread_cond_signal(&walk->work);
}

void
stage_walk_entered(struct stage_walk *walk, const struct folder *folder)
{
	pthread_mutex_lock(&walk->lock);
	walk->listed -= folder->count;
	wake(walk);
	pthread_mutex_unlock(&walk->lock);
}

/* With the lock: true once a task is in no list; false where it was never in one. */
static bool
withdraw(struct stage_walk *walk, struct task *task)
{
	while (task->state == TASK_TAKEN)
		pthread_cond_wait(&walk->done, &walk->lock);
	if (task->state != TASK_WAITING)
		return task->state == TASK_DONE;
	drop(task);
	task->state = TASK_NONE;
	return false;
}

void
stage_walk_await_content(struct stage_walk *walk, struct folder *folder, size_t chunk)
{
	struct task *task = &folder->chunks[chunk].reading;

	pthread_mutex_lock(&walk->lock);
	/* who waits for room that only the caller can make would wait for ever */
	while (task->state == TASK_WAITING && walk->thread_count > 0 && walk->known < KNOWN_MAX &&
		walk->bytes < STAGE_WALK_CONTENTS_MAX) {
		pthread_cond_signal(&walk->work);
		pthread_cond_wait(&walk->done, &walk->lock);
	}
	withdraw(walk, task);
	pthread_mutex_unlock(&walk->lock);
}

/* With the lock: what was ahead of a chunk is so no longer. */
static void
count_out(struct stage_walk *walk, struct folder *folder, size_t chunk)
{
	walk->known -= stage_walk_chunk_size(folder, chunk);
	if (withdraw(walk, &folder->chunks[chunk].reading))
		walk->bytes -= folder->chunks[chunk].bytes;
}

void
stage_walk_passed(struct stage_walk *walk, struct folder *folder, size_t chunk)
{
	pthread_mutex_lock(&walk->lock);
	count_out(walk, folder, chunk);
	wake(walk);
	pthread_mutex_unlock(&walk->lock);
	stage_walk_chunk_free(folder, chunk);
}

/* With the lock. */
static void
withdraw_all(struct stage_walk *walk, struct folder *folder)
{
	size_t count, i, j;

	if (!withdraw(walk, &folder->listing))
		return;
	walk->listed -= folder->count;
	for (i = 0; i * STAGE_WALK_CHUNK < folder->count; i++) {
		if (!withdraw(walk, &folder->chunks[i].looking))
			continue;
		count_out(walk, folder, i);
		count = stage_walk_chunk_size(folder, i);
		for (j = 0; folder->chunks[i].known && j < count; j++)
			if (folder->chunks[i].known[j].child)
				withdraw_all(walk, folder->chunks[i].known[j].child);
	}
}

void
stage_walk_discard(struct stage_walk *walk, struct folder *folder)
{
	pthread_mutex_lock(&walk->lock);
	withdraw_all(walk, folder);
	wake(walk);
	pthread_mutex_unlock(&walk->lock);
	stage_walk_folder_free(folder);
}
