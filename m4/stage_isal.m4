# STAGE_ISAL
# ISA-L compresses in a third of libdeflate's time, somewhat larger. libdeflate reads what it has made, so without libdeflate it
# is not used.
AC_DEFUN([STAGE_ISAL], [
	AC_REQUIRE([STAGE_LIBDEFLATE])
	AC_ARG_WITH([isal],
		[AS_HELP_STRING([--without-isal], [compress by libdeflate alone, even where there is ISA-L])],
		[], [with_isal=check])
	AS_IF([test "x$with_isal" != xno && test "x$stage_compressor" = xlibdeflate], [
		PKG_CHECK_MODULES([ISAL], [libisal],
			[stage_compressor="libdeflate and ISA-L"
			AC_DEFINE([HAVE_ISAL], [1], [compress by ISA-L, too])],
			[AS_IF([test "x$with_isal" = xyes],
				[AC_MSG_ERROR([the library ISA-L is missing (Debian: apt-get install libisal-dev)])])])
	])
])
