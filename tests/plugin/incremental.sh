# incremental.sh - increments in which all kinds of changes meet, several in a chain: stock and plugin say the same, count the
# same, end alike, and make the same backup, whoever has made the ones before. So do verify and list-current-files at each
# point in time; what one wrote the other restores. Damaged signatures in the archive directory end a run.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

source=$work/source
at=1600000000
of_stock=$work/A of_plugged=$work/B # targets

# members TARGET KIND - of all volumes of KIND (full, inc).
members() {
	# shellcheck disable=SC2046 # names without blanks
	zcat $(find "$1" -name "duplicity-$2.*difftar.gz" | sort -V) >"$1.tar"
	[ ! -s "$1.tar" ] || "$HOST_PYTHON" "$srcdir/tests/lib/members.py" <"$1.tar"
}

# signed TARGET - the members of each signature file.
signed() {
	find "$1" -name 'duplicity-*sigtar.gz' | sort -V | while read -r file; do
		zcat "$file" | "$HOST_PYTHON" "$srcdir/tests/lib/members.py"
	done
}

# told LOG - what it says, without what depends on the time of day, on what is where, and on how well it is compressed.
told() {
	sed -E "s,stage\\+file,file,g; s,$work/[AB],TARGET,g; s,[0-9a-f]{32},HASH,g; /^(StartTime|EndTime|ElapsedTime|TotalDestinationSizeChange|Start|End) /d" \
		"$logs/$1" | grep -a -E "^([AMD] |Error |Warning|WARNING|Skipping|Difference|Verify|(Source|New|Deleted|Changed|Delta|RawDelta)[A-Za-z]* |Errors |[A-Z][a-z]{2} [A-Z][a-z]{2} )"
}

as=(env)
stock() {
	shift
	"${as[@]}" "$DUPLICITY" "$@"
}
plugged() {
	"${as[@]}" "$IN_TREE" "$@"
}

# both STATUS WHAT ACTION OPTION... - by stock with its target, with the plugin with the other. No STATUS: that of stock.
both() {
	local wanted=$1 what=$2

	shift 2
	run "$what-a" stock duplicity "$@" --no-encryption "${from[@]}" "file://$of_stock" "${to[@]}"
	[ "$status" -eq "${wanted:=$status}" ] || { fail "stock: exit status $status"; show "$logs/$what-a"; }
	expect "$wanted" "$what-b" plugged duplicity "$@" --no-encryption "${from[@]}" "stage+file://$of_plugged" "${to[@]}"
	diff -a <(told "$what-a") <(told "$what-b") >&2 || fail "$what: they do not say the same"
	has_not "$what-b" 'does not know'
}

# backup WHAT OPTION... - one of the source, a hundred days after the last.
backup() {
	local from=("$source") to=() what=$1

	shift
	both 0 "$what" incr --current-time "$at" -v5 "$@"
	at=$((at + 8640000))
	cmp <(members "$work/A" inc) <(members "$work/B" inc) || fail "$what: members differ"
	cmp <(signed "$work/A") <(signed "$work/B") || fail "$what: signatures differ"
}

# Names and kinds beside those of make_tree.
make_odder_tree() {
	local long

	make_tree "$source"
	long=$(printf 'x%.0s' {1..250})
	mkdir -p "$source/deep/$long/$long" "$source/a" "$source/a.b" "$source/a b"
	echo deep >"$source/deep/$long/$long/$long"
	echo 1 >"$source/a/file" && echo 2 >"$source/a.b/file" && echo 3 >"$source/a b/file" && echo 4 >"$source/ab"
	ln -s "$long" "$source/link-250"
	ln -s $'\xff\xfe/\xe4' "$source/link-bytes"
	for name in mode time type gone back moved linked other content; do
		echo "$name" >"$source/will-$name"
	done
	head -c 300000 /dev/urandom >"$source/will-grow"
	touch -d '1960-01-01 00:00:00 UTC' "$source/will-other"
	touch -d '1969-12-31 23:59:59.5 UTC' "$source/almost-1970"
	touch -d '2020-01-01 00:00:00.999999999 UTC' "$source/almost-2020"
	touch -d '2107-01-01 00:00:00.5 UTC' "$source/late"
	"$HOST_PYTHON" -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$source/socket"
	am_root || return
	chown 3000000:4000000 "$source/will-mode"
	chown daemon:mail "$source/will-time"
	mknod "$source/character" c 5 7 && mknod "$source/block" b 7 300000 || skip_part 'devices cannot be made here'
}

change_kinds() {
	chmod 0604 "$source/will-mode"
	touch -d '2005-05-05 05:05:05' "$source/will-time"
	rm "$source/will-type" && ln -s elsewhere "$source/will-type"
	rm "$source/will-gone" "$source/will-back"
	mv "$source/will-moved" "$source/was-moved"
	ln "$source/will-linked" "$source/linked-too"
	touch -d '1950-01-01 00:00:00 UTC' "$source/will-other"
	echo more >>"$source/will-content"
	touch -d '2006-05-05 05:05:05' "$source/will-content"
	printf changed | dd of="$source/will-grow" bs=1 seek=70000 conv=notrunc status=none
	touch -d '2007-05-05 05:05:05' "$source/will-grow"
	rm -r "$source/a" && echo 'no folder now' >"$source/a"
	am_root || return
	chown 1:2 "$source/will-linked"
	[ ! -e "$source/block" ] || { rm "$source/block" && mknod "$source/block" b 7 300001; }
}

make_odder_tree
mkdir "$work/A"
expect 0 full stock duplicity full --no-encryption --current-time $at "$source" "file://$work/A"
at=$((at + 8640000))
cp -a "$work/A" "$work/B"
backup unchanged
[ "$(told unchanged-b | grep -c '^SourceFiles')" -eq 1 ] || fail 'no statistics'
backup unlogged -v4
note 'unchanged'

change_tree "$source"
change_kinds
backup changed
echo back >"$source/will-back"
rm -r "$source/deep" && rm "$source/a" && mkdir "$source/a" && echo again >"$source/a/file"
backup back
told back-b | grep -q '^D deep' || fail 'nothing was deleted'
rm "$source/will-back" "$source/linked-too"
backup gone --numeric-owner
backup dry --dry-run
backup quiet -v2
touch "$source/will-content"
of_stock=$work/B of_plugged=$work/A
backup swapped
of_stock=$work/A of_plugged=$work/B
note 'increments'

# At each point in time; a source that is another by then differs.
points=$("$DUPLICITY" collection-status --no-encryption "file://$work/A" | sed -n -E 's/^ +(Full|Incremental) +(.*[0-9]{4}) +[0-9]+$/\2/p')
[ "$(printf '%s\n' "$points" | wc -l)" -ge 7 ] || fail "few points in time: $points"
while read -r point; do
	time=$(date -d "$point" +%s)
	from=() to=()
	both 0 list list-current-files --time "$time" -v5
	[ "$(told list-b | wc -l)" -gt 40 ] || fail "few are listed at $point"
	expect 0 restore-a plugged duplicity restore --no-encryption --time "$time" "file://$work/A" "$work/restored.a"
	expect 0 restore-b stock duplicity restore --no-encryption --time "$time" "file://$work/B" "$work/restored.b"
	same_tree "$work/restored.a" "$work/restored.b" "restored at $point"
	to=("$source")
	both '' verify verify --time "$time" -v5
	both '' compare verify --compare-data --time "$time" -v5
	rm -rf "$work/restored.a" "$work/restored.b"
done <<<"$points"
has compare-b 'Verify complete'
note 'points in time'

# Signatures that are damaged in the archive directory: cut, and with wrong bytes.
from=("$source") to=()
signatures=$(archive_of "file://$work/B")
cp -a "$signatures" "$work/whole"
for damage in 'truncate -s 2000' 'dd of=/dev/stdin' 'truncate -s -5'; do
	rm -rf "$signatures"
	cp -a "$work/whole" "$signatures"
	file=$(find "$signatures" -name '*full-sig*sigtar.gz')
	case $damage in
	dd*) head -c 300 /dev/zero | tr '\0' '\377' | dd of="$file" bs=1 seek=3000 conv=notrunc status=none ;;
	*) $damage "$file" ;;
	esac
	run damaged plugged duplicity incr --no-encryption --current-time "$at" "$source" "stage+file://$work/B"
	[ "$status" -eq 30 ] || fail "exit status $status for signatures with $damage"
	says damaged 'signatures.*(is damaged|Read error)'
	run damaged plugged duplicity list-current-files --no-encryption "stage+file://$work/B"
	[ "$status" -eq 30 ] || fail "exit status $status for a list of signatures with $damage"
done
rm -rf "$signatures"
expect 0 again plugged duplicity incr --no-encryption --current-time "$at" "$source" "stage+file://$work/B"
expect 0 verified stock duplicity verify --compare-data --no-encryption "file://$work/B" "$source"
note 'damage'

if am_root && command -v setpriv >/dev/null; then
	source=$work/closed
	mkdir -p "$source/folder" && echo in >"$source/folder/in" && echo mine >"$source/mine"
	rm -rf "$work/A" "$work/B"
	expect 0 full-a stock duplicity full --no-encryption --current-time "$at" "$source" "file://$work/A"
	at=$((at + 8640000))
	cp -a "$work/A" "$work/B"
	echo other >"$source/other"
	touch -d '2001-01-01' "$source/mine"
	chown -R 65534:65534 "$work"
	chmod 0 "$source/mine" "$source/other" "$source/folder"
	as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	backup closed --allow-source-mismatch
	says closed-b 'Errors [1-9]|Error accessing'
else
	skip_part 'files that cannot be read: needs root, and setpriv'
fi
finish
