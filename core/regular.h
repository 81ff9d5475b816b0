/*
 * regular - opens and makes regular files, and nothing else in their place
 *
 * In a directory that others may write to, or that a user has arranged, a name may lead to anything: a
 * link to another file, a FIFO that nobody writes to, a terminal. These functions follow no link at the
 * end of a name, do not wait, make no terminal the controlling one, and give descriptors of regular files
 * only. Every descriptor is close-on-exec. With AT_FDCWD as dirfd, name is a path.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_REGULAR_H
#define STAGEDIR_REGULAR_H

#include <stdbool.h>
#include <sys/stat.h>

#include "error.h"

/*
 * Opens the file name in dirfd. flags of open(2) that may be added: the access mode, O_APPEND, O_TRUNC,
 * O_CREAT (0600). Returns 0, a descriptor that the caller closes and, unless ret_stat is NULL, the status
 * of the file. STAGE_E_DAMAGED: it is no regular file; STAGE_E_SYSTEM. Both set errno and no message: the
 * caller knows what the file is for.
 */
int stage_regular_open(int dirfd, const char *name, int flags, int *ret_fd, struct stat *ret_stat);

/*
 * Makes the file name in dirfd, 0600. flags as of open. Returns a descriptor that the caller closes; -1
 * with errno, EEXIST if anything of that name exists.
 */
int stage_regular_make(int dirfd, const char *name, int flags);

/* Is name in dirfd a regular file of this user, and no link to one? False, with errno 0, if it is
 * something else; false with another errno if nothing is there, or that cannot be found out. */
bool stage_regular_is_own(int dirfd, const char *name, struct stat *ret_stat);

#endif
