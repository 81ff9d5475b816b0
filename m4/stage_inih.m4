# STAGE_INIH
# inih reads the configuration file.
AC_DEFUN([STAGE_INIH], [
	PKG_CHECK_MODULES([INIH], [inih], [],
		[AC_MSG_ERROR([the library inih is missing (Debian: apt-get install libinih-dev)])])
])
