# verify.sh - verify, with --compare-data and without, finds, counts and says what stock does, at each verbosity: of one odd tree
# with one of each difference, of random ones (`verify.py`), in whole and in part, at each time of a chain, encrypted, of files that
# cannot be read, change or vanish meanwhile. Ctrl-C ends it as it ends stock.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

source=$work/source
target=$work/target
url=file://$target
options=(--no-encryption --num-retries 1)

# told LOG - what it says, without what depends on where it was staged, and on the ways that led to a traceback.
told() {
	sed -E "s,stage\\+file,file,g; s,/[^ ]*/mkstemp-[^ ]*|/[^ ]*/mktemp-[^ ]*,TEMP,g" "$logs/$1" |
		grep -a -v -E "^(Args:|(Deleting|Forgetting temporary file|Registering .mks?temp. temporary file) TEMP|Import of |Temp has |Using |staging in temp root|  )|^([A-Z][a-z]{2} ){2}"
}

as=(env)
# verified WHAT STATUS ARGUMENT... - by stock, and with the plugin: they say the same. No STATUS: stock's.
verified() {
	local what=$1 wanted=$2

	shift 2
	run "$what-a" "${as[@]}" "$DUPLICITY" verify "$@" "${options[@]}"
	[ "$status" -eq "${wanted:=$status}" ] || { fail "stock: exit status $status of $what"; show "$logs/$what-a"; }
	expect "$wanted" "$what-b" "${as[@]}" "$IN_TREE" duplicity verify "${@/#file:/stage+file:}" "${options[@]}"
	nothing_left "$what"
	told "$what-a" >"$work/told-a"
	told "$what-b" >"$work/told-b"
	diff -a "$work/told-a" "$work/told-b" | head -n 20 >&2
	cmp -s "$work/told-a" "$work/told-b" || fail "$what: they do not say the same"
}

# at_all_levels WHAT ARGUMENT... - at each verbosity, with --compare-data and without.
at_all_levels() {
	local level

	for level in 3 4 5 8 9; do
		verified "$1-$level" 0 -v$level "${@:2}"
		verified "$1-data-$level" '' --compare-data -v$level "${@:2}"
	done
}

backup() {
	expect 0 "$1" stock duplicity "$@" --volsize 1 --allow-source-mismatch "$source" "$url" "${options[@]}"
}

make_odd_tree() {
	local name

	make_tree "$source"
	mkdir -p "$source/a" "$source/a.b" "$source/a b" "$source/kept" "$source/will-go/down"
	echo 1 >"$source/a/file" && echo 2 >"$source/a.b/file" && echo 3 >"$source/a b/file" && echo 4 >"$source/ab"
	for name in mode time type link folder gone byte first shorter longer emptied filled owner; do
		echo "$name" >"$source/will-$name"
	done
	: >"$source/will-filled"
	echo in >"$source/will-go/down/in"
	head -c 3500000 /dev/urandom >"$source/large"
	head -c 3500000 /dev/urandom >"$source/large-first"
	head -c 300000 /dev/urandom >"$source/patched"
	head -c 65535 /dev/urandom >"$source/read-ahead"
	head -c 65536 /dev/urandom >"$source/block"
	head -c 131072 /dev/urandom >"$source/blocks"
	ln -s folder "$source/will-slash" && ln -s folder "$source/will-lead"
	mkfifo "$source/will-fifo"
	touch -d '1960-01-01 00:00:00 UTC' "$source/old"
	touch -d '1969-12-31 23:59:59.5 UTC' "$source/almost-1970"
	touch -d '2020-01-01 00:00:00.999999999 UTC' "$source/almost-2020"
	touch -d '2107-01-01 00:00:00.5 UTC' "$source/late"
	"$HOST_PYTHON" -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$source/socket"
	find "$source" -newermt '2021-01-01' ! -type l ! -newermt '2100-01-01' -exec touch -d '2002-02-02 02:02:02' {} +
	am_root || return
	chown 3000000:4000000 "$source/will-mode"
	mknod "$source/character" c 5 7 && mknod "$source/disk" b 7 300000 || skip_part 'devices cannot be made here'
}

# keeping FILE COMMAND... - changes a file, and its time stays.
keeping() {
	touch -r "$1" "$work/time"
	"${@:2}"
	touch -r "$work/time" "$1"
}

overwrite() {
	printf '%s' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# One of each difference, and of what is none.
make_differences() {
	local size

	cd "$source" || die 'there is no source'
	chmod 0604 will-mode
	touch -d '2005-05-05 05:05:05' will-time
	rm will-type && mkfifo will-type
	rm will-link && ln -s elsewhere will-link
	rm will-folder && mkdir will-folder && echo in >will-folder/in
	rm -r will-gone will-go
	ln -sfn folder/ will-slash
	ln -sfn other will-lead
	chmod 0600 will-fifo
	echo new >new && mkdir new-folder && echo new >new-folder/new
	keeping will-byte overwrite will-byte 4 X
	keeping will-first overwrite will-first 0 X
	keeping will-shorter truncate -s 3 will-shorter
	keeping will-longer truncate -s 100 will-longer
	keeping will-emptied truncate -s 0 will-emptied
	keeping will-filled truncate -s 1 will-filled
	size=$(stat -c %s large)
	keeping large truncate -s $((size - 1)) large
	keeping large truncate -s "$size" large # its last byte is a zero
	keeping large overwrite large $((size - 1)) "$1"
	keeping large-first overwrite large-first 0 XXXX
	keeping block truncate -s 65535 block
	keeping blocks truncate -s 131073 blocks
	keeping patched overwrite patched 299999 "$1"
	touch -d '1950-01-01 00:00:00 UTC' old
	touch -d '2020-01-01 00:00:01.1 UTC' almost-2020
	cd "$work" || exit 1
	am_root || return
	chown 1:2 "$source/will-owner"
	[ ! -e "$source/disk" ] || { rm "$source/disk" && mknod "$source/disk" b 7 300001; }
	[ ! -e "$source/character" ] || chown 1 "$source/character"
}

# make_chain - three backups, a hundred days after each other; the source is as it was in the last.
make_chain() {
	rm -rf "$source" "$target" "$XDG_CACHE_HOME/duplicity"
	mkdir "$target"
	make_odd_tree
	backup full --current-time 1600000000
	overwrite "$source/patched" 1000 changed
	touch -d '2003-03-03 03:03:03' "$source/patched"
	rm "$source/ab"
	backup incr --current-time 1610000000
	head -c 2000000 /dev/urandom >>"$source/large"
	overwrite "$source/patched" 200000 changed
	touch -d '2004-04-04 04:04:04' "$source/patched" "$source/large"
	mkdir "$source/later" && echo later >"$source/later/file"
	backup incr --current-time 1620000000
}

make_chain
cp -a "$source" "$work/kept"
at_all_levels equal "$url" "$source"
has equal-data-5-b ' 0 difference'
for at in 1600000000 1610000000; do
	verified "past-$at" 0 --time $at -v5 "$url" "$source"
	verified "past-data-$at" 1 --compare-data --time $at -v5 "$url" "$source"
done
make_differences Z
at_all_levels different "$url" "$source"
has_not different-5-b 'Difference found'
for path in will-byte will-first will-shorter will-longer will-emptied will-filled large large-first block blocks patched; do
	has different-data-4-b "Data for file $path is different"
done
for path in will-slash old almost-2020 almost-1970 late read-ahead; do
	has_not different-data-4-b "file $path "
	has_not different-data-4-b "File $path "
done
verified past-different 1 --compare-data --time 1600000000 -v5 "$url" "$source"
verified numeric '' --compare-data --numeric-owner "$url" "$source"
verified excluded '' --compare-data -v5 --exclude "$source/will-*" --exclude "$source/a/**" "$url" "$source"
verified included '' --compare-data -v6 --include "$source/plain/**numbers" --exclude '**' "$url" "$source"
verified dangling '' --compare-data --copy-links -v5 "$url" "$source"
verified renamed '' --compare-data --rename plain elsewhere "$url" "$source"
verified ignoring '' --compare-data --ignore-errors -v5 "$url" "$source"
rm -rf "$work/nothing" && mkdir "$work/nothing"
verified nothing 1 --compare-data -v5 "$url" "$work/nothing"
verified counted 0 -v5 "$url" "$work/nothing"
part=--path-to-restore
offers --path-to-restore || part=--file-to-restore
for path in plain large will-byte will-link will-folder later nowhere; do
	verified "part-$path" '' $part "$path" --compare-data -v5 "$url" "$source/$path"
	verified "part-counted-$path" '' $part "$path" -v5 "$url" "$source/$path"
done
note 'one of each difference'

for ((seed = 1; seed <= 20; seed++)); do
	rm -rf "$source"
	cp -a "$work/kept" "$source"
	expect 0 differing "$HOST_PYTHON" "$srcdir/tests/plugin/verify.py" "$source" $seed
	verified "random-$seed" '' --compare-data -v5 "$url" "$source"
done
note 'random differences'

if am_root && command -v setpriv >/dev/null; then
	rm -rf "$source"
	cp -a "$work/kept" "$source"
	chown -R 65534:65534 "$work"
	as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	verified another '' --compare-data -v5 "$url" "$source"
	chmod 0 "$source/later/file" "$source/large" "$source/plain" "$source/a/file"
	verified closed '' --compare-data -v5 "$url" "$source"
	says closed-b 'Error accessing'
	verified closed-counted 0 -v5 "$url" "$source"
	as=(env)
	chown -R 0:0 "$work"
else
	skip_part 'files that cannot be read: needs root, and setpriv'
fi

# What happens to a file while it is read (lib/restless.c).
rm -rf "$source" "$target" "$XDG_CACHE_HOME/duplicity"
mkdir "$source" "$target"
for name in eio-0 eio-131072 shrink-100000 grow-131072 denied-; do
	mkdir "$source/$name"
	head -c 200000 /dev/urandom >"$source/$name/fault-$name"
	echo behind >"$source/$name/z"
done
head -c 131072 /dev/urandom >"$source/grow-131072/fault-grow-131072"
echo small >"$source/denied-/fault-denied-small"
echo small >"$source/eio-0/fault-eio-0"
for name in large small; do
	mkdir "$source/gone-$name"
	echo small >"$source/gone-$name/fault-gone-$name"
done
head -c 200000 /dev/urandom >"$source/gone-large/fault-gone-large"
find "$source" -exec touch -d '2003-03-03 03:03:03' {} +
backup full
cp -a "$source" "$work/restless"
as=(env "LD_PRELOAD=$(library restless)")
for name in eio-0 eio-131072 shrink-100000 grow-131072 denied-; do
	for who in a b; do
		rm -rf "$source"
		cp -a "$work/restless" "$source"
		program=("$DUPLICITY")
		[ $who = a ] || program=("$IN_TREE" duplicity)
		run "restless-$name-$who" "${as[@]}" "${program[@]}" verify --compare-data -v5 $part "$name" "${url/#file/$([ $who = a ] || echo stage+)file}" "$source/$name" "${options[@]}"
		ended=$([ $who = a ] && echo "$status" || echo "$ended")
	done
	[ "$status" -eq "$ended" ] || fail "exit status $status instead of $ended with fault-$name"
	cmp <(told "restless-$name-a") <(told "restless-$name-b") || fail "fault-$name: they do not say the same"
done
has restless-eio-131072-b 'Errno 5'
has restless-denied--b 'Errno 13'
has restless-shrink-100000-b 'Data for file fault-shrink-100000 is different'
# What vanishes when it is to be read ends stock in a traceback; here it is what it is if it vanishes a moment before.
for name in large small; do
	rm -rf "$source"
	cp -a "$work/restless" "$source"
	expect 1 gone "${as[@]}" "$IN_TREE" duplicity verify --compare-data $part gone-$name "stage+$url" "$source/gone-$name" "${options[@]}"
	has gone "File fault-gone-$name is missing"
	has gone ' 1 difference'
done
as=(env)
note 'files that change meanwhile'

# Ctrl-C, at moments from the first volume on.
. "$srcdir/tests/lib/moments.sh" || exit 1
rm -rf "$source" "$target" "$XDG_CACHE_HOME/duplicity"
make_source 4
backup full
command=(plugged duplicity verify --compare-data "stage+$url" "$source" "${options[@]}")
measure "${command[@]}"
for moment in 6 9 12 15 18; do
	start_until "$(call_of "$moment")" interrupted "${command[@]}"
	kill -INT "$pid"
	kill -CONT "$pid"
	end "$pid"
	[ "$status" -eq 4 ] || [ -z "$running" ] || { fail "Ctrl-C at $moment/20: exit status $status"; show "$logs/interrupted"; }
	nothing_left "Ctrl-C at $moment/20"
done
note 'Ctrl-C'

if ! command -v gpg >/dev/null; then
	skip_part 'encrypted volumes: needs gpg'
	finish
fi
export PASSPHRASE=secret
options=(--num-retries 1)
make_chain
at_all_levels encrypted "$url" "$source"
make_differences Y
verified encrypted-different 1 --compare-data -v5 "$url" "$source"
verified encrypted-past 1 --compare-data -v5 --time 1600000000 "$url" "$source"
note encrypted
finish
