# ahead.sh - volumes are made while earlier ones are handed off: with storage that is as slow as making them is, a run
# takes at most 0.6 of what the stock host takes. STAGE_TEST_ROUNDS=N compares N runs of each instead of 3.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

rounds=${STAGE_TEST_ROUNDS:-3}
volumes=18

# fill MIB - a source of which so many MiB of volumes are made, slowly; of a few large files, as their signatures are
# made and stored by nobody ahead.
fill() {
	rm -rf "$source"
	mkdir "$source"
	head -c "$(($1 * 1048576))" /dev/urandom | base64 -w 0 | split -b 40M - "$source/"
}

# measure HOST OPTION... - how many milliseconds a full backup takes that must succeed: $took.
measure() {
	local host=$1 prefix='' before

	shift
	[ "$host" = stock ] || prefix=stage+
	rm -rf --one-file-system "$storage" "$storage.log" "$XDG_CACHE_HOME/duplicity"
	before=$(milliseconds)
	expect 0 "$host" "$host" duplicity full --no-encryption "$@" "$source" "$prefix$url"
	took=$(($(milliseconds) - before))
}

bytes_of_volumes() {
	find "$storage" -name 'duplicity*.vol*' -printf '%s\n' | awk '{ sum += $1 } END { printf "%d", sum }'
}

median() {
	printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"
}

# match - has the storage take as long as making the volumes does now: $rate.
match() {
	unset_odd rate
	measure stock --volsize "$size"
	rate=$(($(bytes_of_volumes) * 1000 / (took - idle)))
	set_odd rate "$rate"
	note "$(stored | wc -w) volumes of $size MiB are made in $((took - idle)) ms; idle, a run takes $idle ms"
}

# compare - runs each $rounds times, in turn: $stock and $plugged are the medians.
compare() {
	local i times_stock=() times_plugged=()

	match
	for ((i = 0; i < rounds; i++)); do
		measure stock --volsize "$size"
		times_stock+=("$took")
		measure plugged --volsize "$size"
		times_plugged+=("$took")
		nothing_left 'a run that staged ahead'
		in_order >"$work/order" 2>&1 || fail "$(cat "$work/order")"
	done
	stock=$(median "${times_stock[@]}")
	plugged=$(median "${times_plugged[@]}")
	note "stock: ${times_stock[*]} ms, plugged: ${times_plugged[*]} ms; $((plugged * 1000 / stock)) per mille"
}

is_fast() {
	[ "$((plugged * 10))" -le "$((stock * 6))" ]
}

mkdir "$source"
measure stock
measure stock
idle=$took
# a volume is to take a third of a second
fill 24
measure stock --volsize 200
size=$(($(bytes_of_volumes) * 1000 / 3 / (took - idle) / 1048576 + 1))
fill "$((size * volumes))"
# a busy machine may spoil it once
compare
is_fast || compare
is_fast || fail "a run that stages ahead takes $plugged ms, one that does not $stock ms"
expect 0 verify stock duplicity verify --no-encryption --compare-data "$url" "$source"
finish
