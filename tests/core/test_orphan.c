#include "tests.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/file.h>
#include <unistd.h>

#include "lockdir.h"
#include "naming.h"
#include "orphan.h"
#include "spool.h"
#include "wrap.h"

static struct stage_found *list;
static size_t count;

static void
list_all(void)
{
	size_t i;

	stage_orphan_list_free(&list, count);
	count = 0;
	WORKS(stage_orphan_list(test_dir, &list, &count, &failure));
	for (i = 1; i < count; i++)
		CHECK(strcmp(list[i - 1].path, list[i].path) < 0);
}

static struct stage_reclaimed
reclaim_all(void)
{
	struct stage_reclaimed total = {0};

	WORKS(stage_orphan_reclaim(test_dir, &capture()->log, &total, &failure));
	return total;
}

/* A run that dies with files in its directory. */
static int
run_that_dies(void *context)
{
	const size_t *files = context;
	struct stage_dir *dir;
	char *path;
	size_t i;
	int fd;

	if (stage_dir_open(test_dir, NULL, &dir, NULL) < 0)
		return 1;
	for (i = 0; i < *files; i++) {
		if (stage_dir_mkstemp(dir, &fd, &path, NULL) < 0 || ftruncate(fd, 100) < 0)
			return 2;
		free(path);
	}
	return 0;
}

/* Its directory, as the one in the list that is an orphan; valid until the next call. */
static const char *
make_orphan(size_t files)
{
	static char path[1024];
	size_t i;

	REQUIRE(in_child(run_that_dies, &files, -1) == 0);
	list_all();
	path[0] = '\0';
	for (i = 0; i < count; i++)
		if (list[i].owner == STAGE_OWNER_DEAD)
			snprintf(path, sizeof(path), "%s", list[i].path);
	REQUIRE(path[0] != '\0');
	return path;
}

static void
done(void)
{
	stage_orphan_list_free(&list, count);
	count = 0;
}

static void
nothing(void)
{
	struct stage_reclaimed total = {1, 2, 3, 4, 5};

	list_all();
	CHECK(count == 0);
	WORKS(stage_orphan_reclaim(test_dir, NULL, &total, &failure));
	CHECK(total.directories == 1 && total.files == 2 && total.bytes == 3 && total.left == 4 &&
		total.waiting == 5);
	errno = EDOM;
	done();
	CHECK(errno == EDOM && list == NULL);
}

static void
no_root(void)
{
	struct stage_reclaimed total = {0};

	list = NULL;
	FAILS(stage_orphan_list(in_dir("missing"), &list, &count, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT);
	HAS(failure.message, in_dir("missing"));
	FAILS(stage_orphan_reclaim(in_dir("missing"), NULL, &total, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT);
	make_file(in_dir("file"), "", 0600);
	FAILS(stage_orphan_list(in_dir("file"), &list, &count, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOTDIR);
	FAILS(stage_orphan_reclaim(in_dir("file"), NULL, &total, NULL), STAGE_E_SYSTEM);
	unlink(in_dir("file"));
}

static void
live(void)
{
	struct stage_reclaimed total;
	struct stage_dir *dir;
	char *path;
	int fd;

	WORKS(stage_dir_open(test_dir, NULL, &dir, &failure));
	WORKS(stage_dir_mkstemp(dir, &fd, &path, &failure));
	CHECK(ftruncate(fd, 33) == 0);
	close(fd);
	list_all();
	REQUIRE(count == 1);
	CHECK(list[0].owner == STAGE_OWNER_LIVE && strcmp(list[0].path, stage_dir_path(dir)) == 0);
	CHECK(list[0].pid == getpid() && list[0].uid == geteuid());
	CHECK(list[0].files == 1 && list[0].bytes == 33 && list[0].strangers == 0);
	CHECK(list[0].age < 60);
	total = reclaim_all();
	CHECK(total.directories == 0 && total.files == 0 && total.left == 0);
	CHECK(captured.used == 0);
	CHECK(is_there(path));
	stage_dir_close(&dir);
	list_all();
	CHECK(count == 0);
	free(path);
	done();
}

static void
dead(void)
{
	struct stage_reclaimed total;
	struct stage_dir *dir;
	size_t i;

	WORKS(stage_dir_open(test_dir, NULL, &dir, &failure));
	make_orphan(3);
	make_orphan(0);
	list_all();
	REQUIRE(count == 3);
	for (i = 0; i < count; i++) {
		if (list[i].owner != STAGE_OWNER_DEAD)
			continue;
		CHECK(list[i].pid != getpid() && list[i].uid == geteuid() && list[i].age < 60);
		CHECK(list[i].files == 0 || list[i].files == 3);
		CHECK(list[i].bytes == list[i].files * 100 && list[i].strangers == 0);
	}
	total = reclaim_all();
	CHECK(total.directories == 2 && total.files == 3 && total.bytes == 300 && total.left == 0);
	HAS(captured.text, "N:removed 3 files, 300 bytes, that the dead run ");
	/* the empty one may be a run's that was just beginning: nothing to tell an operator */
	HAS(captured.text, "I:removed 0 files, 0 bytes, that the dead run ");
	CHECK(captured.lines[STAGE_NOTICE] == 1 && captured.lines[STAGE_WARNING] == 0);
	list_all();
	CHECK(count == 1);
	stage_dir_close(&dir);
	done();
}

/* Adds up over roots. */
static void
total_adds_up(void)
{
	struct stage_reclaimed total = {0};

	make_orphan(1);
	WORKS(stage_orphan_reclaim(test_dir, NULL, &total, &failure));
	make_orphan(2);
	WORKS(stage_orphan_reclaim(test_dir, NULL, &total, &failure));
	CHECK(total.directories == 2 && total.files == 3 && total.bytes == 300);
	done();
}

static void
strangers(void)
{
	const char *orphan = make_orphan(2), *victim = in_dir("victim");
	struct stage_reclaimed total;

	make_dir(victim, 0700);
	make_file(join(victim, "precious"), "x", 0600);
	make_file(join(orphan, "notes\x1b"), "mine", 0600);
	make_file(join(orphan, "mktemp-abcdefghijklm-0"), "near", 0600);
	make_dir(join(orphan, "mktemp-abcdefghijklm-1"), 0700);
	REQUIRE(symlink(join(victim, "precious"), join(orphan, "mktemp-abcdefghijklm-2")) == 0);
	REQUIRE(symlink(victim, join(orphan, "mkstemp-abcdefghijklm-3")) == 0);
	REQUIRE(mkfifo(join(orphan, "mktemp-abcdefghijklm-4"), 0600) == 0);
	/* a hard link is a file of ours as any other; what it links to loses only that name */
	REQUIRE(link(join(victim, "precious"), join(orphan, "mktemp-abcdefghijklm-5")) == 0);
	list_all();
	REQUIRE(count == 1);
	CHECK(list[0].files == 3 && list[0].strangers == 6 && list[0].bytes == 201);
	total = reclaim_all();
	CHECK(total.directories == 0 && total.files == 3 && total.left == 7);
	CHECK(captured.lines[STAGE_WARNING] == 6 && captured.lines[STAGE_NOTICE] == 1);
	HAS(captured.text, "/notes\\x1b was not made by stagedir and is left there");
	HAS(captured.text, "; the directory stays: Directory not empty");
	CHECK(count_entries(orphan) == 6);
	CHECK(is_there(join(victim, "precious")));

	unlink(join(orphan, "notes\x1b"));
	unlink(join(orphan, "mktemp-abcdefghijklm-0"));
	rmdir(join(orphan, "mktemp-abcdefghijklm-1"));
	unlink(join(orphan, "mktemp-abcdefghijklm-2"));
	unlink(join(orphan, "mkstemp-abcdefghijklm-3"));
	unlink(join(orphan, "mktemp-abcdefghijklm-4"));
	total = reclaim_all();
	CHECK(total.directories == 1 && total.left == 0);
	unlink(join(victim, "precious"));
	rmdir(victim);
	done();
}

static void
file_of_another_user(void)
{
	struct stage_reclaimed total;
	const char *orphan, *name;

	if (!can_be_others("another user's file in an orphan"))
		return;
	orphan = make_orphan(1);
	name = join(orphan, "mktemp-abcdefghijklm-1");
	make_file(name, "theirs", 0600);
	REQUIRE(chown(name, NOBODY, NOBODY) == 0);
	total = reclaim_all();
	CHECK(total.files == 1 && total.left == 2 && is_there(name));
	unlink(name);
	CHECK(reclaim_all().directories == 1);
	done();
}

static void
other_machine(void)
{
	char away[1024];
	const char *orphan = make_orphan(1);
	struct stage_reclaimed total;
	char *machine;

	snprintf(away, sizeof(away), "%s", orphan);
	machine = strrchr(away, '/') + 1 + strlen("stagedir-");
	*machine = *machine == '0' ? '1' : '0';
	REQUIRE(rename(orphan, away) == 0);
	list_all();
	REQUIRE(count == 1);
	CHECK(list[0].owner == STAGE_OWNER_OTHER_MACHINE && list[0].files == 1);
	total = reclaim_all();
	CHECK(total.directories == 0 && total.files == 0 && total.left == 0 && captured.used == 0);
	REQUIRE(rename(away, orphan) == 0);
	CHECK(reclaim_all().directories == 1);
	done();
}

/* As nobody: the orphan of root is somebody else's, and stays. */
static int
look_as_nobody(void *context)
{
	struct stage_reclaimed total = {0};

	(void)context;
	if (stage_orphan_list(test_dir, &list, &count, NULL) < 0 || count != 1)
		return 1;
	if (list[0].owner != STAGE_OWNER_OTHER_USER || list[0].uid != 0 || list[0].files != 0)
		return 2;
	if (stage_orphan_reclaim(test_dir, NULL, &total, NULL) < 0)
		return 3;
	return total.directories || total.files || total.left ? 4 : 0;
}

static void
other_user(void)
{
	const char *orphan;

	if (!can_be_others("the orphan of another user"))
		return;
	orphan = make_orphan(1);
	REQUIRE(chmod(test_dir, 0755) == 0);
	CHECK(in_child(look_as_nobody, NULL, NOBODY) == 0);
	/* and the other way round, though root could */
	REQUIRE(chown(orphan, NOBODY, NOBODY) == 0);
	list_all();
	REQUIRE(count == 1);
	CHECK(list[0].owner == STAGE_OWNER_OTHER_USER && list[0].uid == NOBODY);
	CHECK(reclaim_all().files == 0 && captured.used == 0);
	CHECK(count_entries(orphan) == 1);
	REQUIRE(chown(orphan, 0, 0) == 0);
	CHECK(reclaim_all().directories == 1);
	done();
}

static void
things_with_such_names(void)
{
	char name[STAGE_DIR_NAME_MAX], second[STAGE_DIR_NAME_MAX], third[STAGE_DIR_NAME_MAX];
	struct stage_reclaimed total;

	WORKS(stage_naming_dir(true, name, &failure));
	WORKS(stage_naming_dir(true, second, &failure));
	WORKS(stage_naming_dir(true, third, &failure));
	make_file(in_dir(name), "a file", 0600);
	make_dir(in_dir("victim"), 0700);
	make_file(in_dir("victim/mktemp-abcdefghijklm-1"), "precious", 0600);
	REQUIRE(symlink("victim", in_dir(second)) == 0);
	REQUIRE(mkfifo(in_dir(third), 0600) == 0);
	make_dir(in_dir("stagedir-mine"), 0700);
	make_dir(in_dir("duplicity-x-tempdir"), 0700);
	list_all();
	CHECK(count == 0);
	total = reclaim_all();
	CHECK(total.directories == 0 && total.files == 0 && total.left == 0 && captured.used == 0);
	CHECK(count_entries(test_dir) == 6 && is_there(in_dir("victim/mktemp-abcdefghijklm-1")));
	unlink(in_dir("victim/mktemp-abcdefghijklm-1"));
	unlink(in_dir(name));
	unlink(in_dir(second));
	unlink(in_dir(third));
	rmdir(in_dir("victim"));
	rmdir(in_dir("stagedir-mine"));
	rmdir(in_dir("duplicity-x-tempdir"));
	done();
}

/* A run that dies with as many files in its spool as wait for hand-off. */
static int
spool_that_dies(void *context)
{
	static const struct stage_spool_about about = {"file:///x", ""};
	const size_t *files = context;
	struct stage_spool_file *file;
	struct stage_spool *spool;
	struct stage_dir *dir;
	char *path;
	size_t i;
	int fd;

	if (stage_dir_open(test_dir, NULL, &dir, NULL) < 0 ||
		stage_spool_open(dir, &about, false, NULL, &spool, NULL) < 0)
		return 1;
	for (i = 0; i <= *files; i++)
		if (stage_dir_mkstemp(dir, &fd, &path, NULL) < 0 ||
			stage_spool_accept(spool, dir, path, "x", "", &file, NULL) < 0 ||
			(i < *files && stage_spool_seal(spool, file, NULL) < 0))
			return 2;
	return 0;
}

/* The spool that such a run has left; valid until the next call. */
static const char *
make_dead_spool(size_t files)
{
	static char path[1024];
	size_t i;

	REQUIRE(in_child(spool_that_dies, &files, -1) == 0);
	list_all();
	path[0] = '\0';
	for (i = 0; i < count; i++)
		if (is_there(join(list[i].path, "journal")))
			snprintf(path, sizeof(path), "%s", list[i].path);
	REQUIRE(path[0] != '\0');
	return path;
}

static void
waiting_files(void)
{
	const char *spool = make_dead_spool(2);
	struct stage_reclaimed total;
	size_t i;

	REQUIRE(count == 2);
	for (i = 0; i < count; i++)
		if (strcmp(list[i].path, spool) == 0)
			CHECK(list[i].owner == STAGE_OWNER_DEAD && list[i].waiting == 2 &&
				list[i].files == 4);
		else
			CHECK(list[i].waiting == 0 && list[i].files == 0);
	/* the empty directory beside it goes, and of the spool not even what is of no use */
	total = reclaim_all();
	CHECK(total.waiting == 1 && total.directories == 1 && total.files == 0 && total.left == 0);
	CHECK(count_entries(spool) == 4 && captured.lines[STAGE_WARNING] == 0);
	HAS(captured.text, "I:files that the dead run ");
	HAS(captured.text, spool);
	/* nor can anybody be kept out meanwhile */
	CHECK(reclaim_all().waiting == 1);
	remove_tree(spool);
	done();
}

static void
remove_staged(const char *spool)
{
	static char paths[4][1024];
	struct dirent *entry;
	size_t i, found = 0;
	DIR *stream = opendir(spool);

	REQUIRE(stream != NULL);
	while ((entry = readdir(stream)) && found < 4)
		if (stage_naming_is_staged(entry->d_name))
			snprintf(
				paths[found++], sizeof(paths[0]), "%s", join(spool, entry->d_name));
	closedir(stream);
	for (i = 0; i < found; i++)
		unlink(paths[i]);
}

static void
nothing_waits(void)
{
	const char *spool = make_dead_spool(0);
	struct stage_reclaimed total;

	CHECK(count_entries(spool) == 2);
	total = reclaim_all();
	CHECK(total.waiting == 0 && total.directories == 2 && total.left == 0);
	/* the file that was not safe, the journal */
	CHECK(total.files == 2 && captured.lines[STAGE_WARNING] == 0);
	/* those that the journal tells of are gone */
	spool = make_dead_spool(1);
	REQUIRE(rename(spool, in_dir("away")) == 0);
	CHECK(reclaim_all().directories == 1);
	REQUIRE(rename(in_dir("away"), spool) == 0);
	list_all();
	REQUIRE(count == 1 && list[0].waiting == 1);
	remove_staged(spool);
	list_all();
	CHECK(list[0].waiting == 0);
	total = reclaim_all();
	CHECK(total.directories == 1 && total.files == 1 && total.left == 0);
	CHECK(count_entries(test_dir) == 0);
	done();
}

/* A journal that cannot be read may tell of what is there, if there is anything. */
static void
unreadable_journal(void)
{
	char name[STAGE_DIR_NAME_MAX];
	struct stage_reclaimed total;
	const char *orphan;

	WORKS(stage_naming_dir(true, name, &failure));
	orphan = in_dir(name);
	make_dir(orphan, 0700);
	make_file(join(orphan, "journal"), "not yet", 0600);
	make_file(join(orphan, "staged-abcdefghijklm-1"), "content", 0600);
	list_all();
	REQUIRE(count == 1);
	CHECK(list[0].waiting == 1 && list[0].files == 2);
	total = reclaim_all();
	CHECK(total.waiting == 1 && total.files == 0 && count_entries(orphan) == 2);
	/* its run was ended when it had just made it */
	unlink(join(orphan, "staged-abcdefghijklm-1"));
	make_file(join(orphan, "room"), "", 0600);
	list_all();
	CHECK(list[0].waiting == 0 && list[0].files == 2);
	total = reclaim_all();
	CHECK(total.waiting == 0 && total.files == 2 && total.directories == 1);
	CHECK(!is_there(orphan));
	done();
}

/* No memory to tell whether something waits is no reason to remove it. */
static void
waiting_unknown(void)
{
	const char *spool = make_dead_spool(1);
	struct stage_reclaimed total = {0};
	int code;

	wrap_begin_two("read", EIO, "malloc", ENOMEM);
	code = stage_orphan_reclaim(test_dir, NULL, &total, &failure);
	wrap_end();
	CHECK(code == 0 && total.files == 0);
	CHECK(count_entries(spool) == 3);
	remove_tree(spool);
	reclaim_all();
	done();
}

/* One slash between root and name, however the root is spelled. */
static void
spelled_root(void)
{
	char root[1024];

	make_orphan(1);
	snprintf(root, sizeof(root), "%s//", test_dir);
	stage_orphan_list_free(&list, count);
	WORKS(stage_orphan_list(root, &list, &count, &failure));
	REQUIRE(count == 1);
	HAS_NOT(list[0].path, "//");
	CHECK(is_there(list[0].path));
	reclaim_all();
	done();
}

static void
owner_names(void)
{
	CHECK(strcmp(stage_orphan_owner_name(STAGE_OWNER_LIVE), "live") == 0);
	CHECK(strcmp(stage_orphan_owner_name(STAGE_OWNER_DEAD), "orphan") == 0);
	CHECK(strcmp(stage_orphan_owner_name(STAGE_OWNER_OTHER_USER), "other user") == 0);
	CHECK(strcmp(stage_orphan_owner_name(STAGE_OWNER_OTHER_MACHINE), "other machine") == 0);
	CHECK(strcmp(stage_orphan_owner_name(STAGE_OWNER_UNKNOWN), "unknown") == 0);
}

/* lockdir.h, where dir and orphan do not lead */
static void
held(void)
{
	struct stage_lockdir first = STAGE_LOCKDIR_NONE, second = STAGE_LOCKDIR_NONE,
			     third = STAGE_LOCKDIR_NONE;
	int root = open(test_dir, O_PATH | O_DIRECTORY | O_CLOEXEC), before = count_fds();
	char name[STAGE_DIR_NAME_MAX];

	WORKS(stage_lockdir_create(&first, root, test_dir, &failure));
	CHECK(first.lock == STAGE_LOCK_OURS && first.root_fd != root);
	CHECK(first.stat.st_uid == geteuid());
	CHECK(stage_lockdir_look_at(&first, in_dir(first.name)) == 0);
	CHECK(stage_lockdir_look_at(&first, test_dir) == ESTALE);
	CHECK(stage_lockdir_look_at(&first, in_dir("missing")) == ESTALE);
	make_file(in_dir("file"), "", 0600);
	CHECK(stage_lockdir_look_at(&first, join(in_dir("file"), first.name)) == ESTALE);
	unlink(in_dir("file"));
	wrap_begin_two("lstat", EIO, "fstatat", EIO);
	CHECK(stage_lockdir_look_at(&first, in_dir(first.name)) == EIO);
	CHECK(stage_lockdir_check_at(&first, "thing", in_dir(first.name), &failure) ==
		STAGE_E_SYSTEM);
	CHECK(stage_lockdir_remove(&first) == EIO);
	wrap_end();
	HAS(failure.message, "thing");
	CHECK(stage_lockdir_find(&second, root, first.name, LOCK_SH) == 0);
	CHECK(second.lock == STAGE_LOCK_TAKEN);
	stage_lockdir_release(&second);
	stage_lockdir_release(&second);
	CHECK(second.fd == -1 && second.root_fd == -1);

	/* not at that path any more, but a link to it is */
	snprintf(name, sizeof(name), "%s", first.name);
	REQUIRE(rename(in_dir(name), in_dir("away")) == 0);
	REQUIRE(symlink("away", in_dir(name)) == 0);
	CHECK(stage_lockdir_look_at(&first, in_dir(name)) == ESTALE);
	CHECK(stage_lockdir_remove(&first) == ESTALE);
	CHECK(stage_lockdir_find(&second, root, name, LOCK_EX) == STAGE_E_SYSTEM);
	CHECK(second.fd == -1 && second.root_fd == -1);
	unlink(in_dir(name));
	CHECK(stage_lockdir_remove(&first) == ESTALE);
	REQUIRE(rename(in_dir("away"), in_dir(name)) == 0);
	make_file(join(in_dir(name), "x"), "", 0600);
	CHECK(stage_lockdir_remove(&first) == ENOTEMPTY);
	unlink(join(in_dir(name), "x"));
	CHECK(stage_lockdir_remove(&first) == 0);
	errno = EDOM;
	stage_lockdir_release(&first);
	CHECK(errno == EDOM);

	/* two that only look */
	make_dir(in_dir("looked-at"), 0700);
	CHECK(stage_lockdir_find(&second, root, "looked-at", LOCK_SH) == 0);
	CHECK(stage_lockdir_find(&third, root, "looked-at", LOCK_SH) == 0);
	CHECK(second.lock == STAGE_LOCK_OURS && third.lock == STAGE_LOCK_OURS);
	CHECK(stage_lockdir_remove(&second) == 0);
	stage_lockdir_release(&second);
	stage_lockdir_release(&third);
	CHECK(stage_lockdir_find(&third, root, "looked-at", LOCK_SH) == STAGE_E_SYSTEM);
	CHECK(count_fds() == before);
	close(root);
}

/* Runs begin and end, others reclaim and list, one dies now and then: no live one is touched. */
struct crowd {
	pthread_t thread;
	atomic_bool *stop;
	size_t rounds, wrong;
	struct stage_reclaimed total;
};

static void *
run_and_end(void *context)
{
	struct crowd *crowd = context;

	while (!atomic_load(crowd->stop)) {
		struct stage_dir *dir = NULL;
		struct stage_error error;
		struct stat stat;
		char *path;
		int fd;

		if (stage_dir_open(test_dir, &captured.log, &dir, &error) < 0) {
			fprintf(stderr, "\n%s\n", error.message);
			crowd->wrong++;
			continue;
		}
		if (stage_dir_mkstemp(dir, &fd, &path, &error) < 0) {
			fprintf(stderr, "\n%s\n", error.message);
			crowd->wrong++;
		} else {
			sched_yield();
			crowd->wrong += lstat(path, &stat) < 0;
			close(fd);
			free(path);
		}
		crowd->wrong += stage_dir_cleanup(dir) != 0;
		stage_dir_close(&dir);
		crowd->rounds++;
	}
	return NULL;
}

static void *
reclaim_on(void *context)
{
	struct crowd *crowd = context;

	while (!atomic_load(crowd->stop)) {
		crowd->wrong +=
			stage_orphan_reclaim(test_dir, &captured.log, &crowd->total, NULL) != 0;
		crowd->rounds++;
	}
	return NULL;
}

static void *
list_on(void *context)
{
	struct crowd *crowd = context;
	struct stage_found *found = NULL;
	size_t found_count;

	while (!atomic_load(crowd->stop)) {
		if (stage_orphan_list(test_dir, &found, &found_count, NULL) < 0) {
			crowd->wrong++;
			continue;
		}
		stage_orphan_list_free(&found, found_count);
		crowd->rounds++;
		/* a lister's lock turns a beginning run away, which then tries again */
		usleep(200);
	}
	return NULL;
}

static void
crowded(void)
{
	static void *(*const work[])(void *) = {
		run_and_end, run_and_end, run_and_end, reclaim_on, reclaim_on, list_on};
	struct crowd crowds[sizeof(work) / sizeof(work[0])];
	const size_t members = sizeof(work) / sizeof(work[0]);
	size_t i, files = 2, reclaimed = 0, left = 0, directories = 0;
	atomic_bool stop = false;
	double end = stage_clock_now() + 1.5;
	size_t died = 0;

	capture();
	for (i = 0; i < members; i++) {
		memset(&crowds[i], 0, sizeof(crowds[i]));
		crowds[i].stop = &stop;
		REQUIRE(pthread_create(&crowds[i].thread, NULL, work[i], &crowds[i]) == 0);
	}
	while (stage_clock_now() < end) {
		CHECK(in_child(run_that_dies, &files, -1) == 0);
		died++;
		usleep(20000);
	}
	atomic_store(&stop, true);
	for (i = 0; i < members; i++) {
		pthread_join(crowds[i].thread, NULL);
		CHECK(crowds[i].wrong == 0);
		CHECK(crowds[i].rounds > 0);
		reclaimed += crowds[i].total.files;
		left += crowds[i].total.left;
		directories += crowds[i].total.directories;
	}
	/* children hold the locks of the runs that lived when they were forked: what those left is
	 * an orphan only now */
	crowds[0].total = (struct stage_reclaimed){0};
	WORKS(stage_orphan_reclaim(test_dir, &captured.log, &crowds[0].total, &failure));
	reclaimed += crowds[0].total.files;
	CHECK(reclaimed == 2 * died);
	CHECK(directories + crowds[0].total.directories >= died);
	CHECK(left == 0 && crowds[0].total.left == 0);
	CHECK(captured.lines[STAGE_WARNING] == 0);
	HAS_NOT(captured.text, "the directory stays");
	CHECK(count_entries(test_dir) == 0);
}

static const struct test tests[] = {
	{"nothing", nothing},
	{"no_root", no_root},
	{"live", live},
	{"dead", dead},
	{"total_adds_up", total_adds_up},
	{"strangers", strangers},
	{"file_of_another_user", file_of_another_user},
	{"other_machine", other_machine},
	{"other_user", other_user},
	{"things_with_such_names", things_with_such_names},
	{"waiting_files", waiting_files},
	{"nothing_waits", nothing_waits},
	{"unreadable_journal", unreadable_journal},
	{"waiting_unknown", waiting_unknown},
	{"spelled_root", spelled_root},
	{"owner_names", owner_names},
	{"held", held},
	{"crowded", crowded},
	{NULL, NULL},
};

const struct suite suite_orphan = {"orphan", tests};
