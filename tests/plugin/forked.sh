# forked.sh - the host forks, for gpg, while the threads of the plugin enter and leave the interpreter as often as they
# can: no child may wait for a lock that one of them had. STAGE_TEST_ROUNDS=N for N backups instead of 2.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

need gpg gnupg
configure "temp_root = $root" 'avoid_tmpfs = no' 'max_volumes = 1000' 'retries = 1000' 'backoff = 0'
source=$work/source
mkdir "$source" "$work/target.control" "$work/site"
head -c 10000000 /dev/urandom >"$source/file"
: >"$work/target.control/down"

# Forks a hundred times where the host does once; ends with status 99 where a child does not end.
cat >"$work/site/sitecustomize.py" <<'PYTHON'
import os
import time

exec(open(os.environ['ODD']).read())
real_fork = os.fork


def try_forks():
    for _ in range(100):
        pid = real_fork()
        if pid == 0:
            os._exit(0)
        end = time.monotonic() + 10
        while os.waitpid(pid, os.WNOHANG)[0] == 0:
            if time.monotonic() > end:
                os.kill(pid, 9)
                os._exit(99)
            time.sleep(0.0001)


def behind_forks(stock):
    def start(*arguments, **more):
        try_forks()
        return stock(*arguments, **more)
    return start


os.fork, os.posix_spawnp = behind_forks(os.fork), behind_forks(os.posix_spawnp)
PYTHON
export PYTHONPATH=$work/site ODD=$srcdir/tests/lib/site/sitecustomize.py PASSPHRASE=secret

for ((round = 0; round < ${STAGE_TEST_ROUNDS:-2}; round++)); do
	rm -rf "$XDG_CACHE_HOME/duplicity"
	expect 50 forked plugged duplicity full --volsize 1 --gpg-options '--compress-algo none --s2k-mode 1' \
		"$source" "stage+odd://$work/target" || break
	says forked 'attempt 999 of 1000'
done
finish
