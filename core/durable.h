/*
 * durable - what was written is on the disk, or the disk says why it is not
 *
 *	stage_durable_begin(fd);			(the disk may begin; nobody waits)
 *	stage_durable_file(fd)				what is in a file
 *	stage_durable_folder(fd)			which names a folder has
 *
 * Order matters, and is the caller's: a file first, then the folder that has its name, then what tells
 * others of it.
 *
 * Both return 0, or -1 with the errno of fsync(2). It means
 *
 *	ENOSPC, EDQUOT	the disk is full: what was written may be lost, though write(2) took it. Thin
 *			volumes, quotas and file servers find that out so late
 *	EIO and others	the disk has failed: what was written may be lost
 *
 * An error is told once. The kernel takes what it could not write for written from then on, so that to
 * ask again succeeds and proves nothing. It is told to each descriptor that was open when the disk
 * failed; one that was opened later may be told nothing. So a file is asked by a descriptor that is as
 * old as its content.
 *
 * Some file systems cannot make a folder durable (EINVAL, ENOTSUP). Their names are durable without it,
 * or nobody can make them so: that is no error. Of a file it is one.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_DURABLE_H
#define STAGEDIR_DURABLE_H

#include <stdbool.h>

/* Has the disk begin to write what is in the file. Returns at once; what fails is told by file. */
void stage_durable_begin(int fd);

/* Waits until the disk has all that is in the file fd. */
int stage_durable_file(int fd);

/* Waits until the disk has all names in the folder fd, which must be open for reading. */
int stage_durable_folder(int fd);

/*
 * The same of a folder of which only a path descriptor is there (O_PATH). below: a file or folder in it,
 * open for reading. Where this user may not read the folder itself, the whole file system of below is
 * waited for.
 */
int stage_durable_folder_path(int fd, int below);

/*
 * Has the disk taken what it was given so far of the file fd, as far as it has told? Waits for the
 * first page alone (sync_file_range(2)), though the answer is of the whole file. False with errno, as
 * of stage_durable_file(), and once: some of it may be lost. Where the system cannot be asked the
 * answer is yes.
 */
bool stage_durable_has_taken(int fd);

/* Is this errno that of a disk which is full, or of a user who may have no more of it? */
bool stage_durable_is_full(int sys_errno);

#endif
