#!/bin/sh
# settings.awk: a list or a template that it does not understand is refused, with file and line, and never half made.
# That what it does make agrees with the list is tested in test_settings_list.c.
script=${srcdir:-.}/core/settings.awk
work=$(mktemp -d "${TMPDIR:-/tmp}/settings-awk-XXXXXX")
trap 'rm -rf "$work"' EXIT
code=0

entry='STAGE_SETTING_NUMBER(one, 1, 9, "4",'
text='	"First line. "
	"Second, with --option.")'

# list LINE... - what settings.def is
list() {
	printf '%s\n' '/* about' ' * it */' '' "$@" >"$work/list"
}
template() {
	printf '%s\n' "$@" >"$work/template"
}
make_of() {
	${AWK:-awk} -v form="$1" -f "$script" "$work/list" "$work/template" >"$work/made" 2>"$work/told"
}

# makes FORM EXPECTED
makes() {
	if ! make_of "$1" || [ "$(cat "$work/made")" != "$2" ]; then
		printf 'as %s came, instead of\n%s\nthis:\n' "$1" "$2"
		cat "$work/made" "$work/told"
		code=1
	fi
}

# refuses WHERE WORDS
refuses() {
	if make_of example; then
		printf 'not refused: %s\n' "$2"
		code=1
	elif ! grep -q -F -e "$work/$1: " "$work/told" || ! grep -q -F -e "$2" "$work/told" || [ "$(wc -l <"$work/told")" != 1 ]; then
		printf 'what is told is not "%s: ... %s", but\n' "$1" "$2"
		cat "$work/told"
		code=1
	fi
}

# two of three have a place in the template; the other comes where the list has it
list "$entry" "$text" '' 'STAGE_SETTING_BOOLEAN(two, "yes",' "$text" \
	'STAGE_SETTING_DIRECTORIES(three, "/x",' '	".once more")' '' '#undef X'
template before '@two@' 'more of two' '@others@' after
makes example "before

# First line.
# Second, with --option.
# Whole number, 1 to 9; default: 4.
#one = 4

# First line.
# Second, with --option.
# Yes or no; default: yes.
#two = yes
more of two

# .once more
# List of directories; default: none.
#three = /x
after"
makes page 'before
.TP
.BR one " (whole number, 1 to 9; default: 4)"
First line.
Second, with \%\-\-option.
.TP
.BR two " (yes or no; default: yes)"
First line.
Second, with \%\-\-option.
more of two
.TP
.BR three " (list of directories; default: none)"
\&.once more
after'

template '@others@'
list 'STAGE_SETTING_NUMBER(one, 1, "4",' "$text"
refuses list:4 'other arguments'
list 'STAGE_SETTING_COLOUR(one, "4",' "$text"
refuses list:4 'is not known'
list 'STAGE_SETTING_NUMBER(one, 1, 9, 4,' "$text"
refuses list:4 'not a string'
list 'STAGE_SETTING_SIZE(one, "1\\tM",' "$text"
refuses list:4 'not a string'
list 'STAGE_SETTING_SIZE(one, "1M", "text")'
refuses list:4 'not understood'
list "$entry" '' "$text"
refuses list:5 'not understood'
list "$entry" '	"a \"word\"")'
refuses list:5 'not a string'
list "$entry" "$text" '	"too much")'
refuses list:7 'not understood'
list "$entry" "$text" 'int x;'
refuses list:7 'not understood'
list "$entry" '	"first "' 'STAGE_SETTING_BOOLEAN(two, "yes",' "$text"
refuses list:6 'not understood'

list "$entry" "$text" 'STAGE_SETTING_BOOLEAN(two, "yes",' "$text"
template '@three@' '@others@'
refuses template:1 '@three@ is no setting'
template '@two@' '@one@' '@others@'
refuses template:2 '@one@ is no setting'
template '@one@' '@one@' '@others@'
refuses template:2 '@one@ is no setting'
template '@one@' 'and no more'
refuses template:2 'settings are left'
if make_of manual || ! grep -q -F 'allowed are example and page' "$work/told"; then
	echo 'a form that is not known is not refused'
	code=1
fi
exit $code
