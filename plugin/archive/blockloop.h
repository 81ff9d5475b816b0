/*
 * blockloop - the loop in which the host's writers take blocks from an iterator, until a file is full
 *
 * It asks the iterator how much that reads next at most, and whether so much fits; takes a block; writes it. It
 * serves gzip_write_file (writefile.h) and gpg_write_blocks (packet.h), which say how.
 *
 * It is called with the GIL held. What is asked and written is without it. Errors are raised; what the iterator
 * raises when it is asked for a block passes through with the attribute is_of_source, which is True.
 */
#ifndef STAGEDIR_BLOCKLOOP_H
#define STAGEDIR_BLOCKLOOP_H

#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "tar.h"

struct blockloop {
	PyObject *block_iter;

	/* Bytes for which there must be room beside those that are read. */
	uint64_t spared;

	/* The host asks for the bytes that are read, and a block of a tar file has a header beside. Count it? */
	bool counts_headers;

	/* Is there room for so many bytes more? 0, or a code. Without the GIL. */
	int (*fits)(void *context, uint64_t bytes, bool *ret_fits, struct stage_error *error);

	/* Writes a block, or a part of one. Without the GIL. */
	stage_tar_write write;

	/* Raises the exception that such an error is to the host. */
	void (*fail)(void *context, const struct stage_error *error);
	void *context;
};

/* 1: the iterator has come to its end; 0: the file is full; -1 with an exception. */
int blockloop_run(const struct blockloop *loop);

/* Writes bytes of an object: 0, or -1 with an exception. */
int blockloop_write(const struct blockloop *loop, PyObject *data);

/*
 * A number of bytes, as Python has it: less than 0 is 0, more than fits is as good as without end. 0, or -1 with
 * an exception.
 */
int blockloop_bytes(PyObject *number, uint64_t *ret_bytes);

#endif
