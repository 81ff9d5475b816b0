# STAGE_CORE_FOLDER
# What Autoconf puts into configure ends each check, and configure itself, with `rm -f core ...`, for core
# dumps: it fails at our folder of that name, with a line of rm's, and leaves its own files behind.
# So configure's rm passes that folder over. It is a function, as it must be there before anything can go
# wrong, and as rm is called in places that differ from one Autoconf to the next.
AC_DEFUN([STAGE_CORE_FOLDER], [
	AS_REQUIRE_SHELL_FN([rm],
		[AS_FUNCTION_DESCRIBE([rm], [OPERAND...], [Passes over a folder of the name core.])],
		[for stage_operand
do
  shift
  test "$stage_operand" = core && test -d core && continue
  set dummy "$[@]" "$stage_operand"
  shift
done
command rm "$[@]"])
])
