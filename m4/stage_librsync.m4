# STAGE_LIBRSYNC
# librsync computes signatures. It comes without a file for pkg-config.
AC_DEFUN([STAGE_LIBRSYNC], [
	stage_librsync_libs=$LIBS
	AC_CHECK_HEADER([librsync.h], [], [stage_librsync=no])
	AC_CHECK_LIB([rsync], [rs_sig_begin], [LIBRSYNC_LIBS=-lrsync], [stage_librsync=no])
	LIBS=$stage_librsync_libs
	AS_IF([test "x$stage_librsync" = xno],
		[AC_MSG_ERROR([the library librsync is missing (Debian: apt-get install librsync-dev)])])
	AC_SUBST([LIBRSYNC_LIBS])
])
