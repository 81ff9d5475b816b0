# contenders.sh - full backups by the host alone, with the plugin, by restic and borg, for benchmarks, behind lib.sh. The array
# `options` is given to the host.
# shellcheck shell=bash
# shellcheck disable=SC2154 # variables of lib.sh
need restic restic
need borg borgbackup
export RESTIC_PASSWORD=secret RESTIC_CACHE_DIR=$work/restic-cache BORG_BASE_DIR=$work/borg
options=()

by_stock() {
	fresh
	timed by_stock "$DUPLICITY" full ${options[@]+"${options[@]}"} "$source" "$url"
}

by_plugin() {
	fresh
	timed by_plugin "$IN_TREE" duplicity full ${options[@]+"${options[@]}"} "$source" "stage+$url"
}

level_1() {
	fresh
	configure "temp_root = $root" 'avoid_tmpfs = no' 'gzip_level = 1'
	timed level_1 "$IN_TREE" duplicity full ${options[@]+"${options[@]}"} "$source" "stage+$url"
	configure "temp_root = $root" 'avoid_tmpfs = no'
}

by_restic() {
	fresh
	restic -q init -r "$target" || die 'restic cannot make a repository'
	timed by_restic restic -q backup -r "$target" "$source"
}

by_borg() {
	fresh
	borg init -e none "$target" || die 'borg cannot make a repository'
	timed by_borg borg create -C lz4 "$target::all" "$source"
}
