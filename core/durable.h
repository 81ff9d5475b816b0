/*
 * durable - has the disk taken what was written, and if not, why?
 *
 *	stage_durable_begin(fd);			(the disk may begin; nobody waits)
 *	stage_durable_file(fd)				the content of a file
 *	stage_durable_folder(fd)			the names in a folder
 *
 * The caller keeps the order: first a file, then the folder with its name, then the record of it.
 *
 * Both return 0, or -1 with the errno of fsync(2). It means
 *
 *	ENOSPC, EDQUOT	the disk is full: written data may be lost, though write(2) took it. Thin
 *			volumes, quotas and file servers find that out so late
 *	EIO and others	the disk has failed: written data may be lost
 *
 * The kernel reports an error once. From then on it takes the data for written: to ask again succeeds, and
 * proves nothing. It reports the error to each descriptor that was open when the disk failed, and perhaps
 * to none that was opened later. So ask by a descriptor that is as old as the content of the file.
 *
 * Some file systems cannot make a folder durable (EINVAL, ENOTSUP). Their names are durable without it, or
 * nobody can make them so. That is no error for a folder, and is one for a file.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_DURABLE_H
#define STAGEDIR_DURABLE_H

#include <stdbool.h>

/* Has the disk begin to write the file. Returns at once; stage_durable_file() tells of failures. */
void stage_durable_begin(int fd);

/* Waits until the disk has the whole content of the file fd. */
int stage_durable_file(int fd);

/* Waits until the disk has all names in the folder fd, which must be open for reading. */
int stage_durable_folder(int fd);

/*
 * The same for a folder that fd has open as a path only (O_PATH). below: a file or folder in it, open for
 * reading. If this user may not read the folder itself, this waits for the whole file system of below.
 */
int stage_durable_folder_path(int fd, int below);

/*
 * Has the disk taken all that it was given so far of the file fd, as far as is known now? Waits for the
 * first page alone (sync_file_range(2)), but the answer is for the whole file. False, with errno as of
 * stage_durable_file(), and once: some of it may be lost. True if the system cannot be asked.
 */
bool stage_durable_has_taken(int fd);

/* Does this errno mean that the disk is full, or this user's share of it? */
bool stage_durable_is_full(int sys_errno);

#endif
