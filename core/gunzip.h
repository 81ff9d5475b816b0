/*
 * gunzip - a gzip file is read, inflated ahead of its reader by a thread
 *
 *	const struct stage_readahead_options options = {.path = path, .ahead = true};
 *
 *	stage_gunzip_open(fd, &options, &readahead, &error);
 *	stage_readahead_read(readahead, buffer, sizeof(buffer), &count, &error);
 *	stage_readahead_close(&readahead);
 *
 * Which files it takes, by whom they are inflated, and how much memory that takes, inflater.h tells.
 *
 * Errors of the reading, beyond those of readahead.h: STAGE_E_DAMAGED, the file is cut, is none of gzip, or a checksum
 * is wrong, and the message names path and reason; STAGE_E_SYSTEM; STAGE_E_MEMORY.
 *
 * Not installed.
 */
#ifndef STAGEDIR_GUNZIP_H
#define STAGEDIR_GUNZIP_H

#include "error.h"
#include "readahead.h"

/*
 * Begins to read a regular file from its first byte, by pread(2): the offset of fd is left alone. Takes over
 * fd, which it closes also on failure, unless it leaves_open. STAGE_E_MEMORY, STAGE_E_SYSTEM.
 */
int stage_gunzip_open(int fd, const struct stage_readahead_options *options,
	struct stage_readahead **ret_readahead, struct stage_error *error);

#endif
