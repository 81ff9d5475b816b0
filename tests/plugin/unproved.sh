# unproved.sh - a host that stagedir was not proved with, or that is not as it was proved: one line names what differs, and
# the backup, killed and continued too, is made as the stock host makes it.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

overlay=$(dirname "$IN_TREE")/overlay/duplicity
options=(--no-encryption --volsize 1)
mkdir "$source"
head -c 6000000 /dev/urandom | split -b 1M - "$source/"

# copy_host - a copy of the host with the plugin, in $work/host, to be changed.
copy_host() {
	rm -rf "$work/host"
	mkdir "$work/host"
	cp -rL "$overlay" "$work/host/duplicity"
	find "$work/host" -name __pycache__ -prune -exec rm -r {} +
}

# change MODULE OLD NEW - replaces a text in a module of the copy, once.
change() {
	"$HOST_PYTHON" - "$work/host/duplicity/$1.py" "$2" "$3" <<-'END' || die "$1 has no \"$2\""
		import sys
		path, old, new = sys.argv[1:]
		text = open(path).read()
		if old not in text:
		    sys.exit(1)
		open(path, 'w').write(text.replace(old, new, 1))
	END
}

# a run with the copy, as `plugged` and `stock` are
copied() {
	env PYTHONPATH="$work/host:$PYTHONPATH" "$@"
}

off='off are staging ahead, hand-off and mending'

# noticed WHAT NAME - is the change named, once, and is nothing staged?
noticed() {
	fresh_odd
	expect 0 noticed copied "$DUPLICITY" full -v5 "${options[@]}" "$source" "stage+$url"
	says noticed "duplicity [0-9.]+ is not as it was proved with stagedir: $2 differs. .*$off"
	[ "$(grep -c "$off" "$logs/noticed")" -eq 1 ] || fail "$1: it is said more than once"
	has_not noticed 'Handing off'
	has noticed "Using temporary directory $root/stagedir-"
	nothing_left "$1"
	expect 0 verify stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
}

copy_host
fresh_odd
expect 0 proved copied "$DUPLICITY" full -v5 "${options[@]}" "$source" "stage+$url"
has proved 'Handing off'
has_not proved "$off"

change gpg 'blocksize = 256' 'blocksize = 128'
noticed 'a constant' gpg

copy_host
change dup_main 'sig_outfp.to_partial()' 'sig_outfp.flush(); sig_outfp.to_partial()'
noticed 'the order of calls' 'dup_main\.write_multivol'

copy_host
change dup_temp 'partname=None' 'partname=b""'
noticed 'a default' 'dup_temp\.FileobjHooked\.__init__'

# what another program has replaced in memory
change_host "$work/memory" duplicity.gpg 'stock = module.get_hash' \
	'module.get_hash = lambda hash, path, hex=1: stock(hash, path, hex)'
fresh_odd
expect 0 memory env PYTHONPATH="$work/memory:$PYTHONPATH" "$IN_TREE" duplicity full "${options[@]}" "$source" \
	"stage+file://$work/memory-target"
has memory 'gpg.get_hash differs'
nothing_left 'a host that was replaced in memory'
note 'a constant, the order of calls, a default, a function in memory: each is named'

# a comment or a text of its own that differs is none of ours
copy_host
echo '# a comment' >>"$work/host/duplicity/dup_main.py"
fresh_odd
expect 0 comment copied "$DUPLICITY" full -v5 "${options[@]}" "$source" "stage+$url"
has comment 'Handing off'
has_not comment "$off"

# another version: the same code, which nobody has proved
copy_host
change __init__ "$("$HOST_PYTHON" -c 'import duplicity; print(duplicity.__version__)')" 3.9
for targets in 'stage+' '*'; do
	configure "temp_root = $root" 'avoid_tmpfs = no' "targets = $targets"
	to=$url
	[ "$targets" = '*' ] || to=stage+$url
	fresh_odd
	set_odd rate 2000000
	(PYTHONPATH=$work/host:$PYTHONPATH exec "$DUPLICITY" full "${options[@]}" "$source" "$to") >"$logs/killed" 2>&1 \
		</dev/null &
	pid=$!
	wait_for 120 have_logged 'put duplicity-full' && wait_for 120 eval '[ "$(stored | wc -w)" -ge 3 ]' ||
		fail "$to: never are three volumes stored"
	kill -KILL "$pid"
	end "$pid"
	unset_odd rate
	before=$(stored | wc -w)
	expect 0 continued copied "$DUPLICITY" full "${options[@]}" "$source" "$to"
	has continued 'duplicity 3.9 was not proved with stagedir, as 0.8.22, '
	[ "$(grep -c "$off" "$logs/continued")" -eq 1 ] || fail 'it is said more than once'
	says continued "Restarting after volume $((before - 1)),"
	is_empty "$root" 'a killed and continued backup of an unproved host'
	expect 0 verify stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
done
configure "temp_root = $root" 'avoid_tmpfs = no'
note 'another version: the notice, and a killed and continued backup as of stock'

# what a proved host has staged waits for one, and is told of
fresh_odd
set_odd down
run staged plugged duplicity full "${options[@]}" --num-retries 1 "$source" "stage+$url"
have_staged 1 || fail 'nothing stays staged'
count=$(staged | wc -l)
expect 0 unproved copied "$DUPLICITY" collection-status "${options[@]}" "stage+$url"
has unproved 'volumes that dead runs staged wait in the temp roots'
[ "$(staged | wc -l)" -eq "$count" ] || fail 'an unproved host removes what is staged'
unset_odd down
expect 0 proved plugged duplicity full "${options[@]}" "$source" "stage+$url"
nothing_left 'the run of a proved host behind it'

# duplicity 4, whose modules are others
copy_host
for name in file_naming util tempdir; do
	mv "$work/host/duplicity/$name.py" "$work/host/duplicity/other_$name.py"
done
echo "__version__ = '4.0.0.dev1'" >"$work/host/duplicity/__init__.py"
expect 1 four env PYTHONPATH="$work/host" "$HOST_PYTHON" -c 'from duplicity.backends import stagebackend'
says four '^stagedir does nothing in duplicity 4\.0\.0\.dev1, which it does not know'
[ "$(grep -c '^stagedir' "$logs/four")" -eq 1 ] || fail 'it is said more than once'

# a module that is imported only where it is needed, and is not there: a plain URL gets what stock gives it
configure "temp_root = $root" 'avoid_tmpfs = no' 'targets = *'
for missing in _stageguard _stagerepair; do
	copy_host
	rm "$work/host/duplicity/backends/$missing.py"
	change gpg 'blocksize = 256' 'blocksize = 128'
	fresh_odd
	expect 0 missing copied "$DUPLICITY" full "${options[@]}" "$source" "$url"
	says missing "^stagedir does nothing in duplicity .* not installed completely: .*$missing"
	expect 0 verify stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
done
finish
