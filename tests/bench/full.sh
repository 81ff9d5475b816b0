# full.sh - a full backup without encryption, by the host alone and with the plugin in turn: wall and CPU seconds, the
# size of all volumes. Of a tree taken from /usr. RUNS and MEGABYTES change how often and how much.
. "${srcdir:-.}/tests/plugin/lib.sh" || exit 1

runs=${RUNS:-5} megabytes=${MEGABYTES:-400}
source=$work/source

# every so many-th file of /usr, so that it is like the whole
mkdir "$source"
find /usr/bin /usr/lib /usr/share /usr/include -xdev -type f -size -5000k -printf '%s %p\n' | sort -k 2 |
	awk -v wanted=$((megabytes * 1000000)) '
		{ total += $1; sub(/^[0-9]+ /, ""); path[NR] = $0 }
		END {
			for (i = 1; i <= NR; i++)
				if (int(i * wanted / total) > int((i - 1) * wanted / total))
					printf "%s%c", path[i], 0
		}' | xargs -0 cp --parents -t "$source"

# timed NAME URL COMMAND... - adds "WALL CPU SIZE PEAK", in seconds, bytes and KiB, to $work/NAME.
timed() {
	local name=$1 url=$2

	shift 2
	rm -rf "$work/target" "$XDG_CACHE_HOME/duplicity"
	sync
	"$HOST_PYTHON" - "$work/time" "$@" full --no-encryption "$source" "$url" >"$logs/bench" 2>&1 <<-'END' ||
		import os
		import resource
		import sys
		import time

		since = time.monotonic()
		child = os.spawnvp(os.P_WAIT, sys.argv[2], sys.argv[2:])
		wall = time.monotonic() - since
		usage = resource.getrusage(resource.RUSAGE_CHILDREN)
		with open(sys.argv[1], 'w') as file:
		    print(f'{wall:.2f} {usage.ru_utime + usage.ru_stime:.2f}', file=file, end='')
		    print(f' {usage.ru_maxrss}', file=file)
		sys.exit(child)
	END
		die "failed: $(tail -n 3 "$logs/bench")"
	echo "$(cat "$work/time") $(find "$work/target" -name '*.difftar.gz' -printf '%s\n' |
		awk '{ sum += $1 } END { printf "%d", sum }')" >>"$work/$name"
}

# median NAME FIELD
median() {
	awk -v field="$2" '{ print $field }' "$work/$1" | sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

# row NAME TEXT - and the ratios to stock's.
row() {
	local field values=()

	for field in 1 2 3 4; do
		values+=("$(median "$1" $field)" "$(median stock $field)")
	done
	awk -v text="$2" -v values="${values[*]}" 'BEGIN {
		split(values, v, " ")
		printf "%-26s %8.2f %5.2f %8.2f %5.2f %8.1f %6.3f %8.1f %5.2f\n", text, v[1], v[1] / v[2], v[3], v[3] / v[4],
			v[7] / 1e6, v[7] / v[8], v[5] / 1024, v[5] / v[6]
	}'
}

for ((run = 0; run <= runs; run++)); do
	timed stock "file://$work/target" "$DUPLICITY"
	timed plugged "stage+file://$work/target" "$IN_TREE" duplicity
	configure "temp_root = $root" 'avoid_tmpfs = no' 'gzip_level = 1'
	timed fast "stage+file://$work/target" "$IN_TREE" duplicity
	configure "temp_root = $root" 'avoid_tmpfs = no'
	[ "$run" -gt 0 ] || rm "$work/stock" "$work/plugged" "$work/fast" # to have everything in memory
done
echo "full, not encrypted, $(du -sm --apparent-size "$source" | cut -f 1) MB in $(find "$source" -type f | wc -l) files, $(nproc) CPUs," \
	"median of $runs; each with its ratio to stock's"
printf '%-26s %14s %14s %15s %14s\n' '' 'wall s' 'CPU s' 'volumes MB' 'peak MiB'
row stock stock
row plugged 'plugin'
row fast 'plugin, gzip_level = 1'
finish
