/* Whose files are relied upon: in user namespaces that a child makes, and that the test maps. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "owner.h"
#include "root.h"
#include "settings.h"
#include "wrap.h"

#define OVERFLOW 65534

/* What a child in the namespace finds out, as its exit status; other numbers say what went wrong. */
enum { TRUSTED = 1, NOT_TRUSTED = 2, NO_SETTINGS = 3, NOT_ALLOWED = 77 };

static void
outside(void)
{
	CHECK(stage_owner_is_trusted(0, 01777));
	CHECK(stage_owner_is_trusted(geteuid(), 01777));
	CHECK(!stage_owner_is_trusted(geteuid() + 1234, 0755));
	/* as whom nobody is in the first namespace, which maps everybody */
	if (geteuid() != OVERFLOW)
		CHECK(!stage_owner_is_trusted(OVERFLOW, 0755));
}

struct namespace
{
	const char *map;         /* of uid_map, written from outside */
	int (*function)(void *); /* is run inside */
	void *context;
	int begun[2], mapped[2]; /* pipes */
};

static int
inside(void *context)
{
	const struct namespace *namespace = context;
	char byte = 0;

	if (unshare(CLONE_NEWUSER) < 0)
		return NOT_ALLOWED;
	if (write(namespace->begun[1], &byte, 1) != 1 || read(namespace->mapped[0], &byte, 1) != 1)
		return 6;
	return namespace->function(namespace->context);
}

static bool
write_map(pid_t pid, const char *map)
{
	char path[64];
	bool written;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/uid_map", (long)pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	written = write(fd, map, strlen(map)) == (ssize_t)strlen(map);
	close(fd);
	return written;
}

/* The result of function(context) in a user namespace with this map; NOT_ALLOWED where there can be none. */
static int
in_namespace(const char *map, int (*function)(void *), void *context)
{
	struct namespace namespace = {.map = map, .function = function, .context = context};
	struct child child;
	char byte = 0;
	int result;

	REQUIRE(pipe2(namespace.begun, O_CLOEXEC) == 0 && pipe2(namespace.mapped, O_CLOEXEC) == 0);
	child = start_child(inside, &namespace, -1);
	close(namespace.begun[1]);
	if (read(namespace.begun[0], &byte, 1) == 1) {
		CHECK(write_map(child.pid, map));
		CHECK(write(namespace.mapped[1], &byte, 1) == 1);
	}
	result = end_child(child);
	close(namespace.begun[0]);
	close(namespace.mapped[0]);
	close(namespace.mapped[1]);
	return result;
}

static int
judge(void *context)
{
	return stage_owner_is_trusted((uid_t)(uintptr_t)context, 0755) ? TRUSTED : NOT_TRUSTED;
}

/* The same of what is in a directory like /tmp, or one that a group may write. */
static int
judge_among_others(void *context)
{
	uid_t uid = (uid_t)(uintptr_t)context;

	if (stage_owner_is_trusted(uid, 01777) != stage_owner_is_trusted(uid, 0775))
		return 4;
	return stage_owner_is_trusted(uid, 01777) ? TRUSTED : NOT_TRUSTED;
}

/* The same where /proc cannot be read. */
static int
judge_blindly(void *context)
{
	const char *failing = context;
	bool trusted;

	wrap_begin_two(failing, EMFILE, "fsync", EIO);
	trusted = stage_owner_is_trusted(OVERFLOW, 0755);
	wrap_end();
	return trusted ? TRUSTED : NOT_TRUSTED;
}

static bool
can_have_namespaces(void)
{
	if (!can_be_others("who is trusted in a user namespace"))
		return false;
	if (in_namespace("0 0 1\n", judge, NULL) == TRUSTED)
		return true;
	fprintf(stderr, "\nNOT TESTED, there can be no user namespace here: the overflow uid\n");
	return false;
}

static int
judge_in(const char *map, uid_t uid)
{
	return in_namespace(map, judge, (void *)(uintptr_t)uid);
}

static void
in_namespaces(void)
{
	if (!can_have_namespaces())
		return;
	CHECK(judge_in("0 0 1\n", OVERFLOW) == TRUSTED);
	CHECK(judge_in("0 0 1\n", 0) == TRUSTED);
	CHECK(judge_in("0 0 1\n", 1234) == NOT_TRUSTED);
	CHECK(judge_in("0 0 1\n1 100000 65533\n", OVERFLOW) == TRUSTED);
	CHECK(judge_in("0 0 1\n65535 100000 1\n", OVERFLOW) == TRUSTED);
	/* where anybody may make something, somebody from outside may have made it */
	CHECK(in_namespace("0 0 1\n", judge_among_others, (void *)(uintptr_t)OVERFLOW) ==
		NOT_TRUSTED);
	CHECK(in_namespace("0 0 1\n", judge_among_others, (void *)(uintptr_t)0) == TRUSTED);
	/* a user who is not mapped sees all that is from outside as his own */
	CHECK(judge_in("1 1 1\n", OVERFLOW) == TRUSTED);
	CHECK(in_namespace("1 1 1\n", judge_among_others, (void *)(uintptr_t)OVERFLOW) ==
		NOT_TRUSTED);
	/* a user inside has that number: his files are not told from those of the users outside */
	CHECK(judge_in("0 0 1\n1 100000 65534\n", OVERFLOW) == NOT_TRUSTED);
	CHECK(judge_in("0 0 1\n65534 100000 1\n", OVERFLOW) == NOT_TRUSTED);
	CHECK(judge_in("0 0 4294967295\n", OVERFLOW) == NOT_TRUSTED);
	/* what cannot be found out is not taken for a yes */
	CHECK(in_namespace("0 0 1\n", judge_blindly, (void *)(uintptr_t) "open") == NOT_TRUSTED);
	CHECK(in_namespace("0 0 1\n", judge_blindly, (void *)(uintptr_t) "fdopen") == NOT_TRUSTED);
}

/* What is vetted in a namespace, and how the reason ends why the root is not good. */
struct vetted {
	const char *settings, *root, *reason;
};

static int
vet(void *context)
{
	const struct vetted *vetted = context;
	struct stage_root_request request = {.tempdir = vetted->root};
	struct stage_settings *settings;
	struct stage_roots *roots;

	if (stage_settings_load_file(vetted->settings, &settings, NULL) < 0)
		return NO_SETTINGS;
	if (stage_roots_rank(settings, &request, &roots, NULL) < 0)
		return 4;
	if (roots->chosen)
		return TRUSTED;
	return strstr(roots->list[0].reason, vetted->reason) ? NOT_TRUSTED : 5;
}

static int
vet_in(const char *map, const char *settings, const char *root, const char *reason)
{
	struct vetted vetted = {.settings = settings, .root = root, .reason = reason};

	return in_namespace(map, vet, &vetted);
}

/* A temp root below a directory of somebody from outside, and a settings file of his. */
static void
roots_and_settings(void)
{
	const char *shared = "outside is writable by everybody";

	REQUIRE(chdir(test_dir) == 0);
	make_dir("outside", 0755);
	make_dir("outside/t", 0700);
	make_file("conf", "avoid_tmpfs = no\n", 0644);
	if (can_have_namespaces()) {
		REQUIRE(chown("outside", 1234, 1234) == 0 && chown("conf", 1234, 1234) == 0);
		CHECK(vet_in("0 0 1\n", "conf", "outside/t", shared) == TRUSTED);
		REQUIRE(chmod("outside", 0777) == 0);
		CHECK(vet_in("0 0 1\n", "conf", "outside/t", shared) == NOT_TRUSTED);
		/* as /tmp is */
		REQUIRE(chmod("outside", 01777) == 0);
		CHECK(vet_in("0 0 1\n", "conf", "outside/t", shared) == TRUSTED);
		CHECK(vet_in("0 0 1\n", "conf", "outside/t/../t/.", shared) == TRUSTED);
		/* others may write to it */
		REQUIRE(chmod("conf", 0666) == 0);
		CHECK(vet_in("0 0 1\n", "conf", "outside/t", shared) == NO_SETTINGS);
		REQUIRE(chmod("conf", 0644) == 0);
		CHECK(vet_in("0 0 1\n65534 100000 1\n", "conf", "outside/t", shared) ==
			NO_SETTINGS);
	}
	unlink("conf");
	rmdir("outside/t");
	rmdir("outside");
}

static void
give_outside(const char *path)
{
	REQUIRE(lchown(path, 1234, 1234) == 0);
}

/* In a folder for all, such as /tmp, somebody from outside has made directories and links: he may change them. */
static void
roots_among_others(void)
{
	const char *map = "0 0 1\n";

	REQUIRE(chdir(test_dir) == 0);
	make_dir("s", 01777);
	make_dir("s/his", 01777);
	make_dir("s/his/t", 0700);
	make_dir("s/t", 0700);
	REQUIRE(symlink("t", "s/link") == 0);
	make_file("conf", "avoid_tmpfs = no\n", 0644);
	if (can_have_namespaces()) {
		give_outside("s");
		CHECK(vet_in(map, "conf", "s/his/t", "") == TRUSTED);
		CHECK(vet_in(map, "conf", "s/link", "") == TRUSTED);
		give_outside("s/his");
		CHECK(vet_in(map, "conf", "s/his/t", "s/his belongs to user 65534") == NOT_TRUSTED);
		CHECK(vet_in(map, "conf", "s/t/../his/t", "s/his belongs to user 65534") ==
			NOT_TRUSTED);
		REQUIRE(chmod("s/his", 0755) == 0);
		CHECK(vet_in(map, "conf", "s/his/t", "s/his belongs to user 65534") == NOT_TRUSTED);
		give_outside("s/link");
		CHECK(vet_in(map, "conf", "s/link", "s/link is a symbolic link of user 65534") ==
			NOT_TRUSTED);
		CHECK(vet_in(map, "conf", "s/t", "") == TRUSTED);
	}
	unlink("conf");
	unlink("s/link");
	rmdir("s/his/t");
	rmdir("s/his");
	rmdir("s/t");
	rmdir("s");
}

/* And settings files, also by way of links and directories of his. */
static void
settings_among_others(void)
{
	const char *map = "0 0 1\n";

	REQUIRE(chdir(test_dir) == 0);
	make_dir("s", 01777);
	make_dir("s/his", 0755);
	make_dir("t", 0700);
	make_file("s/conf", "avoid_tmpfs = no\n", 0644);
	make_file("s/his/conf", "avoid_tmpfs = no\n", 0644);
	make_file("conf", "avoid_tmpfs = no\n", 0644);
	REQUIRE(symlink("../conf", "s/link") == 0);
	if (can_have_namespaces()) {
		CHECK(vet_in(map, "s/conf", "t", "") == TRUSTED);
		give_outside("s/conf");
		CHECK(vet_in(map, "s/conf", "t", "") == NO_SETTINGS);
		CHECK(vet_in(map, in_dir("s/conf"), "t", "") == NO_SETTINGS);
		give_outside("s/his/conf");
		CHECK(vet_in(map, "s/his/conf", "t", "") == TRUSTED);
		give_outside("s/his");
		CHECK(vet_in(map, "s/his/conf", "t", "") == NO_SETTINGS);
		give_outside("conf");
		CHECK(vet_in(map, "s/link", "t", "") == TRUSTED);
		give_outside("s/link");
		CHECK(vet_in(map, "s/link", "t", "") == NO_SETTINGS);
		/* without the sticky bit what is his own can be replaced as well */
		REQUIRE(chown("s/his", 0, 0) == 0 && chmod("s", 0777) == 0);
		CHECK(vet_in(map, "s/his/conf", "t", "") == NO_SETTINGS);
	}
	unlink("s/link");
	unlink("s/conf");
	unlink("s/his/conf");
	unlink("conf");
	rmdir("s/his");
	rmdir("s");
	rmdir("t");
}

static const struct test tests[] = {
	{"outside", outside},
	{"in_namespaces", in_namespaces},
	{"roots_and_settings", roots_and_settings},
	{"roots_among_others", roots_among_others},
	{"settings_among_others", settings_among_others},
	{NULL, NULL},
};

const struct suite suite_owner = {"owner", tests};
