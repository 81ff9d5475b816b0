#include "tests.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "naming.h"

#define BASE32 "abcdefghijklmnopqrstuvwxyz234567"

static bool
is_dir_name(const char *name)
{
	pid_t pid;
	bool ours;

	return stage_naming_is_dir(name, &pid, &ours);
}

static void
dir_shape(void)
{
	char name[STAGE_DIR_NAME_MAX], other[STAGE_DIR_NAME_MAX], pid_text[32];
	bool this_machine = false;
	pid_t pid = 0;

	WORKS(stage_naming_dir(true, name, &failure));
	WORKS(stage_naming_dir(true, other, &failure));
	CHECK(strcmp(name, other) != 0);
	CHECK(strncmp(name, "stagedir-", 9) == 0);
	CHECK(strspn(name + 9, "0123456789abcdef") == 16 && name[25] == '-');
	CHECK(strspn(name + 26, "0123456789abcdef") == 8 && name[34] == '-');
	CHECK(strncmp(name, other, 35) == 0); /* of this machine, as it was started */
	snprintf(pid_text, sizeof(pid_text), "%ld-", (long)getpid());
	CHECK(strncmp(name + 35, pid_text, strlen(pid_text)) == 0);
	CHECK(strspn(name + 35 + strlen(pid_text), BASE32) == STAGE_DIR_RANDOM);
	CHECK(strlen(name) == 35 + strlen(pid_text) + STAGE_DIR_RANDOM);
	CHECK(strlen(name) < STAGE_DIR_NAME_MAX);

	CHECK(stage_naming_is_dir(name, &pid, &this_machine));
	CHECK(pid == getpid() && this_machine);
	/* the longest there can be */
	CHECK(strlen("stagedir-0123456789abcdef-s01234567--") + 10 + STAGE_DIR_RANDOM <
		STAGE_DIR_NAME_MAX);
}

/* Where locks prove nothing the name says so, to whoever sees it where they do. */
static void
dir_shared(void)
{
	char name[STAGE_DIR_NAME_MAX];
	bool this_machine = false;
	pid_t pid = 0;

	WORKS(stage_naming_dir(true, name, &failure));
	CHECK(!stage_naming_is_shared(name));
	WORKS(stage_naming_dir(false, name, &failure));
	CHECK(name[26] == 's' && stage_naming_is_shared(name));
	CHECK(stage_naming_is_dir(name, &pid, &this_machine) && pid == getpid() && this_machine);
	CHECK(stage_naming_is_shared("stagedir-0000000000000000-4711-abcdefghijklmnop"));
	CHECK(!stage_naming_is_shared("stagedir-0123456789abcdef-4711-abcdefghijklmnop"));
	CHECK(!stage_naming_is_shared("stagedir-0123456789abcdef-s4711-abcdefghijklmnop"));
}

/* What version 0.1.0 has made is known, and so is what this machine made before it was started again. */
static void
dir_of_before(void)
{
	char name[STAGE_DIR_NAME_MAX], old[STAGE_DIR_NAME_MAX];
	bool this_machine = false;
	pid_t pid = 0;

	WORKS(stage_naming_dir(true, name, &failure));
	snprintf(old, sizeof(old), "%.26s%s", name, "4711-abcdefghijklmnop");
	CHECK(stage_naming_is_dir(old, &pid, &this_machine) && pid == 4711 && this_machine);
	/* a process number of eight digits is no boot */
	snprintf(old, sizeof(old), "%.26s%s", name, "12345678-abcdefghijklmnop");
	this_machine = false;
	CHECK(stage_naming_is_dir(old, &pid, &this_machine) && pid == 12345678 && this_machine);
	name[26] = name[26] == '0' ? '1' : '0';
	this_machine = false;
	CHECK(stage_naming_is_dir(name, &pid, &this_machine) && pid == getpid() && this_machine);
}

/* A machine without an id is nobody else's; one that could not lock its directory is no machine. */
static void
dir_of_no_machine(void)
{
	bool this_machine = false;
	pid_t pid;

	CHECK(stage_naming_is_dir("stagedir-ffffffffffffffff-01234567-4711-abcdefghijklmnop", &pid,
		      &this_machine) &&
		this_machine && pid == 4711);
	CHECK(stage_naming_is_dir("stagedir-0000000000000000-01234567-4711-abcdefghijklmnop", &pid,
		      &this_machine) &&
		!this_machine);
}

static void
released(void)
{
	char name[STAGE_RELEASED_NAME_MAX], other[STAGE_RELEASED_NAME_MAX];
	bool machine = false, boot = false;
	size_t i;

	WORKS(stage_naming_released(name, &failure));
	CHECK(stage_naming_is_released(name, &machine, &boot) && machine && boot);
	memcpy(other, name, sizeof(other));
	other[9] = other[9] == '0' ? '1' : '0';
	CHECK(stage_naming_is_released(other, &machine, &boot) && !machine && boot);
	memcpy(other, name, sizeof(other));
	other[26] = other[26] == '0' ? '1' : '0';
	CHECK(stage_naming_is_released(other, &machine, &boot) && machine && !boot);
	/* a kernel that tells no id is never the same one */
	snprintf(other, sizeof(other), "%.26s00000000", name);
	CHECK(stage_naming_is_released(other, &machine, &boot) && machine && !boot);
	for (i = 0; i < strlen(name); i++) {
		char cut[STAGE_RELEASED_NAME_MAX];

		snprintf(cut, sizeof(cut), "%.*s", (int)i, name);
		CHECK(!stage_naming_is_released(cut, &machine, &boot));
	}
	snprintf(other, sizeof(other), "%.46s0", name);
	CHECK(!stage_naming_is_released(other, &machine, &boot));
	CHECK(!stage_naming_is_file(name));
}

static void
dir_of_other_machine(void)
{
	char name[STAGE_DIR_NAME_MAX];
	bool this_machine = true;
	pid_t pid = 0;

	WORKS(stage_naming_dir(true, name, &failure));
	name[9] = name[9] == '0' ? '1' : '0';
	CHECK(stage_naming_is_dir(name, &pid, &this_machine));
	CHECK(pid == getpid() && !this_machine);
}

static void
dir_near_misses(void)
{
	static const char good[] = "stagedir-0123456789abcdef-4711-abcdefghijklmnop";
	static const char *const bad[] = {
		"",
		".",
		"..",
		"stagedir",
		"stagedir-",
		"duplicity-abc-tempdir",
		"Stagedir-0123456789abcdef-4711-abcdefghijklmnop",
		" stagedir-0123456789abcdef-4711-abcdefghijklmnop",
		"stagedir-0123456789abcdef-4711-abcdefghijklmnop ",
		"stagedir-0123456789abcde-4711-abcdefghijklmnop",
		"stagedir-0123456789abcdef0-4711-abcdefghijklmnop",
		"stagedir-0123456789ABCDEF-4711-abcdefghijklmnop",
		"stagedir-0123456789abcdeg-4711-abcdefghijklmnop",
		"stagedir-0123456789abcdef_4711-abcdefghijklmnop",
		"stagedir-0123456789abcdef--abcdefghijklmnop",
		"stagedir-0123456789abcdef-0-abcdefghijklmnop",
		"stagedir-0123456789abcdef-04711-abcdefghijklmnop",
		"stagedir-0123456789abcdef-+4711-abcdefghijklmnop",
		"stagedir-0123456789abcdef- 4711-abcdefghijklmnop",
		"stagedir-0123456789abcdef--4711-abcdefghijklmnop",
		"stagedir-0123456789abcdef-4711x-abcdefghijklmnop",
		"stagedir-0123456789abcdef-2147483648-abcdefghijklmnop",
		"stagedir-0123456789abcdef-99999999999999999999999-abcdefghijklmnop",
		"stagedir-0123456789abcdef-4711-abcdefghijklmno",
		"stagedir-0123456789abcdef-4711-abcdefghijklmnopq",
		"stagedir-0123456789abcdef-4711-abcdefghijklmno1",
		"stagedir-0123456789abcdef-4711-abcdefghijklmno8",
		"stagedir-0123456789abcdef-4711-Abcdefghijklmnop",
		"stagedir-0123456789abcdef-4711-abcdefghijklmnop-",
		"stagedir-0123456789abcdef-4711",
		"stagedir-0123456789abcdef-0123456-4711-abcdefghijklmnop",
		"stagedir-0123456789abcdef-012345678-4711-abcdefghijklmnop",
		"stagedir-0123456789abcdef-0123456g-4711-abcdefghijklmnop",
		"stagedir-0123456789abcdef-01234567-04711-abcdefghijklmnop",
		"stagedir-0123456789abcdef-01234567-4711-abcdefghijklmno",
		"stagedir-0123456789abcdef-01234567-4711-abcdefghijklmnop-",
		"stagedir-0123456789abcdef-01234567-01234567-4711-abcdefghijklmnop",
		"stagedir-0123456789abcdef-01234567",
		"stagedir-0123456789abcdef-s01234567",
		"stagedir-0123456789abcdef-ss1234567-4711-abcdefghijklmnop",
		"stagedir-0123456789abcdef-s0123456-4711-abcdefghijklmnop",
		"stagedir-0123456789abcdef-s4711-abcdefghijklmnop",
		"stagedir-0123456789abcdef",
	};
	size_t i;

	CHECK(is_dir_name(good));
	CHECK(is_dir_name("stagedir-0123456789abcdef-2147483647-abcdefghijklm234"));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (is_dir_name(bad[i]))
			fprintf(stderr, "\ntaken for a directory: %s\n", bad[i]);
		CHECK(!is_dir_name(bad[i]));
	}
	/* a prefix of every length is refused */
	for (i = 0; i < strlen(good); i++) {
		char cut[sizeof(good)];

		snprintf(cut, sizeof(cut), "%.*s", (int)i, good);
		CHECK(!is_dir_name(cut));
	}
}

static void
file_shape(void)
{
	static const uint64_t counts[] = {1, 9, 10, 4711, UINT32_MAX, UINT64_MAX};
	struct stage_random random = {0};
	char name[STAGE_FILE_NAME_MAX], end[32];
	size_t i;

	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		snprintf(end, sizeof(end), "-%llu", (unsigned long long)counts[i]);

		WORKS(stage_naming_file(STAGE_MKTEMP, &random, counts[i], name, &failure));
		CHECK(strncmp(name, "mktemp-", 7) == 0);
		CHECK(strspn(name + 7, BASE32) == STAGE_FILE_RANDOM);
		CHECK(strcmp(name + 7 + STAGE_FILE_RANDOM, end) == 0);
		CHECK(stage_naming_is_file(name));

		WORKS(stage_naming_file(STAGE_MKSTEMP, &random, counts[i], name, &failure));
		CHECK(strncmp(name, "mkstemp-", 8) == 0);
		CHECK(strspn(name + 8, BASE32) == STAGE_FILE_RANDOM);
		CHECK(strcmp(name + 8 + STAGE_FILE_RANDOM, end) == 0);
		CHECK(stage_naming_is_file(name));
		CHECK(strlen(name) < STAGE_FILE_NAME_MAX);
		CHECK(!stage_naming_is_staged(name));

		WORKS(stage_naming_file(STAGE_STAGED, &random, counts[i], name, &failure));
		CHECK(strncmp(name, "staged-", 7) == 0);
		CHECK(strspn(name + 7, BASE32) == STAGE_FILE_RANDOM);
		CHECK(strcmp(name + 7 + STAGE_FILE_RANDOM, end) == 0);
		CHECK(stage_naming_is_file(name) && stage_naming_is_staged(name));
	}
}

/* The randomness of a name is used for that name alone, across the refills too. */
static void
file_random_is_fresh(void)
{
	struct stage_random random = {0};
	char names[100][STAGE_FILE_NAME_MAX];
	size_t i, j;

	for (i = 0; i < 100; i++) {
		WORKS(stage_naming_file(STAGE_MKTEMP, &random, 1, names[i], &failure));
		for (j = 0; j < i; j++)
			CHECK(strcmp(names[i], names[j]) != 0);
	}
}

static void
file_near_misses(void)
{
	static const char good[] = "mkstemp-abcdefghijklm-12";
	static const char *const bad[] = {
		"",
		"mktemp",
		"mktemp-",
		"staged",
		"staged-",
		"staged-abcdefghijklm",
		"staged-abcdefghijklm-",
		"staged-abcdefghijklm-0",
		"staged-abcdefghijklm-01",
		"staged-abcdefghijkl-1",
		"staged-abcdefghijklmn-1",
		"staged-abcdefghijkl1-1",
		"staged-abcdefghijklm-1/",
		"staged-abcdefghijklm-18446744073709551616",
		"xstaged-abcdefghijklm-1",
		"unstaged-abcdefghijklm-1",
		"staged-mktemp-abcdefghijklm-1",
		"journal",
		"room",
		"mktemp-abcdefghijklm",
		"mktemp-abcdefghijklm-",
		"mktemp-abcdefghijklm-0",
		"mktemp-abcdefghijklm-01",
		"mktemp-abcdefghijklm--1",
		"mktemp-abcdefghijklm-+1",
		"mktemp-abcdefghijklm- 1",
		"mktemp-abcdefghijklm-1 ",
		"mktemp-abcdefghijklm-1x",
		"mktemp-abcdefghijkl-1",
		"mktemp-abcdefghijklmn-1",
		"mktemp-abcdefghijkl1-1",
		"mktemp-Abcdefghijklm-1",
		"mktempabcdefghijklm-1",
		"mktemp-abcdefghijklm-18446744073709551616",
		"mkstemp_abcdefghijklm-1",
		"xmktemp-abcdefghijklm-1",
		"mksttemp-abcdefghijklm-1",
		"duplicity-abcdefghijklm-1",
		"duplicity_temp.1",
		".mktemp-abcdefghijklm-1",
	};
	size_t i;

	CHECK(stage_naming_is_file(good));
	CHECK(stage_naming_is_file("mktemp-abcdefghij234-1") == true);
	CHECK(stage_naming_is_file("mktemp-abcdefghij567-18446744073709551615") == true);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (stage_naming_is_file(bad[i]))
			fprintf(stderr, "\ntaken for a file: %s\n", bad[i]);
		CHECK(!stage_naming_is_file(bad[i]) && !stage_naming_is_staged(bad[i]));
	}
	CHECK(stage_naming_is_staged("staged-abcdefghij234-1"));
	CHECK(!stage_naming_is_staged("mktemp-abcdefghij234-1"));
	CHECK(!stage_naming_is_staged(good));
	for (i = 0; i < strlen(good) - 1; i++) {
		char cut[sizeof(good)];

		snprintf(cut, sizeof(cut), "%.*s", (int)i, good);
		CHECK(!stage_naming_is_file(cut));
	}
}

static const struct test tests[] = {
	{"dir_shape", dir_shape},
	{"dir_shared", dir_shared},
	{"dir_of_other_machine", dir_of_other_machine},
	{"dir_of_before", dir_of_before},
	{"dir_of_no_machine", dir_of_no_machine},
	{"released", released},
	{"dir_near_misses", dir_near_misses},
	{"file_shape", file_shape},
	{"file_random_is_fresh", file_random_is_fresh},
	{"file_near_misses", file_near_misses},
	{NULL, NULL},
};

const struct suite suite_naming = {"naming", tests};
