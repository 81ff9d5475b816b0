/*
 * Those of this process that have a place are in a list, which the GIL guards.
 */
#include "staging/places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "allocate.h"
#include "dir.h"
#include "log.h"
#include "root.h"
#include "settings.h"

#include "python/errors.h"
#include "python/hostlog.h"
#include "python/object.h"
#include "staging/directory.h"
#include "staging/roots.h"
#include "staging/run.h"

/* A place with fewer bytes has next to nothing: a volume of which nothing has changed has this. */
#define LEAST_BYTES ((uint64_t)64 * 1024)

static struct places *all;

static void
tell_root(struct stage_dir *dir)
{
	char *path;
	int fd, code;

	Py_BEGIN_ALLOW_THREADS
	code = stage_dir_root(dir, &fd, &path, NULL);
	if (code == 0)
		close(fd);
	Py_END_ALLOW_THREADS
	if (code < 0)
		return;
	run_root(path);
	free(path);
}

/* Adds the place of a TemporaryDirectory; takes over the reference to it. */
static int
add(struct places *places, PyObject *directory, struct stage_error *error)
{
	struct stage_dir *dir = directory_dir_of(directory);
	struct place *longer;

	if (!dir) {
		Py_DECREF(directory);
		return stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"the host's temporary directory is not one of stagedir");
	}
	longer = realloc(places->list, (places->count + 1) * sizeof(*longer));
	if (!longer) {
		Py_DECREF(directory);
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory for a place to stage in");
	}
	longer[places->count] = (struct place){.directory = directory, .dir = dir};
	places->list = longer;
	if (places->count++ == 0) {
		places->next = all;
		all = places;
	}
	tell_root(dir);
	return 0;
}

int
places_begin(struct places *places, PyObject *directory, struct stage_error *error)
{
	return add(places, Py_NewRef(directory), error);
}

/* The host's default directory is the first place. */
static int
add_default(struct places *places, struct stage_error *error)
{
	PyObject *function = object_attribute("duplicity.tempdir", "default"), *directory = NULL;

	if (function)
		directory = PyObject_CallNoArgs(function);
	Py_XDECREF(function);
	if (!directory) {
		errors_swallow();
		return stage_error_set(
			error, STAGE_E_ARGUMENT, 0, "the host has no temporary directory");
	}
	return add(places, directory, error);
}

/* How many of so many bytes the file system of a place lets a file have. What cannot be tried has all. */
static uint64_t
try(const struct place *place, uint64_t bytes)
{
	char *path;
	int fd;

	if (stage_dir_mkstemp(place->dir, &fd, &path, NULL) < 0)
		return bytes;
	bytes = stage_allocate_possible(fd, bytes);
	close(fd);
	(void)stage_dir_remove(place->dir, path, NULL); /* or when the directory goes */
	free(path);
	return bytes;
}

/* How many bytes files outside of the spool leave of max_staged; false: too few. */
static bool
find_limit(
	const struct places *places, const struct place *place, uint64_t bytes, uint64_t *ret_limit)
{
	*ret_limit = places->max_staged;
	if (!places->max_staged || !place->held)
		return true;
	if (place->held >= places->max_staged || places->max_staged - place->held < bytes)
		return false;
	*ret_limit -= place->held;
	return true;
}

/* Reserves bytes for the file at path: all, or as many as are possible. */
static int
reserve_at(const struct places *places, struct place *place, const char *path, uint64_t bytes,
	bool *ret_others, struct stage_error *error)
{
	const uint64_t all_bytes = bytes + places->spare;
	struct stage_reserved room = {0};
	uint64_t limit;
	int code;

	if (!find_limit(places, place, bytes, &limit))
		return stage_error_set(error, STAGE_E_NO_ROOM, 0,
			"%s: %llu bytes are needed, and of the %llu that may be staged, this run holds %llu",
			stage_spool_path(place->spool), (unsigned long long)bytes,
			(unsigned long long)places->max_staged, (unsigned long long)place->held);
	code = stage_spool_reserve(place->spool, path, bytes, limit, &room, error);
	*ret_others |= code == STAGE_E_NO_ROOM && room.others;
	if (code < 0) {
		place->possible = room.possible < bytes ? room.possible : bytes;
		return code;
	}
	place->possible = room.free - room.promised < all_bytes ? room.free - room.promised
								: try(place, all_bytes);
	if (place->possible >= all_bytes)
		return 0;
	stage_spool_unreserve(place->spool);
	return stage_error_set(error, STAGE_E_NO_ROOM, 0,
		"%s: %llu bytes are needed, %llu are free, but a file cannot have more than %llu of these (a quota?)",
		stage_spool_path(place->spool), (unsigned long long)all_bytes,
		(unsigned long long)room.free, (unsigned long long)place->possible);
}

/* Reserves in one place. *ret_others is set where another run may give some back. */
static int
reserve_in(const struct places *places, struct place *place, uint64_t bytes,
	struct reserved *ret_reserved, bool *ret_others, struct stage_error *error)
{
	char *path = NULL;
	int code = 0;

	place->possible = 0;
	Py_BEGIN_ALLOW_THREADS
	if (!place->spool)
		code = stage_spool_open(place->dir, &places->about, places->durable, &hostlog,
			&place->spool, error);
	if (code == 0)
		code = stage_dir_mktemp(place->dir, &path, error);
	if (code == 0) {
		code = reserve_at(places, place, path, bytes, ret_others, error);
		if (code < 0)
			stage_dir_forget(place->dir, path, NULL);
	}
	Py_END_ALLOW_THREADS
	if (code == 0) {
		*ret_reserved = (struct reserved){path, place->directory, bytes};
		return 0;
	}
	free(path);
	/* a root that has no room even for what is needed to reserve some */
	if (code == STAGE_E_SYSTEM && (error->sys_errno == ENOSPC || error->sys_errno == EDQUOT))
		code = error->code = STAGE_E_NO_ROOM;
	return code;
}

int
places_reserve(struct places *places, uint64_t bytes, struct reserved *ret_reserved,
	bool *ret_others, struct stage_error *error)
{
	struct stage_error first = {0}, failure;
	size_t i;
	int code;

	*ret_others = false;
	if (!places->count) {
		code = add_default(places, error);
		if (code < 0)
			return code;
	}
	for (i = 0; i < places->count; i++) {
		code = reserve_in(
			places, &places->list[i], bytes, ret_reserved, ret_others, &failure);
		if (code == 0)
			return 0;
		if (i == 0)
			first = failure;
		if (code != STAGE_E_NO_ROOM)
			break;
	}
	*error = code == STAGE_E_NO_ROOM ? first : failure;
	return code;
}

/* The place that had most when it had too few bytes; NULL where there is no place. */
static struct place *
roomiest(const struct places *places)
{
	struct place *best = NULL;
	size_t i;

	for (i = 0; i < places->count; i++)
		if (!best || places->list[i].possible > best->possible)
			best = &places->list[i];
	return best;
}

int
places_reserve_most(struct places *places, struct reserved *ret_reserved, struct stage_error *error)
{
	struct place *best;
	uint64_t asked;
	bool others;
	int code;

	stage_error_set(error, STAGE_E_NO_ROOM, 0, "no temp root has room for a file");
	/* what there is may be less by now, by what was needed to ask, or by a quota, which only trying shows */
	do {
		best = roomiest(places);
		if (!best || best->possible < LEAST_BYTES)
			return STAGE_E_NO_ROOM;
		asked = best->possible;
		code = reserve_in(places, best, asked, ret_reserved, &others, error);
	} while (code == STAGE_E_NO_ROOM && best->possible < asked);
	return code;
}

/* Is the temp root of a place on this file system? */
static bool
is_on(struct stage_dir *dir, dev_t device)
{
	struct stat stat;
	char *path;
	bool is;
	int fd;

	if (stage_dir_root(dir, &fd, &path, NULL) < 0)
		return false;
	is = fstat(fd, &stat) == 0 && stat.st_dev == device;
	close(fd);
	free(path);
	return is;
}

/* Is there a place on the file system of root already? */
static bool
is_used(const struct places *places, const struct stage_root *root)
{
	struct stat stat;
	size_t i;

	if (fstat(root->fd, &stat) < 0)
		return true;
	for (i = 0; i < places->count; i++)
		if (is_on(places->list[i].dir, stat.st_dev))
			return true;
	return false;
}

/* A TemporaryDirectory in root, or NULL: one that fails is passed over, as at the start of a run. */
static PyObject *
open_in(const struct stage_root *root)
{
	struct stage_error error;
	PyObject *directory = directory_open_root(root, &error);

	if (!directory)
		stage_log_line(&hostlog, STAGE_WARNING, "temp root %s (%s) failed: %s", root->path,
			root->origin, error.message);
	return directory;
}

/* The best root after before whose file system has no place yet; NULL at the end. */
static const struct stage_root *
next_unused(const struct places *places, const struct stage_roots *roots,
	const struct stage_root *before, bool good_only)
{
	const struct stage_root *root = before;

	Py_BEGIN_ALLOW_THREADS
	do
		root = stage_roots_next(roots, root);
	while (root && is_used(places, root));
	Py_END_ALLOW_THREADS
	return root && good_only && root->state != STAGE_ROOT_GOOD ? NULL : root;
}

static PyObject *
open_best(const struct places *places, const struct stage_roots *roots,
	const struct places_next *next)
{
	const struct stage_root *root = NULL;
	PyObject *directory;

	while ((root = next_unused(places, roots, root, next->good_only))) {
		directory = open_in(root);
		if (!directory)
			continue;
		stage_log_line(&hostlog, STAGE_NOTICE,
			"%s are made in the temp root %s (%s), as %s", next->what, root->path,
			root->origin, next->why);
		return directory;
	}
	return NULL;
}

int
places_open_next(struct places *places, const struct places_next *next, struct stage_error *error)
{
	struct stage_roots *roots = NULL;
	PyObject *directory = NULL;
	int code;

	code = roots_rank(&roots, error);
	if (code < 0)
		return code;
	directory = open_best(places, roots, next);
	Py_BEGIN_ALLOW_THREADS
	stage_roots_free(&roots);
	Py_END_ALLOW_THREADS
	if (!directory)
		return stage_error_set(error, STAGE_E_NO_ROOT, 0, "there is no further temp root");
	return add(places, directory, error);
}

static struct place *
place_of(const struct places *places, const PyObject *directory)
{
	size_t i;

	for (i = 0; i < places->count; i++)
		if (places->list[i].directory == directory)
			return &places->list[i];
	return NULL;
}

void
places_unreserve(struct places *places, const PyObject *directory)
{
	const struct place *place = place_of(places, directory);

	if (!place || !place->spool)
		return;
	Py_BEGIN_ALLOW_THREADS
	stage_spool_unreserve(place->spool);
	Py_END_ALLOW_THREADS
}

int
places_accept(struct places *places, const PyObject *directory, const char *path, const char *name,
	const char *note, struct stage_spool **ret_spool, struct stage_spool_file **ret_file,
	struct stage_error *error)
{
	struct place *place = place_of(places, directory);
	struct stage_spool *spool = place ? place->spool : NULL;
	struct stage_dir *dir = place ? place->dir : NULL;
	int code;

	if (!spool)
		return stage_error_set(error, STAGE_E_UNTRACKED, 0,
			"%s is in no staging directory of this run", path);
	Py_BEGIN_ALLOW_THREADS
	code = stage_spool_accept(spool, dir, path, name, note, ret_file, error);
	Py_END_ALLOW_THREADS
	if (code == 0)
		*ret_spool = spool;
	return code;
}

bool
places_have_spool(const char *path)
{
	const struct places *places;
	size_t i;

	for (places = all; places; places = places->next)
		for (i = 0; i < places->count; i++)
			if (places->list[i].spool &&
				strcmp(stage_spool_path(places->list[i].spool), path) == 0)
				return true;
	return false;
}

void
places_release(struct places *places)
{
	struct place *list = places->list;
	size_t count = places->count, i;
	struct places **link;

	for (link = &all; *link && *link != places; link = &(*link)->next)
		;
	if (*link)
		*link = places->next;
	/* nobody else sees them while the GIL is given up */
	places->list = NULL;
	places->count = 0;
	Py_BEGIN_ALLOW_THREADS
	for (i = 0; i < count; i++)
		stage_spool_close(&list[i].spool);
	Py_END_ALLOW_THREADS
	for (i = 0; i < count; i++)
		Py_DECREF(list[i].directory);
	free(list);
}
