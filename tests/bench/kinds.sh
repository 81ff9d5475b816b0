# kinds.sh - full backups of what is not like /usr: many small files, a large one, and what cannot be compressed.
# SMALL and MEGABYTES change how many files, and how much of the others.
. "${srcdir:-.}/tests/bench/lib.sh" || exit 1
. "$srcdir/tests/bench/contenders.sh" || exit 1
options=(--no-encryption)

small=${SMALL:-100000} megabytes=${MEGABYTES:-2000}

# compare MOST
compare() {
	alternate by_stock by_plugin
	heading "full backup, $(described)"
	row by_stock by_stock 'stock'
	row by_plugin by_stock 'plugin'
	within by_plugin by_stock 1 "$1" 'wall of stock'
	rm -r "$source"
}

of_small_files "$small"
compare 0.4

of_large_file "$megabytes"
compare 0.25

mkdir "$source"
head -c "$((megabytes / 5))000000" /dev/urandom | split -b 1000000 -a 4 - "$source/random-"
compare 0.6
finish
