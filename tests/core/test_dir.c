/* A staging directory that nobody disturbs. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dir_run.h"
#include "naming.h"
#include "wrap.h"

static mode_t
mode_of(const char *path)
{
	struct stat stat;

	return lstat(path, &stat) == 0 ? stat.st_mode & 07777 : 0;
}

static void
life(void)
{
	struct stage_dir *dir = dir_open_logged();
	const char *path = stage_dir_path(dir);
	char *first, *second;
	struct stat stat;

	CHECK(strncmp(path, test_dir, strlen(test_dir)) == 0 && path[strlen(test_dir)] == '/');
	CHECK(lstat(path, &stat) == 0 && S_ISDIR(stat.st_mode) && stat.st_uid == geteuid());
	first = dir_new_file(dir, 10);
	WORKS(stage_dir_mktemp(dir, &second, &failure));
	CHECK(strncmp(first, path, strlen(path)) == 0 &&
		stage_naming_is_file(strrchr(first, '/') + 1));
	CHECK(strncmp(second, path, strlen(path)) == 0 &&
		stage_naming_is_file(strrchr(second, '/') + 1));
	CHECK(is_there(first) && !is_there(second));
	WORKS(stage_dir_check(dir, &failure));
	make_file(second, "12345", 0600);
	HAS(captured.text, "D:Registering (mkstemp) temporary file ");
	HAS(captured.text, "D:Registering (mktemp) temporary file ");

	CHECK(stage_dir_cleanup(dir) == 0);
	CHECK(count_entries(test_dir) == 0);
	CHECK(stage_dir_path(dir) == NULL);
	HAS(captured.text, "D:Removing still remembered temporary file ");
	CHECK(captured.lines[STAGE_WARNING] == 0);
	CHECK(stage_dir_cleanup(dir) == 0);
	errno = EDOM;
	stage_dir_close(&dir);
	CHECK(errno == EDOM && dir == NULL);
	stage_dir_close(&dir);
	free(first);
	free(second);
}

static void
close_cleans_up(void)
{
	struct stage_dir *dir = dir_open_logged();
	int before = count_fds();

	free(dir_new_file(dir, 1));
	free(dir_new_file(dir, 1));
	errno = EDOM;
	stage_dir_close(&dir);
	CHECK(errno == EDOM);
	CHECK(count_entries(test_dir) == 0);
	CHECK(count_fds() == before - 2);
}

static void
silent(void)
{
	struct stage_dir *dir;
	char *path;

	WORKS(stage_dir_open(test_dir, NULL, &dir, NULL));
	WORKS(stage_dir_mktemp(dir, &path, NULL));
	CHECK(stage_dir_forget(dir, "x", NULL) == STAGE_E_UNTRACKED);
	stage_dir_close(&dir);
	free(path);
}

static void
open_failures(void)
{
	struct stage_dir *dir = (struct stage_dir *)&failure;

	FAILS(stage_dir_open(in_dir("missing"), NULL, &dir, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT);
	HAS(failure.message, in_dir("missing"));
	make_file(in_dir("file"), "", 0600);
	FAILS(stage_dir_open(in_dir("file"), NULL, &dir, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOTDIR);
	unlink(in_dir("file"));
	FAILS(stage_dir_open("", NULL, &dir, &failure), STAGE_E_SYSTEM);
	FAILS(stage_dir_open("/proc", NULL, &dir, &failure), STAGE_E_SYSTEM);
	HAS(failure.message, "/proc");
	CHECK(dir == (struct stage_dir *)&failure);
}

static int
open_as_nobody(void *context)
{
	struct stage_dir *dir;

	(void)context;
	return stage_dir_open(test_dir, NULL, &dir, &failure) == STAGE_E_SYSTEM &&
			       failure.sys_errno == EACCES
		       ? 0
		       : 1;
}

static void
open_without_right(void)
{
	if (!can_be_others("a staging directory where one may not write"))
		return;
	REQUIRE(chmod(test_dir, 0755) == 0);
	CHECK(in_child(open_as_nobody, NULL, NOBODY) == 0);
}

/* The name of a file that is not there, and never the same one. */
static void
gives_a_path(void)
{
	struct stage_dir *dir = dir_open_logged();
	char *path, *other;

	WORKS(stage_dir_mktemp(dir, &path, &failure));
	WORKS(stage_dir_mktemp(dir, &other, &failure));
	CHECK(strcmp(path, other) != 0 && !is_there(path) && !is_there(other));
	CHECK(strncmp(path, stage_dir_path(dir), strlen(stage_dir_path(dir))) == 0);
	/* tracked: what is made there goes with the directory */
	make_file(path, "content", 0600);
	stage_dir_close(&dir);
	CHECK(!is_there(path));
	free(path);
	free(other);
}

static void
paths(void)
{
	struct stage_dir *dir;
	char spelled[1024];

	/* absolute, from a relative root; one slash */
	REQUIRE(chdir(test_dir) == 0);
	make_dir("r", 0700);
	WORKS(stage_dir_open("r", NULL, &dir, &failure));
	CHECK(strncmp(stage_dir_path(dir), in_dir("r/stagedir-"), strlen(in_dir("r/stagedir-"))) ==
		0);
	stage_dir_close(&dir);
	snprintf(spelled, sizeof(spelled), "%s///", in_dir("r"));
	WORKS(stage_dir_open(spelled, NULL, &dir, &failure));
	CHECK(strncmp(stage_dir_path(dir), in_dir("r/stagedir-"), strlen(in_dir("r/stagedir-"))) ==
		0);
	/* the working directory does not matter later */
	REQUIRE(chdir("/") == 0);
	free(dir_new_file(dir, 0));
	stage_dir_close(&dir);
	/* links to a root that the caller trusts are followed */
	REQUIRE(symlink("r", in_dir("l")) == 0);
	WORKS(stage_dir_open(in_dir("l"), NULL, &dir, &failure));
	free(dir_new_file(dir, 0));
	CHECK(count_entries(in_dir("r")) == 1);
	stage_dir_close(&dir);
	unlink(in_dir("l"));
	CHECK(rmdir(in_dir("r")) == 0);
}

static int
root_in_child(void *context)
{
	char *path = NULL;
	int fd = -1;

	return stage_dir_root(context, &fd, &path, NULL) == STAGE_E_FORKED && fd == -1 && !path ? 0
												: 1;
}

/* The temp root, by a descriptor that outlives the directory. */
static void
root_of_it(void)
{
	struct stat here, there;
	struct stage_dir *dir;
	char spelled[1024], *path = NULL;
	int fd = -1, before;

	snprintf(spelled, sizeof(spelled), "%s//", test_dir);
	WORKS(stage_dir_open(spelled, NULL, &dir, &failure));
	before = count_fds();
	WORKS(stage_dir_root(dir, &fd, &path, &failure));
	REQUIRE(path != NULL);
	CHECK(strcmp(path, test_dir) == 0 && count_fds() == before + 1);
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHECK(in_child(root_in_child, dir, -1) == 0);
	free(path);
	path = NULL;
	stage_dir_cleanup(dir);
	CHECK(fstat(fd, &here) == 0 && stat(test_dir, &there) == 0 && here.st_ino == there.st_ino &&
		here.st_dev == there.st_dev);
	close(fd);
	fd = -1;
	FAILS(stage_dir_root(dir, &fd, &path, &failure), STAGE_E_CLOSED);
	CHECK(fd == -1 && !path);
	stage_dir_close(&dir);
}

/* A descriptor that cannot be had, memory that cannot be had: nothing is kept. */
static void
root_fails(void)
{
	struct stage_dir *dir = dir_open_logged();
	int fd = -1, before = count_fds(), code;
	char *path = NULL;

	wrap_begin_two("fcntl", EMFILE, "fcntl", EMFILE);
	code = stage_dir_root(dir, &fd, &path, &failure);
	wrap_end();
	CHECK(code == STAGE_E_SYSTEM && failure.sys_errno == EMFILE);
	wrap_begin_two("strndup", ENOMEM, "strndup", ENOMEM);
	code = stage_dir_root(dir, &fd, &path, &failure);
	wrap_end();
	CHECK(code == STAGE_E_MEMORY && fd == -1 && !path && count_fds() == before);
	stage_dir_close(&dir);
}

static void
modes(void)
{
	/* nobody's umask takes from the owner; root's may, since root needs no right */
	static const mode_t masks[] = {0, 022, 027, 077, 0777};
	struct stage_dir *dir;
	char *path;
	size_t i;

	for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		if (masks[i] == 0777 && geteuid() != 0)
			continue;
		umask(masks[i]);
		dir = dir_open_logged();
		CHECK(mode_of(stage_dir_path(dir)) == 0700);
		path = dir_new_file(dir, 0);
		CHECK(mode_of(path) == 0600 || masks[i] == 0777);
		free(path);
		CHECK(umask(022) == masks[i]);
		stage_dir_close(&dir);
	}
	/* a root that hands its group down */
	make_dir(in_dir("g"), 02755);
	WORKS(stage_dir_open(in_dir("g"), NULL, &dir, &failure));
	CHECK(mode_of(stage_dir_path(dir)) == 0700);
	stage_dir_close(&dir);
	rmdir(in_dir("g"));
}

/* Where chmod(2) is refused, in a directory whose group is handed down, and locks prove nothing. */
static void
lenient(void)
{
	struct stage_dir *dir;

	make_dir(in_dir("g"), 02755);
	wrap_file_system(0x65735546);
	wrap_begin_two("fchmod", EPERM, "fchmod", EPERM);
	FAILS(stage_dir_open(in_dir("g"), &capture()->log, &dir, &failure), STAGE_E_SYSTEM);
	HAS(failure.message, "cannot make the new staging directory");
	WORKS(stage_dir_open_lenient(in_dir("g"), &captured.log, &dir, &failure));
	wrap_end();
	wrap_file_system(0);
	HAS_NOT(captured.text, "W:");
	CHECK((mode_of(stage_dir_path(dir)) & 0777) == 0700);
	free(dir_new_file(dir, 3));
	CHECK(stage_dir_cleanup(dir) == 0);
	stage_dir_close(&dir);
	CHECK(rmdir(in_dir("g")) == 0);
	FAILS(stage_dir_open_lenient(in_dir("g"), NULL, &dir, &failure), STAGE_E_SYSTEM);
}

static void
descriptors(void)
{
	int before = count_fds(), fd, other;
	bool there[1024];
	struct stage_dir *dir;
	char *path;

	for (other = 0; other < 1024; other++)
		there[other] = is_open_fd(other);
	dir = dir_open_logged();
	/* every one that came up is closed by exec */
	for (other = 0; other < 1024; other++)
		CHECK(there[other] || !is_open_fd(other) || fcntl(other, F_GETFD) == FD_CLOEXEC);
	CHECK(count_fds() == before + 2);
	WORKS(stage_dir_mkstemp(dir, &fd, &path, &failure));
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	CHECK(count_fds() == before + 3);
	close(fd);
	free(path);
	stage_dir_cleanup(dir);
	CHECK(count_fds() == before);
	stage_dir_close(&dir);
	CHECK(count_fds() == before);
}

static void
forget(void)
{
	struct stage_dir *dir = dir_open_logged();
	char *path = dir_new_file(dir, 3), *other, wrong[1024];

	WORKS(stage_dir_forget(dir, path, &failure));
	HAS(captured.text, "D:Forgetting temporary file ");
	FAILS(stage_dir_forget(dir, path, &failure), STAGE_E_UNTRACKED);
	HAS(failure.message, path);
	HAS(failure.message, "is not tracked by the staging directory");

	WORKS(stage_dir_mktemp(dir, &other, &failure));
	FAILS(stage_dir_forget(dir, "", &failure), STAGE_E_UNTRACKED);
	FAILS(stage_dir_forget(dir, "/", &failure), STAGE_E_UNTRACKED);
	FAILS(stage_dir_forget(dir, stage_dir_path(dir), &failure), STAGE_E_UNTRACKED);
	FAILS(stage_dir_forget(dir, strrchr(other, '/') + 1, &failure), STAGE_E_UNTRACKED);
	snprintf(wrong, sizeof(wrong), "%s/", stage_dir_path(dir));
	FAILS(stage_dir_forget(dir, wrong, &failure), STAGE_E_UNTRACKED);
	snprintf(wrong, sizeof(wrong), "%s/./%s", stage_dir_path(dir), strrchr(other, '/') + 1);
	FAILS(stage_dir_forget(dir, wrong, &failure), STAGE_E_UNTRACKED);
	snprintf(wrong, sizeof(wrong), "%sx", other);
	FAILS(stage_dir_forget(dir, wrong, &failure), STAGE_E_UNTRACKED);
	snprintf(wrong, sizeof(wrong), "/elsewhere/%s", strrchr(other, '/') + 1);
	FAILS(stage_dir_forget(dir, wrong, &failure), STAGE_E_UNTRACKED);
	WORKS(stage_dir_forget(dir, other, &failure));

	/* a forgotten file that is still there is the caller's: it stays, and is named */
	CHECK(stage_dir_cleanup(dir) == 2);
	HAS(captured.text, "was not made by stagedir and is left there");
	HAS(captured.text, strrchr(path, '/'));
	CHECK(is_there(path));
	stage_dir_close(&dir);
	unlink(path);
	*strrchr(path, '/') = '\0';
	CHECK(rmdir(path) == 0);
	free(path);
	free(other);
}

/* Whoever swaps the directory does not get what is written, nor has it written over what is his. */
static void
create_files(void)
{
	struct stage_dir *dir = dir_open_logged();
	char *path, *place = strdup(stage_dir_path(dir)), *file;
	struct stat stat;
	int fd;

	WORKS(stage_dir_mktemp(dir, &path, &failure));
	file = strdup(strrchr(path, '/') + 1);
	CHECK(rename(place, in_dir("aside")) == 0);
	make_dir(place, 0700);
	make_file(path, "theirs", 0600);
	WORKS(stage_dir_create(dir, path, &fd, &failure));
	CHECK(write(fd, "ours", 4) == 4 && close(fd) == 0);
	CHECK(lstat(path, &stat) == 0 && stat.st_size == 6);
	CHECK(unlink(path) == 0 && rmdir(place) == 0);
	CHECK(rename(in_dir("aside"), place) == 0);
	CHECK(lstat(path, &stat) == 0 && stat.st_size == 4 && (stat.st_mode & 07777) == 0600);
	/* once more: emptied */
	WORKS(stage_dir_create(dir, path, &fd, &failure));
	CHECK(close(fd) == 0 && lstat(path, &stat) == 0 && stat.st_size == 0);
	CHECK(unlink(path) == 0 && symlink("elsewhere", path) == 0);
	FAILS(stage_dir_create(dir, path, &fd, &failure), STAGE_E_SYSTEM);
	HAS(failure.message, file);
	FAILS(stage_dir_create(dir, "/etc/passwd", &fd, &failure), STAGE_E_UNTRACKED);
	CHECK(stage_dir_cleanup(dir) == 0);
	FAILS(stage_dir_create(dir, path, &fd, &failure), STAGE_E_CLOSED);
	stage_dir_close(&dir);
	free(path);
	free(place);
	free(file);
}

/* Whatever lies there, and also when nothing does any more. */
static void
contains(void)
{
	struct stage_dir *dir = dir_open_logged();
	char *path = dir_new_file(dir, 0), longer[1024];

	CHECK(stage_dir_contains(dir, path));
	snprintf(longer, sizeof(longer), "%s/x", path);
	CHECK(!stage_dir_contains(dir, longer));
	snprintf(longer, sizeof(longer), "%sx/y", stage_dir_path(dir));
	CHECK(!stage_dir_contains(dir, longer));
	snprintf(longer, sizeof(longer), "%s/", stage_dir_path(dir));
	CHECK(!stage_dir_contains(dir, longer));
	CHECK(!stage_dir_contains(dir, stage_dir_path(dir)));
	CHECK(!stage_dir_contains(dir, ""));
	CHECK(!stage_dir_contains(dir, "/etc/passwd"));
	WORKS(stage_dir_remove(dir, path, &failure));
	CHECK(stage_dir_contains(dir, path));
	CHECK(stage_dir_cleanup(dir) == 0);
	CHECK(stage_dir_contains(dir, path));
	stage_dir_close(&dir);
	free(path);
}

static void
remove_files(void)
{
	struct stage_dir *dir = dir_open_logged();
	char *path = dir_new_file(dir, 3), *missing, *directory;

	WORKS(stage_dir_remove(dir, path, &failure));
	CHECK(!is_there(path));
	FAILS(stage_dir_remove(dir, path, &failure), STAGE_E_UNTRACKED);
	FAILS(stage_dir_remove(dir, "/etc/passwd", &failure), STAGE_E_UNTRACKED);
	WORKS(stage_dir_mktemp(dir, &missing, &failure));
	WORKS(stage_dir_remove(dir, missing, &failure));
	WORKS(stage_dir_mktemp(dir, &directory, &failure));
	make_dir(directory, 0700);
	FAILS(stage_dir_remove(dir, directory, &failure), STAGE_E_SYSTEM);
	HAS(failure.message, directory);
	CHECK(rmdir(directory) == 0);
	WORKS(stage_dir_remove(dir, directory, &failure));
	CHECK(stage_dir_cleanup(dir) == 0);
	stage_dir_close(&dir);
	free(path);
	free(missing);
	free(directory);
}

static void
move_files(void)
{
	struct stage_dir *dir = dir_open_logged();
	char *path = dir_new_file(dir, 7), *second = dir_new_file(dir, 5);
	int to = open(test_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat stat;

	WORKS(stage_dir_move(dir, path, to, "moved", &failure));
	CHECK(lstat(in_dir("moved"), &stat) == 0 && stat.st_size == 7 && !is_there(path));
	FAILS(stage_dir_move(dir, path, to, "again", &failure), STAGE_E_UNTRACKED);
	FAILS(stage_dir_move(dir, second, to, "moved", &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == EEXIST);
	CHECK(lstat(in_dir("moved"), &stat) == 0 && stat.st_size == 7);
	FAILS(stage_dir_move(dir, second, to, "no/where", &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT);
	stage_dir_close(&dir);
	CHECK(count_entries(test_dir) == 1);
	unlink(in_dir("moved"));
	close(to);
	free(path);
	free(second);
}

/* A move to NAME of test_dir where renameat2 fails so, and other as well. The code; *ret_moved is what is there then. */
static int
move_failing(int sys_errno, const char *other, int other_errno, bool *ret_moved)
{
	struct stage_dir *dir = dir_open_logged();
	char *path = dir_new_file(dir, 7);
	int to = open(test_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code;
	struct stat stat;

	wrap_begin_two("renameat2", sys_errno, other, other_errno);
	code = stage_dir_move(dir, path, to, "moved", &failure);
	wrap_end();
	*ret_moved = lstat(in_dir("moved"), &stat) == 0 && stat.st_size == 7;
	CHECK(is_there(path) == (code < 0));
	stage_dir_close(&dir);
	CHECK(!*ret_moved || stat.st_nlink == 1);
	close(to);
	free(path);
	return code;
}

/* File systems that cannot rename without replacing, such as bindfs and fuse2fs, and perhaps have no links either. */
static void
no_exclusive_rename(void)
{
	static const int errnos[] = {EINVAL, ENOSYS, EOPNOTSUPP, EPERM};
	bool moved;
	size_t i;

	for (i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++) {
		/* a directory that is ours alone takes no link */
		REQUIRE(chmod(test_dir, 0755) == 0);
		WORKS(move_failing(errnos[i], "linkat", EPERM, &moved));
		CHECK(moved);
		/* it is there now */
		FAILS(move_failing(errnos[i], "linkat", EPERM, &moved), STAGE_E_SYSTEM);
		CHECK(failure.sys_errno == EEXIST && moved);
		REQUIRE(unlink(in_dir("moved")) == 0);
		/* to one in which others can make names, only a link is never over a file of theirs */
		REQUIRE(chmod(test_dir, 01777) == 0);
		WORKS(move_failing(errnos[i], "renameat", EIO, &moved));
		CHECK(moved);
		FAILS(move_failing(errnos[i], "renameat", EIO, &moved), STAGE_E_SYSTEM);
		CHECK(failure.sys_errno == EEXIST && moved);
		REQUIRE(unlink(in_dir("moved")) == 0);
		FAILS(move_failing(errnos[i], "linkat", EOPNOTSUPP, &moved), STAGE_E_SYSTEM);
		CHECK(failure.sys_errno == EOPNOTSUPP && !moved);
	}
	/* whose directory it is cannot be told */
	REQUIRE(chmod(test_dir, 0700) == 0);
	WORKS(move_failing(EINVAL, "fstatat", EIO, &moved));
	CHECK(moved && unlink(in_dir("moved")) == 0);
	FAILS(move_failing(EINVAL, "renameat", EACCES, &moved), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == EACCES && !moved);
}

static void
other_file_system(void)
{
	struct stage_dir *dir;
	struct stat here, there;
	char *path;
	int to;

	if (stat("/dev/shm", &there) < 0 || stat(test_dir, &here) < 0 ||
		there.st_dev == here.st_dev ||
		(to = open("/dev/shm", O_RDONLY | O_DIRECTORY)) < 0) {
		fprintf(stderr, "\nNOT TESTED, for want of a file system in /dev/shm: EXDEV\n");
		return;
	}
	dir = dir_open_logged();
	path = dir_new_file(dir, 7);
	FAILS(stage_dir_move(dir, path, to, "core-tests-never", &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == EXDEV);
	CHECK(is_there(path));
	stage_dir_close(&dir);
	close(to);
	free(path);
}

static void
odd_things(void)
{
	struct stage_dir *dir = dir_open_logged();
	char *link, *directory;

	WORKS(stage_dir_mktemp(dir, &link, &failure));
	WORKS(stage_dir_mktemp(dir, &directory, &failure));
	REQUIRE(symlink("/etc/passwd", link) == 0);
	make_dir(directory, 0700);
	/* a tracked name at which the caller has made a directory: not to be unlinked, and said so
	 */
	CHECK(stage_dir_cleanup(dir) == 2);
	HAS(captured.text, "W:cannot remove the temporary file ");
	CHECK(!is_there(link) && is_there("/etc/passwd"));
	stage_dir_close(&dir);
	CHECK(rmdir(directory) == 0);
	*strrchr(directory, '/') = '\0';
	CHECK(rmdir(directory) == 0);
	free(link);
	free(directory);
}

static void
after_cleanup(void)
{
	struct stage_dir *dir = dir_open_logged();
	char *path = dir_new_file(dir, 0), *other = (char *)&failure;
	int fd = -5;

	stage_dir_cleanup(dir);
	FAILS(stage_dir_mktemp(dir, &other, &failure), STAGE_E_CLOSED);
	HAS(failure.message, "was cleaned up already");
	FAILS(stage_dir_mkstemp(dir, &fd, &other, &failure), STAGE_E_CLOSED);
	FAILS(stage_dir_forget(dir, path, &failure), STAGE_E_CLOSED);
	FAILS(stage_dir_remove(dir, path, &failure), STAGE_E_CLOSED);
	FAILS(stage_dir_check(dir, &failure), STAGE_E_CLOSED);
	FAILS(stage_dir_move(dir, path, AT_FDCWD, "x", &failure), STAGE_E_CLOSED);
	CHECK(other == (char *)&failure && fd == -5);
	CHECK(stage_dir_path(dir) == NULL && stage_dir_cleanup(dir) == 0);
	stage_dir_close(&dir);
	free(path);
}

static void
strangers_stay(void)
{
	struct stage_dir *dir = dir_open_logged();
	char *path = dir_new_file(dir, 0), directory[1024];

	snprintf(directory, sizeof(directory), "%s", stage_dir_path(dir));
	make_file(join(directory, "notes\n"), "mine", 0600);
	make_dir(join(directory, "sub"), 0700);
	make_file(join(directory, "sub/file"), "mine", 0600);
	CHECK(stage_dir_cleanup(dir) == 3);
	HAS(captured.text, "W:cannot remove the staging directory ");
	HAS(captured.text, "Directory not empty");
	HAS(captured.text, "/notes\\x0a was not made by stagedir and is left there");
	HAS(captured.text, "/sub was not made by stagedir and is left there");
	CHECK(captured.lines[STAGE_WARNING] == 3);
	CHECK(!is_there(path) && is_there(join(directory, "sub/file")));
	CHECK(stage_dir_cleanup(dir) == 0);
	stage_dir_close(&dir);
	unlink(join(directory, "notes\n"));
	unlink(join(directory, "sub/file"));
	rmdir(join(directory, "sub"));
	CHECK(rmdir(directory) == 0);
	free(path);
}

static const struct test tests[] = {
	{"life", life},
	{"close_cleans_up", close_cleans_up},
	{"silent", silent},
	{"open_failures", open_failures},
	{"open_without_right", open_without_right},
	{"mktemp", gives_a_path},
	{"paths", paths},
	{"root_of_it", root_of_it},
	{"root_fails", root_fails},
	{"modes", modes},
	{"lenient", lenient},
	{"descriptors", descriptors},
	{"forget", forget},
	{"create_files", create_files},
	{"contains", contains},
	{"remove_files", remove_files},
	{"move_files", move_files},
	{"no_exclusive_rename", no_exclusive_rename},
	{"other_file_system", other_file_system},
	{"odd_things", odd_things},
	{"after_cleanup", after_cleanup},
	{"strangers_stay", strangers_stay},
	{NULL, NULL},
};

const struct suite suite_dir = {"dir", tests};
