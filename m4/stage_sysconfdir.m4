# STAGE_SYSCONFDIR
# An administrator looks for the configuration file in /etc. Where neither --prefix nor --sysconfdir
# was given, it is there, and not in /usr/local/etc; whoever gives one of them gets what he asks for.
AC_DEFUN([STAGE_SYSCONFDIR], [
	AS_IF([test "$prefix" = NONE && test "$sysconfdir" = '${prefix}/etc'], [sysconfdir=/etc])
	stage_prefix_shown=$prefix
	AS_IF([test "$prefix" = NONE], [stage_prefix_shown=$ac_default_prefix])
	stage_sysconfdir_shown=$(prefix=$stage_prefix_shown; eval echo "$sysconfdir")
])
