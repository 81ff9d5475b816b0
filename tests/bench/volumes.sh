# volumes.sh - full backups with volumes of 1, 5 and 200 MB: peak memory, and the largest volume. MEGABYTES changes of
# how much.
. "${srcdir:-.}/tests/bench/lib.sh" || exit 1

# at NAME MB COMMAND... - a backup in volumes of so many MB.
at() {
	local name=$1 megabytes=$2 largest

	shift 2
	fresh
	timed "$name" "$@"
	largest=$(find "$target" -name '*.difftar.gz' -printf '%s\n' | sort -n | tail -n 1)
	[ "$largest" -le $((megabytes * 1024 * 1024)) ] || fail "a volume has $largest bytes at --volsize $megabytes"
}

by_stock() {
	at by_stock "$size" "$DUPLICITY" full --no-encryption --volsize "$size" "$source" "$url"
}

by_plugin() {
	at by_plugin "$size" "$IN_TREE" duplicity full --no-encryption --volsize "$size" "$source" "stage+$url"
}

of_usr "${MEGABYTES:-400}"
for size in 1 5 200; do
	alternate by_stock by_plugin
	heading "full backup, --volsize $size, $(described)"
	row by_stock by_stock 'stock'
	row by_plugin by_stock 'plugin'
	[ $(($(median by_plugin 3) - $(median by_stock 3))) -le $((64 * 1024)) ] || fail 'more than 64 MiB above the peak memory of stock'
done
finish
