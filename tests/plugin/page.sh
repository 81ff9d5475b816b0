# page.sh - the page that each run writes (report = DIR): of runs that succeed, fail and are interrupted; how many are kept;
# and that no page ends a backup.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

mkdir "$source"
head -c 3000000 /dev/urandom | split -b 1M - "$source/"
options=(--no-encryption --volsize 1)
runs=$XDG_STATE_HOME/stagedir/runs
pages=$work/pages
mkdir -m 0700 "$pages"

# settings LINE... - the configuration file with these lines, too.
settings() {
	configure "temp_root = $root" 'avoid_tmpfs = no' 'retries = 2' 'backoff = 0' "$@"
}

# newest - the name of the record of the last run.
newest() {
	find "$runs" -type f -printf '%f\n' | sort | tail -n 1
}

# agrees CHECK... - the page of the last run says what its record does.
agrees() {
	local page

	page=$pages/$(newest).html
	[ "$(stat -c %a "$page")" = 600 ] || fail "$page is not private"
	"$HOST_PYTHON" "$srcdir/tests/lib/page.py" "$page" "$runs/$(newest)" "$@" || fail "the page of $(newest)"
}

settings "report = $pages" 'keep_runs = 3'
touch "$pages/20200101T000000.000Z-1.html.bak" "$pages/mine.html"
expect 0 full plugged duplicity full "${options[@]}" "$source" "stage+$url"
has_not full WARNING
agrees 'figure("made-files") > 2' '"Done" in text("state")'
is_empty "$root" 'a run with a page'

note 'a run that fails, and the next one, which takes over what it left'
fresh_odd
set_odd down
run down plugged duplicity full "${options[@]}" "$source" "stage+$url"
[ "$status" -ge 50 ] || fail "exit status $status of a run whose storage is down"
agrees '"Failed" in text("state") and "exit status '"$status"'" in text("state")' 'figure("retries") == 2'
unset_odd down
expect 0 next plugged duplicity full "${options[@]}" "$source" "stage+$url"
agrees 'figure("adopted-files") > 0' '"of a dead run" in text("files")' 'len(rows("runs")) == 3'

note 'a run that is ended by a signal'
fresh_odd
set_odd hang vol1.
start hung plugged duplicity full "${options[@]}" "$source" "stage+$url"
wait_for 60 have_logged ' put ' || fail 'the first volume is never stored'
kill -TERM "$pid"
end "$pid"
unset_odd hang
agrees '"by a signal" in text("state")'

note 'as many pages as records; nothing else is removed'
[ "$(find "$pages" -name '2*Z-*.html' | wc -l)" -eq 3 ] || fail "there are $(ls "$pages")"
[ -e "$pages/20200101T000000.000Z-1.html.bak" ] && [ -e "$pages/mine.html" ] || fail 'a file that is no page was removed'
[ "$(find "$pages" -mindepth 1 | wc -l)" -eq 5 ] || fail "there is more than pages: $(ls -A "$pages")"

note 'pages that cannot be written: one warning, and the backup is made'
for folder in "$work/missing" "$source/aa" "$pages"; do
	fresh_odd
	settings "report = $folder" "keep_runs = $([ "$folder" = "$pages" ] && echo 0 || echo 3)"
	expect 0 refused plugged duplicity full "${options[@]}" "$source" "stage+$url"
	[ "$(grep -c 'there is no page of this run: ' "$logs/refused")" -eq 1 ] || { fail "$folder: no warning, or several"; show "$logs/refused"; }
	expect 0 verify stock duplicity verify --compare-data --no-encryption "$url" "$source"
done
finish
