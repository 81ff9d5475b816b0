# STAGE_PYTHON
# Headers for the limited API of Python 3.11, from the interpreter that runs the host.
AC_DEFUN([STAGE_PYTHON], [
	AC_REQUIRE([STAGE_HOST])
	AC_MSG_CHECKING([for the headers of $HOST_PYTHON])
	stage_python_include=$("$HOST_PYTHON" -c 'import sysconfig; print(sysconfig.get_paths()@<:@"include"@:>@)')
	stage_python_version=$("$HOST_PYTHON" -c 'import sys; print("%d.%d" % sys.version_info@<:@:2@:>@)')
	AS_IF([test -f "$stage_python_include/Python.h"], [AC_MSG_RESULT([$stage_python_include])],
		[AC_MSG_RESULT([none])
		 AC_MSG_ERROR([there is no Python.h in $stage_python_include (Debian: apt-get install python3-dev)])])
	PYTHON_CPPFLAGS="-isystem $stage_python_include -DPy_LIMITED_API=0x030b0000"
	AC_SUBST([PYTHON_CPPFLAGS])
	AC_MSG_CHECKING([whether Python $stage_python_version is 3.11 or later])
	AS_IF(["$HOST_PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'], [AC_MSG_RESULT([yes])],
		[AC_MSG_RESULT([no])
		 AC_MSG_ERROR([the host runs under Python $stage_python_version; stagedir needs 3.11 or later])])
])
