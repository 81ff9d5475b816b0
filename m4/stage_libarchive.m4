# STAGE_LIBARCHIVE
# libarchive writes the tar entries of volumes.
AC_DEFUN([STAGE_LIBARCHIVE], [
	PKG_CHECK_MODULES([LIBARCHIVE], [libarchive], [],
		[AC_MSG_ERROR([the library libarchive is missing (Debian: apt-get install libarchive-dev)])])
])
