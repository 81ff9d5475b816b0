/* Regular files, and all that can stand in their place. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "regular.h"
#include "wrap.h"

static void
opened(void)
{
	struct stat stat;
	char text[8] = "";
	int fd = -1;

	make_file(in_dir("a"), "abc", 0600);
	REQUIRE(stage_regular_open(AT_FDCWD, in_dir("a"), O_RDONLY, &fd, &stat) == 0);
	CHECK(stat.st_size == 3 && read(fd, text, sizeof(text)) == 3);
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	close(fd);
	REQUIRE(stage_regular_open(AT_FDCWD, in_dir("a"), O_WRONLY | O_TRUNC, &fd, NULL) == 0);
	CHECK(fstat(fd, &stat) == 0 && stat.st_size == 0);
	close(fd);
	unlink(in_dir("a"));

	fd = -5;
	CHECK(stage_regular_open(AT_FDCWD, in_dir("a"), O_RDONLY, &fd, &stat) == STAGE_E_SYSTEM);
	CHECK(errno == ENOENT && fd == -5);
	umask(0);
	REQUIRE(stage_regular_open(AT_FDCWD, in_dir("a"), O_WRONLY | O_CREAT, &fd, &stat) == 0);
	CHECK((stat.st_mode & 07777) == 0600);
	close(fd);
	unlink(in_dir("a"));
}

/* Returns at once, with nothing opened and nothing changed. */
static void
is_refused(const char *path)
{
	static const int flags[] = {O_RDONLY, O_WRONLY, O_WRONLY | O_CREAT | O_TRUNC};
	int fds = count_fds(), fd = -5;
	size_t i;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		errno = 0;
		CHECK(stage_regular_open(AT_FDCWD, path, flags[i], &fd, NULL) == STAGE_E_DAMAGED);
		CHECK(errno == ELOOP || errno == EISDIR || errno == ENXIO);
		CHECK(fd == -5 && count_fds() == fds);
	}
	errno = 0;
	CHECK(stage_regular_make(AT_FDCWD, path, O_WRONLY) < 0 && errno == EEXIST);
}

static void
irregular(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat stat;
	int fd;

	make_file(in_dir("a"), "abc", 0600);
	REQUIRE(symlink("a", in_dir("link")) == 0 && symlink("nowhere", in_dir("dangling")) == 0);
	REQUIRE(mkfifo(in_dir("fifo"), 0600) == 0);
	make_dir(in_dir("directory"), 0700);
	is_refused(in_dir("link"));
	is_refused(in_dir("dangling"));
	is_refused(in_dir("fifo"));
	is_refused(in_dir("directory"));
	is_refused("/dev/null");
	/* a FIFO that somebody reads could be opened to be written to */
	fd = open(in_dir("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	is_refused(in_dir("fifo"));
	close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", in_dir("socket"));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		is_refused(in_dir("socket"));
	close(fd);
	CHECK(lstat(in_dir("a"), &stat) == 0 && stat.st_size == 3 && !is_there(in_dir("nowhere")));
	unlink(in_dir("a"));
	unlink(in_dir("link"));
	unlink(in_dir("dangling"));
	unlink(in_dir("fifo"));
	unlink(in_dir("socket"));
	rmdir(in_dir("directory"));
}

static void
made(void)
{
	struct stat stat;
	int fd;

	umask(0);
	fd = stage_regular_make(AT_FDCWD, in_dir("a"), O_RDWR);
	REQUIRE(fd >= 0 && fstat(fd, &stat) == 0);
	CHECK((stat.st_mode & 07777) == 0600 && S_ISREG(stat.st_mode));
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHECK((fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK)) == O_RDWR);
	close(fd);
	CHECK(stage_regular_make(AT_FDCWD, in_dir("a"), O_RDWR) < 0 && errno == EEXIST);
	unlink(in_dir("a"));
}

static void
own(void)
{
	struct stat stat;

	make_file(in_dir("a"), "abc", 0600);
	REQUIRE(symlink("a", in_dir("link")) == 0);
	CHECK(stage_regular_is_own(AT_FDCWD, in_dir("a"), &stat) && stat.st_size == 3);
	errno = EIO;
	CHECK(!stage_regular_is_own(AT_FDCWD, in_dir("link"), &stat) && errno == 0);
	CHECK(!stage_regular_is_own(AT_FDCWD, test_dir, &stat) && errno == 0);
	CHECK(!stage_regular_is_own(AT_FDCWD, in_dir("b"), &stat) && errno == ENOENT);
	if (can_be_others("a file of another user")) {
		REQUIRE(chown(in_dir("a"), NOBODY, (gid_t)-1) == 0);
		CHECK(!stage_regular_is_own(AT_FDCWD, in_dir("a"), &stat) && errno == 0);
	}
	unlink(in_dir("a"));
	unlink(in_dir("link"));
}

static void
failures(void)
{
	int fds = count_fds(), fd = -5, code, sys_errno;

	make_file(in_dir("a"), "abc", 0600);
	wrap_begin_two("fstat", EIO, "fsync", EIO);
	code = stage_regular_open(AT_FDCWD, in_dir("a"), O_RDONLY, &fd, NULL);
	sys_errno = errno;
	wrap_end();
	CHECK(code == STAGE_E_SYSTEM && sys_errno == EIO && fd == -5 && count_fds() == fds);
	unlink(in_dir("a"));
}

static const struct test tests[] = {
	{"opened", opened},
	{"irregular", irregular},
	{"made", made},
	{"own", own},
	{"failures", failures},
	{NULL, NULL},
};

const struct suite suite_regular = {"regular", tests};
