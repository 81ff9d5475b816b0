#!/bin/sh
# lint.sh - what reading finds without running anything: the form of C, shell and Python, manual pages, spelling, and the
# size of files. It says nothing where all is well. `make lint` calls it, and ./bootstrap lint, which installs what it takes.
#
# The settings are in .clang-format, .shellcheckrc, .flake8 and .codespellrc, where editors find them as well.
set -eu
cd "$(dirname "$0")/.."

# The version that the tree is formatted with, Debian 12's. Each version formats some lines in another way, so with another
# one nothing is checked: it would find fault with lines that nobody has changed.
formatted_by=14
status=0

failed() {
	printf 'lint: %s\n' "$*" >&2
	status=1
}

# need PROGRAM PACKAGE
need() {
	command -v "$1" >/dev/null && return
	failed "NOT CHECKED: $1 is missing; ./bootstrap lint installs it (Debian: the package ${2-$1})"
	return 1
}

# files PATTERN... - those of these names that belong to the source, one a line.
files() {
	for pattern; do
		find bootstrap .ci contrib core debian doc findings m4 plugin tests -type f -name "$pattern" 2>/dev/null
	done | sort
}

lint_format() {
	need clang-format || return 0
	version=$(clang-format --version | sed 's/.*version \([0-9]*\).*/\1/')
	if [ "$version" != $formatted_by ]; then
		echo "lint: NOT CHECKED: the format of C, as this is clang-format $version; the tree's is $formatted_by" >&2
		return
	fi
	files '*.c' '*.h' | xargs clang-format --dry-run -Werror ||
		failed 'the format of C is not that of .clang-format (clang-format -i FILE mends it)'
}

# Scripts that are sourced or given to bash have no first line that names a shell.
lint_shell() {
	need shellcheck || return 0
	files '*.sh' bootstrap continued run '*.postrm' | xargs awk 'FNR == 1 && /^#!/ { print FILENAME }' |
		xargs -n 4 -P "$(nproc)" shellcheck || failed 'shellcheck has found something'
	{ files '*.sh' && echo plugin/command/completions/stagedir; } | xargs awk 'FNR == 1 && !/^#!/ { print FILENAME }' |
		xargs -n 4 -P "$(nproc)" shellcheck --shell=bash || failed 'shellcheck has found something'
}

lint_python() {
	need flake8 || return 0
	files '*.py' | xargs flake8 || failed 'flake8 has found something'
}

# Sentences begin on a line of their own, however long: that mandoc dislikes.
lint_manuals() {
	need mandoc || return 0
	files '*.[1-8]' '*.[1-8].in' | xargs mandoc -Tlint | grep -v 'STYLE: input text line longer than 80 bytes' &&
		failed 'mandoc has found something'
	return 0
}

lint_spelling() {
	need codespell || return 0
	# shellcheck disable=SC2046 # a word each
	codespell README.md NEWS Makefile.am configure.ac $(files '*.[ch]' '*.py' '*.sh' '*.am' 'stage_*.m4' '*.md' '*.[1-8]' '*.in' '*.conf' \
		'*.service' '*.timer' '*.postrm' '*.spec' '_stagedir' '*.fish' PKGBUILD README.source bootstrap continued control run stagedir) || failed 'codespell has found a word (one that is right belongs in .codespellrc)'
}

# The packages of all distributions hold and leave out what debian/ names.
lint_packages() {
	sed -e '/^#/d' -e '/share\/doc/d' -e 's/ .*//' -e 's,.*/,/,' debian/stagedir.install | while read -r name; do
		grep -q -F "$name" contrib/rpm/stagedir.spec || echo "contrib/rpm/stagedir.spec does not name $name"
	done
	sed -e '/^#/d' -e 's,.*/,/,' debian/not-installed | while read -r name; do
		for file in contrib/rpm/stagedir.spec contrib/arch/PKGBUILD; do
			grep -q -F "$name" $file || echo "$file does not leave out $name"
		done
	done
}

# no_longer_than LINES FOLDER... - a file holds one idea.
no_longer_than() {
	most=$1
	shift
	long=$(find "$@" -type f \( -name '*.[ch]' -o -name '*.py' -o -name '*.sh' \) -exec wc -l {} + |
		awk -v most="$most" '$2 != "total" && $1 > most { print "\t" $2 ": " $1 " lines" }')
	[ -z "$long" ] || failed "files of more than $most lines, of which each is to be two:
$long"
}

lint_format
lint_shell
lint_python
lint_manuals
lint_spelling
differs=$(lint_packages)
[ -z "$differs" ] || failed "$differs"
no_longer_than 600 core plugin
no_longer_than 800 tests
exit $status
