#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "digest.h"
#include "journal.h"
#include "journal_text.h"
#include "wrap.h"

#define ODD 9
static char *
odd_text(size_t i)
{
	static char texts[ODD][256];
	size_t byte;

	strcpy(texts[0], "");
	strcpy(texts[1], "%");
	strcpy(texts[2], "%%% %41 %");
	strcpy(texts[3], " two  blanks ");
	strcpy(texts[4], "line\nline\r\n\t\x7f");
	strcpy(texts[5], "caf\xc3\xa9 \xff\xfe\x80");
	strcpy(texts[6], "-");
	for (byte = 1; byte < 256; byte++)
		texts[7][byte - 1] = (char)byte;
	memset(texts[8], '\n', 255);
	return texts[i];
}

static void
round_trip(void)
{
	const struct stage_journal_about odd = {odd_text(7), odd_text(4)};
	struct stage_journal_record records[ODD];
	struct stage_journal_content *content = NULL;
	struct stage_journal *journal = NULL;
	int dirfd = open_dir();
	size_t i;

	WORKS(stage_journal_create(dirfd, test_dir, &odd, false, &journal, &failure));
	for (i = 0; i < ODD; i++) {
		records[i] = record_of(i + 1, odd_text(i), odd_text(ODD - 1 - i));
		WORKS(stage_journal_staged(journal, &records[i], &failure));
		WORKS(stage_journal_failed(journal, records[i].file, 7, odd_text(i), &failure));
	}
	stage_journal_close(&journal);
	CHECK(journal == NULL);
	stage_journal_close(&journal);
	WORKS(stage_journal_read(dirfd, test_dir, &content, &failure));
	REQUIRE(content != NULL);
	CU_ASSERT_STRING_EQUAL(content->target, odd.target);
	CU_ASSERT_STRING_EQUAL(content->home, odd.home);
	CHECK(content->count == ODD && content->damaged == 0);
	CHECK(!content->torn && !content->needs_newline);
	for (i = 0; i < ODD && i < content->count; i++) {
		CHECK(same_record(&content->list[i], &records[i]));
		CU_ASSERT_STRING_EQUAL(content->list[i].failure, odd_text(i));
		CHECK(content->list[i].attempts == 7);
		CHECK(content->list[i].failed > 1700000000 &&
			content->list[i].failed <= time(NULL));
	}
	stage_journal_content_free(&content);
	CHECK(content == NULL);
	stage_journal_content_free(&content);
	unlink(in_dir("journal"));
	close(dirfd);
}

static void
extremes(void)
{
	struct stage_journal_record most = record_of(1, "n", "n"), least = record_of(2, "n", "n");
	struct stage_journal_record early = record_of(3, "n", "n");
	struct stage_journal_content *content = NULL;
	struct stage_journal *journal = NULL;
	int dirfd = open_dir();

	most.digest.size = UINT64_MAX;
	most.sealed = INT64_MAX;
	least.digest.size = 0;
	least.sealed = 0;
	early.sealed = -5;
	WORKS(stage_journal_create(dirfd, test_dir, &sample_about, false, &journal, &failure));
	WORKS(stage_journal_staged(journal, &most, &failure));
	WORKS(stage_journal_staged(journal, &least, &failure));
	WORKS(stage_journal_staged(journal, &early, &failure));
	WORKS(stage_journal_failed(journal, most.file, UINT_MAX, "", &failure));
	stage_journal_close(&journal);
	WORKS(stage_journal_read(dirfd, test_dir, &content, &failure));
	REQUIRE(content != NULL && content->count == 3);
	CHECK(same_record(&content->list[0], &most));
	CHECK(content->list[0].attempts == UINT_MAX && !*content->list[0].failure);
	CHECK(same_record(&content->list[1], &least));
	CHECK(content->list[1].attempts == 0 && content->list[1].failed == 0);
	CU_ASSERT_STRING_EQUAL(content->list[1].failure, "");
	CHECK(content->list[2].sealed == 0);
	stage_journal_content_free(&content);
	unlink(in_dir("journal"));
	close(dirfd);
}

/* The format is a promise to later versions. The checksums are another program's. */
static void
format(void)
{
	static const char expected[] =
		"e0617931 stagedir 1\n"
		"0bfebf29 target sftp://host/a%20b %\n"
		"f3f4e6bc staged staged-abcdefghijklm-1 3 " ABC " 1700000000 vol%0A%25%FF.gpg %\n"
		"f1602427 forgotten staged-abcdefghijklm-1\n"
		"6ef36434 stored staged-abcdefghijklm-1 vol%0A%25%FF.gpg %\n";
	struct stage_journal_record record = record_of(1, "vol\n%\xff.gpg", "");
	struct stage_journal *journal = NULL;
	int dirfd = open_dir(), i;
	struct bytes bytes;

	record.digest.size = 3;
	for (i = 0; i < STAGE_DIGEST_BYTES; i++) {
		unsigned int byte = 0;

		sscanf(&ABC[2 * i], "%2x", &byte);
		record.digest.sha256[i] = (unsigned char)byte;
	}
	WORKS(stage_journal_create(dirfd, test_dir, &sample_about, true, &journal, &failure));
	WORKS(stage_journal_staged(journal, &record, &failure));
	WORKS(stage_journal_forgotten(journal, record.file, &failure));
	WORKS(stage_journal_stored(journal, record.file, record.name, record.note, &failure));
	stage_journal_close(&journal);
	bytes = slurp();
	add(&bytes, "", 1);
	CU_ASSERT_STRING_EQUAL(bytes.text, expected);
	free(bytes.text);
	unlink(in_dir("journal"));
	close(dirfd);
}

static void
forgotten_and_failed(void)
{
	struct stage_journal_content *content = NULL;
	struct stage_journal_record record, again;
	struct stage_journal *journal = NULL;
	int dirfd = open_dir();
	size_t i;

	WORKS(stage_journal_create(dirfd, test_dir, &sample_about, false, &journal, &failure));
	for (i = 1; i <= 6; i++) {
		record = record_of(i, "name", "note");
		WORKS(stage_journal_staged(journal, &record, &failure));
	}
	WORKS(stage_journal_failed(journal, file_of(5), 1, "first", &failure));
	WORKS(stage_journal_failed(journal, file_of(5), 2, "second", &failure));
	WORKS(stage_journal_failed(journal, file_of(2), 1, "of one that goes", &failure));
	WORKS(stage_journal_forgotten(journal, file_of(2), &failure));
	WORKS(stage_journal_forgotten(journal, file_of(6), &failure));
	/* of what does not wait, or never did */
	WORKS(stage_journal_failed(journal, file_of(2), 9, "late", &failure));
	WORKS(stage_journal_forgotten(journal, file_of(2), &failure));
	WORKS(stage_journal_forgotten(journal, file_of(99), &failure));
	WORKS(stage_journal_failed(journal, file_of(99), 1, "never", &failure));
	/* a name that comes again is another file, behind the others */
	again = record_of(2, "again", "");
	WORKS(stage_journal_staged(journal, &again, &failure));
	stage_journal_close(&journal);
	WORKS(stage_journal_read(dirfd, test_dir, &content, &failure));
	REQUIRE(content != NULL && content->count == 5);
	CHECK(content->damaged == 0);
	for (i = 0; i < 4; i++)
		CHECK(strcmp(content->list[i].file, file_of((size_t[]){1, 3, 4, 5}[i])) == 0);
	CHECK(content->list[3].attempts == 2);
	CU_ASSERT_STRING_EQUAL(content->list[3].failure, "second");
	CHECK(content->list[2].attempts == 0 && content->list[2].failed == 0);
	CHECK(same_record(&content->list[4], &again) && content->list[4].attempts == 0);
	stage_journal_content_free(&content);
	unlink(in_dir("journal"));
	close(dirfd);
}

/* What is told last was confirmed last, had it been staged or not. */
static void
stored(void)
{
	struct stage_journal_content *content = NULL;
	struct stage_journal_record record;
	struct stage_journal *journal = NULL;
	int dirfd = open_dir();
	size_t i;

	WORKS(stage_journal_create(dirfd, test_dir, &sample_about, true, &journal, &failure));
	for (i = 1; i <= 3; i++) {
		record = record_of(i, i == 3 ? "third" : "name", "note");
		WORKS(stage_journal_staged(journal, &record, &failure));
	}
	WORKS(stage_journal_confirmed(journal, file_of(1), &failure));
	WORKS(stage_journal_stored(journal, file_of(9), "never staged\n", "", &failure));
	WORKS(stage_journal_read(dirfd, test_dir, &content, &failure));
	REQUIRE(content != NULL);
	CHECK(content->count == 2 && content->damaged == 0);
	CU_ASSERT_STRING_EQUAL(content->confirmed_name, "never staged\n");
	CU_ASSERT_STRING_EQUAL(content->confirmed_note, "");
	stage_journal_content_free(&content);
	/* one that waits, for all that the journal tells, waits no more */
	WORKS(stage_journal_stored(journal, file_of(2), "second", "its note", &failure));
	WORKS(stage_journal_read(dirfd, test_dir, &content, &failure));
	REQUIRE(content != NULL);
	CHECK(content->count == 1 && content->damaged == 0);
	CU_ASSERT_STRING_EQUAL(content->confirmed_name, "second");
	CU_ASSERT_STRING_EQUAL(content->confirmed_note, "its note");
	stage_journal_content_free(&content);
	WORKS(stage_journal_confirmed(journal, file_of(3), &failure));
	stage_journal_close(&journal);
	WORKS(stage_journal_read(dirfd, test_dir, &content, &failure));
	REQUIRE(content != NULL);
	CHECK(content->count == 0);
	CU_ASSERT_STRING_EQUAL(content->confirmed_name, "third");
	stage_journal_content_free(&content);
	unlink(in_dir("journal"));
	close(dirfd);
}

/* Only names that the library gives are ever used with a directory. */
static void
bad_arguments(void)
{
	static const char *const bad[] = {"", ".", "..", "journal", "a/staged-abcdefghijklm-1",
		"staged-abcdefghijklm-1/..", "staged-abcdefghijklm-1 ", "staged-abcdefghijklm-0"};
	struct stage_journal *journal = NULL;
	int dirfd = open_dir();
	struct bytes bytes;
	size_t i;

	WORKS(stage_journal_create(dirfd, test_dir, &sample_about, false, &journal, &failure));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct stage_journal_record record = record_of(1, "name", "note");

		record.file = (char *)bad[i];
		FAILS(stage_journal_staged(journal, &record, &failure), STAGE_E_ARGUMENT);
		FAILS(stage_journal_failed(journal, bad[i], 1, "", &failure), STAGE_E_ARGUMENT);
		FAILS(stage_journal_forgotten(journal, bad[i], &failure), STAGE_E_ARGUMENT);
		FAILS(stage_journal_stored(journal, bad[i], "", "", &failure), STAGE_E_ARGUMENT);
	}
	stage_journal_close(&journal);
	bytes = slurp();
	CHECK(bytes.size == strlen("e0617931 stagedir 1\n0bfebf29 target sftp://host/a%20b %\n"));
	free(bytes.text);
	unlink(in_dir("journal"));
	close(dirfd);
}

static void
private_mode(void)
{
	static const mode_t masks[] = {0, 022, 077, 0777};
	struct stage_journal *journal = NULL;
	int dirfd = open_dir();
	struct stat stat;
	size_t i;

	for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		umask(masks[i]);
		WORKS(stage_journal_create(
			dirfd, test_dir, &sample_about, true, &journal, &failure));
		umask(022);
		CHECK(lstat(in_dir("journal"), &stat) == 0);
		CHECK(S_ISREG(stat.st_mode) && (stat.st_mode & 07777) == 0600);
		CHECK(stat.st_nlink == 1 && stat.st_uid == geteuid());
		stage_journal_close(&journal);
		unlink(in_dir("journal"));
	}
	close(dirfd);
}

static void
create_over_another(void)
{
	struct stage_journal *journal = NULL;
	int dirfd = open_dir(), fds;
	struct bytes bytes;

	make_file(in_dir("journal"), "somebody's", 0640);
	fds = count_fds();
	FAILS(stage_journal_create(dirfd, test_dir, &sample_about, true, &journal, &failure),
		STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == EEXIST && journal == NULL);
	HAS(failure.message, in_dir("journal"));
	bytes = slurp();
	CHECK(bytes.size == 10 && memcmp(bytes.text, "somebody's", 10) == 0);
	free(bytes.text);
	unlink(in_dir("journal"));
	/* nor through a link, dangling or not */
	REQUIRE(symlink("elsewhere", in_dir("journal")) == 0);
	FAILS(stage_journal_create(dirfd, test_dir, &sample_about, true, &journal, &failure),
		STAGE_E_SYSTEM);
	CHECK(is_there(in_dir("journal")) && !is_there(in_dir("elsewhere")));
	unlink(in_dir("journal"));
	CHECK(count_fds() == fds);
	close(dirfd);
}

static void
missing(void)
{
	struct stage_journal_content *content = NULL;
	int dirfd = open_dir();

	FAILS(stage_journal_read(dirfd, test_dir, &content, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT && content == NULL);
	HAS(failure.message, in_dir("journal"));
	CHECK(stage_journal_read(dirfd, test_dir, &content, NULL) == STAGE_E_SYSTEM);
	close(dirfd);
}

static void
refuse(int dirfd)
{
	struct stage_journal_content *content = NULL, some = {0};
	struct stage_journal *journal = NULL;

	FAILS(stage_journal_read(dirfd, test_dir, &content, &failure), STAGE_E_DAMAGED);
	HAS(failure.message, "regular file");
	CHECK(content == NULL);
	FAILS(stage_journal_append(dirfd, test_dir, &some, false, &journal, &failure),
		STAGE_E_DAMAGED);
	CHECK(journal == NULL);
}

static void
not_regular(void)
{
	int dirfd = open_dir(), fds = count_fds();

	REQUIRE(mkfifo(in_dir("journal"), 0600) == 0);
	refuse(dirfd);
	unlink(in_dir("journal"));
	make_dir(in_dir("journal"), 0700);
	refuse(dirfd);
	rmdir(in_dir("journal"));
	make_file(in_dir("real"), "e0617931 stagedir 1\n", 0600);
	REQUIRE(symlink("real", in_dir("journal")) == 0);
	refuse(dirfd);
	unlink(in_dir("journal"));
	unlink(in_dir("real"));
	REQUIRE(symlink("/dev/tty", in_dir("journal")) == 0);
	refuse(dirfd);
	unlink(in_dir("journal"));
	CHECK(count_fds() == fds);
	close(dirfd);
}

static void
too_large(void)
{
	struct stage_journal_content *content = NULL;
	int dirfd = open_dir();

	make_file(in_dir("journal"), "e0617931 stagedir 1\n", 0600);
	REQUIRE(truncate(in_dir("journal"), STAGE_JOURNAL_MAX + 1) == 0);
	FAILS(stage_journal_read(dirfd, test_dir, &content, &failure), STAGE_E_DAMAGED);
	HAS(failure.message, "too large");
	FAILS(stage_journal_parse("", (size_t)STAGE_JOURNAL_MAX + 1, "DIR", &content, &failure),
		STAGE_E_DAMAGED);
	CHECK(content == NULL);
	unlink(in_dir("journal"));
	close(dirfd);
}

/* What would make it so is refused in time: what waits can still be forgotten, and read. */
static void
grows_too_large(void)
{
	struct stage_journal_record record = record_of(1, "name", "note"), next;
	struct stage_journal_content *content = NULL;
	struct stage_journal *journal = NULL;
	int dirfd = open_dir(), fd;

	next = record_of(2, "name", "note");
	WORKS(stage_journal_create(dirfd, test_dir, &sample_about, false, &journal, &failure));
	WORKS(stage_journal_staged(journal, &record, &failure));
	stage_journal_close(&journal);
	/* one that is damaged is never written anew */
	fd = open(in_dir("journal"), O_WRONLY | O_APPEND | O_CLOEXEC);
	CHECK(write(fd, "damage\n", 7) == 7);
	close(fd);
	REQUIRE(truncate(in_dir("journal"), STAGE_JOURNAL_MAX / 2 - 100) == 0);
	WORKS(stage_journal_read(dirfd, test_dir, &content, &failure));
	REQUIRE(content != NULL && content->count == 1 && content->torn && content->damaged == 1);
	WORKS(stage_journal_append(dirfd, test_dir, content, false, &journal, &failure));
	stage_journal_content_free(&content);
	FAILS(stage_journal_staged(journal, &next, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == EFBIG);
	WORKS(stage_journal_failed(journal, record.file, 1, "", &failure));
	FAILS(stage_journal_failed(journal, record.file, 1, "", &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == EFBIG);
	WORKS(stage_journal_forgotten(journal, record.file, &failure));
	stage_journal_close(&journal);
	WORKS(stage_journal_read(dirfd, test_dir, &content, &failure));
	REQUIRE(content != NULL);
	CHECK(content->count == 0 && content->damaged == 1 && !content->torn);
	stage_journal_content_free(&content);
	unlink(in_dir("journal"));
	close(dirfd);
}

static atomic_bool appended;
static size_t append_problems;

static void *
append_many(void *context)
{
	struct stage_journal *journal = context;
	size_t i;

	for (i = 1; i <= scaled(5000); i++) {
		struct stage_journal_record record = record_of(i, "name", "note");

		append_problems += stage_journal_staged(journal, &record, NULL) < 0;
	}
	atomic_store(&appended, true);
	return NULL;
}

static void
read_while_appended(void)
{
	struct stage_journal_content *content = NULL;
	struct stage_journal *journal = NULL;
	int dirfd = open_dir();
	size_t last = 0;
	pthread_t thread;
	bool ended;

	append_problems = 0;
	atomic_store(&appended, false);
	WORKS(stage_journal_create(dirfd, test_dir, &sample_about, false, &journal, &failure));
	REQUIRE(pthread_create(&thread, NULL, append_many, journal) == 0);
	do {
		ended = atomic_load(&appended);
		WORKS(stage_journal_read(dirfd, test_dir, &content, &failure));
		REQUIRE(content != NULL);
		CHECK(content->damaged == 0 && content->count >= last);
		last = content->count;
		stage_journal_content_free(&content);
	} while (!ended);
	pthread_join(thread, NULL);
	CHECK(append_problems == 0 && last == scaled(5000));
	stage_journal_close(&journal);
	unlink(in_dir("journal"));
	close(dirfd);
}

/* The limit of a file's size cuts a write as a full disk does. */
static int
write_up_to_limit(void *context)
{
	struct stage_journal *journal = context;
	struct stage_journal_record record = record_of(2, "torn", ""), next;
	struct rlimit limit, before;
	struct stat stat;

	signal(SIGXFSZ, SIG_IGN);
	if (getrlimit(RLIMIT_FSIZE, &before) < 0 || lstat(in_dir("journal"), &stat) < 0)
		return -2;
	limit = before;
	limit.rlim_cur = (rlim_t)stat.st_size + 30;
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return -3;
	if (stage_journal_staged(journal, &record, NULL) != STAGE_E_SYSTEM ||
		stage_journal_staged(journal, &record, NULL) != STAGE_E_SYSTEM)
		return -4;
	if (setrlimit(RLIMIT_FSIZE, &before) < 0)
		return -5;
	next = record_of(3, "next", "");
	return stage_journal_staged(journal, &next, NULL);
}

static void
cut_write(void)
{
	struct stage_journal_record record = record_of(1, "name", "");
	struct stage_journal_content *content = NULL;
	struct stage_journal *journal = NULL;
	int dirfd = open_dir();
	struct bytes bytes;

	WORKS(stage_journal_create(dirfd, test_dir, &sample_about, false, &journal, &failure));
	WORKS(stage_journal_staged(journal, &record, &failure));
	CHECK(in_child(write_up_to_limit, journal, -1) == 0);
	stage_journal_close(&journal);
	bytes = slurp();
	add(&bytes, "", 1);
	HAS(bytes.text, "%%%\n");
	free(bytes.text);
	WORKS(stage_journal_read(dirfd, test_dir, &content, &failure));
	REQUIRE(content != NULL);
	CHECK(content->count == 2 && content->damaged == 0 && !content->torn);
	CHECK(find(content, file_of(1)) && !find(content, file_of(2)) && find(content, file_of(3)));
	stage_journal_content_free(&content);
	unlink(in_dir("journal"));
	close(dirfd);
}

/* What may not be on disk does not wait, whatever the file says; and may be sealed once more. */
static void
not_durable(void)
{
	struct stage_journal_record record = record_of(1, "name", "");
	struct stage_journal_content *content = NULL;
	struct stage_journal *journal = NULL;
	int dirfd = open_dir(), code;

	WORKS(stage_journal_create(dirfd, test_dir, &sample_about, true, &journal, &failure));
	wrap_begin_two("fsync", EIO, "fsync", EIO);
	code = stage_journal_staged(journal, &record, &failure);
	wrap_end();
	FAILS(code, STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == EIO);
	WORKS(stage_journal_read(dirfd, test_dir, &content, &failure));
	REQUIRE(content != NULL);
	CHECK(content->count == 0 && content->damaged == 0);
	stage_journal_content_free(&content);
	WORKS(stage_journal_staged(journal, &record, &failure));
	stage_journal_close(&journal);
	WORKS(stage_journal_read(dirfd, test_dir, &content, &failure));
	REQUIRE(content != NULL);
	CHECK(content->count == 1 && content->damaged == 0);
	stage_journal_content_free(&content);
	unlink(in_dir("journal"));
	close(dirfd);
}

static const struct test tests[] = {
	{"round_trip", round_trip},
	{"extremes", extremes},
	{"format", format},
	{"forgotten_and_failed", forgotten_and_failed},
	{"stored", stored},
	{"bad_arguments", bad_arguments},
	{"private_mode", private_mode},
	{"create_over_another", create_over_another},
	{"missing", missing},
	{"not_regular", not_regular},
	{"too_large", too_large},
	{"grows_too_large", grows_too_large},
	{"read_while_appended", read_while_appended},
	{"cut_write", cut_write},
	{"not_durable", not_durable},
	{NULL, NULL},
};

const struct suite suite_journal = {"journal", tests};
