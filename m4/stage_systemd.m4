# STAGE_SYSTEMD
# Where systemd looks for units and for entries of tmpfiles.d. Sets systemdsystemunitdir and tmpfilesdir. Where pkg-config does not
# know systemd (Debian: systemd-dev, before Debian 13 systemd) they are below --prefix, where systemd looks as well for /usr
# and /usr/local.
AC_DEFUN([STAGE_SYSTEMD], [
	AC_REQUIRE([PKG_PROG_PKG_CONFIG])
	AC_ARG_WITH([systemdsystemunitdir],
		[AS_HELP_STRING([--with-systemdsystemunitdir=DIR], [where units of systemd are installed])])
	AC_ARG_WITH([tmpfilesdir],
		[AS_HELP_STRING([--with-tmpfilesdir=DIR], [where entries of tmpfiles.d are installed])])
	STAGE_SYSTEMD_FOLDER([systemdsystemunitdir], [/lib/systemd/system])
	STAGE_SYSTEMD_FOLDER([tmpfilesdir], [/lib/tmpfiles.d])
])

# STAGE_SYSTEMD_FOLDER(VARIABLE, BELOW-PREFIX)
m4_define([STAGE_SYSTEMD_FOLDER], [
	AS_IF([test -n "$with_$1" && test "x$with_$1" != xyes], [$1=$with_$1],
		[$1=$($PKG_CONFIG --variable=$1 systemd 2>&AS_MESSAGE_LOG_FD)
		 AS_IF([test -z "$$1"], [$1='${prefix}$2'])])
	AC_SUBST([$1])
])
