# promtool.sh - Prometheus' own checker takes the metrics, of runs that succeeded, failed and wait, and the alerts; alerts and
# dashboard name no figure that there is not. The hooks of contrib/ work.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

promtool=$(dirname "$IN_TREE")/promtool
[ -x "$promtool" ] || promtool=$(command -v promtool) || die 'promtool is missing (./bootstrap check gets it; Debian: prometheus)'
need jq jq
metrics=$work/stagedir.prom

# checked FILE - has promtool nothing to say against these metrics?
checked() {
	expect 0 promtool sh -c '"$1" check metrics <"$2"' sh "$promtool" "$1"
	[ ! -s "$logs/promtool" ] || fail "promtool on $1: $(cat "$logs/promtool")"
}

mkdir "$source"
head -c 2000000 /dev/urandom >"$source/file"
configure "temp_root = $root" 'avoid_tmpfs = no' 'retries = 1' 'backoff = 0' 'keep_runs = 30' "metrics = $metrics"
checked /dev/null
expect 0 nothing "$STAGEDIR" status --prometheus
checked "$logs/nothing"
expect 0 full plugged duplicity full --no-encryption --volsize 1 "$source" "stage+$url"
checked "$metrics"
# another target, with what must be escaped; and one that fails
expect 0 odd plugged duplicity full --no-encryption --name odd "$source" "stage+file://$work/a \"b\" \\c"
storage=$storage.other set_odd down
run failed plugged duplicity full --no-encryption --volsize 1 --name other "$source" "stage+$url.other"
[ "$status" -ge 50 ] || fail "exit status $status"
checked "$metrics"
[ "$(grep -c '^stagedir_last_run_success{' "$metrics")" -eq 3 ] || fail 'there are not three targets'
expect 0 printed "$STAGEDIR" status --prometheus
checked "$logs/printed"
# but for what changes: the same, by whoever writes it
diff <(grep -v free_bytes "$metrics") <(grep -v free_bytes "$logs/printed") || fail 'the command prints other metrics than a run writes'

note 'alerts and dashboard'
expect 0 rules "$promtool" check rules "$srcdir/contrib/prometheus/stagedir.rules.yml"
expect 0 dashboard jq -e -r '.panels[].targets[].expr' "$srcdir/contrib/grafana/stagedir.json"
grep -o -h 'stagedir_[a-z_]*' "$logs/dashboard" "$srcdir/contrib/prometheus/stagedir.rules.yml" | sort -u >"$work/named"
[ "$(wc -l <"$work/named")" -gt 5 ] || fail 'alerts and dashboard name next to nothing'
while read -r name; do
	grep -q "^# TYPE $name gauge" "$metrics" || fail "there is no figure $name"
done <"$work/named"
# and all that there is, is told of
sed -n 's/^# TYPE \(.*\) gauge/\1/p' "$metrics" | while read -r name; do
	grep -q -F "$name" "$srcdir/doc/MONITORING.md" || echo "$name"
done >"$work/untold"
[ ! -s "$work/untold" ] || fail "doc/MONITORING.md does not tell of $(cat "$work/untold")"

note 'hooks'
mkdir "$work/bin"
printf '#!/bin/sh\nprintf "%%s\\n" "$@"\ncat\n' >"$work/bin/curl"
cp "$work/bin/curl" "$work/bin/sendmail"
chmod +x "$work/bin"/*
export PATH="$work/bin:$PATH" SENDMAIL=$work/bin/sendmail
for event in start success failure waiting; do
	for hook in healthchecks mail ntfy; do
		expect 0 "$hook.$event" env STAGEDIR_EVENT=$event STAGEDIR_TARGET='sftp://h/$(x)' STAGEDIR_ACTION=full STAGEDIR_PID=1 \
			STAGEDIR_RECORD=/r STAGEDIR_SECONDS=5 STAGEDIR_MADE_VOLUMES=1 STAGEDIR_MADE_BYTES=2 STAGEDIR_STORED_VOLUMES=3 \
			STAGEDIR_STORED_BYTES=4 STAGEDIR_WAITING_VOLUMES=5 STAGEDIR_WAITING_BYTES=6 STAGEDIR_RETRIES=7 \
			STAGEDIR_RESULT=done STAGEDIR_STATUS=0 STAGEDIR_MESSAGE='a message' STAGEDIR_WAITS_FOR=storage \
			"$srcdir/contrib/hooks/$hook" https://there/topic
		has "$hook.$event" 'sftp://h/$(x)'
	done
done
has healthchecks.start https://there/topic/start
has healthchecks.failure https://there/topic/fail
has mail.failure 'a backup has failed'
has ntfy.waiting 'Title: Backup waits for storage'
finish
