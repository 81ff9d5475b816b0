# nested.sh - stage+ around and inside of other prefixes, and beside options that change where things lie.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

need par2 par2
"$HOST_PYTHON" -c 'import pexpect' 2>"$logs/pexpect" ||
	die 'the Python package pexpect, which the host needs for par2, is missing (Debian: apt-get install python3-pexpect)'

# par2's threads wait for each other by spinning
export OMP_NUM_THREADS=1

source=$work/source
make_tree "$source"
plain=--no-encryption
changed=1500000000

# check NAME URL RESTORE-URL - full, incremental, verify and restore through URL; stock restores from RESTORE-URL.
check() {
	local name=$1 url=$2 plain_url=$3

	note "$url"
	shift 3
	rm -rf "$work/restored" "$work/restored-stock"
	expect 0 "$name-full" plugged duplicity full $plain --volsize 1 --current-time 1600000000 "$@" "$source" "$url"
	nothing_left "$name-full"
	echo "$name" >"$source/changed"
	# what was changed within a second is the same to the host
	changed=$((changed + 1))
	touch -d "@$changed" "$source/changed"
	expect 0 "$name-inc" plugged duplicity inc $plain --volsize 1 --current-time 1600001000 "$@" "$source" "$url"
	nothing_left "$name-inc"
	expect 0 "$name-verify" plugged duplicity verify $plain --compare-data "$@" "$url" "$source"
	expect 0 "$name-restore" plugged duplicity restore $plain "$@" "$url" "$work/restored"
	nothing_left "$name-restore"
	same_tree "$source" "$work/restored" "$name, restored by the plugin"
	expect 0 "$name-stock" stock duplicity restore $plain "$@" "$plain_url" "$work/restored-stock"
	same_tree "$source" "$work/restored-stock" "$name, restored by stock"
}

# stores FILE PREFIX NAME - a configuration of multi for the folders NAME-1 and NAME-2
stores() {
	printf '[{"url": "%sfile://%s-1"}, {"url": "%sfile://%s-2"}]\n' "$2" "$work/$3" "$2" "$work/$3" >"$work/$1.json"
}
for mode in mirror stripe; do
	stores "$mode-a" '' "$mode-a"
	check "$mode-a" "stage+multi://$work/$mode-a.json?mode=$mode" "multi://$work/$mode-a.json?mode=$mode"
	stores "$mode-b" stage+ "$mode-b"
	stores "$mode-b-plain" '' "$mode-b"
	check "$mode-b" "multi://$work/$mode-b.json?mode=$mode" "multi://$work/$mode-b-plain.json?mode=$mode"
	for side in 1 2; do
		find "$work/$mode-a-$side" "$work/$mode-b-$side" -type f | grep -q duplicity- || fail "$mode: nothing is in a store $side"
	done
done
check both "stage+multi://$work/mirror-b.json?mode=mirror" "multi://$work/mirror-b-plain.json?mode=mirror" \
	--file-prefix again-

check par2-in "stage+par2+file://$work/par2-in" "par2+file://$work/par2-in"
check par2-out "par2+stage+file://$work/par2-out" "par2+file://$work/par2-out"
for name in par2-in par2-out; do
	find "$work/$name" -name '*.par2' | grep -q . || fail "$name: there is no parity"
done

check named "stage+file://$work/named" "file://$work/named" --name "a name"
[ -d "$XDG_CACHE_HOME/duplicity/a name" ] || fail '--name is not the name of the archive directory'
check elsewhere "stage+file://$work/elsewhere" "file://$work/elsewhere" --archive-dir "$work/archives"
[ "$(ls "$work/archives")" = "$(basename "$(archive_of "file://$work/elsewhere")")" ] ||
	fail "in --archive-dir there is: $(ls "$work/archives")"
# the temp root of the option is used, and left empty, wherever the run was started
mkdir "$work/relative"
check relative "stage+file://$work/relative-target" "file://$work/relative-target" --tempdir relative
is_empty "$work/relative" 'runs with a relative --tempdir'
expect 0 relative plugged duplicity full -v5 $plain --tempdir relative "$source" "stage+file://$work/relative-target"
says relative "Using temporary directory $work/(\./)?relative/stagedir-"

check prefixed "stage+file://$work/prefixed" "file://$work/prefixed" --file-prefix all- --file-prefix-manifest manifest- \
	--file-prefix-archive archive- --file-prefix-signature signature-
for name in all-manifest-duplicity all-archive-duplicity all-signature-duplicity; do
	find "$work/prefixed" -name "$name-*" | grep -q . || fail "nothing is called $name-* with --file-prefix"
done
! knows --short-filenames ||
	check short "stage+file://$work/short" "file://$work/short" --short-filenames
check uncompressed "stage+file://$work/uncompressed" "file://$work/uncompressed" --no-compression
find "$work/uncompressed" -name '*.difftar' | grep -q . || fail '--no-compression is not obeyed'

# what the plugin does itself is said, and the backup is right
check asynchronous "stage+file://$work/asynchronous" "file://$work/asynchronous" --asynchronous-upload
! knows --concurrency ||
	check pool "stage+file://$work/pool" "file://$work/pool" --concurrency 2
! knows --jsonstat || {
	check jsonstat "stage+file://$work/jsonstat" "file://$work/jsonstat" --jsonstat
	[ "$(find "$work/jsonstat" -name '*.jsonstat*' | wc -l)" -eq 2 ] || fail '--jsonstat is not obeyed'
}
# dry: nothing is made
expect 0 dry plugged duplicity full --dry-run $plain "$source" "stage+file://$work/dry"
[ -z "$(ls "$work/dry" 2>/dev/null)" ] || fail '--dry-run has stored something'
nothing_left --dry-run
# a scheme that is not one ends as with stock
run no-scheme.stock stock duplicity full $plain "$source" 'no-such-scheme://host/dir'
expect "$status" no-scheme plugged duplicity full $plain "$source" 'stage+no-such-scheme://host/dir'
nothing_left 'a scheme that is not one'
finish
