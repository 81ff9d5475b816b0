# ahead.sh - what staging ahead costs where there is nothing to gain: a full backup to instant storage, by the host
# alone and with the plugin in turn, median of five. RUNS and MEGABYTES change how often and how much.
. "${srcdir:-.}/tests/plugin/lib.sh" || exit 1

runs=${RUNS:-5} megabytes=${MEGABYTES:-300}
source=$work/source

# files of /usr until there are enough: what a backup is made of, neither random nor all zeros
mkdir "$source"
find /usr/bin /usr/lib /usr/share -xdev -type f -size -20000k -printf '%s %p\n' | sort -k 2 |
	awk -v wanted=$((megabytes * 1000000)) '{ sum += $1; print $2 } sum > wanted { exit }' |
	xargs cp --parents -t "$source"

# timed NAME COMMAND... - adds "WALL CPU", in seconds, to $work/NAME.
timed() {
	local name=$1

	shift
	rm -rf "$work/target" "$XDG_CACHE_HOME/duplicity"
	sync
	TIMEFORMAT='%R %U %S'
	{ time "$@" full --no-encryption --volsize 25 "$source" "$prefix""file://$work/target" >"$logs/bench" 2>&1; } \
		2>"$work/time" || die "failed: $(tail -n 3 "$logs/bench")"
	awk '{ print $1, $2 + $3 }' "$work/time" >>"$work/$name"
}

# median NAME FIELD
median() {
	awk -v field="$2" '{ print $field }' "$work/$1" | sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

for ((run = 0; run <= runs; run++)); do
	prefix='' timed stock "$DUPLICITY"
	prefix=stage+ timed plugged "$IN_TREE" duplicity
	[ "$run" -gt 0 ] || rm "$work/stock" "$work/plugged" # to have everything in memory
done
printf '%-30s %10s %10s\n' "$(du -sm "$source" | cut -f 1) MB, median of $runs" 'wall s' 'CPU s'
printf '%-30s %10s %10s\n' 'stock' "$(median stock 1)" "$(median stock 2)" \
	'staged ahead' "$(median plugged 1)" "$(median plugged 2)"
awk -v a="$(median plugged 1)" -v b="$(median stock 1)" -v c="$(median plugged 2)" -v d="$(median stock 2)" \
	'BEGIN { printf "%-30s %10.2f %10.2f\n", "ratio", a / b, c / d; exit a / b > 1.05 }' ||
	fail 'staging ahead costs more than 5 %'
finish
