# powerloss.sh - the power is lost at any moment of a backup, just before or just after one of its syncs: of the temp
# root and the archive directory there is only what was synced. The next run completes the backup, and makes no volume
# again of which a record was synced but the newest. What is in storage is there, as that is another machine.
#
# STAGE_TEST_ROUNDS=all for every sync of a run; STAGE_TEST_SEED=N repeats the choices of another run.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/standing.sh" || exit 1

library=$(library powerloss) || exit 1
seed=${STAGE_TEST_SEED:-$RANDOM}
RANDOM=$seed
note "seed $seed"

source=$work/source
target=$work/target
url=odd://$target
archive=$(archive_of "$url")
shadow=$work/shadow
export PYTHONPATH=$srcdir/tests/lib/site
options=(--volsize 1 --no-encryption)
mkdir "$source"
for i in {1..6}; do
	head -c 1000000 /dev/urandom >"$source/file-$i"
done

# cut SYNC AFTER - a backup during which the power is lost, see powerloss.c; 0: when it is over.
cut() {
	rm -rf "$shadow"
	mkdir -p "$shadow/files" "$shadow/dirs"
	export POWERLOSS=$shadow POWERLOSS_ROOTS=$root:$archive POWERLOSS_AT=$1 LD_PRELOAD=$library
	[ -z "$2" ] || export POWERLOSS_AFTER=yes
	start cut plugged duplicity "${options[@]}" "$source" "stage+$url"
	unset POWERLOSS POWERLOSS_ROOTS POWERLOSS_AT POWERLOSS_AFTER LD_PRELOAD
	end "$pid"
	[ "$status" -eq 0 ] || [ "$status" -eq 137 ] || { fail "$what: exit status $status"; show "$logs/cut"; }
}

# come_back VARIANT - the machine is started, with what its disk has.
come_back() {
	POWERLOSS_SEED=$RANDOM "$HOST_PYTHON" "$srcdir/tests/lib/powerloss.py" "$1" "$shadow" "$root" "$archive" ||
		die 'powerloss.py failed'
	stand "$what"
	what="$what, $1: $state, $highest stored or staged, $staged staged"
	[ "$staged" -eq 0 ] || resumes=$((resumes + 1))
}

# recover SYNC AFTER VARIANT - from a power loss then; now and then from another one in the run that recovers.
recover() {
	local failed=$failures

	rm -rf --one-file-system "$target" "$target.log" "$XDG_CACHE_HOME/duplicity"
	# whether the disk has an archive directory that was never used before is up to the host
	mkdir -p "$archive"
	rounds=$((rounds + 1))
	what="${2:-before} sync $1 of $total"
	cut "$1" "$2"
	come_back "$3"
	if [ $((RANDOM % 3)) -eq 0 ]; then
		cut $((1 + RANDOM % total)) ''
		goes_on cut "$what"
		come_back "$3"
	fi
	expect 0 recovered plugged duplicity "${options[@]}" "$source" "stage+$url"
	goes_on recovered "$what"
	in_order "$what" "${options[@]}"
	[ "$failures" -eq "$failed" ] || {
		echo "$what" >&2
		[ -z "${STAGE_TEST_KEEP:-}" ] || cp -a "$logs" "$work/logs-$rounds"
	}
}

what='an undisturbed run' rounds=0 resumes=0
mkdir -p "$archive" "$target.control"
echo 8000000 >"$target.control/rate"
cut 0 ''
total=$(cat "$shadow/count")
note "a run has $total syncs"
[ "$total" -ge 20 ] || die 'that is not what a run has'

variants=(strict empty zero mixed)
if [ "${STAGE_TEST_ROUNDS:-}" = all ]; then
	for variant in "${variants[@]}"; do
		for ((sync = 1; sync <= total; sync++)); do
			recover "$sync" '' "$variant"
			recover "$sync" after "$variant"
		done
		recover 0 '' "$variant"
	done
else
	for round in {0..9}; do
		moment=
		[ $((RANDOM % 2)) -eq 0 ] || moment=after
		recover $((1 + round * total / 10 + RANDOM % (total / 10))) "$moment" "${variants[round % 4]}"
	done
	recover 0 '' strict
fi
note "the power was lost in $rounds backups; something was staged $resumes times"
[ "$resumes" -ge $((rounds / 2)) ] || fail 'that is too little to prove anything'
finish
