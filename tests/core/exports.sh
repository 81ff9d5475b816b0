#!/bin/sh
# The library exports the functions of the installed headers, all of them and nothing else; and each
# header compiles alone.
library=core/.libs/libstagedir.so
headers='dir error gzip handoff log orphan reserve root secrets settings signature spool spool_find tar url'
code=0

declared=$(
	for header in $headers; do
		# without comments, what is followed by a parenthesis
		tr '\n' ' ' <"${srcdir:?}/core/$header.h" | sed 's,/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/,,g' |
			grep -o '\<stage_[a-z_]*(' | tr -d '('
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
for header in $headers; do
	if ! echo "#include <$header.h>" |
		${CC:-cc} -std=c11 -Wall -Wextra -Werror -fsyntax-only -I"$srcdir/core" -x c -; then
		echo "$header.h does not compile alone"
		code=1
	fi
done
exit $code
