# STAGE_WARNINGS
# Warnings on; --enable-werror makes them errors, which is for developers and CI alone.
AC_DEFUN([STAGE_WARNINGS], [
	AC_ARG_ENABLE([werror],
		[AS_HELP_STRING([--enable-werror], [treat warnings of the compiler as errors])])
	STAGE_CFLAGS="-Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wvla -Wundef"
	STAGE_CFLAGS="$STAGE_CFLAGS -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings"
	STAGE_CFLAGS="$STAGE_CFLAGS -fvisibility=hidden"
	AS_IF([test "x$enable_werror" = xyes], [STAGE_CFLAGS="$STAGE_CFLAGS -Werror"])
	AC_SUBST([STAGE_CFLAGS])
])
