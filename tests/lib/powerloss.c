/*
 * powerloss - keeps a copy of what a process made durable, and ends it at a chosen moment
 *
 * To be loaded by LD_PRELOAD into a process that writes into some directories. From its start on,
 * and then at every fsync() and fdatasync(), which are counted, the folder $POWERLOSS gets
 *
 *	files/DEVICE-INODE	the content of a file as it was when it was last synced
 *	dirs/DEVICE-INODE	of a directory: for each entry "DEVICE-INODE TYPE NAME", and a NUL
 *	count			how many calls there were
 *
 * What is in the directories $POWERLOSS_ROOTS (a:b) at the start is durable. With the call of number
 * $POWERLOSS_AT the process ends by SIGKILL: before the call has any effect, or with
 * $POWERLOSS_AFTER after it. The number of an inode must not come again: all that were ever seen
 * are kept open, also when the process executes another program, as the host does to begin again,
 * which goes on with the records and the count. Children of the process are not looked at. syncfs()
 * is not understood, and ends the process with status 99, as does whatever goes wrong here.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_MAX 64
#define HELD_MAX 4096
#define HELD_MIN 1024 /* out of the way of the process's own descriptors */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *shadow; /* NULL where this process is not the one */
static long count, at;
static char held[HELD_MAX][KEY_MAX];
static size_t held_count;

static _Noreturn void
give_up(const char *what)
{
	fprintf(stderr, "powerloss: %s: %s\n", what, strerror(errno));
	_exit(99);
}

/* The key of what fd is, which is kept open where it is the first of it, through an exec too. */
static void
hold(int fd, char key[KEY_MAX], mode_t *ret_mode)
{
	struct stat stat;
	size_t i;

	if (fstat(fd, &stat) < 0)
		give_up("fstat");
	*ret_mode = stat.st_mode;
	snprintf(key, KEY_MAX, "%llu-%llu", (unsigned long long)stat.st_dev,
		(unsigned long long)stat.st_ino);
	for (i = 0; i < held_count && strcmp(held[i], key) != 0; i++)
		;
	if (i < held_count)
		return;
	if (held_count == HELD_MAX || fcntl(fd, F_DUPFD, HELD_MIN) < 0)
		give_up("cannot keep a file open");
	memcpy(held[held_count++], key, KEY_MAX);
}

static FILE *
begin_record(const char *folder, const char *key)
{
	char path[PATH_MAX];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s%s", shadow, folder, key);
	out = fopen(path, "we");
	if (!out)
		give_up(path);
	return out;
}

static void
end_record(FILE *out)
{
	if (ferror(out) || fclose(out) != 0)
		give_up("cannot write a record");
}

static void
record_file(int fd, const char *key)
{
	FILE *out = begin_record("files/", key);
	char path[64], buffer[65536];
	ssize_t got;
	int in;

	/* fd itself may be for writing only */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	in = open(path, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		give_up("cannot read what is synced");
	while ((got = read(in, buffer, sizeof(buffer))) > 0)
		fwrite(buffer, 1, (size_t)got, out);
	close(in);
	end_record(out);
}

static void
record_directory(int fd, const char *key)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), entry_fd;
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	FILE *out = begin_record("dirs/", key);
	char entry_key[KEY_MAX];
	struct dirent *entry;
	mode_t mode;

	if (!stream)
		give_up("cannot list a directory");
	while ((entry = readdir(stream))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		entry_fd = openat(fd, entry->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (entry_fd < 0)
			continue; /* another thread has just removed it */
		hold(entry_fd, entry_key, &mode);
		close(entry_fd);
		fprintf(out, "%s %c %s", entry_key,
			S_ISDIR(mode)   ? 'd'
			: S_ISREG(mode) ? 'f'
					: '?',
			entry->d_name);
		fputc('\0', out);
	}
	closedir(stream);
	end_record(out);
}

static void
record(int fd)
{
	char key[KEY_MAX];
	mode_t mode;

	if (fcntl(fd, F_GETFD) < 0)
		return; /* the call itself will fail */
	hold(fd, key, &mode);
	if (S_ISDIR(mode))
		record_directory(fd, key);
	else if (S_ISREG(mode))
		record_file(fd, key);
}

static int
record_at_start(const char *path, const struct stat *stat, int type, struct FTW *position)
{
	int fd;

	(void)stat;
	(void)position;
	if (type != FTW_F && type != FTW_D)
		return 0;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		give_up(path);
	record(fd);
	close(fd);
	return 0;
}

/* The number in the file name in $POWERLOSS; 0 where there is none. */
static long
number_in(const char *folder, const char *name)
{
	char path[PATH_MAX];
	long number = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%ld", &number) != 1)
		number = 0;
	if (file)
		fclose(file);
	return number;
}

/* The first process that is started with it is the one: is this the first program of it? */
static int
is_first(const char *folder)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/process", folder);
	file = fopen(path, "wxe");
	if (!file)
		return 0;
	fprintf(file, "%ld\n", (long)getpid());
	fclose(file);
	return 1;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *folder = getenv("POWERLOSS"), *number = getenv("POWERLOSS_AT");
	const char *roots = getenv("POWERLOSS_ROOTS");
	struct rlimit limit;
	char *copy, *root, *rest;
	int first;

	if (!folder || !roots)
		return;
	first = is_first(folder);
	if (!first && number_in(folder, "process") != getpid())
		return;
	shadow = folder;
	count = number_in(folder, "count");
	at = number ? strtol(number, NULL, 10) : 0;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (!first)
		return;
	copy = strdup(roots);
	for (root = strtok_r(copy, ":", &rest); root; root = strtok_r(NULL, ":", &rest))
		nftw(root, record_at_start, 16, FTW_PHYS);
	free(copy);
}

static int
sync_counted(const char *name, int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name), result;
	FILE *out;

	if (!shadow)
		return real(fd);
	pthread_mutex_lock(&lock);
	out = begin_record("count", "");
	fprintf(out, "%ld\n", ++count);
	end_record(out);
	if (count == at && !getenv("POWERLOSS_AFTER"))
		kill(getpid(), SIGKILL);
	record(fd); /* before the call: what is written meanwhile need not be in */
	result = real(fd);
	if (count == at)
		kill(getpid(), SIGKILL);
	pthread_mutex_unlock(&lock);
	return result;
}

/* What stands before the C library's. */
#pragma GCC visibility push(default)

int
fsync(int fd)
{
	return sync_counted("fsync", fd);
}

int
fdatasync(int fd)
{
	return sync_counted("fdatasync", fd);
}

int
syncfs(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "syncfs");

	if (shadow)
		give_up("syncfs is called");
	return real(fd);
}
