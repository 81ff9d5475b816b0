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
	])
	AM_CONDITIONAL([TESTS_ENABLED], [test "x$stage_tests" = xyes])
])
