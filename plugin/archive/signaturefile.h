/*
 * signaturefile - the type SignatureFile: the file object of a signature in an archive, which is read when the
 * host asks for it
 *
 * All functions are called with the GIL held.
 */
#ifndef STAGEDIR_SIGNATUREFILE_H
#define STAGEDIR_SIGNATUREFILE_H

#include <Python.h>

#include <stddef.h>

/*
 * Reads size bytes of the signature with this number, fewer at its end: 0, or -1 with an exception, also
 * where the source is no longer at it.
 */
typedef int (*signaturefile_read)(
	PyObject *source, unsigned long long number, void *buffer, size_t size, size_t *ret_count);

/* Makes the type: 0, or -1 with an exception. */
int signaturefile_add_type(PyObject *module);

/* A new file object; NULL with an exception. */
PyObject *signaturefile_new(PyObject *source, signaturefile_read read, unsigned long long number);

#endif
