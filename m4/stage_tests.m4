# STAGE_TESTS
# What make check needs beyond what a build needs. Missing tests are an error, not silence: who does not
# want them says --disable-tests.
AC_DEFUN([STAGE_TESTS], [
	AC_ARG_ENABLE([tests],
		[AS_HELP_STRING([--disable-tests], [build without what make check needs])],
		[stage_tests=$enableval], [stage_tests=yes])
	AS_IF([test "x$stage_tests" = xyes], [
		PKG_CHECK_MODULES([CUNIT], [cunit], [],
			[AC_MSG_ERROR([the library CUnit is missing (Debian: apt-get install libcunit1-dev); \
--disable-tests builds without it])])
		AC_PATH_PROG([VALGRIND], [valgrind])
		AS_IF([test -z "$VALGRIND"],
			[AC_MSG_ERROR([valgrind is missing (Debian: apt-get install valgrind); \
--disable-tests builds without it])])
		STAGE_FUZZ
	])
	AM_CONDITIONAL([TESTS_ENABLED], [test "x$stage_tests" = xyes])
])

# STAGE_FUZZ
# The parsers are tested by libFuzzer, which clang brings along, whatever the compiler of the build is.
AC_DEFUN([STAGE_FUZZ], [
	AC_ARG_VAR([CLANG], [clang, for the tests that fuzz])
	AC_PATH_PROG([CLANG], [clang])
	AS_IF([test -z "$CLANG"],
		[AC_MSG_ERROR([clang is missing (Debian: apt-get install clang); \
--disable-tests builds without it])])
	AC_MSG_CHECKING([whether $CLANG has libFuzzer])
	AS_ECHO(["int LLVMFuzzerTestOneInput(const char *d, long s) { return d && s > 9; }"]) >conftest.c
	AS_IF([$CLANG -fsanitize=fuzzer,address,undefined -o conftest conftest.c >&AS_MESSAGE_LOG_FD 2>&1],
		[AC_MSG_RESULT([yes])],
		[AC_MSG_RESULT([no])
		AC_MSG_ERROR([clang lacks its sanitizers (Debian: apt-get install libclang-rt-dev); \
--disable-tests builds without them])])
	rm -f conftest conftest.c
])
