/*
 * Each file is checked against the archive directory and its digest. A useless one is discarded, with a
 * notice that says why. Who else judges: duplicity/stored.h.
 */
#include "staging/adopt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "log.h"
#include "spool_find.h"
#include "url.h"

#include "duplicity/manifest.h"
#include "python/errors.h"
#include "python/hostlog.h"
#include "staging/passed.h"
#include "staging/places.h"
#include "staging/roots.h"

/*
 * Half seconds that a spool may be in somebody else's hands: stagedir gc has one for as long as it takes
 * to remove some files, systemd-tmpfiles while it looks through it. Nobody who reads has it at all.
 */
#define BUSY_ATTEMPTS 20

/* Roots that are told apart; the rest may be visited twice. */
#define ROOTS_MAX 32

void
adopt_discard(struct stage_spool *spool, struct stage_spool_file *file)
{
	struct stage_error error;
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = stage_spool_forget(spool, &file, &error);
	Py_END_ALLOW_THREADS
	if (code < 0)
		stage_log_line(&hostlog, STAGE_WARNING, "%s", error.message);
}

static int
no_memory(struct stage_error *error)
{
	return stage_error_set(
		error, STAGE_E_MEMORY, 0, "no memory to take over what dead runs staged");
}

static int
append(struct adopted *self, const struct resumable *resumable, struct stage_error *error)
{
	struct resumable *longer;

	longer = realloc(self->resumables, (self->resumable_count + 1) * sizeof(*self->resumables));
	if (!longer)
		return no_memory(error);
	longer[self->resumable_count++] = *resumable;
	self->resumables = longer;
	return 0;
}

/* Judges one file by what is on this machine. A code tells that nobody can. */
static int
take_file(struct adopted *self, struct stage_spool *spool, struct stage_spool_file *file,
	struct stage_error *error)
{
	struct resumable resumable = {.spool = spool, .file = file};
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = manifest_note_check(
		&self->manifest, self->home, file->note, &resumable.volume, error);
	Py_END_ALLOW_THREADS
	if (code == STAGE_E_DAMAGED) {
		stage_log_line(&hostlog, STAGE_NOTICE,
			"discarding the volume %s that a dead run staged: %s", file->name,
			error->message);
		adopt_discard(spool, file);
		return 0;
	}
	if (code < 0)
		return code;
	Py_BEGIN_ALLOW_THREADS
	code = stage_spool_check(spool, file, error);
	Py_END_ALLOW_THREADS
	/* one that cannot be read is as good as damaged; that there are too many files open is not */
	if (code < 0 && code != STAGE_E_DAMAGED && error->sys_errno != EIO &&
		error->sys_errno != ENOENT)
		return code;
	if (code < 0) {
		stage_log_line(&hostlog, STAGE_WARNING,
			"discarding the volume %s that a dead run staged, to be made again: %s",
			file->name, error->message);
		adopt_discard(spool, file);
		return 0;
	}
	return append(self, &resumable, error);
}

/* Keeps an adopted spool until the end. */
static int
keep(struct adopted *self, struct stage_spool *spool, struct stage_error *error)
{
	struct stage_spool **longer;

	longer = realloc(self->spools, (self->count + 1) * sizeof(*self->spools));
	if (!longer) {
		Py_BEGIN_ALLOW_THREADS
		stage_spool_close(&spool);
		Py_END_ALLOW_THREADS
		return no_memory(error);
	}
	longer[self->count++] = spool;
	self->spools = longer;
	return 0;
}

/* Has this Staging the spool already, by whatever path? Without the GIL. */
static bool
is_adopted(const struct adopted *self, const char *path)
{
	struct stat ours, theirs;
	size_t i;

	for (i = 0; i < self->count; i++)
		if (stat(stage_spool_path(self->spools[i]), &ours) == 0 &&
			stat(path, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
			ours.st_ino == theirs.st_ino)
			return true;
	return false;
}

/* Adopts a spool, also one that stagedir gc is removing files from. */
static int
adopt_idle(struct adopted *self, const char *path, struct stage_spool **ret_spool,
	struct stage_error *error)
{
	const struct timespec pause = {.tv_nsec = 500 * 1000 * 1000};
	int code, attempt;

	for (attempt = 0; attempt < BUSY_ATTEMPTS; attempt++) {
		Py_BEGIN_ALLOW_THREADS
		code = stage_spool_adopt(path, self->durable, &hostlog, ret_spool, error);
		if (code == STAGE_E_BUSY)
			nanosleep(&pause, NULL);
		Py_END_ALLOW_THREADS
		if (code != STAGE_E_BUSY)
			return code;
		if (attempt == 0)
			stage_log_line(&hostlog, STAGE_NOTICE, "waiting: %s", error->message);
		if (PyErr_CheckSignals() < 0)
			return 1;
	}
	return code;
}

/* Takes over one spool. Returns 1 with an exception. */
static int
adopt_spool(struct adopted *self, const struct stage_spool_found *found, struct stage_error *error)
{
	const char *path = found->path;
	struct stage_spool_file *file, *next;
	struct stage_spool *spool;
	bool adopted;
	int code;

	Py_BEGIN_ALLOW_THREADS
	adopted = is_adopted(self, path);
	Py_END_ALLOW_THREADS
	if (adopted)
		return 0; /* its root was met before, by another name */
	code = adopt_idle(self, path, &spool, error);
	if (code == STAGE_E_MEMORY || code > 0)
		return code;
	if (code < 0) {
		passed_tell_failed(
			code == STAGE_E_BUSY ? STAGE_NOTICE : STAGE_WARNING, found, error);
		return 0;
	}
	code = keep(self, spool, error);
	if (code < 0)
		return code;
	for (file = stage_spool_files(spool); file && code == 0; file = next) {
		next = file->next;
		code = take_file(self, spool, file, error);
	}
	return code;
}

/*
 * Is it for this run? One that looks alive too: no other run has this archive directory, whose lock
 * this one has, so that somebody has it for moments only.
 */
static int
is_for(const struct adopted *self, const struct stage_spool_found *found, bool *ret_is,
	struct stage_error *error)
{
	*ret_is = false;
	if (found->owner != STAGE_OWNER_DEAD && (found->owner != STAGE_OWNER_LIVE || !found->count))
		return 0;
	if (found->unreadable || !passed_same_home(found->home, self->home))
		return 0;
	return stage_url_same(found->target, self->target, ret_is, error);
}

/* Where a dead run may have left something, and which were visited. */
struct visit {
	struct adopted *self;
	struct stat roots[ROOTS_MAX];
	size_t count;
};

/* A root may be named twice, also by two paths. */
static bool
is_visited(struct visit *visit, const char *root)
{
	struct stat found;
	size_t i;

	if (stat(root, &found) < 0)
		return false;
	for (i = 0; i < visit->count; i++)
		if (visit->roots[i].st_dev == found.st_dev &&
			visit->roots[i].st_ino == found.st_ino)
			return true;
	if (visit->count < ROOTS_MAX)
		visit->roots[visit->count++] = found;
	return false;
}

/* Adopts what there is in one root: of roots_visit(). */
static int
adopt_in(void *context, const char *root, struct stage_error *error)
{
	struct visit *visit = context;
	struct stage_spool_found *list;
	size_t count, i;
	int code;

	if (is_visited(visit, root))
		return 0;
	Py_BEGIN_ALLOW_THREADS
	code = stage_spool_find(root, &list, &count, error);
	Py_END_ALLOW_THREADS
	if (code < 0) /* a root that is not there, or may not be read, has nothing of ours */
		return code == STAGE_E_MEMORY ? code : 0;
	for (i = 0; i < count && code == 0; i++) {
		bool ours;

		code = is_for(visit->self, &list[i], &ours, error);
		if (code == 0 && !ours)
			passed_tell(visit->self->target, visit->self->home, &list[i]);
		else if (code == 0 && !places_have_spool(list[i].path))
			code = adopt_spool(visit->self, &list[i], error);
	}
	stage_spool_find_free(&list, count);
	return code;
}

static int
by_volume(const void *a, const void *b)
{
	unsigned long left = ((const struct resumable *)a)->volume;
	unsigned long right = ((const struct resumable *)b)->volume;

	return left < right ? -1 : left > right;
}

static PyObject *
list_resumables(const struct adopted *self)
{
	PyObject *list = PyList_New(0), *item;
	size_t i;

	for (i = 0; list && i < self->resumable_count; i++) {
		const struct stage_spool_file *file = self->resumables[i].file;

		item = Py_BuildValue("(yy)", file->name, file->path);
		if (!item || PyList_Append(list, item) < 0)
			Py_CLEAR(list);
		Py_XDECREF(item);
	}
	return list;
}

PyObject *
adopt_spools(struct adopted *self)
{
	struct visit visit = {.self = self};
	struct stage_error error;
	int code;

	code = roots_visit(adopt_in, &visit, &error);
	if (code < 0)
		return errors_raise_final(&error);
	if (code > 0)
		return NULL; /* with the exception of a signal's handler */
	if (self->resumable_count)
		qsort(self->resumables, self->resumable_count, sizeof(*self->resumables),
			by_volume);
	return list_resumables(self);
}

static bool
is_in_manifest(struct adopted *self, const char *note)
{
	unsigned long volume;
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = manifest_note_check(&self->manifest, self->home, note, &volume, NULL);
	Py_END_ALLOW_THREADS
	return code == 0;
}

PyObject *
adopt_confirmed(struct adopted *self)
{
	PyObject *list = PyList_New(0), *item;
	size_t i;

	for (i = 0; list && i < self->count; i++) {
		const char *note, *name = stage_spool_confirmed(self->spools[i], &note);

		/* what was confirmed counts only while the manifest has just that volume */
		if (!name || !is_in_manifest(self, note))
			continue;
		item = PyBytes_FromString(name);
		if (!item || PyList_Append(list, item) < 0)
			Py_CLEAR(list);
		Py_XDECREF(item);
	}
	return list;
}

void
adopt_release(struct adopted *self)
{
	struct stage_spool **spools = self->spools;
	size_t count = self->count, i;

	manifestindex_release(&self->manifest);
	free(self->resumables);
	self->resumables = NULL;
	/* nobody else sees them while the GIL is given up */
	self->spools = NULL;
	self->count = self->resumable_count = 0;
	Py_BEGIN_ALLOW_THREADS
	for (i = 0; i < count; i++)
		stage_spool_close(&spools[i]);
	Py_END_ALLOW_THREADS
	free(spools);
}
