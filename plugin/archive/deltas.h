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
 * In a full backup most files go past all objects but the first and the last two (fresh.h).
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

#include "tar.h"

/* Adds Deltas to the module: 0, or -1 with an exception. */
int deltas_add_type(PyObject *module);

/* What is backed up of a new file or directory, where no object was made of it. */
struct deltas_fresh {
	const char *index; /* its path below the source */
	struct stage_member member;
	const void *bytes; /* of its content */
	size_t size;
};

/*
 * The next path of an iterator, if that is a Deltas whose next path is one that fresh.h can add: 1. 0: the iterator is
 * to be asked for it, as any other. -1 with an exception. What is given is valid until the next call.
 */
int deltas_next_fresh(PyObject *iterator, struct deltas_fresh *ret_fresh);

/*
 * Flushes the archive of signatures of a Deltas to the host's file, and the host's statistics. Does nothing for any other object. 0,
 * or -1 with an exception.
 */
int deltas_flush(PyObject *object);

#endif
