#include "staging/elsewhere.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "filesystem.h"

#include "python/object.h"
#include "staging/places.h"

/* Bytes that are enough for what a restore or a verify makes. */
#define ENOUGH ((uint64_t)4 * 1024 * 1024 * 1024)

/* Roots that were opened for such files. One thread at a time opens one. */
static struct places further;
static bool no_more, opening;

/* Does the host back up? It selects files for that; to verify a backup as well. */
static bool
backs_up(void)
{
	PyObject *select = object_attribute("duplicity.config", "select");
	bool is = select && select != Py_None;

	PyErr_Clear();
	Py_XDECREF(select);
	return is;
}

static uint64_t
enough(void)
{
	PyObject *volsize = backs_up() ? object_attribute("duplicity.config", "volsize") : NULL;
	unsigned long long bytes = ENOUGH;

	if (volsize && PyLong_Check(volsize))
		bytes = PyLong_AsUnsignedLongLong(volsize);
	if (PyErr_Occurred()) {
		PyErr_Clear();
		bytes = ENOUGH;
	}
	Py_XDECREF(volsize);
	return bytes;
}

/* What is free in its root for files that can be made; false where it is closed, or of another process. */
static bool
look(struct stage_dir *dir, uint64_t *ret_bytes)
{
	bool is_open;
	char *path;
	int fd;

	*ret_bytes = 0;
	Py_BEGIN_ALLOW_THREADS
	is_open = stage_dir_root(dir, &fd, &path, NULL) == 0;
	if (is_open) {
		if (stage_filesystem_free(fd, ret_bytes) < 0 || !stage_filesystem_has_files(fd))
			*ret_bytes = 0;
		close(fd);
		free(path);
	}
	Py_END_ALLOW_THREADS
	return is_open;
}

/* Opens the next root. False: there is none, or another thread is at it. */
static bool
open_next(PyObject *directory)
{
	static const struct places_next next = {.what = "files that duplicity makes itself",
		.why = "the one before it has less room than they may need",
		.good_only = true};
	struct stage_error error;

	if (no_more || opening || (!further.count && places_begin(&further, directory, &error) < 0))
		return false;
	opening = true;
	no_more = places_open_next(&further, &next, &error) < 0;
	opening = false;
	return !no_more;
}

static struct stage_dir *
choose(PyObject *directory, struct stage_dir *dir, bool opens)
{
	struct stage_dir *best = dir;
	const uint64_t bytes = enough();
	uint64_t most, has;
	size_t i;

	if (!look(dir, &most))
		return dir;
	for (i = 0; most < bytes && (i < further.count || (opens && open_next(directory))); i++) {
		struct stage_dir *other = further.list[i].dir;

		if (look(other, &has) && has > most) {
			most = has;
			best = other;
		}
	}
	return best;
}

struct stage_dir *
elsewhere_choose(PyObject *directory, struct stage_dir *dir)
{
	return choose(directory, dir, true);
}

struct stage_dir *
elsewhere_find(PyObject *directory, struct stage_dir *dir)
{
	return choose(directory, dir, false);
}
