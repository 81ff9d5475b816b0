/*
 * locks - do the locks on a directory prove anything?
 *
 * flock(2) on a directory proves that a run lives only if all users of the directory meet in one kernel,
 * and there in one inode. That is so for file systems that a kernel has for itself, on its own disk or in
 * memory. On others flock succeeds as well, but the lock is seen only through the same mount (FUSE, NFS,
 * 9p), or only on the same machine (CIFS, AFS), or that depends on mount options (Lustre, NFS). No call
 * tells which. So the good kinds are listed in locks.c, and any other kind proves nothing. Nor does one
 * that is stacked on another (ecryptfs): it may be mounted twice over one directory.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_LOCKS_H
#define STAGEDIR_LOCKS_H

#include <stdbool.h>

/* Is the directory fd on a file system whose locks prove something? False if that cannot be found out. */
bool stage_locks_prove(int fd);

/*
 * Tries it: is the exclusive lock that the caller has on fd refused to another descriptor? A file system
 * that grants both is not to be trusted, whatever its kind. True if it cannot be tried.
 */
bool stage_locks_exclude(int fd);

/* The name of the file system of fd, for messages: "FUSE", "NFS"; "another kind" otherwise. */
const char *stage_locks_kind(int fd);

#endif
