/* wrap_internal - what wrap.c decides and counts, and wrapped.c asks it and tells it */
#ifndef STAGEDIR_WRAP_INTERNAL_H
#define STAGEDIR_WRAP_INTERNAL_H

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>

/* What is wrapped: is it memory that it hands out, and with which errnos can it fail? */
#ifdef HAVE_LIBDEFLATE
#define WRAP_LIBDEFLATE(X)                                                                         \
	X(libdeflate_alloc_compressor, true, ENOMEM)                                               \
	X(libdeflate_alloc_decompressor, true, ENOMEM)                                             \
	X(libdeflate_deflate_compress, false, EIO)                                                 \
	X(libdeflate_deflate_decompress_ex, false, EIO)                                            \
	X(libdeflate_gzip_decompress_ex, false, EIO)
#else
#define WRAP_LIBDEFLATE(X)
#endif

/* EINTR can only be met once in a row in real life: it is in no list of lasting failures. */
#define WRAP_FUNCTIONS(X)                                                                          \
	X(malloc, true, ENOMEM)                                                                    \
	X(calloc, true, ENOMEM)                                                                    \
	X(realloc, true, ENOMEM)                                                                   \
	X(strdup, true, ENOMEM)                                                                    \
	X(strndup, true, ENOMEM)                                                                   \
	X(asprintf, true, ENOMEM)                                                                  \
	X(getcwd, true, ENOMEM, ENOENT)                                                            \
	X(open_memstream, true, ENOMEM)                                                            \
	X(fdopen, true, ENOMEM)                                                                    \
	X(fdopendir, true, ENOMEM)                                                                 \
	X(deflateInit2_, true, ENOMEM)                                                             \
	X(inflateInit2_, true, ENOMEM)                                                             \
	WRAP_LIBDEFLATE(X)                                                                         \
	X(archive_write_new, true, ENOMEM)                                                         \
	X(archive_entry_new, true, ENOMEM)                                                         \
	X(archive_write_header, false, ENOMEM)                                                     \
	X(fclose, false, ENOMEM)                                                                   \
	X(open, false, EMFILE, EACCES, ENOENT, EIO, EINTR)                                         \
	X(openat, false, EMFILE, EACCES, ENOENT, ENOSPC, EIO, EEXIST, EINTR)                       \
	X(close, false, EIO, EINTR)                                                                \
	X(closedir, false, EIO)                                                                    \
	X(read, false, EIO, EINTR)                                                                 \
	X(pread, false, EIO, EINTR)                                                                \
	X(write, false, ENOSPC, EIO, EINTR)                                                        \
	X(poll, false, EINTR, ENOMEM)                                                              \
	X(fsync, false, EIO, ENOSPC, EINTR)                                                        \
	X(syncfs, false, EIO)                                                                      \
	X(sync_file_range, false, EIO, EINVAL)                                                     \
	X(readdir, false, EIO)                                                                     \
	X(fstat, false, EIO, EOVERFLOW)                                                            \
	X(stat, false, EIO, EACCES)                                                                \
	X(lstat, false, EIO, ENOENT)                                                               \
	X(fstatat, false, EIO, ENOENT)                                                             \
	X(statx, false, EIO, ENOSYS)                                                               \
	X(fstatfs, false, EIO)                                                                     \
	X(fstatvfs, false, EIO, EINTR)                                                             \
	X(faccessat, false, EACCES, EROFS)                                                         \
	X(flock, false, EWOULDBLOCK, ENOLCK, EINTR)                                                \
	X(fcntl, false, EMFILE)                                                                    \
	X(fallocate, false, ENOSPC, EDQUOT, EOPNOTSUPP, EINTR)                                     \
	X(ftruncate, false, EIO, EINTR)                                                            \
	X(fchmod, false, EPERM, EIO)                                                               \
	X(mkdirat, false, ENOSPC, EEXIST, EACCES, EIO)                                             \
	X(unlinkat, false, EIO, EBUSY, EACCES)                                                     \
	X(unlink, false, EIO, EACCES)                                                              \
	X(linkat, false, EEXIST, EXDEV, ENOSPC, EMLINK, EPERM, EOPNOTSUPP)                         \
	X(renameat, false, EXDEV, ENOSPC, EIO, EACCES)                                             \
	X(renameat2, false, EINVAL, ENOSYS, EPERM, EXDEV, EEXIST, ENOSPC, EIO)                     \
	X(readlinkat, false, EIO, ENOENT)                                                          \
	X(getrandom, false, ENOSYS, EINTR)                                                         \
	X(gethostname, false, ENAMETOOLONG)                                                        \
	X(getpwuid, false, EIO)                                                                    \
	X(getpwnam, false, EIO)                                                                    \
	X(pthread_condattr_init, false, ENOMEM)                                                    \
	X(pthread_condattr_setclock, false, EINVAL)                                                \
	X(pthread_cond_init, false, ENOMEM, EAGAIN)                                                \
	X(pthread_create, false, EAGAIN, EPERM)                                                    \
	X(pthread_mutex_init, false, ENOMEM)

#define LIST(function, allocates, ...) W_##function,
enum wrap_function { WRAP_FUNCTIONS(LIST) };
#undef LIST

/* Is this call to fail? Then errno is set. Called once for each. */
bool wrap_is_to_fail(enum wrap_function function);

/* The errno with which it fails now. */
int wrap_errno_of(enum wrap_function function);

/* Bytes that were moved, if any; returns them. */
ssize_t wrap_count_moved(enum wrap_function function, ssize_t moved);

/* A block of memory, or NULL, was handed out, and is returned; or comes back. */
void *wrap_keep(void *block);
void wrap_drop(const void *block);

/* The bytes of a block, with sign 1 or -1. */
void wrap_count_block(void *block, int sign);

/* Is this the first time in the run that a disk is full? */
bool wrap_is_first_full(void);

/* What was not open was closed. */
void wrap_count_bad_close(void);

#endif
