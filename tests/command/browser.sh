#!/bin/sh
# The page of stagedir report in a browser, Chromium without a screen: at the width of a telephone and of a desk, in light and dark,
# it fits, no text lies on another, and nothing needs a script.
. "${srcdir:-.}/tests/command/lib.sh" || exit 1
. "$srcdir/tests/lib/browser.sh"
unset XDG_STATE_HOME STATE_DIRECTORY

browser=$(find_browser) || {
	echo "browser.sh: skipped: there is no Chromium (Debian: the package chromium-headless-shell); ./bootstrap check installs it" >&2
	exit 77
}

# measured WIDTH SCHEME CONDITION...: of the page in $work/out, as lib/probe.js tells it
measured()
{
	probe "$work/page.html" "$1" "$2" >"$work/probe"
	"$python" -c '
import json, re, sys
it = json.loads(open(sys.argv[1]).read())
def light(colour):
    return sum(int(part) for part in re.findall("[0-9]+", colour)[:3]) / 3
for condition in sys.argv[4:]:
    if not eval(condition):
        sys.exit("at %s, %s: not true: %s of %r" % (*sys.argv[2:4], condition, it))' "$work/probe" "$@" 2>"$work/why" ||
		fail 'the page to come out well' "$(cat "$work/why" "$scratch/browser.log")"
}

# looks_well SCHEME...: whatever the page is of
looks_well()
{
	for width in 400 1200; do
		for scheme; do
			# a page is never wider than its window; text of pictures keeps its size, is within, and lies on no other
			measured "$width" "$scheme" "it['width'] == $width" "it['scroll'] == $width" 'it["outside"] == []' 'it["covered"] == []' \
				'sorted(it["sizes"]) == ["11px", "12px", "13px"]' \
				'min(it["charts"]) >= it["width"] * 0.6' 'it["bars"] > 3' \
				"(light(it['paper']) < 60 < 180 < light(it['ink'])) == ('$scheme' == 'dark')"
		done
	done
}

# page KIND [BEGIN [VOLUMES]]
page()
{
	scratch=$work
	runs=$HOME/.local/state/stagedir/runs
	mkdir -p "$runs"
	record=$("$python" "$srcdir/tests/lib/records.py" "$runs" "$@") || fail "a record of $1" 'none'
	run 0 report -o "$work/page.html" "$record"
}

for kind in outage odd failed; do
	begin "$kind"
	page "$kind"
	looks_well light
done
begin many
page outage 1796004000250 3000
looks_well light
begin one
page plain 1796004000250 1
looks_well light dark

current=picture
shoot "$work/page.html" "$work/page.png" 400 dark
[ "$(od -A n -t x1 -N 4 "$work/page.png")" = ' 89 50 4e 47' ] || fail 'a picture' 'none'
echo 'PASS: browser.sh'
