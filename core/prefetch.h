/*
 * prefetch - volumes are fetched ahead of their turn: which one is next, and which are there
 *
 * A restore announces the volumes that it is going to read, backup set by backup set, and then reads the sets in
 * step. One thread fetches volumes ahead, by a storage that serves one caller at a time. The reader takes what is
 * there, and fetches the rest itself.
 *
 *	stage_prefetch_new(3, &prefetch, &error);		(at most 3 files ahead)
 *	stage_prefetch_announce(prefetch, SET, NAME, &error);	(once for each volume, in the order of its set)
 *
 *	the fetching thread:
 *		while (stage_prefetch_next(prefetch, &name) == 0)
 *			if (...there is no room...)
 *				stage_prefetch_put_back(prefetch);
 *			else if (...storage gives it...)
 *				stage_prefetch_done(prefetch, path, size, &error);
 *			else
 *				stage_prefetch_failed(prefetch);
 *
 *	the reader, for the volume whose turn it is:
 *		stage_prefetch_hold(prefetch);
 *		while (!stage_prefetch_take(prefetch, NAME, &path) &&
 *			stage_prefetch_wait(prefetch, 0.1) == STAGE_E_AGAIN)
 *			...look for signals...
 *		if (!path && !stage_prefetch_take(prefetch, NAME, &path)) {
 *			...fetch it, while nobody else uses storage...
 *			stage_prefetch_got(prefetch, NAME, path, size);
 *		}
 *		stage_prefetch_release(prefetch);
 *
 * The order: first the first volume of each set, as the reader wants all of these before he goes on. Then, of the sets, the
 * one that has the fewest volumes ahead; of several such, the one announced first. In a set the volumes in their order. So
 * each set has its next volume ahead before one has two.
 *
 * It is paused at the beginning, and after a failure, until the reader has fetched a volume itself. So storage that is
 * down is not asked by two, and the reader is the one who tells of it. Nobody fetches a volume ahead again whose turn
 * has come, or that has failed.
 *
 * A file that was taken counts as held until it is removed, which is seen by its path.
 *
 * Not installed. Any thread, but one fetching thread. No function but next and wait waits for more than the mutex, and
 * held also for a disk. done, failed and put_back do nothing where nothing is under way, nor does a release without a hold.
 * Forks: a child must not use it.
 */
#ifndef STAGEDIR_PREFETCH_H
#define STAGEDIR_PREFETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct stage_prefetch;

/* most: how many files may be ahead, the one that is being fetched among them. STAGE_E_MEMORY, STAGE_E_SYSTEM. */
int stage_prefetch_new(
	size_t most, struct stage_prefetch **ret_prefetch, struct stage_error *error);

/* Adds a volume at the end of a set. name is copied. Not once the thread runs. STAGE_E_MEMORY. */
int stage_prefetch_announce(
	struct stage_prefetch *prefetch, size_t set, const char *name, struct stage_error *error);

/*
 * Waits until a volume may be fetched, which is then under way. *ret_name is valid until free. STAGE_E_CLOSED: it was
 * stopped, or there is none left.
 */
int stage_prefetch_next(struct stage_prefetch *prefetch, const char **ret_name);

/* The one under way is there: a file at path, which is copied. STAGE_E_MEMORY: it counts as failed. */
int stage_prefetch_done(struct stage_prefetch *prefetch, const char *path, uint64_t size,
	struct stage_error *error);

/* The one under way could not be fetched. It is left to the reader. */
void stage_prefetch_failed(struct stage_prefetch *prefetch);

/* There is no room for the one under way. It is tried again when the reader has taken or got a volume. */
void stage_prefetch_put_back(struct stage_prefetch *prefetch);

/* The bytes of the largest volume so far; 0 before there was one. */
uint64_t stage_prefetch_largest(struct stage_prefetch *prefetch);

/* The bytes of volumes in or below the directory root, that are there or were taken and are not yet removed. */
uint64_t stage_prefetch_held(struct stage_prefetch *prefetch, const char *root);

/* How many volumes are there and were not taken. */
size_t stage_prefetch_ahead(struct stage_prefetch *prefetch);

/* From now on nothing is begun. What is under way goes on. Holds nest. */
void stage_prefetch_hold(struct stage_prefetch *prefetch);
void stage_prefetch_release(struct stage_prefetch *prefetch);

/* Waits until nothing is under way, at most for seconds: 0, or STAGE_E_AGAIN without a message. */
int stage_prefetch_wait(struct stage_prefetch *prefetch, double seconds);

/*
 * Takes the file of a volume that is there: true, and *ret_path, which the caller frees. Otherwise false; then, unless it is
 * under way, the reader has to fetch it.
 */
bool stage_prefetch_take(struct stage_prefetch *prefetch, const char *name, char **ret_path);

/* The reader has fetched a volume itself: size bytes at path. A name that was not announced is no error. */
void stage_prefetch_got(
	struct stage_prefetch *prefetch, const char *name, const char *path, uint64_t size);

/* The reader could not: nothing is begun until he has got one. */
void stage_prefetch_pause(struct stage_prefetch *prefetch);

/* Nothing is begun any more, for good. */
void stage_prefetch_stop(struct stage_prefetch *prefetch);

/* To be called when no thread uses it. Frees *prefetch, sets it to NULL; NULL in it is no error. Removes no file. */
void stage_prefetch_free(struct stage_prefetch **prefetch);

#endif
