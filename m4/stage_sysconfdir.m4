# STAGE_SYSCONFDIR
# An administrator looks for the configuration file in /etc, and the manual pages name it there. Without
# --sysconfdir it is there for the prefixes that have no etc of their own: the default one, and /usr.
# Whoever gives another prefix, or --sysconfdir, gets what he asks for.
AC_DEFUN([STAGE_SYSCONFDIR], [
	AS_CASE([$prefix:$sysconfdir], [NONE:'${prefix}/etc'|/usr:'${prefix}/etc'], [sysconfdir=/etc])
	stage_prefix_shown=$prefix
	AS_IF([test "$prefix" = NONE], [stage_prefix_shown=$ac_default_prefix])
	stage_sysconfdir_shown=$(prefix=$stage_prefix_shown; eval echo "$sysconfdir")
])
