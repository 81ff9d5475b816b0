#include "tests.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "expand.h"

static char why[256];

/* The expansion of text, "" where it was refused. */
static const char *
expanded(const char *text)
{
	static char result[4096];
	char *path = NULL;

	why[0] = '\0';
	result[0] = '\0';
	if (stage_expand(text, &path, why, sizeof(why)) == 0)
		snprintf(result, sizeof(result), "%s", path);
	free(path);
	return result;
}

static void
plain(void)
{
	CHECK(strcmp(expanded("/var/tmp"), "/var/tmp") == 0);
	CHECK(strcmp(expanded("/a b/*?[x]'\"\\"), "/a b/*?[x]'\"\\") == 0);
	CHECK(strcmp(expanded("/a/~"), "/a/~") == 0);
	CHECK(strcmp(expanded(""), "") == 0 && !why[0]);
}

static void
home(void)
{
	const struct passwd *entry = getpwuid(0);
	char text[256], wanted[256];

	setenv("HOME", "/srv/me", 1);
	CHECK(strcmp(expanded("~"), "/srv/me") == 0);
	CHECK(strcmp(expanded("~/x"), "/srv/me/x") == 0);
	CHECK(strcmp(expanded("~//x~"), "/srv/me//x~") == 0);
	REQUIRE(entry != NULL);
	snprintf(text, sizeof(text), "~%s/x", entry->pw_name);
	snprintf(wanted, sizeof(wanted), "%s/x", entry->pw_dir);
	CHECK(strcmp(expanded(text), wanted) == 0);
	CHECK(strcmp(expanded("~no-such-user/x"), "") == 0);
	HAS(why, "there is no home directory ~no-such-user");
}

static void
home_without_variable(void)
{
	const struct passwd *entry = getpwuid(geteuid());

	unsetenv("HOME");
	REQUIRE(entry != NULL);
	CHECK(strcmp(expanded("~"), entry->pw_dir) == 0);
	CHECK(strcmp(stage_expand_home(""), entry->pw_dir) == 0);
	setenv("HOME", "", 1);
	CHECK(strcmp(expanded("~"), entry->pw_dir) == 0);
	CHECK(stage_expand_home("no-such-user") == NULL);
	setenv("HOME", "/h", 1);
	CHECK(strcmp(stage_expand_home(""), "/h") == 0);
	CHECK(strcmp(stage_expand_home("root"), "/h") != 0);
}

static void
variables(void)
{
	setenv("STAGE_TEST_A", "/srv/a", 1);
	setenv("STAGE_TEST_B", "$HOME ~", 1);
	CHECK(strcmp(expanded("$STAGE_TEST_A"), "/srv/a") == 0);
	CHECK(strcmp(expanded("${STAGE_TEST_A}x"), "/srv/ax") == 0);
	CHECK(strcmp(expanded("/x/$STAGE_TEST_A/y"), "/x//srv/a/y") == 0);
	CHECK(strcmp(expanded("$STAGE_TEST_A$STAGE_TEST_A"), "/srv/a/srv/a") == 0);
	/* what comes out is not expanded again */
	CHECK(strcmp(expanded("$STAGE_TEST_B"), "$HOME ~") == 0);
	setenv("STAGE_TEST_B", "", 1);
	CHECK(strcmp(expanded("/x$STAGE_TEST_B"), "/x") == 0);
}

static void
refusals(void)
{
	static const char *const bad[] = {"$", "/a/$", "$/a", "${", "${}", "${STAGE_TEST_A",
		"${STAGE_TEST_A/x}", "$-", "${a b}"};
	char text[512];
	size_t i;

	setenv("STAGE_TEST_A", "/srv/a", 1);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *path = (char *)&failure;

		CHECK(stage_expand(bad[i], &path, why, sizeof(why)) == STAGE_E_SETTING);
		HAS(why, "$ must be followed by the name of a variable");
		CHECK(path == (char *)&failure);
	}
	unsetenv("STAGE_TEST_B");
	CHECK(strcmp(expanded("/a/$STAGE_TEST_B/c"), "") == 0);
	HAS(why, "$STAGE_TEST_B is not set in the environment");
	/* far too long a name */
	memset(text, 'A', sizeof(text));
	text[0] = '$';
	text[sizeof(text) - 1] = '\0';
	CHECK(strcmp(expanded(text), "") == 0);
	HAS(why, "$ must be followed");
}

static const struct test tests[] = {
	{"plain", plain},
	{"home", home},
	{"home_without_variable", home_without_variable},
	{"variables", variables},
	{"refusals", refusals},
	{NULL, NULL},
};

const struct suite suite_expand = {"expand", tests};
