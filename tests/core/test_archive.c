/* Files of the host's archive directory. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "duplicity/archive.h"
#include "wrap.h"

#define LONG 40000

static char bytes[LONG];

static void
make(const char *name, size_t size)
{
	unlink(in_dir(name));
	make_file_bytes(in_dir(name), bytes, size, 0600);
}

static enum archive_part
compared(void)
{
	char whole[4096], part[4096];
	enum archive_part found = ARCHIVE_OTHER;

	snprintf(whole, sizeof(whole), "%s", in_dir("whole"));
	snprintf(part, sizeof(part), "%s", in_dir("part"));
	WORKS(archive_compare(whole, part, &found, &failure));
	return found;
}

static void
same_or_begin(void)
{
	static const size_t sizes[] = {0, 1, 16 * 1024, 16 * 1024 + 1, 32 * 1024, LONG};
	size_t i, j;

	for (i = 0; i < LONG; i++)
		bytes[i] = (char)(i % 251);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			make("whole", sizes[i]);
			make("part", sizes[j]);
			CHECK(compared() == (i == j         ? ARCHIVE_WHOLE
						    : j < i ? ARCHIVE_IN_PART
							    : ARCHIVE_OTHER));
		}
	make("whole", LONG);
	bytes[20000]++;
	make("part", LONG);
	CHECK(compared() == ARCHIVE_OTHER);
	make("part", 20001);
	CHECK(compared() == ARCHIVE_OTHER);
	make("part", 20000);
	CHECK(compared() == ARCHIVE_IN_PART);
	unlink(in_dir("whole"));
	unlink(in_dir("part"));
}

static void
not_compared(void)
{
	enum archive_part found = ARCHIVE_IN_PART;
	char whole[4096];

	snprintf(whole, sizeof(whole), "%s", in_dir("whole"));
	FAILS(archive_compare(whole, in_dir("part"), &found, &failure), STAGE_E_SYSTEM);
	HAS(failure.message, whole);
	make("whole", 100);
	FAILS(archive_compare(whole, in_dir("part"), &found, &failure), STAGE_E_SYSTEM);
	HAS(failure.message, in_dir("part"));
	wrap_begin_two("pread", EIO, "pread", EIO);
	FAILS(archive_compare(whole, whole, &found, &failure), STAGE_E_SYSTEM);
	wrap_end();
	CHECK(failure.sys_errno == EIO && found == ARCHIVE_IN_PART);
	unlink(whole);
}

static bool
ended(size_t size)
{
	bool is_ended = false;

	make("tar", size);
	WORKS(archive_is_ended(in_dir("tar"), &is_ended, &failure));
	unlink(in_dir("tar"));
	return is_ended;
}

static void
is_ended(void)
{
	bool found = true;

	memset(bytes, 0, sizeof(bytes));
	CHECK(!ended(0));
	CHECK(!ended(1023));
	CHECK(ended(1024));
	CHECK(ended(10240));
	bytes[10239] = 1;
	CHECK(!ended(10240));
	bytes[10239] = 0;
	bytes[9216] = 1;
	CHECK(!ended(10240));
	bytes[9216] = 0;
	bytes[9215] = 1;
	CHECK(ended(10240));
	FAILS(archive_is_ended(in_dir("tar"), &found, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT && found);
}

/* Makes a file of what gzip writes of this, twice. */
static void
make_gzip(const char *name, const char *content)
{
	gzFile file;
	int i;

	for (i = 0; i < 2; i++) {
		file = gzopen(in_dir(name), "ab");
		REQUIRE(file != NULL);
		REQUIRE(gzwrite(file, content, (unsigned int)strlen(content)) > 0);
		REQUIRE(gzclose(file) == Z_OK);
	}
}

static int
try_to_expand(void)
{
	char source[4096], target[4096];

	snprintf(source, sizeof(source), "%s", in_dir("source"));
	snprintf(target, sizeof(target), "%s", in_dir("target"));
	return archive_expand(source, target, &failure);
}

static void
expanded(void)
{
	struct stat stat;
	char text[16] = "";
	int fd;

	make_gzip("source", "text");
	WORKS(try_to_expand());
	REQUIRE(lstat(in_dir("target"), &stat) == 0);
	CHECK(stat.st_size == 8 && (stat.st_mode & 0777) == 0600);
	fd = open(in_dir("target"), O_RDONLY);
	CHECK(read(fd, text, sizeof(text)) == 8 && strcmp(text, "texttext") == 0);
	close(fd);
	FAILS(try_to_expand(), STAGE_E_SYSTEM); /* it is there */
	CHECK(failure.sys_errno == EEXIST);
	unlink(in_dir("target"));
	unlink(in_dir("source"));
}

static void
not_expanded(void)
{
	struct stat stat;

	FAILS(try_to_expand(), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT);
	make("source", 100);
	FAILS(try_to_expand(), STAGE_E_DAMAGED);
	HAS(failure.message, "source is not compressed");
	unlink(in_dir("source"));
	unlink(in_dir("target"));
	make_gzip("source", "text");
	REQUIRE(lstat(in_dir("source"), &stat) == 0);
	wrap_begin_two("write", ENOSPC, "write", ENOSPC);
	FAILS(try_to_expand(), STAGE_E_SYSTEM);
	wrap_end();
	CHECK(failure.sys_errno == ENOSPC);
	unlink(in_dir("target"));
	REQUIRE(truncate(in_dir("source"), stat.st_size - 1) == 0);
	FAILS(try_to_expand(), STAGE_E_DAMAGED);
	HAS(failure.message, "source is damaged: ");
	unlink(in_dir("target"));
	unlink(in_dir("source"));
}

static void
synced(void)
{
	char like[4096];
	struct stat stat;

	snprintf(like, sizeof(like), "%s", in_dir("like"));
	make("file", 10);
	make_file(like, "", 0640);
	WORKS(archive_sync(in_dir("file"), NULL, &failure));
	REQUIRE(lstat(in_dir("file"), &stat) == 0);
	CHECK((stat.st_mode & 0777) == 0600);
	WORKS(archive_sync(in_dir("file"), like, &failure));
	REQUIRE(lstat(in_dir("file"), &stat) == 0);
	CHECK((stat.st_mode & 0777) == 0640);
	WORKS(archive_sync(test_dir, NULL, &failure));
	unlink(like);
	FAILS(archive_sync(in_dir("file"), like, &failure), STAGE_E_SYSTEM);
	HAS(failure.message, like);
	unlink(in_dir("file"));
	FAILS(archive_sync(in_dir("file"), NULL, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT);
}

/* A file that is not on disk is an error; some file systems cannot sync a directory, or have no permissions. */
static void
not_synced(void)
{
	char like[4096];

	snprintf(like, sizeof(like), "%s", in_dir("like"));
	make("file", 10);
	make_file(like, "", 0640);
	wrap_begin_two("fchmod", EPERM, "fchmod", EPERM);
	WORKS(archive_sync(in_dir("file"), like, &failure));
	wrap_end();
	unlink(like);
	wrap_begin_two("fsync", EIO, "fsync", EIO);
	FAILS(archive_sync(in_dir("file"), NULL, &failure), STAGE_E_SYSTEM);
	wrap_end();
	HAS(failure.message, "cannot sync");
	CHECK(failure.sys_errno == EIO);
	wrap_begin_two("fsync", EINVAL, "fsync", EINVAL);
	WORKS(archive_sync(test_dir, NULL, &failure));
	wrap_end();
	unlink(in_dir("file"));
}

static const struct test tests[] = {
	{"same_or_begin", same_or_begin},
	{"not_compared", not_compared},
	{"is_ended", is_ended},
	{"expanded", expanded},
	{"not_expanded", not_expanded},
	{"synced", synced},
	{"not_synced", not_synced},
	{NULL, NULL},
};

const struct suite suite_archive = {"archive", tests};
