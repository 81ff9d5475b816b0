#include "tests.h"

#include <sys/sysmacros.h>

#include "entry.h"

static int
order(const char *a, const char *b)
{
	struct stage_entry one = {.index = a, .index_length = strlen(a)};
	struct stage_entry other = {.index = b, .index_length = strlen(b)};
	int found = stage_entry_order(&one, &other);

	CHECK((stage_entry_order(&other, &one) < 0) == (found > 0));
	return found;
}

/* As Python orders tuples of bytes. */
static void
orders(void)
{
	CHECK(order("", "") == 0);
	CHECK(order("a", "a") == 0);
	CHECK(order("", "a") < 0);
	CHECK(order("a", "a/b") < 0);
	CHECK(order("a/b", "a.b") < 0);
	CHECK(order("a/z", "a b") < 0);
	CHECK(order("a/b", "ab") < 0);
	CHECK(order("a", "\xff") < 0);
	CHECK(order("a/\x01", "a/b/c") < 0);
	CHECK(order("a/b/c", "a/b\x01") < 0);
}

/* Types, and times: cut towards 0, but of a double, for which the last nanoseconds are the next second. */
static void
stats(void)
{
	struct stat stat = {.st_mode = S_IFREG | 04755, .st_uid = 7, .st_gid = 8, .st_size = 9};
	struct stage_entry entry = {.index = "a", .index_length = 1};

	stat.st_mtim = (struct timespec){1700000000, 999000000};
	stage_entry_set_stat(&entry, &stat);
	CHECK(entry.type == STAGE_ENTRY_FILE && entry.mode == 04755 && entry.mtime == 1700000000);
	CHECK(entry.uid == 7 && entry.gid == 8 && entry.size == 9 && entry.index_length == 1);
	stat.st_mtim.tv_nsec = 999999999;
	stage_entry_set_stat(&entry, &stat);
	CHECK(entry.mtime == 1700000001);
	stat.st_mtim = (struct timespec){-2, 500000000};
	stat.st_mode = S_IFBLK | 0600;
	stat.st_rdev = makedev(8, 3);
	stage_entry_set_stat(&entry, &stat);
	CHECK(entry.mtime == -1 && entry.type == STAGE_ENTRY_BLOCK);
	CHECK(entry.dev_major == 8 && entry.dev_minor == 3);
	stat.st_mode = S_IFSOCK;
	stage_entry_set_stat(&entry, &stat);
	CHECK(entry.type == STAGE_ENTRY_NONE);
}

static const struct stage_entry file = {.type = STAGE_ENTRY_FILE,
	.mode = 0644,
	.uid = 1,
	.gid = 2,
	.mtime = 1000,
	.size = 5,
	.target = "",
	.dev_major = 1};

static void
files(void)
{
	struct stage_entry other = file;

	other.size = 6;
	other.dev_major = 2;
	CHECK(stage_entry_is_same(&file, &other));
	other.mtime++;
	CHECK(!stage_entry_is_same(&file, &other));
	other = file;
	other.mode = 0600;
	CHECK(!stage_entry_is_same(&file, &other));
	other = file;
	other.uid = 2;
	CHECK(!stage_entry_is_same(&file, &other));
	other = file;
	other.gid = 1;
	CHECK(!stage_entry_is_same(&file, &other));
	other = file;
	other.type = STAGE_ENTRY_DIRECTORY;
	CHECK(!stage_entry_is_same(&file, &other));
}

static void
before_1970(void)
{
	struct stage_entry a = file, b = file;

	a.mtime = -100;
	b.mtime = 0;
	CHECK(stage_entry_is_same(&a, &b) && stage_entry_is_same(&b, &a));
	b.mtime = 1;
	CHECK(!stage_entry_is_same(&a, &b));
}

static void
links_and_devices(void)
{
	struct stage_entry a = file, b = file;

	a.type = b.type = STAGE_ENTRY_LINK;
	a.target = "to";
	a.target_length = 2;
	b.target = "too";
	b.target_length = 2;
	b.mode = 0;
	b.uid = 100;
	b.mtime = 5;
	CHECK(stage_entry_is_same(&a, &b));
	b.target_length = 3;
	CHECK(!stage_entry_is_same(&a, &b));
	a = b = file;
	a.type = b.type = STAGE_ENTRY_BLOCK;
	b.mtime = 5;
	CHECK(stage_entry_is_same(&a, &b));
	b.dev_minor = 5;
	CHECK(!stage_entry_is_same(&a, &b));
	a.type = b.type = STAGE_ENTRY_NONE;
	CHECK(stage_entry_is_same(&a, &b));
}

static const struct test tests[] = {
	{"orders", orders},
	{"stats", stats},
	{"files", files},
	{"before_1970", before_1970},
	{"links_and_devices", links_and_devices},
	{NULL, NULL},
};

const struct suite suite_entry = {"entry", tests};
