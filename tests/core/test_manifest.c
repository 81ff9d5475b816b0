/* The partial manifest as the host writes it, and as a crash leaves it. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "duplicity/manifest.h"
#include "wrap.h"

#define NAME "duplicity-full.20261123T101112Z.manifest.part"
#define HEAD "Hostname here\nLocaldir /home\nFilelist 1\n    new      \"a\\x20b\"\n"
#define PATHS "    StartingPath   . \n    EndingPath     a/b 12\n"
#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccc"
#define D "dddddddddddddddddddddddddddddddddddddddd"
#define MD5 "0123456789abcdef0123456789abcdef"
#define RECORD(number, hash) "Volume " number ":\n" PATHS "    Hash SHA1 " hash "\n"

static void
make_manifest(const char *content, size_t size)
{
	unlink(in_dir(NAME));
	make_file_bytes(in_dir(NAME), content, size, 0600);
}

static void
manifest(const char *content)
{
	make_manifest(content, strlen(content));
}

/* The manifest has this hash of the volume; with NULL, none. */
static void
has(unsigned long volume, const char *expected)
{
	char hash[MANIFEST_HASH_MAX] = "untouched";

	if (expected) {
		WORKS(manifest_volume_hash(NULL, test_dir, NAME, volume, hash, &failure));
		CHECK(strcmp(hash, expected) == 0);
	} else {
		FAILS(manifest_volume_hash(NULL, test_dir, NAME, volume, hash, &failure),
			STAGE_E_DAMAGED);
		HAS(failure.message, "is not in");
		HAS(failure.message, in_dir(NAME));
		CHECK(strcmp(hash, "untouched") == 0);
	}
}

static void
records(void)
{
	manifest(HEAD RECORD("1", A) RECORD("2", B) RECORD("10", C));
	has(1, "SHA1 " A);
	has(2, "SHA1 " B);
	has(10, "SHA1 " C);
	has(0, NULL);
	has(3, NULL);
	has(11, NULL);
	manifest("");
	has(1, NULL);
	manifest(HEAD);
	has(1, NULL);
	unlink(in_dir(NAME));
}

static void
restarted(void)
{
	manifest(HEAD RECORD("1", A) RECORD("2", B) RECORD("3", C) HEAD RECORD("2", D));
	has(1, "SHA1 " A);
	has(2, "SHA1 " D);
	has(3, NULL);
	manifest(RECORD("1", A) RECORD("2", B) RECORD("3", C) RECORD("2", D) RECORD("3", A));
	has(2, "SHA1 " D);
	has(3, "SHA1 " A);
	/* the same again */
	manifest(RECORD("1", A) RECORD("2", B) RECORD("2", B));
	has(2, "SHA1 " B);
	unlink(in_dir(NAME));
}

/* Wherever the last record ends: nothing before it is lost, and it counts only when it is whole. */
static void
torn(void)
{
	static const char whole[] = HEAD RECORD("1", A) RECORD("2", B) RECORD("3", C);
	size_t before = strlen(HEAD RECORD("1", A) RECORD("2", B)), size;

	for (size = before; size <= strlen(whole); size++) {
		make_manifest(whole, size);
		has(1, "SHA1 " A);
		has(2, "SHA1 " B);
		has(3, size == strlen(whole) ? "SHA1 " C : NULL);
	}
	/* torn, and the next run writes behind it */
	manifest(RECORD("1", A) "Volume 2:\n    Start" RECORD("2", B));
	has(1, "SHA1 " A);
	has(2, "SHA1 " B);
	manifest(RECORD("1", A) "Volume 2:\n" PATHS "    Hash SHA1 bbb" RECORD("2", B));
	has(2, "SHA1 " B);
	/* what a torn record was to replace is not what the host goes on with */
	manifest(RECORD("1", A) RECORD("2", B) RECORD("3", C) "Volume 2:\n    Star");
	has(1, "SHA1 " A);
	has(2, NULL);
	has(3, NULL);
	unlink(in_dir(NAME));
}

static void
hashes(void)
{
	manifest("Volume 1:\n" PATHS "    Hash MD5 " MD5 "\n");
	has(1, "MD5 " MD5);
	manifest("Volume 1:\n" PATHS "    Hash MD5 " MD5 "\n    Hash SHA1 " A "\n");
	has(1, "SHA1 " A);
	manifest("Volume 1:\n" PATHS "    Hash SHA256 " A "\n");
	has(1, NULL);
	manifest("Volume 1:\n" PATHS "    Hash SHA1 " A "0\n");
	has(1, NULL);
	manifest("Volume 1:\n" PATHS "    Hash SHA1 xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n");
	has(1, NULL);
	manifest("Volume 1:\n" PATHS "    Hash SHA1\n    Hash\n");
	has(1, NULL);
	manifest("Volume 1:\r\n" PATHS "    Hash SHA1 " A "\r\n");
	has(1, "SHA1 " A);
	unlink(in_dir(NAME));
}

/* Any bytes, and paths of any length: the host quotes blanks in them and nothing else. */
static void
any_bytes(void)
{
	static const char zeros[] =
		"Localdir \0\0\n" RECORD("1", A) "    Hash\0 SHA1 " B "\n"
						 "    EndingPath \xff\xfe\0/x\n";
	size_t length = 3 * 1024 * 1024;
	char *text = malloc(length + 1024), *end;

	REQUIRE(text != NULL);
	make_manifest(zeros, sizeof(zeros) - 1);
	has(1, "SHA1 " A);
	end = stpcpy(text, RECORD("1", A) "Volume 2:\n    StartingPath ");
	memset(end, 'V', length);
	strcpy(end + length, " 4\n    Hash SHA1 " B "\n");
	manifest(text);
	has(1, "SHA1 " A);
	has(2, "SHA1 " B);
	free(text);
	unlink(in_dir(NAME));
}

static void
no_manifests(void)
{
	static const char *const bad[] = {"Volume\n", "Volume x:\n", "Volume 1\n", "Volume -1:\n",
		"Volume 99999999999999999999:\n", "Volume :\n"};
	char hash[MANIFEST_HASH_MAX];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		manifest(bad[i]);
		FAILS(manifest_volume_hash(NULL, test_dir, NAME, 1, hash, &failure),
			STAGE_E_DAMAGED);
		HAS(failure.message, "is not understood");
	}
	manifest(RECORD("1", A));
	REQUIRE(truncate(in_dir(NAME), MANIFESTINDEX_BYTES_MAX + 1L) == 0);
	FAILS(manifest_volume_hash(NULL, test_dir, NAME, 1, hash, &failure), STAGE_E_DAMAGED);
	HAS(failure.message, "is too large");
	unlink(in_dir(NAME));
}

static void
no_files(void)
{
	static const char *const names[] = {"", ".", "..", "a/b", "/etc/passwd"};
	char hash[MANIFEST_HASH_MAX];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		FAILS(manifest_volume_hash(NULL, test_dir, names[i], 1, hash, &failure),
			STAGE_E_ARGUMENT);
	FAILS(manifest_volume_hash(NULL, test_dir, NAME, 1, hash, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT);
	HAS(failure.message, in_dir(NAME));
	make_file(in_dir("other"), RECORD("1", A), 0600);
	REQUIRE(symlink("other", in_dir(NAME)) == 0);
	FAILS(manifest_volume_hash(NULL, test_dir, NAME, 1, hash, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ELOOP);
	unlink(in_dir(NAME));
	unlink(in_dir("other"));
	make_dir(in_dir(NAME), 0700);
	FAILS(manifest_volume_hash(NULL, test_dir, NAME, 1, hash, &failure), STAGE_E_DAMAGED);
	HAS(failure.message, "not a regular file");
	rmdir(in_dir(NAME));
	REQUIRE(mkfifo(in_dir(NAME), 0600) == 0);
	FAILS(manifest_volume_hash(NULL, test_dir, NAME, 1, hash, &failure), STAGE_E_DAMAGED);
	unlink(in_dir(NAME));
}

static void
notes(void)
{
	unsigned char sha1[MANIFEST_SHA1_BYTES];
	unsigned long volume = 77;
	char *note = NULL;
	size_t i;

	for (i = 0; i < sizeof(sha1); i++)
		CHECK(sscanf(B + 2 * i, "%2hhx", &sha1[i]) == 1);
	manifest(RECORD("1", A) RECORD("2", B));
	WORKS(manifest_note_make(2, sha1, NAME, &note, &failure));
	REQUIRE(note != NULL);
	CHECK(strcmp(note, "2 SHA1 " B " " NAME) == 0);
	CHECK(manifest_note_volume(note, &volume) && volume == 2);
	volume = 77;
	WORKS(manifest_note_check(NULL, test_dir, note, &volume, &failure));
	CHECK(volume == 2);
	volume = 77;

	manifest(RECORD("1", A) RECORD("2", B) RECORD("2", C));
	FAILS(manifest_note_check(NULL, test_dir, note, &volume, &failure), STAGE_E_DAMAGED);
	HAS(failure.message, "volume 2 was made again since: ");
	manifest(RECORD("1", A) RECORD("2", B) RECORD("1", A));
	FAILS(manifest_note_check(NULL, test_dir, note, &volume, &failure), STAGE_E_DAMAGED);
	HAS(failure.message, "volume 2 was made again since, or is not in ");
	unlink(in_dir(NAME));
	FAILS(manifest_note_check(NULL, test_dir, note, &volume, &failure), STAGE_E_DAMAGED);
	HAS(failure.message, "is complete, or was begun anew: " NAME " is not in ");
	/* a disk that is not mounted: all that was known of the backup is elsewhere */
	FAILS(manifest_note_check(NULL, in_dir("none"), note, &volume, &failure), STAGE_E_SYSTEM);
	HAS(failure.message, "is it on a disk that is not mounted here?");
	FAILS(manifest_note_check(NULL, "", note, &volume, &failure), STAGE_E_DAMAGED);
	HAS(failure.message, "was put without a partial manifest");
	/* that it cannot be read proves nothing */
	REQUIRE(symlink("/nowhere", in_dir(NAME)) == 0);
	FAILS(manifest_note_check(NULL, test_dir, note, &volume, &failure), STAGE_E_SYSTEM);
	CHECK(volume == 77);
	unlink(in_dir(NAME));
	free(note);
	note = NULL;
	FAILS(manifest_note_make(2, sha1, "folder/" NAME, &note, &failure), STAGE_E_ARGUMENT);
	CHECK(note == NULL);
}

static void
odd_notes(void)
{
	static const char *const bad[] = {"", "2", "2 SHA1", "2 SHA1 " B, "2 SHA1 " B " ",
		"x SHA1 " B " m", "-2 SHA1 " B " m", "2x SHA1 " B " m", "2 SHA1 b m",
		"2 SHA256 " B " m", "2 SHA1 " B " a/m", "2 SHA1 " B " ..", "2 SHA1 " B "\tm"};
	const char *odd = "4 SHA1 " D " a b\n\xff";
	unsigned long volume = 77;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		FAILS(manifest_note_check(NULL, test_dir, bad[i], &volume, &failure),
			STAGE_E_DAMAGED);
		HAS(failure.message, "was put without");
		CHECK(!manifest_note_volume(bad[i], &volume));
	}
	CHECK(volume == 77);
	make_file(in_dir("a b\n\xff"), RECORD("4", D), 0600);
	WORKS(manifest_note_check(NULL, test_dir, odd, &volume, &failure));
	CHECK(volume == 4);
	unlink(in_dir("a b\n\xff"));
}

/* What the manifest tells of its backup. */
static void
tells(const char *content, unsigned long volumes, const char *hash, bool is_complete)
{
	struct manifest_summary summary = {.volumes = 4711};

	manifest(content);
	WORKS(manifest_summarize(in_dir(NAME), &summary, &failure));
	CHECK(summary.volumes == volumes);
	CU_ASSERT_STRING_EQUAL(summary.hash, hash);
	CHECK(summary.is_complete == is_complete);
}

#define FILES "    new      a\n    changed  \"Volume\\x209:\"\n"

static void
summaries(void)
{
	tells("", 0, "", false);
	tells(HEAD, 0, "", true);
	tells(HEAD RECORD("1", A) RECORD("2", B), 2, "SHA1 " B, false);
	tells(RECORD("1", A) RECORD("2", B) "Filelist 2\n" FILES, 2, "SHA1 " B, true);
	tells(RECORD("1", A) "Filelist 0\n", 1, "SHA1 " A, true);
	/* the host has gone on with it */
	tells(RECORD("1", A) RECORD("2", B) RECORD("1", C) "Filelist 0\n", 1, "SHA1 " C, true);
	tells(RECORD("1", A) "Filelist 0\n" RECORD("2", B), 2, "SHA1 " B, false);
	/* its list is cut off, or longer than it says */
	tells(RECORD("1", A) "Filelist 3\n" FILES, 1, "SHA1 " A, false);
	tells(RECORD("1", A) "Filelist 2\n" FILES "    new", 1, "SHA1 " A, false);
	tells(RECORD("1", A) "Filelist 1\n" FILES, 1, "SHA1 " A, false);
	tells(RECORD("1", A) "Filelist\n", 1, "SHA1 " A, false);
	/* the last volume has another hash, or none */
	tells(RECORD("1", A) "Volume 2:\n    Hash MD5 " MD5 "\nFilelist 0\n", 2, "", true);
	unlink(in_dir(NAME));
}

static void
no_summaries(void)
{
	struct manifest_summary summary = {.volumes = 4711};

	manifest("Volume x\n");
	FAILS(manifest_summarize(in_dir(NAME), &summary, &failure), STAGE_E_DAMAGED);
	unlink(in_dir(NAME));
	FAILS(manifest_summarize(in_dir(NAME), &summary, &failure), STAGE_E_SYSTEM);
	CHECK(summary.volumes == 4711);
}

/* Adds to the manifest as the host does. */
static void
add_text(const char *text)
{
	int fd = open(in_dir(NAME), O_WRONLY | O_APPEND | O_CLOEXEC);

	REQUIRE(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* What the index finds, and a reader that begins anew. */
static void
finds(struct manifestindex *index, unsigned long volume, const char *expected)
{
	char hash[MANIFEST_HASH_MAX] = "";
	int code = manifest_volume_hash(index, test_dir, NAME, volume, hash, &failure);

	CHECK(code == (expected ? 0 : STAGE_E_DAMAGED));
	CHECK(!expected || strcmp(hash, expected) == 0);
	has(volume, expected);
}

/* As finds(), without the other reader: how many bytes were read? */
static unsigned long long
bytes_to_find(struct manifestindex *index, unsigned long volume, const char *expected)
{
	char hash[MANIFEST_HASH_MAX] = "";
	unsigned long long bytes;

	wrap_tally_begin();
	CHECK(manifest_volume_hash(index, test_dir, NAME, volume, hash, NULL) == 0);
	bytes = wrap_tally_bytes("pread") + wrap_tally_bytes("read");
	wrap_tally_end();
	CU_ASSERT_STRING_EQUAL(hash, expected);
	return bytes;
}

static void
followed(void)
{
	struct manifestindex index = {0};
	char long_path[20000];

	manifest(HEAD RECORD("1", A));
	finds(&index, 1, "SHA1 " A);
	finds(&index, 2, NULL);
	add_text("Volume 2:\n    StartingPath   ");
	finds(&index, 1, "SHA1 " A);
	finds(&index, 2, NULL);
	memset(long_path, 'p', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	add_text(long_path);
	finds(&index, 2, NULL);
	add_text("\n    Hash SHA1 " B);
	finds(&index, 2, NULL);
	add_text("\n");
	finds(&index, 2, "SHA1 " B);
	/* the host goes on from volume 1 */
	add_text("Volume 1:\n");
	finds(&index, 1, NULL);
	finds(&index, 2, NULL);
	add_text("    Hash MD5 " MD5 "\n    Hash SHA1 " C "\n    Hash MD5 " MD5 "\n");
	finds(&index, 1, "SHA1 " C);
	add_text("Volume x\n");
	FAILS(manifest_volume_hash(&index, test_dir, NAME, 1, long_path, &failure),
		STAGE_E_DAMAGED);
	HAS(failure.message, "is not understood");
	manifest(RECORD("1", B));
	finds(&index, 1, "SHA1 " B);
	unlink(in_dir(NAME));
	FAILS(manifest_volume_hash(&index, test_dir, NAME, 1, long_path, &failure), STAGE_E_SYSTEM);
	manifest(RECORD("2", A));
	finds(&index, 1, NULL);
	finds(&index, 2, "SHA1 " A);
	/* another one */
	make_file(in_dir("other"), RECORD("2", D), 0600);
	WORKS(manifest_volume_hash(&index, test_dir, "other", 2, long_path, &failure));
	CU_ASSERT_STRING_EQUAL(long_path, "SHA1 " D);
	finds(&index, 2, "SHA1 " A);
	manifestindex_release(&index);
	unlink(in_dir("other"));
	unlink(in_dir(NAME));
}

/* What has not only grown is read anew: another file, another content of it, one that got shorter. */
static void
not_only_grown(void)
{
	struct manifestindex index = {0};
	int fd;

	manifest(HEAD RECORD("1", A) RECORD("2", B));
	finds(&index, 2, "SHA1 " B);
	/* the same file, with a longer content that has other lines before the place */
	fd = open(in_dir(NAME), O_WRONLY | O_TRUNC | O_CLOEXEC);
	close(fd);
	add_text(HEAD RECORD("1", C) RECORD("2", D) RECORD("3", A));
	finds(&index, 1, "SHA1 " C);
	finds(&index, 2, "SHA1 " D);
	/* shorter, and as long again */
	fd = open(in_dir(NAME), O_WRONLY | O_TRUNC | O_CLOEXEC);
	close(fd);
	add_text(RECORD("1", B));
	finds(&index, 1, "SHA1 " B);
	finds(&index, 2, NULL);
	/* another file under the name, longer and with the same end */
	make_file(in_dir("other"), RECORD("9", A) RECORD("1", B) RECORD("2", C), 0600);
	REQUIRE(rename(in_dir("other"), in_dir(NAME)) == 0);
	finds(&index, 2, "SHA1 " C);
	finds(&index, 9, NULL);
	manifestindex_release(&index);
	unlink(in_dir(NAME));
}

/* However many volumes there are, each is looked up at the cost of what came since. */
static void
cost_is_level(void)
{
	const unsigned long count = scaled(20000);
	struct manifestindex index = {0};
	unsigned long long bytes = 0, most = 0;
	unsigned long volume;
	struct stat stat;
	char record[256];

	manifest(HEAD);
	for (volume = 1; volume <= count; volume++) {
		snprintf(record, sizeof(record), "Volume %lu:\n" PATHS "    Hash SHA1 %040lx\n",
			volume, volume);
		add_text(record);
		snprintf(record, sizeof(record), "SHA1 %040lx", volume);
		bytes = bytes_to_find(&index, volume, record);
		most = bytes > most ? bytes : most;
	}
	CHECK(most < 4096);
	/* and none of it where nothing came */
	for (volume = 1; volume <= count; volume += 97) {
		snprintf(record, sizeof(record), "SHA1 %040lx", volume);
		CHECK(bytes_to_find(&index, volume, record) == 0);
	}
	/* all at once, as when a dead run has left many */
	manifestindex_release(&index);
	REQUIRE(lstat(in_dir(NAME), &stat) == 0);
	bytes = 0;
	for (volume = 1; volume <= count; volume += 97) {
		snprintf(record, sizeof(record), "SHA1 %040lx", volume);
		bytes += bytes_to_find(&index, volume, record);
	}
	CHECK(bytes < (unsigned long long)stat.st_size + 4096);
	manifestindex_release(&index);
	unlink(in_dir(NAME));
}

static const struct test tests[] = {
	{"records", records},
	{"restarted", restarted},
	{"torn", torn},
	{"hashes", hashes},
	{"any_bytes", any_bytes},
	{"no_manifests", no_manifests},
	{"no_files", no_files},
	{"notes", notes},
	{"odd_notes", odd_notes},
	{"summaries", summaries},
	{"no_summaries", no_summaries},
	{"followed", followed},
	{"not_only_grown", not_only_grown},
	{"cost_is_level", cost_is_level},
	{0},
};

const struct suite suite_manifest = {"manifest", tests};
