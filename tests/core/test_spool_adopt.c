/* One test has a run killed in the middle of whatever it does, before each of its calls (wrap.h). */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dir.h"
#include "journal.h"
#include "naming.h"
#include "orphan.h"
#include "reserve.h"
#include "spool.h"
#include "spool_find.h"
#include "spool_run.h"
#include "wrap.h"

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
		"stagedir-0123456789abcdef-4711-abcdefghijklmnop", "/var/tmp/stagedir-x"};
	char name[STAGE_DIR_NAME_MAX];
	size_t i;

	spool = NULL;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		FAILS(stage_spool_adopt(paths[i], true, NULL, &spool, &failure), STAGE_E_ARGUMENT);
	/* one that is gone, of another machine, of this one, in a root that is gone */
	FAILS(stage_spool_adopt("/stagedir-0123456789abcdef-4711-abcdefghijklmnop", true, NULL,
		      &spool, &failure),
		STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT);
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

static void
write_journal(const char *text, size_t size)
{
	make_file_bytes(join(spool_path, STAGE_JOURNAL_NAME), text, size, 0600);
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
	{"damaged_record", damaged_record},
	{"torn_journal", torn_journal},
	{"unreadable_journal", unreadable_journal},
	{"disk_cannot_be_read", disk_cannot_be_read},
	{"killed_at_any_call", killed_at_any_call},
	{NULL, NULL},
};

const struct suite suite_spool_adopt = {"spool_adopt", tests};
