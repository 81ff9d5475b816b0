#!/bin/sh
# The library exports the functions and objects of the installed headers, all of them and nothing else. Each of these
# headers compiles with nothing beside it but the others, and the plugin includes it, or one that does.
library=core/.libs/libstagedir.so
code=0

test -n "$PUBLIC_HEADERS" || { echo 'PUBLIC_HEADERS, which the Makefile sets, is empty'; exit 1; }
installed=$(mktemp -d) || exit 1
trap 'rm -rf "$installed"' EXIT
for header in $PUBLIC_HEADERS; do
	cp "${srcdir:?}/$header" "$installed" || exit 1
done

# without comments, what is followed by a parenthesis, and what is extern without one
declared=$(
	for header in "$installed"/*.h; do
		text=$(tr '\n' ' ' <"$header" | sed 's,/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/,,g')
		printf '%s\n' "$text" | grep -o '\<stage_[a-z_]*(' | tr -d '('
		printf '%s\n' "$text" | grep -o '\<extern [^;(]*;' | grep -o '\<stage_[a-z_]*\(\[[^;]*\)\?;' | tr -d ';' | sed 's/\[.*//'
	done | sort -u)
mapped=$(sed -n 's/^\t\(stage_[a-z_]*\);$/\1/p' "$srcdir/core/libstagedir.map" | sort)
exported=$(${NM:-nm} -D --defined-only "$library" | sed -n 's/.* [^A] \([^@]*\).*/\1/p' | sort)

test -n "$declared" || { echo "no function was found in the headers"; exit 1; }
if test "$declared" != "$mapped"; then
	echo "declared in the installed headers, but not in libstagedir.map, or the other way round:"
	printf '%s\n' "$declared" "$mapped" | sort | uniq -u
	code=1
fi
if test "$mapped" != "$exported"; then
	echo "in libstagedir.map, but not exported by $library, or the other way round:"
	printf '%s\n' "$mapped" "$exported" | sort | uniq -u
	code=1
fi
for header in "$installed"/*.h; do
	header=${header##*/}
	if ! echo "#include <$header>" |
		${CC:-cc} -std=c11 -Wall -Wextra -Werror -fsyntax-only -I"$installed" -x c -; then
		echo "$header does not compile alone"
		code=1
	fi
	if ! grep -rq "^#include \"$header\"" "$srcdir/plugin" "$installed"; then
		echo "$header is installed, but neither the plugin nor another installed header includes it"
		code=1
	fi
done
exit $code
