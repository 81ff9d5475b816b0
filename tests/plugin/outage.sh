# outage.sh - storage that is down, fails, or stores something else: the run ends as the stock host does, and keeps
# what is staged.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

mkdir "$source"
head -c 8000000 /dev/urandom | split -b 1M - "$source/"
options=(--no-encryption --volsize 1)

# settings LINE... - the configuration file with these lines, too.
settings() {
	configure "temp_root = $root" 'avoid_tmpfs = no' "$@"
}

# last_error LOG - what a front end is told of the error that ends a run, without times, and without the name of the
# file, which the stock host leaves out where it is bytes. A volume that lacks its last byte is not as large by both:
# 0.8 says "NAME SIZE STORED", 3.0 "NAME: DATE TIME Remote filesize STORED for NAME does not match local size SIZE."
last_error() {
	sed -n '/^ERROR /,$p' "$logs/$1" |
		sed -E -e 's/[0-9]{8}T[0-9]{6}Z/TIME/g' -e '/^NOTICE /,$d' -e "s/^(ERROR [0-9]+ put) '.*/\1/" |
		awk '/^ERROR 44 / && $NF == $(NF - 1) - 1 { $(NF - 1) = "SIZE"; $NF = "SIZE-1" }
			/^ERROR 56 / && int($NF) == $8 + 1 { $NF = "SIZE."; $8 = "SIZE-1"; $4 = "DATE"; $5 = "TIME" }
			{ print }'
}

# as_stock WHAT - does a plugged run, with two attempts, end as the stock host does? How that ends an upload that failed for
# good is another thing in some versions: one status for all reasons (3.0.6), or one for each.
as_stock() {
	rm -rf --one-file-system "$storage" "$storage.log" "$XDG_CACHE_HOME/duplicity" "$logs"/*.file
	learn stock stock duplicity full "${options[@]}" --num-retries 2 --backend-retry-delay 0 \
		--log-file "$logs/stock.file" "$source" "$url"
	[ "$wanted" -ge 20 ] || fail "$1: the stock host ends with $wanted"
	rm -rf --one-file-system "$storage" "$storage.log" "$XDG_CACHE_HOME/duplicity"
	expect "$wanted" plugged plugged duplicity full "${options[@]}" --log-file "$logs/plugged.file" "$source" "stage+$url"
	[ "$(last_error plugged.file)" = "$(last_error stock.file)" ] || {
		fail "$1: the error is not as the stock host has it"
		diff <(last_error stock.file) <(last_error plugged.file) >&2
	}
	has_not plugged Traceback
	[ -z "$(stored)" ] || [ "$1" = short ] || fail "$1: stored is $(stored)"
}

# go_on WHAT - storage is well again, the next run completes the backup, which stock finds in order.
go_on() {
	unset_odd down fail short hang
	expect 0 next plugged duplicity full "${options[@]}" "$source" "stage+$url"
	nothing_left "the run after $1"
	expect 0 verify stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
	nothing_left "stock's verify after $1"
}

settings 'retries = 2' 'backoff = 0'
statuses=
for class in '' backend temporary fatal EACCES ENOENT ENOSPC; do
	set_odd down "$class"
	as_stock "storage is down (${class:-OSError})"
	says plugged 'volumes?, [0-9]+ bytes, stays? staged for odd:'
	have_staged 1 || fail "$class: nothing stays staged"
	rm -r "${root:?}"/*
	statuses="$statuses $status"
done
note "storage that is down for seven reasons ends a run with$statuses"
# how many attempts there are, and what is between them, is the host's unless the configuration tells
settings
set_odd down
rm -rf --one-file-system "$storage.log" "$XDG_CACHE_HOME/duplicity"
learn host.stock stock duplicity full "${options[@]}" --num-retries 3 --backend-retry-delay 0 "$source" "$url"
rm -rf --one-file-system "$storage.log" "$XDG_CACHE_HOME/duplicity"
expect "$wanted" host plugged duplicity full "${options[@]}" --num-retries 3 --backend-retry-delay 1 "$source" "stage+$url"
has host 'Giving up after 3 attempts. OSError: '
[ "$(puts | wc -l)" -eq 3 ] || fail "--num-retries 3: there were $(puts | wc -l) attempts"
rm -r "${root:?}"/*

# down for the whole run; the first attempt fails when as much was made as may be
settings 'retries = 2' 'backoff = 0'
fresh_odd
set_odd hang vol1.
start down plugged duplicity full "${options[@]}" "$source" "stage+$url"
wait_for 20 have_staged 4 || fail 'never are four volumes staged'
set_odd down
end "$pid"
[ "$status" -eq "$wanted" ] || fail "exit status $status instead of $wanted of a run whose storage is down"
[ "$(staged | wc -l)" -eq 4 ] || fail "$(staged | wc -l) volumes stay staged, and max_volumes is 4"
bytes=$(find "$root" -name 'staged-*' -printf '%s\n' | awk '{ sum += $1 } END { printf "%d", sum }')
has down "4 volumes, $bytes bytes, stay staged for $url: the next backup to it, or stagedir flush, hands them off"
rm "$storage.log"
go_on 'an outage'
has next 'Restarting after volume 3,'
for number in 1 2 3 4; do
	says next "handing off the volume duplicity-full\.[0-9TZ]*\.vol$number\.difftar\.gz that a dead run staged"
done
# the host makes the newest one again, always
sequence=$(puts | numbers)
[ "$sequence" = '1 2 3 4 4 5 6 7 8 9 ' ] || fail "the next run stores the volumes $sequence"
note "after an outage the next run stores the volumes $sequence"

# a moment's failure
settings 'retries = 2' 'backoff = 0'
fresh_odd
set_odd fail vol2.
expect 0 once plugged duplicity full "${options[@]}" "$source" "stage+$url"
has once 'fails once'
sequence=$(puts | numbers)
[ "$sequence" = '1 2 2 3 4 5 6 7 8 9 ' ] || fail "a put that fails once: the volumes $sequence are stored"
nothing_left 'a failure that was retried'
expect 0 verify stock duplicity verify --compare-data "${options[@]}" "$url" "$source"

# stored is not what was handed off; which the host, too, looks for some seconds before it believes it
fresh_odd
set_odd short vol2.
expect 0 short plugged duplicity full "${options[@]}" "$source" "stage+$url"
says short 'File duplicity-full\.[0-9TZ]*\.vol2\.difftar\.gz was corrupted during upload\.'
nothing_left 'a volume that was stored in part, and again'
expect 0 verify stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
settings 'retries = 1'
set_odd short
as_stock short
go_on 'volumes that are stored in part'
note 'a volume that is stored in part is found'

# storage may show a file a moment later: it is not stored again
settings 'retries = 1'
fresh_odd
set_odd late vol2.
expect 0 late plugged duplicity full "${options[@]}" "$source" "stage+$url"
sequence=$(puts | numbers)
[ "$sequence" = '1 2 3 4 5 6 7 8 9 ' ] || fail "storage that shows a volume late: the volumes $sequence are stored"
[ ! -e "$storage.control/late" ] || fail 'storage was not asked for the volume'

# a cleaner of temporary files takes a staged file: storage is not blamed, and not tried again
settings 'retries = 5' 'backoff = 60'
fresh_odd
set_odd hang vol1.
start taken plugged duplicity full "${options[@]}" "$source" "stage+$url"
wait_for 20 have_staged 4 || fail 'never are four volumes staged'
taken=$(staged | grep -e '-3$')
rm "$taken"
unset_odd hang
end "$pid"
[ "$status" -eq 50 ] || fail "without a staged file a run ends with $status instead of 50"
has_not taken Traceback
has taken "$taken"
has taken 'is gone: it cannot be handed off, and storage is not to blame'
[ "$(puts | grep -c vol3.)" -eq 0 ] || fail "what is gone was handed off $(puts | grep -c vol3.) times"
volumes=$(staged | wc -l)
says taken "^$volumes volumes?, [0-9]+ bytes, stays? staged for"
settings
go_on 'a cleaner of temporary files'
# it takes the volume that is made, before the host has looked at it
change_host "$work/cleaner" duplicity.path 'import glob, os' 'stock = module.DupPath.setdata' 'def clean(self):' \
	"    for name in glob.glob('$root/stagedir-*/mktemp-*'):" '        os.unlink(name)' \
	'    stock(self)' 'module.DupPath.setdata = clean'
expect 30 made env PYTHONPATH="$work/cleaner" "$IN_TREE" duplicity full "${options[@]}" "$source" "stage+file://$work/cleaned"
has_not made Traceback
says made "^cannot write $root/stagedir-[^ ]*/mktemp-[^ ]*: somebody has removed it"
expect 0 next plugged duplicity full "${options[@]}" "$source" "stage+file://$work/cleaned"
nothing_left 'the run after one whose volume was taken'
note 'what a cleaner takes is told'

# some backends move what they are given
settings
fresh_odd
set_odd moves
expect 0 moves plugged duplicity full "${options[@]}" "$source" "stage+$url"
nothing_left 'storage that moves what it is given'
expect 0 moves plugged duplicity incremental "${options[@]}" "$source" "stage+$url"
expect 0 verify stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
finish
