#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dir.h"
#include "journal.h"
#include "naming.h"
#include "orphan.h"
#include "reserve.h"
#include "spool.h"
#include "spool_run.h"
#include "umask.h"
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
			CHECK(stage_umask() == masks[i]);
			stage_spool_publish(spool, file, 0666 & ~stage_umask());
			CHECK(mode_of(file->path) == (0666 & ~masks[i]));
			CHECK(mode_of(spool_path) == 0700);
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

/* A spool that does not wait for the disk has few descriptors open, however many files are staged. */
static void
descriptors(void)
{
	const size_t most = 128; /* as spool.h says */
	size_t i, count = 2 * most;
	struct stage_spool_file *file;
	int before, full, kept;

	WORKS(stage_dir_open(test_dir, NULL, &dir, &failure));
	WORKS(stage_spool_open(dir, &about, false, NULL, &spool, &failure));
	snprintf(spool_path, sizeof(spool_path), "%s", stage_spool_path(spool));
	before = count_fds();
	for (i = 0; i < count; i++)
		stage("x", "content");
	CHECK(count_fds() - before == (int)most);
	/* beyond that the disk is asked at once */
	file = add_file("y", "content", false);
	wrap_begin_two("fsync", EIO, "fsync", EIO);
	full = stage_spool_seal(spool, file, &failure);
	wrap_end();
	CHECK(full == STAGE_E_SYSTEM && failure.sys_errno == EIO);
	WORKS(stage_spool_forget(spool, &file, &failure));
	/* the first is handed off: then there is a place for another one */
	file = stage_spool_files(spool);
	WORKS(stage_spool_confirm(spool, &file, &failure));
	file = add_file("z", "content", false);
	wrap_begin_two("fsync", EIO, "fsync", EIO);
	kept = stage_spool_seal(spool, file, &failure);
	wrap_end();
	CHECK(kept == 0 && count_fds() - before == (int)most);
	while ((file = stage_spool_files(spool)))
		WORKS(stage_spool_forget(spool, &file, &failure));
	CHECK(count_fds() == before);
	close_both();
}

static const struct test tests[] = {
	{"life", life},
	{"strangers", strangers},
	{"moved_away", moved_away},
	{"no_secret_written", no_secret_written},
	{"odd_names", odd_names},
	{"modes", modes},
	{"descriptors", descriptors},
	{"accept_fails", accept_fails},
	{"accept_from_another_file_system", accept_from_another_file_system},
	{"threads", threads},
	{"fork_and_close", fork_and_close},
	{"fork_while_used", fork_while_used},
	{NULL, NULL},
};

const struct suite suite_spool = {"spool", tests};
