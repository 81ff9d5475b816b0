# STAGE_TESTS
# What make check needs beyond what a build needs. Who installs needs none of it: where something is missing
# the rest is configured all the same, the summary names it, and make check ends with an error. With
# --enable-tests configure does. --disable-tests does not look.
AC_DEFUN([STAGE_TESTS], [
	AC_ARG_ENABLE([tests],
		[AS_HELP_STRING([--enable-tests], [an error where something that make check needs is missing])
AS_HELP_STRING([--disable-tests], [build without what make check needs])],
		[stage_tests=$enableval], [stage_tests=auto])
	stage_tests_missing=
	AS_IF([test "x$stage_tests" != xno], [
		PKG_CHECK_MODULES([CUNIT], [cunit], [], [STAGE_TESTS_MISSING([libcunit1-dev])])
		AC_PATH_PROG([VALGRIND], [valgrind])
		AS_IF([test -z "$VALGRIND"], [STAGE_TESTS_MISSING([valgrind])])
		STAGE_FUZZ
		AS_IF([test -z "$stage_tests_missing"], [stage_tests=yes],
			[test "x$stage_tests" = xauto], [stage_tests="no, these packages are missing:$stage_tests_missing"],
			[AC_MSG_ERROR([for make check these packages of Debian are missing:$stage_tests_missing; \
./bootstrap check installs them; without --enable-tests the rest is configured])])
	])
	AC_SUBST([stage_tests])
	AC_SUBST([stage_tests_missing])
	AM_CONDITIONAL([TESTS_ENABLED], [test "x$stage_tests" = xyes])
])

# STAGE_TESTS_MISSING(PACKAGE)
m4_define([STAGE_TESTS_MISSING], [stage_tests_missing="$stage_tests_missing $1"])

# STAGE_FUZZ
# The parsers are tested by libFuzzer, which clang brings along, whatever the compiler of the build is.
AC_DEFUN([STAGE_FUZZ], [
	AC_ARG_VAR([CLANG], [clang, for the tests that fuzz])
	AC_PATH_PROG([CLANG], [clang])
	AS_IF([test -z "$CLANG"], [STAGE_TESTS_MISSING([clang libclang-rt-dev])], [
		AC_MSG_CHECKING([whether $CLANG has libFuzzer])
		AS_ECHO(["int LLVMFuzzerTestOneInput(const char *d, long s) { return d && s > 9; }"]) >conftest.c
		AS_IF([$CLANG -fsanitize=fuzzer,address,undefined -o conftest conftest.c >&AS_MESSAGE_LOG_FD 2>&1],
			[AC_MSG_RESULT([yes])],
			[AC_MSG_RESULT([no])
			STAGE_TESTS_MISSING([libclang-rt-dev])])
		rm -f conftest conftest.c
	])
])
