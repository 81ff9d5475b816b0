/*
 * pathmaker - makes the host's own Path objects of what a walk has found
 *
 * Such a Path has all that Path.__init__() gives one, and was never asked for its stat: that is a FileStat
 * (filestat.h). Made are those of files, directories, links, pipes and devices that could be looked at; what else
 * there is must be the host's to make, as it warns of it.
 *
 * All functions are called with the GIL held.
 */
#ifndef STAGEDIR_PATHMAKER_H
#define STAGEDIR_PATHMAKER_H

#include <Python.h>

#include <stdbool.h>

#include "walk.h"

/* Zeroed, it is closed. References to objects are its own. */
struct pathmaker {
	PyObject *type, *base;
	PyObject *decode;    /* the host's function for uc_name */
	bool ascii_is_plain; /* is a name in ASCII what the bytes of it say? */
	bool has_devnums;    /* of what is no device, too: None */
};

/* root: the host's Path of the source. 0, or -1 with an exception. */
int pathmaker_open(struct pathmaker *maker, PyObject *root);

void pathmaker_close(struct pathmaker *maker);

/* Can a Path be made of it here? */
bool pathmaker_can(const struct stage_walk_entry *entry);

/* Behind an index (a tuple) one more name. A new reference, NULL with an exception. */
PyObject *pathmaker_index(PyObject *parent, const char *name);

/* The Path of an entry that can be made. A new reference, NULL with an exception. */
PyObject *pathmaker_make(
	const struct pathmaker *maker, PyObject *index, const struct stage_walk_entry *entry);

#endif
