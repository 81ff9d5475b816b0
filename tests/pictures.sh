#!/bin/sh
# pictures.sh FOLDER - the page of a run with an outage in its middle, at the widths of a desk and of a telephone, in light and
# dark. `make pictures` calls it. The run never was (lib/records.py), so that the pictures are the same each time.
set -eu
. "${srcdir:?}/tests/lib/browser.sh"

mkdir -p "$1"
folder=$(cd "$1" && pwd)
browser=$(find_browser) || {
	echo 'pictures: there is no Chromium (Debian: the package chromium-headless-shell)' >&2
	exit 1
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

export XDG_STATE_HOME="$scratch/state" TZ=UTC
unset STATE_DIRECTORY
runs=$XDG_STATE_HOME/stagedir/runs
mkdir -p "$runs"
chmod 0700 "$runs"
day=86400000
newest=1796004000250
for before in 6 5 4 3 2; do
	"${HOST_PYTHON:?}" "$srcdir/tests/lib/records.py" "$runs" plain $((newest - before * day)) $((19 + before)) >/dev/null
done
"$HOST_PYTHON" "$srcdir/tests/lib/records.py" "$runs" slow $((newest - day)) >/dev/null
"$HOST_PYTHON" "$srcdir/tests/lib/records.py" "$runs" outage $newest >/dev/null
"${STAGEDIR:?}" report -o "$folder/report.html"
for width in 1200 400; do
	for scheme in light dark; do
		shoot "$folder/report.html" "$folder/report-$width-$scheme.png" "$width" "$scheme"
		echo "$folder/report-$width-$scheme.png"
	done
done
