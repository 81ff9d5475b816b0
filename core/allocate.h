/*
 * allocate - disk space for a file before it is written
 *
 * No other process can then take the space meanwhile. Who writes a file of unknown size allocates a step
 * ahead of what is written:
 *
 *	if (!stage_allocate(fd, written, step))
 *		... there is not enough: wait for some, or write without
 *	... write up to step bytes more, and so on
 *	stage_allocate_end(fd);
 *
 * The size of the file shows only what was written, st_blocks also what is allocated. Truncating the
 * file, even to the size that it has, gives the space back.
 *
 * Where the pages of a file are memory (tmpfs, ramfs) nothing is allocated: memory that is not needed
 * may be what another process, or the group's limit, is killed for. There these only look at what is free.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_ALLOCATE_H
#define STAGEDIR_ALLOCATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Allocates space for so many bytes from offset on. False, with errno, if there is not enough (ENOSPC,
 * EDQUOT). If fewer bytes are free it is not tried, as ext4 gives the file all of them then; what a quota has
 * left may be the file's. True also if the file system cannot allocate, such as NFS before 4.2 and FAT. There,
 * writing may still find no space.
 */
bool stage_allocate(int fd, uint64_t offset, uint64_t bytes);

/*
 * How many of so many bytes an empty file could have now: all, or a part that was tried, not the most that
 * there is. What is free (statvfs(3)) and what a quota leaves of that both count. Nothing stays allocated.
 * Where it cannot be tried without harm it is all of what is free.
 */
uint64_t stage_allocate_possible(int fd, uint64_t bytes);

/* Gives back what lies beyond the end of the file, if it can. Nobody may write the file meanwhile. Keeps errno. */
void stage_allocate_end(int fd);

#endif
