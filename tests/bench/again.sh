# again.sh - what is not a full backup: an increment after 1 % of the files has changed, a restore, a verify with --compare-data
# and without, a list of files. MEGABYTES changes of how much.
. "${srcdir:-.}/tests/bench/lib.sh" || exit 1

plain=--no-encryption

# The full backup alone is there.
again() {
	fresh
	cp -a "$work/base" "$target"
	mkdir -p "$XDG_CACHE_HOME"
	cp -a "$work/base-archive" "$XDG_CACHE_HOME/duplicity"
}

stock_incremental() {
	again
	timed stock_incremental "$DUPLICITY" incremental "$plain" "$source" "$url"
}

plugin_incremental() {
	again
	timed plugin_incremental "$IN_TREE" duplicity incremental "$plain" "$source" "stage+$url"
}

# What was restored stays until the end: ext4 passes over inodes that were freed within the last minute, one by one.
stock_restore() {
	timed stock_restore "$DUPLICITY" restore "$plain" "$url" "$work/restored-stock-$run"
}

plugin_restore() {
	timed plugin_restore "$IN_TREE" duplicity restore "$plain" "stage+$url" "$work/restored-plugin-$run"
}

stock_verify() {
	timed stock_verify "$DUPLICITY" verify --compare-data "$plain" "$url" "$source"
}

plugin_verify() {
	timed plugin_verify "$IN_TREE" duplicity verify --compare-data "$plain" "stage+$url" "$source"
}

stock_count() {
	timed stock_count "$DUPLICITY" verify "$plain" "$url" "$source"
}

plugin_count() {
	timed plugin_count "$IN_TREE" duplicity verify "$plain" "stage+$url" "$source"
}

stock_list() {
	timed stock_list "$DUPLICITY" list-current-files "$plain" "$url"
}

plugin_list() {
	timed plugin_list "$IN_TREE" duplicity list-current-files "$plain" "stage+$url"
}

of_usr "${MEGABYTES:-400}"
fresh
stock duplicity full "$plain" "$source" "$url" >/dev/null || die 'no full backup'
mv "$target" "$work/base"
mv "$XDG_CACHE_HOME/duplicity" "$work/base-archive"
find "$source" -type f | awk 'NR % 100 == 0' | while IFS= read -r file; do
	echo changed >>"$file"
done
alternate stock_incremental plugin_incremental stock_restore plugin_restore stock_verify plugin_verify stock_count plugin_count \
	stock_list plugin_list
heading "again, $(described)"
for what in incremental restore verify count list; do
	row "stock_$what" "stock_$what" "stock, $what"
	row "plugin_$what" "stock_$what" "plugin, $what"
done
for what in incremental restore; do
	within "plugin_$what" "stock_$what" 1 1.03 "wall of stock, $what"
done
within plugin_verify stock_verify 1 0.5 'wall of stock, verify --compare-data'
within plugin_count stock_count 1 0.4 'wall of stock, verify'
within plugin_list stock_list 1 0.4 'wall of stock, list-current-files'
finish
