/*
 * regular - regular files, opened and made so that nothing else can take their place
 *
 * In a directory that others may write to, or that a user has arranged, a name may lead to anything: a
 * link to another file, a FIFO that nobody writes to, a terminal. What is here follows no link at the
 * end of a name, waits for nobody, takes no terminal, and hands out no descriptor of anything but a
 * regular file. Every descriptor is close-on-exec. dirfd is AT_FDCWD for a path.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_REGULAR_H
#define STAGEDIR_REGULAR_H

#include <stdbool.h>
#include <sys/stat.h>

#include "error.h"

/*
 * Opens the file name in dirfd. flags are those of open(2) that are wanted besides: how to access it,
 * O_APPEND, O_TRUNC, O_CREAT (0600). Returns 0, a descriptor that the caller closes and, unless
 * ret_stat is NULL, the status of the file. STAGE_E_DAMAGED: something else is there;
 * STAGE_E_SYSTEM. Both leave errno, and no message: whose file it is, the caller knows.
 */
int stage_regular_open(int dirfd, const char *name, int flags, int *ret_fd, struct stat *ret_stat);

/*
 * Makes the file name in dirfd, 0600, which must not exist. flags as of open. Returns a descriptor
 * that the caller closes; -1 with errno, EEXIST where anything of that name is there.
 */
int stage_regular_make(int dirfd, const char *name, int flags);

/* Is name in dirfd a regular file of this user, and no link to one? False, with errno 0, if it is
 * something else; with another errno where nothing is there, or that cannot be told. */
bool stage_regular_is_own(int dirfd, const char *name, struct stat *ret_stat);

#endif
