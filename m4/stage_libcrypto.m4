# STAGE_LIBCRYPTO
# libcrypto computes the digests of sealed files.
AC_DEFUN([STAGE_LIBCRYPTO], [
	PKG_CHECK_MODULES([LIBCRYPTO], [libcrypto], [],
		[AC_MSG_ERROR([the library libcrypto (OpenSSL) is missing (Debian: apt-get install libssl-dev)])])
])
