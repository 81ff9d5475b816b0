# shellcheck shell=sh disable=SC2154
# What is asked of a browser without a screen, Chromium's: how a page comes out at a width, and a picture of it. To be sourced.
#
#	browser=$(find_browser) || ...
#	probe PAGE WIDTH light|dark	prints what lib/probe.js measures, as JSON
#	shoot PAGE PNG WIDTH light|dark	the whole page as a picture
#
# The caller sets srcdir, and scratch to a folder for what the browser leaves.

find_browser()
{
	command -v chromium-headless-shell || command -v chromium
}

# browse WIDTH HEIGHT light|dark ARGUMENT...
browse()
{
	browse_size=$1,$2 browse_scheme=0
	[ "$3" = dark ] || browse_scheme=1
	shift 3
	# root may not use the sandbox; the pages are ours
	timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --force-device-scale-factor=1 \
		--user-data-dir="$scratch/browser" --blink-settings="preferredColorScheme=$browse_scheme" --window-size="$browse_size" \
		"$@" 2>"$scratch/browser.log"
}

# The page has no script, and allows none: it is measured as a copy that has one.
probe()
{
	sed -e '/Content-Security-Policy/d' -e '/^<\/body>/d' -e '/^<\/html>/d' "$1" >"$scratch/probed.html"
	{
		echo '<script>'
		cat "$srcdir/tests/lib/probe.js"
		echo '</script></body></html>'
	} >>"$scratch/probed.html"
	browse "$2" 900 "$3" --dump-dom "file://$scratch/probed.html" | sed -n 's/.*<pre id="probe">\(.*\)<\/pre>.*/\1/p'
}

shoot()
{
	shoot_height=$(probe "$1" "$3" "$4" | sed -n 's/.*"height":\([0-9]*\).*/\1/p')
	browse "$3" "${shoot_height:?the page was not measured}" "$4" --screenshot="$2" "file://$1" >/dev/null
}
