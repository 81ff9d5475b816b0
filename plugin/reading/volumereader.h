/*
 * volumereader - the type VolumeReader: the paths of one backup, read out of its volumes
 *
 * It has the place of the host's generator difftar2path_iter(), behind restore and verify. To Python it is an
 * iterator of the host's ROPaths, whose content can be read until the next one is asked for. In C it gives
 * entries, and a ROPath of those for which there has to be one:
 *
 *	while ((code = volumereader_next(reader, &entry)) > 0)
 *		if (...)
 *			ropath = volumereader_make_path(reader);
 *		else
 *			while (volumereader_read(reader, buffer, size, &count) == 0 && count > 0)
 *				...
 *
 * Volumes are those of a TarFile_FromFileobjs of the host's, of which nothing was read: its iterator of file
 * objects is asked for one after the other, when the host would do so (difftar.h), and each is closed before the next
 * one is asked for (volumesource.h). Items that stand for a bad volume are passed over. Where names are not
 * encoded in UTF-8 all is left to the host: there the bytes in an archive are not those of the name.
 *
 * All functions are called with the GIL held; it is given up while the disk or an inflating thread is waited
 * for. One at a time: a call while another one runs is an exception.
 */
#ifndef STAGEDIR_VOLUMEREADER_H
#define STAGEDIR_VOLUMEREADER_H

#include <Python.h>

#include <stdbool.h>

#include "difftar.h"

/* Adds VolumeReader to the module: 0, or -1 with an exception. */
int volumereader_add_type(PyObject *module);

/* Python: read_volumes(diff_tarfile), a VolumeReader or None. */
PyObject *volumereader_read_volumes(PyObject *module, PyObject *tarfile);

/* Is object a VolumeReader? */
bool volumereader_check(PyObject *object);

/*
 * Goes to the next path: 1, 0 behind the last, or -1 with an exception, behind which there is no other path. The entry has
 * the owner that the path has here. It lasts until the next call of this function.
 */
int volumereader_next(PyObject *reader, const struct stage_difftar_entry **ret_entry);

/* Reads size bytes of the content of the path that it is at, fewer at its end: 0, or -1 with an exception. */
int volumereader_read(PyObject *reader, void *buffer, size_t size, size_t *ret_count);

/* Nobody will read on in that content, as when the host closes its file object: 0, or -1 with an exception. */
int volumereader_pass(PyObject *reader);

/* A new ROPath of the path that it is at, with the file object of its content; NULL with an exception. */
PyObject *volumereader_make_path(PyObject *reader);

#endif
