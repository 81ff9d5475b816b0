/* The entries of a directory: all of them, or an errno. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "listing.h"
#include "wrap.h"

static int
open_here(void)
{
	return open(test_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void
make_entries(void)
{
	make_file(in_dir("a"), "", 0600);
	make_file(in_dir(".hidden"), "", 0600);
	make_file(in_dir("..."), "", 0600);
	make_dir(in_dir("below"), 0700);
}

static void
remove_entries(void)
{
	unlink(in_dir("a"));
	unlink(in_dir(".hidden"));
	unlink(in_dir("..."));
	rmdir(in_dir("below"));
}

/* How many entries are seen; "." and ".." are a hundred. */
static size_t
count(struct stage_listing *listing)
{
	const struct dirent *entry;
	size_t seen = 0;

	while ((entry = stage_listing_next(listing)))
		seen += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") ? 1 : 100;
	return seen;
}

/* By a path descriptor, twice: the second does not go on where the first has ended. */
static void
all(void)
{
	struct stage_listing listing;
	int fd = open_here(), fds = count_fds(), i;

	make_entries();
	for (i = 0; i < 2; i++) {
		stage_listing_open(&listing, fd);
		CHECK(count(&listing) == 4);
		CHECK(!stage_listing_next(&listing) && !stage_listing_next(&listing));
		CHECK(stage_listing_close(&listing) == 0);
	}
	/* left early */
	stage_listing_open(&listing, fd);
	CHECK(stage_listing_next(&listing) != NULL);
	errno = EXDEV;
	CHECK(stage_listing_close(&listing) == 0 && errno == EXDEV);
	CHECK(count_fds() == fds);
	close(fd);
	remove_entries();
}

static void
not_to_be_opened(void)
{
	struct stage_listing listing;
	int fd;

	make_file(in_dir("a"), "", 0600);
	fd = open(in_dir("a"), O_RDONLY | O_CLOEXEC);
	stage_listing_open(&listing, fd);
	CHECK(count(&listing) == 0);
	errno = 0;
	CHECK(stage_listing_close(&listing) == STAGE_E_SYSTEM && errno == ENOTDIR);
	close(fd);
	unlink(in_dir("a"));
}

/* Each call that can fail is told by close, whatever errno is by then. */
static void
failures(void)
{
	static const struct {
		const char *function;
		int sys_errno;
	} failed[] = {
		{"openat", EMFILE}, {"openat", EBADF}, {"fdopendir", ENOMEM}, {"readdir", EIO}};
	struct stage_listing listing;
	int fd = open_here(), fds = count_fds(), code, sys_errno;
	size_t i, seen;

	make_entries();
	for (i = 0; i < sizeof(failed) / sizeof(failed[0]); i++) {
		wrap_begin_two(failed[i].function, failed[i].sys_errno, "fsync", EIO);
		stage_listing_open(&listing, fd);
		seen = count(&listing);
		errno = 0;
		code = stage_listing_close(&listing);
		sys_errno = errno;
		wrap_end();
		CHECK(seen == 0 && code == STAGE_E_SYSTEM && sys_errno == failed[i].sys_errno);
		CHECK(count_fds() == fds);
	}
	close(fd);
	remove_entries();
}

static const struct test tests[] = {
	{"all", all},
	{"not_to_be_opened", not_to_be_opened},
	{"failures", failures},
	{NULL, NULL},
};

const struct suite suite_listing = {"listing", tests};
