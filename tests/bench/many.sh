# many.sh - trees of small files: full backups, increments of nothing, increments after 1 % of the files has changed: by the
# host alone, with the plugin, by restic and borg. FEW and MANY change how many files, BYTES how large each is.
. "${srcdir:-.}/tests/bench/lib.sh" || exit 1
. "$srcdir/tests/bench/contenders.sh" || exit 1
options=(--no-encryption)

# The full backup alone is there.
again() {
	fresh
	cp -a "$work/base" "$target"
	mkdir -p "$XDG_CACHE_HOME"
	cp -a "$work/base-archive" "$XDG_CACHE_HOME/duplicity"
}

stock_again() {
	again
	timed stock_again "$DUPLICITY" incremental --no-encryption "$source" "$url"
}

plugin_again() {
	again
	timed plugin_again "$IN_TREE" duplicity incremental --no-encryption "$source" "stage+$url"
}

restic_again() {
	rm -rf "$target"
	cp -a "$work/base-restic" "$target"
	timed restic_again restic -q backup -r "$target" "$source"
}

# A full backup by each, to go on from.
make_bases() {
	rm -rf "$work"/base*
	level_1
	mv "$target" "$work/base"
	mv "$XDG_CACHE_HOME/duplicity" "$work/base-archive"
	by_restic
	mv "$target" "$work/base-restic"
}

# increments TEXT STOCK - and how much of stock's wall may be taken.
increments() {
	alternate stock_again plugin_again restic_again
	heading "increment, $1, $(described)"
	row stock_again stock_again 'stock'
	row plugin_again stock_again 'plugin'
	row restic_again stock_again 'restic (encrypts)'
	within plugin_again stock_again 1 "$2" "wall of stock, $1"
	within plugin_again restic_again 1 0.6 "wall of restic, $1"
}

# change_some - one file in a hundred grows.
change_some() {
	find "$source" -type f | sort | awk 'NR % 100 == 0' | while IFS= read -r file; do
		echo changed >>"$file"
	done
}

of_small_files "${MANY:-300000}" "${BYTES:-3400}"
alternate level_1 by_restic by_borg
heading "full backup, $(described)"
row level_1 by_restic 'plugin, gzip_level = 1'
row by_restic by_restic 'restic (encrypts)'
row by_borg by_restic 'borg, lz4'
within level_1 by_restic 1 1 'wall of restic, level 1'
within level_1 by_borg 1 0.6 'wall of borg, level 1'
make_bases
increments 'nothing has changed' 0.25
change_some
increments '1 % has changed' 0.25
rm -r "$source"

of_small_files "${FEW:-20000}" "${BYTES:-3400}"
make_bases
increments 'nothing has changed' 0.5
change_some
increments '1 % has changed' 0.5
finish
