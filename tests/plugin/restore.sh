# restore.sh - trees that are restored by stock and with the plugin, from the same backup: the same files, the same lines of the
# log, the same end. Also as another user, without owners, with errors that are ignored, a part of a tree, a single file, to a
# full disk, to what is there already; while another user swaps folders for links; and killed half-way.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

source=$work/source
target=$work/target
other=65534
# others must come as far as to what they restore
chmod 0711 "$work"

# told LOG - what it says of a restore: in order what is written, then, as a set, what has failed.
told() {
	sed -E "s,$out_a|$out_b,OUT,g; s,^ OSError,OSError," "$logs/$1" >"$logs/$1.told"
	grep -a -E '^(Writing|Making|Deleting OUT|Deleting tree OUT) ?' "$logs/$1.told"
	grep -a -E '^(Error |Skipping |IGNORED_ERROR|Warning|WARNING|OSError)|not found in archive|already exists' "$logs/$1.told" | sort -u
}

# listed DIR - as list_tree, where what has the time of this run has NOW.
began=$(date +%s)
listed() {
	list_tree "$1" | sed -z -E "s/^([^ ]+ [^ ]+ [^ ]+) (${began:0:6}|$(date +%s | cut -c 1-6))[0-9]{4} /\\1 NOW /" | sort -z | tr '\n\0' '\1\n'
}

as=(env)
stock_as() {
	shift
	"${as[@]}" "$DUPLICITY" "$@"
}
plugged_as() {
	"${as[@]}" "$IN_TREE" "$@"
}

out_a=$work/out-a out_b=$work/out-b

# both WHAT OPTION... - a restore by stock, and one with the plugin, to $out_a and $out_b; what they say and how they end is the same.
both() {
	local what=$1

	shift
	learn "$what-a" stock_as duplicity restore --no-encryption "$@" "file://$target" "$out_a"
	expect "$wanted" "$what-b" plugged_as duplicity restore --no-encryption "$@" "stage+file://$target" "$out_b"
	diff -a <(told "$what-a") <(told "$what-b") >&2 || fail "$what: they do not say the same"
}

# restored WHAT OPTION... - the same, and the trees are.
restored() {
	both "$@"
	same_tree "$out_a" "$out_b" "$1"
	rm -rf "$out_a" "$out_b"
}

long=$(printf 'x%.0s' {1..250})
make_tree "$source"
mkdir -p "$source/deep/$long/$long/$long/$long" "$source/a" "$source/a.b" "$source/many"
echo deep >"$source/deep/$long/$long/$long/$long/$long"
for size in 1 65535 65536 65537 262143 262144 262145 3000000; do
	head -c $size /dev/urandom >"$source/size-$size"
done
(cd "$source/many" && seq -f 'file-%g' 2000 | xargs touch)
ln -s "$(printf 'y/%.0s' {1..2000})y" "$source/link-4001"
touch -d '2107-01-01 00:00:00.5 UTC' "$source/size-1"
if am_root; then
	chown 3000000:4000000 "$source/size-1"
	chown 4294967294:4294967294 "$source/many/file-7"
	{ mknod "$source/character" c 5 7 && mknod "$source/block" b 259 1048575; } || skip_part 'devices cannot be made here'
fi
expect 0 full stock duplicity full --no-encryption --volsize 1 --current-time 1600000000 "$source" "file://$target"
change_tree "$source"
printf changed | dd of="$source/size-3000000" bs=1 seek=1000 conv=notrunc status=none
touch -d '2004-04-04 04:04:04' "$source/size-3000000"
expect 0 incr stock duplicity incr --no-encryption --volsize 1 --current-time 1600100000 "$source" "file://$target"
chmod -R a+rX "$target"
note 'the backup is made'

restored last -v5
has last-b 'Writing many/file-7 of type reg'
restored quiet
restored first -v5 --time 1600000000
restored debug -v9
mkdir "$out_a" "$out_b"
restored empty -v5
part=--path-to-restore
offers $part || part=--file-to-restore
restored folder -v5 $part plain/deep
both file -v5 $part plain/numbers
cmp "$out_a" "$out_b" || fail 'a file differs'
rm "$out_a" "$out_b"
both nothing -v5 $part nowhere
owners=--no-restore-ownership
offers $owners || owners=--do-not-restore-ownership
restored owners -v5 $owners
restored numeric -v5 --numeric-owner
restored rename -v5 --rename plain renamed
# with the umask of whoever restores, in a folder that hands its group on
(umask 027 && mkdir "$work/group")
chmod 2750 "$work/group"
out_a=$work/group/a out_b=$work/group/b
(umask 077 && restored umask -v5 && [ "$failures" = 0 ]) || fail 'with another umask'
out_a=$work/out-a out_b=$work/out-b
note 'restored'

# It is not stock that writes.
change_host "$work/site" duplicity.lazy 'import os' 'def refuse(*arguments):' "    raise AssertionError('by the host')" \
	'os.mkfifo = refuse'
expect 30 by-stock env PYTHONPATH="$work/site" "$DUPLICITY" restore --no-encryption "file://$target" "$out_a"
expect 0 by-us env PYTHONPATH="$work/site" "$IN_TREE" duplicity restore --no-encryption "stage+file://$target" "$out_b"
rm -rf "$out_a" "$out_b"

# Paths that no backup has.
mkdir "$work/odd"
expect 0 odd plugged "$HOST_PYTHON" "$srcdir/tests/plugin/restore.py" "$work/odd"
# options that select what is restored, in hosts that have them for that
both select -v5 --include '**deep' --exclude '**'
[ ! -d "$out_a" ] || same_tree "$out_a" "$out_b" selected
rm -rf "$out_a" "$out_b"
note 'odd paths'

# What is there already.
for kind in file full link; do
	for out in "$out_a" "$out_b"; do
		case $kind in
		file) echo old >"$out" ;;
		full) mkdir "$out" && echo old >"$out/old" && echo old >"$out/script" ;;
		link) mkdir "$out.to" && ln -s "$out.to" "$out" ;;
		esac
	done
	both "there-$kind" -v5
	both "force-$kind" -v5 --force
	case $kind in
	file) diff -r "$out_a" "$out_b" || fail 'over a file' ;;
	full) same_tree "$out_a" "$out_b" 'over a full folder' ;;
	link) same_tree "$out_a.to" "$out_b.to" 'behind a link' ;;
	esac
	rm -rf "$out_a" "$out_b" "$out_a.to" "$out_b.to"
done
note 'what is there already'

if am_root && command -v setpriv >/dev/null; then
	mkdir -m 0700 "$work/others" "$work/others/root"
	printf '%s\n' "temp_root = $work/others/root" 'avoid_tmpfs = no' >"$work/others/stagedir.conf"
	chown -R $other:$other "$work/others"
	as=(setpriv "--reuid=$other" "--regid=$other" --clear-groups env "HOME=$work/others" "XDG_CACHE_HOME=$work/others"
		"TMPDIR=$work/others/root" "STAGEDIR_CONFIG=$work/others/stagedir.conf")
	out_a=$work/others/out-a out_b=$work/others/out-b
	for option in -v5 --ignore-errors; do
		both "other$option" -v5 $option
		diff -a <(listed "$out_a") <(listed "$out_b") >&2 || fail "other $option: the trees differ"
		rm -rf "$out_a" "$out_b"
	done
	says other-v5-b 'Error .*Operation not permitted'
	restored other-owners -v5 $owners
	mkdir "$work/others/odd" && chown $other "$work/others/odd"
	expect 0 other-odd "${as[@]}" "$IN_TREE" "$HOST_PYTHON" "$srcdir/tests/plugin/restore.py" "$work/others/odd"
	out_a=$work/closed/out-a out_b=$work/closed/out-b
	mkdir -m 0755 "$work/closed"
	both other-closed -v5
	as=(env)
	out_a=$work/out-a out_b=$work/out-b
else
	skip_part 'a restore by another user: needs root, and setpriv'
fi
note 'as another user'

if am_root; then
	for letter in a b; do
		mkdir "$work/small-$letter" && mount -t tmpfs -o size=3m tmpfs "$work/small-$letter" || die 'no tmpfs'
		mounts+=("$work/small-$letter")
	done
	out_a=$work/small-a/out out_b=$work/small-b/out
	both full-disk
	[ "$wanted" -ne 0 ] || fail 'there is no full disk'
	has full-disk-b 'No space left on device'
	# what stock had written when it ended is there, and nothing else
	rm -rf "$work/small-a/out" "$work/small-b/out"
	out_a=$work/out-a out_b=$work/out-b
else
	skip_part 'a full disk: needs root'
fi
note 'a full disk'

# frozen - is the run somewhere in the middle?
frozen() {
	[ -e "$out_b/plain" ] || ! kill -0 "$pid" 2>/dev/null
}

# Killed: what is there is part of the tree, and no file has another name.
names() {
	(cd "$1" && find . -print0 | sort -z)
}
start killed plugged duplicity restore --no-encryption "stage+file://$target" "$out_b"
wait_for 20 frozen
kill -KILL "$pid"
end "$pid"
expect 0 whole stock duplicity restore --no-encryption "file://$target" "$out_a"
[ -z "$(LC_ALL=C comm -z -13 <(names "$out_a") <(names "$out_b") | tr '\0' '\n')" ] || fail 'killed: something else is left'
[ -z "$(find "$out_b" -user 0 -type f -newermt '-1 hour' -perm /077 ! -perm 0644 2>/dev/null)" ] || fail 'killed: open to others'
expect 0 after plugged duplicity collection-status --no-encryption "stage+file://$target"
rm -rf "$out_a" "$out_b"
note killed

# Another user has a folder into which root restores, and swaps what appears there for a link.
if am_root && command -v setpriv >/dev/null; then
	mkdir -m 0777 "$work/his" "$work/outside"
	mkdir -m 0755 "$out_b"
	chown $other "$out_b"
	for round in {1..5}; do
		setpriv "--reuid=$other" "--regid=$other" --clear-groups "$HOST_PYTHON" - "$out_b" "$work/outside" <<-'END' &
			import os
			import sys

			folder, outside = map(os.fsencode, sys.argv[1:])
			os.chdir(folder)
			while os.path.isdir(folder):
			    for name in os.listdir(b'.'):
			        try:
			            if os.lstat(name).st_uid == 0 and not name.startswith(b'aside'):
			                os.rename(name, b'aside-' + os.urandom(8).hex().encode())
			                os.symlink(outside, name)
			        except OSError:
			            pass
		END
		attacker=$!
		run attacked plugged duplicity restore --no-encryption "stage+file://$target" "$out_b"
		kill "$attacker"
		end "$attacker"
		[ -n "$(find "$out_b" -name 'aside-*' -print -quit)" ] || note "round $round: the attacker was too slow"
		is_empty "$work/outside" 'a restore that was attacked'
		[ -z "$(find "$work/outside" -maxdepth 0 ! -user 0)" ] || fail 'the owner of a folder outside was changed'
		find "$out_b" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
		chown $other "$out_b"
	done
	note 'under attack'
else
	skip_part 'an attack by another user: needs root, and setpriv'
fi
finish
