#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "root_run.h"

/* By state, then by rank; refused ones never. */
static void
next(void)
{
	static const enum stage_root_state states[] = {STAGE_ROOT_IN_SOURCE, STAGE_ROOT_REFUSED,
		STAGE_ROOT_TMPFS, STAGE_ROOT_GOOD, STAGE_ROOT_IN_SOURCE, STAGE_ROOT_GOOD};
	static const size_t order[] = {3, 5, 2, 0, 4};
	struct stage_root list[6] = {{0}};
	const struct stage_roots all = {.list = list, .count = 6}, none = {0};
	const struct stage_roots refused = {.list = &list[1], .count = 1};
	const struct stage_root *root = NULL;
	size_t i;

	for (i = 0; i < 6; i++)
		list[i].state = states[i];
	for (i = 0; i < 5; i++) {
		root = stage_roots_next(&all, root);
		CHECK(root == &list[order[i]]);
	}
	CHECK(stage_roots_next(&all, root) == NULL);
	CHECK(stage_roots_next(&none, NULL) == NULL);
	CHECK(stage_roots_next(&refused, NULL) == NULL);
}

/* Ranks --tempdir PATH alone; the one root. */
static const struct stage_root *
vet_in(const char *path, const char *source)
{
	return root_vet(&(struct stage_root_request){.tempdir = path, .source = source});
}

static void
rank_order(void)
{
	struct stage_root_request empty = {.tempdir = NULL, .source = NULL};
	char text[1024];

	make_dir(in_dir("a"), 0700);
	make_dir(in_dir("c"), 0700);
	snprintf(text, sizeof(text), "avoid_tmpfs = no\ntemp_root = %s\ntemp_root = %s\n",
		in_dir("b"), in_dir("a"));
	setenv("TMPDIR", in_dir("c"), 1);
	root_set(text);
	setenv("TMPDIR", "/elsewhere", 1); /* what it was when the settings were read counts */
	WORKS(stage_roots_rank(settings, &empty, &roots, &failure));
	REQUIRE(roots->count == 5);
	CHECK(strcmp(roots->list[0].path, in_dir("b")) == 0);
	CHECK(strcmp(roots->list[1].path, in_dir("a")) == 0);
	CHECK(strcmp(roots->list[2].path, in_dir("c")) == 0);
	CHECK(strcmp(roots->list[3].path, "/var/tmp") == 0);
	CHECK(strcmp(roots->list[4].path, "/tmp") == 0);
	CHECK(strcmp(roots->list[1].origin, "temp_root") == 0);
	CHECK(strcmp(roots->list[2].origin, "TMPDIR") == 0);
	CHECK(strcmp(roots->list[3].origin, "default") == 0);
	CHECK(strcmp(roots->list[4].origin, "default") == 0);
	/* b is not there */
	CHECK(roots->list[0].state == STAGE_ROOT_REFUSED);
	CHECK(roots->chosen == &roots->list[1]);

	/* one that is named twice has its better rank; an empty variable names none */
	stage_roots_free(&roots);
	setenv("TMPDIR", in_dir("a"), 1);
	root_set(text);
	WORKS(stage_roots_rank(settings, NULL, &roots, &failure));
	CHECK(roots->count == 4 && strcmp(roots->list[2].path, "/var/tmp") == 0);
	stage_roots_free(&roots);
	setenv("TMPDIR", "", 1);
	root_set(text);
	WORKS(stage_roots_rank(settings, NULL, &roots, &failure));
	CHECK(roots->count == 4 && strcmp(roots->list[2].path, "/var/tmp") == 0);
	/* the others behind it, in the order of Python's tempfile */
	stage_roots_free(&roots);
	unsetenv("TMPDIR");
	setenv("TMP", in_dir("d"), 1);
	setenv("TEMP", in_dir("c"), 1);
	root_set(text);
	WORKS(stage_roots_rank(settings, NULL, &roots, &failure));
	REQUIRE(roots->count == 6);
	CHECK(strcmp(roots->list[2].path, in_dir("c")) == 0);
	CHECK(strcmp(roots->list[2].origin, "TEMP") == 0);
	CHECK(strcmp(roots->list[3].path, in_dir("d")) == 0);
	CHECK(strcmp(roots->list[3].origin, "TMP") == 0);
	unsetenv("TMP");
	unsetenv("TEMP");
	/* relative to what, nobody could say */
	stage_roots_free(&roots);
	REQUIRE(chdir(test_dir) == 0);
	setenv("TMPDIR", "a", 1);
	root_set(text);
	WORKS(stage_roots_rank(settings, NULL, &roots, &failure));
	REQUIRE(roots->count == 5);
	CHECK(roots->list[2].state == STAGE_ROOT_REFUSED);
	HAS(roots->list[2].reason, "is not an absolute path");
	rmdir(in_dir("a"));
	rmdir(in_dir("c"));
	root_done();
}

static void
tempdir_is_all(void)
{
	char text[1024];

	make_dir(in_dir("a"), 0700);
	snprintf(text, sizeof(text), "avoid_tmpfs = no\ntemp_root = %s\n", in_dir("a"));
	setenv("TMPDIR", in_dir("a"), 1);
	root_set(text);
	root_refused(in_dir("missing"), "does not exist");
	make_dir(in_dir("t"), 0700);
	root_good(in_dir("t"));
	REQUIRE(chdir(test_dir) == 0);
	root_good("t");
	CHECK(strcmp(roots->list[0].path, in_dir("t")) == 0);
	root_good("a/../t");
	root_good(".");
	root_refused("nowhere", "does not exist");
	HAS(roots->list[0].reason, in_dir("nowhere"));
	rmdir(in_dir("a"));
	rmdir(in_dir("t"));
	root_done();
}

static void
spellings(void)
{
	char path[1024];

	make_dir(in_dir("t"), 0700);
	snprintf(path, sizeof(path), "//%s///t//", test_dir + 1);
	root_good(path);
	snprintf(path, sizeof(path), "%s/./t/.", test_dir);
	root_good(path);
	snprintf(path, sizeof(path), "%s/t/../t", test_dir);
	root_good(path);
	/* what cannot be printed */
	make_dir(in_dir("a\nb\xff"), 0700);
	root_good(in_dir("a\nb\xff"));
	root_refused(in_dir("a\nb\xff/c"), "a\\x0ab\\xff/c: does not exist");
	rmdir(in_dir("a\nb\xff"));
	rmdir(in_dir("t"));
	root_done();
}

static void
no_directory(void)
{
	root_refused(in_dir("missing"), "missing: does not exist");
	root_refused(in_dir("missing/below"), "missing: does not exist");
	make_file(in_dir("file"), "x", 0600);
	root_refused(in_dir("file"), "file is not a directory");
	root_refused(in_dir("file/below"), "file is not a directory");
	unlink(in_dir("file"));
	REQUIRE(mkfifo(in_dir("fifo"), 0600) == 0);
	root_refused(in_dir("fifo"), "fifo is not a directory");
	unlink(in_dir("fifo"));
	root_done();
}

static void
links(void)
{
	make_dir(in_dir("real"), 0700);
	make_dir(in_dir("real/t"), 0700);
	/* at its end as anywhere else, and however it is spelled */
	REQUIRE(symlink(in_dir("real/t"), in_dir("end")) == 0);
	root_good(in_dir("end"));
	CHECK(strcmp(roots->list[0].path, in_dir("end")) == 0);
	CHECK(strcmp(roots->list[0].real, in_dir("real/t")) == 0);
	root_good(in_dir("end/"));
	root_good(in_dir("end//"));
	root_good(in_dir("end/."));
	CHECK(strcmp(roots->list[0].real, in_dir("real/t")) == 0);
	REQUIRE(symlink("nowhere", in_dir("dangling")) == 0);
	root_refused(in_dir("dangling"), "nowhere: does not exist");
	HAS(roots->list[0].reason, in_dir("nowhere"));
	root_refused(in_dir("dangling/t"), "nowhere: does not exist");

	REQUIRE(symlink(in_dir("real"), in_dir("absolute")) == 0);
	root_good(in_dir("absolute/t"));
	REQUIRE(symlink("./real/../real", in_dir("relative")) == 0);
	root_good(in_dir("relative/t"));
	REQUIRE(symlink("absolute", in_dir("chain")) == 0);
	root_good(in_dir("chain/t"));
	REQUIRE(symlink("loop", in_dir("loop")) == 0);
	root_refused(in_dir("loop/t"), "Too many levels of symbolic links");
	root_refused(in_dir("loop"), "Too many levels of symbolic links");

	/* what a link leads through is looked at as well */
	make_dir(in_dir("open"), 0777);
	make_dir(in_dir("open/t"), 0700);
	REQUIRE(symlink("open/t", in_dir("through")) == 0);
	make_dir(in_dir("open/t/u"), 0700);
	root_refused(in_dir("through/u"), "open is writable by everybody (mode 0777)");
	root_refused(in_dir("through"), "open is writable by everybody (mode 0777)");
	root_refused(in_dir("through/."), "open is writable by everybody (mode 0777)");
	rmdir(in_dir("open/t/u"));
	rmdir(in_dir("open/t"));
	rmdir(in_dir("open"));

	if (can_be_others("a link of another user on the path")) {
		REQUIRE(lchown(in_dir("absolute"), NOBODY, NOBODY) == 0);
		root_refused(in_dir("absolute/t"), "absolute is a symbolic link of user 65534");
		root_refused(in_dir("chain/t"), "absolute is a symbolic link of user 65534");
		REQUIRE(lchown(in_dir("end"), NOBODY, NOBODY) == 0);
		root_refused(in_dir("end"), "end is a symbolic link of user 65534");
		HAS(roots->list[0].reason, in_dir("end"));
		root_refused(in_dir("end/."), "end is a symbolic link of user 65534");
	}
	unlink(in_dir("through"));
	unlink(in_dir("loop"));
	unlink(in_dir("chain"));
	unlink(in_dir("relative"));
	unlink(in_dir("absolute"));
	unlink(in_dir("dangling"));
	unlink(in_dir("end"));
	rmdir(in_dir("real/t"));
	rmdir(in_dir("real"));
	root_done();
}

static void
who_may_write(void)
{
	make_dir(in_dir("m"), 0755);
	make_dir(in_dir("m/t"), 0700);
	make_dir(in_dir("m/t/u"), 0700);

	REQUIRE(chmod(in_dir("m/t"), 0777) == 0);
	root_refused(in_dir("m/t"), "m/t is writable by everybody (mode 0777)");
	HAS(roots->list[0].reason, "chmod +t");
	root_refused(in_dir("m/t/u"), "m/t is writable by everybody (mode 0777)");
	root_refused(in_dir("m/t/../t/u/.."), "m/t is writable by everybody");
	REQUIRE(chmod(in_dir("m/t"), 0770) == 0);
	root_refused(in_dir("m/t"), "writable by its group (mode 0770)");
	root_refused(in_dir("m/t/u"), "writable by its group (mode 0770)");
	REQUIRE(chmod(in_dir("m/t"), 0702) == 0);
	root_refused(in_dir("m/t"), "writable by everybody");
	HAS(roots->list[0].reason, "or allow_shared_root must be set");
	REQUIRE(chmod(in_dir("m/t"), 01777) == 0);
	root_good(in_dir("m/t"));
	root_good(in_dir("m/t/u"));
	REQUIRE(chmod(in_dir("m/t"), 01770) == 0);
	root_good(in_dir("m/t"));
	REQUIRE(chmod(in_dir("m/t"), 0755) == 0);
	root_good(in_dir("m/t"));

	if (can_be_others("directories of another user")) {
		REQUIRE(chown(in_dir("m/t"), NOBODY, NOBODY) == 0);
		root_refused(in_dir("m/t"), "m/t belongs to user 65534, who could replace");
		root_refused(in_dir("m/t/u"), "m/t belongs to user 65534");
		REQUIRE(chmod(in_dir("m/t"), 01777) == 0);
		root_refused(in_dir("m/t"), "m/t belongs to user 65534");
	}
	rmdir(in_dir("m/t/u"));
	rmdir(in_dir("m/t"));
	rmdir(in_dir("m"));
	root_done();
}

/* 0 where path is refused to this user with these words */
struct refusal {
	const char *path, *why;
};

static int
is_refused(void *context)
{
	const struct refusal *refusal = context;
	struct stage_root_request request = {.tempdir = refusal->path};
	struct stage_roots *ranked;

	if (stage_roots_rank(settings, &request, &ranked, NULL) < 0)
		return 1;
	if (!refusal->why)
		return ranked->chosen ? 0 : 2;
	if (ranked->chosen)
		return 3;
	if (strstr(ranked->list[0].reason, refusal->why))
		return 0;
	fprintf(stderr, "\n%s\n", ranked->list[0].reason);
	return 4;
}

static void
as_another_user(void)
{
	if (!can_be_others("temp roots of a user who is not root"))
		return;
	REQUIRE(chmod(test_dir, 0755) == 0);
	root_set("avoid_tmpfs = no\n");
	make_dir(in_dir("t"), 0755);
	CHECK(in_child(is_refused,
		      &(struct refusal){in_dir("t"), "not writable: Permission denied"},
		      NOBODY) == 0);
	REQUIRE(chmod(in_dir("t"), 01777) == 0);
	CHECK(in_child(is_refused, &(struct refusal){in_dir("t"), NULL}, NOBODY) == 0);
	REQUIRE(chmod(in_dir("t"), 0700) == 0);
	CHECK(in_child(is_refused, &(struct refusal){in_dir("t"), "not writable"}, NOBODY) == 0);
	CHECK(in_child(is_refused, &(struct refusal){in_dir("t/u"), "Permission denied"}, NOBODY) ==
		0);
	REQUIRE(chown(in_dir("t"), NOBODY, NOBODY) == 0);
	CHECK(in_child(is_refused, &(struct refusal){in_dir("t"), NULL}, NOBODY) == 0);
	REQUIRE(chmod(in_dir("t"), 0500) == 0);
	CHECK(in_child(is_refused, &(struct refusal){in_dir("t"), "not writable"}, NOBODY) == 0);
	REQUIRE(chmod(in_dir("t"), 0600) == 0);
	CHECK(in_child(is_refused, &(struct refusal){in_dir("t"), "not writable"}, NOBODY) == 0);
	rmdir(in_dir("t"));
	root_done();
}

static void
min_free(void)
{
	make_dir(in_dir("t"), 0700);
	root_set("avoid_tmpfs = no\nmin_free = 16777215T\n");
	root_refused(
		in_dir("t"), "bytes are free, fewer than the 18446742974197923840 of min_free");
	CHECK(roots->list[0].free_bytes > 0);
	root_set("avoid_tmpfs = no\nmin_free = 0\n");
	root_good(in_dir("t"));
	rmdir(in_dir("t"));
	root_done();
}

static bool
is_memory(const char *path)
{
	struct statfs statfs_;

	return statfs(path, &statfs_) == 0 && statfs_.f_type == TMPFS_MAGIC &&
	       access(path, W_OK) == 0;
}

static void
memory(void)
{
	const struct stage_root *root;

	if (!is_memory("/dev/shm")) {
		fprintf(stderr, "\nNOT TESTED, for want of a tmpfs in /dev/shm: avoid_tmpfs\n");
		return;
	}
	root_set("temp_root = /dev/shm\n");
	root = vet_in("/dev/shm", NULL);
	CHECK(root->state == STAGE_ROOT_TMPFS);
	HAS(root->reason, "it is memory (tmpfs), and avoid_tmpfs is set");
	stage_roots_free(&roots);
	WORKS(stage_roots_rank(settings, NULL, &roots, &failure));
	CHECK(roots->list[0].state == STAGE_ROOT_TMPFS);
	if (!is_memory("/var/tmp"))
		CHECK(strcmp(roots->chosen->path, "/var/tmp") == 0);
	root_set("temp_root = /dev/shm\navoid_tmpfs = no\n");
	CHECK(vet_in("/dev/shm", NULL)->state == STAGE_ROOT_GOOD);
	root_done();
}

static void
in_source(void)
{
	make_dir(in_dir("s"), 0755);
	make_dir(in_dir("s/t"), 0755);
	make_dir(in_dir("s/t/u"), 0755);
	make_dir(in_dir("st"), 0755);
	CHECK(vet_in(in_dir("s/t"), in_dir("s"))->state == STAGE_ROOT_IN_SOURCE);
	HAS(roots->list[0].reason, "it lies inside of");
	HAS(roots->list[0].reason, in_dir("s"));
	CHECK(vet_in(in_dir("s/t/u"), in_dir("s"))->state == STAGE_ROOT_IN_SOURCE);
	CHECK(vet_in(in_dir("s/t"), in_dir("s/t"))->state == STAGE_ROOT_IN_SOURCE);
	CHECK(vet_in(in_dir("s/t"), "/")->state == STAGE_ROOT_IN_SOURCE);
	CHECK(vet_in(in_dir("st/../s/t"), in_dir("s"))->state == STAGE_ROOT_IN_SOURCE);
	CHECK(vet_in(in_dir("s/t"), in_dir("st/../s/"))->state == STAGE_ROOT_IN_SOURCE);
	CHECK(vet_in(in_dir("s/t/../../st"), in_dir("s"))->state == STAGE_ROOT_GOOD);
	/* like by name, not by place */
	CHECK(vet_in(in_dir("st"), in_dir("s"))->state == STAGE_ROOT_GOOD);
	CHECK(vet_in(in_dir("s"), in_dir("s/t"))->state == STAGE_ROOT_GOOD);
	CHECK(vet_in(in_dir("s"), in_dir("missing"))->state == STAGE_ROOT_GOOD);
	/* either way through a link */
	REQUIRE(symlink("s", in_dir("link")) == 0);
	CHECK(vet_in(in_dir("s/t"), in_dir("link"))->state == STAGE_ROOT_IN_SOURCE);
	CHECK(vet_in(in_dir("link/t"), in_dir("s"))->state == STAGE_ROOT_IN_SOURCE);
	REQUIRE(chdir(in_dir("s")) == 0);
	CHECK(vet_in("t", ".")->state == STAGE_ROOT_IN_SOURCE);
	REQUIRE(chdir(test_dir) == 0);
	unlink(in_dir("link"));
	rmdir(in_dir("s/t/u"));
	rmdir(in_dir("s/t"));
	rmdir(in_dir("s"));
	rmdir(in_dir("st"));
	root_done();
}

/* In a name space of mounts of its own: 0 good, 77 where there can be none, else which check
 * failed. */
static int
among_mounts(void *context)
{
	struct stage_root_request request = {.source = "/var"};
	struct stage_roots *ranked;

	(void)context;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("none", "/tmp", "tmpfs", 0, "mode=1777") < 0 ||
		mount(in_dir("s"), in_dir("b"), NULL, MS_BIND, NULL) < 0)
		return 77;
	/* /var/tmp is in the source, /tmp is memory: memory it is */
	if (stage_roots_rank(settings, &request, &ranked, NULL) < 0 || !ranked->chosen)
		return 1;
	if (strcmp(ranked->chosen->path, "/tmp") != 0 || ranked->chosen->state != STAGE_ROOT_TMPFS)
		return 2;
	if (ranked->list[0].state != STAGE_ROOT_IN_SOURCE)
		return 3;
	stage_roots_free(&ranked);
	/* the source, bound elsewhere, is still the source */
	request = (struct stage_root_request){.tempdir = in_dir("b/t"), .source = in_dir("s")};
	if (stage_roots_rank(settings, &request, &ranked, NULL) < 0)
		return 4;
	if (ranked->list[0].state != STAGE_ROOT_IN_SOURCE)
		return 5;
	stage_roots_free(&ranked);
	/* a file system that is read-only */
	if (mount("none", "/tmp", NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
		return 77;
	request = (struct stage_root_request){.tempdir = "/tmp"};
	if (stage_roots_rank(settings, &request, &ranked, NULL) < 0)
		return 6;
	if (ranked->chosen || !strstr(ranked->list[0].reason, "Read-only file system"))
		return 7;
	stage_roots_free(&ranked);
	return 0;
}

static void
last_resorts(void)
{
	int result;

	if (!can_be_others("temp roots on other mounts"))
		return;
	root_set("avoid_tmpfs = yes\nmin_free = 4K\n");
	make_dir(in_dir("s"), 0755);
	make_dir(in_dir("s/t"), 0755);
	make_dir(in_dir("b"), 0755);
	result = in_child(among_mounts, NULL, -1);
	if (result == 77)
		fprintf(stderr, "\nNOT TESTED, mounts are not allowed here: last resorts\n");
	else
		CHECK(result == 0);
	if (result && result != 77)
		fprintf(stderr, "\nlast_resorts: %d\n", result);
	rmdir(in_dir("b"));
	rmdir(in_dir("s/t"));
	rmdir(in_dir("s"));
	root_done();
}

static void
none(void)
{
	struct captured *log = capture();
	struct stage_dir *dir = NULL;
	char text[1024];

	snprintf(text, sizeof(text), "avoid_tmpfs = no\nmin_free = 16777215T\ntemp_root = %s\n",
		in_dir("missing"));
	make_dir(in_dir("open"), 0777);
	setenv("TMPDIR", in_dir("open"), 1);
	root_set(text);
	WORKS(stage_roots_rank(settings, NULL, &roots, &failure));
	CHECK(roots->chosen == NULL && roots->count == 4);
	FAILS(stage_roots_none(roots, &failure), STAGE_E_NO_ROOT);
	HAS(failure.message, "no temp root can be used");
	HAS(failure.message, in_dir("missing"));
	HAS(failure.message, "(temp_root)");
	HAS(failure.message, "does not exist");
	HAS(failure.message, in_dir("open"));
	HAS(failure.message, "(TMPDIR)");
	HAS(failure.message, "writable by everybody");
	HAS(failure.message, "/var/tmp (default): ");
	HAS(failure.message, "/tmp (default): ");
	HAS(failure.message, "of min_free");
	FAILS(stage_dir_open_ranked(roots, &log->log, &dir, &failure), STAGE_E_NO_ROOT);
	HAS(failure.message, "/var/tmp (default): ");
	CHECK(stage_dir_open_ranked(roots, NULL, &dir, NULL) == STAGE_E_NO_ROOT);
	CHECK(dir == NULL);
	rmdir(in_dir("open"));
	root_done();
}

/* More reasons than a message holds */
static void
none_of_many(void)
{
	char text[20000] = "min_free = 1\n";
	size_t i;

	for (i = 0; i < 100; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "temp_root = %s-%zu\n",
			in_dir("a-directory-that-is-missing"), i);
	strcat(text, "avoid_tmpfs = no\n");
	root_set(text);
	WORKS(stage_roots_rank(settings, NULL, &roots, &failure));
	CHECK(roots->count == 102);
	FAILS(stage_roots_none(roots, &failure), STAGE_E_NO_ROOT);
	CHECK(strlen(failure.message) > STAGE_ERROR_MESSAGE_MAX - 16);
	CHECK(strcmp(failure.message + strlen(failure.message) - 3, "...") == 0);
	root_done();
}

static void
state_names(void)
{
	CHECK(strcmp(stage_root_state_name(STAGE_ROOT_GOOD), "good") == 0);
	CHECK(strcmp(stage_root_state_name(STAGE_ROOT_TMPFS), "tmpfs") == 0);
	CHECK(strcmp(stage_root_state_name(STAGE_ROOT_IN_SOURCE), "in source") == 0);
	CHECK(strcmp(stage_root_state_name(STAGE_ROOT_REFUSED), "refused") == 0);
}

static void
free_closes(void)
{
	int before = count_fds();

	root_good(test_dir);
	CHECK(count_fds() == before + 1);
	errno = EDOM;
	stage_roots_free(&roots);
	CHECK(errno == EDOM && roots == NULL);
	stage_roots_free(&roots);
	CHECK(count_fds() == before);
	root_done();
}

/* When something was last made or removed in a directory. */
static struct timespec
changed(const char *path)
{
	struct stat found = {0};

	CHECK(stat(path, &found) == 0);
	return found.st_mtim;
}

/* Has the directory been changed since it was as old as this? */
static bool
was_used(const char *path, struct timespec old)
{
	struct timespec now = changed(path);

	return now.tv_sec != old.tv_sec || now.tv_nsec != old.tv_nsec;
}

static void
make_old(const char *path)
{
	const struct timespec times[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};

	CHECK(utimensat(AT_FDCWD, path, times, 0) == 0);
}

/* Replaces the vetted root NAME by a link to `victim`; it is then `moved`. */
static void
replace(const char *name)
{
	make_dir(in_dir("victim"), 0700);
	REQUIRE(rename(in_dir(name), in_dir("moved")) == 0);
	REQUIRE(symlink("victim", in_dir(name)) == 0);
	make_old(in_dir("victim"));
	make_old(in_dir("moved"));
}

/* By descriptor: what was vetted was used, what stands in its place was not; nothing is left. */
static void
was_seen(const char *name)
{
	const struct timespec old = {.tv_sec = 1000000};

	CHECK(was_used(in_dir("moved"), old));
	CHECK(!was_used(in_dir("victim"), old));
	CHECK(rmdir(in_dir("moved")) == 0);
	CHECK(rmdir(in_dir("victim")) == 0);
	unlink(in_dir(name));
}

/* The directory that was vetted is used, whatever its path leads to afterwards. */
static void
replaced_after_vetting(void)
{
	struct stage_dir *dir = NULL;

	make_dir(in_dir("t"), 0700);
	root_good(in_dir("t"));
	replace("t");
	FAILS(stage_dir_open_root(&roots->list[0], NULL, &dir, &failure), STAGE_E_SWAPPED);
	HAS(failure.message, in_dir("t"));
	FAILS(stage_dir_open_ranked(roots, NULL, &dir, &failure), STAGE_E_SWAPPED);
	CHECK(dir == NULL);
	was_seen("t");
	root_done();
}

/* One that was not replaced is used; of several the next best. */
static void
replaced_gives_way(void)
{
	struct stage_dir *dir = NULL;
	char text[1024];

	make_dir(in_dir("a"), 0700);
	make_dir(in_dir("b"), 0700);
	snprintf(text, sizeof(text), "avoid_tmpfs = no\ntemp_root = %s\ntemp_root = %s\n",
		in_dir("a"), in_dir("b"));
	root_set(text);
	WORKS(stage_roots_rank(settings, NULL, &roots, &failure));
	replace("a");
	WORKS(stage_dir_open_ranked(roots, NULL, &dir, &failure));
	REQUIRE(dir != NULL);
	CHECK(strncmp(stage_dir_path(dir), in_dir("b"), strlen(in_dir("b"))) == 0);
	stage_dir_close(&dir);
	was_seen("a");
	WORKS(stage_dir_open_root(&roots->list[1], NULL, &dir, &failure));
	REQUIRE(dir != NULL);
	CHECK(strncmp(stage_dir_path(dir), in_dir("b"), strlen(in_dir("b"))) == 0);
	WORKS(stage_dir_check(dir, &failure));
	stage_dir_close(&dir);
	rmdir(in_dir("b"));
	root_done();
}

/* A root that fails after it was vetted gives way to the next. */
static void
falls_back(void)
{
	struct captured *log = capture();
	struct stage_dir *dir = NULL;
	char text[1024];

	make_dir(in_dir("a"), 0700);
	make_dir(in_dir("b"), 0700);
	snprintf(text, sizeof(text),
		"avoid_tmpfs = no\ntemp_root = %s\ntemp_root = %s\ntemp_root = %s\n", in_dir("a"),
		in_dir("missing"), in_dir("b"));
	root_set(text);
	WORKS(stage_roots_rank(settings, NULL, &roots, &failure));
	CHECK(roots->chosen == &roots->list[0]);
	REQUIRE(rmdir(in_dir("a")) == 0);
	WORKS(stage_dir_open_ranked(roots, &log->log, &dir, &failure));
	REQUIRE(dir != NULL);
	CHECK(strncmp(stage_dir_path(dir), in_dir("b"), strlen(in_dir("b"))) == 0);
	HAS(log->text, "W:temp root ");
	HAS(log->text, "failed: cannot make a staging directory in");
	HAS(log->text, "missing (temp_root) is not used: ");
	HAS(log->text, "b (temp_root)\n");
	stage_dir_close(&dir);
	rmdir(in_dir("b"));
	root_done();
}

static const struct test tests[] = {
	{"next", next},
	{"rank_order", rank_order},
	{"tempdir_is_all", tempdir_is_all},
	{"spellings", spellings},
	{"no_directory", no_directory},
	{"links", links},
	{"who_may_write", who_may_write},
	{"as_another_user", as_another_user},
	{"min_free", min_free},
	{"memory", memory},
	{"in_source", in_source},
	{"last_resorts", last_resorts},
	{"none", none},
	{"none_of_many", none_of_many},
	{"state_names", state_names},
	{"free_closes", free_closes},
	{"replaced_after_vetting", replaced_after_vetting},
	{"replaced_gives_way", replaced_gives_way},
	{"falls_back", falls_back},
	{NULL, NULL},
};

const struct suite suite_root = {"root", tests};
