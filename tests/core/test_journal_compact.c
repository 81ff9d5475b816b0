/* Journals that are written anew: they tell the same as before, whatever happens meanwhile. */
#include "tests.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal.h"
#include "journal_internal.h"
#include "journal_text.h"
#include "naming.h"
#include "spool_run.h"
#include "wrap.h"

static struct stage_journal *
make_journal(int dirfd, bool durable)
{
	struct stage_journal *journal = NULL;

	WORKS(stage_journal_create(dirfd, test_dir, &sample_about, durable, &journal, &failure));
	REQUIRE(journal != NULL);
	return journal;
}

static struct stage_journal_content *
read_in(int dirfd)
{
	struct stage_journal_content *content = NULL;

	WORKS(stage_journal_read(dirfd, test_dir, &content, &failure));
	REQUIRE(content != NULL);
	return content;
}

static off_t
size_in(int dirfd)
{
	struct stat stat;

	REQUIRE(fstatat(dirfd, STAGE_JOURNAL_NAME, &stat, 0) == 0);
	return stat.st_size;
}

static bool
same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool
same_content(const struct stage_journal_content *a, const struct stage_journal_content *b)
{
	size_t i;

	if (a->has_target != b->has_target || !same_text(a->target, b->target) ||
		!same_text(a->home, b->home) || a->count != b->count || a->damaged != b->damaged ||
		!same_text(a->confirmed_name, b->confirmed_name) ||
		!same_text(a->confirmed_note, b->confirmed_note))
		return false;
	for (i = 0; i < a->count; i++)
		if (!same_record(&a->list[i], &b->list[i]) ||
			a->list[i].attempts != b->list[i].attempts ||
			a->list[i].failed != b->list[i].failed ||
			!same_text(a->list[i].failure, b->list[i].failure))
			return false;
	return true;
}

/* Removes what compactions that failed or were killed have left; returns how many there were. */
static int
sweep_out(int dirfd)
{
	struct dirent *entry;
	int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), count = 0;
	DIR *stream = fdopendir(copy);

	REQUIRE(stream != NULL);
	while ((entry = readdir(stream)))
		if (stage_naming_is_file(entry->d_name) && !stage_naming_is_staged(entry->d_name)) {
			unlinkat(dirfd, entry->d_name, 0);
			count++;
		}
	closedir(stream);
	return count;
}

/* Two journals with the same history: only the second one is ever written anew. */
#define PAIR 2

struct pair {
	int dirfd[PAIR];
	struct stage_journal *journal[PAIR];
	size_t given;
	size_t waiting[64]; /* numbers of the files that wait */
	size_t count;
};

static void
pair_open(struct pair *pair, bool again)
{
	int i;

	for (i = 0; i < PAIR; i++) {
		struct stage_journal_content *content;

		if (again) {
			content = read_in(pair->dirfd[i]);
			WORKS(stage_journal_append(pair->dirfd[i], test_dir, content, false,
				&pair->journal[i], &failure));
			stage_journal_content_free(&content);
		} else {
			pair->journal[i] = make_journal(pair->dirfd[i], false);
		}
	}
	pair->journal[0]->compact_at = STAGE_JOURNAL_NEVER;
}

/* As a crash in the midst of a record leaves it. */
static void
pair_tear(struct pair *pair)
{
	int i, fd;

	for (i = 0; i < PAIR; i++) {
		stage_journal_close(&pair->journal[i]);
		fd = openat(pair->dirfd[i], STAGE_JOURNAL_NAME, O_WRONLY | O_APPEND | O_CLOEXEC);
		CHECK(write(fd, "0123abcd sta", 12) == 12);
		close(fd);
	}
	pair_open(pair, true);
}

static void
pair_stage(struct pair *pair)
{
	static const char *const names[] = {
		"volume", "with blank", "100%", "new\nline", "\xff\x01"};
	struct stage_journal_record record;
	int i;

	if (pair->count == sizeof(pair->waiting) / sizeof(pair->waiting[0]))
		return;
	pair->given++;
	record = record_of(pair->given, names[pair->given % 5], names[pair->given / 5 % 5]);
	for (i = 0; i < PAIR; i++)
		WORKS(stage_journal_staged(pair->journal[i], &record, &failure));
	pair->waiting[pair->count++] = pair->given;
}

/* Ends, or fails, one that waits. */
static void
pair_change(struct pair *pair, int how)
{
	size_t at, number;
	int i;

	if (pair->count == 0)
		return;
	at = (size_t)rand() % pair->count;
	number = pair->waiting[at];
	for (i = 0; i < PAIR; i++) {
		struct stage_journal *journal = pair->journal[i];
		const char *file = file_of(number);

		if (how == 0)
			WORKS(stage_journal_confirmed(journal, file, &failure));
		else if (how == 1)
			WORKS(stage_journal_forgotten(journal, file, &failure));
		else if (how == 2)
			WORKS(stage_journal_stored(journal, file, "a b", "", &failure));
		else
			WORKS(stage_journal_write_failed(journal, file, (int64_t)number % 3,
				(unsigned int)at, at % 2 ? "no\nway" : "", &failure));
	}
	if (how < 3)
		pair->waiting[at] = pair->waiting[--pair->count];
}

static void
pair_compare(struct pair *pair)
{
	struct stage_journal_content *a = read_in(pair->dirfd[0]), *b = read_in(pair->dirfd[1]);

	CHECK(same_content(a, b) && a->count == pair->count);
	stage_journal_content_free(&a);
	stage_journal_content_free(&b);
}

/* Whatever is recorded, and whenever it is written anew, the journal tells what it would without. */
static void
reads_the_same(void)
{
	struct pair pair = {0};
	size_t step, anew = 0;
	int i;

	srand(13);
	for (i = 0; i < PAIR; i++) {
		make_dir(in_dir(i ? "b" : "a"), 0700);
		pair.dirfd[i] = open(in_dir(i ? "b" : "a"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	pair_open(&pair, false);
	for (step = 0; step < scaled(6000) && CU_get_number_of_failures() < 10; step++) {
		int what = rand() % 100;

		if (what < 40)
			pair_stage(&pair);
		else if (what < 90)
			pair_change(&pair, what % 4);
		else if (what < 92)
			pair_tear(&pair);
		else if (what < 95)
			stage_journal_compact(pair.journal[1]);
		anew += what >= 92 && what < 95;
		if (step % 16 == 0)
			pair_compare(&pair);
	}
	pair_compare(&pair);
	CHECK(anew > 0 && size_in(pair.dirfd[1]) < size_in(pair.dirfd[0]));
	for (i = 0; i < PAIR; i++) {
		stage_journal_close(&pair.journal[i]);
		CHECK(sweep_out(pair.dirfd[i]) == 0);
		unlinkat(pair.dirfd[i], STAGE_JOURNAL_NAME, 0);
		close(pair.dirfd[i]);
		CHECK(rmdir(in_dir(i ? "b" : "a")) == 0);
	}
}

/* Files come and go, and one waits all the time: the journal does not grow with what has gone. */
static void
stays_small(void)
{
	struct stage_journal_record record = record_of(1, "first", "a note");
	struct stage_journal_content *content;
	int dirfd = open_dir();
	struct stage_journal *journal = make_journal(dirfd, false);
	size_t i, most = 0;

	WORKS(stage_journal_staged(journal, &record, &failure));
	for (i = 2; i < scaled(20000); i++) {
		record = record_of(i, "volume", "a note");
		REQUIRE(stage_journal_staged(journal, &record, &failure) == 0);
		REQUIRE(stage_journal_confirmed(journal, record.file, &failure) == 0);
		if ((size_t)size_in(dirfd) > most)
			most = (size_t)size_in(dirfd);
	}
	CHECK(most < 2 * STAGE_JOURNAL_COMPACT_MIN);
	stage_journal_close(&journal);
	content = read_in(dirfd);
	CHECK(content->count == 1 && !strcmp(content->list[0].name, "first"));
	CHECK(!strcmp(content->confirmed_name, "volume"));
	stage_journal_content_free(&content);
	CHECK(sweep_out(dirfd) == 0);
	unlink(in_dir("journal"));
	close(dirfd);
}

/* As many wait as there are: to write it anew saves nothing, and is not done for each record. */
static void
all_alive(void)
{
	struct stage_journal_record record;
	int dirfd = open_dir();
	struct stage_journal *journal = make_journal(dirfd, false);
	size_t i;

	wrap_tally_begin();
	for (i = 1; i < 20000; i++) {
		record = record_of(i, "volume", "a note");
		REQUIRE(stage_journal_staged(journal, &record, &failure) == 0);
	}
	CHECK(wrap_tally("renameat") < 6);
	CHECK(wrap_tally_bytes("write") < 3 * (unsigned long long)size_in(dirfd));
	wrap_tally_end();
	stage_journal_close(&journal);
	unlink(in_dir("journal"));
	close(dirfd);
}

/* A journal with two files that wait, one of which has failed, and a confirmed one. */
static struct stage_journal *
make_sample(int dirfd, bool durable)
{
	struct stage_journal *journal = make_journal(dirfd, durable);
	struct stage_journal_record record;
	size_t i;

	for (i = 1; i <= 3; i++) {
		record = record_of(i, "volume", "note");
		WORKS(stage_journal_staged(journal, &record, &failure));
	}
	WORKS(stage_journal_failed(journal, file_of(2), 3, "away", &failure));
	WORKS(stage_journal_confirmed(journal, file_of(1), &failure));
	return journal;
}

/* Nothing but the journal may be left, and it tells what it told. */
static void
check_sample(int dirfd, const struct stage_journal_content *before)
{
	struct stage_journal_content *content = read_in(dirfd);

	CHECK(same_content(before, content));
	stage_journal_content_free(&content);
}

/* What is damaged is not known: not a byte of such a journal is given up. */
static void
not_if_damaged(void)
{
	int dirfd = open_dir(), fd;
	struct stage_journal *journal = make_sample(dirfd, false);
	struct stage_journal_content *content;
	off_t size;

	fd = open(in_dir("journal"), O_WRONLY | O_CLOEXEC);
	CHECK(pwrite(fd, "x", 1, size_in(dirfd) - 5) == 1);
	close(fd);
	size = size_in(dirfd);
	stage_journal_compact(journal);
	CHECK(size_in(dirfd) == size && journal->compact_at == STAGE_JOURNAL_NEVER);
	stage_journal_close(&journal);
	content = read_in(dirfd);
	CHECK(content->damaged == 1);
	WORKS(stage_journal_append(dirfd, test_dir, content, false, &journal, &failure));
	CHECK(journal->compact_at == STAGE_JOURNAL_NEVER);
	stage_journal_content_free(&content);
	stage_journal_close(&journal);
	unlink(in_dir("journal"));
	close(dirfd);
}

/* Whoever has the old one open reads on in it. */
static void
old_one_is_open(void)
{
	int dirfd = open_dir(), old;
	struct stage_journal *journal = make_sample(dirfd, false);
	struct stage_journal_content *before = read_in(dirfd), *content = NULL;
	char text[4096];
	ssize_t got;

	old = open(in_dir("journal"), O_RDONLY | O_CLOEXEC);
	got = read(old, text, 40);
	stage_journal_compact(journal);
	got += read(old, text + got, sizeof(text) - (size_t)got);
	close(old);
	WORKS(stage_journal_parse(text, (size_t)got, "old", &content, &failure));
	REQUIRE(content != NULL);
	CHECK(same_content(before, content));
	stage_journal_content_free(&content);
	check_sample(dirfd, before);
	stage_journal_content_free(&before);
	stage_journal_close(&journal);
	unlink(in_dir("journal"));
	close(dirfd);
}

static atomic_bool ended;
static atomic_size_t problems;

static struct stage_journal_record sample;

static void *
write_anew(void *context)
{
	struct stage_journal *journal = context;
	size_t i;

	for (i = 10; i < scaled(3000) + 10; i++) {
		struct stage_journal_record record = sample;
		char file[STAGE_FILE_NAME_MAX];

		/* the names of file_of() are the other thread's */
		snprintf(file, sizeof(file), "staged-abcdefghijklm-%zu", i);
		record.file = file;

		if (stage_journal_staged(journal, &record, NULL) < 0 ||
			stage_journal_confirmed(journal, record.file, NULL) < 0)
			atomic_fetch_add(&problems, 1);
		if (i % 3 == 0)
			stage_journal_compact(journal);
	}
	atomic_store(&ended, true);
	return NULL;
}

static void
read_meanwhile(void)
{
	int dirfd = open_dir();
	struct stage_journal *journal = make_sample(dirfd, false);
	struct stage_journal_content *content;
	pthread_t thread;
	bool last;

	atomic_store(&ended, false);
	atomic_store(&problems, 0);
	sample = record_of(1, "volume", "note");
	REQUIRE(pthread_create(&thread, NULL, write_anew, journal) == 0);
	do {
		last = atomic_load(&ended);
		content = read_in(dirfd);
		CHECK(content->damaged == 0 && content->has_target && content->confirmed_name);
		CHECK(content->count >= 2 && find(content, file_of(2)) &&
			find(content, file_of(3)));
		stage_journal_content_free(&content);
	} while (!last);
	pthread_join(thread, NULL);
	CHECK(atomic_load(&problems) == 0);
	stage_journal_close(&journal);
	CHECK(sweep_out(dirfd) == 0);
	unlink(in_dir("journal"));
	close(dirfd);
}

/* Each of its calls fails, alone and for good: the journal tells the same, and can be gone on with. */
static void
any_call_fails(void)
{
	int dirfd = open_dir(), lasting;
	struct stage_journal_content *before, *content;
	struct stage_journal_record record = record_of(9, "next", "");
	struct stage_journal *journal;
	size_t calls, number, i;

	journal = make_sample(dirfd, true);
	before = read_in(dirfd);
	wrap_begin(0, 0, false);
	stage_journal_compact(journal);
	calls = wrap_end();
	CHECK(calls > 10);
	for (number = 1; number <= calls; number++) {
		int errnos[8];

		memcpy(errnos, wrap_errnos(number), sizeof(errnos));
		for (i = 0; errnos[i]; i++) {
			for (lasting = 0; lasting <= (errnos[i] != EINTR); lasting++) {
				int fds = count_fds(), code;

				wrap_begin(number, errnos[i], lasting);
				stage_journal_compact(journal);
				wrap_end();
				CHECK(wrap_leaked() == 0 && wrap_bad_closes() == 0);
				CHECK(count_fds() == fds);
				check_sample(dirfd, before);
				CHECK(sweep_out(dirfd) <= 1);
				/* what is recorded then is in the journal that has the name */
				code = stage_journal_staged(journal, &record, &failure);
				CHECK(code == 0);
				content = read_in(dirfd);
				CHECK(content->count == 3 && find(content, record.file));
				stage_journal_content_free(&content);
				WORKS(stage_journal_forgotten(journal, record.file, &failure));
			}
		}
	}
	stage_journal_content_free(&before);
	stage_journal_close(&journal);
	unlink(in_dir("journal"));
	close(dirfd);
}

/* What a file server has renamed though it says that it has not. */
static void
renamed_in_spite_of_failure(void)
{
	int dirfd = open_dir(), fds;
	struct stage_journal_content *before, *content;
	struct stage_journal_record record = record_of(9, "next", "");
	struct stage_journal *journal;

	journal = make_sample(dirfd, true);
	before = read_in(dirfd);
	fds = count_fds();
	wrap_fail_late(true);
	wrap_begin_two("renameat", EIO, "renameat2", EIO);
	stage_journal_compact(journal);
	wrap_end();
	wrap_fail_late(false);
	CHECK(wrap_failed());
	CHECK(count_fds() == fds);
	check_sample(dirfd, before);
	CHECK(sweep_out(dirfd) == 0);
	WORKS(stage_journal_staged(journal, &record, &failure));
	content = read_in(dirfd);
	CHECK(content->count == 3 && find(content, record.file));
	stage_journal_content_free(&content);
	stage_journal_content_free(&before);
	stage_journal_close(&journal);
	unlink(in_dir("journal"));
	close(dirfd);
}

/* Killed before any of its calls: the old one or the new one is there, whole. */
static void
killed_at_any_call(void)
{
	int dirfd = open_dir(), status;
	struct stage_journal *journal = make_sample(dirfd, true);
	struct stage_journal_content *before = read_in(dirfd), *content;
	size_t calls, at;
	pid_t pid;

	wrap_begin(0, 0, false);
	stage_journal_compact(journal);
	calls = wrap_end();
	stage_journal_close(&journal);
	for (at = 1; at <= calls; at++) {
		content = read_in(dirfd);
		WORKS(stage_journal_append(dirfd, test_dir, content, true, &journal, &failure));
		stage_journal_content_free(&content);
		pid = fork();
		REQUIRE(pid >= 0);
		if (pid == 0) {
			wrap_begin_kill(at);
			stage_journal_compact(journal);
			kill(getpid(), SIGKILL);
		}
		REQUIRE(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
		stage_journal_close(&journal);
		check_sample(dirfd, before);
		CHECK(sweep_out(dirfd) <= 1);
	}
	stage_journal_content_free(&before);
	unlink(in_dir("journal"));
	close(dirfd);
}

/* The number of the call of this name, the count-th from 1. */
static size_t
call_of(size_t calls, const char *name, size_t count)
{
	size_t number;

	for (number = 1; number <= calls; number++)
		if (strcmp(wrap_name(number), name) == 0 && --count == 0)
			return number;
	return 0;
}

/*
 * What a power cut leaves rests on the order: the content, the name, the name on disk. Until that is so no
 * record counts as durable, since the old journal may come back.
 */
static void
order_of_syncs(void)
{
	int dirfd = open_dir();
	struct stage_journal *journal = make_sample(dirfd, true);
	struct stage_journal_record record = record_of(9, "next", "");
	size_t calls, content, name, folder;

	stage_journal_compact(journal); /* gets randomness for several names */
	wrap_begin(0, 0, false);
	stage_journal_compact(journal);
	calls = wrap_end();
	content = call_of(calls, "fsync", 1);
	name = call_of(calls, "renameat", 1);
	folder = call_of(calls, "fsync", 2);
	REQUIRE(content && name && folder);
	CHECK(content < name && name < folder && !call_of(calls, "fsync", 3));
	wrap_begin(folder, EIO, false);
	stage_journal_compact(journal);
	wrap_end();
	CHECK(wrap_failed_with("fsync", EIO) && journal->unnamed);
	wrap_begin_two("fsync", EIO, "fsync", EIO);
	CHECK(stage_journal_staged(journal, &record, &failure) == STAGE_E_SYSTEM);
	CHECK(stage_journal_confirmed(journal, file_of(2), &failure) == STAGE_E_SYSTEM);
	wrap_end();
	CHECK(journal->unnamed);
	/* the folder first, then the record */
	wrap_begin(0, 0, false);
	CHECK(stage_journal_staged(journal, &record, &failure) == 0);
	calls = wrap_end();
	CHECK(call_of(calls, "fsync", 2) && !journal->unnamed);
	stage_journal_close(&journal);
	/* records that do not wait for the disk: the content does all the same */
	unlink(in_dir("journal"));
	journal = make_sample(dirfd, false);
	wrap_begin(0, 0, false);
	stage_journal_compact(journal);
	calls = wrap_end();
	CHECK(call_of(calls, "fsync", 1) &&
		call_of(calls, "fsync", 1) < call_of(calls, "renameat", 1));
	stage_journal_close(&journal);
	unlink(in_dir("journal"));
	close(dirfd);
}

/* A run killed in the midst leaves the new file beside the old one: whoever adopts loses and keeps nothing. */
static void
spool_of_a_killed_run(void)
{
	char *text;
	size_t size;

	open_both();
	stage("a", "1");
	close_both();
	text = read_journal(&size);
	make_file_bytes(join(spool_path, "mkstemp-abcdefghijklm-1"), text, size - 7, 0600);
	free(text);
	find_all();
	REQUIRE(found_count == 1);
	CHECK(found[0].count == 1 && found[0].damaged == 0 && found[0].unlisted == 0);
	found_done();
	adopt();
	CHECK(count_files() == 1 && captured.lines[STAGE_WARNING] == 0);
	stage_spool_close(&spool);
	CHECK(count_entries(spool_path) == 2 && captured.lines[STAGE_WARNING] == 0);
	adopt();
	finish();
}

static const struct test tests[] = {
	{"reads_the_same", reads_the_same},
	{"stays_small", stays_small},
	{"all_alive", all_alive},
	{"not_if_damaged", not_if_damaged},
	{"old_one_is_open", old_one_is_open},
	{"read_meanwhile", read_meanwhile},
	{"any_call_fails", any_call_fails},
	{"renamed_in_spite_of_failure", renamed_in_spite_of_failure},
	{"killed_at_any_call", killed_at_any_call},
	{"order_of_syncs", order_of_syncs},
	{"spool_of_a_killed_run", spool_of_a_killed_run},
	{NULL, NULL},
};

const struct suite suite_journal_compact = {"journal_compact", tests};
