/* A tree in the order of its names, whatever is odd in it, with and without reading ahead. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "walk.h"
#include "wrap.h"

static const struct stage_walk_options ahead = {.descends = true}, following = {.follow = true};

/* What a walk has given, a line for each step. */
struct seen {
	char text[8192];
	size_t entries, failed, links, unreadable, closed;
};

static void
note(struct seen *seen, const char *root, int step, const struct stage_walk_entry *entry)
{
	size_t used = strlen(seen->text);

	if (step == STAGE_WALK_ENTRY) {
		seen->entries++;
		seen->failed += entry->failed != 0;
		seen->links += entry->target != NULL;
		seen->closed += !entry->is_readable;
		CHECK(strlen(entry->path) == entry->path_length);
		snprintf(seen->text + used, sizeof(seen->text) - used, "%s ",
			entry->path + strlen(root) + 1);
	}
	seen->unreadable += step == STAGE_WALK_UNREADABLE;
}

/* Walks through all, and into each directory whose name is not "left". */
static void
see(const char *root, const struct stage_walk_options *options, struct seen *seen)
{
	struct stage_walk_entry entry;
	struct stage_walk *walk;
	int fds = count_fds(), depth = 1, step;

	memset(seen, 0, sizeof(*seen));
	REQUIRE(stage_walk_open(root, options, &walk, &failure) == 0);
	while ((step = stage_walk_next(walk, &entry, &failure)) > 0) {
		note(seen, root, step, &entry);
		depth -= step == STAGE_WALK_LEAVE;
		if (step != STAGE_WALK_ENTRY || entry.failed || !S_ISDIR(entry.stat->st_mode) ||
			!entry.is_readable || strcmp(entry.name, "left") == 0)
			continue;
		WORKS(stage_walk_enter(walk, &failure));
		depth++;
	}
	CHECK(step == STAGE_WALK_END && depth == 0);
	CHECK(stage_walk_next(walk, &entry, &failure) == STAGE_WALK_END);
	stage_walk_close(&walk);
	CHECK(!walk && count_fds() == fds);
}

static void
make_tree(void)
{
	make_dir(in_dir("t"), 0755);
	make_dir(in_dir("t/a"), 0755);
	make_file(in_dir("t/a/b"), "b", 0644);
	make_dir(in_dir("t/a/left"), 0755);
	make_dir(in_dir("t/a/left/c"), 0755);
	make_file(in_dir("t/a/left/c/d"), "", 0644);
	make_file(in_dir("t/a-b"), "", 0644);
	make_file(in_dir("t/a.b"), "", 0644);
	make_file(in_dir("t/\xff\xfe"), "", 0644);
	make_file(in_dir("t/z"), "", 0644);
	make_dir(in_dir("t/empty"), 0755);
	REQUIRE(symlink("a", in_dir("t/link")) == 0);
	REQUIRE(symlink("none", in_dir("t/lost")) == 0);
	REQUIRE(mkfifo(in_dir("t/pipe"), 0600) == 0);
}

#define ORDER "a a/b a/left a-b a.b empty link lost pipe z \xff\xfe "

static void
order(void)
{
	struct seen seen;

	make_tree();
	see(in_dir("t"), NULL, &seen);
	CHECK(strcmp(seen.text, ORDER) == 0);
	CHECK(seen.links == 2 && seen.failed == 0);
	see(in_dir("t"), &ahead, &seen);
	CHECK(strcmp(seen.text, ORDER) == 0);
	see(in_dir("t"), &following, &seen);
	HAS(seen.text, "empty link link/b link/left lost ");
	CHECK(seen.links == 0 && seen.failed == 1);
	remove_tree(in_dir("t"));
}

/* Directories of thousands of names, and thousands of directories: sorted, and with no more than is ahead. */
static void
large(void)
{
	size_t count = scaled(100000), i;
	char name[64];
	struct seen seen;
	int fd;

	make_dir(in_dir("t"), 0755);
	make_dir(in_dir("t/m"), 0755);
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "t/m/%zu", i);
		fd = open(in_dir(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		REQUIRE(fd >= 0);
		close(fd);
	}
	for (i = 0; i < count / 20; i++) {
		snprintf(name, sizeof(name), "t/m/d%zu", i);
		make_dir(in_dir(name), 0700);
		snprintf(name, sizeof(name), "t/m/d%zu/below", i);
		make_dir(in_dir(name), 0700);
	}
	see(in_dir("t"), &ahead, &seen);
	CHECK(seen.entries == 1 + count + 2 * (count / 20) && seen.failed == 0);
	see(in_dir("t"), NULL, &seen);
	CHECK(seen.entries == 1 + count + 2 * (count / 20) && seen.failed == 0);
	HAS(seen.text, "m m/0 m/1 m/10 ");
	remove_tree(in_dir("t"));
}

static int
open_below(int fd, const char *name)
{
	return openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* As deep as a path can be: below that each name fails, and none is entered. */
static void
deep(void)
{
	static const char name[] =
		"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
		"ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd";
	int fds[40], depth;
	struct seen seen;

	for (depth = 0; depth < 40; depth++) {
		fds[depth] = open_below(depth ? fds[depth - 1] : AT_FDCWD, depth ? name : test_dir);
		REQUIRE(fds[depth] >= 0 && mkdirat(fds[depth], name, 0700) == 0);
	}
	see(test_dir, &ahead, &seen);
	CHECK(seen.failed == 1);
	CHECK(seen.entries == 1 + (PATH_MAX - strlen(test_dir) - 1) / sizeof(name));
	while (depth-- > 0) {
		CHECK(unlinkat(fds[depth], name, AT_REMOVEDIR) == 0);
		close(fds[depth]);
	}
}

static int
see_closed(void *context)
{
	struct seen seen;
	int i;

	for (i = 0; i < 2; i++) {
		see(context, i ? &ahead : NULL, &seen);
		if (strcmp(seen.text, "closed open open/a searched unread ") != 0 ||
			seen.failed != 1 || seen.closed != 3 || seen.unreadable != 0)
			return 1;
	}
	return 0;
}

/* What its user may not read: directories, files, names without what is behind them. */
static void
unreadable(void)
{
	if (!can_be_others("what a user may not read"))
		return;
	make_dir(in_dir("t"), 0755);
	make_dir(in_dir("t/closed"), 0700);
	make_dir(in_dir("t/searched"), 0711);
	make_dir(in_dir("t/open"), 0744);
	make_file(in_dir("t/open/a"), "", 0644);
	make_file(in_dir("t/unread"), "", 0600);
	REQUIRE(chmod(test_dir, 0755) == 0);
	CHECK(in_child(see_closed, (void *)(uintptr_t)in_dir("t"), NOBODY) == 0);
	remove_tree(in_dir("t"));
}

/* What cannot be listed has its place; names may be given for it. */
static void
unlisted(void)
{
	static const char *const names[] = {"a", "b"};
	struct stage_walk_entry entry;
	struct stage_walk *walk;

	WORKS(stage_walk_open(in_dir("none"), NULL, &walk, &failure));
	CHECK(stage_walk_enter(walk, &failure) == STAGE_E_ARGUMENT);
	CHECK(stage_walk_set_names(walk, names, 2, &failure) == STAGE_E_ARGUMENT);
	CHECK(stage_walk_next(walk, &entry, &failure) == STAGE_WALK_UNREADABLE);
	CHECK(entry.failed == ENOENT);
	make_dir(in_dir("none"), 0700);
	make_file(in_dir("none/b"), "", 0600);
	WORKS(stage_walk_set_names(walk, names, 2, &failure));
	CHECK(stage_walk_next(walk, &entry, &failure) == STAGE_WALK_ENTRY);
	CHECK(strcmp(entry.name, "a") == 0 && entry.failed == ENOENT);
	CHECK(stage_walk_next(walk, &entry, &failure) == STAGE_WALK_ENTRY);
	CHECK(strcmp(entry.name, "b") == 0 && entry.failed == 0);
	CHECK(stage_walk_next(walk, &entry, &failure) == STAGE_WALK_LEAVE);
	CHECK(stage_walk_next(walk, &entry, &failure) == STAGE_WALK_END);
	stage_walk_close(&walk);
	remove_tree(in_dir("none"));
}

/* A directory that goes between its listing and its entering; a walk that is left early, at each step. */
static void
vanished(void)
{
	struct stage_walk_entry entry;
	struct stage_walk *walk;
	int steps, i;

	make_tree();
	WORKS(stage_walk_open(in_dir("t"), NULL, &walk, &failure));
	CHECK(stage_walk_next(walk, &entry, &failure) == STAGE_WALK_ENTRY);
	remove_tree(in_dir("t/a"));
	WORKS(stage_walk_enter(walk, &failure));
	CHECK(stage_walk_next(walk, &entry, &failure) == STAGE_WALK_UNREADABLE);
	CHECK(stage_walk_next(walk, &entry, &failure) == STAGE_WALK_LEAVE);
	CHECK(stage_walk_next(walk, &entry, &failure) == STAGE_WALK_ENTRY);
	stage_walk_close(&walk);
	remove_tree(in_dir("t"));
	make_tree();
	for (steps = 0; steps < 11; steps++) {
		WORKS(stage_walk_open(in_dir("t"), &ahead, &walk, &failure));
		for (i = 0; i < steps; i++)
			CHECK(stage_walk_next(walk, &entry, &failure) > 0);
		stage_walk_close(&walk);
	}
	stage_walk_close(&walk); /* NULL */
	remove_tree(in_dir("t"));
}

static void
begin_failing(const char *function, int sys_errno)
{
	wrap_begin_two(function, sys_errno, "fsync", EIO);
}

/* Without threads a walk is the same; without memory or a lock there is none, or it ends. */
static void
failures(void)
{
	struct stage_walk_entry entry;
	struct stage_walk *walk;
	struct seen seen;
	int step;

	make_tree();
	begin_failing("pthread_create", EAGAIN);
	see(in_dir("t"), &ahead, &seen);
	CHECK(strcmp(seen.text, ORDER) == 0);
	CHECK(stage_walk_open(in_dir("t"), NULL, &walk, &failure) == 0);
	wrap_end();
	begin_failing("calloc", ENOMEM);
	while ((step = stage_walk_next(walk, &entry, &failure)) > 0)
		continue;
	CHECK(step == STAGE_WALK_END || step == STAGE_E_MEMORY);
	CHECK(stage_walk_next(walk, &entry, &failure) == step);
	wrap_end();
	stage_walk_close(&walk);
	begin_failing("calloc", ENOMEM);
	CHECK(stage_walk_open(in_dir("t"), NULL, &walk, &failure) == STAGE_E_MEMORY);
	wrap_end();
	begin_failing("pthread_mutex_init", EAGAIN);
	CHECK(stage_walk_open(in_dir("t"), NULL, &walk, &failure) == STAGE_E_SYSTEM);
	wrap_end();
	remove_tree(in_dir("t"));
}

/* Each file of a walk that reads: with its content, or without one, as it is too long. */
static void
contents(void)
{
	static const struct stage_walk_options reading = {.descends = true, .reads = true};
	size_t count = scaled(3000), size = 6000, i, read = 0, wrong = 0, unread = 0;
	struct stage_content *content;
	struct stage_walk_entry entry;
	struct stage_walk *walk;
	char *bytes = malloc(STAGE_WALK_CONTENT_MAX + 1), name[64];
	int fds = count_fds(), step;

	REQUIRE(bytes != NULL);
	memset(bytes, 'x', STAGE_WALK_CONTENT_MAX + 1);
	make_tree();
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "t/a/left/%zu", i);
		make_file_bytes(in_dir(name), bytes, size, 0600);
	}
	make_file_bytes(in_dir("t/most"), bytes, STAGE_WALK_CONTENT_MAX, 0600);
	make_file_bytes(in_dir("t/more"), bytes, STAGE_WALK_CONTENT_MAX + 1, 0600);
	WORKS(stage_walk_open(in_dir("t"), &reading, &walk, &failure));
	CHECK(stage_walk_take_content(walk) == NULL);
	while ((step = stage_walk_next(walk, &entry, &failure)) > 0) {
		if (step != STAGE_WALK_ENTRY)
			continue;
		content = stage_walk_take_content(walk);
		if (content) {
			wrong += content->size != (size_t)entry.stat->st_size;
			read++;
			CHECK(!stage_walk_take_content(walk));
		} else
			unread += S_ISREG(entry.stat->st_mode);
		stage_content_free(&content);
		if (S_ISDIR(entry.stat->st_mode) && strcmp(entry.name, "c") != 0)
			WORKS(stage_walk_enter(walk, &failure));
	}
	CHECK(step == 0 && wrong == 0 && unread <= 1 + count / 10);
	CHECK(read + unread == count + 7);
	stage_walk_close(&walk);
	CHECK(count_fds() == fds);
	remove_tree(in_dir("t"));
	free(bytes);
}

/* Of a file that cannot be read nothing is kept. */
static void
unread(void)
{
	const int fds = count_fds();
	static const struct stage_walk_options reading = {.reads = true};
	struct stage_content *content;
	struct stage_walk_entry entry;
	struct stage_walk *walk;

	make_dir(in_dir("t"), 0700);
	make_file(in_dir("t/a"), "a", 0600);
	begin_failing("read", EIO); /* its threads begin at once */
	WORKS(stage_walk_open(in_dir("t"), &reading, &walk, &failure));
	CHECK(stage_walk_next(walk, &entry, &failure) == STAGE_WALK_ENTRY);
	content = stage_walk_take_content(walk);
	wrap_end();
	CHECK(content == NULL);
	stage_content_free(&content);
	stage_walk_close(&walk);
	CHECK(count_fds() == fds);
	remove_tree(in_dir("t"));
}

/* What says that it is empty, and is not, is left to the caller. */
static void
larger_than_told(void)
{
	static const struct stage_walk_options reading = {.reads = true};
	struct stage_content *content;
	struct stage_walk_entry entry;
	struct stage_walk *walk;
	int seen = 0;

	WORKS(stage_walk_open("/proc/sys/kernel/random", &reading, &walk, &failure));
	while (stage_walk_next(walk, &entry, &failure) == STAGE_WALK_ENTRY) {
		content = stage_walk_take_content(walk);
		CHECK(content == NULL);
		stage_content_free(&content);
		seen += strcmp(entry.name, "poolsize") == 0 && entry.stat->st_size == 0;
	}
	CHECK(seen == 1);
	stage_walk_close(&walk);
}

static int
next_in_child(void *context)
{
	struct stage_walk *walk = context;
	struct stage_walk_entry entry;
	int code = stage_walk_next(walk, &entry, &failure);

	stage_walk_close(&walk);
	return code == STAGE_E_FORKED && !walk ? 0 : 1;
}

static void
forked(void)
{
	struct stage_walk_entry entry;
	struct stage_walk *walk;

	make_tree();
	WORKS(stage_walk_open(in_dir("t"), &ahead, &walk, &failure));
	CHECK(in_child(next_in_child, walk, -1) == 0);
	CHECK(stage_walk_next(walk, &entry, &failure) == STAGE_WALK_ENTRY);
	stage_walk_close(&walk);
	remove_tree(in_dir("t"));
}

static const struct test tests[] = {
	{"order", order},
	{"large", large},
	{"deep", deep},
	{"unreadable", unreadable},
	{"unlisted", unlisted},
	{"vanished", vanished},
	{"failures", failures},
	{"contents", contents},
	{"unread", unread},
	{"larger_than_told", larger_than_told},
	{"forked", forked},
	{NULL, NULL},
};

const struct suite suite_walk = {"walk", tests};
