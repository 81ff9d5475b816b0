# hosts.sh check-hosts|check-host|bench-host DIST - the tests with other versions of the host than this machine's, each in a
# root of its own, which debootstrap makes. Run by the make targets of these names, as root. The folder DIST, what make
# distdir made, is built in the root, by its own tools, and tested or measured there.
#
#	make check-hosts		make check on this machine, then in each root its part (tests/Makemodule.am); then
#					mixed.sh, chains of all hosts
#	make check-host HOST=sid	all in this root; some are HOST='backports sid'; 'sid mixed' are chains of this one as well,
#					and mixed alone those of all
#	make bench-host HOST=debian13	measures in this root, of the same files as outside
#
#	TESTS			the tests to run in a root, instead of all that depend on the host; on make's command line
#	STAGE_HOSTS		where roots are kept between runs; /var/cache/stagedir by default
#	STAGE_HOSTS_JOBS	how many tests at once; one more than there are processors by default, as many of them wait
#	STAGE_TEST_ROUNDS	how often what is random is repeated; 2 by default, as the same is done outside as well
#	STAGE_HOSTS_UNTIL	check-hosts begins with no root later than this, in seconds since 1970, and says NOT TESTED of those
#				that are left; without it, all are tested
#	BENCHMARKS, RUNS	what to measure, and how often, as for `make bench`
#
# A root that was not made to its end is made anew; one that was not looked at for some days is upgraded, and made anew if
# that fails. The results of all tests are in the folder hosts of the build.
#
# sid moves. A version of the host that is not in $proved is tested, and its outcome is told, but with check-hosts it does
# not decide: its results are in hosts/unproved.
set -eu

# Versions with which stagedir is proved: all tests pass.
proved=$(sed -e '/^#/d' -e 's/ .*//' "$(dirname "$0")/../plugin/_stageproved.txt" | sort -uV | tr '\n' ' ')
# In the order in which they are tested.
all_hosts='debian13 backports sid'

die() {
	printf '%s: %s\n' "$what" "$*" >&2
	exit 1
}

note() {
	printf '%s (%s s): %s\n' "$what" "$SECONDS" "$*"
}

what=${1-} tests=${WANTED_TESTS-}
case $what in
check-hosts)
	hosts=$all_hosts
	# chains of all hosts are not asked for by the name of another test
	# shellcheck disable=SC2016 # it is make that replaces this
	[ "$tests" != '$(host_tests)' ] || hosts="$hosts mixed"
	;;
check-host)
	hosts=${HOST-}
	[ "$hosts" != mixed ] || hosts="$all_hosts mixed" tests=
	;;
bench-host) hosts=${HOST-} ;;
*) die 'allowed are check-hosts, check-host and bench-host' ;;
esac
[ -n "$hosts" ] || die "no HOST was named; allowed are $all_hosts, and mixed for tests, as in: make $what HOST=sid"
for host in $hosts; do
	case "$what:$host: $all_hosts " in
	check*:mixed:* | *:"$host":*" $host "*) ;;
	*) die "what is HOST=$host? allowed are $all_hosts, and mixed for tests" ;;
	esac
done
[ "$(id -u)" = 0 ] || die 'NOT TESTED: it takes root, for debootstrap, mount and chroot'
command -v debootstrap >/dev/null || die 'NOT TESTED: debootstrap is missing (apt-get install debootstrap)'
# Mounts and processes of their own: whatever ends this script, nothing stays mounted and nothing runs on.
if [ -z "${STAGE_HOSTS_INSIDE:-}" ]; then
	STAGE_HOSTS_INSIDE=yes exec unshare --mount --pid --fork --kill-child -- bash "$0" "$@"
fi
unset STAGE_HOSTS_INSIDE
trap 'exit 130' INT TERM HUP

dist=$(cd "$2" && pwd)
roots=${STAGE_HOSTS:-/var/cache/stagedir}
results=${builddir:?}/hosts
jobs=${STAGE_HOSTS_JOBS:-$(($(nproc) + 1))}
export STAGE_TEST_ROUNDS="${STAGE_TEST_ROUNDS:-2}"
. "$dist/tests/lib/roots.sh" || exit 1

# copy_source - DIST, to the folder src of the root, without what automake and autoconf made here.
copy_source() {
	rm -rf --one-file-system "$root/src" && cp -a "$dist" "$root/src" && chown -R 0:0 "$root/src" &&
		rm "$root/src/configure" "$root/src/Makefile.in"
}

# prepare - $root is complete, with the packages of bootstrap and the source. It is locked for as long as this script runs.
prepare() {
	open_root || return 1
	copy_source || return 1
	: >"$root/$begun"
	in_root /src/bootstrap packages "${what%-*}" || {
		note "the packages that bootstrap names cannot be installed in $root"
		return 1
	}
	in_root apt-get -qq clean
	rm "$root/$begun"
}

# is_proved VERSION
is_proved() {
	case " $proved " in
	*" $1 "*) return 0 ;;
	esac
	return 1
}

# collect STATUS - the results out of the root, to $to; a run that did not come to its results has failed.
collect() {
	mkdir -p "$to"
	(cd "$root/src/build/tests" && find . \( -name '*.log' -o -name '*.trs' \) -exec cp --parents -t "$to" {} +) || true
	[ "$1" = 0 ] || grep -q -r --include='*.trs' '^:test-result: FAIL' "$to" ||
		echo ':test-result: FAIL' >"$to/build.trs"
	# why something was not tested there
	find "$to" -name '*.log' -exec grep -a -h -i -E '^SKIP: |not tested' {} + | sort -u || true
}

# The list of tests that the root's own Makefile has, unless some were named.
check() {
	local status=0

	# shellcheck disable=SC2016 # it is make that replaces this
	if [ "$what:$1" = 'check-hosts:$(host_tests)' ]; then
		set -- "\$(${host}_tests)"
		note "$host: run is what hangs on duplicity, and a part of the rest; make check-host HOST=$host runs all"
	fi
	in_root /src/bootstrap check -j"$jobs" TESTS="$1" || status=$?
	collect $status
	if [ -z "$1" ] && [ $status = 0 ]; then
		note "$host, $named: built"
		return
	fi
	note "$host, $named: $([ $status = 0 ] && echo 'all passed' || echo FAILED): $(sh "$dist/tests/summary.sh" "$to")"
	return $status
}

# Of the same files as outside.
bench() {
	mkdir -p "$root/mnt/usr" && mount --bind /usr "$root/mnt/usr" && mount -o remount,bind,ro "$root/mnt/usr" || return 1
	note "measuring in $host, $named"
	in_root BENCH_ROOT=/mnt /src/bootstrap bench ${BENCHMARKS:+BENCHMARKS="$BENCHMARKS"}
}

# in_host - what is wanted of the root of $host. A root without a host is a failure, and not a version that was not proved.
in_host() {
	local version

	root=$roots/$host to=$results/$host
	if ! prepare || ! version=$(in_root python3 -c 'import duplicity; print(duplicity.__version__)'); then
		note "$host: NOT TESTED"
		mkdir -p "$to"
		echo ':test-result: FAIL' >"$to/root.trs"
		return 1
	fi
	named="duplicity $version, $(in_root python3 -V)"
	found="$found $version"
	if [ "$what" = bench-host ]; then
		bench
		return
	fi
	if is_proved "$version"; then
		built+=("$host=$root")
		check "$tests"
		return
	fi
	unproved+=("$host=$root")
	if [ "$what" = check-host ]; then
		note "$host has $named, which was not proved"
		check "$tests"
		return
	fi
	note "$host has $named, which was not proved: it is tested, and does not decide"
	to=$results/unproved/$host
	check "$tests" || true
}

# mixed FOLDER HOST=ROOT... - chains of this machine's host and of these, with its result in FOLDER.
mixed() {
	local to=$1 status=0

	shift
	mkdir -p "$to"
	note "chains of this machine and of $*"
	srcdir=$dist EXTENSION=$builddir/plugin/.libs/_stagedir.abi3.so bash "$dist/tests/mixed.sh" "$@" || status=$?
	echo ":test-result: $([ $status = 0 ] && echo PASS || echo FAIL)" >"$to/mixed.trs"
	return $status
}

# is_late - is the time over in which another root may be begun?
is_late() {
	[ "$what" = check-hosts ] && [ -n "${STAGE_HOSTS_UNTIL:-}" ] && [ "$(date +%s)" -gt "$STAGE_HOSTS_UNTIL" ]
}

rm -rf "$results"
built=() unproved=() status=0
found=$("$HOST_PYTHON" -c 'import duplicity; print(duplicity.__version__)')
for host in $hosts; do
	[ "$host" != mixed ] || continue
	if is_late; then
		note "$host: NOT TESTED, as there is no time left; make check-host HOST=$host tests it"
	else
		in_host || status=1
	fi
done
[ "$what" != bench-host ] || exit $status
case "$what: $hosts " in
"check-hosts: "*" mixed "*)
	[ ${#built[@]} = 0 ] || mixed "$results" "${built[@]}" || status=1
	[ ${#unproved[@]} = 0 ] || mixed "$results/unproved" ${built[@]+"${built[@]}"} "${unproved[@]}" || true
	;;
"check-host: "*" mixed "*) mixed "$results" ${built[@]+"${built[@]}"} ${unproved[@]+"${unproved[@]}"} || status=1 ;;
esac
[ "$what" != check-hosts ] || for version in $proved; do
	case " $found " in
	*" $version "*) ;;
	*) note "NOT TESTED: duplicity $version, which is proved, is neither on this machine nor in a root" ;;
	esac
done
[ ! -d "$results/unproved" ] || note "not proved, and not counted: $(sh "$dist/tests/summary.sh" "$results/unproved")"
[ "$what" = check-hosts ] && tests_here=$builddir/tests || tests_here=
note "$(sh "$dist/tests/summary.sh" ${tests_here:+"$tests_here"} "$results")"
exit $status
