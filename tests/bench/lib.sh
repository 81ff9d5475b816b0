# lib.sh - what every benchmark starts with: `. "${srcdir:-.}/tests/bench/lib.sh" || exit 1`.
#
# A benchmark makes a source, defines a function for each contender, which calls `timed` once, and lets `alternate` run
# them in turn; then it prints a table, each row with its ratios to that of another contender. $RUNS changes how often
# each is run, from 5. Nothing is compared with what another run of a benchmark has measured.
# shellcheck disable=SC2034 # variables of the benchmark
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

rm "$GNUPGHOME"/*.conf # what makes tests quick
runs=${RUNS:-5}
source=$work/source
target=$work/target
url=file://$target
results=$work/results
mkdir "$results"

# fresh - nothing is stored yet.
fresh() {
	rm -rf "$target" "$XDG_CACHE_HOME/duplicity"
}

# timed NAME COMMAND... - runs it, and adds what it took, and what is stored then, to the results of NAME.
timed() {
	local name=$1

	shift
	sync
	"$HOST_PYTHON" "$srcdir/tests/bench/timed.py" "$results/now" "$@" >"$logs/$name" 2>&1 ||
		die "$name failed: $(tail -n 3 "$logs/$name")"
	echo "$(cat "$results/now") $(stored_bytes)" >>"$results/$name"
	rm "$results/now"
}

# Without the host's own records.
stored_bytes() {
	find "$target" -type f ! -name '*.sigtar.*' ! -name '*.manifest*' -printf '%s\n' 2>/dev/null |
		awk '{ sum += $1 } END { printf "%d", sum }'
}

# alternate CONTENDER... - each in turn, first once that does not count, to have everything in memory. $run counts. Every
# other time the last is first, as what a run leaves to the file system may slow the next one down.
alternate() {
	local contender turn

	rm -f "$results"/*
	for ((run = 0; run <= runs; run++)); do
		turn=("$@")
		[ $((run % 2)) -eq 0 ] || mapfile -t turn < <(printf '%s\n' "$@" | tac)
		for contender in "${turn[@]}"; do
			"$contender"
		done
		[ "$run" -gt 0 ] || rm "$results"/*
	done
}

# median NAME FIELD
median() {
	awk -v field="$2" '{ print $field }' "$results/$1" | sort -n |
		awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

# heading TEXT - of a table, and what was measured.
heading() {
	printf '\n%s; %s CPUs, median of %s\n' "$*" "$(nproc)" "$runs"
	printf '%-34s %14s %14s %15s %14s\n' '' 'wall s' 'CPU s' 'stored MB' 'peak MiB'
}

# row NAME OTHER TEXT - what NAME took, each figure with its ratio to OTHER's; peak memory with the difference.
row() {
	local field values=()

	for field in 1 2 4 3; do
		values+=("$(median "$1" $field)" "$(median "$2" $field)")
	done
	awk -v text="$3" -v values="${values[*]}" '
		function ratio(a, b) { return b > 0 ? sprintf("%.3f", a / b) : "-" }
		BEGIN {
			split(values, v, " ")
			printf "%-34s %8.2f %5s %8.2f %5s %9.1f %5s %8.1f %+5.1f\n", text, v[1], ratio(v[1], v[2]), v[3],
				ratio(v[3], v[4]), v[5] / 1e6, ratio(v[5], v[6]), v[7] / 1024, (v[7] - v[8]) / 1024
		}'
}

# within NAME OTHER FIELD MOST TEXT - fails if the ratio of a field (1: wall, 2: CPU, 4: stored) is higher.
within() {
	awk -v a="$(median "$1" "$3")" -v b="$(median "$2" "$3")" -v most="$4" -v text="$5" 'BEGIN {
		met = a <= b * most
		printf "%s: %.3f, at most %.2f%s\n", text, a / b, most, met ? "" : " - MISSED"
		exit !met
	}' || fail "$5"
}

# memory_within NAME OTHER MIB - fails if its peak of memory is higher by more.
memory_within() {
	awk -v a="$(median "$1" 3)" -v b="$(median "$2" 3)" -v most="$3" 'BEGIN {
		met = a <= b + most * 1024
		printf "memory: %+.1f MiB, at most %+d%s\n", (a - b) / 1024, most, met ? "" : " - MISSED"
		exit !met
	}' || fail 'memory'
}

# of_small_files COUNT [BYTES] - a source of so many files of so many bytes, from 1024, a thousand in a folder.
of_small_files() {
	export bytes=${2:-1024}
	mkdir "$source"
	of_content "$(($1 * bytes))" | (cd "$source" &&
		split -a 3 -d -b "${bytes}000" --filter 'mkdir "$FILE" && cd "$FILE" && split -a 4 -d -b "$bytes" - x')
}

# of_large_file MEGABYTES - a source of one file.
of_large_file() {
	mkdir "$source"
	of_content "${1}000000" >"$source/large"
}

# of_content BYTES - so much of the content of the files of /usr, which is read again where it is less.
of_content() {
	while :; do
		find /usr/bin /usr/lib /usr/share -xdev -type f -print0 | sort -z | xargs -0 cat || return
	done 2>/dev/null | head -c "$1"
}

# of_usr MEGABYTES - a source of so much of /usr: every so many-th file, so that it is like the whole. Or of that below
# $BENCH_ROOT, so that two roots measure the same files.
of_usr() {
	mkdir "$source"
	cd "${BENCH_ROOT:-/}" || die "there is no folder ${BENCH_ROOT:-/}"
	find usr/bin usr/lib usr/share usr/include -xdev -type f -size -5000k -printf '%s %p\n' | sort -k 2 |
		awk -v wanted=$(($1 * 1000000)) '
			{ total += $1; sub(/^[0-9]+ /, ""); path[NR] = $0 }
			END {
				for (i = 1; i <= NR; i++)
					if (int(i * wanted / total) > int((i - 1) * wanted / total))
						printf "%s%c", path[i], 0
			}' | xargs -0 cp --parents -t "$source"
	cd "$OLDPWD" || exit
}

# What the source is.
described() {
	echo "$(du -sm --apparent-size "$source" | cut -f 1) MB in $(find "$source" -type f | wc -l) files"
}
