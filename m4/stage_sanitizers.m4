# STAGE_SANITIZERS
# --enable-sanitizers=address,undefined or =thread builds all with them. make check runs the unit tests
# with both in any case: this is for running the host itself, or for a debugger.
AC_DEFUN([STAGE_SANITIZERS], [
	AC_ARG_ENABLE([sanitizers],
		[AS_HELP_STRING([--enable-sanitizers=LIST],
			[build with these sanitizers, such as address,undefined or thread])])
	AS_CASE(["x$enable_sanitizers"],
		[x|xno], [],
		[xyes], [AC_MSG_ERROR([--enable-sanitizers needs a list, such as --enable-sanitizers=address,undefined])],
		[STAGE_CFLAGS="$STAGE_CFLAGS -g -fno-omit-frame-pointer -fsanitize=$enable_sanitizers"
		 STAGE_LDFLAGS="-fsanitize=$enable_sanitizers"])
	AC_SUBST([STAGE_LDFLAGS])
])
