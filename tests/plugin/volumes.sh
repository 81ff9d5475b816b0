# volumes.sh - volumes, as Python's tarfile writes their members in all of its formats, are read as the host's own functions read
# them: the same paths with the same attributes and contents, and the next volume asked for at the same moment; the same
# exceptions; damage is told of. So a restore and a verify of a chain of small volumes make and say the same, with and without
# compression and encryption, of all or of a part, as they do where a volume is damaged, or missing, or signed by nobody.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

mkdir "$work/made"
expect 0 volumes plugged "$HOST_PYTHON" "$srcdir/tests/plugin/volumes.py" "$work/made"
[ ! -s "$logs/volumes" ] || show "$logs/volumes"
expect 0 latin env LC_ALL=POSIX PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 "$IN_TREE" "$HOST_PYTHON" "$srcdir/tests/plugin/volumes.py" "$work/made"
note 'volumes'

source=$work/source
target=$work/target
url=file://$target
plain=--no-encryption

# told LOG - what it says, without what depends on where it was staged.
told() {
	sed -E "s,stage\\+file,file,g; s,[0-9a-f]{32},HASH,g; s,/[^ ]*/mkstemp-[^ ]*|/[^ ]*/mktemp-[^ ]*,TEMP,g; s, object at 0x[0-9a-f]+,,g; s,on fd[0-9]+,,; s,File \"/.*/,File \"," "$logs/$1" |
		grep -a -v -E "^(Args:|Deleting TEMP|Import of |Temp has |Using |staging in temp root)|^([A-Z][a-z]{2} ){2}"
}

# beside WHAT STATUS ARGUMENT... - by stock, and with the plugin. No STATUS: stock's. What is restored is the same.
began=$(date +%s)
restored=$work/restored
beside() {
	local what=$1 wanted=$2

	shift 2
	rm -rf "$restored" "$work/a" "$work/b"
	mkdir "$work/a" "$work/b"
	run "$what-a" stock duplicity "$@" "${options[@]}"
	[ "$status" -eq "${wanted:=$status}" ] || { fail "stock: exit status $status of $what"; show "$logs/$what-a"; }
	[ ! -e "$restored" ] || mv "$restored" "$work/a"
	expect "$wanted" "$what-b" plugged duplicity "${@/#file:/stage+file:}" "${options[@]}"
	[ ! -e "$restored" ] || mv "$restored" "$work/b"
	nothing_left "$what"
	# what was not completed has the time of day; of a file there is as much as the interpreter had written
	[ "$wanted" -eq 0 ] || {
		find "$work/a" "$work/b" -type f -newermt "@$began" -exec truncate -s 0 {} +
		find "$work/a" "$work/b" ! -type l -exec touch -d @0 {} +
	}
	touch -d @0 "$work/a" "$work/b"
	same_tree "$work/a" "$work/b" "$what"
}

# says_same WHAT - so they do, but for what a traceback has of the ways that led there; and stock does not count a volume
# without a member, which a backup may happen to end with.
says_same() {
	told "$1-a" | grep -a -v -e '^  ' -e '^Processed volume ' >"$work/told-a"
	told "$1-b" | grep -a -v -e '^  ' -e '^Processed volume ' >"$work/told-b"
	diff -a "$work/told-a" "$work/told-b" | head -n 20 >&2
	cmp -s "$work/told-a" "$work/told-b" || fail "$1: they do not say the same"
}

backup() {
	expect 0 "$1" stock duplicity "$@" --volsize 1 --allow-source-mismatch "$source" "$url" "${options[@]}"
}

make_odd_tree() {
	local long

	make_tree "$source"
	long=$(printf 'x%.0s' {1..250})
	mkdir -p "$source/deep/$long/$long"
	echo deep >"$source/deep/$long/$long/$long"
	head -c 3500000 /dev/urandom >"$source/deep/large"
	head -c 65536 /dev/urandom >"$source/block"
	head -c 700000 /dev/urandom >"$source"/$'new\nline/large\xff'
	am_root || return
	chown 3000000:4000000 "$source/plain/numbers"
	chown daemon:mail "$source/block"
	mknod "$source/character" c 5 7 && mknod "$source/disk" b 7 300000 || skip_part 'devices cannot be made here'
}

# make_chain OPTION... - four backups, a hundred days after each other.
make_chain() {
	options=("$@" --num-retries 1)
	rm -rf "$source" "$target" "$XDG_CACHE_HOME/duplicity"
	mkdir "$target"
	make_odd_tree
	backup full --current-time 1600000000
	change_tree "$source"
	printf changed | dd of="$source/deep/large" bs=1 seek=70000 conv=notrunc status=none
	touch -d '2006-05-05 05:05:05' "$source/deep/large"
	backup incr --current-time 1610000000
	rm -r "$source/added" "$source/block" && echo 'no folder now' >"$source/added"
	head -c 2000000 /dev/urandom >>"$source/deep/large"
	touch -d '2007-05-05 05:05:05' "$source/deep/large"
	backup incr --current-time 1620000000
	backup incr --current-time 1630000000
	[ "$(find "$target" -name '*vol*' | wc -l)" -ge 8 ] || fail 'there are few volumes'
}

# at_times WHAT TIME... - all of what is in the chain, at the last and at others.
at_times() {
	local at

	for at in "${@:2}" 1630000000; do
		beside "$1-$at" 0 restore --time "$at" -v5 "$url" "$restored"
		says_same "$1-$at"
		says "$1-$at-b" 'Processed volume [2-9] of'
		[ "$at" -ne 1630000000 ] || same_tree "$source" "$work/b/restored" "$1"
		beside "$1-compare-$at" '' verify --compare-data --time "$at" -v5 "$url" "$source"
		says_same "$1-compare-$at"
	done
	says "$1-compare-1630000000-b" ' 0 difference(s|\(s\)) found'
}

make_chain $plain
at_times chain 1600000000 1610000000 1620000000
says chain-compare-1600000000-b '[1-9][0-9]* difference'
part=--path-to-restore
offers --path-to-restore || part=--file-to-restore
for path in deep/large plain/deep $'new\nline/large\xff' added script nowhere; do
	beside "part-${path%%/*}" '' restore "$part" "$path" -v5 "$url" "$restored"
	says_same "part-${path%%/*}"
	beside "past-${path%%/*}" '' restore "$part" "$path" --time 1600000000 -v4 "$url" "$restored"
done
beside numeric 0 restore --numeric-owner "$url" "$restored"
beside debug 0 restore -v9 "$url" "$restored"
for there in a b; do
	rm -rf "$work/there"
	mkdir "$work/there" && echo there >"$work/there/file"
	if [ $there = a ]; then
		learn existing stock duplicity restore "$url" "$work/there" "${options[@]}"
	else
		expect "$wanted" existing plugged duplicity restore "stage+$url" "$work/there" "${options[@]}"
	fi
done
note 'a chain, and parts of it'

# A volume that is damaged, though its hash is right, as one of a damaged source is.
volume=$(find "$target" -name 'duplicity-full*.vol2.difftar.gz')
cp -a "$target" "$work/whole"
cp -a "$XDG_CACHE_HOME" "$work/whole.cache"

# damage COMMAND... - of the second volume, and the hash becomes that of what COMMAND makes of it.
damage() {
	rm -rf "$target" "$XDG_CACHE_HOME"
	cp -a "$work/whole" "$target"
	cp -a "$work/whole.cache" "$XDG_CACHE_HOME"
	"$@" <"$volume" >"$work/damaged"
	cat "$work/damaged" >"$volume"
	find "$target" "$XDG_CACHE_HOME" -name 'duplicity-full*.manifest' -exec "$HOST_PYTHON" - "$volume" {} + <<-'END'
		import hashlib
		import re
		import sys

		with open(sys.argv[1], 'rb') as file:
		    found = hashlib.sha1(file.read()).hexdigest().encode()
		for name in sys.argv[2:]:
		    with open(name, 'rb') as file:
		        manifest = file.read()
		    with open(name, 'wb') as file:
		        file.write(re.sub(rb'(?s)(Volume 2:.*?Hash SHA1 )\w+', rb'\g<1>' + found, manifest, count=1))
	END
}

overwrite() {
	head -c 500000
	head -c 300 /dev/zero | tr '\0' '\377'
	tail -c +500301
}

no_gzip() {
	cat >/dev/null
	echo 'no gzip file'
}

# The host loses a file, or what is behind it, and may end with 0; here that is an error. It is left to do so with --ignore-errors.
for damaged in 'head -c 500000' 'head -c -5' overwrite no_gzip; do
	# shellcheck disable=SC2086
	damage $damaged
	for action in "restore $url $restored" "verify --compare-data $url $source" "verify $url $source"; do
		rm -rf "$restored"
		# shellcheck disable=SC2086
		expect 30 damaged plugged duplicity ${action/file:/stage+file:} "${options[@]}"
		says damaged 'is damaged: .*With --ignore-errors'
		nothing_left damaged
		# shellcheck disable=SC2086
		beside ignored '' $action --ignore-errors -v5
		says_same ignored
	done
done
rm -f "$target"/duplicity-full*.vol2.*
beside missing '' restore "$url" "$restored"
rm -rf "$target" "$XDG_CACHE_HOME"
cp -a "$work/whole" "$target"
cp -a "$work/whole.cache" "$XDG_CACHE_HOME"
echo more >>"$volume"
beside hash '' restore "$url" "$restored"
beside hash-ignored '' restore --ignore-errors -v5 "$url" "$restored"
says_same hash-ignored
note 'damage'

make_chain $plain --no-compression
at_times uncompressed
note 'without compression'

if ! command -v gpg >/dev/null; then
	skip_part 'encrypted volumes: needs gpg'
	finish
fi
export PASSPHRASE=secret
make_chain
at_times encrypted 1610000000
# of one backup: with more open, stock itself waits for ever behind this error
beside unsigned "" restore --time 1600000000 --sign-key 0123456789ABCDEF "$url" "$restored"
has unsigned-b "Volume was signed by key None, not CDEF"
note encrypted
finish
