/*
 * ropaths - the ROPaths of one of the host's iterators, as a source of members
 *
 *	ropaths_init(&ropaths, rop_iter);
 *	...ropaths.source...
 *	ropaths_release(&ropaths);
 *
 * The content is what a path's open('rb') gives. All functions are called with the GIL held.
 */
#ifndef STAGEDIR_ROPATHS_H
#define STAGEDIR_ROPATHS_H

#include <Python.h>

#include "archive/hostpath.h"
#include "reading/membersource.h"

struct ropaths {
	struct membersource source;
	PyObject *iterator; /* the caller's */
	PyObject *path, *file, *bytes;
	struct hostpath read;
};

void ropaths_init(struct ropaths *ropaths, PyObject *iterator);

void ropaths_release(struct ropaths *ropaths);

#endif
