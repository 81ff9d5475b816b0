/*
 * The run that is killed is a child, which in_child() ends by SIGKILL whenever its function is done.
 * One test has it killed in the middle of whatever it does, before each of its calls (wrap.h).
 */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal.h"
#include "naming.h"
#include "orphan.h"
#include "reserve.h"
#include "spool.h"
#include "spool_find.h"
#include "wrap.h"

static const struct stage_spool_about about = {
	"sftp://host/folder", "/home/user/.cache/duplicity/x"};

static struct stage_dir *dir;
static struct stage_spool *spool;
static char spool_path[1024];

static void
open_both(void)
{
	dir = NULL;
	spool = NULL;
	WORKS(stage_dir_open(test_dir, &capture()->log, &dir, &failure));
	REQUIRE(dir != NULL);
	WORKS(stage_spool_open(dir, &about, true, &captured.log, &spool, &failure));
	REQUIRE(spool != NULL);
	snprintf(spool_path, sizeof(spool_path), "%s", stage_spool_path(spool));
}

static void
close_both(void)
{
	stage_spool_close(&spool);
	stage_dir_close(&dir);
}

/* A tracked file; the path is the caller's. NULL where it could not be made: a child asks, too. */
static char *
new_file(struct stage_dir *in, const char *content)
{
	char *path = NULL;
	int fd;

	if (stage_dir_mkstemp(in, &fd, &path, NULL) < 0)
		return NULL;
	if (write(fd, content, strlen(content)) != (ssize_t)strlen(content)) {
		free(path);
		path = NULL;
	}
	close(fd);
	return path;
}

/* A file that was accepted, and with seal is sealed; NULL where that failed. */
static struct stage_spool_file *
add_file(const char *name, const char *content, bool seal)
{
	struct stage_spool_file *file = NULL;
	char *path = new_file(dir, content);

	if (path && stage_spool_accept(spool, dir, path, name, "", &file, &failure) == 0 && seal &&
		stage_spool_seal(spool, file, &failure) < 0)
		file = NULL;
	free(path);
	return file;
}

static struct stage_spool_file *
stage(const char *name, const char *content)
{
	struct stage_spool_file *file = add_file(name, content, true);

	REQUIRE(file != NULL);
	return file;
}

/* Of "abc" (FIPS 180-4) */
static const unsigned char sha256[32] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41,
	0x40, 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4,
	0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};

/*
 * What the caller has told of all of a file is not read; of a part of it, it is nothing. That it was
 * told wrongly is noticed by whoever checks the file.
 */
static void
told_digest(void)
{
	struct stage_spool_file *right, *part, *wrong;

	open_both();
	right = add_file("right", "abc", false);
	part = add_file("part", "abcd", false);
	wrong = add_file("wrong", "abd", false);
	REQUIRE(right && part && wrong);
	stage_spool_set_digest(right, 3, sha256);
	stage_spool_set_digest(part, 3, sha256);
	stage_spool_set_digest(wrong, 3, sha256);
	wrap_begin_two("pread", EIO, "pread", EIO);
	WORKS(stage_spool_seal(spool, right, &failure));
	WORKS(stage_spool_seal(spool, wrong, &failure));
	FAILS(stage_spool_seal(spool, part, &failure), STAGE_E_SYSTEM);
	wrap_end();
	WORKS(stage_spool_seal(spool, part, &failure));
	CHECK(right->size == 3 && part->size == 4);
	stage_spool_set_digest(part, 4, sha256); /* too late */
	WORKS(stage_spool_check(spool, right, &failure));
	WORKS(stage_spool_check(spool, part, &failure));
	FAILS(stage_spool_check(spool, wrong, &failure), STAGE_E_DAMAGED);
	WORKS(stage_spool_forget(spool, &right, &failure));
	WORKS(stage_spool_forget(spool, &part, &failure));
	WORKS(stage_spool_forget(spool, &wrong, &failure));
	close_both();
}

static mode_t
mode_of(const char *path)
{
	struct stat stat;

	return lstat(path, &stat) == 0 ? stat.st_mode & 07777 : 0;
}

static struct stage_spool_found *found;
static size_t found_count;

static void
find_all(void)
{
	stage_spool_find_free(&found, found_count);
	found_count = 0;
	WORKS(stage_spool_find(test_dir, &found, &found_count, &failure));
}

static void
found_done(void)
{
	stage_spool_find_free(&found, found_count);
	found_count = 0;
}

/* What a run did before it was killed. */
enum point { MADE, RESERVED, ACCEPTED, STAGED, FAILED, HALF_FORGOTTEN };

static int
run_that_dies(void *context)
{
	enum point point = *(enum point *)context;
	struct stage_spool_file *first, *second;
	struct stage_reserved room;
	char *path;

	if (stage_dir_open(test_dir, NULL, &dir, NULL) < 0 ||
		stage_spool_open(dir, &about, true, NULL, &spool, NULL) < 0)
		return 1;
	if (point == MADE)
		return 0;
	if (stage_dir_mktemp(dir, &path, NULL) < 0 ||
		stage_spool_reserve(spool, path, 1, 0, &room, NULL) < 0)
		return 2;
	if (point == RESERVED)
		return 0;
	first = add_file("first", "1", point > ACCEPTED);
	second = add_file("second", "22", point > ACCEPTED);
	if (!first || !second)
		return 3;
	if (point >= STAGED && !add_file("not safe", "333", false))
		return 4;
	if (point == FAILED)
		stage_spool_note_failure(spool, second, 3, "connection\nlost");
	if (point == HALF_FORGOTTEN && stage_spool_forget(spool, &first, NULL) < 0)
		return 5;
	return 0;
}

/* Its spool is spool_path then, unless nothing could be found. */
static void
kill_run(enum point point)
{
	REQUIRE(in_child(run_that_dies, &point, -1) == 0);
	find_all();
	REQUIRE(found_count == 1);
	snprintf(spool_path, sizeof(spool_path), "%s", found[0].path);
}

/* The staging directory beside the spool, and all else that nobody needs. */
static void
reclaim_rest(void)
{
	struct stage_reclaimed total = {0};

	WORKS(stage_orphan_reclaim(test_dir, NULL, &total, &failure));
}

static void
adopt(void)
{
	spool = NULL;
	WORKS(stage_spool_adopt(spool_path, true, &capture()->log, &spool, &failure));
	REQUIRE(spool != NULL);
}

static size_t
count_files(void)
{
	const struct stage_spool_file *file;
	size_t count = 0;

	for (file = stage_spool_files(spool); file; file = file->next)
		count++;
	return count;
}

/* Checks, and forgets, all that a spool has; then nothing is left. */
static void
finish(void)
{
	struct stage_spool_file *file;

	while ((file = stage_spool_files(spool))) {
		WORKS(stage_spool_check(spool, file, &failure));
		WORKS(stage_spool_forget(spool, &file, &failure));
		CHECK(file == NULL);
	}
	stage_spool_close(&spool);
	CHECK(!is_there(spool_path));
}

static void
life(void)
{
	struct stage_spool_file *file = NULL, *second;
	int before = count_fds();
	char *path, *copy;

	open_both();
	CHECK(strncmp(spool_path, test_dir, strlen(test_dir)) == 0);
	CHECK(mode_of(spool_path) == 0700 && mode_of(join(spool_path, "journal")) == 0600);
	CHECK(stage_spool_files(spool) == NULL);
	path = new_file(dir, "hello");
	WORKS(stage_spool_accept(spool, dir, path, "volume.1", "1 2", &file, &failure));
	REQUIRE(file != NULL);
	CHECK(!is_there(path) && is_there(file->path));
	CHECK(strncmp(file->path, spool_path, strlen(spool_path)) == 0);
	CHECK(stage_naming_is_staged(strrchr(file->path, '/') + 1));
	CHECK(!strcmp(file->name, "volume.1") && !strcmp(file->note, "1 2"));
	CHECK(file->size == 5 && !file->sealed && file->next == NULL);
	CHECK(stage_spool_files(spool) == file);
	/* the staging directory has forgotten it */
	FAILS(stage_dir_forget(dir, path, &failure), STAGE_E_UNTRACKED);
	FAILS(stage_spool_check(spool, file, &failure), STAGE_E_ARGUMENT);
	stage_spool_note_failure(spool, file, 1, "not sealed, not recorded");

	WORKS(stage_spool_seal(spool, file, &failure));
	CHECK(file->sealed && file->size == 5 && mode_of(file->path) == 0600);
	WORKS(stage_spool_seal(spool, file, &failure));
	WORKS(stage_spool_check(spool, file, &failure));
	second = stage("volume.2", "");
	CHECK(second->size == 0 && file->next == second && second->next == NULL);

	find_all();
	REQUIRE(found_count == 1 && found[0].count == 2);
	CHECK(found[0].owner == STAGE_OWNER_LIVE && found[0].pid == getpid());
	CHECK(!strcmp(found[0].path, spool_path) && !strcmp(found[0].target, about.target) &&
		!strcmp(found[0].home, about.home));
	CHECK(!strcmp(found[0].list[0].path, file->path) && !strcmp(found[0].list[0].note, "1 2"));
	CHECK(found[0].list[0].attempts == 0 && !strcmp(found[0].list[0].failure, ""));
	CHECK(found[0].bytes == 5 && found[0].damaged == 0 && !found[0].unreadable);
	found_done();

	copy = strdup(file->path);
	WORKS(stage_spool_forget(spool, &file, &failure));
	CHECK(file == NULL && !is_there(copy) && stage_spool_files(spool) == second);
	/* gone already is no error */
	unlink(second->path);
	WORKS(stage_spool_forget(spool, &second, &failure));
	CHECK(stage_spool_files(spool) == NULL);
	errno = EDOM;
	stage_spool_close(&spool);
	CHECK(errno == EDOM && spool == NULL);
	stage_spool_close(&spool);
	CHECK(!is_there(spool_path) && captured.lines[STAGE_WARNING] == 0);
	stage_dir_close(&dir);
	CHECK(count_fds() == before);
	free(copy);
	free(path);
}

/* What was sealed stays when the run ends; what was not goes. */
static void
end_with_some_waiting(void)
{
	struct stage_spool_file *file;
	char *unsealed;

	open_both();
	stage("kept", "abc");
	file = add_file("lost", "xyz", false);
	REQUIRE(file != NULL);
	unsealed = strdup(file->path);
	make_file(join(spool_path, STAGE_RESERVE_NAME), "1 x\n", 0600);
	close_both();
	CHECK(!is_there(unsealed) && count_entries(spool_path) == 2); /* the file, the journal */
	CHECK(captured.lines[STAGE_WARNING] == 0);
	free(unsealed);
	adopt();
	CHECK(count_files() == 1 && !strcmp(stage_spool_files(spool)->name, "kept"));
	finish();
}

static void
adopt_after_kill(void)
{
	static const struct {
		enum point point;
		size_t files;
	} cases[] = {{MADE, 0}, {RESERVED, 0}, {ACCEPTED, 0}, {STAGED, 2}, {FAILED, 2},
		{HALF_FORGOTTEN, 1}};
	struct stage_spool_file *file;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		kill_run(cases[i].point);
		CHECK(found[0].owner == STAGE_OWNER_DEAD && found[0].count == cases[i].files);
		if (cases[i].point == FAILED) {
			CHECK(found[0].list[0].attempts == 0 && found[0].list[1].attempts == 3);
			CHECK(found[0].list[1].failed > 0);
			CHECK(!strcmp(found[0].list[1].failure, "connection\nlost"));
		}
		found_done();
		adopt();
		CHECK(!strcmp(stage_spool_path(spool), spool_path));
		CHECK(count_files() == cases[i].files);
		file = stage_spool_files(spool);
		if (file) {
			CHECK(file->sealed && (!strcmp(file->name, "first") || !file->next));
			/* what it was killed with, then with nothing but what waits */
			CHECK(count_entries(spool_path) > (int)cases[i].files + 1);
			stage_spool_close(&spool);
			CHECK(count_entries(spool_path) == (int)cases[i].files + 1);
			adopt();
		}
		CHECK(captured.lines[STAGE_WARNING] == 0);
		finish();
		reclaim_rest();
	}
}

/* An adopted spool is one like any other. */
static void
use_adopted(void)
{
	kill_run(STAGED);
	found_done();
	adopt();
	WORKS(stage_dir_open(test_dir, NULL, &dir, &failure));
	stage("third", "more");
	CHECK(count_files() == 3);
	close_both();
	adopt();
	CHECK(count_files() == 3);
	finish();
	reclaim_rest();
}

static void
adopt_live(void)
{
	struct stage_spool *other = (struct stage_spool *)&failure;

	open_both();
	stage("a", "a");
	FAILS(stage_spool_adopt(spool_path, true, NULL, &other, &failure), STAGE_E_BUSY);
	HAS(failure.message, spool_path);
	CHECK(other == (struct stage_spool *)&failure);
	/* dead, and taken over */
	close_both();
	adopt();
	FAILS(stage_spool_adopt(spool_path, true, NULL, &other, &failure), STAGE_E_BUSY);
	find_all();
	CHECK(found_count == 1 && found[0].owner == STAGE_OWNER_LIVE && found[0].count == 1);
	found_done();
	finish();
}

static int
adopt_in_child(void *context)
{
	struct stage_spool *other;

	(void)context;
	return stage_spool_adopt(spool_path, true, NULL, &other, NULL);
}

static void
adopt_live_of_another_process(void)
{
	open_both();
	stage("a", "a");
	CHECK(in_child(adopt_in_child, NULL, -1) == STAGE_E_BUSY);
	stage_spool_close(&spool);
	/* of two that take it over only one has it: the child has died meanwhile */
	CHECK(in_child(adopt_in_child, NULL, -1) == 0);
	adopt();
	CHECK(in_child(adopt_in_child, NULL, -1) == STAGE_E_BUSY);
	finish();
	stage_dir_close(&dir);
}

static int
wait_for_byte(void *context)
{
	char byte;

	(void)!read(*(int *)context, &byte, 1);
	return 0;
}

/* A child that was forked meanwhile has a copy of the lock: close gives it up all the same. */
static void
closed_while_a_child_lives(void)
{
	struct child child;
	int ends[2];

	open_both();
	stage("a", "a");
	REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
	child = start_child(wait_for_byte, &ends[0], -1);
	close_both();
	adopt();
	finish();
	CHECK(write(ends[1], "x", 1) == 1);
	CHECK(end_child(child) == 0);
	close(ends[0]);
	close(ends[1]);
}

static void *
look_for_a_while(void *context)
{
	usleep(30000);
	flock(*(int *)context, LOCK_UN);
	return NULL;
}

/* Who only looks is waited for. */
static void
adopt_while_looked_at(void)
{
	pthread_t thread;
	int fd;

	open_both();
	stage("a", "a");
	close_both();
	fd = open(spool_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	REQUIRE(fd >= 0 && flock(fd, LOCK_SH) == 0);
	REQUIRE(pthread_create(&thread, NULL, look_for_a_while, &fd) == 0);
	adopt();
	pthread_join(thread, NULL);
	/* but not for ever */
	stage_spool_close(&spool);
	REQUIRE(flock(fd, LOCK_SH) == 0);
	FAILS(stage_spool_adopt(spool_path, true, NULL, &spool, &failure), STAGE_E_BUSY);
	close(fd);
	adopt();
	finish();
}

struct crowd {
	pthread_t thread;
	atomic_bool *stop;
	size_t wrong;
	atomic_size_t rounds;
};

static void *
look_on(void *context)
{
	struct crowd *crowd = context;

	while (!atomic_load(crowd->stop)) {
		struct stage_reclaimed total = {0};
		struct stage_spool_found *list;
		size_t count;

		crowd->wrong += stage_orphan_reclaim(test_dir, NULL, &total, NULL) != 0 ||
				total.files || total.left;
		if (stage_spool_find(test_dir, &list, &count, NULL) == 0)
			stage_spool_find_free(&list, count);
		else
			crowd->wrong++;
		crowd->rounds++;
	}
	return NULL;
}

/* Others begin, and reclaim what they find: what waits is still there, and can be taken over. */
static void
adopt_in_a_crowd(void)
{
	struct crowd crowds[2];
	atomic_bool stop = false;
	size_t i, busy = 0, rounds = scaled(300);

	open_both();
	stage("a", "a");
	close_both();
	for (i = 0; i < 2; i++) {
		crowds[i] = (struct crowd){.stop = &stop};
		REQUIRE(pthread_create(&crowds[i].thread, NULL, look_on, &crowds[i]) == 0);
	}
	/* a busy machine may begin them late */
	for (i = 0; i < 2; i++)
		while (atomic_load(&crowds[i].rounds) == 0)
			usleep(1000);
	for (i = 0; i < rounds; i++) {
		if (stage_spool_adopt(spool_path, false, NULL, &spool, &failure) == 0)
			stage_spool_close(&spool);
		else
			busy++;
	}
	atomic_store(&stop, true);
	for (i = 0; i < 2; i++) {
		pthread_join(crowds[i].thread, NULL);
		CHECK(crowds[i].wrong == 0);
	}
	CHECK(busy == 0);
	adopt();
	finish();
}

static void
adopt_nothing(void)
{
	static const char *const paths[] = {"", "x", "/", "//", "/tmp", "stagedir-x",
		"stagedir-0123456789abcdef-4711-abcdefghijklmnop", "/var/tmp/stagedir-x",
		"/stagedir-0123456789abcdef-4711-abcdefghijklmnop"};
	char name[STAGE_DIR_NAME_MAX];
	size_t i;

	spool = NULL;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		FAILS(stage_spool_adopt(paths[i], true, NULL, &spool, &failure), STAGE_E_ARGUMENT);
	WORKS(stage_naming_dir(true, name, &failure));
	FAILS(stage_spool_adopt(in_dir(name), true, NULL, &spool, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT);
	FAILS(stage_spool_adopt(join(in_dir("missing"), name), true, NULL, &spool, &failure),
		STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT);
	/* a file, a link to a spool, a staging directory without a journal */
	make_file(in_dir(name), "", 0600);
	FAILS(stage_spool_adopt(in_dir(name), true, NULL, &spool, &failure), STAGE_E_ARGUMENT);
	unlink(in_dir(name));
	open_both();
	stage("a", "a");
	close_both();
	REQUIRE(symlink(spool_path, in_dir(name)) == 0);
	FAILS(stage_spool_adopt(in_dir(name), true, NULL, &spool, &failure), STAGE_E_ARGUMENT);
	unlink(in_dir(name));
	make_dir(in_dir(name), 0700);
	FAILS(stage_spool_adopt(in_dir(name), true, NULL, &spool, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT && is_there(in_dir(name)));
	rmdir(in_dir(name));
	CHECK(spool == NULL);
	adopt();
	finish();
}

static void
adopt_of_another_machine(void)
{
	char away[1024], *machine;

	open_both();
	stage("a", "a");
	close_both();
	snprintf(away, sizeof(away), "%s", spool_path);
	machine = strrchr(away, '/') + 1 + strlen("stagedir-");
	*machine = *machine == '0' ? '1' : '0';
	REQUIRE(rename(spool_path, away) == 0);
	FAILS(stage_spool_adopt(away, true, NULL, &spool, &failure), STAGE_E_ARGUMENT);
	HAS(failure.message, away);
	/* it is found, as another machine's */
	find_all();
	CHECK(found_count == 1 && found[0].owner == STAGE_OWNER_OTHER_MACHINE &&
		found[0].count == 1);
	found_done();
	REQUIRE(rename(away, spool_path) == 0);
	adopt();
	finish();
}

static int
find_as_nobody(void *context)
{
	(void)context;
	if (stage_spool_find(test_dir, &found, &found_count, NULL) < 0 || found_count)
		return 1;
	return adopt_in_child(NULL);
}

static void
adopt_of_another_user(void)
{
	if (!can_be_others("the spool of another user"))
		return;
	open_both();
	stage("a", "a");
	close_both();
	REQUIRE(chmod(test_dir, 0755) == 0);
	CHECK(in_child(find_as_nobody, NULL, NOBODY) == STAGE_E_ARGUMENT);
	/* and the other way round, though root could */
	REQUIRE(chown(spool_path, NOBODY, NOBODY) == 0);
	FAILS(stage_spool_adopt(spool_path, true, NULL, &spool, &failure), STAGE_E_ARGUMENT);
	HAS(failure.message, "another user's");
	find_all();
	CHECK(found_count == 0);
	found_done();
	CHECK(count_entries(spool_path) == 2);
	REQUIRE(chown(spool_path, 0, 0) == 0);
	adopt();
	finish();
}

/* A copy in another root is a spool of its own: somebody may have saved it from a bad disk. */
static void
adopt_of_a_copy(void)
{
	char command[4096], original[1024];

	open_both();
	stage("a", "content");
	make_dir(in_dir("copy"), 0700);
	snprintf(command, sizeof(command), "cp -a '%s' '%s'", spool_path, in_dir("copy"));
	REQUIRE(system(command) == 0);
	snprintf(original, sizeof(original), "%s", spool_path);
	close_both();
	snprintf(
		spool_path, sizeof(spool_path), "%s/copy/%s", test_dir, strrchr(original, '/') + 1);
	adopt();
	CHECK(count_files() == 1);
	finish();
	CHECK(count_entries(original) == 2);
	snprintf(spool_path, sizeof(spool_path), "%s", original);
	adopt();
	finish();
	CHECK(rmdir(in_dir("copy")) == 0);
}

/* What only stagedir can have made and nobody needs is removed, all else is named and stays. */
static void
strangers(void)
{
	open_both();
	stage("a", "a");
	make_file(join(spool_path, "staged-abcdefghijklm-7"), "garbage", 0600);
	make_file(join(spool_path, "mktemp-abcdefghijklm-7"), "garbage", 0600);
	make_file(join(spool_path, STAGE_RESERVE_NAME), "garbage", 0600);
	make_file(join(spool_path, "notes\x1b"), "mine", 0600);
	REQUIRE(symlink("/etc/passwd", join(spool_path, "staged-abcdefghijklm-8")) == 0);
	make_dir(join(spool_path, "staged-abcdefghijklm-9"), 0700);
	close_both();
	CHECK(count_entries(spool_path) == 5 && captured.lines[STAGE_WARNING] == 3);
	HAS(captured.text, "/notes\\x1b was not made by stagedir and is left there");
	HAS(captured.text, "/staged-abcdefghijklm-8 was not made by stagedir");
	HAS(captured.text, "/staged-abcdefghijklm-9 was not made by stagedir");
	/* also where nothing waits: then the directory stays for their sake, and says why */
	adopt();
	while (stage_spool_files(spool)) {
		struct stage_spool_file *file = stage_spool_files(spool);

		WORKS(stage_spool_forget(spool, &file, &failure));
	}
	stage_spool_close(&spool);
	CHECK(count_entries(spool_path) == 3 && captured.lines[STAGE_WARNING] == 4);
	HAS(captured.text, "cannot remove the empty spool");
	unlink(join(spool_path, "notes\x1b"));
	unlink(join(spool_path, "staged-abcdefghijklm-8"));
	rmdir(join(spool_path, "staged-abcdefghijklm-9"));
	CHECK(rmdir(spool_path) == 0);
}

static void
moved_away(void)
{
	struct stage_spool_file *file;

	open_both();
	file = add_file("a", "a", false);
	REQUIRE(file && rename(spool_path, in_dir("away")) == 0);
	make_dir(spool_path, 0700);
	make_file(join(spool_path, "precious"), "", 0600);
	FAILS(stage_spool_seal(spool, file, &failure), STAGE_E_SWAPPED);
	CHECK(!file->sealed);
	close_both();
	CHECK(count_entries(in_dir("away")) == 0 && is_there(join(spool_path, "precious")));
	HAS(captured.text, "removed, moved or replaced by somebody else");
	unlink(join(spool_path, "precious"));
	rmdir(spool_path);
	CHECK(rmdir(in_dir("away")) == 0);
}

/* Reads the journal of the spool that is closed. */
static char *
read_journal(size_t *size)
{
	int fd = open(join(spool_path, STAGE_JOURNAL_NAME), O_RDONLY | O_CLOEXEC);
	char *text = calloc(1, 65536);
	ssize_t got;

	REQUIRE(fd >= 0 && text != NULL);
	got = read(fd, text, 65535);
	close(fd);
	REQUIRE(got > 0);
	*size = (size_t)got;
	return text;
}

static void
write_journal(const char *text, size_t size)
{
	make_file_bytes(join(spool_path, STAGE_JOURNAL_NAME), text, size, 0600);
}

/* Of a URL no secret is written down, also if the caller has not taken it out. */
static void
no_secret_written(void)
{
	static const struct stage_spool_about secret = {
		"sftp://me@corp.com:S3CRET@host/folder?token=S3CRET", "/home"};
	struct stage_spool_file *file;
	char *text;
	size_t size;

	WORKS(stage_dir_open(test_dir, &capture()->log, &dir, &failure));
	WORKS(stage_spool_open(dir, &secret, true, &captured.log, &spool, &failure));
	snprintf(spool_path, sizeof(spool_path), "%s", stage_spool_path(spool));
	file = stage("aaaa", "1");
	stage_spool_note_failure(spool, file, 1, "sftp://me@corp.com:S3CRET@host is down");
	text = read_journal(&size);
	HAS(text, "target sftp://me@corp.com@host/folder /home");
	HAS(text, "sftp://me@corp.com:***@host%20is%20down");
	HAS_NOT(text, "S3CRET");
	free(text);
	stage_spool_forget(spool, &file, &failure);
	close_both();
}

/* A journal of stagedir 0.1.0 may hold one: nobody is told. */
static void
no_secret_found(void)
{
	static const struct stage_journal_about old = {
		"sftp://me@corp.com:S3%2FCRET@host/folder", "/home"};
	char name[] = "name", note[] = "note";
	struct stage_journal_record record = {.name = name, .note = note};
	struct stage_journal *journal = NULL;
	int fd;

	open_both();
	record.file = strrchr(stage("aaaa", "1")->path, '/') + 1;
	fd = open(spool_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	REQUIRE(fd >= 0 && unlinkat(fd, STAGE_JOURNAL_NAME, 0) == 0);
	WORKS(stage_journal_create(fd, spool_path, &old, false, &journal, &failure));
	WORKS(stage_journal_staged(journal, &record, &failure));
	WORKS(stage_journal_failed(journal, record.file, 2, "no login with S3/CRET", &failure));
	stage_journal_close(&journal);
	close(fd);
	find_all();
	REQUIRE(found_count == 1 && found[0].count == 1);
	CHECK(!strcmp(found[0].target, "sftp://me@corp.com@host/folder"));
	CHECK(!strcmp(found[0].list[0].failure, "no login with ***"));
	found_done();
	close_both();
	remove_tree(spool_path);
}

static void
damaged_record(void)
{
	char *text;
	size_t size;

	open_both();
	stage("aaaa", "1");
	stage("bbbb", "2");
	close_both();
	text = read_journal(&size);
	*strstr(text, "aaaa") = 'c';
	write_journal(text, size);
	find_all();
	REQUIRE(found_count == 1);
	CHECK(found[0].count == 1 && found[0].damaged == 1 && found[0].bytes == 1);
	CHECK(!strcmp(found[0].list[0].name, "bbbb"));
	found_done();
	reclaim_rest();
	CHECK(count_entries(spool_path) == 3);
	adopt();
	CHECK(count_files() == 1 && captured.lines[STAGE_WARNING] == 1);
	HAS(captured.text, "1 damaged records; 1 staged files, 1 bytes,");
	free(text);
	/* what it told of stays when all else is gone, until somebody says that it may go */
	WORKS(stage_spool_forget(
		spool, &(struct stage_spool_file *){stage_spool_files(spool)}, &failure));
	stage_spool_close(&spool);
	reclaim_rest();
	CHECK(count_entries(spool_path) == 2);
	adopt();
	REQUIRE(count_files() == 0 && stage_spool_unlisted(spool));
	WORKS(stage_spool_forget(
		spool, &(struct stage_spool_file *){stage_spool_unlisted(spool)}, &failure));
	finish();
}

/* At whatever byte the last record was torn off: its file was not sealed, and all else is. */
static void
torn_journal(void)
{
	char *text, *last;
	size_t size, cut;

	open_both();
	stage("aaaa", "1");
	stage("bbbb", "2");
	close_both();
	text = read_journal(&size);
	last = memrchr(text, '\n', size - 1);
	REQUIRE(last != NULL);
	for (cut = (size_t)(last + 1 - text); cut < size; cut += 1 + size / 40) {
		write_journal(text, cut);
		adopt();
		CHECK(count_files() == 1 && captured.lines[STAGE_WARNING] == 0);
		if (count_entries(spool_path) == 2)
			WORKS(stage_dir_open(test_dir, NULL, &dir, &failure));
		else
			dir = NULL;
		/* what is written behind it can be read */
		if (dir)
			stage("cccc", "3");
		close_both();
		adopt();
		if (stage_spool_files(spool)->next) {
			struct stage_spool_file *file = stage_spool_files(spool)->next;

			CHECK(!strcmp(file->name, "cccc"));
			WORKS(stage_spool_forget(spool, &file, &failure));
		}
		CHECK(count_files() == 1 && captured.lines[STAGE_WARNING] == 0);
		stage_spool_close(&spool);
	}
	adopt();
	finish();
	free(text);
}

/* Nobody can tell what waits: nothing is touched, and who asks is told why. */
static void
unreadable_journal(void)
{
	static const char *const texts[] = {"", "x", "garbage\n", "\n\n\n"};
	char *text;
	size_t size, i;

	open_both();
	stage("a", "1");
	close_both();
	text = read_journal(&size);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_journal(texts[i], strlen(texts[i]));
		FAILS(stage_spool_adopt(spool_path, true, NULL, &spool, &failure), STAGE_E_DAMAGED);
		find_all();
		REQUIRE(found_count == 1 && found[0].unreadable);
		CHECK(found[0].count == 0 && found[0].owner == STAGE_OWNER_DEAD);
		HAS(found[0].unreadable, STAGE_JOURNAL_NAME);
		found_done();
		reclaim_rest();
		CHECK(count_entries(spool_path) == 2);
	}
	unlink(join(spool_path, STAGE_JOURNAL_NAME));
	REQUIRE(symlink("/dev/zero", join(spool_path, STAGE_JOURNAL_NAME)) == 0);
	FAILS(stage_spool_adopt(spool_path, true, NULL, &spool, &failure), STAGE_E_DAMAGED);
	unlink(join(spool_path, STAGE_JOURNAL_NAME));
	REQUIRE(mkfifo(join(spool_path, STAGE_JOURNAL_NAME), 0600) == 0);
	FAILS(stage_spool_adopt(spool_path, true, NULL, &spool, &failure), STAGE_E_DAMAGED);
	unlink(join(spool_path, STAGE_JOURNAL_NAME));
	write_journal(text, size);
	adopt();
	finish();
	free(text);
}

static void
flip(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	CHECK(pwrite(fd, "X", 1, 3) == 1);
	close(fd);
}

static void
cut(const char *path)
{
	CHECK(truncate(path, 3) == 0);
}

static void
grow(const char *path)
{
	/* so large that reading it would be noticed */
	CHECK(truncate(path, (off_t)1 << 40) == 0);
}

static void
replace_by_link(const char *path)
{
	CHECK(unlink(path) == 0 && symlink("/etc/passwd", path) == 0);
}

static void
replace_by_fifo(const char *path)
{
	CHECK(unlink(path) == 0 && mkfifo(path, 0600) == 0);
}

static void
replace_by_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(unlink(path) == 0 && chdir(spool_path) == 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", strrchr(path, '/') + 1);
	CHECK(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK(chdir("/") == 0);
	close(fd);
}

static void
replace_by_directory(const char *path)
{
	CHECK(unlink(path) == 0 && mkdir(path, 0700) == 0);
}

static void
take_away(const char *path)
{
	CHECK(unlink(path) == 0);
}

static const struct {
	void (*change)(const char *path);
	const char *says;
} changes[] = {
	{flip, "SHA-256"},
	{cut, "has 3 bytes, and had 8"},
	{grow, "has 1099511627776 bytes, and had 8"},
	{replace_by_link, "not a regular file"},
	{replace_by_fifo, "not a regular file"},
	{replace_by_socket, "not a regular file"},
	{replace_by_directory, "not a regular file"},
	{take_away, "is gone"},
};

static void
changed_file(void)
{
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct stage_spool_file *file;
		char *path;

		open_both();
		file = stage("the name", "contents");
		path = strdup(file->path);
		changes[i].change(path);
		FAILS(stage_spool_check(spool, file, &failure), STAGE_E_DAMAGED);
		HAS(failure.message, changes[i].says);
		HAS(failure.message, path);
		HAS(failure.message, "the name");
		if (changes[i].change == replace_by_directory) {
			FAILS(stage_spool_forget(spool, &file, &failure), STAGE_E_SYSTEM);
			CHECK(file != NULL);
			CHECK(rmdir(path) == 0);
		}
		WORKS(stage_spool_forget(spool, &file, &failure));
		close_both();
		CHECK(captured.lines[STAGE_WARNING] == 0);
		free(path);
	}
}

/* The same before it was sealed: it is not. */
static void
changed_before_seal(void)
{
	size_t i;

	for (i = 1; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct stage_spool_file *file;
		char *path;
		int code;

		if (changes[i].change == grow)
			continue;
		open_both();
		file = add_file("the name", "contents", false);
		REQUIRE(file != NULL);
		path = strdup(file->path);
		changes[i].change(path);
		code = stage_spool_seal(spool, file, &failure);
		CHECK(code == (changes[i].change == take_away ? STAGE_E_SYSTEM : STAGE_E_DAMAGED));
		HAS(failure.message, path);
		CHECK(!file->sealed);
		/* whatever it is now, it is not what was accepted */
		stage_spool_close(&spool);
		CHECK(!is_there(spool_path) ||
			(is_there(path) && captured.lines[STAGE_WARNING] == 2));
		unlink(path);
		rmdir(path);
		rmdir(spool_path);
		stage_dir_close(&dir);
		free(path);
	}
}

/* The disk fails once, and then pretends that all is well: the file cannot be sealed any more. */
static void
disk_fails(void)
{
	struct stage_spool_file *file;
	int code;

	open_both();
	file = add_file("a", "a", false);
	REQUIRE(file != NULL);
	wrap_begin_two("fsync", EIO, "fsync", EIO);
	code = stage_spool_seal(spool, file, &failure);
	wrap_end();
	CHECK(code == STAGE_E_SYSTEM && failure.sys_errno == EIO);
	FAILS(stage_spool_seal(spool, file, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == EIO && !file->sealed);
	find_all();
	CHECK(found_count == 1 && found[0].count == 0);
	found_done();
	close_both();
}

/* A file named "the volume" of which "abc" was told, with what the disk has of it, and not sealed. */
static struct stage_spool_file *
add_told(const char *on_disk)
{
	struct stage_spool_file *file = add_file("the volume", on_disk, false);

	REQUIRE(file != NULL);
	stage_spool_set_digest(file, 3, sha256);
	return file;
}

/* Seals a file while this function of the disk fails. */
static void
fail_to_seal(struct stage_spool_file *file, const char *function, int sys_errno)
{
	int code;

	wrap_begin_two(function, sys_errno, function, sys_errno);
	code = stage_spool_seal(spool, file, &failure);
	wrap_end();
	CHECK(code == STAGE_E_SYSTEM && failure.sys_errno == sys_errno && !file->sealed);
}

static void
is_lost(struct stage_spool_file *file, int sys_errno)
{
	FAILS(stage_spool_check_written(spool, file, &failure), STAGE_E_NO_ROOM);
	CHECK(failure.sys_errno == sys_errno);
	HAS(failure.message, file->path);
	HAS(failure.message, "the volume is lost");
	HAS(failure.message, stage_error_errno_text(sys_errno));
}

/* A disk that has no room for what it was given says so at fsync(2) alone: what it has then counts. */
static void
disk_full_at_fsync(void)
{
	static const int errnos[] = {ENOSPC, EDQUOT};
	size_t i;

	for (i = 0; i < 2; i++) {
		struct stage_spool_file *right, *wrong, *untold;
		int code;

		open_both();
		right = add_told("abc");
		wrong = add_told("ab\1");
		untold = add_file("the volume", "abc", false);
		REQUIRE(untold != NULL);
		fail_to_seal(right, "fsync", errnos[i]);
		fail_to_seal(wrong, "fsync", errnos[i]);
		fail_to_seal(untold, "fsync", errnos[i]);
		WORKS(stage_spool_check_written(spool, right, &failure));
		is_lost(wrong, errnos[i]);
		is_lost(untold, errnos[i]);
		/* that a later fsync(2) finds nothing to do proves nothing */
		is_lost(wrong, errnos[i]);
		FAILS(stage_spool_seal(spool, wrong, &failure), STAGE_E_SYSTEM);
		wrap_begin_two("pread", EIO, "pread", EIO);
		code = stage_spool_check_written(spool, right, &failure);
		wrap_end();
		CHECK(code == STAGE_E_NO_ROOM && failure.sys_errno == errnos[i]);
		close_both();
		CHECK(!is_there(spool_path));
	}
}

/* Only the record is missing: the disk has the file, which is not read. */
static void
disk_full_for_record(void)
{
	struct stage_spool_file *told, *untold;
	int told_code, untold_code;

	open_both();
	told = add_told("ab\1");
	untold = add_file("b", "b", false);
	REQUIRE(untold != NULL);
	fail_to_seal(told, "write", ENOSPC);
	fail_to_seal(untold, "write", ENOSPC);
	wrap_begin_two("pread", EIO, "fsync", EIO);
	told_code = stage_spool_check_written(spool, told, &failure);
	untold_code = stage_spool_check_written(spool, untold, &failure);
	wrap_end();
	CHECK(told_code == 0 && untold_code == 0);
	WORKS(stage_spool_seal(spool, told, &failure));
	WORKS(stage_spool_check_written(spool, told, &failure));
	WORKS(stage_spool_forget(spool, &told, &failure));
	close_both();
}

/* A disk that was never asked is asked before what is on it is trusted. */
static void
disk_was_not_asked(void)
{
	struct stage_spool_file *right, *wrong;
	int right_code, wrong_code;

	open_both();
	right = add_told("abc");
	wrong = add_told("ab\1");
	fail_to_seal(right, "openat", ENOSPC);
	WORKS(stage_spool_check_written(spool, right, &failure));
	wrap_begin_two("fsync", ENOSPC, "openat", ENOSPC);
	right_code = stage_spool_check_written(spool, right, &failure);
	wrong_code = stage_spool_check_written(spool, wrong, &failure);
	wrap_end();
	CHECK(right_code == 0 && wrong_code == STAGE_E_NO_ROOM);
	close_both();
}

/* What has taken the place of the file is neither sealed nor taken for it. */
static void
replaced_by_file(void)
{
	struct stage_spool_file *file;

	open_both();
	file = add_told("abc");
	fail_to_seal(file, "fsync", ENOSPC);
	make_file(join(spool_path, "other"), "abc", 0600);
	REQUIRE(rename(join(spool_path, "other"), file->path) == 0);
	FAILS(stage_spool_check_written(spool, file, &failure), STAGE_E_DAMAGED);
	HAS(failure.message, "another file");
	file = add_told("abc");
	make_file(join(spool_path, "other"), "abc", 0600);
	REQUIRE(rename(join(spool_path, "other"), file->path) == 0);
	FAILS(stage_spool_seal(spool, file, &failure), STAGE_E_DAMAGED);
	close_both();
}

/* The descriptor from before it was written is the one that is asked, and is closed in the end. */
static void
held_descriptor(void)
{
	struct stage_spool_file *file, *other;
	int fds, fd;

	open_both();
	fds = count_fds();
	file = add_told("abc");
	fd = open(file->path, O_RDONLY | O_CLOEXEC);
	stage_spool_hold(file, fd);
	other = add_told("abc");
	CHECK(count_fds() == fds + 2);
	/* of another file: nobody would hear of this one's failures */
	stage_spool_hold(other, open(in_dir("."), O_RDONLY | O_CLOEXEC));
	FAILS(stage_spool_seal(spool, other, &failure), STAGE_E_DAMAGED);
	WORKS(stage_spool_seal(spool, file, &failure));
	CHECK(fcntl(fd, F_GETFD) < 0 && count_fds() == fds + 1);
	WORKS(stage_spool_forget(spool, &file, &failure));
	WORKS(stage_spool_forget(spool, &other, &failure));
	CHECK(count_fds() == fds);
	close_both();
}

/* What cannot be looked at is not gone, and must not be removed as if it were. */
static void
disk_cannot_be_read(void)
{
	struct stage_reclaimed total = {0};
	int code;

	open_both();
	stage("a", "a");
	close_both();
	wrap_begin_two("fstatat", EIO, "fstatat", EIO);
	code = stage_spool_adopt(spool_path, true, NULL, &spool, &failure);
	wrap_end();
	CHECK(code == STAGE_E_SYSTEM && failure.sys_errno == EIO);
	wrap_begin_two("fstatat", EIO, "fstatat", EIO);
	code = stage_orphan_reclaim(test_dir, NULL, &total, &failure);
	wrap_end();
	CHECK(code == 0 && total.waiting == 1 && total.files == 0);
	wrap_begin_two("fstatat", EIO, "fstatat", EIO);
	code = stage_spool_find(test_dir, &found, &found_count, &failure);
	wrap_end();
	CHECK(code == 0 && found_count == 1 && found[0].count == 1);
	found_done();
	adopt();
	CHECK(count_files() == 1);
	finish();
}

/* Forgotten, but not to be removed: it does not wait any more. */
static void
forget_fails(void)
{
	struct stage_spool_file *file;
	int code;

	open_both();
	file = stage("a", "a");
	wrap_begin_two("unlinkat", EIO, "unlinkat", EIO);
	code = stage_spool_forget(spool, &file, &failure);
	wrap_end();
	CHECK(code == STAGE_E_SYSTEM && failure.sys_errno == EIO);
	REQUIRE(file != NULL);
	CHECK(is_there(file->path) && stage_spool_files(spool) == file && !file->sealed);
	find_all();
	CHECK(found_count == 1 && found[0].count == 0);
	found_done();
	close_both();
	CHECK(!is_there(spool_path));
}

/* Who takes over learns of the last file that storage has confirmed, which is gone. */
static void
confirmed(void)
{
	const char *note = "x";
	struct stage_spool_file *file;
	char *path;

	open_both();
	CHECK(stage_spool_confirmed(spool, &note) == NULL && note == NULL);
	stage("first", "1");
	stage("second", "22");
	stage("third", "333");
	stage("fourth", "4444");
	file = stage_spool_files(spool);
	path = strdup(file->path);
	WORKS(stage_spool_confirm(spool, &file, &failure));
	CHECK(file == NULL && !is_there(path));
	/* of what this run has done itself nothing is told */
	CHECK(stage_spool_confirmed(spool, &note) == NULL && note == NULL);
	close_both();
	adopt();
	CHECK(!strcmp(stage_spool_confirmed(spool, &note), "first") && !strcmp(note, ""));
	/* what was only forgotten is not confirmed */
	file = stage_spool_files(spool)->next;
	WORKS(stage_spool_forget(spool, &file, &failure));
	CHECK(!strcmp(stage_spool_confirmed(spool, &note), "first"));
	stage_spool_close(&spool);
	adopt();
	CHECK(count_files() == 2 && !strcmp(stage_spool_confirmed(spool, &note), "first"));
	file = stage_spool_files(spool);
	WORKS(stage_spool_confirm(spool, &file, &failure));
	stage_spool_close(&spool);
	adopt();
	CHECK(count_files() == 1 && !strcmp(stage_spool_confirmed(spool, &note), "second"));
	finish();
	free(path);
}

/* The same of one that could not be sealed; what is sealed behind it can follow it. */
static void
confirmed_unsealed(void)
{
	struct stage_spool_file *file;
	const char *note;
	int code;

	open_both();
	stage("first", "1");
	file = add_file("second", "22", false);
	REQUIRE(file != NULL);
	stage("third", "333");
	WORKS(stage_spool_confirm(spool, &file, &failure));
	file = add_file("fourth", "4444", false);
	REQUIRE(file != NULL);
	WORKS(stage_spool_forget(spool, &file, &failure)); /* says nothing of storage */
	close_both();
	adopt();
	CHECK(count_files() == 2 && !strcmp(stage_spool_confirmed(spool, &note), "second"));
	CHECK(captured.lines[STAGE_WARNING] == 0);
	finish();

	open_both();
	file = add_file("second", "22", false);
	REQUIRE(file != NULL);
	wrap_begin_two("write", ENOSPC, "write", ENOSPC);
	code = stage_spool_confirm(spool, &file, &failure);
	wrap_end();
	CHECK(code == 0 && file == NULL && captured.lines[STAGE_WARNING] == 1);
	HAS(captured.text, "W:storage has second, but a run after a crash would not know it");
	HAS(captured.text, stage_error_errno_text(ENOSPC));
	close_both();
}

/* A full disk has room for the record once the file is gone. */
static void
confirmed_on_full_disk(void)
{
	struct stage_spool_file *file;
	const char *note;
	bool was_full;
	int code;

	open_both();
	file = stage("first", "1");
	stage("second", "2");
	wrap_begin(2, ENOSPC, false); /* after the memory for it, the record */
	code = stage_spool_confirm(spool, &file, &failure);
	wrap_end();
	was_full = wrap_failed_with("write", ENOSPC);
	CHECK(code == 0 && was_full && captured.lines[STAGE_WARNING] == 0);
	close_both();
	adopt();
	CHECK(count_files() == 1 && captured.lines[STAGE_WARNING] == 0);
	CHECK(stage_spool_confirmed(spool, &note) && !strcmp(note, ""));
	finish();
}

static void
odd_names(void)
{
	static char longest[256];
	const char *const names[] = {"a\nb", "\xff\xfe\x80", longest, " ", "a b", "%", "%41", "%%%",
		"\x01\x7f", "", "../../etc/passwd", "v\xc3\xb6l"};
	const size_t count = sizeof(names) / sizeof(names[0]);
	const struct stage_spool_file *file;
	char *path;
	size_t i;

	memset(longest, 'x', 255);
	open_both();
	for (i = 0; i < count; i++) {
		struct stage_spool_file *accepted;

		path = new_file(dir, names[i]);
		WORKS(stage_spool_accept(
			spool, dir, path, names[i], names[count - 1 - i], &accepted, &failure));
		WORKS(stage_spool_seal(spool, accepted, &failure));
		free(path);
	}
	close_both();
	find_all();
	REQUIRE(found_count == 1 && found[0].count == count);
	for (i = 0; i < count; i++) {
		CHECK(!strcmp(found[0].list[i].name, names[i]));
		CHECK(!strcmp(found[0].list[i].note, names[count - 1 - i]));
		CHECK(found[0].list[i].size == strlen(names[i]));
	}
	found_done();
	adopt();
	for (i = 0, file = stage_spool_files(spool); i < count && file; i++, file = file->next)
		CHECK(!strcmp(file->name, names[i]) && !strcmp(file->note, names[count - 1 - i]));
	CHECK(i == count && !file);
	finish();
}

static void
modes(void)
{
	static const mode_t masks[] = {0, 022, 077, 0177};
	static const mode_t file_modes[] = {0644, 0666, 0600, 0400};
	struct stage_spool_file *file;
	char *path;
	size_t i, j;

	for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		umask(masks[i]);
		open_both();
		CHECK(mode_of(spool_path) == 0700);
		CHECK(mode_of(join(spool_path, STAGE_JOURNAL_NAME)) == 0600);
		for (j = 0; j < sizeof(file_modes) / sizeof(file_modes[0]); j++) {
			WORKS(stage_dir_mktemp(dir, &path, &failure));
			make_file(path, "content", file_modes[j]);
			WORKS(stage_spool_accept(spool, dir, path, "a", "", &file, &failure));
			WORKS(stage_spool_seal(spool, file, &failure));
			CHECK(mode_of(file->path) == 0600);
			WORKS(stage_spool_forget(spool, &file, &failure));
			free(path);
		}
		close_both();
	}
}

/* A failed accept has changed nothing. */
static void
accept_fails(void)
{
	struct stage_spool_file *file = (struct stage_spool_file *)&failure;
	char *path;

	open_both();
	make_file(in_dir("untracked"), "x", 0600);
	FAILS(stage_spool_accept(spool, dir, in_dir("untracked"), "a", "", &file, &failure),
		STAGE_E_UNTRACKED);
	CHECK(is_there(in_dir("untracked")));
	unlink(in_dir("untracked"));
	/* never made */
	WORKS(stage_dir_mktemp(dir, &path, &failure));
	FAILS(stage_spool_accept(spool, dir, path, "a", "", &file, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT);
	WORKS(stage_dir_forget(dir, path, &failure));
	free(path);
	CHECK(file == (struct stage_spool_file *)&failure);
	CHECK(stage_spool_files(spool) == NULL && count_entries(spool_path) == 1);
	stage_dir_cleanup(dir);
	FAILS(stage_spool_accept(spool, dir, "/x", "a", "", &file, &failure), STAGE_E_CLOSED);
	stage_spool_close(&spool);
	FAILS(stage_spool_open(dir, &about, true, NULL, &spool, &failure), STAGE_E_CLOSED);
	stage_dir_close(&dir);
}

static void
accept_from_another_file_system(void)
{
	static const char *const places[] = {"/dev/shm", "/tmp", "/run"};
	struct stage_spool_file *file = NULL;
	struct stage_dir *other = NULL;
	struct stat here, there;
	char *path;
	size_t i;

	REQUIRE(stat(test_dir, &here) == 0);
	for (i = 0; i < sizeof(places) / sizeof(places[0]) && !other; i++)
		if (stat(places[i], &there) == 0 && there.st_dev != here.st_dev)
			(void)stage_dir_open(places[i], NULL, &other, &failure);
	if (!other) {
		fprintf(stderr, "\nNOT TESTED, for want of another file system: EXDEV\n");
		return;
	}
	open_both();
	path = new_file(other, "content");
	FAILS(stage_spool_accept(spool, other, path, "a", "", &file, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == EXDEV && file == NULL);
	CHECK(is_there(path) && count_entries(spool_path) == 1);
	/* still tracked */
	WORKS(stage_dir_remove(other, path, &failure));
	free(path);
	stage_dir_close(&other);
	close_both();
}

#define THREADS 2

struct worker {
	pthread_t thread;
	size_t count, wrong;
};

static void *
accept_and_seal(void *context)
{
	struct worker *worker = context;
	struct stage_spool_file *file;
	size_t i;
	char *path;

	for (i = 0; i < worker->count; i++) {
		path = new_file(dir, "content");
		if (!path || stage_spool_accept(spool, dir, path, "x", "", &file, NULL) < 0 ||
			stage_spool_seal(spool, file, NULL) < 0 ||
			stage_spool_check(spool, file, NULL) < 0)
			worker->wrong++;
		else if (i % 2)
			worker->wrong += stage_spool_forget(spool, &file, NULL) < 0;
		else
			stage_spool_note_failure(spool, file, 1, "failed");
		free(path);
	}
	return NULL;
}

static void
threads(void)
{
	struct worker workers[THREADS];
	size_t i, count = 2 * scaled(50);

	open_both();
	for (i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.count = count};
		REQUIRE(pthread_create(&workers[i].thread, NULL, accept_and_seal, &workers[i]) ==
			0);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		CHECK(workers[i].wrong == 0);
	}
	CHECK(count_files() == THREADS * count / 2);
	close_both();
	adopt();
	CHECK(count_files() == THREADS * count / 2 && captured.lines[STAGE_WARNING] == 0);
	finish();
}

/* A child closes root, directory and journal, and what files that are not sealed have open. */
static int
close_in_child(void *files)
{
	int before = count_fds(), closed;

	stage_spool_close(&spool);
	closed = before - count_fds();
	return spool ? 1 : closed != 3 + *(int *)files ? 100 + closed : 0;
}

/* The same where one may be accepted and not sealed. */
static int
close_in_child_while_used(void *unused)
{
	int files = 0, result = close_in_child(&files);

	(void)unused;
	return result == 100 + 3 + 1 ? 0 : result;
}

static void
fork_and_close(void)
{
	const struct stage_spool_file *sealed, *accepted;
	int fd, files = 1;

	open_both();
	sealed = stage("a", "a");
	accepted = add_file("b", "b", false);
	make_file(join(spool_path, STAGE_RESERVE_NAME), "", 0600);
	CHECK(in_child(close_in_child, &files, -1) == 0);
	CHECK(is_there(sealed->path) && is_there(accepted->path));
	CHECK(is_there(join(spool_path, STAGE_RESERVE_NAME)) && count_entries(spool_path) == 4);
	/* nor has it given up the lock */
	fd = open(spool_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK);
	close(fd);
	close_both();
	adopt();
	finish();
}

/* Whenever the fork comes, the child can close. */
static void
fork_while_used(void)
{
	struct worker worker = {.count = scaled(200)};
	size_t i, wrong = 0, forks = scaled(100);
	int result;

	open_both();
	REQUIRE(pthread_create(&worker.thread, NULL, accept_and_seal, &worker) == 0);
	for (i = 0; i < forks; i++) {
		result = in_child_beside_threads(close_in_child_while_used, NULL);
		if (result)
			fprintf(stderr, "\nfork_while_used: child %zu: %d\n", i, result);
		wrong += result != 0;
	}
	pthread_join(worker.thread, NULL);
	CHECK(wrong == 0 && worker.wrong == 0);
	CHECK(count_files() == (worker.count + 1) / 2);
	finish();
	stage_dir_close(&dir);
}

/* Forgets its files one by one, and dies before the last. */
static int
forget_all(void *context)
{
	struct stage_spool_file *file;
	size_t i, count = *(size_t *)context;

	if (stage_dir_open(test_dir, NULL, &dir, NULL) < 0 ||
		stage_spool_open(dir, &about, false, NULL, &spool, NULL) < 0)
		return 1;
	for (i = 0; i < count; i++)
		if (!add_file("x", "content", true))
			return 2;
	for (i = 1; i < count; i++) {
		file = stage_spool_files(spool);
		if (stage_spool_forget(spool, &file, NULL) < 0)
			return 3;
		if (i % 8 == 0)
			usleep(100);
	}
	return 0;
}

static void
find_while_forgotten(void)
{
	size_t count = scaled(200) + 1, most = 0, wrong = 0;
	struct child child = start_child(forget_all, &count, -1);
	double end = stage_clock_now() + 60;
	bool dead = false;

	while (!dead && stage_clock_now() < end) {
		found_done();
		wrong += stage_spool_find(test_dir, &found, &found_count, NULL) != 0 ||
			 found_count > 1;
		if (found_count == 0)
			continue;
		wrong += found[0].unreadable || found[0].damaged || found[0].count > count;
		most = found[0].count > most ? found[0].count : most;
		dead = found[0].owner == STAGE_OWNER_DEAD;
	}
	CHECK(end_child(child) == 0);
	CHECK(wrong == 0 && most > 0);
	find_all();
	REQUIRE(found_count == 1);
	CHECK(found[0].owner == STAGE_OWNER_DEAD && found[0].count == 1);
	snprintf(spool_path, sizeof(spool_path), "%s", found[0].path);
	found_done();
	adopt();
	finish();
	reclaim_rest();
}

static void
find_many(void)
{
	struct stage_spool *spools[5];
	size_t i;

	found_done();
	FAILS(stage_spool_find(in_dir("missing"), &found, &found_count, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT);
	find_all();
	CHECK(found_count == 0);
	WORKS(stage_dir_open(test_dir, NULL, &dir, &failure));
	for (i = 0; i < 5; i++) {
		WORKS(stage_spool_open(dir, &about, false, NULL, &spools[i], &failure));
		spool = spools[i];
		stage("a", "a");
	}
	find_all();
	CHECK(found_count == 5);
	for (i = 1; i < found_count; i++)
		CHECK(strcmp(found[i - 1].path, found[i].path) < 0);
	found_done();
	for (i = 0; i < 5; i++) {
		struct stage_spool_file *file = stage_spool_files(spools[i]);

		WORKS(stage_spool_forget(spools[i], &file, &failure));
		stage_spool_close(&spools[i]);
	}
	stage_dir_close(&dir);
	spool = NULL;
}

/* What the child has come to, where the parent can see it. */
struct progress {
	size_t calls; /* without a kill */
	size_t at;
	bool sealed[3], forgetting[3];
};

static int
run_killed_at_a_call(void *context)
{
	struct progress *progress = context;
	struct stage_spool_file *files[3] = {NULL};
	char names[3][8] = {"0", "1", "2"};
	char *path = NULL;
	size_t i;

	wrap_begin_kill(progress->at);
	if (stage_dir_open(test_dir, NULL, &dir, NULL) < 0 ||
		stage_spool_open(dir, &about, true, NULL, &spool, NULL) < 0)
		return 1;
	for (i = 0; i < 3; i++) {
		struct stage_reserved room;

		if (stage_dir_mktemp(dir, &path, NULL) < 0 ||
			stage_spool_reserve(spool, path, 1, 0, &room, NULL) < 0)
			return 2;
		wrap_pause(true);
		close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		wrap_pause(false);
		if (stage_spool_accept(spool, dir, path, names[i], "", &files[i], NULL) < 0 ||
			stage_spool_seal(spool, files[i], NULL) < 0)
			return 3;
		progress->sealed[i] = true;
		free(path);
	}
	for (i = 0; i < 2; i++) {
		progress->forgetting[i] = true;
		if ((i ? stage_spool_forget(spool, &files[i], NULL)
		       : stage_spool_confirm(spool, &files[i], NULL)) < 0)
			return 4;
	}
	stage_spool_close(&spool);
	stage_dir_close(&dir);
	progress->calls = wrap_end();
	return 0;
}

/* What is found must be all that was sealed, and nothing that was forgotten. */
static size_t
judge_killed(const struct progress *progress)
{
	bool waits[3] = {false};
	size_t i, k, wrong = 0;

	find_all();
	wrong += found_count > 1;
	for (i = 0; i < found_count; i++) {
		wrong += found[i].owner != STAGE_OWNER_DEAD || found[i].unreadable ||
			 found[i].damaged;
		for (k = 0; k < found[i].count; k++)
			waits[*found[i].list[k].name - '0'] = true;
	}
	for (i = 0; i < 3; i++)
		wrong += progress->sealed[i] && !progress->forgetting[i] && !waits[i];
	return wrong;
}

static void
killed_at_any_call(void)
{
	struct progress *progress;
	size_t at, calls, step, wrong;
	int left;

	progress = mmap(
		NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(progress != MAP_FAILED);
	REQUIRE(in_child(run_killed_at_a_call, progress, -1) == 0);
	CHECK(judge_killed(progress) == 0);
	calls = progress->calls;
	CHECK(calls > 100);
	step = calls > scaled(calls) ? calls / scaled(calls) : 1;
	for (at = 0; at <= calls; at += step) {
		if (at) {
			memset(progress, 0, sizeof(*progress));
			progress->at = at;
			in_child(run_killed_at_a_call, progress, -1);
		}
		wrong = judge_killed(progress);
		/* somebody else begins, and reclaims */
		reclaim_rest();
		wrong += judge_killed(progress);
		left = count_entries(test_dir);
		if (found_count) {
			snprintf(spool_path, sizeof(spool_path), "%s", found[0].path);
			found_done();
			adopt();
			finish();
			left--;
		}
		if (wrong || left || count_entries(test_dir)) {
			fprintf(stderr, "\nkilled at call %zu of %zu: %zu wrong, %d left\n", at,
				calls, wrong, left);
			show_tree(test_dir);
			CU_FAIL("after a kill");
			break;
		}
	}
	found_done();
	munmap(progress, sizeof(*progress));
}

static const struct test tests[] = {
	{"life", life},
	{"told_digest", told_digest},
	{"end_with_some_waiting", end_with_some_waiting},
	{"adopt_after_kill", adopt_after_kill},
	{"use_adopted", use_adopted},
	{"adopt_live", adopt_live},
	{"adopt_live_of_another_process", adopt_live_of_another_process},
	{"closed_while_a_child_lives", closed_while_a_child_lives},
	{"adopt_while_looked_at", adopt_while_looked_at},
	{"adopt_in_a_crowd", adopt_in_a_crowd},
	{"adopt_nothing", adopt_nothing},
	{"adopt_of_another_machine", adopt_of_another_machine},
	{"adopt_of_another_user", adopt_of_another_user},
	{"adopt_of_a_copy", adopt_of_a_copy},
	{"strangers", strangers},
	{"moved_away", moved_away},
	{"no_secret_written", no_secret_written},
	{"no_secret_found", no_secret_found},
	{"damaged_record", damaged_record},
	{"torn_journal", torn_journal},
	{"unreadable_journal", unreadable_journal},
	{"changed_file", changed_file},
	{"changed_before_seal", changed_before_seal},
	{"disk_full_at_fsync", disk_full_at_fsync},
	{"disk_full_for_record", disk_full_for_record},
	{"disk_was_not_asked", disk_was_not_asked},
	{"replaced_by_file", replaced_by_file},
	{"held_descriptor", held_descriptor},
	{"confirmed_unsealed", confirmed_unsealed},
	{"confirmed_on_full_disk", confirmed_on_full_disk},
	{"disk_fails", disk_fails},
	{"disk_cannot_be_read", disk_cannot_be_read},
	{"forget_fails", forget_fails},
	{"confirmed", confirmed},
	{"odd_names", odd_names},
	{"modes", modes},
	{"accept_fails", accept_fails},
	{"accept_from_another_file_system", accept_from_another_file_system},
	{"threads", threads},
	{"fork_and_close", fork_and_close},
	{"fork_while_used", fork_while_used},
	{"find_while_forgotten", find_while_forgotten},
	{"find_many", find_many},
	{"killed_at_any_call", killed_at_any_call},
	{NULL, NULL},
};

const struct suite suite_spool = {"spool", tests};
