# elsewhere.sh - what the host downloads and makes itself goes where there is room: restore, verify, a lost cache, in a first
# temp root that has less than a volume.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

needs_root 'a small temp root cannot be mounted without root'
mount -t tmpfs -o size=6M,mode=0700 stage-test "$root" || die 'cannot mount a tmpfs'
mounts+=("$root")
second=$work/second
mkdir "$second"
source=$work/source
url=file://$work/storage
mkdir "$source"
head -c 40000000 /dev/urandom >"$source/large"
for i in {1..300}; do
	echo "$i" >"$source/$i"
done
export PASSPHRASE=secret
both=("temp_root = $root" "temp_root = $second" 'avoid_tmpfs = no')
configure "${both[@]}"

for encryption in --no-encryption ''; do
	# shellcheck disable=SC2206 # none or one
	options=($encryption --volsize 15)
	rm -rf --one-file-system "$work/storage" "$XDG_CACHE_HOME/duplicity"
	expect 0 full plugged duplicity full "${options[@]}" "$source" "stage+$url"
	head -c 3000000 /dev/urandom | dd of="$source/large" seek=20 bs=1M conv=notrunc status=none
	touch -d '1 hour' "$source/large"
	expect 0 incremental plugged duplicity incremental "${options[@]}" "$source" "stage+$url"
	expect 0 restore plugged duplicity restore "${options[@]}" "stage+$url" "$work/restored"
	has restore "files that duplicity makes itself are made in the temp root $second"
	same_tree "$source" "$work/restored" 'what was restored by another root'
	rm -r "$work/restored"
	expect 0 verify plugged duplicity verify --compare-data "${options[@]}" "stage+$url" "$source"
	rm -r "$XDG_CACHE_HOME/duplicity"
	expect 0 again plugged duplicity incremental "${options[@]}" "$source" "stage+$url"
	TMPDIR=$second expect 0 verify stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
	nothing_left 'runs that used another root'
	is_empty "$second" 'runs that used another root'
	# a directory that has ended stays so
	expect 0 ended plugged "$HOST_PYTHON" -c 'from duplicity import tempdir
import os
from duplicity.backends import _stagedir
first = _stagedir.TemporaryDirectory()
first.mktemp()
child = os.fork()
if not child:
    first.dir()
    os._exit(0)
os.waitpid(child, 0)
first.cleanup()
assert first.dir() is None, first.dir()'
	nothing_left 'a directory that has ended'
	# there is no other one: duplicity looks before
	expect 35 alone plugged duplicity restore --tempdir "$root" "${options[@]}" "stage+$url" "$work/restored"
	has_not alone Traceback
	has alone 'Temp space has'
	rm -rf "$work/restored"
	nothing_left 'a restore that had no room'
	note "restore, verify, a lost cache: ${encryption:-encrypted}"
done
finish
