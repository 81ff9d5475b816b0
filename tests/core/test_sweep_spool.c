/* Journals, spools and the hand-off while each call is failed. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "handoff.h"
#include "journal.h"
#include "naming.h"
#include "orphan.h"
#include "spool.h"
#include "spool_find.h"
#include "sweep.h"
#include "wrap.h"

/* A spool with two files, made anew for each run. */
static struct stage_dir *spool_dir;
static struct stage_spool *spool;
static struct stage_spool_file *accepted[2];

static void
make_spool(void)
{
	static const struct stage_spool_about about = {.target = "test://", .home = ""};
	char *path;
	int fd, i;

	accepted[0] = accepted[1] = NULL;
	stage_dir_open(sweep_root, NULL, &spool_dir, NULL);
	stage_spool_open(spool_dir, &about, true, &sweep_log, &spool, NULL);
	for (i = 0; i < 2; i++) {
		stage_dir_mkstemp(spool_dir, &fd, &path, NULL);
		close(fd);
		stage_spool_accept(spool, spool_dir, path, i ? "b" : "a", "", &accepted[i], NULL);
		free(path);
	}
}

/* Takes what it has not seen yet at the second attempt only. */
static enum stage_upload
upload_twice(void *context, const struct stage_spool_file *file, unsigned int attempt,
	struct stage_error *error)
{
	(void)context;
	if (attempt > 1)
		return STAGE_UPLOAD_DONE;
	stage_error_set(error, STAGE_E_HANDOFF, 0, "%s is new", file->name);
	return STAGE_UPLOAD_RETRY;
}

/*
 * Both threads make calls, but never at the same time, and this one only while they wait: the queue
 * is empty whenever a file is put. So the calls come in the same order in each run.
 */
static void
handoff_scenario(void)
{
	const struct stage_handoff_target target = {.upload = upload_twice, .attempts = 2};
	struct stage_handoff *handoff;
	int i;

	if (TRY(stage_handoff_open(&target, &sweep_log, &handoff, &sweep_said)) == 0) {
		for (i = 0; i < 2; i++)
			if (TRY(stage_handoff_put(handoff, spool, accepted[i], &sweep_said)) == 0 &&
				TRY(stage_handoff_wait(handoff, 1, 60, &sweep_said)) < 0)
				sweep_reported++; /* what is not handed off stays */
		stage_handoff_close(&handoff);
	}
	wrap_pause(true);
	stage_spool_close(&spool);
	stage_dir_close(&spool_dir);
	wrap_pause(false);
}

#define JOURNAL_FILES 4

/* Afterwards a file waits if, and only if, the last call for it that worked says so. */
static void
check_waiting(int dirfd, bool made, const char *const *files, const bool *waiting)
{
	struct stage_journal_content *content = NULL;
	size_t i, count = 0, found = 0;
	int code;

	wrap_pause(true);
	code = stage_journal_read(dirfd, sweep_root, &content, NULL);
	for (i = 0; i < JOURNAL_FILES; i++)
		count += waiting[i];
	for (i = 0; content && i < JOURNAL_FILES; i++) {
		size_t j;

		for (j = 0; j < content->count; j++)
			found += waiting[i] && strcmp(content->list[j].file, files[i]) == 0;
	}
	if (made != (code == 0) || (!made && is_there(join(sweep_root, STAGE_JOURNAL_NAME))) ||
		(content && (content->damaged || content->count != count || found != count))) {
		sweep_complain("the journal tells of %zu files, %zu of %zu that wait",
			content ? content->count : 0, found, count);
	}
	stage_journal_content_free(&content);
	wrap_pause(false);
}

/* Two files sealed by one run; a later one forgets the first, and seals two more. */
static void
use_journal(int dirfd, bool durable)
{
	static const struct stage_journal_about about = {"sftp://host/folder", "/home"};
	const char *const files[JOURNAL_FILES] = {"staged-abcdefghijklm-1",
		"staged-abcdefghijklm-2", "staged-abcdefghijklm-3", "staged-abcdefghijklm-4"};
	bool waiting[JOURNAL_FILES] = {false}, made;
	char name[] = "volume", note[] = "", staged[STAGE_FILE_NAME_MAX];
	struct stage_journal_record record = {.file = staged, .name = name, .note = note};
	struct stage_journal_content *content;
	struct stage_journal *journal = NULL;
	size_t i;

	made = TRY(stage_journal_create(
		       dirfd, sweep_root, &about, durable, &journal, &sweep_said)) == 0;
	for (i = 0; journal && i < JOURNAL_FILES; i++) {
		if (i == 2) {
			TRY(stage_journal_failed(journal, files[1], 1, "away", &sweep_said));
			stage_journal_close(&journal);
			check_waiting(dirfd, made, files, waiting);
			if (TRY(stage_journal_read(dirfd, sweep_root, &content, &sweep_said)) < 0)
				break;
			TRY(stage_journal_append(
				dirfd, sweep_root, content, durable, &journal, &sweep_said));
			stage_journal_content_free(&content);
			if (!journal)
				break;
			if (TRY(stage_journal_forgotten(journal, files[0], &sweep_said)) == 0)
				waiting[0] = false;
		}
		strcpy(staged, files[i]);
		waiting[i] = TRY(stage_journal_staged(journal, &record, &sweep_said)) == 0;
	}
	stage_journal_close(&journal);
	check_waiting(dirfd, made, files, waiting);
}

static void
journal_scenario(void)
{
	bool durable = true;
	int dirfd;

	do {
		wrap_pause(true);
		dirfd = open(sweep_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		wrap_pause(false);
		use_journal(dirfd, durable);
		wrap_pause(true);
		unlinkat(dirfd, STAGE_JOURNAL_NAME, 0);
		close(dirfd);
		wrap_pause(false);
		durable = !durable;
	} while (!durable);
}

/* Everything done with a spool; what was accepted is handed off, or never was. */
static void
spool_scenario(void)
{
	static const struct stage_spool_about about = {.target = "test://", .home = "/home"};
	struct stage_spool_file *file;
	struct stage_spool *own;
	struct stage_reserved room;
	struct stage_dir *dir;
	char *path;
	int i;

	if (TRY(stage_dir_open(sweep_root, &sweep_log, &dir, &sweep_said)) < 0)
		return;
	if (TRY(stage_spool_open(dir, &about, true, &sweep_log, &own, &sweep_said)) < 0) {
		stage_dir_close(&dir);
		return;
	}
	for (i = 0; i < 3; i++) {
		if (TRY(stage_dir_mktemp(dir, &path, &sweep_said)) < 0)
			continue;
		TRY(stage_spool_reserve(own, path, 10, 1000, &room, &sweep_said));
		wrap_pause(true);
		close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		wrap_pause(false);
		/* the last one is accepted only */
		if (TRY(stage_spool_accept(own, dir, path, "name", "note", &file, &sweep_said)) ==
				0 &&
			i < 2) {
			if (TRY(stage_spool_seal(own, file, &sweep_said)) == 0) {
				TRY(stage_spool_check(own, file, &sweep_said));
				stage_spool_note_failure(own, file, 1, "lost");
			} else {
				TRY(stage_spool_check_written(own, file, &sweep_said));
			}
			if (i == 0)
				TRY(stage_spool_confirm(own, &file, &sweep_said));
			else
				TRY(stage_spool_forget(own, &file, &sweep_said));
		}
		free(path);
	}
	stage_spool_close(&own);
	stage_dir_close(&dir);
}

#define DEAD_SPOOL_FILES 2

static char dead[1024], base_of_dead[STAGE_DIR_NAME_MAX];

static void
confirm_first(struct stage_journal *journal)
{
	char base[] = "staged-abcdefghijklm-9", name[] = "confirmed", note[] = "";
	const struct stage_journal_record record = {.file = base, .name = name, .note = note};

	CHECK(stage_journal_staged(journal, &record, NULL) == 0);
	CHECK(stage_journal_confirmed(journal, base, NULL) == 0);
}

/* A dead run's spool, with names that are always the same: two files that wait, and what is of no
 * use. */
static void
make_dead_spool(void)
{
	static const char *const files[DEAD_SPOOL_FILES] = {
		"staged-abcdefghijklm-1", "staged-abcdefghijklm-2"};
	static const struct stage_journal_about about = {"test://u@v:secret@h/", "/home"};
	char base[STAGE_FILE_NAME_MAX], name[] = "name", note[] = "note";
	struct stage_journal *journal = NULL;
	int dirfd, fd, i;

	stage_naming_dir(true, base_of_dead, NULL);
	memset(strrchr(base_of_dead, '-') + 1, 'a', STAGE_DIR_RANDOM);
	snprintf(dead, sizeof(dead), "%s/%s", sweep_root, base_of_dead);
	mkdir(dead, 0700);
	dirfd = open(dead, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(stage_journal_create(dirfd, dead, &about, false, &journal, NULL) == 0);
	for (i = 0; i < DEAD_SPOOL_FILES; i++) {
		struct stage_journal_record record = {.file = base, .name = name, .note = note};

		strcpy(base, files[i]);
		fd = openat(dirfd, base, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		CHECK(write(fd, "content", (size_t)i + 1) == i + 1);
		CHECK(stage_digest_read(fd, base, &record.digest, NULL) == 0);
		close(fd);
		CHECK(stage_journal_staged(journal, &record, NULL) == 0);
	}
	/* and one that was confirmed */
	confirm_first(journal);
	stage_journal_close(&journal);
	close(openat(dirfd, "staged-abcdefghijklm-3", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	close(openat(dirfd, "room", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	close(dirfd);
}

/* What waits in it, by what it is. */
static void
check_dead_spool(size_t expected)
{
	struct stage_spool_file *file;
	struct stage_spool *adopted;
	size_t count = 0;
	int code;

	wrap_pause(true);
	code = stage_spool_adopt(dead, false, NULL, &adopted, &failure);
	if (code == 0) {
		for (file = stage_spool_files(adopted); file; file = file->next)
			count += stage_spool_check(adopted, file, NULL) == 0;
		stage_spool_close(&adopted);
	}
	if (count != expected) {
		sweep_complain("%zu files wait, not %zu: %s", count, expected, failure.message);
	}
	wrap_pause(false);
}

/* Nothing that waits is lost, whatever fails - unless it is sweep_said to be gone. */
static void
adopt_scenario(void)
{
	struct stage_spool_file *file, *next;
	struct stage_spool *adopted;
	size_t waiting = DEAD_SPOOL_FILES;

	if (TRY(stage_spool_adopt(dead, true, &sweep_log, &adopted, &sweep_said)) < 0) {
		check_dead_spool(waiting);
		return;
	}
	for (file = stage_spool_files(adopted); file; file = next) {
		next = file->next;
		TRY(stage_spool_check(adopted, file, &sweep_said));
	}
	file = stage_spool_files(adopted);
	if (file) {
		TRY(stage_spool_forget(adopted, &file, &sweep_said));
		waiting--;
	}
	/* the record could not be written, and the file not be removed: then it waits still */
	if (file && file->sealed)
		waiting++;
	stage_spool_close(&adopted);
	if (!wrap_failed_with("fstatat", ENOENT))
		check_dead_spool(waiting);
}

static void
remove_dead_spool(void)
{
	remove_tree(dead);
}

static void
find_scenario(void)
{
	struct stage_reclaimed total = {0};
	struct stage_spool_found *list;
	size_t count;

	if (TRY(stage_spool_find(sweep_root, &list, &count, &sweep_said)) == 0)
		stage_spool_find_free(&list, count);
	/* and who reclaims takes nothing of it */
	TRY(stage_orphan_reclaim(sweep_root, &sweep_log, &total, &sweep_said));
	check_dead_spool(DEAD_SPOOL_FILES);
}

/* Another live run, which has reserved, and a dead spool. */
static struct stage_spool *other_spool;
static char *own_path;

#define OTHERS 4000

static void
make_reserved(void)
{
	struct stage_reserved room;

	make_spool();
	make_dead_spool();
	stage_spool_open(
		spool_dir, &(struct stage_spool_about){"", ""}, false, NULL, &other_spool, NULL);
	stage_dir_mktemp(spool_dir, &own_path, NULL);
	CHECK(stage_spool_reserve(other_spool, own_path, OTHERS, 0, &room, NULL) == 0);
}

static void
remove_reserved(void)
{
	free(own_path);
	stage_spool_close(&other_spool);
	stage_spool_close(&spool);
	stage_dir_close(&spool_dir);
	remove_dead_spool();
}

/* A directory seems to be gone, or another user's. */
static bool
is_unseen(void)
{
	return wrap_failed_with("openat", ENOENT) || wrap_failed_with("openat", EACCES);
}

/* But for that, what others have announced is never too little. */
static void
reserve_scenario(void)
{
	struct stage_reserved room;

	if (TRY(stage_spool_reserve(spool, own_path, 10, 0, &room, &sweep_said)) == 0 &&
		room.promised < OTHERS && !is_unseen()) {
		sweep_complain("only %llu are promised", (unsigned long long)room.promised);
	}
	if (TRY(stage_spool_reserve(spool, own_path, 10, OTHERS, &room, &sweep_said)) == 0 &&
		!is_unseen()) {
		sweep_complain("more was reserved than there is");
	}
}

SWEEP(journal, journal_scenario, NULL, NULL, NULL)
SWEEP(handoff, handoff_scenario, make_spool, NULL, NULL)
SWEEP(spool_life, spool_scenario, NULL, NULL, NULL)
SWEEP(spool_adopt, adopt_scenario, make_dead_spool, remove_dead_spool, NULL)
SWEEP(spool_find, find_scenario, make_dead_spool, remove_dead_spool, NULL)
SWEEP(spool_reserve, reserve_scenario, make_reserved, remove_reserved, NULL)

static const struct test tests[] = {
	{"journal", journal},
	{"handoff", handoff},
	{"spool_life", spool_life},
	{"spool_adopt", spool_adopt},
	{"spool_find", spool_find},
	{"spool_reserve", spool_reserve},
	{NULL, NULL},
};

const struct suite suite_sweep_spool = {"sweep_spool", tests};
