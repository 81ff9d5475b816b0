# volumes.sh - full backups with volumes of 1, 5 and 200 MB: peak memory, and the largest volume. MEGABYTES changes of
# how much.
. "${srcdir:-.}/tests/bench/lib.sh" || exit 1

# The bytes that the largest volume has beyond its size. Stock has some: it does not count what is not given out yet, by
# zlib, and from Python 3.12 on by GzipFile.
excess() {
	find "$target" -name '*.difftar.gz' -printf '%s\n' | sort -n | awk -v most=$((size * 1024 * 1024)) \
		'{ largest = $1 } END { print (largest > most ? largest - most : 0) }'
}

by_stock() {
	fresh
	timed by_stock "$DUPLICITY" full --no-encryption --volsize "$size" "$source" "$url"
	stock_excess=$(excess)
}

by_plugin() {
	fresh
	timed by_plugin "$IN_TREE" duplicity full --no-encryption --volsize "$size" "$source" "stage+$url"
	[ "$(excess)" -eq 0 ] || fail "a volume is $(excess) bytes larger than --volsize $size"
}

of_usr "${MEGABYTES:-400}"
for size in 1 5 200; do
	alternate by_stock by_plugin
	heading "full backup, --volsize $size, $(described)"
	row by_stock by_stock 'stock'
	row by_plugin by_stock 'plugin'
	echo "stock's largest volume is $stock_excess bytes larger than --volsize"
	[ $(($(median by_plugin 3) - $(median by_stock 3))) -le $((64 * 1024)) ] || fail 'more than 64 MiB above the peak memory of stock'
done
finish
