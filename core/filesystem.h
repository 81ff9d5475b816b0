/*
 * filesystem - what the file system of a file has left, of what kind it is, and when it saw a change
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_FILESYSTEM_H
#define STAGEDIR_FILESYSTEM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* The bytes that are free for this user (statvfs(3)); a quota that the file system does not count there apart. -1 with errno. */
int stage_filesystem_free(int fd, uint64_t *ret_bytes);

/* Can more files be made? A file system that keeps no table of inodes says nothing, and can. */
bool stage_filesystem_has_files(int fd);

/* Are its pages memory (tmpfs, ramfs)? False where nobody can tell. */
bool stage_filesystem_is_memory(int fd);

/* Is the file really in another file system, which this one does not tell (overlayfs)? */
bool stage_filesystem_is_layered(int fd);

/* Has a file the same times in both, of its content and of its inode? */
bool stage_filesystem_same_times(const struct stat *a, const struct stat *b);

#endif
