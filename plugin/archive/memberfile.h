/*
 * memberfile - the type MemberFile: the file object of a member of an archive, which is read when the host asks for it
 *
 * All functions are called with the GIL held.
 */
#ifndef STAGEDIR_MEMBERFILE_H
#define STAGEDIR_MEMBERFILE_H

#include <Python.h>

#include <stddef.h>

/* What the content is read of. Both fail with -1 and an exception, also where the source is no longer at the member. */
struct memberfile_source {
	/* Reads size bytes of the member with this number, fewer at its end: 0. */
	int (*read)(PyObject *source, unsigned long long number, void *buffer, size_t size,
		size_t *ret_count);
	/* Nobody will read on: 0. NULL: nothing is to be done then. */
	int (*close)(PyObject *source, unsigned long long number);
};

/* Makes the type: 0, or -1 with an exception. */
int memberfile_add_type(PyObject *module);

/* A new file object; NULL with an exception. functions are kept. */
PyObject *memberfile_new(
	PyObject *source, const struct memberfile_source *functions, unsigned long long number);

#endif
