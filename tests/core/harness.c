#include "tests.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILD_SECONDS 30
#define NOT_POSSIBLE 99

struct stage_error failure;
const char *test_dir;
struct captured captured;

static char directory[] = "/var/tmp/core-tests-XXXXXX";
static int started_in = -1;
static pthread_mutex_t capture_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *const variables[] = {"HOME", "XDG_CONFIG_HOME", "TMPDIR", "TEMP", "TMP",
	"GNUPGHOME", "STAGEDIR_CONFIG", "STAGE_TEST_A", "STAGE_TEST_B", "STATE_DIRECTORY",
	"XDG_STATE_HOME"};
#define VARIABLES (sizeof(variables) / sizeof(variables[0]))
static char *saved[VARIABLES];

void
check_code(int code, int expected, const char *call, const char *file, unsigned int line)
{
	char text[STAGE_ERROR_MESSAGE_MAX + 512];
	bool good = code == expected;

	if (good && expected < 0)
		good = failure.code == expected && failure.message[0] &&
		       !strchr(failure.message, '\n');
	if (!good)
		snprintf(text, sizeof(text), "%s: expected %s, but %s: %s", call,
			stage_error_code_name(expected), stage_error_code_name(code),
			failure.message);
	CU_assertImplementation(good, line, good ? call : text, file, "", CU_FALSE);
	if (expected == 0)
		memset(&failure, 0, sizeof(failure));
}

void
check_has(const char *text, const char *part, bool expected, const char *file, unsigned int line)
{
	char report[4096];
	bool good = (strstr(text, part) != NULL) == expected;

	if (!good)
		snprintf(report, sizeof(report), "%s \"%s\" in \"%s\"",
			expected ? "missing:" : "unwanted:", part, text);
	CU_assertImplementation(good, line, good ? part : report, file, "", CU_FALSE);
}

const char *
join(const char *in, const char *name)
{
	static char paths[64][1024];
	static unsigned int next;
	char *path = paths[next++ % 64];

	snprintf(path, sizeof(paths[0]), "%s/%s", in, name);
	return path;
}

const char *
in_dir(const char *name)
{
	return join(test_dir, name);
}

void
set_up(void)
{
	size_t i;

	memset(&failure, 0, sizeof(failure));
	for (i = 0; i < VARIABLES; i++) {
		const char *value = getenv(variables[i]);

		saved[i] = value ? strdup(value) : NULL;
	}
	/* the settings of whoever runs the tests are not tested */
	unsetenv("GNUPGHOME");
	unsetenv("STAGEDIR_CONFIG");
	unsetenv("TMPDIR");
	unsetenv("TEMP");
	unsetenv("TMP");
	unsetenv("STATE_DIRECTORY");
	unsetenv("XDG_STATE_HOME");
	umask(022);
	started_in = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	memcpy(directory + strlen(directory) - 6, "XXXXXX", 6);
	test_dir = mkdtemp(directory);
	if (!test_dir) {
		perror("cannot make a directory in /var/tmp");
		exit(EXIT_FAILURE);
	}
	setenv("HOME", test_dir, 1);
	setenv("XDG_CONFIG_HOME", in_dir("config"), 1);
}

void
tear_down(void)
{
	size_t i;

	if (fchdir(started_in) < 0)
		perror("cannot go back");
	close(started_in);
	umask(022);
	for (i = 0; i < VARIABLES; i++) {
		if (saved[i])
			setenv(variables[i], saved[i], 1);
		else
			unsetenv(variables[i]);
		free(saved[i]);
	}
	CHECK(count_entries(test_dir) == 0);
	remove_tree(test_dir);
	CHECK(!is_there(test_dir));
}

void
make_dir(const char *path, mode_t mode)
{
	REQUIRE(mkdir(path, 0700) == 0);
	REQUIRE(chmod(path, mode) == 0);
}

void
make_file_bytes(const char *path, const void *content, size_t size, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	REQUIRE(fd >= 0);
	REQUIRE(write(fd, content, size) == (ssize_t)size);
	REQUIRE(fchmod(fd, mode) == 0);
	REQUIRE(close(fd) == 0);
}

void
make_file(const char *path, const char *content, mode_t mode)
{
	make_file_bytes(path, content, strlen(content), mode);
}

int
count_entries(const char *path)
{
	const struct dirent *entry;
	int count = 0;
	DIR *stream;

	stream = opendir(path);
	if (!stream)
		return -1;
	while ((entry = readdir(stream)))
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(stream);
	return count;
}

bool
is_there(const char *path)
{
	struct stat stat;

	return lstat(path, &stat) == 0;
}

int
count_fds(void)
{
	return count_entries("/proc/self/fd") - 1; /* without the one of this call */
}

bool
is_open_fd(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return is_there(path);
}

static int
remove_one(const char *path, const struct stat *stat, int type, struct FTW *where)
{
	(void)stat;
	(void)type;
	(void)where;
	return remove(path);
}

static int
show_one(const char *path, const struct stat *stat, int type, struct FTW *where)
{
	(void)type;
	(void)where;
	fprintf(stderr, "%06o %s\n", (unsigned int)stat->st_mode, path);
	return 0;
}

void
show_tree(const char *path)
{
	nftw(path, show_one, 16, FTW_PHYS);
}

void
remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

bool
can_be_others(const char *what)
{
	if (geteuid() == 0)
		return true;
	fprintf(stderr, "\nNOT TESTED, for want of root: %s\n", what);
	return false;
}

static void
become(int uid)
{
	if (uid >= 0 &&
		(setgroups(0, NULL) < 0 || setgid((gid_t)uid) < 0 || setuid((uid_t)uid) < 0))
		kill(getpid(), SIGKILL);
}

struct child
start_child(int (*function)(void *), void *context, int uid)
{
	struct child child = {.pid = -1, .answer = -1};
	int ends[2], result;

	fflush(NULL);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return child;
	child.answer = ends[0];
	child.pid = fork();
	if (child.pid == 0) {
		become(uid);
		result = function(context);
		(void)!write(ends[1], &result, sizeof(result));
		kill(getpid(), SIGKILL);
		_exit(EXIT_FAILURE);
	}
	close(ends[1]);
	return child;
}

int
end_child(struct child child)
{
	struct pollfd answer = {.fd = child.answer, .events = POLLIN};
	int result = -1;

	if (child.pid < 0 || poll(&answer, 1, CHILD_SECONDS * 1000) <= 0 ||
		read(child.answer, &result, sizeof(result)) != (ssize_t)sizeof(result))
		result = -1;
	close(child.answer);
	if (child.pid > 0) {
		kill(child.pid, SIGKILL);
		waitpid(child.pid, NULL, 0);
	}
	return result;
}

int
in_child(int (*function)(void *), void *context, int uid)
{
	return end_child(start_child(function, context, uid));
}

struct on_tmpfs {
	int (*function)(void *);
	char *place;
};

static int
mount_and_run(void *context)
{
	struct on_tmpfs *on_tmpfs = context;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", on_tmpfs->place, "tmpfs", 0, "size=1m,mode=0700") < 0)
		return NOT_POSSIBLE;
	return on_tmpfs->function(on_tmpfs->place);
}

int
in_child_on_tmpfs(int (*function)(void *), const char *what)
{
	struct on_tmpfs on_tmpfs = {.function = function, .place = strdup(in_dir("small"))};
	int result;

	make_dir(on_tmpfs.place, 0700);
	result = in_child(mount_and_run, &on_tmpfs, -1);
	if (result == NOT_POSSIBLE) {
		fprintf(stderr, "\nNOT TESTED, for want of the right to mount: %s\n", what);
		result = 0;
	} else if (result) {
		fprintf(stderr, "\n%s: %d\n", what, result);
	}
	rmdir(on_tmpfs.place);
	free(on_tmpfs.place);
	return result;
}

int
in_child_beside_threads(int (*function)(void *), void *context)
{
	int result = in_child(function, context, -1);

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	if (result == -1) {
		fprintf(stderr, "\nNOT TESTED: a child hung, in the sanitizer's allocator\n");
		return 0;
	}
#endif
	return result;
}

/* The sanitizers' own, unless another one is given: what they look for does not depend on the count. */
#if defined(__SANITIZE_THREAD__)
#define DIVISOR 8
#elif defined(__SANITIZE_ADDRESS__)
#define DIVISOR 4
#else
#define DIVISOR 1
#endif

size_t
scaled(size_t count)
{
	const char *scale = getenv("STAGEDIR_TEST_SCALE");
	size_t divisor = scale ? (size_t)atol(scale) : DIVISOR;

	return divisor > 1 && count > divisor ? count / divisor : count;
}

static void
write_captured(void *context, enum stage_level level, const char *line)
{
	struct captured *all = context;
	size_t left;
	int length;

	pthread_mutex_lock(&capture_lock);
	all->lines[level]++;
	left = sizeof(all->text) - all->used;
	length = snprintf(all->text + all->used, left, "%c:%s\n", "WNID"[level], line);
	if (length > 0 && (size_t)length < left)
		all->used += (size_t)length;
	pthread_mutex_unlock(&capture_lock);
}

struct captured *
capture(void)
{
	memset(&captured, 0, sizeof(captured));
	captured.log.write = write_captured;
	captured.log.context = &captured;
	return &captured;
}
