# kinds.sh - full backups of what is not like /usr: many small files, a large one, and what cannot be compressed.
# SMALL and MEGABYTES change how many files, and how much of the others.
. "${srcdir:-.}/tests/bench/lib.sh" || exit 1

small=${SMALL:-100000} megabytes=${MEGABYTES:-2000}

by_stock() {
	fresh
	timed by_stock "$DUPLICITY" full --no-encryption "$source" "$url"
}

by_plugin() {
	fresh
	timed by_plugin "$IN_TREE" duplicity full --no-encryption "$source" "stage+$url"
}

# compare MOST
compare() {
	alternate by_stock by_plugin
	heading "full backup, $(described)"
	row by_stock by_stock 'stock'
	row by_plugin by_stock 'plugin'
	within by_plugin by_stock 1 "$1" 'wall of stock'
	rm -r "$source"
}

# of_files BYTES - so much of the content of the files of /usr, which is read again where it is less
of_files() {
	while :; do
		find /usr/bin /usr/lib /usr/share -xdev -type f -print0 | sort -z | xargs -0 cat || return
	done 2>/dev/null | head -c "$1"
}

mkdir "$source"
of_files "$((small * 1024))" | (cd "$source" && split -a 3 -d -b 1024000 --filter 'mkdir "$FILE" && cd "$FILE" && split -a 4 -d -b 1024 - x')
compare 0.4

mkdir "$source"
of_files "${megabytes}000000" >"$source/large"
compare 0.25

mkdir "$source"
head -c "$((megabytes / 5))000000" /dev/urandom | split -b 1000000 -a 4 - "$source/random-"
compare 0.6
finish
