#include "wrap.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
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

/* More calls than this in one run: it does not end. */
#define ENDLESS 100000

#ifdef HAVE_LIBDEFLATE
#define LIBDEFLATE(X) X(libdeflate_alloc_compressor, true, ENOMEM)
#else
#define LIBDEFLATE(X)
#endif

/* EINTR can only be met once in a row in real life: it is in no list of lasting failures. */
#define FUNCTIONS(X)                                                                               \
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
	LIBDEFLATE(X)                                                                              \
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
enum function { FUNCTIONS(LIST) };
#undef LIST

static const struct {
	const char *name;
	bool allocates;
	int errnos[9];
} functions[] = {
#define ENTRY(function, allocates, ...) {#function, allocates, {__VA_ARGS__, 0}},
	FUNCTIONS(ENTRY)
#undef ENTRY
};

static atomic_bool on, counting_bytes, tallying;
static atomic_size_t tally[sizeof(functions) / sizeof(functions[0])];
static atomic_ullong tally_bytes[sizeof(functions) / sizeof(functions[0])];
static atomic_llong live_bytes;

/* Of the run, and of all its threads. */
static pthread_mutex_t run_lock = PTHREAD_MUTEX_INITIALIZER;
static size_t calls, fail_at, bad_closes, alive, was_full;
static enum function fail_function;
static bool fails_on, failed, paused, kills;
static int always[sizeof(functions) / sizeof(functions[0])]; /* errnos, 0: not failed */
static int fail_errno;
static enum function made[WRAP_CALLS_MAX];
static void *blocks[WRAP_CALLS_MAX];

/* The errno if the function can have it, or another one that it can have. */
static int
possible_errno(enum function function, int sys_errno)
{
	size_t i;

	for (i = 0; functions[function].errnos[i]; i++)
		if (functions[function].errnos[i] == sys_errno)
			return sys_errno;
	return functions[function].errnos[0];
}

/* With the lock: is this call to fail? Then errno is set. */
static bool
decide(enum function function)
{
	bool same;

	if (paused)
		return false;
	if (always[function]) {
		failed = true;
		errno = always[function];
		return true;
	}
	if (++calls > ENDLESS) {
		fprintf(stderr, "\n%s was called for ever\n", functions[function].name);
		abort();
	}
	if (kills && calls == fail_at)
		kill(getpid(), SIGKILL);
	if (calls < WRAP_CALLS_MAX && !fail_at)
		made[calls] = function;
	if (calls == fail_at) {
		fail_function = function;
		fail_errno = possible_errno(function, fail_errno);
	}
	same = function == fail_function ||
	       (functions[function].allocates && functions[fail_function].allocates);
	if (!fail_at || calls < fail_at || (calls > fail_at && (!fails_on || !same)))
		return false;
	failed = true;
	errno = fail_errno;
	return true;
}

static bool
is_to_fail(enum function function)
{
	bool to_fail;

	if (atomic_load_explicit(&tallying, memory_order_relaxed))
		atomic_fetch_add(&tally[function], 1);
	if (!atomic_load_explicit(&on, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&run_lock);
	to_fail = decide(function);
	pthread_mutex_unlock(&run_lock);
	return to_fail;
}

static ssize_t
count_moved(enum function function, ssize_t moved)
{
	if (moved > 0 && atomic_load_explicit(&tallying, memory_order_relaxed))
		atomic_fetch_add(&tally_bytes[function], (unsigned long long)moved);
	return moved;
}

static enum function
number_of(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (strcmp(functions[i].name, name) == 0)
			return (enum function)i;
	fprintf(stderr, "\n%s is not wrapped\n", name);
	abort();
}

void
wrap_tally_begin(void)
{
	size_t i;

	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		atomic_store(&tally[i], 0);
		atomic_store(&tally_bytes[i], 0);
	}
	atomic_store(&tallying, true);
}

size_t
wrap_tally(const char *function)
{
	return atomic_load(&tally[number_of(function)]);
}

unsigned long long
wrap_tally_bytes(const char *function)
{
	return atomic_load(&tally_bytes[number_of(function)]);
}

void
wrap_tally_end(void)
{
	atomic_store(&tallying, false);
}

static void *
keep(void *block)
{
	size_t i;

	if (!atomic_load_explicit(&on, memory_order_relaxed) || !block)
		return block;
	pthread_mutex_lock(&run_lock);
	for (i = 0; i < WRAP_CALLS_MAX && blocks[i]; i++)
		;
	if (i < WRAP_CALLS_MAX) {
		blocks[i] = block;
		alive++;
	}
	pthread_mutex_unlock(&run_lock);
	return block;
}

static void
drop(const void *block)
{
	size_t i;

	if (!atomic_load_explicit(&on, memory_order_relaxed) || !block)
		return;
	pthread_mutex_lock(&run_lock);
	for (i = 0; i < WRAP_CALLS_MAX && blocks[i] != block; i++)
		;
	if (i < WRAP_CALLS_MAX) {
		blocks[i] = NULL;
		alive--;
	}
	pthread_mutex_unlock(&run_lock);
}

static void
count_bytes(void *block, int sign)
{
	if (atomic_load_explicit(&counting_bytes, memory_order_relaxed) && block)
		atomic_fetch_add(&live_bytes,
			sign * (long long)(malloc_usable_size(block) + sizeof(size_t)));
}

void
wrap_begin(size_t fail, int sys_errno, bool lasting)
{
	pthread_mutex_lock(&run_lock);
	calls = bad_closes = alive = was_full = 0;
	memset(blocks, 0, sizeof(blocks));
	fail_at = fail;
	fail_errno = sys_errno;
	fails_on = lasting;
	failed = paused = kills = false;
	memset(always, 0, sizeof(always));
	pthread_mutex_unlock(&run_lock);
	atomic_store(&on, true);
}

void
wrap_begin_kill(size_t at)
{
	wrap_begin(at, 0, false);
	pthread_mutex_lock(&run_lock);
	kills = true;
	pthread_mutex_unlock(&run_lock);
}

void
wrap_begin_two(const char *first, int first_errno, const char *second, int second_errno)
{
	size_t i;

	wrap_begin(0, 0, false);
	pthread_mutex_lock(&run_lock);
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (strcmp(functions[i].name, first) == 0)
			always[i] = first_errno;
		if (strcmp(functions[i].name, second) == 0)
			always[i] = second_errno;
	}
	pthread_mutex_unlock(&run_lock);
}

void
wrap_pause(bool pause)
{
	pthread_mutex_lock(&run_lock);
	paused = pause;
	pthread_mutex_unlock(&run_lock);
}

/* A thread of the code under test may still be in the middle of a call. */
static size_t
read_count(const size_t *count)
{
	size_t value;

	pthread_mutex_lock(&run_lock);
	value = *count;
	pthread_mutex_unlock(&run_lock);
	return value;
}

size_t
wrap_end(void)
{
	atomic_store(&on, false);
	return read_count(&calls);
}

const int *
wrap_errnos(size_t number)
{
	return functions[made[number]].errnos;
}

const char *
wrap_name(size_t number)
{
	return functions[made[number]].name;
}

bool
wrap_failed_with(const char *function, int sys_errno)
{
	bool with;

	pthread_mutex_lock(&run_lock);
	with = failed && fail_errno == sys_errno &&
	       strcmp(functions[fail_function].name, function) == 0;
	pthread_mutex_unlock(&run_lock);
	return with;
}

bool
wrap_failed(void)
{
	bool value;

	pthread_mutex_lock(&run_lock);
	value = failed;
	pthread_mutex_unlock(&run_lock);
	return value;
}

size_t
wrap_leaked(void)
{
	return read_count(&alive);
}

size_t
wrap_bad_closes(void)
{
	return read_count(&bad_closes);
}

void
wrap_count_bytes(bool wanted)
{
	if (wanted)
		atomic_store(&live_bytes, 0);
	atomic_store(&counting_bytes, wanted);
}

long long
wrap_live_bytes(void)
{
	return atomic_load(&live_bytes);
}

/* __real_NAME and __wrap_NAME of a function that fails with what, in which nothing else is special
 */
#define WRAP_AS(function, symbol, type, what, parameters, ...)                                     \
	type __real_##symbol parameters;                                                           \
	type __wrap_##symbol parameters;                                                           \
	type __wrap_##symbol parameters                                                            \
	{                                                                                          \
		return is_to_fail(W_##function) ? what : __real_##symbol(__VA_ARGS__);             \
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
#endif
/* libarchive refers to it too: ld wants it to be visible, though only ours calls come here. */
#pragma GCC visibility push(default)
WRAP(deflateInit2_, int, Z_MEM_ERROR,
	(z_streamp stream, int level, int method, int window, int memory, int strategy,
		const char *version, int size),
	stream, level, method, window, memory, strategy, version, size)
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

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int
__wrap_flock(int fd, int operation)
{
	if (is_to_fail(W_flock))
		return -1;
	return __real_flock(fd, operation) == 0 || atomic_load(&locks_are_hidden) ? 0 : -1;
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
	return is_to_fail(W_read) ? -1 : count_moved(W_read, __real_read(fd, buffer, size));
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

	if (is_to_fail(W_statx) || __real_statx(fd, path, flags, mask, buffer) < 0)
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
		int result = is_to_fail(W_fstatfs) ? -1 : __real_##symbol(fd, buffer);             \
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
		return is_to_fail(W_pread)                                                         \
			       ? -1                                                                \
			       : count_moved(W_pread, __real_##symbol(fd, buffer, size, offset));  \
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
		return is_to_fail(W_open) ? -1 : __real_##symbol(path, flags, mode);               \
	}
#define WRAP_OPENAT(symbol)                                                                        \
	int __real_##symbol(int fd, const char *path, int flags, ...);                             \
	int __wrap_##symbol(int fd, const char *path, int flags, ...);                             \
	int __wrap_##symbol(int fd, const char *path, int flags, ...)                              \
	{                                                                                          \
		MODE_OF(flags, flags)                                                              \
		return is_to_fail(W_openat) ? -1 : __real_##symbol(fd, path, flags, mode);         \
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
	return is_to_fail(W_fcntl) ? -1 : __real_fcntl(fd, command, argument);
}

/* A file system that is full takes what it still has room for, and says so from then on. */
ssize_t __real_write(int fd, const void *buffer, size_t size);
ssize_t __wrap_write(int fd, const void *buffer, size_t size);
ssize_t
__wrap_write(int fd, const void *buffer, size_t size)
{
	bool first = false;

	if (!is_to_fail(W_write))
		return count_moved(W_write, __real_write(fd, buffer, size));
	if (errno == ENOSPC && size > 1) {
		pthread_mutex_lock(&run_lock);
		first = was_full++ == 0;
		pthread_mutex_unlock(&run_lock);
	}
	if (first)
		return __real_write(fd, buffer, size - 1);
	errno = always[W_write] ? always[W_write] : fail_errno;
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

	if (result < 0 && errno == EBADF) {
		pthread_mutex_lock(&run_lock);
		bad_closes++;
		pthread_mutex_unlock(&run_lock);
	}
	return is_to_fail(W_close) ? -1 : result;
}

int __real_closedir(DIR *stream);
int __wrap_closedir(DIR *stream);
int
__wrap_closedir(DIR *stream)
{
	int result = __real_closedir(stream);

	return is_to_fail(W_closedir) ? -1 : result;
}

int __real_fclose(FILE *stream);
int __wrap_fclose(FILE *stream);
int
__wrap_fclose(FILE *stream)
{
	int result = __real_fclose(stream);

	return is_to_fail(W_fclose) ? EOF : result;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *
__wrap_malloc(size_t size)
{
	void *block = is_to_fail(W_malloc) ? NULL : keep(__real_malloc(size));

	count_bytes(block, 1);
	return block;
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *
__wrap_calloc(size_t count, size_t size)
{
	void *block = is_to_fail(W_calloc) ? NULL : keep(__real_calloc(count, size));

	count_bytes(block, 1);
	return block;
}

void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *
__wrap_realloc(void *block, size_t size)
{
	if (is_to_fail(W_realloc))
		return NULL;
	drop(block);
	count_bytes(block, -1);
	block = keep(__real_realloc(block, size));
	count_bytes(block, 1);
	return block;
}

void __real_free(void *block);
void __wrap_free(void *block);
void
__wrap_free(void *block)
{
	drop(block);
	count_bytes(block, -1);
	__real_free(block);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *
__wrap_strdup(const char *text)
{
	return is_to_fail(W_strdup) ? NULL : keep(__real_strdup(text));
}

char *__real_strndup(const char *text, size_t size);
char *__wrap_strndup(const char *text, size_t size);
char *
__wrap_strndup(const char *text, size_t size)
{
	return is_to_fail(W_strndup) ? NULL : keep(__real_strndup(text, size));
}

char *__real_getcwd(char *buffer, size_t size);
char *__wrap_getcwd(char *buffer, size_t size);
char *
__wrap_getcwd(char *buffer, size_t size)
{
	if (is_to_fail(W_getcwd))
		return NULL;
	return buffer ? __real_getcwd(buffer, size) : keep(__real_getcwd(buffer, size));
}

int __wrap_asprintf(char **ret_text, const char *format, ...) __attribute__((format(printf, 2, 3)));
int
__wrap_asprintf(char **ret_text, const char *format, ...)
{
	va_list arguments;
	int length;

	/* what the caller finds in its pointer after a failure is undefined: make it hurt */
	*ret_text = (char *)1;
	if (is_to_fail(W_asprintf))
		return -1;
	va_start(arguments, format);
	length = vasprintf(ret_text, format, arguments);
	va_end(arguments);
	keep(*ret_text);
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
	if (is_to_fail(W_asprintf))
		return -1;
	va_start(arguments, format);
	length = vasprintf(ret_text, format, arguments);
	va_end(arguments);
	keep(*ret_text);
	return length;
}
