# STAGE_LIBDEFLATE
# libdeflate compresses what duplicity writes in less than half of zlib's time. Where it is missing zlib does it.
AC_DEFUN([STAGE_LIBDEFLATE], [
	AC_ARG_WITH([libdeflate],
		[AS_HELP_STRING([--without-libdeflate], [compress by zlib, even where there is libdeflate])],
		[], [with_libdeflate=check])
	stage_compressor=zlib
	AS_IF([test "x$with_libdeflate" != xno], [
		PKG_CHECK_MODULES([LIBDEFLATE], [libdeflate],
			[stage_compressor=libdeflate
			AC_DEFINE([HAVE_LIBDEFLATE], [1], [compress by libdeflate, not by zlib])],
			[AS_IF([test "x$with_libdeflate" = xyes],
				[AC_MSG_ERROR([the library libdeflate is missing (Debian: apt-get install libdeflate-dev)])])])
	])
])
