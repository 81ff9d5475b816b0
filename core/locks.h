/*
 * locks - do the locks on a directory prove anything?
 *
 * flock(2) on a directory tells whether a run lives only where everybody who can use the directory
 * meets in one kernel, and there in one inode. That is so for the file systems that a kernel has for
 * itself, on its own disk or in memory. On the others the lock is taken, and shows to those alone who
 * came by the same mount (FUSE, NFS, 9p), or by the same machine (CIFS, AFS), or depends on how it was
 * mounted (Lustre, NFS); none of them says so. Which kind a file system is must therefore be known:
 * one that is not, here, counts as one of the others. A file system that is stacked on another
 * (ecryptfs) may be mounted twice over one directory, and is not known either.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_LOCKS_H
#define STAGEDIR_LOCKS_H

#include <stdbool.h>

/* Is the directory fd on a file system where they do? False also where that cannot be found out. */
bool stage_locks_prove(int fd);

/*
 * The trial: is the exclusive lock that the caller has on fd refused to another descriptor? A file
 * system that grants everything is not to be trusted, of whatever kind it is. True where it cannot be
 * tried.
 */
bool stage_locks_exclude(int fd);

/* What the file system of fd is called, for messages: "FUSE", "NFS"; "another kind" otherwise. */
const char *stage_locks_kind(int fd);

#endif
