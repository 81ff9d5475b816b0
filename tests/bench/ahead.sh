# ahead.sh - what staging ahead costs where there is nothing to gain: a full backup in many volumes to instant storage.
# MEGABYTES changes of how much.
. "${srcdir:-.}/tests/bench/lib.sh" || exit 1

by_stock() {
	fresh
	timed by_stock "$DUPLICITY" full --no-encryption --volsize 25 "$source" "$url"
}

at_once() {
	fresh
	configure "temp_root = $root" 'avoid_tmpfs = no' 'stage_ahead = no'
	timed at_once "$IN_TREE" duplicity full --no-encryption --volsize 25 "$source" "stage+$url"
	configure "temp_root = $root" 'avoid_tmpfs = no'
}

ahead() {
	fresh
	timed ahead "$IN_TREE" duplicity full --no-encryption --volsize 25 "$source" "stage+$url"
}

of_usr "${MEGABYTES:-300}"
alternate by_stock at_once ahead
heading "instant storage, --volsize 25, $(described)"
row by_stock at_once 'stock'
row at_once at_once 'plugin, stage_ahead = no'
row ahead at_once 'plugin'
within ahead by_stock 1 1.05 'wall of stock'
within ahead at_once 1 1.05 'wall without staging ahead'
finish
