# completion.sh - what the shells complete of stagedir is what the command knows: each command with each of its options, and no
# others. bash is asked itself; the files of zsh and fish are read.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

files=$srcdir/plugin/command/completions
# shellcheck disable=SC1091 # it is tested here
. "$files/stagedir"

# completes WORD... - what bash offers for the last one, sorted, in one line.
completes() {
	COMP_WORDS=(stagedir "$@")
	COMP_CWORD=$#
	_stagedir
	printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' '
}

# options_of COMMAND - the long ones that its help names, sorted, in one line.
options_of() {
	"$STAGEDIR" "$1" --help | sed -n 's/^ *\(-[a-zA-Z], \)\?\(--[a-z-]*\)\( [A-Z]*\)\?  .*/\2/p' | sort | paste -sd ' '
}

commands=$("$STAGEDIR" --help | sed -n 's/^\(usage:\|      \) stagedir \([a-z]*\) .*/\2/p' | sort | paste -sd ' ')
[ "$(echo "$commands" | wc -w)" -ge 6 ] || die "the help names no commands: $commands"
[ "$(completes '' | sed 's/--[a-z]* *//g' | sed 's/ $//')" = "$commands" ] || fail "bash offers $(completes '') of $commands"
for command in $commands; do
	options=$(options_of "$command")
	[ -n "$options" ] || die "the help of $command names no options"
	[ "$(completes "$command" --)" = "$options" ] || fail "bash offers $(completes "$command" --) of $command, which has $options"
	grep -q "^		'$command:" "$files/_stagedir" || fail "zsh does not know $command"
	grep -q -- "-a $command -d" "$files/stagedir.fish" || fail "fish does not know $command"
	for option in $options; do
		grep -q -- "[{,]$option\[\|[{,]$option}\|'$option\[" "$files/_stagedir" || fail "zsh does not know $option of $command"
		grep -q -E -- "(seen_subcommand_from.* ${command}[ '].*|^complete -c stagedir .*)-l ${option#--} " "$files/stagedir.fish" ||
			fail "fish does not know $option of $command"
	done
done

note 'folders'
mkdir "$work/stagedir-a" "$work/stagedir-b" "$work/other"
cd "$work" || die 'no folder to work in'
[ "$(completes status oth)" = other ] || fail "bash offers $(completes status oth) for a folder"
[ "$(TMPDIR=$work completes adopt "$work/stagedir-")" = "$work/stagedir-a $work/stagedir-b" ] ||
	fail "bash offers $(TMPDIR=$work completes adopt "$work/stagedir-") to adopt"
finish
