/*
 * allocate - disk space for a file before it is written
 *
 * No other process can then take the space meanwhile: a file that is begun can be ended.
 *
 *	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
 *	if (!stage_allocate(fd, most))
 *		... there is not enough: wait for some, or make the file elsewhere
 *	... write up to most bytes
 *	stage_allocate_end(fd);
 *
 * The size of the file shows only what was written, st_blocks also what is allocated. Truncating the
 * file, even to the size that it has, gives the space back.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_ALLOCATE_H
#define STAGEDIR_ALLOCATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Allocates space for the first bytes of a file. False, with errno, if there is not enough (ENOSPC,
 * EDQUOT): then nothing beyond the file's end is allocated. True also if the file system cannot
 * allocate, such as NFS before 4.2 and FAT. There, writing may still find no space.
 */
bool stage_allocate(int fd, uint64_t bytes);

/* Gives back what lies beyond the end of the file, if it can. Keeps errno. */
void stage_allocate_end(int fd);

#endif
