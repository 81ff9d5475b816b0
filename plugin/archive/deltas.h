/*
 * deltas - the object Deltas: what there is, compared with what the last backup has seen
 *
 * How the parts that write a backup file by file hang together:
 *
 *	selection -> Deltas -> DeltaTarBlockIter -> gzip_write_file
 *	                |              |
 *	                |              reads
 *	                |              v
 *	                +-- makes -> SourceFile
 *	                |              |
 *	                +- adds to -> Signatures
 *
 * Deltas is in the place of the host's diffdir.get_delta_iter(), SourceFile in that of its
 * FileWithReadCounter and FileWithSignature, DeltaTarBlockIter in that of the host's of this name,
 * gzip_write_file in that of gpg.GzipWriteFile. What goes from one to the next are the host's own
 * ROPaths, so that either may be the host's; but between ours no bytes go through Python.
 *
 * All functions are called with the GIL held.
 */
#ifndef STAGEDIR_DELTAS_H
#define STAGEDIR_DELTAS_H

#include <Python.h>

/* Adds Deltas to the module: 0, or -1 with an exception. */
int deltas_add_type(PyObject *module);

/*
 * Has what was written to the archive of signatures of a Deltas reach the host's file; of any other
 * object nothing. 0, or -1 with an exception.
 */
int deltas_flush(PyObject *object);

#endif
