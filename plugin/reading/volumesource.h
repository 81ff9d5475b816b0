/*
 * volumesource - the bytes of a volume, as the host has fetched and opened it
 *
 *	struct volumesource source = VOLUMESOURCE_NONE;
 *
 *	volumesource_open(&source, file, &bytes);
 *	stage_tarreader_begin(reader, &bytes, volumesource_name(&source));
 *	...
 *	volumesource_close(&source);
 *
 * The file objects of volumes are the host's FileobjHooked around another one. Around a gzip.GzipFile that
 * has just been opened, the gzip file is read by its descriptor, inflated ahead by a thread (gunzip.h); around
 * a plain file that is read by its descriptor. Any other, such as a GPGFile, is asked by its read().
 *
 * What the host does when it closes one - it looks whether gpg was content, and who has signed, and removes
 * the file - is done by its own close(), at the same moment.
 *
 * All functions are called with the GIL held; it is given up while the disk or the inflating thread is waited
 * for. The functions of the tarsource may leave an exception: it says more than their error.
 */
#ifndef STAGEDIR_VOLUMESOURCE_H
#define STAGEDIR_VOLUMESOURCE_H

#include <Python.h>

#include <stdbool.h>
#include <sys/types.h>

#include "tarreader.h"

struct volumesource {
	PyObject *file; /* the host's; NULL where none is open */
	PyObject *name;
	PyThreadState *waiting;

	struct stage_readahead *readahead;
	bool ahead; /* it has a thread */

	int fd; /* of a plain file, the host's; -1: of another */
	off_t offset;
	char *buffer;

	PyObject *block;   /* of the host's read() */
	const char *bytes; /* in the buffer, or the block */
	size_t size, taken;
	bool ended;
};

#define VOLUMESOURCE_NONE ((struct volumesource){.fd = -1})

/* Begins to read a file object of the host's: 0, or -1 with an exception. The struct stays where it is until it is closed. */
int volumesource_open(
	struct volumesource *source, PyObject *file, struct stage_tarsource *ret_bytes);

/* Its name for messages; lasts until it is closed. */
const char *volumesource_name(const struct volumesource *source);

/*
 * It is damaged: has the host a better reason, as gpg tells it one? -1 with that exception, 0 where it has none. Nothing
 * more is read of it.
 */
int volumesource_explain(struct volumesource *source);

/* Ends it, and closes the host's file, if one is open: 0, or -1 with an exception. */
int volumesource_close(struct volumesource *source);

/* Ends it, and leaves the host's file to whoever else has it. */
void volumesource_release(struct volumesource *source);

#endif
