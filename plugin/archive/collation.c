#include "archive/collation.h"

#include "archive/currentpath.h"
#include "archive/signaturereader.h"
#include "python/object.h"

/* So many unchanged files are added to the host's statistics at a time. */
#define BATCH 64

struct collation {
	PyObject *collated; /* the host's pairs; NULL: what follows is used */

	PyObject *diffdir, *reader;
	PyObject *path_type, *ropath_type;

	struct currentpath current;    /* that is there, and was not given */
	const struct stage_entry *old; /* that was there, and was not given */
	bool old_ended;

	Py_ssize_t unchanged, unchanged_size;
};

static int
init(struct collation *collation, PyObject *diffdir, PyObject *new_iter, PyObject *sig_iter)
{
	if (!signaturereader_check(sig_iter)) {
		collation->collated = object_call(
			"duplicity.diffdir", "collate2iters", "(OO)", new_iter, sig_iter);
		return collation->collated ? 0 : -1;
	}
	collation->diffdir = Py_NewRef(diffdir);
	if (currentpath_begin(&collation->current, new_iter) < 0)
		return -1;
	collation->reader = Py_NewRef(sig_iter);
	collation->path_type = PyObject_GetAttrString(diffdir, "Path");
	collation->ropath_type = PyObject_GetAttrString(diffdir, "ROPath");
	return collation->path_type && collation->ropath_type ? 0 : -1;
}

struct collation *
collation_new(PyObject *diffdir, PyObject *new_iter, PyObject *sig_iter)
{
	struct collation *collation = PyMem_Calloc(1, sizeof(*collation));

	if (!collation)
		PyErr_NoMemory();
	else if (init(collation, diffdir, new_iter, sig_iter) < 0)
		collation_free(&collation);
	return collation;
}

void
collation_free(struct collation **collation)
{
	if (!*collation)
		return;
	Py_CLEAR((*collation)->collated);
	Py_CLEAR((*collation)->diffdir);
	currentpath_release(&(*collation)->current);
	Py_CLEAR((*collation)->reader);
	Py_CLEAR((*collation)->path_type);
	Py_CLEAR((*collation)->ropath_type);
	PyMem_Free(*collation);
	*collation = NULL;
}

void
collation_release_pair(struct pair *pair)
{
	Py_CLEAR(pair->path);
	Py_CLEAR(pair->old);
}

/* What the host's add_unchanged_file() does, for all that were counted. */
static int
add_unchanged(struct collation *collation)
{
	Py_ssize_t count = collation->unchanged, size = collation->unchanged_size;

	collation->unchanged = collation->unchanged_size = 0;
	if (count == 0)
		return 0;
	if (object_count(collation->diffdir, object_name_SourceFiles, count) < 0)
		return -1;
	return object_count(collation->diffdir, object_name_SourceFileSize, size);
}

static int
count_unchanged(struct collation *collation)
{
	collation->unchanged++;
	collation->unchanged_size += (Py_ssize_t)collation->current.there.entry.size;
	if (collation->unchanged < BATCH)
		return 0;
	return add_unchanged(collation) < 0 ? -1 : PyErr_CheckSignals();
}

/* Sees to a path of each side, unless there are no more: 0, or -1 with an exception. */
static int
fetch(struct collation *collation)
{
	int code;

	if (currentpath_fetch(&collation->current) < 0)
		return -1;
	if (!collation->old && !collation->old_ended) {
		code = signaturereader_next(collation->reader, &collation->old);
		if (code < 0)
			return -1;
		collation->old_ended = code == 0;
	}
	return 0;
}

/* Less than 0: the path that is there comes first; 0: both are of one path. */
static int
order(const struct collation *collation)
{
	if (!currentpath_is_there(&collation->current))
		return 1;
	return collation->old ? stage_entry_order(&collation->current.there.entry, collation->old)
			      : -1;
}

/* Has it the class whose __eq__() we know? */
static bool
is_ordinary(const struct collation *collation)
{
	const PyTypeObject *kind = Py_TYPE(collation->current.path);

	return kind == (PyTypeObject *)collation->path_type ||
	       kind == (PyTypeObject *)collation->ropath_type;
}

/* Compares the two of one path: 1 if they are the same, 0 if not, 2 if it is the host's to compare, or -1
 * with an exception. */
static int
compare(struct collation *collation)
{
	int known;

	if (!collation->current.found && !is_ordinary(collation))
		return 2;
	known = currentpath_read(&collation->current);
	if (known <= 0)
		return known < 0 ? -1 : 2;
	return stage_entry_is_same(&collation->current.there.entry, collation->old);
}

/* Gives what was fetched of either side or of both. */
static int
give(struct collation *collation, bool path, bool old, bool differs, struct pair *ret_pair)
{
	*ret_pair = (struct pair){.differs = differs};
	ret_pair->path = path ? currentpath_take(&collation->current) : Py_NewRef(Py_None);
	if (ret_pair->path)
		ret_pair->old =
			old ? signaturereader_make_path(collation->reader) : Py_NewRef(Py_None);
	if (!ret_pair->old) {
		collation_release_pair(ret_pair);
		return -1;
	}
	if (old)
		collation->old = NULL;
	return 1;
}

/* Goes on by a path: 1 if it is given, 0 if there is nothing to say of it, or -1 with an exception. */
static int
step(struct collation *collation, struct pair *ret_pair)
{
	int position = order(collation), same;

	if (position < 0)
		return give(collation, true, false, true, ret_pair);
	if (position > 0) {
		if (collation->old->type != STAGE_ENTRY_NONE)
			return give(collation, false, true, true, ret_pair);
		collation->old = NULL; /* was gone before */
		return 0;
	}
	same = compare(collation);
	if (same < 0)
		return -1;
	if (same != 1)
		return give(collation, true, true, same == 0, ret_pair);
	currentpath_pass(&collation->current);
	collation->old = NULL;
	return count_unchanged(collation);
}

static int
next_of_entries(struct collation *collation, struct pair *ret_pair)
{
	int code = 0;

	while (code == 0 && fetch(collation) == 0 &&
		(currentpath_is_there(&collation->current) || collation->old))
		code = step(collation, ret_pair);
	if (PyErr_Occurred())
		code = -1;
	if (code >= 0 && add_unchanged(collation) < 0) {
		if (code > 0)
			collation_release_pair(ret_pair);
		return -1;
	}
	return code;
}

int
collation_next(struct collation *collation, struct pair *ret_pair)
{
	PyObject *both, *path, *old;
	int code = -1;

	if (!collation->collated)
		return next_of_entries(collation, ret_pair);
	both = PyIter_Next(collation->collated);
	if (!both)
		return PyErr_Occurred() ? -1 : 0;
	if (PyArg_ParseTuple(both, "OO", &path, &old)) {
		*ret_pair = (struct pair){.path = Py_NewRef(path), .old = Py_NewRef(old)};
		code = 1;
	}
	Py_DECREF(both);
	return code;
}
