/*
 * hostpath - one of the host's paths and an entry (entry.h): each is made of the other
 *
 * All functions are called with the GIL held.
 */
#ifndef STAGEDIR_HOSTPATH_H
#define STAGEDIR_HOSTPATH_H

#include <Python.h>

#include "archive/index.h"
#include "entry.h"
#include "tar.h"

/* What was read of a path. Zeroed it is empty. The entry's strings live until it is read again or released. */
struct hostpath {
	struct stage_entry entry;
	struct index index;
	PyObject *target;
};

/* Reads the index of a ROPath: 0, or -1 with an exception. */
int hostpath_read_index(struct hostpath *path, PyObject *ropath);

/* Reads what else is in an entry: 1; 0 if it has a type that entries do not know, or -1 with an exception. */
int hostpath_read(struct hostpath *path, PyObject *ropath);

void hostpath_release(struct hostpath *path);

/*
 * A new ROPath of an entry, as the host's init_from_tarinfo() makes it; of STAGE_ENTRY_NONE it has an index
 * alone. NULL with an exception.
 */
PyObject *hostpath_new(const struct stage_entry *entry);

/* The host's name of a type, such as "reg"; it is not STAGE_ENTRY_NONE. */
const char *hostpath_type(enum stage_entry_type type);

/* Sets the difftype that the host gives a ROPath of such a member: 0, or -1 with an exception. */
int hostpath_set_difftype(PyObject *ropath, enum stage_member_kind kind);

#endif
