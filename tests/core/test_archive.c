/* Files of the host's archive directory. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* A file that is not on disk is an error; some file systems cannot sync a directory. */
static void
not_synced(void)
{
	make("file", 10);
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
	{"synced", synced},
	{"not_synced", not_synced},
	{NULL, NULL},
};

const struct suite suite_archive = {"archive", tests};
