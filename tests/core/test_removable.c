/* What may be removed, and what never. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"
#include "naming.h"
#include "removable.h"
#include "reserve_internal.h"
#include "wrap.h"

#define OURS 6

static char released[STAGE_RELEASED_NAME_MAX];
static const char *const ours[OURS] = {"mktemp-abcdefghijklm-1", "mkstemp-abcdefghijklm-2",
	"staged-abcdefghijklm-3", STAGE_JOURNAL_NAME, STAGE_RESERVE_NAME, released};
static const char *const others[] = {"mktemp", "mktemp-abcdefghijklm-", "staged-ABCDEFGHIJKLM-1",
	"Journal", "journal~", ".journal", "duplicity-a-tempdir", "released-"};

static int
begin(void)
{
	REQUIRE(stage_naming_released(released, NULL) == 0);
	return open(test_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void
names(void)
{
	const int fd = begin();
	struct stat stat;
	size_t i;

	for (i = 0; i < OURS; i++) {
		CHECK(!stage_removable_is(fd, ours[i], &stat));
		CHECK(stage_removable_is_record(ours[i]) == (i >= 3));
		make_file(in_dir(ours[i]), "abc", 0600);
		CHECK(stage_removable_is(fd, ours[i], &stat) && stat.st_size == 3);
		unlink(in_dir(ours[i]));
		/* the name alone is not enough */
		make_dir(in_dir(ours[i]), 0700);
		CHECK(!stage_removable_is(fd, ours[i], &stat));
		rmdir(in_dir(ours[i]));
		REQUIRE(symlink("/etc/passwd", in_dir(ours[i])) == 0);
		CHECK(!stage_removable_is(fd, ours[i], &stat));
		unlink(in_dir(ours[i]));
	}
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		make_file(in_dir(others[i]), "", 0600);
		CHECK(!stage_removable_is(fd, others[i], &stat));
		CHECK(!stage_removable_is_record(others[i]));
		unlink(in_dir(others[i]));
	}
	close(fd);
}

static void
removed(void)
{
	const struct stage_log *log = &capture()->log;
	const int fd = begin();
	enum stage_removed result;
	struct stat stat;

	make_file(in_dir(ours[0]), "abc", 0600);
	CHECK(stage_removable_remove(fd, "DIR", ours[0], log, &stat) == STAGE_REMOVED);
	CHECK(stat.st_size == 3 && !is_there(in_dir(ours[0])) && captured.used == 0);

	make_file(in_dir("stranger"), "", 0600);
	CHECK(stage_removable_remove(fd, "DIR", "stranger", log, &stat) == STAGE_NOT_OURS);
	HAS(captured.text, "W:DIR/stranger was not made by stagedir and is left there");
	CHECK(is_there(in_dir("stranger")));
	unlink(in_dir("stranger"));

	make_file(in_dir(ours[0]), "abc", 0600);
	capture();
	wrap_begin_two("unlinkat", EROFS, "fsync", EIO);
	result = stage_removable_remove(fd, "DIR", ours[0], log, &stat);
	wrap_end();
	CHECK(result == STAGE_NOT_REMOVABLE);
	HAS(captured.text, "W:cannot remove DIR/mktemp-abcdefghijklm-1: Read-only file system");
	/* somebody else was faster */
	wrap_begin_two("unlinkat", ENOENT, "fsync", EIO);
	result = stage_removable_remove(fd, "DIR", ours[0], log, &stat);
	wrap_end();
	CHECK(result == STAGE_REMOVED);
	unlink(in_dir(ours[0]));
	close(fd);
}

static const struct test tests[] = {
	{"names", names},
	{"removed", removed},
	{NULL, NULL},
};

const struct suite suite_removable = {"removable", tests};
