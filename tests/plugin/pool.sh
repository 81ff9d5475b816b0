# pool.sh - the host's own asynchrony beside the plugin: --asynchronous-upload of 0.8, --concurrency of 3.0, which has
# processes of its own put volumes. No volume passes the plugin by, in such a process the plugin does nothing, and
# what cannot be handed to one is left out.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

mkdir "$source"
head -c 4000000 /dev/urandom | split -b 1M - "$source/"
options=(--no-encryption --volsize 1)
if offers --concurrency; then
	asynchrony=(--concurrency 2) option=concurrency
else
	asynchrony=(--asynchronous-upload) option=async_concurrency
fi

# back_up WHAT URL DOES
back_up() {
	fresh_odd
	expect 0 full plugged duplicity full "${options[@]}" "${asynchrony[@]}" -v5 "$source" "$2"
	says full "stagedir $3 what $option = [1-9]+ asks for"
	has_not full 'pool process'
	in_order || fail "$1: the order is wrong"
	nothing_left "$1"
	expect 0 verify stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
}

back_up 'a prefix' "stage+$url" 'stages volumes ahead in the place of'
has full 'Handing off'
configure "temp_root = $root" 'avoid_tmpfs = no' 'targets = odd://*'
back_up 'a URL that is taken over' "$url" 'stages volumes ahead in the place of'
has full 'Handing off'
configure "temp_root = $root" 'avoid_tmpfs = no' 'stage_ahead = no'
back_up 'no staging ahead' "stage+$url" 'does without'
configure "temp_root = $root" 'avoid_tmpfs = no'
printf '[{"url": "stage+%s"}]\n' "$url" >"$work/multi.json"
back_up 'a target within another' "multi://$work/multi.json?mode=mirror" 'does without'

# A process of a pool, as the host of 3.0 starts it, and the process that starts it.
cat >"$work/spawns.py" <<'PYTHON'
import multiprocessing
import pickle
import sys

from duplicity import backend, config, dup_main, log, tempdir  # dup_main: it is the host's program that does this


def opened(urls):
    log.setup()
    backend.import_backends()
    stock = tempdir.TemporaryDirectory
    config.archive_dir, config.backup_name = b'/nowhere', 'a name'
    for url in urls:
        config.backend = backend.get_backend(url)
        print(type(config.backend.backend).__name__, 'stock' if tempdir.TemporaryDirectory is stock else 'replaced')
    sys.stdout.flush()


if __name__ == '__main__':
    child = multiprocessing.get_context('spawn').Process(target=opened, args=(sys.argv[1:],))
    child.start()
    child.join()
    opened(sys.argv[1:])
    try:
        pickle.dumps(config.backend)
    except TypeError as error:
        print(error)
    if hasattr(config, 'dump_dict'):
        assert 'backend' not in config.dump_dict(config)
PYTHON
configure "temp_root = $root" 'avoid_tmpfs = no' 'targets = file://*'
expect 0 pool plugged "$HOST_PYTHON" "$work/spawns.py" "stage+file://$work/a" "file://$work/b" "par2+stage+file://$work/c"
cat >"$work/wanted" <<'END'
LocalBackend stock
LocalBackend stock
Par2Backend stock
StageBackend replaced
StageBackend replaced
Par2Backend replaced
END
grep Backend "$logs/pool" | diff "$work/wanted" - >&2 || fail 'a process of a pool (the first lines) is not as wanted (<)'
says pool 'cannot be pickled'
nothing_left 'the processes of a pool'
finish
