/* The table of versions that were proved. */
#include "tests.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "duplicity/proved.h"
#include "wrap.h"

/* The beginnings of the SHA-256 of "abc", and of nothing (FIPS 180-4). */
#define ABC "ba7816bf8f01cfea"
#define NOTHING "e3b0c44298fc1c14"

#define TABLE                                                                                      \
	"# a comment\n1.0 gpg " ABC " a:12345678 b.c:9abcdef0\n1.0 log " NOTHING                   \
	"\n\n2.0 gpg " NOTHING " :00000000\n10.0 log " ABC " d:1\n"

static struct proved *
table(const char *text, const char *version)
{
	struct proved *proved = NULL;

	make_file(in_dir("table"), text, 0600);
	WORKS(proved_read(in_dir("table"), version, &proved, &failure));
	REQUIRE(proved != NULL);
	unlink(in_dir("table"));
	return proved;
}

static void
versions(void)
{
	struct proved *proved = table(TABLE, "1.0");

	CU_ASSERT_STRING_EQUAL(proved->versions, "1.0, 2.0, 10.0");
	REQUIRE(proved->count == 2);
	CU_ASSERT_STRING_EQUAL(proved->modules[0].name, "gpg");
	CU_ASSERT_STRING_EQUAL(proved->modules[0].units, "a:12345678 b.c:9abcdef0");
	CU_ASSERT_STRING_EQUAL(proved->modules[1].name, "log");
	CU_ASSERT_STRING_EQUAL(proved->modules[1].checksum, NOTHING);
	CU_ASSERT_STRING_EQUAL(proved->modules[1].units, "");
	proved_free(&proved);
	proved_free(&proved);
	CHECK(proved == NULL);
	proved = table(TABLE, "1");
	CHECK(proved->count == 0);
	proved_free(&proved);
}

static void
files(void)
{
	struct proved *proved = table(TABLE, "1.0");
	bool is_same = false;

	make_file(in_dir("gpg.py"), "abc", 0600);
	WORKS(proved_is_same(&proved->modules[0], test_dir, &is_same, &failure));
	CHECK(is_same);
	make_file(in_dir("log.py"), "abc", 0600);
	WORKS(proved_is_same(&proved->modules[1], test_dir, &is_same, &failure));
	CHECK(!is_same);
	unlink(in_dir("log.py"));
	FAILS(proved_is_same(&proved->modules[1], test_dir, &is_same, &failure), STAGE_E_SYSTEM);
	HAS(failure.message, in_dir("log.py"));
	wrap_begin_two("pread", EIO, "pread", EIO);
	FAILS(proved_is_same(&proved->modules[0], test_dir, &is_same, &failure), STAGE_E_SYSTEM);
	wrap_end();
	CHECK(failure.sys_errno == EIO);
	unlink(in_dir("gpg.py"));
	proved_free(&proved);
}

static void
no_tables(void)
{
	static const char *const bad[] = {"", "# nothing\n", "1.0\n", "1.0 gpg\n", "1.0 gpg abc\n",
		TABLE "1.0 gpg " ABC "0\n"};
	struct proved *proved = NULL;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		make_file(in_dir("table"), bad[i], 0600);
		FAILS(proved_read(in_dir("table"), "1.0", &proved, &failure), STAGE_E_DAMAGED);
		HAS(failure.message, in_dir("table"));
		unlink(in_dir("table"));
	}
	FAILS(proved_read(in_dir("table"), "1.0", &proved, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT && proved == NULL);
}

static void
no_memory(void)
{
	static const char *const calls[] = {"calloc", "realloc", "asprintf"};
	struct proved *proved = NULL;
	size_t i;

	make_file(in_dir("table"), TABLE, 0600);
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		wrap_begin_two(calls[i], ENOMEM, calls[i], ENOMEM);
		FAILS(proved_read(in_dir("table"), "1.0", &proved, &failure), STAGE_E_MEMORY);
		wrap_end();
		CHECK(proved == NULL);
	}
	unlink(in_dir("table"));
}

static const struct test tests[] = {
	{"versions", versions},
	{"files", files},
	{"no_tables", no_tables},
	{"no_memory", no_memory},
	{NULL, NULL},
};

const struct suite suite_proved = {"proved", tests};
