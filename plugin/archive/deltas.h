/*
 * deltas - the type Deltas: the source compared with the last backup
 *
 * The parts that write a backup, file by file:
 *
 *	selection -> Deltas -> DeltaTarBlockIter -> gzip_write_file
 *	                |              |
 *	                |              reads
 *	                |              v
 *	                +-- makes -> SourceFile
 *	                |              |
 *	                +- adds to -> Signatures
 *
 * Each has the place of a part of the host: Deltas that of diffdir.get_delta_iter(), SourceFile that of
 * FileWithReadCounter and FileWithSignature, DeltaTarBlockIter that of the class of this name,
 * gzip_write_file that of gpg.GzipWriteFile. They pass the host's own ROPaths on. So each works with the
 * host's part in the place of its neighbour, too. But between ours no bytes go through Python.
 *
 * All functions are called with the GIL held.
 */
#ifndef STAGEDIR_DELTAS_H
#define STAGEDIR_DELTAS_H

#include <Python.h>

/* Adds Deltas to the module: 0, or -1 with an exception. */
int deltas_add_type(PyObject *module);

/*
 * Flushes the archive of signatures of a Deltas to the host's file. Does nothing for any other object. 0,
 * or -1 with an exception.
 */
int deltas_flush(PyObject *object);

#endif
