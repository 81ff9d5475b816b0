#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "naming.h"
#include "wrap.h"

#define THREADS 6

static struct stage_dir *
open_dir(void)
{
	struct stage_dir *dir = NULL;

	WORKS(stage_dir_open(test_dir, &capture()->log, &dir, &failure));
	REQUIRE(dir != NULL);
	return dir;
}

/* A new file with so many bytes in it; the path is the caller's. */
static char *
new_file(struct stage_dir *dir, size_t bytes)
{
	char *path = NULL;
	int fd = -1;

	WORKS(stage_dir_mkstemp(dir, &fd, &path, &failure));
	REQUIRE(fd >= 0 && path != NULL);
	CHECK(ftruncate(fd, (off_t)bytes) == 0);
	CHECK(close(fd) == 0);
	return path;
}

static mode_t
mode_of(const char *path)
{
	struct stat stat;

	return lstat(path, &stat) == 0 ? stat.st_mode & 07777 : 0;
}

static void
life(void)
{
	struct stage_dir *dir = open_dir();
	const char *path = stage_dir_path(dir);
	char *first, *second;
	struct stat stat;

	CHECK(strncmp(path, test_dir, strlen(test_dir)) == 0 && path[strlen(test_dir)] == '/');
	CHECK(lstat(path, &stat) == 0 && S_ISDIR(stat.st_mode) && stat.st_uid == geteuid());
	first = new_file(dir, 10);
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
	struct stage_dir *dir = open_dir();
	int before = count_fds();

	free(new_file(dir, 1));
	free(new_file(dir, 1));
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
	struct stage_dir *dir = open_dir();
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
	free(new_file(dir, 0));
	stage_dir_close(&dir);
	/* links to a root that the caller trusts are followed */
	REQUIRE(symlink("r", in_dir("l")) == 0);
	WORKS(stage_dir_open(in_dir("l"), NULL, &dir, &failure));
	free(new_file(dir, 0));
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
	struct stage_dir *dir = open_dir();
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
		dir = open_dir();
		CHECK(mode_of(stage_dir_path(dir)) == 0700);
		path = new_file(dir, 0);
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

static void
descriptors(void)
{
	int before = count_fds(), fd, other;
	bool there[1024];
	struct stage_dir *dir;
	char *path;

	for (other = 0; other < 1024; other++)
		there[other] = fcntl(other, F_GETFD) >= 0;
	dir = open_dir();
	/* every one that came up is closed by exec */
	for (other = 0; other < 1024; other++)
		CHECK(there[other] || fcntl(other, F_GETFD) < 0 ||
			fcntl(other, F_GETFD) == FD_CLOEXEC);
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
	struct stage_dir *dir = open_dir();
	char *path = new_file(dir, 3), *other, wrong[1024];

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
	struct stage_dir *dir = open_dir();
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
gives(void)
{
	struct stage_dir *dir = open_dir();
	char *path = new_file(dir, 0), longer[1024];

	CHECK(stage_dir_gives(dir, path));
	snprintf(longer, sizeof(longer), "%s/x", path);
	CHECK(!stage_dir_gives(dir, longer));
	snprintf(longer, sizeof(longer), "%sx/y", stage_dir_path(dir));
	CHECK(!stage_dir_gives(dir, longer));
	snprintf(longer, sizeof(longer), "%s/", stage_dir_path(dir));
	CHECK(!stage_dir_gives(dir, longer));
	CHECK(!stage_dir_gives(dir, stage_dir_path(dir)));
	CHECK(!stage_dir_gives(dir, ""));
	CHECK(!stage_dir_gives(dir, "/etc/passwd"));
	WORKS(stage_dir_remove(dir, path, &failure));
	CHECK(stage_dir_gives(dir, path));
	CHECK(stage_dir_cleanup(dir) == 0);
	CHECK(stage_dir_gives(dir, path));
	stage_dir_close(&dir);
	free(path);
}

static void
remove_files(void)
{
	struct stage_dir *dir = open_dir();
	char *path = new_file(dir, 3), *missing, *directory;

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
	struct stage_dir *dir = open_dir();
	char *path = new_file(dir, 7), *second = new_file(dir, 5);
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
	dir = open_dir();
	path = new_file(dir, 7);
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
	struct stage_dir *dir = open_dir();
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
	struct stage_dir *dir = open_dir();
	char *path = new_file(dir, 0), *other = (char *)&failure;
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
	struct stage_dir *dir = open_dir();
	char *path = new_file(dir, 0), directory[1024];

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

/* No name is given out, however it is asked for. */
static void
gives_no_name(struct stage_dir *dir)
{
	char *path = NULL;
	FILE *file = NULL;
	int fd = -1;

	/* at once for those who ask, after the 10 ms of dir.h for those who want a name */
	FAILS(stage_dir_check(dir, &failure), STAGE_E_SWAPPED);
	usleep(20 * 1000);
	FAILS(stage_dir_mktemp(dir, &path, &failure), STAGE_E_SWAPPED);
	HAS(failure.message, "was removed, moved or replaced by somebody else");
	FAILS(stage_dir_check(dir, &failure), STAGE_E_SWAPPED);
	FAILS(stage_dir_mkstemp(dir, &fd, &path, &failure), STAGE_E_SWAPPED);
	CHECK(!path && !file && fd == -1);
}

static void
renamed(void)
{
	struct stage_dir *dir = open_dir();
	char *path = new_file(dir, 1), *second = new_file(dir, 1);

	REQUIRE(rename(stage_dir_path(dir), in_dir("away")) == 0);
	gives_no_name(dir);
	CHECK(count_entries(in_dir("away")) == 2);
	/* what it has is still there for those who hold a name */
	WORKS(stage_dir_remove(dir, second, &failure));
	CHECK(count_entries(in_dir("away")) == 1);
	/* emptied where it is, but a directory at another place is not taken away */
	CHECK(stage_dir_cleanup(dir) == 1);
	HAS(captured.text, "was removed, moved or replaced by somebody else");
	CHECK(count_entries(in_dir("away")) == 0);
	stage_dir_close(&dir);
	CHECK(rmdir(in_dir("away")) == 0);
	free(path);
	free(second);
}

static void
replaced(bool by_link)
{
	struct stage_dir *dir = open_dir();
	char *path = new_file(dir, 1), *second = new_file(dir, 1), directory[1024];
	const char *victim = in_dir("victim"), *same_name, *same_second;

	snprintf(directory, sizeof(directory), "%s", stage_dir_path(dir));
	make_dir(victim, 0700);
	same_name = join(victim, strrchr(path, '/') + 1);
	make_file(same_name, "precious", 0600);
	same_second = join(victim, strrchr(second, '/') + 1);
	make_file(same_second, "precious", 0600);
	make_file(join(victim, "other"), "precious", 0600);
	REQUIRE(rename(directory, in_dir("away")) == 0);
	REQUIRE((by_link ? symlink("victim", directory) : rename(victim, directory)) == 0);
	gives_no_name(dir);
	WORKS(stage_dir_remove(dir, second, &failure));
	CHECK(stage_dir_cleanup(dir) == 1);
	CHECK(count_entries(in_dir("away")) == 0);
	CHECK(is_there(second) && is_there(path) && is_there(join(directory, "other")));
	CHECK(count_entries(directory) == 3);
	stage_dir_close(&dir);
	CHECK(count_entries(directory) == 3);

	if (by_link)
		unlink(directory);
	else
		CHECK(rename(directory, victim) == 0);
	unlink(same_name);
	unlink(same_second);
	unlink(join(victim, "other"));
	CHECK(rmdir(victim) == 0 && rmdir(in_dir("away")) == 0);
	free(path);
	free(second);
}

static void
replaced_by_link(void)
{
	replaced(true);
}

static void
replaced_by_directory(void)
{
	replaced(false);
}

static void
removed(void)
{
	struct stage_dir *dir = open_dir();
	char *path = new_file(dir, 1);

	unlink(path);
	REQUIRE(rmdir(stage_dir_path(dir)) == 0);
	gives_no_name(dir);
	CHECK(stage_dir_cleanup(dir) == 1);
	stage_dir_close(&dir);
	free(path);
}

/* That it cannot be looked at is no proof that somebody was there, and is what is told. */
static void
unreadable(void)
{
	static const int errnos[] = {EIO, EACCES};
	struct stage_dir *dir = open_dir();
	char *path = NULL;
	size_t i;

	for (i = 0; i < 2; i++) {
		wrap_begin_two("lstat", errnos[i], "fstatat", errnos[i]);
		CHECK(stage_dir_check(dir, &failure) == STAGE_E_SYSTEM);
		CHECK(failure.sys_errno == errnos[i]);
		HAS(failure.message, stage_error_errno_text(errnos[i]));
		HAS(failure.message, stage_dir_path(dir));
		HAS_NOT(failure.message, "somebody else");
		usleep(20 * 1000);
		CHECK(stage_dir_mktemp(dir, &path, &failure) == STAGE_E_SYSTEM && !path);
		CHECK(failure.sys_errno == errnos[i]);
		wrap_end();
	}
	/* once it can be, all is well */
	WORKS(stage_dir_check(dir, &failure));
	snprintf(failure.message, sizeof(failure.message), "%s", stage_dir_path(dir));
	wrap_begin_two("fstatat", EIO, "fstatat", EIO);
	CHECK(stage_dir_cleanup(dir) == 1);
	wrap_end();
	HAS(captured.text, "cannot remove the staging directory");
	HAS(captured.text, "Input/output error");
	HAS_NOT(captured.text, "somebody else");
	CHECK(rmdir(failure.message) == 0);
	stage_dir_close(&dir);
	/* nor is it for a new one, that another process had taken it */
	wrap_begin_two("fstatat", EIO, "fstatat", EIO);
	CHECK(stage_dir_open(test_dir, NULL, &dir, &failure) == STAGE_E_SYSTEM && !dir);
	wrap_end();
	CHECK(failure.sys_errno == EIO);
	HAS_NOT(failure.message, "another process");
	CHECK(count_entries(test_dir) == 0);
}

/* The root is moved while a link takes its place: what is in it is still found. */
static void
root_replaced(void)
{
	struct stage_dir *dir;
	char *path;

	make_dir(in_dir("r"), 0700);
	make_dir(in_dir("victim"), 0700);
	WORKS(stage_dir_open(in_dir("r"), NULL, &dir, &failure));
	path = new_file(dir, 1);
	REQUIRE(rename(in_dir("r"), in_dir("away")) == 0);
	REQUIRE(symlink("victim", in_dir("r")) == 0);
	gives_no_name(dir);
	CHECK(stage_dir_cleanup(dir) == 0);
	CHECK(count_entries(in_dir("away")) == 0);
	stage_dir_close(&dir);
	unlink(in_dir("r"));
	rmdir(in_dir("away"));
	rmdir(in_dir("victim"));
	free(path);
}

static void
lock_is_held(void)
{
	struct stage_dir *dir = open_dir();
	int fd = open(stage_dir_path(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	REQUIRE(fd >= 0);
	CHECK(flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK);
	CHECK(flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK);
	free(new_file(dir, 0));
	CHECK(flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK);
	/* until the very end of cleanup */
	CHECK(stage_dir_cleanup(dir) == 0);
	CHECK(flock(fd, LOCK_EX | LOCK_NB) == 0);
	close(fd);
	stage_dir_close(&dir);
}

#define NAMES_EACH 400

struct taker {
	struct stage_dir *dir;
	pthread_t thread;
	size_t wrong, count;
	char *paths[NAMES_EACH];
};

static void *
take_names(void *context)
{
	struct taker *taker = context;
	size_t i;
	int fd;

	for (i = 0; i < taker->count; i++) {
		if (i % 2) {
			taker->wrong += stage_dir_mktemp(taker->dir, &taker->paths[i], NULL) != 0;
		} else if (stage_dir_mkstemp(taker->dir, &fd, &taker->paths[i], NULL) == 0) {
			close(fd);
		} else {
			taker->wrong++;
		}
	}
	return NULL;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
names_are_unique(void)
{
	static struct taker takers[THREADS];
	struct stage_dir *dir = open_dir();
	char *all[THREADS * NAMES_EACH];
	size_t i, j, total = 0;

	for (i = 0; i < THREADS; i++) {
		takers[i] = (struct taker){.dir = dir, .count = scaled(NAMES_EACH)};
		REQUIRE(pthread_create(&takers[i].thread, NULL, take_names, &takers[i]) == 0);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(takers[i].thread, NULL);
		CHECK(takers[i].wrong == 0);
		for (j = 0; j < takers[i].count; j++)
			all[total++] = takers[i].paths[j];
	}
	qsort(all, total, sizeof(*all), by_text);
	for (i = 1; i < total; i++)
		CHECK(strcmp(all[i - 1], all[i]) != 0);
	for (i = 0; i < total; i++) {
		WORKS(stage_dir_remove(dir, all[i], &failure));
		free(all[i]);
	}
	stage_dir_close(&dir);
}

/* Threads that do everything at once, until the directory is cleaned up under them. */
struct hammer {
	struct stage_dir *dir;
	pthread_t thread;
	int to;
	unsigned int number;
	atomic_size_t *rounds;
	size_t wrong;
};

static bool
expected(int code)
{
	return code == 0 || code == STAGE_E_CLOSED;
}

static void *
hammer_all(void *context)
{
	struct hammer *hammer = context;
	unsigned int i;

	for (i = 0;; i++) {
		char *path = NULL, *other = NULL, name[64];
		int fd, code;

		code = stage_dir_mkstemp(hammer->dir, &fd, &path, NULL);
		hammer->wrong += !expected(code);
		if (code < 0)
			break;
		hammer->wrong += fcntl(fd, F_GETFD) != FD_CLOEXEC;
		close(fd);
		hammer->wrong += !expected(stage_dir_mktemp(hammer->dir, &other, NULL));
		snprintf(name, sizeof(name), "moved-%u-%u", hammer->number, i);
		code = stage_dir_create(hammer->dir, path, &fd, NULL);
		hammer->wrong += !expected(code);
		if (code == 0)
			close(fd);
		hammer->wrong += !expected(stage_dir_check(hammer->dir, NULL));
		if (other)
			hammer->wrong += !expected(stage_dir_forget(hammer->dir, other, NULL));
		if (i % 2 == 0 && stage_dir_move(hammer->dir, path, hammer->to, name, NULL) == 0)
			unlinkat(hammer->to, name, 0);
		else if (i % 4 == 1)
			hammer->wrong += !expected(stage_dir_remove(hammer->dir, path, NULL));
		free(path);
		free(other);
		atomic_fetch_add(hammer->rounds, 1);
	}
	return NULL;
}

static void
hammered(void)
{
	struct hammer hammers[THREADS];
	atomic_size_t rounds = 0;
	size_t run, i;
	int to;

	make_dir(in_dir("to"), 0700);
	to = open(in_dir("to"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (run = 0; run < scaled(10); run++) {
		struct stage_dir *dir = open_dir();

		atomic_store(&rounds, 0);
		for (i = 0; i < THREADS; i++) {
			hammers[i] = (struct hammer){
				.dir = dir, .to = to, .number = (unsigned int)i, .rounds = &rounds};
			REQUIRE(pthread_create(&hammers[i].thread, NULL, hammer_all, &hammers[i]) ==
				0);
		}
		while (atomic_load(&rounds) < scaled(400))
			usleep(100);
		CHECK(stage_dir_cleanup(dir) == 0);
		for (i = 0; i < THREADS; i++) {
			pthread_join(hammers[i].thread, NULL);
			CHECK(hammers[i].wrong == 0);
		}
		CHECK(captured.lines[STAGE_WARNING] == 0);
		stage_dir_close(&dir);
	}
	close(to);
	CHECK(rmdir(in_dir("to")) == 0);
}

/* Several threads clean up: one does it. */
static void *
clean_up(void *context)
{
	return (void *)(uintptr_t)stage_dir_cleanup(context);
}

static void
cleaned_up_by_many(void)
{
	pthread_t threads[THREADS];
	struct stage_dir *dir = open_dir();
	size_t i, left = 0;
	char *path = NULL;

	for (i = 0; i < 100; i++)
		free(new_file(dir, 0));
	path = strdup(join(stage_dir_path(dir), "stranger"));
	REQUIRE(path != NULL);
	make_file(path, "", 0600);
	for (i = 0; i < THREADS; i++)
		REQUIRE(pthread_create(&threads[i], NULL, clean_up, dir) == 0);
	for (i = 0; i < THREADS; i++) {
		void *result;

		pthread_join(threads[i], &result);
		left += (size_t)(uintptr_t)result;
	}
	CHECK(left == 2);
	stage_dir_close(&dir);
	unlink(path);
	*strrchr(path, '/') = '\0';
	CHECK(rmdir(path) == 0);
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
	{"descriptors", descriptors},
	{"forget", forget},
	{"create_files", create_files},
	{"gives", gives},
	{"remove_files", remove_files},
	{"move_files", move_files},
	{"other_file_system", other_file_system},
	{"odd_things", odd_things},
	{"after_cleanup", after_cleanup},
	{"strangers_stay", strangers_stay},
	{"renamed", renamed},
	{"replaced_by_link", replaced_by_link},
	{"replaced_by_directory", replaced_by_directory},
	{"removed", removed},
	{"unreadable", unreadable},
	{"root_replaced", root_replaced},
	{"lock_is_held", lock_is_held},
	{"names_are_unique", names_are_unique},
	{"hammered", hammered},
	{"cleaned_up_by_many", cleaned_up_by_many},
	{NULL, NULL},
};

const struct suite suite_dir = {"dir", tests};
