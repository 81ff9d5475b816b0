/* What the host's own functions make of the same, tests/plugin/volumes.sh tells. */
#include "tests.h"

#include "difftar.h"
#include "sigarchive_run.h"

#define VOLUMES 4

/* Volumes in memory, which are given one after the other. */
static struct {
	struct tarfile tar[VOLUMES];
	size_t count, given, at;
	size_t cut; /* the volume that is given ends behind so many bytes; 0: where it ends */
	int fails;  /* a code in the place of the volume with the number fails_at */
	size_t fails_at;
} volumes;

static size_t
left_of_volume(void)
{
	size_t size = volumes.tar[volumes.given - 1].size;

	return (volumes.cut && volumes.cut < size ? volumes.cut : size) - volumes.at;
}

static int
read_volume(void *context, void *buffer, size_t size, size_t *ret_count, struct stage_error *error)
{
	size_t count = left_of_volume() < size ? left_of_volume() : size;

	(void)context;
	(void)error;
	memcpy(buffer, volumes.tar[volumes.given - 1].bytes + volumes.at, count);
	volumes.at += count;
	*ret_count = count;
	return 0;
}

static int
skip_volume(void *context, uint64_t size, uint64_t *ret_count, struct stage_error *error)
{
	size_t count = left_of_volume() < size ? left_of_volume() : (size_t)size;

	(void)context;
	(void)error;
	volumes.at += count;
	*ret_count = count;
	return 0;
}

static int
next_volume(void *context, struct stage_tarsource *ret_source, const char **ret_path,
	struct stage_error *error)
{
	if (volumes.fails < 0 && volumes.given == volumes.fails_at)
		return stage_error_set(
			error, (enum stage_code)volumes.fails, 0, "no volume can be had");
	if (volumes.given == volumes.count)
		return 0;
	volumes.given++;
	volumes.at = 0;
	*ret_source = (struct stage_tarsource){read_volume, skip_volume, context};
	*ret_path = "difftar";
	return 1;
}

static void
begin(size_t count)
{
	size_t i;

	for (i = 0; i < VOLUMES; i++)
		volumes.tar[i].size = 0;
	volumes.count = count;
	volumes.given = volumes.at = volumes.cut = volumes.fails_at = 0;
	volumes.fails = 0;
}

static void
add(size_t volume, const char *name, const char *content)
{
	tarfile_add(&volumes.tar[volume], &(struct tarmember){.name = name, .content = content});
}

static struct stage_difftar *
open_volumes(void)
{
	struct stage_difftar *difftar = NULL;

	WORKS(stage_difftar_new(next_volume, &volumes, &difftar, &failure));
	REQUIRE(difftar != NULL);
	CHECK(volumes.given == 0);
	return difftar;
}

static const struct stage_difftar_entry *
next(struct stage_difftar *difftar, const char *index)
{
	const struct stage_difftar_entry *entry = NULL;

	CHECK(stage_difftar_next(difftar, &entry, &failure) == 1);
	REQUIRE(entry != NULL);
	CHECK(entry->entry.index_length == strlen(index) &&
		memcmp(entry->entry.index, index, strlen(index)) == 0);
	return entry;
}

/* The rest of the content, read in pieces of so many bytes. */
static void
check_content(struct stage_difftar *difftar, const char *content, size_t piece)
{
	char buffer[256];
	size_t done = 0, count;

	REQUIRE(strlen(content) + piece <= sizeof(buffer));
	do {
		count = 0;
		WORKS(stage_difftar_read(difftar, buffer + done, piece, &count, &failure));
		CHECK(count <= piece);
		done += count;
		REQUIRE(done <= strlen(content));
	} while (count > 0);
	CHECK(done == strlen(content) && memcmp(buffer, content, done) == 0);
}

static void
check_end(struct stage_difftar *difftar)
{
	const struct stage_difftar_entry *entry = NULL;
	size_t count = 1;
	char byte;

	WORKS(stage_difftar_next(difftar, &entry, &failure));
	WORKS(stage_difftar_read(difftar, &byte, 1, &count, &failure));
	CHECK(count == 0);
	WORKS(stage_difftar_next(difftar, &entry, &failure));
	stage_difftar_free(&difftar);
	CHECK(difftar == NULL);
}

static void
kinds(void)
{
	const struct stage_difftar_entry *entry;
	struct stage_difftar *difftar;

	begin(1);
	tarfile_add(&volumes.tar[0],
		&(struct tarmember){.name = "snapshot/", .type = '5', .mode = 0755});
	add(0, "diff/changed", "delta");
	add(0, "deleted/gone", NULL);
	tarfile_add(&volumes.tar[0],
		&(struct tarmember){.name = "snapshot/link", .type = '2', .target = "to/it"});
	add(0, "snapshot/file", "content");
	tarfile_add(&volumes.tar[0],
		&(struct tarmember){.name = "snapshot/pipe", .type = '6', .size = 9});
	difftar = open_volumes();
	entry = next(difftar, "");
	CHECK(entry->kind == STAGE_MEMBER_SNAPSHOT && entry->entry.type == STAGE_ENTRY_DIRECTORY);
	CHECK(entry->entry.mode == 0755 && entry->entry.mtime == 1000 && entry->entry.gid == 7);
	check_content(difftar, "", 10);
	entry = next(difftar, "changed");
	CHECK(entry->kind == STAGE_MEMBER_DIFF && entry->entry.type == STAGE_ENTRY_FILE);
	CHECK(entry->entry.size == 5 && !entry->in_parts);
	check_content(difftar, "delta", 3);
	entry = next(difftar, "gone");
	CHECK(entry->kind == STAGE_MEMBER_DELETED && entry->entry.type == STAGE_ENTRY_NONE);
	entry = next(difftar, "link");
	CHECK(entry->entry.target_length == 5 && memcmp(entry->entry.target, "to/it", 5) == 0);
	next(difftar, "file");
	WORKS(stage_difftar_pass(difftar, &failure));
	check_content(difftar, "content", 100);
	entry = next(difftar, "pipe");
	CHECK(entry->entry.type == STAGE_ENTRY_FIFO);
	check_end(difftar);
}

/* A volume is asked for when what is behind the one before is; empty ones are passed over. */
static void
lazy(void)
{
	struct stage_difftar *difftar;

	begin(4);
	add(0, "snapshot/a", "first");
	tarfile_end(&volumes.tar[1]);
	add(3, "snapshot/b", "second");
	difftar = open_volumes();
	next(difftar, "a");
	check_content(difftar, "first", 5);
	CHECK(volumes.given == 1);
	next(difftar, "b");
	CHECK(volumes.given == 4);
	check_end(difftar);
	begin(0);
	check_end(open_volumes());
	begin(2);
	check_end(open_volumes());
}

static void
add_parts(void)
{
	begin(3);
	add(0, "snapshot/a", "whole");
	add(0, "multivol_snapshot/b/c/1", "one ");
	add(0, "multivol_snapshot/b/c/2", "two ");
	tarfile_add(&volumes.tar[1], &(struct tarmember){.name = "multivol_snapshot/b/c/3",
					     .content = "three ",
					     .user = "other",
					     .mode = 0600});
	add(2, "multivol_snapshot/b/c/4", NULL);
	add(2, "multivol_snapshot/b/c/5", "five");
	add(2, "multivol_diff/d/1", "delta ");
	add(2, "multivol_diff/d/2", "of d");
	add(2, "multivol_diff/d/e/1", "of another");
}

/* With the last byte of a part comes what is behind it. */
static void
parts(void)
{
	const struct stage_difftar_entry *entry;
	struct stage_difftar *difftar;
	char buffer[16];
	size_t count, piece;

	add_parts();
	difftar = open_volumes();
	next(difftar, "a");
	entry = next(difftar, "b/c");
	CHECK(entry->in_parts && entry->entry.size == 4 && entry->entry.mode == 0644);
	WORKS(stage_difftar_read(difftar, buffer, 7, &count, &failure));
	CHECK(count == 7 && volumes.given == 1);
	WORKS(stage_difftar_read(difftar, buffer, 1, &count, &failure));
	CHECK(count == 1 && volumes.given == 2);
	CHECK(entry->entry.index_length == 3 && memcmp(entry->entry.index, "b/c", 3) == 0);
	CHECK(entry->entry.mode == 0644 && entry->user_length == 0);
	check_content(difftar, "three five", 4);
	entry = next(difftar, "d");
	CHECK(entry->kind == STAGE_MEMBER_DIFF);
	check_content(difftar, "delta of d", 100);
	next(difftar, "d/e");
	check_content(difftar, "of another", 100);
	check_end(difftar);
	for (piece = 1; piece < 30; piece++) {
		volumes.given = 0;
		difftar = open_volumes();
		next(difftar, "a");
		next(difftar, "b/c");
		check_content(difftar, "one two three five", piece);
		check_content(difftar, "", piece);
		next(difftar, "d");
		next(difftar, "d/e");
		check_end(difftar);
	}
}

/* What was not read is passed over, now or when the next path is asked for. */
static void
passed(void)
{
	struct stage_difftar *difftar;
	char byte;
	size_t count;

	add_parts();
	difftar = open_volumes();
	next(difftar, "a");
	WORKS(stage_difftar_pass(difftar, &failure));
	next(difftar, "b/c");
	WORKS(stage_difftar_read(difftar, &byte, 1, &count, &failure));
	CHECK(volumes.given == 1 && byte == 'o');
	WORKS(stage_difftar_pass(difftar, &failure));
	CHECK(volumes.given == 3);
	check_content(difftar, "", 100);
	next(difftar, "d");
	next(difftar, "d/e");
	WORKS(stage_difftar_pass(difftar, &failure));
	check_content(difftar, "", 100);
	check_end(difftar);
}

/* Names that look like others. */
static void
names(void)
{
	static const struct {
		const char *name, *index;
		char type;
	} cases[] = {{"snapshot/.", "", '0'}, {"snapshot/", "", '0'}, {"snapshot/a", "a/", '5'},
		{"snapshot//a", "/a", '0'}, {"diff/a/./b", "a/./b", '0'},
		{"deleted/..a", "..a", '0'}, {"deleted/a../b", "a../b", '0'},
		{"snapshot/...", "...", '0'}, {"multivol_diff/a/1/2", "a/1", '0'},
		{"multivol_snapshot/./1", "", '0'}, {"multivol_snapshot/1", "", '0'},
		{"multivol_snapshot//1", "", '0'}, {"multivol_snapshot/a//1", "a/", '0'},
		{"multivol_snapshot/a/1", "a", '2'}, {"snapshot/snapshot/1", "snapshot/1", '0'}};
	struct stage_difftar *difftar;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(1);
		tarfile_add(&volumes.tar[0],
			&(struct tarmember){.name = cases[i].name, .type = cases[i].type});
		difftar = open_volumes();
		next(difftar, cases[i].type == '5' ? "a" : cases[i].index);
		check_end(difftar);
	}
}

/* The path behind a is refused, when it is asked for. */
static void
check_refused(const struct tarmember *member, int code, const char *reason)
{
	const struct stage_difftar_entry *entry;
	struct stage_difftar *difftar;
	size_t count;
	char byte;

	begin(1);
	add(0, "snapshot/a", "content");
	tarfile_add(&volumes.tar[0], member);
	difftar = open_volumes();
	next(difftar, "a");
	check_content(difftar, "content", 7);
	FAILS(stage_difftar_next(difftar, &entry, &failure), code);
	HAS(failure.message, reason);
	FAILS(stage_difftar_next(difftar, &entry, &failure), code);
	FAILS(stage_difftar_read(difftar, &byte, 1, &count, &failure), code);
	FAILS(stage_difftar_pass(difftar, &failure), code);
	stage_difftar_free(&difftar);
}

static void
refused(void)
{
	static const char *const up[] = {"snapshot/..", "snapshot/../a", "diff/a/..",
		"deleted/a/../b", "multivol_snapshot/../1", "multivol_diff/a/../b/1"};
	static const char *const unknown[] = {"other/a", "signature/a", "a", "snapshot",
		"multivol_diff/a", "multivol_diff/", "multivol_snapshot/a1",
		"multivol_snapshot/a/1x"};
	size_t i;

	for (i = 0; i < sizeof(up) / sizeof(up[0]); i++)
		check_refused(&(struct tarmember){.name = up[i]}, STAGE_E_DAMAGED,
			"contains '..'.  Security violation");
	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		check_refused(&(struct tarmember){.name = unknown[i]}, STAGE_E_DAMAGED,
			"Unrecognized diff entry");
	check_refused(&(struct tarmember){.name = "multivol_diff/a/1", .type = '5'},
		STAGE_E_DAMAGED, "Unrecognized diff entry");
	check_refused(&(struct tarmember){.name = "snapshot/b", .type = '1'}, STAGE_E_UNSUPPORTED,
		"Hard links not supported yet");
	check_refused(&(struct tarmember){.name = "deleted/b", .type = '1'}, STAGE_E_UNSUPPORTED,
		"Hard links not supported yet");
	check_refused(&(struct tarmember){.name = "snapshot/b", .type = '7'}, STAGE_E_UNSUPPORTED,
		"Unknown tarinfo type");
	check_refused(&(struct tarmember){.name = "snapshot/b", .mtime = "xyz"}, STAGE_E_DAMAGED,
		"the volume difftar is damaged: a member's header is none");
}

/* What is refused behind a part is, when that was read; a part that is no file, too. */
static void
refused_parts(void)
{
	struct stage_difftar *difftar;
	const struct stage_difftar_entry *entry;
	char buffer[16];
	size_t count;

	begin(1);
	add(0, "multivol_diff/a/1", "one");
	add(0, "multivol_diff/../2", "two");
	difftar = open_volumes();
	next(difftar, "a");
	FAILS(stage_difftar_read(difftar, buffer, 3, &count, &failure), STAGE_E_DAMAGED);
	FAILS(stage_difftar_next(difftar, &entry, &failure), STAGE_E_DAMAGED);
	stage_difftar_free(&difftar);
	begin(1);
	add(0, "multivol_diff/a/1", "one");
	tarfile_add(&volumes.tar[0],
		&(struct tarmember){.name = "multivol_diff/a/2", .type = '2', .target = "b"});
	difftar = open_volumes();
	next(difftar, "a");
	FAILS(stage_difftar_next(difftar, &entry, &failure), STAGE_E_DAMAGED);
	HAS(failure.message, "is no part of a file");
	stage_difftar_free(&difftar);
}

/* A volume that cannot be had is told of when it is asked for, and nothing comes behind it. */
static void
failing(void)
{
	struct stage_difftar *difftar;
	const struct stage_difftar_entry *entry;
	char buffer[16];
	size_t count;

	add_parts();
	volumes.fails = STAGE_E_BUSY;
	volumes.fails_at = 1;
	difftar = open_volumes();
	next(difftar, "a");
	next(difftar, "b/c");
	WORKS(stage_difftar_read(difftar, buffer, 7, &count, &failure));
	FAILS(stage_difftar_read(difftar, buffer, 1, &count, &failure), STAGE_E_BUSY);
	HAS(failure.message, "no volume can be had");
	volumes.fails = 0;
	FAILS(stage_difftar_next(difftar, &entry, &failure), STAGE_E_BUSY);
	stage_difftar_free(&difftar);
	add_parts();
	volumes.fails = STAGE_E_MEMORY;
	difftar = open_volumes();
	FAILS(stage_difftar_next(difftar, &entry, &failure), STAGE_E_MEMORY);
	stage_difftar_free(&difftar);
}

/* Wherever a volume is cut: behind a member it has ended, anywhere else that is told. */
static void
cut(void)
{
	const struct stage_difftar_entry *entry;
	struct stage_difftar *difftar;
	size_t at, paths;
	int code;

	for (at = 1; at < 5 * 512; at++) {
		begin(1);
		add(0, "snapshot/a", "content");
		add(0, "multivol_diff/b/1", "content");
		tarfile_add(&volumes.tar[0], &(struct tarmember){.name = "deleted/c"});
		volumes.cut = at;
		paths = 0;
		difftar = open_volumes();
		while ((code = stage_difftar_next(difftar, &entry, &failure)) > 0)
			paths++;
		CHECK(code == (at == 1024 || at == 2048 ? 0 : STAGE_E_DAMAGED));
		if (code < 0)
			HAS(failure.message, "it ends in the middle of a member");
		CHECK(paths == (at < 512 ? 0u : at < 1536 ? 1u : 2u));
		stage_difftar_free(&difftar);
	}
}

/* Long names, of paths in whole and in parts. */
static void
long_names(void)
{
	static char name[5000], index[5000];
	struct stage_difftar *difftar;

	memset(name, 'n', sizeof(name) - 1);
	memcpy(name, "multivol_diff/", 14);
	memcpy(index, name + 14, sizeof(name) - 15);
	memcpy(name + sizeof(name) - 3, "/1", 2);
	index[sizeof(name) - 3 - 14] = '\0';
	begin(2);
	tarfile_add(&volumes.tar[0],
		&(struct tarmember){.name = "././@LongLink", .type = 'L', .content = name});
	add(0, "cut", "one ");
	name[sizeof(name) - 2] = '2';
	tarfile_add(&volumes.tar[1],
		&(struct tarmember){.name = "././@LongLink", .type = 'L', .content = name});
	add(1, "cut", "two");
	add(1, "snapshot/z", NULL);
	difftar = open_volumes();
	next(difftar, index);
	check_content(difftar, "one two", 3);
	next(difftar, "z");
	check_end(difftar);
}

static const struct test tests[] = {
	{"kinds", kinds},
	{"lazy", lazy},
	{"parts", parts},
	{"passed", passed},
	{"names", names},
	{"refused", refused},
	{"refused_parts", refused_parts},
	{"failing", failing},
	{"cut", cut},
	{"long_names", long_names},
	{NULL, NULL},
};

const struct suite suite_difftar = {"difftar", tests};
