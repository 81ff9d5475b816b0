/*
 * archive - how the parts that write a backup file by file hang together
 *
 *	selection -> Deltas -> DeltaTarBlockIter -> gzip_write_file
 *	                |              |
 *	                |              reads
 *	                |              v
 *	                +-- makes -> SourceFile, whose signature goes back to Deltas
 *
 * Deltas is in the place of the host's diffdir.get_delta_iter(), SourceFile in that of its
 * FileWithReadCounter and FileWithSignature, DeltaTarBlockIter in that of the host's of this name.
 * What goes from one to the next are the host's own ROPaths, so that either may be the host's; but
 * between ours no bytes go through Python.
 *
 * All functions here are called with the GIL held, and give it up while they read or compute.
 */
#ifndef STAGEDIR_ARCHIVE_H
#define STAGEDIR_ARCHIVE_H

#include <Python.h>

#include <stdbool.h>

#include "tar.h"

/* What the host reads at a time, and a piece of a file in a volume is. */
#define ARCHIVE_PIECE ((size_t)64 * 1024)

/* Each adds a type to the module: 0, or -1 with an exception. */
int deltas_add_type(PyObject *module);
int blocks_add_type(PyObject *module);
int sourcefile_add_type(PyObject *module);
int follower_add_type(PyObject *module);
int pipe_add_type(PyObject *module);

/*
 * Writes a member to the archive of signatures of a Deltas: of this kind, what path is, with these
 * bytes. 0, or -1 with an exception. deltas.c
 */
int deltas_add_member(PyObject *deltas, PyObject *path, enum stage_member_kind kind,
	const unsigned char *bytes, size_t size);

/*
 * Opens the file of a path of the host's: whatever is read of it is counted in the host's
 * statistics and gets into a signature, which goes to deltas when all of it was read and it is
 * closed. A new reference, NULL with an exception. sourcefile.c
 */
PyObject *sourcefile_new(PyObject *path, PyObject *deltas);

/* What path.open("rb") of the host gives: a new reference, NULL with an exception. sourcefile.c */
PyObject *sourcefile_open_host(PyObject *path);

/* The host's module, which a Deltas holds: a borrowed reference. deltas.c */
PyObject *deltas_diffdir(PyObject *deltas);

/* Has what was written to the archive of signatures of a Deltas reach the host's file; of any other
 * object nothing. 0, or -1 with an exception. deltas.c */
int deltas_flush(PyObject *object);

/* The same for what a DeltaTarBlockIter is made of: to be called when a volume ends. blocks.c */
int blocks_flush(PyObject *blocks);
bool sourcefile_check(PyObject *object);

/*
 * Reads as many bytes of a SourceFile as there are, up to size. What cannot be read is warned of
 * as the host does it, and is as good as the end of the file. -1 with an exception.
 */
Py_ssize_t sourcefile_read(PyObject *file, unsigned char *buffer, size_t size);

/* Closes a SourceFile, having read what is left of it. 0, or -1 with an exception. */
int sourcefile_close(PyObject *file);

/*
 * Is it a DeltaTarBlockIter? Then its next block can be written without being made an object:
 * 1, 0 where there is none, -1 with an exception, or where write has failed, without one.
 * write is called without the GIL. blocks.c
 */
bool blocks_check(PyObject *object);
int blocks_write_next(
	PyObject *blocks, stage_tar_write write, void *context, struct stage_error *error);

#endif
