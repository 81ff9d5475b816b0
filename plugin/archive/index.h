/*
 * index - the index of one of the host's paths, which is a tuple of names, and the path that they make
 *
 * All functions are called with the GIL held.
 */
#ifndef STAGEDIR_INDEX_H
#define STAGEDIR_INDEX_H

#include <Python.h>

#include <stddef.h>

/* Names joined by slashes. Zeroed it is empty, without bytes. */
struct index {
	char *bytes; /* length bytes and a NUL, with room for another byte before that */
	size_t length, room;
};

/* Joins the names of a ROPath's index: 0, or -1 with an exception. */
int index_join(struct index *index, PyObject *ropath);

/* The tuple of the names in a path; of "" it is empty. NULL with an exception. */
PyObject *index_split(const char *bytes, size_t length);

/* Are names encoded in UTF-8, so that those in an archive are the bytes of an index? 1, 0, or -1 with an exception. */
int index_is_utf8(void);

void index_release(struct index *index);

#endif
