/*
 * core-tests			all tests
 * core-tests --list		their names
 * core-tests NAME...		those named: SUITE, or SUITE.TEST
 *
 * STAGEDIR_TEST_VERBOSE in the environment names each test as it runs.
 */
#include "tests.h"

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>

#define ADDRESS_OF_SUITE(name) &suite_##name,
static const struct suite *const suites[] = {SUITES(ADDRESS_OF_SUITE) NULL};

static int
list(void)
{
	const struct suite *const *suite;
	const struct test *test;

	for (suite = suites; *suite; suite++)
		for (test = (*suite)->tests; test->name; test++)
			printf("%s.%s\n", (*suite)->name, test->name);
	return EXIT_SUCCESS;
}

/* Is the test wanted? Marks what each argument has named. */
static bool
is_named(const struct suite *suite, const struct test *test, char **names, bool *used)
{
	bool named = !*names;
	char full[256];
	size_t i;

	snprintf(full, sizeof(full), "%s.%s", suite->name, test->name);
	for (i = 0; names[i]; i++) {
		if (strcmp(names[i], suite->name) == 0 || strcmp(names[i], full) == 0)
			named = used[i] = true;
	}
	return named;
}

static int
add_suite(const struct suite *suite, char **names, bool *used)
{
	const struct test *test;
	CU_pSuite added;

	added = CU_add_suite_with_setup_and_teardown(suite->name, NULL, NULL, set_up, tear_down);
	if (!added)
		return -1;
	for (test = suite->tests; test->name; test++)
		if (is_named(suite, test, names, used) &&
			!CU_add_test(added, test->name, test->run))
			return -1;
	return 0;
}

static int
run(char **names, bool *used)
{
	const struct suite *const *suite;
	size_t i;

	for (suite = suites; *suite; suite++)
		if (add_suite(*suite, names, used) < 0)
			return -1;
	for (i = 0; names[i]; i++) {
		if (!used[i]) {
			fprintf(stderr, "core-tests: no test is named %s\n", names[i]);
			return -1;
		}
	}
	CU_basic_set_mode(getenv("STAGEDIR_TEST_VERBOSE") ? CU_BRM_VERBOSE : CU_BRM_NORMAL);
	if (CU_basic_run_tests() != CUE_SUCCESS || CU_get_number_of_tests_run() == 0 ||
		CU_get_number_of_failures() > 0 || CU_get_number_of_tests_failed() > 0)
		return -1;
	return 0;
}

int
main(int argc, char **argv)
{
	bool *used;
	int code;

	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return list();
	used = calloc((size_t)argc + 1, sizeof(*used));
	if (!used || CU_initialize_registry() != CUE_SUCCESS) {
		free(used);
		return EXIT_FAILURE;
	}
	code = run(argv + 1, used);
	CU_cleanup_registry();
	free(used);
	return code < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
