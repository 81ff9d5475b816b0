#include "archive/currentpath.h"

#include <string.h>

int
currentpath_begin(struct currentpath *current, PyObject *paths)
{
	current->paths = PyObject_GetIter(paths);
	return current->paths ? 0 : -1;
}

/* The next path of a Selection, as an entry where it can be one. */
static int
fetch_found(struct currentpath *current)
{
	struct stage_entry *entry = &current->there.entry;
	const struct selection_found *found;
	int code = selection_next(current->paths, &found);

	current->ended = code == 0;
	if (code <= 0)
		return code;
	if (!found->entry) {
		current->path = selection_make_path(current->paths);
		return current->path ? 0 : -1;
	}
	current->found = found;
	stage_entry_set_stat(entry, found->entry->stat);
	entry->index = found->relative;
	entry->index_length = strlen(found->relative);
	entry->target = found->entry->target;
	entry->target_length = entry->target ? strlen(entry->target) : 0;
	return 0;
}

int
currentpath_fetch(struct currentpath *current)
{
	if (currentpath_is_there(current) || current->ended)
		return 0;
	if (selection_check(current->paths)) {
		if (fetch_found(current) < 0)
			return -1;
	} else {
		current->path = PyIter_Next(current->paths);
		if (PyErr_Occurred())
			return -1;
		current->ended = !current->path;
	}
	return current->path ? hostpath_read_index(&current->there, current->path) : 0;
}

bool
currentpath_is_there(const struct currentpath *current)
{
	return current->path || current->found;
}

int
currentpath_read(struct currentpath *current)
{
	return current->found ? 1 : hostpath_read(&current->there, current->path);
}

PyObject *
currentpath_take(struct currentpath *current)
{
	PyObject *path = current->path;

	if (current->found)
		path = selection_make_path(current->paths);
	current->path = NULL;
	current->found = NULL;
	return path;
}

void
currentpath_pass(struct currentpath *current)
{
	Py_CLEAR(current->path);
	current->found = NULL;
}

void
currentpath_release(struct currentpath *current)
{
	currentpath_pass(current);
	Py_CLEAR(current->paths);
	hostpath_release(&current->there);
}
