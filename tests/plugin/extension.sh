# extension.sh - the extension module used as the host does not: no call crashes, in whatever state an object is, and a
# temp root that is replaced after it was vetted is not used.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

# extension PART ARGUMENT
extension() {
	note "$1 $2"
	expect 0 "$1" plugged "$HOST_PYTHON" "$srcdir/tests/plugin/extension.py" "$1" "$2"
}

for class in TemporaryDirectory Staging Deltas DeltaTarBlockIter Form Pipe FetchAhead; do
	extension unopened "$class"
	nothing_left "$class"
done

mkdir "$work/helpers"
extension helpers "$work/helpers"

mkdir "$work/guard"
extension guard "$work/guard"

mkdir "$work/resumed"
extension resumed "$work/resumed"
nothing_left 'volumes that were handed off while a list changed'

extension reasons -

note 'two threads fork at once'
extension forks -

mkdir "$work/tempdir"
extension tempdir "$work/tempdir"
is_empty "$work/tempdir/relative" 'a relative --tempdir'

memory=$(mktemp -d /dev/shm/stage-extension.XXXXXX) || die 'nothing can be made in /dev/shm'
if [ "$(stat -c %d "$memory")" = "$(stat -c %d "$root")" ]; then
	skip_part 'no second file system is at hand for a further temp root'
else
	mkdir "$memory/further"
	configure "temp_root = $root" "temp_root = $memory/further" 'avoid_tmpfs = no'
	extension further "$memory/further"
	is_empty "$memory/further" 'a further root'
	extension swapped "$memory"
fi
rm -rf --one-file-system "$memory"
finish
