# STAGE_ZLIB
# zlib computes the checksums of the journal, and compresses where libdeflate is missing.
AC_DEFUN([STAGE_ZLIB], [
	PKG_CHECK_MODULES([ZLIB], [zlib], [],
		[AC_MSG_ERROR([the library zlib is missing (Debian: apt-get install zlib1g-dev)])])
])
