#include "tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "journal.h"
#include "journal_text.h"

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

	WORKS(stage_journal_create(dirfd, test_dir, &sample_about, false, &journal, &failure));
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
		CHECK(strcmp(content->target, lines >= 2 ? sample_about.target : "") == 0);
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
	CHECK(!*content->target || strcmp(content->target, sample_about.target) == 0);
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

static const struct test tests[] = {
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
	{NULL, NULL},
};

const struct suite suite_journal_read = {"journal_read", tests};
