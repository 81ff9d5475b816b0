# STAGE_HOST
# The host program, the interpreter that runs it - not the first python3 on PATH - and the folder
# duplicity/backends in which the host looks for plugins. Sets DUPLICITY, HOST_PYTHON, hostdir (the
# package's folder) and backendsdir.
#
# --with-duplicity=DIR names the package's folder where the host cannot be asked. --with-backends-dir=DIR
# says where to install, for packages and for make distcheck.
AC_DEFUN([STAGE_HOST], [
	AC_ARG_WITH([duplicity],
		[AS_HELP_STRING([--with-duplicity=DIR], [the folder of the Python package duplicity])])
	AC_ARG_WITH([backends-dir],
		[AS_HELP_STRING([--with-backends-dir=DIR], [install the plugin there, not in DIR/backends])])

	AC_PATH_PROG([DUPLICITY], [duplicity], [],
		[$PATH$PATH_SEPARATOR/usr/bin$PATH_SEPARATOR/usr/local/bin])
	AS_IF([test -z "$DUPLICITY"],
		[AC_MSG_ERROR([the program duplicity is missing (Debian: apt-get install duplicity)])])

	AC_MSG_CHECKING([which interpreter runs $DUPLICITY])
	HOST_PYTHON=$($SED -n -e '1s/^#! *//p' -e '1q' "$DUPLICITY")
	AS_CASE([$HOST_PYTHON],
		[*/env\ *], [HOST_PYTHON=$(command -v "${HOST_PYTHON@%:@* }")],
		[HOST_PYTHON=${HOST_PYTHON%% *}])
	AS_IF([test -x "$HOST_PYTHON"], [AC_MSG_RESULT([$HOST_PYTHON])],
		[AC_MSG_RESULT([none])
		 AC_MSG_ERROR([$DUPLICITY does not begin with the name of a Python that is there; \
set HOST_PYTHON and DUPLICITY, or reinstall the package duplicity])])
	AC_SUBST([HOST_PYTHON])

	AC_MSG_CHECKING([for the folder of the package duplicity])
	AS_IF([test -n "$with_duplicity" && test "x$with_duplicity" != xyes],
		[hostdir=$with_duplicity],
		[hostdir=$(cd / && "$HOST_PYTHON" -c \
			'import duplicity; print(duplicity.__path__@<:@0@:>@)' 2>&AS_MESSAGE_LOG_FD)])
	AS_IF([test -d "$hostdir/backends" && test -f "$hostdir/tempdir.py"], [AC_MSG_RESULT([$hostdir])],
		[AC_MSG_RESULT([none])
		 AC_MSG_ERROR([no Python package duplicity with a folder backends in it was found; name its \
folder with --with-duplicity=DIR, or install the package (Debian: apt-get install duplicity)])])
	AC_SUBST([hostdir])
	backendsdir=$hostdir/backends
	AS_IF([test -n "$with_backends_dir"], [backendsdir=$with_backends_dir])
	AC_SUBST([backendsdir])
])
