# budget.sh - what may wait at most: with storage three times slower than making volumes is, max_staged is kept to the
# byte, max_volumes to the file; and what the two mean at their limits.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

mib=1048576
mkdir "$source"
head -c $((18 * mib)) /dev/urandom | base64 -w 0 | split -b 6M - "$source/"

# settings LINE... - the configuration file with these lines, too.
settings() {
	configure "temp_root = $root" 'avoid_tmpfs = no' "$@"
}

# back_up WHAT OPTION... - a full backup that must succeed, looked at all the time (see sample.py).
back_up() {
	local what=$1 sampler

	shift
	rm -rf --one-file-system "$storage" "$storage.log" "$XDG_CACHE_HOME/duplicity"
	"$HOST_PYTHON" "$srcdir/tests/lib/sample.py" "$root" "$work/samples" &
	sampler=$!
	expect 0 backup plugged duplicity full --no-encryption --volsize 1 "$@" "$source" "stage+$url"
	kill "$sampler"
	wait "$sampler"
	samples=0 most_bytes=0 most_staged=0 most_making=0
	# shellcheck source=/dev/null
	. "$work/samples"
	note "$what: at most $most_bytes bytes in $most_staged staged files and one that is made; $samples samples"
	[ "$samples" -ge 100 ] || fail "$what: only $samples samples, nothing is proved"
	nothing_left "$what"
	in_order >"$work/order" 2>&1 || fail "$what: $(cat "$work/order")"
	expect 0 verify stock duplicity verify --no-encryption --compare-data "$url" "$source"
}

# how fast are volumes made?
mkdir "$work/empty"
expect 0 idle stock duplicity full --no-encryption "$work/empty" "$url"
fresh_odd
before=$(milliseconds)
expect 0 idle stock duplicity full --no-encryption "$work/empty" "$url"
idle=$(($(milliseconds) - before))
fresh_odd
before=$(milliseconds)
expect 0 stock stock duplicity full --no-encryption --volsize 1 "$source" "$url"
making=$(($(milliseconds) - before - idle))
rate=$((18 * mib * 1000 / making / 3))
note "18 MiB of volumes are made in $making ms; storage takes three times as long"

# how large are those of the plugin?
fresh_odd
expect 0 sizes plugged duplicity full --no-encryption --volsize 1 "$source" "stage+$url"

# A volume that is to be made counts as 1 MiB and 256 KiB. Is there room for it while two others wait?
volume=$((mib + 256 * 1024))
find "$storage" -name 'duplicity*.vol*' -printf '%f %s\n' | sort -V |
	awk '{ if (NR > 1) print last + $2; last = $2 }' | sort -n >"$work/pairs"
set_odd rate "$rate"
budget=$(($(tail -n 1 "$work/pairs") + volume))
settings "max_staged = $budget" 'max_volumes = 100'
back_up "max_staged = $budget"
[ "$most_staged" -eq 3 ] || fail "$most_staged volumes are staged, and there is room for two and one that is made"
[ "$most_bytes" -le "$budget" ] || fail "$most_bytes bytes are staged, and $budget may be"
# the last two are a pair that is shorter
budget=$(($(sed -n 2p "$work/pairs") + volume - 1))
settings "max_staged = $budget" 'max_volumes = 100'
back_up "max_staged = $budget"
[ "$most_staged" -eq 2 ] || fail "$most_staged volumes are staged, and there is no room for a third by one byte"
[ "$most_bytes" -le "$budget" ] || fail "$most_bytes bytes are staged, and $budget may be"

settings 'max_volumes = 3'
back_up 'max_volumes = 3'
[ "$most_staged" -eq 3 ] || fail "$most_staged volumes wait, and max_volumes is 3"

settings
back_up 'the defaults'
[ "$most_staged" -eq 4 ] || fail "$most_staged volumes wait, and max_volumes is 4 by default"

set_odd rate "$((rate * 3))"

settings 'max_volumes = 1'
back_up 'max_volumes = 1' --asynchronous-upload
[ "$most_staged" -eq 1 ] || fail "$most_staged volumes wait, and max_volumes is 1"
[ "$most_making" -eq 0 ] || fail "$most_making bytes are made of a volume while another is handed off, with max_volumes = 1"
says backup 'stagedir stages volumes ahead in the place of what async_concurrency = 1 asks for'

settings 'stage_ahead = no'
back_up 'stage_ahead = no' --asynchronous-upload
says backup 'stagedir does without what async_concurrency = 1 asks for'
[ "$most_staged" -eq 0 ] || fail "$most_staged volumes are staged with stage_ahead = no"

# not even one volume
unset_odd rate
fresh_odd
settings "max_staged = $((volume - 1))"
expect 23 small plugged duplicity full --no-encryption --volsize 1 "$source" "stage+$url"
has small "max_staged is $((volume - 1)) bytes"
has small "may need $volume"
has_not small Traceback
nothing_left 'a run with too small a budget'
[ -z "$(stored)" ] || fail "with too small a budget volumes were stored: $(stored)"
settings "max_staged = $volume"
back_up 'room for one volume'
[ "$most_staged" -le 1 ] || fail "$most_staged volumes are staged, and there is room for one"
finish
