/* What the host's own reader makes of the same, tests/plugin/sigarchive.sh tells. */
#include "tests.h"

#include <stdlib.h>

#include "sigarchive_run.h"

static struct tarfile tar;

static const struct stage_sigarchive_entry *
next(struct stage_sigarchive *archive)
{
	const struct stage_sigarchive_entry *entry = NULL;

	CHECK(stage_sigarchive_next(archive, &entry, &failure) == 1);
	REQUIRE(entry != NULL);
	return entry;
}

static void
check_end(struct stage_sigarchive *archive)
{
	const struct stage_sigarchive_entry *entry = NULL;

	WORKS(stage_sigarchive_next(archive, &entry, &failure));
	WORKS(stage_sigarchive_next(archive, &entry, &failure));
	stage_sigarchive_close(&archive);
}

static void
kinds(void)
{
	const struct stage_sigarchive_entry *entry;
	struct stage_sigarchive *archive;

	tar.size = 0;
	tarfile_add(&tar, &(struct tarmember){.name = "snapshot/", .type = '5', .mode = 0755});
	tarfile_add(&tar, &(struct tarmember){.name = "snapshot/dir/", .type = '5'});
	tarfile_add(&tar, &(struct tarmember){.name = "signature/file", .content = "content"});
	tarfile_add(&tar, &(struct tarmember){.name = "signature/other", .content = "unread"});
	tarfile_add(&tar, &(struct tarmember){.name = "deleted/gone"});
	tarfile_add(
		&tar, &(struct tarmember){
			      .name = "snapshot/link", .type = '2', .target = "to/it", .size = 9});
	tarfile_end(&tar);
	archive = open_tarfile(&tar, true);
	entry = next(archive);
	CHECK(entry->kind == STAGE_MEMBER_SNAPSHOT && entry->entry.index_length == 0);
	CHECK(entry->entry.type == STAGE_ENTRY_DIRECTORY && entry->entry.mode == 0755);
	CHECK(entry->entry.mtime == 1000 && entry->entry.uid == 0 && entry->entry.gid == 7);
	check_next(archive, "dir", NULL);
	check_next(archive, "file", "content");
	entry = next(archive);
	CHECK(entry->kind == STAGE_MEMBER_SIGNATURE && entry->entry.type == STAGE_ENTRY_FILE);
	entry = next(archive);
	CHECK(entry->kind == STAGE_MEMBER_DELETED && entry->entry.type == STAGE_ENTRY_NONE);
	entry = next(archive);
	CHECK(entry->entry.type == STAGE_ENTRY_LINK && entry->entry.target_length == 5);
	CHECK(memcmp(entry->entry.target, "to/it", 5) == 0);
	check_end(archive);
}

/* Names by a prefix, by GNU's members, and by pax records. */
static void
names(void)
{
	const struct stage_sigarchive_entry *entry;
	struct stage_sigarchive *archive;

	tar.size = 0;
	tarfile_add(&tar, &(struct tarmember){.name = "b", .prefix = "signature/a"});
	tarfile_add(
		&tar, &(struct tarmember){
			      .name = "././@LongLink", .type = 'L', .content = "snapshot/long"});
	tarfile_add(&tar, &(struct tarmember){
				  .name = "././@LongLink", .type = 'K', .content = "long target"});
	tarfile_add(&tar, &(struct tarmember){.name = "cut", .type = '2', .target = "cut"});
	tarfile_add(&tar,
		&(struct tarmember){.name = "pax",
			.type = 'x',
			.content = "21 hdrcharset=BINARY\n24 path=signature/\xff/\xc3\xbc/\n"
				   "15 uid=3000000\n19 mtime=1234.5678\n15 uname=sch\xc3\xb6\n"
				   "20 linkpath=ignored\n"});
	tarfile_add(&tar, &(struct tarmember){.name = "cut", .prefix = "cut", .content = "pax"});
	archive = open_tarfile(&tar, false);
	check_next(archive, "a/b", NULL);
	entry = next(archive);
	CHECK(entry->entry.index_length == 4 && memcmp(entry->entry.index, "long", 4) == 0);
	CHECK(entry->entry.target_length == 11);
	entry = next(archive);
	CHECK(entry->entry.index_length == 4 &&
		memcmp(entry->entry.index, "\xff/\xc3\xbc", 4) == 0);
	CHECK(entry->entry.uid == 3000000 && entry->entry.mtime == 1234);
	CHECK(entry->user_length == 5 && memcmp(entry->user, "sch\xc3\xb6", 5) == 0);
	check_end(archive);
}

static void
numbers(void)
{
	struct stage_sigarchive *archive;

	tar.size = 0;
	tarfile_add(&tar, &(struct tarmember){.name = "snapshot/a",
				  .raw = "\x80\0\0\0\0\0\0\2\0\0\0\1",
				  .raw_at = 136,
				  .raw_size = 12});
	tarfile_add(&tar, &(struct tarmember){.name = "deleted/b",
				  .raw = "\xff\xff\xff\xff\xff\xff\xff\xfe",
				  .raw_at = 108,
				  .raw_size = 8});
	tarfile_add(&tar, &(struct tarmember){.name = "snapshot/b", .mtime = "    17      "});
	tarfile_end(&tar);
	archive = open_tarfile(&tar, true);
	CHECK(next(archive)->entry.mtime == 0x200000001);
	CHECK(next(archive)->entry.uid == -2);
	CHECK(next(archive)->entry.mtime == 017);
	check_end(archive);
}

static void
check_refused(const struct tarmember *member, int code, const char *reason)
{
	const struct stage_sigarchive_entry *entry;
	struct stage_sigarchive *archive;

	tar.size = 0;
	tarfile_add(&tar, &(struct tarmember){.name = "snapshot/a", .content = "content"});
	tarfile_add(&tar, member);
	tarfile_end(&tar);
	archive = open_tarfile(&tar, true);
	next(archive);
	FAILS(stage_sigarchive_next(archive, &entry, &failure), code);
	HAS(failure.message, "sigtar");
	HAS(failure.message, reason);
	FAILS(stage_sigarchive_next(archive, &entry, &failure), code);
	stage_sigarchive_close(&archive);
}

static void
refused(void)
{
	check_refused(&(struct tarmember){.name = "other/b"}, STAGE_E_DAMAGED,
		"Bad tarinfo name other/b");
	check_refused(&(struct tarmember){.name = "snapshot/b", .type = '1'}, STAGE_E_UNSUPPORTED,
		"Hard links not supported yet");
	check_refused(&(struct tarmember){.name = "snapshot/b", .type = '7'}, STAGE_E_UNSUPPORTED,
		"Unknown tarinfo type");
	check_refused(&(struct tarmember){.name = "snapshot/b", .type = 's'}, STAGE_E_UNSUPPORTED,
		"Unknown tarinfo type");
	check_refused(&(struct tarmember){.name = "snapshot/b", .mtime = "xyz"}, STAGE_E_DAMAGED,
		"a member's header is none");
	check_refused(&(struct tarmember){.name = "x", .type = 'x', .content = "5 a=b\n"},
		STAGE_E_DAMAGED, "it ends in the middle of a member");
	check_refused(&(struct tarmember){.name = "x", .type = 'L', .size = 070000000000},
		STAGE_E_DAMAGED, "the name of a member is too long");
}

static void
wrong_records(void)
{
	static const char *const records[] = {"5 a=b\n", "99 a=b\n", "0 a=b\n", "a=b\n", "6 =bc\n",
		"6 abc\n", "3 \n", "22 GNU.sparse.major=1\n"};
	const struct stage_sigarchive_entry *entry;
	struct stage_sigarchive *archive;
	size_t i;

	for (i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		tar.size = 0;
		tarfile_add(
			&tar, &(struct tarmember){.name = "x", .type = 'x', .content = records[i]});
		tarfile_add(&tar, &(struct tarmember){.name = "snapshot/a"});
		tarfile_end(&tar);
		archive = open_tarfile(&tar, false);
		FAILS(stage_sigarchive_next(archive, &entry, &failure), STAGE_E_DAMAGED);
		HAS(failure.message, "a member has wrong pax records");
		stage_sigarchive_close(&archive);
	}
}

static void
empty(void)
{
	struct stage_sigarchive *archive;

	tar.size = 0;
	check_end(open_tarfile(&tar, true));
	archive = open_bytes("", 0, true);
	check_end(archive);
	tarfile_end(&tar);
	check_end(open_tarfile(&tar, false));
}

/* Wherever it is cut, and whatever byte is wrong: its names are right until it fails. */
static void
damage(void)
{
	const struct stage_sigarchive_entry *entry;
	struct stage_sigarchive *archive;
	unsigned char *bytes;
	size_t size, at, unharmed = 0;
	int code;

	tar.size = 0;
	tarfile_add(&tar, &(struct tarmember){.name = "snapshot/a", .content = "content"});
	tarfile_add(&tar, &(struct tarmember){.name = "snapshot/b", .content = "content"});
	tarfile_end(&tar);
	bytes = tarfile_compress(&tar, &size);
	for (at = 1; at < size; at++) {
		archive = open_bytes(bytes, at, false);
		while ((code = stage_sigarchive_next(archive, &entry, &failure)) > 0)
			CHECK(entry->entry.index_length == 1);
		CHECK(code == STAGE_E_DAMAGED);
		stage_sigarchive_close(&archive);
	}
	for (at = 10; at < size; at++) {
		bytes[at] ^= 0x10;
		archive = open_bytes(bytes, size, false);
		do
			code = stage_sigarchive_next(archive, &entry, &failure);
		while (code > 0);
		/* zeros may be copied from elsewhere, and all is as it was */
		CHECK(code == 0 || code == STAGE_E_DAMAGED || code == STAGE_E_UNSUPPORTED);
		unharmed += code == 0;
		stage_sigarchive_close(&archive);
		bytes[at] ^= 0x10;
	}
	CHECK(unharmed < size / 10);
	free(bytes);
	tar.size = 0;
	tarfile_add(&tar, &(struct tarmember){.name = "signature/a", .size = 2000});
	archive = open_tarfile(&tar, false);
	next(archive);
	FAILS(stage_sigarchive_next(archive, &entry, &failure), STAGE_E_DAMAGED);
	HAS(failure.message, "it ends in the middle of a member");
	stage_sigarchive_close(&archive);
}

static const struct test tests[] = {
	{"kinds", kinds},
	{"names", names},
	{"numbers", numbers},
	{"refused", refused},
	{"wrong_records", wrong_records},
	{"empty", empty},
	{"damage", damage},
	{NULL, NULL},
};

const struct suite suite_sigarchive = {"sigarchive", tests};
