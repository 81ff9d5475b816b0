/*
 * States of a volume, which only go down, but for put_back():
 *
 *	WAITING		nobody has asked for it
 *	UNDER_WAY	is being fetched ahead; at most one
 *	THERE		lies in its file, ahead
 *	TAKEN		was read, or is being read, or is the reader's to fetch
 *
 * One mutex guards all. It is held for a look at files that were taken (held()), never while a function of the caller runs.
 */
#include "prefetch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"

enum state { WAITING, UNDER_WAY, THERE, TAKEN };

struct volume {
	char *name;
	size_t set;
	enum state state;
	char *path; /* of its file; NULL where there is none, or it is no more */
	uint64_t size;
	struct volume *next; /* with a file */
};

struct set {
	size_t number; /* the caller's */
	size_t ahead;  /* of its volumes: there, or under way */
	size_t next;   /* no volume of the set before this one is WAITING */
	bool begun;    /* one was taken */
};

struct stage_prefetch {
	pthread_mutex_t lock;
	pthread_cond_t may_begin, progress;
	struct volume *volumes;
	size_t count, room, found; /* found: where the last name was found */
	struct volume *files;      /* the volumes that have a path */
	struct set *sets;
	size_t set_count;
	size_t most, ahead;
	struct volume *under_way; /* NULL: none */
	uint64_t largest;
	size_t holds;
	bool paused, full, stopped;
};

int
stage_prefetch_new(size_t most, struct stage_prefetch **ret_prefetch, struct stage_error *error)
{
	struct stage_prefetch *prefetch = calloc(1, sizeof(*prefetch));
	int failed;

	if (!prefetch)
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory to fetch volumes ahead");
	prefetch->most = most;
	prefetch->paused = true;
	failed = pthread_mutex_init(&prefetch->lock, NULL);
	if (failed)
		goto no_lock;
	failed = stage_clock_condition(&prefetch->may_begin);
	if (failed)
		goto no_may_begin;
	failed = stage_clock_condition(&prefetch->progress);
	if (failed)
		goto no_progress;
	*ret_prefetch = prefetch;
	return 0;

no_progress:
	pthread_cond_destroy(&prefetch->may_begin);
no_may_begin:
	pthread_mutex_destroy(&prefetch->lock);
no_lock:
	free(prefetch);
	return stage_error_set(error, STAGE_E_SYSTEM, failed,
		"cannot make the locks for volumes that are fetched ahead");
}

/* The set of this number, which is made if there is none; NULL without memory. */
static struct set *
set_of(struct stage_prefetch *prefetch, size_t number)
{
	struct set *longer;
	size_t i;

	for (i = 0; i < prefetch->set_count; i++)
		if (prefetch->sets[i].number == number)
			return &prefetch->sets[i];
	longer = realloc(prefetch->sets, (prefetch->set_count + 1) * sizeof(*longer));
	if (!longer)
		return NULL;
	prefetch->sets = longer;
	longer[i] = (struct set){.number = number, .next = prefetch->count};
	prefetch->set_count++;
	return &longer[i];
}

/* Has place for one volume more: 0, or -1. */
static int
grow(struct stage_prefetch *prefetch)
{
	size_t room = prefetch->room ? 2 * prefetch->room : 64;
	struct volume *longer;

	if (prefetch->count < prefetch->room)
		return 0;
	longer = realloc(prefetch->volumes, room * sizeof(*longer));
	if (!longer)
		return -1;
	prefetch->volumes = longer;
	prefetch->room = room;
	return 0;
}

int
stage_prefetch_announce(
	struct stage_prefetch *prefetch, size_t set, const char *name, struct stage_error *error)
{
	struct set *of = NULL;
	char *copy = strdup(name);

	pthread_mutex_lock(&prefetch->lock);
	if (copy && grow(prefetch) == 0)
		of = set_of(prefetch, set);
	if (of)
		prefetch->volumes[prefetch->count++] =
			(struct volume){.name = copy, .set = (size_t)(of - prefetch->sets)};
	pthread_mutex_unlock(&prefetch->lock);
	if (of)
		return 0;
	free(copy);
	return stage_error_set(
		error, STAGE_E_MEMORY, 0, "no memory for a volume to be fetched ahead");
}

/* The first WAITING volume of a set; NULL: none. */
static struct volume *
next_of(struct stage_prefetch *prefetch, size_t index)
{
	struct set *set = &prefetch->sets[index];

	for (; set->next < prefetch->count; set->next++) {
		struct volume *volume = &prefetch->volumes[set->next];

		if (volume->set == index && volume->state == WAITING)
			return volume;
	}
	return NULL;
}

/* How far ahead a set is: one less where its first volume is still to be read. */
static size_t
distance(const struct set *set)
{
	return set->ahead + set->begun;
}

/* The next one of all; NULL: none is left. */
static struct volume *
choose(struct stage_prefetch *prefetch)
{
	struct volume *best = NULL, *volume;
	size_t i;

	for (i = 0; i < prefetch->set_count; i++) {
		if (best && distance(&prefetch->sets[i]) >= distance(&prefetch->sets[best->set]))
			continue;
		volume = next_of(prefetch, i);
		if (volume)
			best = volume;
	}
	return best;
}

static bool
may_begin(const struct stage_prefetch *prefetch)
{
	return !prefetch->holds && !prefetch->paused && !prefetch->full &&
	       prefetch->ahead < prefetch->most;
}

/* A volume is ahead from now on, or by -1 no more. */
static void
count_ahead(struct stage_prefetch *prefetch, const struct volume *volume, int by)
{
	prefetch->ahead += (size_t)by;
	prefetch->sets[volume->set].ahead += (size_t)by;
}

int
stage_prefetch_next(struct stage_prefetch *prefetch, const char **ret_name)
{
	struct volume *volume = NULL;

	pthread_mutex_lock(&prefetch->lock);
	while (!prefetch->stopped && (volume = choose(prefetch)) && !may_begin(prefetch))
		pthread_cond_wait(&prefetch->may_begin, &prefetch->lock);
	if (prefetch->stopped)
		volume = NULL;
	if (volume) {
		volume->state = UNDER_WAY;
		prefetch->under_way = volume;
		count_ahead(prefetch, volume, 1);
		*ret_name = volume->name;
	}
	pthread_mutex_unlock(&prefetch->lock);
	return volume ? 0 : STAGE_E_CLOSED;
}

/* The one under way ends, in this state. */
static void
end_under_way(struct stage_prefetch *prefetch, enum state state)
{
	struct volume *volume = prefetch->under_way;

	if (!volume)
		return;
	volume->state = state;
	if (state != THERE)
		count_ahead(prefetch, volume, -1);
	if (state == WAITING)
		prefetch->sets[volume->set].next = (size_t)(volume - prefetch->volumes);
	prefetch->under_way = NULL;
	pthread_cond_broadcast(&prefetch->progress);
}

/* A volume has a file: takes path over, which may be NULL. */
static void
set_file(struct stage_prefetch *prefetch, struct volume *volume, char *path, uint64_t size)
{
	if (path && !volume->path) {
		volume->next = prefetch->files;
		prefetch->files = volume;
	}
	if (path) {
		free(volume->path);
		volume->path = path;
	}
	volume->size = size;
	if (size > prefetch->largest)
		prefetch->largest = size;
}

int
stage_prefetch_done(
	struct stage_prefetch *prefetch, const char *path, uint64_t size, struct stage_error *error)
{
	char *copy = strdup(path);

	if (!copy) {
		stage_prefetch_failed(prefetch);
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory for a volume that was fetched ahead");
	}
	pthread_mutex_lock(&prefetch->lock);
	if (prefetch->under_way)
		set_file(prefetch, prefetch->under_way, copy, size);
	else
		free(copy);
	end_under_way(prefetch, THERE);
	pthread_mutex_unlock(&prefetch->lock);
	return 0;
}

void
stage_prefetch_failed(struct stage_prefetch *prefetch)
{
	pthread_mutex_lock(&prefetch->lock);
	prefetch->paused = true;
	end_under_way(prefetch, TAKEN);
	pthread_mutex_unlock(&prefetch->lock);
}

void
stage_prefetch_put_back(struct stage_prefetch *prefetch)
{
	pthread_mutex_lock(&prefetch->lock);
	prefetch->full = true;
	end_under_way(prefetch, WAITING);
	pthread_mutex_unlock(&prefetch->lock);
}

uint64_t
stage_prefetch_largest(struct stage_prefetch *prefetch)
{
	uint64_t largest;

	pthread_mutex_lock(&prefetch->lock);
	largest = prefetch->largest;
	pthread_mutex_unlock(&prefetch->lock);
	return largest;
}

/* Was the file of a volume taken, and then removed? */
static bool
is_gone(const struct volume *volume)
{
	struct stat stat;

	return volume->state == TAKEN && lstat(volume->path, &stat) < 0 && errno == ENOENT;
}

static bool
is_below(const char *path, const char *root)
{
	const size_t length = strlen(root);

	return strncmp(path, root, length) == 0 &&
	       (path[length] == '/' || (length && root[length - 1] == '/'));
}

uint64_t
stage_prefetch_held(struct stage_prefetch *prefetch, const char *root)
{
	struct volume **link, *volume;
	uint64_t held = 0;

	pthread_mutex_lock(&prefetch->lock);
	link = &prefetch->files;
	while ((volume = *link)) {
		if (is_gone(volume)) {
			*link = volume->next;
			free(volume->path);
			volume->path = NULL;
			continue;
		}
		if (is_below(volume->path, root))
			held += volume->size;
		link = &volume->next;
	}
	pthread_mutex_unlock(&prefetch->lock);
	return held;
}

size_t
stage_prefetch_ahead(struct stage_prefetch *prefetch)
{
	size_t ahead;

	pthread_mutex_lock(&prefetch->lock);
	ahead = prefetch->ahead - (prefetch->under_way != NULL);
	pthread_mutex_unlock(&prefetch->lock);
	return ahead;
}

void
stage_prefetch_hold(struct stage_prefetch *prefetch)
{
	pthread_mutex_lock(&prefetch->lock);
	prefetch->holds++;
	pthread_mutex_unlock(&prefetch->lock);
}

void
stage_prefetch_release(struct stage_prefetch *prefetch)
{
	pthread_mutex_lock(&prefetch->lock);
	if (prefetch->holds && --prefetch->holds == 0)
		pthread_cond_signal(&prefetch->may_begin);
	pthread_mutex_unlock(&prefetch->lock);
}

int
stage_prefetch_wait(struct stage_prefetch *prefetch, double seconds)
{
	const struct timespec deadline = stage_clock_deadline(seconds);
	int code;

	pthread_mutex_lock(&prefetch->lock);
	while (prefetch->under_way && pthread_cond_timedwait(&prefetch->progress, &prefetch->lock,
					      &deadline) != ETIMEDOUT)
		;
	code = prefetch->under_way ? STAGE_E_AGAIN : 0;
	pthread_mutex_unlock(&prefetch->lock);
	return code;
}

/* NULL: it was not announced. */
static struct volume *
find(struct stage_prefetch *prefetch, const char *name)
{
	size_t i, at;

	/* most often it is the next one */
	for (i = 0; i < prefetch->count; i++) {
		at = (prefetch->found + i) % prefetch->count;
		if (strcmp(prefetch->volumes[at].name, name) == 0) {
			prefetch->found = at;
			return &prefetch->volumes[at];
		}
	}
	return NULL;
}

bool
stage_prefetch_take(struct stage_prefetch *prefetch, const char *name, char **ret_path)
{
	struct volume *volume;
	char *path = NULL;

	pthread_mutex_lock(&prefetch->lock);
	volume = find(prefetch, name);
	if (volume && volume->state == THERE) {
		path = strdup(volume->path);
		count_ahead(prefetch, volume, -1);
	}
	if (volume && volume->state != UNDER_WAY) {
		volume->state = TAKEN;
		prefetch->sets[volume->set].begun = true;
	}
	prefetch->full = false;
	pthread_cond_signal(&prefetch->may_begin);
	pthread_mutex_unlock(&prefetch->lock);
	if (path)
		*ret_path = path;
	return path != NULL;
}

void
stage_prefetch_got(
	struct stage_prefetch *prefetch, const char *name, const char *path, uint64_t size)
{
	char *copy = strdup(path);
	struct volume *volume;

	pthread_mutex_lock(&prefetch->lock);
	volume = find(prefetch, name);
	if (volume && volume->state == TAKEN) {
		set_file(prefetch, volume, copy, size);
		copy = NULL;
	}
	prefetch->paused = prefetch->full = false;
	pthread_cond_signal(&prefetch->may_begin);
	pthread_mutex_unlock(&prefetch->lock);
	free(copy);
}

void
stage_prefetch_pause(struct stage_prefetch *prefetch)
{
	pthread_mutex_lock(&prefetch->lock);
	prefetch->paused = true;
	pthread_mutex_unlock(&prefetch->lock);
}

void
stage_prefetch_stop(struct stage_prefetch *prefetch)
{
	pthread_mutex_lock(&prefetch->lock);
	prefetch->stopped = true;
	pthread_cond_broadcast(&prefetch->may_begin);
	pthread_mutex_unlock(&prefetch->lock);
}

void
stage_prefetch_free(struct stage_prefetch **prefetch)
{
	struct stage_prefetch *freed = *prefetch;
	size_t i;

	if (!freed)
		return;
	*prefetch = NULL;
	for (i = 0; i < freed->count; i++) {
		free(freed->volumes[i].name);
		free(freed->volumes[i].path);
	}
	free(freed->volumes);
	free(freed->sets);
	pthread_cond_destroy(&freed->progress);
	pthread_cond_destroy(&freed->may_begin);
	pthread_mutex_destroy(&freed->lock);
	free(freed);
}
