/*
 * hostwords - what duplicity says of a restore, said by its own functions: so the words are those of each version
 *
 * They are asked of a patchdir.ROPath_IterWriter, which writes nothing. All functions are called with the GIL held,
 * and return 0, or -1 with an exception.
 */
#ifndef STAGEDIR_HOSTWORDS_H
#define STAGEDIR_HOSTWORDS_H

#include <Python.h>

/* Zeroed it has nothing. */
struct hostwords {
	PyObject *base_path;
	PyObject *writer; /* the ROPath_IterWriter */
};

int hostwords_init(struct hostwords *words, PyObject *base_path);

void hostwords_release(struct hostwords *words);

/* A path is written. */
int hostwords_writing(const struct hostwords *words, PyObject *ropath);

/* A folder (bytes) is made. */
int hostwords_making(PyObject *name);

/* A path is left out, as what it is in could not be made. */
int hostwords_skipping(const struct hostwords *words, PyObject *ropath);

/* A path does not come after the one before it, whose index is before. */
int hostwords_disorder(const struct hostwords *words, PyObject *before, PyObject *ropath);

/*
 * Tells of the pending exception, which has met a path of this index; NULL: a folder that was complete. What the host does
 * not tell of ends its run: -1, and it is pending again.
 */
int hostwords_failed(const struct hostwords *words, PyObject *index);

/* The same for an attribute of a path, whose failures the host may be told to ignore. */
int hostwords_attribute_failed(const struct hostwords *words, PyObject *index);

#endif
