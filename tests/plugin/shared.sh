# shared.sh - temp roots where a lock says less than on a disk of one's own: one folder by two mounts of FUSE, each with
# locks of its own; and containers without a machine id, of which the next one has another host name.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

needs_root 'mounts and host names of its own need root'
need unshare util-linux
mkdir "$source"
head -c 8000000 /dev/urandom | split -b 1M - "$source/"
options=(--no-encryption --volsize 1)

# stage_in ROOT - the configuration file.
stage_in() {
	configure "temp_root = $1" 'avoid_tmpfs = no' 'retries = 2' 'backoff = 0'
}

# staging LOG [COMMAND...] - a run begins, by COMMAND, and has staged 4 volumes when this returns; the first of them hangs
# on its way.
staging() {
	local log=$1

	shift
	fresh_odd
	set_odd hang vol1.
	"$@" "$IN_TREE" duplicity full "${options[@]}" "$source" "stage+$url" >"$logs/$log" 2>&1 </dev/null &
	pid=$!
	wait_for 60 sealed 4 || die "a run does not stage 4 volumes: $(cat "$logs/$log")"
}

# kill_all PID - it, and what it has started.
kill_all() {
	local child

	for child in $(ps -o pid= --ppid "$1"); do
		kill_all "$child"
	done
	kill -KILL "$1" 2>/dev/null
}

# Two mounts of one folder.
mkdir "$work/one" "$work/two"
two=
if ! [ -c /dev/fuse ]; then
	skip_part 'one folder by two mounts: there is no /dev/fuse here'
else
	need bindfs bindfs
	if bindfs "$root" "$work/one" 2>"$logs/bindfs"; then
		mounts+=("$work/one")
		bindfs "$root" "$work/two" || die 'cannot mount a second time'
		mounts+=("$work/two")
		two=yes
	else
		skip_part "one folder by two mounts: bindfs cannot mount here: $(head -n 1 "$logs/bindfs")"
	fi
fi

# other_mount - what the other mount shows, and does not do, of a run in this one.
other_mount() {
	local before after

	before=$(find "$root" | sort)
	expect 0 status "$STAGEDIR" status "$work/two"
	says status "^unknown .* $work/two/stagedir-"
	run gc "$STAGEDIR" gc "$work/two"
	has gc 'no lock proves here that its run is gone'
	run flush "$STAGEDIR" flush
	after=$(find "$root" | sort)
	[ "$before" = "$after" ] || fail "by another mount, what a run has staged is removed: $(diff <(echo "$before") <(echo "$after"))"
}

if [ "$two" ]; then
	# a run lives in one of them
	stage_in "$work/one"
	staging live env
	has live 'do not prove whether a run lives'
	stage_in "$work/two"
	other_mount
	expect 1 adopt "$STAGEDIR" adopt "$(spools "$work/two")"
	has adopt 'no lock proves here that its run is gone: see to it that process'
	expect 1 held "$STAGEDIR" adopt --yes "$(spools "$work/one")"
	has held 'its run lives'
	# another backup, to another target, removes what dead runs left
	expect 0 beside plugged duplicity full "${options[@]}" "$source" "stage+file://$work/beside"
	unset_odd hang
	end "$pid"
	[ "$status" -eq 0 ] || {
		fail "a run that others see by another mount ends with $status"
		show "$logs/live"
	}
	is_empty "$root" 'runs by two mounts'
	expect 0 stock stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
	note 'a run is left alone by another mount'

	# one that was killed is nobody's, until the operator says so
	stage_in "$work/one"
	staging killed env
	kill_all "$pid"
	end "$pid"
	unset_odd hang
	stage_in "$work/two"
	other_mount
	spool=$(spools "$work/two")
	keep=$XDG_CACHE_HOME/duplicity
	cp -a "$keep" "$work/keep"
	expect 0 told plugged duplicity full "${options[@]}" "$source" "stage+$url"
	says told "4 volumes, [0-9]+ bytes, wait for $url in $spool and must stay there, as its file system has no locks"
	has told "\"stagedir adopt $spool\""
	[ "$(staged | sort -u | wc -l)" -ge 4 ] || fail 'what a killed run left is gone'
	rm -r "$keep" && mv "$work/keep" "$keep"
	rm -rf "$storage"
	expect 1 refused "$STAGEDIR" adopt "$spool"
	expect 0 dry "$STAGEDIR" adopt --dry-run --yes "$spool"
	has dry 'would be adopted'
	expect 1 refused "$STAGEDIR" adopt "$spool"
	expect 0 adopt "$STAGEDIR" adopt --yes "$spool"
	has adopt 'hands off what waits'
	expect 0 adopted plugged duplicity full "${options[@]}" "$source" "stage+$url"
	says adopted 'handing off the volume duplicity-full\.[0-9TZ]*\.vol4\.'
	expect 0 stock stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
	# the directory in which it made its volumes is no spool: it is adopted by its path, and gc removes it
	for directory in $(staging_dirs "$work/two"); do
		expect 0 adopt "$STAGEDIR" adopt --yes "$directory"
	done
	expect 0 gc "$STAGEDIR" gc
	is_empty "$root" 'a run that was killed, and gc'
	note 'what a killed run left is adopted by the operator'

	# one that ended in order says so itself, whether it gave up or was told to end
	stage_in "$work/one"
	fresh_odd
	set_odd down
	expect 50 down plugged duplicity full "${options[@]}" "$source" "stage+$url"
	unset_odd down
	stage_in "$work/two"
	expect 0 next plugged duplicity full "${options[@]}" "$source" "stage+$url"
	says next 'handing off the volume duplicity-full\.[0-9TZ]*\.vol1\.'
	is_empty "$root" 'a run that gave up, and the next one by another mount'
	expect 0 stock stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
	note 'what a run left that ended in order is handed off by the next'
fi

# container NAME COMMAND... - in one that has no machine id, of this host name.
container() {
	local name=$1 own=(--uts)

	shift
	[ ! -e /etc/machine-id ] || own+=(--mount)
	# shellcheck disable=SC2016 # of the inner shell
	unshare "${own[@]}" bash -c '
		hostname "$1" || exit
		! [ -e /etc/machine-id ] || mount --bind "$2" /etc/machine-id || exit
		shift 2
		exec "$@"' container "$name" "$work/no-id" "$@"
}

: >"$work/no-id"
if ! container first true 2>"$logs/container"; then
	skip_part "containers without a machine id: $(head -n 1 "$logs/container")"
	finish
fi
for id in '' uninitialized; do
	echo "$id" >"$work/no-id"
	rm -rf "${root:?}"/*
	stage_in "$root"
	staging first container "first$id"
	kill_all "$pid"
	end "$pid"
	unset_odd hang
	expect 0 status container "second$id" "$STAGEDIR" status
	says status '^staged '
	expect 0 second container "second$id" "$IN_TREE" duplicity full "${options[@]}" "$source" "stage+$url"
	says second 'handing off the volume duplicity-full\.[0-9TZ]*\.vol4\.'
	nothing_left 'a container that was killed, and the next one'
	expect 0 stock stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
done
note 'a container finds what another one left'

# what version 0.1.0 left has the host name of that one in its name
staging first container first
kill_all "$pid"
end "$pid"
unset_odd hang
spool=$(spools "$root")
old=$root/stagedir-0123456789abcdef-$(basename "$spool" | cut -d - -f 4-)
mv "$spool" "$old"
expect 0 told container second "$IN_TREE" duplicity full --dry-run "${options[@]}" "$source" "stage+$url"
expect 0 adopt container second "$STAGEDIR" adopt "$url"
expect 0 second container third "$IN_TREE" duplicity full "${options[@]}" "$source" "stage+$url"
says second 'handing off the volume duplicity-full\.[0-9TZ]*\.vol4\.'
nothing_left 'a container of version 0.1.0, and the next one'
note 'what version 0.1.0 left in a container is adopted'
finish
