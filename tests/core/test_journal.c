#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "journal.h"
#include "naming.h"
#include "wrap.h"

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const struct stage_journal_about about = {"sftp://host/a b", ""};

/* The names of staged files, by number from 1; several are valid at a time. */
static char *
file_of(size_t number)
{
	static char names[16][STAGE_FILE_NAME_MAX];
	static unsigned int next;
	char *name = names[next++ % 16];

	snprintf(name, sizeof(names[0]), "staged-abcdefghijklm-%zu", number);
	return name;
}

/* The strings are only read when it is written. */
static struct stage_journal_record
record_of(size_t number, const char *name, const char *note)
{
	struct stage_journal_record record = {.file = file_of(number),
		.sealed = 1700000000,
		.name = (char *)name,
		.note = (char *)note};

	record.digest.size = number * 1000;
	memset(record.digest.sha256, (int)number, sizeof(record.digest.sha256));
	return record;
}

static bool
same_record(const struct stage_journal_record *a, const struct stage_journal_record *b)
{
	return strcmp(a->file, b->file) == 0 && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->note, b->note) == 0 && a->digest.size == b->digest.size &&
	       memcmp(a->digest.sha256, b->digest.sha256, STAGE_DIGEST_BYTES) == 0 &&
	       a->sealed == b->sealed;
}

static int
open_dir(void)
{
	int fd = open(test_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	REQUIRE(fd >= 0);
	return fd;
}

/* Bytes that a test puts together. */
struct bytes {
	char *text;
	size_t size, room;
};

static void
add(struct bytes *bytes, const void *more, size_t size)
{
	if (bytes->size + size > bytes->room) {
		bytes->room = 2 * (bytes->size + size);
		bytes->text = realloc(bytes->text, bytes->room);
		REQUIRE(bytes->text != NULL);
	}
	memcpy(bytes->text + bytes->size, more, size);
	bytes->size += size;
}

static void
add_text(struct bytes *bytes, const char *text)
{
	add(bytes, text, strlen(text));
}

/* Adds a line with its checksum, which is right whatever the line holds. */
static void
add_line_bytes(struct bytes *bytes, const char *line, size_t size)
{
	char crc[16];

	snprintf(crc, sizeof(crc), "%08lx ", crc32(0, (const unsigned char *)line, (uInt)size));
	add_text(bytes, crc);
	add(bytes, line, size);
	add_text(bytes, "\n");
}

static void
add_line(struct bytes *bytes, const char *line)
{
	add_line_bytes(bytes, line, strlen(line));
}

/* What the journal in the test's directory holds. */
static struct bytes
slurp(void)
{
	struct bytes bytes = {0};
	char buffer[4096];
	ssize_t got;
	int fd = open(in_dir("journal"), O_RDONLY | O_CLOEXEC);

	REQUIRE(fd >= 0);
	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		add(&bytes, buffer, (size_t)got);
	close(fd);
	return bytes;
}

/* Parses a copy that ends where its memory does, so that tools see a byte that is read behind it. */
static int
parse(const char *text, size_t size, struct stage_journal_content **ret_content)
{
	char *copy = malloc(size ? size : 1);
	int code;

	REQUIRE(copy != NULL);
	if (size)
		memcpy(copy, text, size);
	code = stage_journal_parse(copy, size, "DIR", ret_content, &failure);
	free(copy);
	return code;
}

static const struct stage_journal_record *
find(const struct stage_journal_content *content, const char *file)
{
	size_t i;

	for (i = 0; i < content->count; i++)
		if (strcmp(content->list[i].file, file) == 0)
			return &content->list[i];
	return NULL;
}

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
	WORKS(stage_journal_create(dirfd, test_dir, &about, false, &journal, &failure));
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
	WORKS(stage_journal_create(dirfd, test_dir, &about, true, &journal, &failure));
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

	WORKS(stage_journal_create(dirfd, test_dir, &about, false, &journal, &failure));
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

	WORKS(stage_journal_create(dirfd, test_dir, &about, true, &journal, &failure));
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

	WORKS(stage_journal_create(dirfd, test_dir, &about, false, &journal, &failure));
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
		WORKS(stage_journal_create(dirfd, test_dir, &about, true, &journal, &failure));
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
	FAILS(stage_journal_create(dirfd, test_dir, &about, true, &journal, &failure),
		STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == EEXIST && journal == NULL);
	HAS(failure.message, in_dir("journal"));
	bytes = slurp();
	CHECK(bytes.size == 10 && memcmp(bytes.text, "somebody's", 10) == 0);
	free(bytes.text);
	unlink(in_dir("journal"));
	/* nor through a link, dangling or not */
	REQUIRE(symlink("elsewhere", in_dir("journal")) == 0);
	FAILS(stage_journal_create(dirfd, test_dir, &about, true, &journal, &failure),
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
	int dirfd = open_dir();

	next = record_of(2, "name", "note");
	WORKS(stage_journal_create(dirfd, test_dir, &about, false, &journal, &failure));
	WORKS(stage_journal_staged(journal, &record, &failure));
	stage_journal_close(&journal);
	REQUIRE(truncate(in_dir("journal"), STAGE_JOURNAL_MAX / 2 - 100) == 0);
	WORKS(stage_journal_read(dirfd, test_dir, &content, &failure));
	REQUIRE(content != NULL && content->count == 1 && content->torn);
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
	CHECK(content->count == 0 && content->damaged == 0 && !content->torn);
	stage_journal_content_free(&content);
	unlink(in_dir("journal"));
	close(dirfd);
}

/* A journal with three files, of which the second is forgotten and the third has failed. */
static struct bytes
make_sample(struct stage_journal_record records[3])
{
	static const char *const names[] = {"vol 1", "vol\n2", "vol%3"};
	static const char *const notes[] = {"", "a note", ""};
	struct stage_journal *journal = NULL;
	int dirfd = open_dir();
	struct bytes bytes;
	size_t i;

	WORKS(stage_journal_create(dirfd, test_dir, &about, false, &journal, &failure));
	for (i = 0; i < 3; i++) {
		records[i] = record_of(i + 1, names[i], notes[i]);
		WORKS(stage_journal_staged(journal, &records[i], &failure));
	}
	WORKS(stage_journal_forgotten(journal, records[1].file, &failure));
	WORKS(stage_journal_failed(journal, records[2].file, 1, "no luck", &failure));
	stage_journal_close(&journal);
	bytes = slurp();
	unlink(in_dir("journal"));
	close(dirfd);
	return bytes;
}

static size_t
count_lines(const char *text, size_t size)
{
	size_t i, count = 0;

	for (i = 0; i < size; i++)
		count += text[i] == '\n';
	return count;
}

/* The files that wait after so many lines of the sample. */
static size_t
waiting_after(size_t lines)
{
	static const size_t waiting[] = {0, 0, 0, 1, 2, 3, 2, 2};

	return waiting[lines];
}

static void
torn_anywhere(void)
{
	struct stage_journal_record records[3];
	struct bytes bytes = make_sample(records);
	struct stage_journal_content *content = NULL;
	size_t size, i;

	for (size = 0; size <= bytes.size; size++) {
		size_t lines = count_lines(bytes.text, size);
		bool whole = size == 0 || bytes.text[size - 1] == '\n';

		if (lines == 0) {
			FAILS(parse(bytes.text, size, &content), STAGE_E_DAMAGED);
			HAS(failure.message, "DIR/journal");
			continue;
		}
		WORKS(parse(bytes.text, size, &content));
		REQUIRE(content != NULL);
		CHECK(content->torn == !whole && content->needs_newline == !whole);
		CHECK(content->damaged == 0 && content->count == waiting_after(lines));
		CHECK(strcmp(content->target, lines >= 2 ? about.target : "") == 0);
		for (i = 0; i < content->count; i++)
			CHECK(same_record(&content->list[i], &records[lines >= 6 ? 2 * i : i]));
		stage_journal_content_free(&content);
	}
	free(bytes.text);
}

/* A later run goes on behind what is torn, which then is no record even if it lacks a newline only. */
static void
append_after_torn(void)
{
	struct stage_journal_record records[3], next = record_of(4, "next", "");
	struct bytes bytes = make_sample(records);
	struct stage_journal_content *content = NULL;
	struct stage_journal *journal = NULL;
	int dirfd = open_dir();
	size_t size;

	for (size = bytes.size; count_lines(bytes.text, size) > 0; size--) {
		size_t before;

		make_file_bytes(in_dir("journal"), bytes.text, size, 0600);
		WORKS(stage_journal_read(dirfd, test_dir, &content, &failure));
		before = content->count;
		WORKS(stage_journal_append(dirfd, test_dir, content, false, &journal, &failure));
		stage_journal_content_free(&content);
		WORKS(stage_journal_staged(journal, &next, &failure));
		WORKS(stage_journal_failed(journal, next.file, 3, "no", &failure));
		stage_journal_close(&journal);
		WORKS(stage_journal_read(dirfd, test_dir, &content, &failure));
		REQUIRE(content != NULL && content->count == before + 1);
		CHECK(content->damaged == 0 && !content->torn);
		CHECK(same_record(&content->list[before], &next));
		CHECK(content->list[before].attempts == 3);
		stage_journal_content_free(&content);
		unlink(in_dir("journal"));
	}
	free(bytes.text);
	close(dirfd);
}

/* Nothing is taken for what it is not, and what was lost is counted. */
static void
check_flipped(const char *text, size_t size, const struct stage_journal_record records[3])
{
	struct stage_journal_content *content = NULL;
	int code = parse(text, size, &content);
	size_t i;

	if (code < 0) {
		CHECK(code == STAGE_E_DAMAGED);
		memset(&failure, 0, sizeof(failure));
		return;
	}
	CHECK(content->damaged > 0 || content->torn);
	CHECK(!*content->target || strcmp(content->target, about.target) == 0);
	for (i = 0; i < content->count; i++) {
		const struct stage_journal_record *record = &content->list[i];

		CHECK(same_record(record, &records[0]) || same_record(record, &records[1]) ||
			same_record(record, &records[2]));
		CHECK(!*record->failure || strcmp(record->failure, "no luck") == 0);
	}
	stage_journal_content_free(&content);
}

static void
flipped(void)
{
	struct stage_journal_record records[3];
	struct bytes bytes = make_sample(records);
	size_t i, step = scaled(255) < 255 ? 17 : 1;
	unsigned int flip;

	for (i = 0; i < bytes.size; i++) {
		for (flip = 1; flip < 256; flip += (unsigned int)step) {
			bytes.text[i] = (char)(bytes.text[i] ^ (char)flip);
			check_flipped(bytes.text, bytes.size, records);
			bytes.text[i] = (char)(bytes.text[i] ^ (char)flip);
		}
	}
	free(bytes.text);
}

#define FILE_1 "staged-abcdefghijklm-1"
#define SHA ABC
#define STAGED_1 "staged " FILE_1 " 3 " SHA " 1700000000 name note"

/* Lines that have the right checksum and are wrong all the same. */
static const char *const wrong[] = {
	"staged",
	"staged ",
	"staged " FILE_1,
	"staged " FILE_1 " 3 " SHA " 1700000000 name",
	"staged " FILE_1 " 3 " SHA " 1700000000 name ",
	STAGED_1 " ",
	STAGED_1 " more",
	" " STAGED_1,
	"Staged " FILE_1 " 3 " SHA " 1700000000 name note",
	"stage " FILE_1 " 3 " SHA " 1700000000 name note",
	"staged  " FILE_1 " 3 " SHA " 1700000000 name note",
	"staged " FILE_1 " 3 " SHA " 1700000000  note",
	"staged\t" FILE_1 " 3 " SHA " 1700000000 name note",
	/* files that are none of ours */
	"staged journal 3 " SHA " 1700000000 name note",
	"staged .. 3 " SHA " 1700000000 name note",
	"staged % 3 " SHA " 1700000000 name note",
	"staged ../" FILE_1 " 3 " SHA " 1700000000 name note",
	"staged " FILE_1 "%2F 3 " SHA " 1700000000 name note",
	"staged " FILE_1 "%00 3 " SHA " 1700000000 name note",
	"forgotten journal",
	"stored journal name note",
	"stored " FILE_1,
	"stored " FILE_1 " name",
	"stored " FILE_1 " name note more",
	"failed journal 1 1 why",
	/* numbers */
	"staged " FILE_1 " +3 " SHA " 1700000000 name note",
	"staged " FILE_1 " -3 " SHA " 1700000000 name note",
	"staged " FILE_1 " %203 " SHA " 1700000000 name note",
	"staged " FILE_1 " 03 " SHA " 1700000000 name note",
	"staged " FILE_1 " 0x3 " SHA " 1700000000 name note",
	"staged " FILE_1 " 3K " SHA " 1700000000 name note",
	"staged " FILE_1 " % " SHA " 1700000000 name note",
	"staged " FILE_1 " 18446744073709551616 " SHA " 1700000000 name note",
	"staged " FILE_1 " 99999999999999999999999999 " SHA " 1700000000 name note",
	"staged " FILE_1 " 3 " SHA " -1 name note",
	"staged " FILE_1 " 3 " SHA " 9223372036854775808 name note",
	"failed " FILE_1 " 1 4294967296 why",
	"failed " FILE_1 " 9223372036854775808 1 why",
	"failed " FILE_1 " 1 -1 why",
	"failed " FILE_1 " 1 1",
	"failed " FILE_1 " 1 1 why why",
	/* digests */
	"staged " FILE_1 " 3 % 1700000000 name note",
	"staged " FILE_1 " 3 abc 1700000000 name note",
	"staged " FILE_1 " 3 " SHA "0 1700000000 name note",
	"staged " FILE_1
	" 3 BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD 1700000000 name note",
	"staged " FILE_1
	" 3 ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 1700000000 name note",
	/* escapes */
	"staged " FILE_1 " 3 " SHA " 1700000000 na%me note",
	"staged " FILE_1 " 3 " SHA " 1700000000 name% note",
	"staged " FILE_1 " 3 " SHA " 1700000000 name note%",
	"staged " FILE_1 " 3 " SHA " 1700000000 name note%4",
	"staged " FILE_1 " 3 " SHA " 1700000000 name %%",
	"staged " FILE_1 " 3 " SHA " 1700000000 name %0a",
	"staged " FILE_1 " 3 " SHA " 1700000000 name %00",
	"staged " FILE_1 " 3 " SHA " 1700000000 name n\xc3\xa9",
	"staged " FILE_1 " 3 " SHA " 1700000000 name n\x7f",
	"staged " FILE_1 " 3 " SHA " 1700000000 name n\tn",
	/* types */
	"stagedir",
	"stagedir 1 1",
	"stagedir 1",
	"stagedir 2",
	"stagedir 01",
	"target",
	"target x",
	"target x y z",
	"target again %",
	"forgotten",
	"forgotten " FILE_1 " x",
	"later " FILE_1,
	"%",
	"",
};

static void
damage_in_the_middle(void)
{
	struct stage_journal_content *content = NULL;
	size_t i, most = sizeof(wrong) / sizeof(wrong[0]);

	for (i = 0; i < most; i++) {
		struct bytes bytes = {0};

		add_line(&bytes, "stagedir 1");
		add_line(&bytes, "target to %");
		add_line(&bytes, wrong[i]);
		add_line(&bytes, "staged staged-abcdefghijklm-2 3 " SHA " 1700000000 name note");
		WORKS(parse(bytes.text, bytes.size, &content));
		REQUIRE(content != NULL);
		if (content->damaged != 1 || content->count != 1)
			fprintf(stderr, "\nnot taken for damage: %s\n", wrong[i]);
		CHECK(content->damaged == 1 && content->count == 1 && !content->torn);
		CU_ASSERT_STRING_EQUAL(content->target, "to");
		CHECK(find(content, file_of(2)) != NULL);
		stage_journal_content_free(&content);
		free(bytes.text);
	}
}

/* What the list above is wrong by: this is right. */
static void
nothing_wrong(void)
{
	struct stage_journal_content *content = NULL;
	struct bytes bytes = {0};

	add_text(&bytes, "\n\n");
	add_line(&bytes, "stagedir 1");
	add_text(&bytes, "\n");
	add_line(&bytes, STAGED_1);
	add_text(&bytes, "anything that was torn, and given up%%%\n%%%\n");
	WORKS(parse(bytes.text, bytes.size, &content));
	REQUIRE(content != NULL && content->count == 1);
	CHECK(content->damaged == 0 && !content->torn);
	CU_ASSERT_STRING_EQUAL(content->target, "");
	CU_ASSERT_STRING_EQUAL(content->home, "");
	CHECK(content->list[0].digest.size == 3 && content->list[0].digest.sha256[31] == 0xad);
	CU_ASSERT_STRING_EQUAL(content->list[0].note, "note");
	stage_journal_content_free(&content);
	free(bytes.text);
}

/* The first one counts; and again, once it was forgotten. */
static void
staged_twice(void)
{
	struct stage_journal_content *content = NULL;
	struct bytes bytes = {0};

	add_line(&bytes, "stagedir 1");
	add_line(&bytes, STAGED_1);
	add_line(&bytes, "staged " FILE_1 " 3 " SHA " 1700000000 second note");
	WORKS(parse(bytes.text, bytes.size, &content));
	REQUIRE(content != NULL && content->count == 1);
	CHECK(content->damaged == 1);
	CU_ASSERT_STRING_EQUAL(content->list[0].name, "name");
	stage_journal_content_free(&content);
	add_line(&bytes, "forgotten " FILE_1);
	add_line(&bytes, "staged " FILE_1 " 3 " SHA " 1700000000 third note");
	WORKS(parse(bytes.text, bytes.size, &content));
	REQUIRE(content != NULL && content->count == 1);
	CHECK(content->damaged == 1);
	CU_ASSERT_STRING_EQUAL(content->list[0].name, "third");
	stage_journal_content_free(&content);
	free(bytes.text);
}

static void
other_bytes(void)
{
	static const char nul[] = "staged " FILE_1 " 3 " SHA " 1700000000 na\0me note";
	struct stage_journal_content *content = NULL;
	struct bytes bytes = {0};
	char zeros[300] = {0};

	add_line(&bytes, "stagedir 1");
	add_line_bytes(&bytes, nul, sizeof(nul) - 1);
	add_line_bytes(&bytes, STAGED_1, sizeof(STAGED_1)); /* with its NUL */
	add_text(&bytes, "short\n00000000\n00000000 \n");
	add(&bytes, zeros, sizeof(zeros));
	add_text(&bytes, "\n");
	add_text(&bytes, "E0617931 stagedir 1\n");
	/* as a power cut leaves it: longer, and never written */
	add(&bytes, zeros, sizeof(zeros));
	WORKS(parse(bytes.text, bytes.size, &content));
	REQUIRE(content != NULL);
	CHECK(content->count == 0 && content->damaged == 7 && content->torn);
	stage_journal_content_free(&content);
	free(bytes.text);
}

static void
no_beginning(void)
{
	struct stage_journal_content *content = NULL;
	struct bytes bytes = {0};

	FAILS(parse("", 0, &content), STAGE_E_DAMAGED);
	FAILS(parse("\n", 1, &content), STAGE_E_DAMAGED);
	FAILS(parse("\0", 1, &content), STAGE_E_DAMAGED);
	FAILS(stage_journal_parse(NULL, 0, "DIR", &content, &failure), STAGE_E_DAMAGED);
	/* whole, but for its newline */
	FAILS(parse("e0617931 stagedir 1", 19, &content), STAGE_E_DAMAGED);
	FAILS(parse("e0617932 stagedir 1\n", 20, &content), STAGE_E_DAMAGED);
	add_line(&bytes, STAGED_1);
	FAILS(parse(bytes.text, bytes.size, &content), STAGE_E_DAMAGED);
	HAS_NOT(failure.message, "version");
	add_line(&bytes, "stagedir 2");
	FAILS(parse(bytes.text, bytes.size, &content), STAGE_E_DAMAGED);
	HAS(failure.message, "version");
	CHECK(content == NULL);
	free(bytes.text);
}

static void
add_staged(struct bytes *bytes, size_t number)
{
	char line[256];

	snprintf(line, sizeof(line), "staged %s 3 " SHA " 1700000000 name note", file_of(number));
	add_line(bytes, line);
}

static void
add_forgotten(struct bytes *bytes, size_t number)
{
	char line[64];

	snprintf(line, sizeof(line), "forgotten %s", file_of(number));
	add_line(bytes, line);
}

/* A walk over all for each would take minutes. */
static void
check_many(const struct bytes *bytes, size_t left)
{
	struct stage_journal_content *content = NULL;
	double before = stage_clock_now();

	WORKS(stage_journal_parse(bytes->text, bytes->size, "DIR", &content, &failure));
	CHECK(stage_clock_now() - before < 20);
	REQUIRE(content != NULL);
	CHECK(content->count == left && content->damaged == 0);
	stage_journal_content_free(&content);
}

static void
many(void)
{
	const size_t pairs = scaled(100000);
	struct bytes bytes = {0};
	size_t i;

	/* one after the other */
	add_line(&bytes, "stagedir 1");
	for (i = 1; i <= pairs; i++) {
		add_staged(&bytes, i);
		add_forgotten(&bytes, i);
	}
	check_many(&bytes, 0);
	/* all at once, and forgotten from the end */
	bytes.size = 0;
	add_line(&bytes, "stagedir 1");
	for (i = 1; i <= pairs; i++)
		add_staged(&bytes, i);
	check_many(&bytes, pairs);
	for (i = pairs; i > 1; i--)
		add_forgotten(&bytes, i);
	check_many(&bytes, 1);
	free(bytes.text);
}

/* As many records as the size allows: each as short as it can be. */
static void
dense(void)
{
	struct bytes bytes = {0};
	struct stage_journal_content *content = NULL;
	char line[256];
	size_t i;

	for (i = 1; i <= 999; i++) {
		snprintf(line, sizeof(line), "staged mktemp-%.10s%c%c%c-%zu 0 " SHA " 0 %% %%",
			"aaaaaaaaaa", (int)('a' + i / 100), (int)('a' + i / 10 % 10),
			(int)('a' + i % 10), i % 9 + 1);
		add_line(&bytes, line);
	}
	/* without it there is nothing at all, with it the list is not quite full */
	FAILS(parse(bytes.text, bytes.size, &content), STAGE_E_DAMAGED);
	add_line(&bytes, "stagedir 1");
	WORKS(parse(bytes.text, bytes.size, &content));
	REQUIRE(content != NULL);
	CHECK(content->count == 999 && content->damaged == 0);
	stage_journal_content_free(&content);
	free(bytes.text);
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
	WORKS(stage_journal_create(dirfd, test_dir, &about, false, &journal, &failure));
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

	WORKS(stage_journal_create(dirfd, test_dir, &about, false, &journal, &failure));
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

	WORKS(stage_journal_create(dirfd, test_dir, &about, true, &journal, &failure));
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
	{"torn_anywhere", torn_anywhere},
	{"append_after_torn", append_after_torn},
	{"flipped", flipped},
	{"damage_in_the_middle", damage_in_the_middle},
	{"nothing_wrong", nothing_wrong},
	{"staged_twice", staged_twice},
	{"other_bytes", other_bytes},
	{"no_beginning", no_beginning},
	{"many", many},
	{"dense", dense},
	{"read_while_appended", read_while_appended},
	{"cut_write", cut_write},
	{"not_durable", not_durable},
	{NULL, NULL},
};

const struct suite suite_journal = {"journal", tests};
