/*
 * allocate - disk space for a file before it is written
 *
 * So that what is begun can be ended: no other process can take the space meanwhile.
 *
 *	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
 *	if (!stage_allocate(fd, most))
 *		... there is not so much: wait for some, or make it elsewhere
 *	... write up to most bytes
 *	stage_allocate_end(fd);
 *
 * The size of the file is what was written; what is allocated shows in st_blocks only. Truncating
 * the file, also to the size that it has, gives the space back.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_ALLOCATE_H
#define STAGEDIR_ALLOCATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Allocates space for the first bytes of a file. False, with errno, where there is not so much
 * (ENOSPC, EDQUOT): nothing beyond the file's end is allocated then. True also where the file
 * system cannot allocate, as NFS before 4.2 and FAT: there, writing may still find no space.
 */
bool stage_allocate(int fd, uint64_t bytes);

/* Gives back what lies beyond the end of the file, if it can. Keeps errno. */
void stage_allocate_end(int fd);

#endif
