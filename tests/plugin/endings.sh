# endings.sh - the ends that a run can come to, at the worst moments: a signal while a directory is made or is being
# cleaned up, a second signal on top, a handler that was there, a fork, an exec, an exit with the directory open.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

# What every case starts with: the plugin's class, a log that runs `hook` at each line, d with four files.
cat >"$work/case.py" <<'PYTHON'
import os
import signal
import sys
import time

from duplicity import log
from duplicity.backends import _stagedir

log.setup()
hook = None


def on_line(text, level, *rest):
    if hook:
        hook(text)


log.Log = on_line


def send(number, words):
    """Sends a signal to this process in the middle of the first line with these words."""
    global hook

    def at_line(text):
        global hook
        if words in text:
            hook = None
            os.kill(os.getpid(), number)
            time.sleep(0.01)  # here Python calls handlers
    hook = at_line


def opened():
    d = _stagedir.TemporaryDirectory(os.environ['ROOT'])
    for _ in range(4):
        os.close(d.mkstemp()[0])
    return d
PYTHON

# ends STATUS WHAT - runs the case on standard input: it ends with STATUS, and nothing is left.
ends() {
	cat "$work/case.py" - >"$work/now.py"
	expect "$1" "$(printf %s "$2" | tr -c 'a-z\n' -)" env --default-signal=INT,TERM,HUP ROOT="$root" "$IN_TREE" "$HOST_PYTHON" "$work/now.py"
	nothing_left "$2"
}

ends 143 'SIGTERM while a directory is made' <<'PYTHON'
send(signal.SIGTERM, 'staging in temp root')
_stagedir.TemporaryDirectory()
time.sleep(5)
PYTHON
ends 143 'SIGTERM while it is cleaned up' <<'PYTHON'
d = opened()
send(signal.SIGTERM, 'Removing still remembered')
d.cleanup()
time.sleep(5)
PYTHON
ends 143 'SIGTERM while the last reference goes' <<'PYTHON'
d = opened()
send(signal.SIGTERM, 'Removing still remembered')
del d
time.sleep(5)
PYTHON
ends 143 'SIGHUP while SIGTERM cleans up' <<'PYTHON'
d = opened()
send(signal.SIGHUP, 'Removing still remembered')
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(5)
PYTHON
ends 7 'a handler that was there' <<'PYTHON'
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(7))
d = opened()
send(signal.SIGTERM, 'Registering')
d.mktemp()
time.sleep(5)
PYTHON
ends 143 'a handler that was there and returns' <<'PYTHON'
signal.signal(signal.SIGTERM, lambda number, frame: print('called'))
d = opened()
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(5)
PYTHON
ends 0 'an ignored signal' <<'PYTHON'
signal.signal(signal.SIGHUP, signal.SIG_IGN)
d = opened()
os.kill(os.getpid(), signal.SIGHUP)
assert d.dir() and len(os.listdir(d.dir())) == 4
PYTHON
ends 130 'SIGINT in a line of the log' <<'PYTHON'
d = opened()
send(signal.SIGINT, 'Registering')
try:
    d.mktemp()
    time.sleep(5)
finally:
    assert d.dir()
PYTHON
ends 0 'an exit with a directory open' <<'PYTHON'
cycle = [opened()]
cycle.append(cycle)
PYTHON
ends 3 'exec' <<'PYTHON'
d = opened()
os.execv('/bin/sh', ['sh', '-c', 'ls -A "$ROOT" | grep . && exit 1; exit 3'])
PYTHON
ends 0 'a fork' <<'PYTHON'
d = opened()
child = os.fork()
if child == 0:
    d.cleanup()
    assert d.dir()
    own = opened()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5)
assert os.waitstatus_to_exitcode(os.wait()[1]) == -signal.SIGTERM
assert os.listdir(os.environ['ROOT']) == [os.path.basename(d.dir())], os.listdir(os.environ['ROOT'])
assert len(os.listdir(d.dir())) == 4
PYTHON

# A signal just when the host has made its lock, and when it has let go of it.
mkdir "$work/source"
change_host "$work/locks" fasteners.process_lock 'import os' \
	'real = getattr(module.InterProcessLock, os.environ["END_IN"])' \
	'def ends(self, *arguments, **keywords):' \
	'    result = real(self, *arguments, **keywords)' \
	'    os.kill(os.getpid(), 15)' \
	'    return result' \
	'setattr(module.InterProcessLock, os.environ["END_IN"], ends)'
for place in _do_open release; do
	expect 143 "lock-$place" env --default-signal=TERM END_IN="$place" PYTHONPATH="$work/locks" \
		"$IN_TREE" duplicity full --no-encryption "$work/source" "stage+file://$work/target"
	nothing_left "SIGTERM in $place of the host's lock"
	left=$(find "$XDG_CACHE_HOME/duplicity" -name lockfile)
	[ -z "$left" ] || fail "SIGTERM in $place of the host's lock leaves $left"
done
# another run's stays
mkdir -p "$XDG_CACHE_HOME/duplicity/other"
"$HOST_PYTHON" -c 'import fcntl, sys, time
file = open(sys.argv[1], "a")
fcntl.lockf(file, fcntl.LOCK_EX)
print("locked", flush=True)
time.sleep(20)' "$XDG_CACHE_HOME/duplicity/other/lockfile" >"$logs/holder" &
holder=$!
wait_for 5 grep -q locked "$logs/holder" || fail 'nobody has locked it'
expect 143 lock-other env --default-signal=TERM END_IN=_do_open PYTHONPATH="$work/locks" \
	"$IN_TREE" duplicity full --no-encryption --name other "$work/source" "stage+file://$work/target"
[ -e "$XDG_CACHE_HOME/duplicity/other/lockfile" ] || fail "the lock of another run is removed"
kill "$holder"
finish
