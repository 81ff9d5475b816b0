#!/bin/sh
# The operator's command on records of runs: watch, and the metrics of status. Arguments name the tests to run; none means all.
. "${srcdir:-.}/tests/command/lib.sh" || exit 1

# record NAME WORDS...: writes a record as a run does, WORDS of each line up to a comma; with STAGE_TEST_HOLD=1 it holds the
# lock, and writes the lines that come on its input, until that ends
record()
{
	mkdir -p "$HOME/.local/state/stagedir/runs"
	record=$1
	shift
	"$python" -c '
import fcntl, os, sys, zlib
path, words = sys.argv[1], sys.argv[2:]
out = open(path, "ab", buffering=0)
os.chmod(path, 0o600)
if os.environ.get("STAGE_TEST_HOLD"):
    fcntl.flock(out, fcntl.LOCK_EX)
def write(text):
    out.write(b"%08x %s\n" % (zlib.crc32(text.encode()), text.encode()))
for text in " ".join(words).split(" , "):
    write(text)
if os.environ.get("STAGE_TEST_HOLD"):
    print("there", flush=True)
    for line in sys.stdin:
        write(line.rstrip())
        print("there", flush=True)
' "$HOME/.local/state/stagedir/runs/$record" "$@"
}

begun='stagedir-run 1 , begun 1700000000000 4711 full sftp://host/dir 3.0.6 4 0 , root 1700000000000 /tmp 1048576 , volume 1700000000000 1'
one="$begun , made 1700000002000 1 vol1 2097152 , upload 1700000002000 vol1 1 , volume 1700000002000 2"
done="$one , made 1700000004000 2 vol2 2097152 , confirmed 1700000004000 vol1 2097152 , confirmed 1700000005000 vol2 2097152 , ended 1700000009000 done 0 %"

test_nothing()
{
	run 0 watch
	says out 'no run is under way, and there is no record of one'
	run 0 watch --json
	[ ! -s "$work/out" ] || fail 'no object' "$(cat "$work/out")"
	run 0 watch file:///nowhere
	says out 'no run is under way to this target'
}

# What has ended, or was killed, is shown once.
test_last()
{
	record 20231114T221320.000Z-4711 "$done"
	run 0 watch
	says out 'no run is under way; the last one:'
	says out 'full to sftp://host/dir: 2 volumes, 4.0M made (1.0M/s); 0 volumes, 0 wait (at most 4); 2 volumes, 4.0M confirmed (2.0M/s)'
	says out '; done'
	run 0 watch --json
	holds 'it["state"] == "ended" and it["result"] == "done" and it["begun"] == 1700000000000 and it["ended"] == 1700000009000'
	holds 'it["made"] == {"volumes": 2, "bytes": 4194304, "bytes_per_second": 1048576}'
	holds 'it["target"] == "sftp://host/dir" and it["action"] == "full" and it["pid"] == 4711 and it["moving"] is None'
	holds '[root["path"] for root in it["roots"]] == ["/tmp"] and it["roots"][0]["free"] > 0'
	[ "$(wc -l <"$work/out")" = 1 ] || fail 'one line' "$(cat "$work/out")"
	# a later one was killed
	record 20231114T221321.000Z-4712 "$one , failed 1700000003000 vol1 1 no%20route , upload 1700000004000 vol1 2 , waits 1700000004000 storage %"
	run 0 watch
	says out 'vol1 moves since'
	says out 'attempt 2 (no route)'
	says out '; killed'
	run 0 watch --json sftp://user@host/dir
	holds 'it["state"] == "killed" and it["result"] is None and it["retries"] == 1 and it["failure"] == "no route"'
	holds 'it["waits_for"] == "storage" and it["waiting"]["volumes"] == 1'
	run 0 watch --json sftp://host/other
	[ ! -s "$work/out" ] || fail 'no object' "$(cat "$work/out")"
	# metrics
	run 0 status --prometheus
	says out 'stagedir_last_success_timestamp_seconds{target="sftp://host/dir"} 1700000009'
	says out 'stagedir_last_run_success{target="sftp://host/dir"} 0'
	says out 'stagedir_failed_runs{target="sftp://host/dir",kind="killed"} 1'
	run 2 status --prometheus --json
	says err 'status takes one of --json and --prometheus'
}

# held: a record whose run lives until descriptor 8 is closed; add LINE has it write on
held()
{
	mkfifo "$work/in" "$work/there"
	STAGE_TEST_HOLD=1 record "$@" <"$work/in" >"$work/there" &
	holders="$holders $!"
	exec 8>"$work/in" 9<"$work/there"
	read -r _ <&9
}
add()
{
	echo "$1" >&8
	read -r _ <&9
}
end_held()
{
	exec 8>&- 9<&-
}

# wait_until COMMAND...: at most two minutes
wait_until()
{
	turns=0
	until "$@"; do
		turns=$((turns + 1))
		[ "$turns" -lt 2400 ] || fail "$*" 'nothing, for two minutes'
		sleep 0.05
	done
}

# A live run is followed until it ends; a later one of another target is not.
test_live()
{
	held 20231114T221320.000Z-4711 "$one"
	"$stagedir" watch --json sftp://host/dir >"$work/out" 2>"$work/err" &
	watcher=$!
	holders="$holders $watcher"
	wait_until test -s "$work/out"
	head -n 1 "$work/out" >"$work/first" && cp "$work/first" "$work/kept"
	add 'confirmed 1700000004000 vol1 2097152'
	add 'waits 1700000004000 drain %'
	wait_until grep -q '"waits_for": "drain"' "$work/out"
	record 20231114T221330.000Z-4712 "$done"
	add 'ended 1700000009000 storage 50 no%20route'
	end_held
	wait "$watcher" || fail 'exit status 0' "$?"
	tail -n 1 "$work/out" >"$work/last"
	cp "$work/kept" "$work/out"
	holds 'it["state"] == "live" and it["made"]["volumes"] == 1 and it["moving"]["name"] == "vol1" and it["confirmed"]["volumes"] == 0'
	cp "$work/last" "$work/out"
	holds 'it["state"] == "ended" and it["result"] == "storage" and it["message"] == "no route" and it["confirmed"]["volumes"] == 1'
	holds 'it["waited"]["drain"] == 5000 and it["seconds_left"] == 0'
}

# On a terminal the lines are drawn in the place of those before, and none is wider than it.
test_terminal()
{
	long=$(printf 'v%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20)
	held 20231114T221320.000Z-4711 "$begun , made 1700000002000 1 $long$long$long 2097152 , upload 1700000002000 $long$long$long 1"
	: >"$work/screen"
	"$python" -c '
import fcntl, os, pty, struct, sys, termios
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    os.execv(sys.argv[1], [sys.argv[1], "watch"])
text = b""
while True:
    try:
        more = os.read(terminal, 65536)
    except OSError:
        break
    text += more
    open(sys.argv[2], "wb").write(text)
    if not more:
        break
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
' "$stagedir" "$work/screen" &
	watcher=$!
	holders="$holders $watcher"
	wait_until grep -q '\[#\.\.\.\] at most 4' "$work/screen"
	add 'ended 1700000009000 done 0 %'
	end_held
	wait "$watcher" || fail 'exit status 0' "$?"
	cp "$work/screen" "$work/out"
	"$python" -c '
import re, sys
text = open(sys.argv[1]).read().replace("\r", "")
drawn = re.split("\033\\[(\\d+)A\033\\[J", text)
assert len(drawn) >= 3, text
for before, up in zip(drawn[::2], drawn[1::2]):
    assert before.count("\n") == int(up), (before, up)
assert max(len(line) for block in drawn[::2] for line in block.split("\n")) <= 60, text
assert "  done" in drawn[-1] and "moving" not in drawn[-1], text
assert "  moving" in drawn[0], text
' "$work/screen" 2>"$work/err" || fail 'blocks in the place of those before' "$(cat -v "$work/screen")"
}

[ $# -gt 0 ] || set -- nothing last live terminal
run_tests "$@"
