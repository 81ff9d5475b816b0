/* What stands before the functions of the C library and of others. */
#include "wrap.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zlib.h>

#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#endif
#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif

#include "wrap_internal.h"

/* __real_NAME and __wrap_NAME of a function that fails with what, in which nothing else is special
 */
#define WRAP_AS(function, symbol, type, what, parameters, ...)                                     \
	type __real_##symbol parameters;                                                           \
	type __wrap_##symbol parameters;                                                           \
	type __wrap_##symbol parameters                                                            \
	{                                                                                          \
		return wrap_is_to_fail(W_##function) ? what : __real_##symbol(__VA_ARGS__);        \
	}
#define WRAP(function, type, what, parameters, ...)                                                \
	WRAP_AS(function, function, type, what, parameters, __VA_ARGS__)

/* The same, and its name where off_t has 32 bits and 64 are asked for. */
#define WRAP64(function, type, what, parameters, ...)                                              \
	WRAP_AS(function, function, type, what, parameters, __VA_ARGS__)                           \
	WRAP_AS(function, function##64, type, what, parameters, __VA_ARGS__)

WRAP(archive_write_new, struct archive *, NULL, (void))
WRAP(archive_entry_new, struct archive_entry *, NULL, (void))
WRAP(archive_write_header, int, ARCHIVE_FATAL,
	(struct archive * archive, struct archive_entry *entry), archive, entry)
#ifdef HAVE_LIBDEFLATE
WRAP(libdeflate_alloc_compressor, struct libdeflate_compressor *, NULL, (int level), level)
WRAP(libdeflate_alloc_decompressor, struct libdeflate_decompressor *, NULL, (void))
WRAP(libdeflate_deflate_compress, size_t, 0,
	(struct libdeflate_compressor * compressor, const void *in, size_t in_size, void *out,
		size_t room),
	compressor, in, in_size, out, room)
WRAP(libdeflate_deflate_decompress_ex, enum libdeflate_result, LIBDEFLATE_BAD_DATA,
	(struct libdeflate_decompressor * decompressor, const void *in, size_t in_size, void *out,
		size_t room, size_t *ret_used, size_t *ret_size),
	decompressor, in, in_size, out, room, ret_used, ret_size)
WRAP(libdeflate_gzip_decompress_ex, enum libdeflate_result, LIBDEFLATE_BAD_DATA,
	(struct libdeflate_decompressor * decompressor, const void *in, size_t in_size, void *out,
		size_t room, size_t *ret_used, size_t *ret_size),
	decompressor, in, in_size, out, room, ret_used, ret_size)
#endif
#ifdef HAVE_ISAL
static atomic_int spoils;

void
wrap_spoil_isal(enum wrap_spoils how)
{
	atomic_store(&spoils, how);
}

int __real_isal_deflate(struct isal_zstream *stream);
int __wrap_isal_deflate(struct isal_zstream *stream);
int
__wrap_isal_deflate(struct isal_zstream *stream)
{
	unsigned char *made = stream->next_out;
	int how = atomic_load(&spoils), result;

	if (how == WRAP_OTHER)
		stream->next_in++, stream->avail_in--;
	result = __real_isal_deflate(stream);
	if (how == WRAP_BIT)
		made[stream->total_out / 2] ^= 1;
	else if (how == WRAP_CUT)
		stream->total_out -= 5;
	else if (how == WRAP_MORE)
		made[stream->total_out++] = 0;
	return result;
}
#endif
/* libarchive refers to it too: ld wants it to be visible, though only ours calls come here. */
#pragma GCC visibility push(default)
WRAP(deflateInit2_, int, Z_MEM_ERROR,
	(z_streamp stream, int level, int method, int window, int memory, int strategy,
		const char *version, int size),
	stream, level, method, window, memory, strategy, version, size)
WRAP(inflateInit2_, int, Z_MEM_ERROR, (z_streamp stream, int window, const char *version, int size),
	stream, window, version, size)
#pragma GCC visibility pop
WRAP(faccessat, int, -1, (int fd, const char *path, int mode, int flags), fd, path, mode, flags)
WRAP(fchmod, int, -1, (int fd, mode_t mode), fd, mode)
WRAP(fdopen, FILE *, NULL, (int fd, const char *mode), fd, mode)
WRAP(fdopendir, DIR *, NULL, (int fd), fd)

/* What a test switches on and off. */
#define SWITCH(variable, setter)                                                                   \
	static atomic_bool variable;                                                               \
	void setter(bool is_on)                                                                    \
	{                                                                                          \
		atomic_store(&variable, is_on);                                                    \
	}

/* A lock that shows to nobody else is one that always can be had. */
SWITCH(locks_are_hidden, wrap_hide_locks)

static atomic_size_t hidden_refusals;

void
wrap_hide_refusals(size_t count)
{
	atomic_store(&hidden_refusals, count);
}

static bool
is_refusal_hidden(void)
{
	size_t left = atomic_load(&hidden_refusals);

	while (left && !atomic_compare_exchange_weak(&hidden_refusals, &left, left - 1))
		;
	return left > 0 || atomic_load(&locks_are_hidden);
}

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int
__wrap_flock(int fd, int operation)
{
	if (wrap_is_to_fail(W_flock))
		return -1;
	return __real_flock(fd, operation) == 0 || is_refusal_hidden() ? 0 : -1;
}

WRAP(gethostname, int, -1, (char *name, size_t size), name, size)
WRAP_AS(gethostname, __gethostname_chk, int, -1, (char *name, size_t size, size_t room), name, size,
	room)
WRAP(fsync, int, -1, (int fd), fd)
WRAP(getpwnam, struct passwd *, NULL, (const char *name), name)
WRAP(getpwuid, struct passwd *, NULL, (uid_t uid), uid)
WRAP(getrandom, ssize_t, -1, (void *buffer, size_t size, unsigned int flags), buffer, size, flags)
WRAP(linkat, int, -1, (int from_fd, const char *from, int to_fd, const char *to, int flags),
	from_fd, from, to_fd, to, flags)
WRAP(mkdirat, int, -1, (int fd, const char *path, mode_t mode), fd, path, mode)
WRAP(open_memstream, FILE *, NULL, (char **buffer, size_t *size), buffer, size)
WRAP(poll, int, -1, (struct pollfd * fds, nfds_t count, int milliseconds), fds, count, milliseconds)
WRAP_AS(poll, __poll_chk, int, -1,
	(struct pollfd * fds, nfds_t count, int milliseconds, size_t room), fds, count,
	milliseconds, room)
/* These return what others leave in errno. */
WRAP(pthread_cond_init, int, errno,
	(pthread_cond_t * condition, const pthread_condattr_t *attributes), condition, attributes)
WRAP(pthread_condattr_init, int, errno, (pthread_condattr_t * attributes), attributes)
WRAP(pthread_condattr_setclock, int, errno, (pthread_condattr_t * attributes, clockid_t clock),
	attributes, clock)
WRAP(pthread_create, int, errno,
	(pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context),
	thread, attributes, run, context)
WRAP(pthread_mutex_init, int, errno,
	(pthread_mutex_t * lock, const pthread_mutexattr_t *attributes), lock, attributes)
ssize_t __real_read(int fd, void *buffer, size_t size);
ssize_t __wrap_read(int fd, void *buffer, size_t size);
ssize_t
__wrap_read(int fd, void *buffer, size_t size)
{
	return wrap_is_to_fail(W_read) ? -1
				       : wrap_count_moved(W_read, __real_read(fd, buffer, size));
}

WRAP_AS(read, __read_chk, ssize_t, -1, (int fd, void *buffer, size_t size, size_t room), fd, buffer,
	size, room)
WRAP(readlinkat, ssize_t, -1, (int fd, const char *path, char *buffer, size_t size), fd, path,
	buffer, size)
WRAP_AS(readlinkat, __readlinkat_chk, ssize_t, -1,
	(int fd, const char *path, char *buffer, size_t size, size_t room), fd, path, buffer, size,
	room)
SWITCH(fails_late, wrap_fail_late)
WRAP(renameat, int,
	((void)(atomic_load(&fails_late) && __real_renameat(from_fd, from, to_fd, to)), -1),
	(int from_fd, const char *from, int to_fd, const char *to), from_fd, from, to_fd, to)
WRAP(renameat2, int, -1,
	(int from_fd, const char *from, int to_fd, const char *to, unsigned int flags), from_fd,
	from, to_fd, to, flags)
WRAP(sync_file_range, int, -1, (int fd, off64_t offset, off64_t count, unsigned int flags), fd,
	offset, count, flags)
WRAP(syncfs, int, -1, (int fd), fd)

SWITCH(mount_roots_are_hidden, wrap_hide_mount_roots)

int __real_statx(int fd, const char *path, int flags, unsigned int mask, struct statx *buffer);
int __wrap_statx(int fd, const char *path, int flags, unsigned int mask, struct statx *buffer);
int
__wrap_statx(int fd, const char *path, int flags, unsigned int mask, struct statx *buffer)
{
	const unsigned long long hidden = STATX_ATTR_MOUNT_ROOT;

	if (wrap_is_to_fail(W_statx) || __real_statx(fd, path, flags, mask, buffer) < 0)
		return -1;
	if (atomic_load(&mount_roots_are_hidden)) {
		buffer->stx_attributes &= ~hidden;
		buffer->stx_attributes_mask &= ~hidden;
	}
	return 0;
}

WRAP(unlink, int, -1, (const char *path), path)
WRAP(unlinkat, int, -1, (int fd, const char *path, int flags), fd, path, flags)
WRAP_AS(pread, __pread_chk, ssize_t, -1,
	(int fd, void *buffer, size_t size, off_t offset, size_t room), fd, buffer, size, offset,
	room)
WRAP_AS(pread, __pread64_chk, ssize_t, -1,
	(int fd, void *buffer, size_t size, off_t offset, size_t room), fd, buffer, size, offset,
	room)
WRAP64(fallocate, int, -1, (int fd, int mode, off_t offset, off_t size), fd, mode, offset, size)
WRAP64(ftruncate, int, -1, (int fd, off_t size), fd, size)
WRAP64(fstat, int, -1, (int fd, struct stat *buffer), fd, buffer)
WRAP64(fstatat, int, -1, (int fd, const char *path, struct stat *buffer, int flags), fd, path,
	buffer, flags)

/* 0: whatever it is */
static atomic_ulong file_system;

void
wrap_file_system(unsigned long kind)
{
	atomic_store(&file_system, kind);
}

#define WRAP_FSTATFS(symbol)                                                                       \
	int __real_##symbol(int fd, struct statfs *buffer);                                        \
	int __wrap_##symbol(int fd, struct statfs *buffer);                                        \
	int __wrap_##symbol(int fd, struct statfs *buffer)                                         \
	{                                                                                          \
		int result = wrap_is_to_fail(W_fstatfs) ? -1 : __real_##symbol(fd, buffer);        \
                                                                                                   \
		if (result == 0 && atomic_load(&file_system))                                      \
			buffer->f_type = (__fsword_t)atomic_load(&file_system);                    \
		return result;                                                                     \
	}
WRAP_FSTATFS(fstatfs)
WRAP_FSTATFS(fstatfs64)
WRAP64(fstatvfs, int, -1, (int fd, struct statvfs *buffer), fd, buffer)
WRAP64(lstat, int, -1, (const char *path, struct stat *buffer), path, buffer)
#define WRAP_PREAD(symbol)                                                                         \
	ssize_t __real_##symbol(int fd, void *buffer, size_t size, off_t offset);                  \
	ssize_t __wrap_##symbol(int fd, void *buffer, size_t size, off_t offset);                  \
	ssize_t __wrap_##symbol(int fd, void *buffer, size_t size, off_t offset)                   \
	{                                                                                          \
		return wrap_is_to_fail(W_pread)                                                    \
			       ? -1                                                                \
			       : wrap_count_moved(                                                 \
					 W_pread, __real_##symbol(fd, buffer, size, offset));      \
	}
WRAP_PREAD(pread)
WRAP_PREAD(pread64)
WRAP64(readdir, struct dirent *, NULL, (DIR * stream), stream)
WRAP64(stat, int, -1, (const char *path, struct stat *buffer), path, buffer)

/* Those with a third argument that may be missing */
#define MODE_OF(flags, last)                                                                       \
	mode_t mode = 0;                                                                           \
	va_list arguments;                                                                         \
                                                                                                   \
	va_start(arguments, last);                                                                 \
	if (flags & O_CREAT)                                                                       \
		mode = va_arg(arguments, mode_t);                                                  \
	va_end(arguments);

#define WRAP_OPEN(symbol)                                                                          \
	int __real_##symbol(const char *path, int flags, ...);                                     \
	int __wrap_##symbol(const char *path, int flags, ...);                                     \
	int __wrap_##symbol(const char *path, int flags, ...)                                      \
	{                                                                                          \
		MODE_OF(flags, flags)                                                              \
		return wrap_is_to_fail(W_open) ? -1 : __real_##symbol(path, flags, mode);          \
	}
#define WRAP_OPENAT(symbol)                                                                        \
	int __real_##symbol(int fd, const char *path, int flags, ...);                             \
	int __wrap_##symbol(int fd, const char *path, int flags, ...);                             \
	int __wrap_##symbol(int fd, const char *path, int flags, ...)                              \
	{                                                                                          \
		MODE_OF(flags, flags)                                                              \
		return wrap_is_to_fail(W_openat) ? -1 : __real_##symbol(fd, path, flags, mode);    \
	}
WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)
WRAP_AS(open, __open_2, int, -1, (const char *path, int flags), path, flags)
WRAP_AS(openat, __openat_2, int, -1, (int fd, const char *path, int flags), fd, path, flags)

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int
__wrap_fcntl(int fd, int command, ...)
{
	va_list arguments;
	long argument;

	va_start(arguments, command);
	argument = va_arg(arguments, long);
	va_end(arguments);
	return wrap_is_to_fail(W_fcntl) ? -1 : __real_fcntl(fd, command, argument);
}

/* A file system that is full takes what it still has room for, and says so from then on. */
ssize_t __real_write(int fd, const void *buffer, size_t size);
ssize_t __wrap_write(int fd, const void *buffer, size_t size);
ssize_t
__wrap_write(int fd, const void *buffer, size_t size)
{
	bool first = false;

	if (!wrap_is_to_fail(W_write))
		return wrap_count_moved(W_write, __real_write(fd, buffer, size));
	if (errno == ENOSPC && size > 1) {
		first = wrap_is_first_full();
	}
	if (first)
		return __real_write(fd, buffer, size - 1);
	errno = wrap_errno_of(W_write);
	return -1;
}

/* A close that fails has closed all the same (close(2)): to try again would hit another's
 * descriptor. */
int __real_close(int fd);
int __wrap_close(int fd);
int
__wrap_close(int fd)
{
	int result = __real_close(fd);

	if (result < 0 && errno == EBADF)
		wrap_count_bad_close();
	return wrap_is_to_fail(W_close) ? -1 : result;
}

int __real_closedir(DIR *stream);
int __wrap_closedir(DIR *stream);
int
__wrap_closedir(DIR *stream)
{
	int result = __real_closedir(stream);

	return wrap_is_to_fail(W_closedir) ? -1 : result;
}

int __real_fclose(FILE *stream);
int __wrap_fclose(FILE *stream);
int
__wrap_fclose(FILE *stream)
{
	int result = __real_fclose(stream);

	return wrap_is_to_fail(W_fclose) ? EOF : result;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *
__wrap_malloc(size_t size)
{
	void *block = wrap_is_to_fail(W_malloc) ? NULL : wrap_keep(__real_malloc(size));

	wrap_count_block(block, 1);
	return block;
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *
__wrap_calloc(size_t count, size_t size)
{
	void *block = wrap_is_to_fail(W_calloc) ? NULL : wrap_keep(__real_calloc(count, size));

	wrap_count_block(block, 1);
	return block;
}

void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *
__wrap_realloc(void *block, size_t size)
{
	if (wrap_is_to_fail(W_realloc))
		return NULL;
	wrap_drop(block);
	wrap_count_block(block, -1);
	block = wrap_keep(__real_realloc(block, size));
	wrap_count_block(block, 1);
	return block;
}

void __real_free(void *block);
void __wrap_free(void *block);
void
__wrap_free(void *block)
{
	wrap_drop(block);
	wrap_count_block(block, -1);
	__real_free(block);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *
__wrap_strdup(const char *text)
{
	return wrap_is_to_fail(W_strdup) ? NULL : wrap_keep(__real_strdup(text));
}

char *__real_strndup(const char *text, size_t size);
char *__wrap_strndup(const char *text, size_t size);
char *
__wrap_strndup(const char *text, size_t size)
{
	return wrap_is_to_fail(W_strndup) ? NULL : wrap_keep(__real_strndup(text, size));
}

char *__real_getcwd(char *buffer, size_t size);
char *__wrap_getcwd(char *buffer, size_t size);
char *
__wrap_getcwd(char *buffer, size_t size)
{
	if (wrap_is_to_fail(W_getcwd))
		return NULL;
	return buffer ? __real_getcwd(buffer, size) : wrap_keep(__real_getcwd(buffer, size));
}

int __wrap_asprintf(char **ret_text, const char *format, ...) __attribute__((format(printf, 2, 3)));
int
__wrap_asprintf(char **ret_text, const char *format, ...)
{
	va_list arguments;
	int length;

	/* what the caller finds in its pointer after a failure is undefined: make it hurt */
	*ret_text = (char *)1;
	if (wrap_is_to_fail(W_asprintf))
		return -1;
	va_start(arguments, format);
	length = vasprintf(ret_text, format, arguments);
	va_end(arguments);
	wrap_keep(*ret_text);
	return length;
}

int __wrap___asprintf_chk(char **ret_text, int flag, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int
__wrap___asprintf_chk(char **ret_text, int flag, const char *format, ...)
{
	va_list arguments;
	int length;

	(void)flag;
	*ret_text = (char *)1;
	if (wrap_is_to_fail(W_asprintf))
		return -1;
	va_start(arguments, format);
	length = vasprintf(ret_text, format, arguments);
	va_end(arguments);
	wrap_keep(*ret_text);
	return length;
}
