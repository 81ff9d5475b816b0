# secret.sh - of a URL no secret is written or printed: not in a journal, a message, a log file at -v9, nor by any command.
# Each of these URLs is backed up to, with an end by SIGKILL, with storage that is down and quotes the URL in its errors,
# and to the end. Then all files and outputs are searched. Lines that the stock host prints as well are its own.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

# each is in all of the URLs, in one of these spellings
secret='S3cr.{1,3}tQ7x'
raw=S3cr%65tQ7x

mkdir "$source"
head -c 3500000 /dev/urandom | split -b 500K - "$source/"
options=(--no-encryption --volsize 1 -v9)
configure "temp_root = $root" 'avoid_tmpfs = no' 'retries = 2' 'backoff = 0'

# own_lines LOG - the lines with the secret that the stock host does not print, but for times and numbers.
own_lines() {
	same_for_all "$logs/stock" "$work/stock.file" | sort -u >"$work/known"
	same_for_all "$@" | sort -u | comm -13 "$work/known" -
}

same_for_all() {
	cat "$@" | grep -a -E -e "$secret" |
		sed -E -e 's/stage\+//g' -e "s,[^ ]*/(in-tree|duplicity)( |$),duplicity ,g" -e "s,$work/[a-z]*\.file,FILE,g" \
			-e 's/[0-9]+/N/g'
}

# search WHAT - no file below $work but outputs of the host holds the secret, and in these only what is the host's.
search() {
	local found list

	found=$(grep -r -l -a -E -e "$secret" "$work" --exclude-dir=site --exclude=known --exclude-dir=logs \
		--exclude='*.file' | cat -v)
	[ -z "$found" ] || fail "$1: the secret is in $found"
	readarray -d "" list < <(find "$logs" "$work" -maxdepth 1 -type f \( -path "$logs/*" -o -name '*.file' \) \
		! -name 'stock*' -print0)
	found=$(own_lines "${list[@]}")
	[ -z "$found" ] || fail "$1: lines with the secret that are not the host's: $found"
	found=$(find "$work" | grep -a -E -e "$secret")
	[ -z "$found" ] || fail "$1: the secret is in a name: $found"
}

# look WHAT - all commands that look. What they find in other directories than ours is not for this test.
look() {
	local log

	run status "$STAGEDIR" status
	run json "$STAGEDIR" status --json
	run gc "$STAGEDIR" gc --dry-run
	run gc-json "$STAGEDIR" gc --dry-run --json
	run verify "$STAGEDIR" verify
	run verify-json "$STAGEDIR" verify --json
	run flush "$STAGEDIR" flush --dry-run
	for log in status json gc gc-json verify verify-json flush; do
		[ -s "$logs/$log" ] || fail "$1: $log prints nothing"
		! grep -q -a -E -e "$secret" "$logs/$log" || fail "$1: the secret is in what $log prints: $(cat -v "$logs/$log")"
	done
}

# killed WHAT URL - ends a backup by SIGKILL when volumes are staged; looks while it runs, too.
killed() {
	set_odd hang .vol3.
	start killed plugged duplicity full "${options[@]}" --log-file "$work/killed.file" "$source" "$2"
	wait_for 60 have_staged 2 || fail "$1: nothing is staged"
	wait_for 60 sealed 3 || fail "$1: nothing is sealed"
	look "$1, live"
	kill -KILL "$pid"
	end "$pid"
	unset_odd hang
}

# waits_for WHAT URL - flush finds what waits when it is given this URL.
waits_for() {
	run flush-url "$STAGEDIR" flush --dry-run "$2"
	says flush-url 'would hand off [0-9]+ volume' || fail "$1: flush does not find what waits for $2"
	! grep -q -a -E -e "$secret" "$logs/flush-url" || fail "$1: flush prints the secret: $(cat "$logs/flush-url")"
}

url_prefix=stage+

# try WHAT URL BARE - all of it for a URL, which without the secret is BARE.
try() {
	local what=$1 url=$2 bare=$3

	rm -rf --one-file-system "$storage" "$storage".* "$XDG_CACHE_HOME/duplicity" "${logs:?}"/* "$work"/*.file
	expect 0 stock stock duplicity full "${options[@]}" --log-file "$work/stock.file" "$source" "$url"
	expect 0 stock2 stock duplicity verify "${options[@]}" "$url" "$source"
	cat "$logs/stock2" >>"$logs/stock"
	rm -rf --one-file-system "$storage" "$XDG_CACHE_HOME/duplicity"

	killed "$what" "$url_prefix$url"
	look "$what"
	search "$what, killed"
	waits_for "$what" "$url"
	waits_for "$what" "$bare"

	# the next run takes over what waits, and storage goes down
	set_odd quotes
	set_odd down backend
	expect 50 down plugged duplicity full "${options[@]}" --log-file "$work/down.file" "$source" "$url_prefix$url"
	has down 'storage is down'
	says down 'stays? staged for [a-zA-Z]*://'
	look "$what, down"
	says status 'storage is down.*\*\*\*' || fail "$what: no failure was recorded"
	search "$what, down"
	unset_odd down quotes

	# flush hands off, with the URL as it was given and without
	DUPLICITY=$work/host run flush-done "$STAGEDIR" flush "$url"
	says flush-done '^nothing waits for .* any more$'
	search "$what, flushed"

	expect 0 resumed plugged duplicity full "${options[@]}" --log-file "$work/resumed.file" "$source" "$url_prefix$url"
	expect 0 verified plugged duplicity verify "${options[@]}" "$url_prefix$url" "$source"
	nothing_left "$what"
	search "$what, resumed"
}

# flush runs the host with the plugin
printf '#!/bin/sh\nexec "%s" duplicity "$@"\n' "$IN_TREE" >"$work/host"
chmod 0755 "$work/host"

net=oddnet
dir=$storage
try 'an e-mail address' "$net://me@corp.com:$raw@host$dir" "$net://me@corp.com@host$dir"
try 'an encoded e-mail address' "$net://me%40corp.com:se%3A$raw@host:22$dir" "stage+$net://me@corp.com@host:22$dir"
try 'a password with @ and :' "$net://me:a:$raw@b@host$dir" "$net://me@host$dir"
try 'no user' "$net://:$raw@[::1]:22$dir" "$net://[::1]:22$dir"
try 'an upper case scheme' "ODDNET://me:$raw@host$dir" "$net://me@host$dir"
try 'a password in the query' "odd:///$dir?password=$raw" "odd:///$dir"
try 'a token behind a mode' "odd:///$dir?mode=a&X-Token=$raw&b=1" "odd:///$dir?mode=a"
try 'a fragment' "odd:///$dir#$raw" "odd:///$dir"
configure "temp_root = $root" 'avoid_tmpfs = no' 'retries = 2' 'backoff = 0' "targets = $net://me@corp.com@*"
url_prefix=
try 'a URL that is taken over' "$net://me@corp.com:$raw@host$dir" "$net://me@corp.com@host$dir"
note 'no file and no line holds the secret of any of nine URLs'

# stagedir 0.1.0 has written the password of such a URL into its journal
url="$net://me@corp.com:$raw@host$dir"
rm -rf --one-file-system "$storage" "$storage".* "$XDG_CACHE_HOME/duplicity" "${logs:?}"/* "$work"/*.file
killed 'an old journal' "$url"
"$HOST_PYTHON" - "$(spools "$root")/journal" "$url" <<-'END'
	import os
	import re
	import sys
	import urllib.parse
	import zlib

	path, url = sys.argv[1:]
	target = re.sub('(://[^/@:]*):[^/]*@', r'\1@', url).replace('%', '%25')
	assert '@corp.com:' in target
	lines = open(path).read().split('\n')
	for i, line in enumerate(lines):
	    words = line.split(' ')
	    if words[1:2] == ['target']:
	        text = f'target {target} {words[3]}'
	        lines[i] = f'{zlib.crc32(text.encode()):08x} {text}'
	open(path, 'w').write('\n'.join(lines))
END
grep -q -a "$(printf %s "$raw" | sed 's/%/%25/')" "$(spools "$root")/journal" || fail 'the old journal has no secret'
look 'an old journal'
has status "$net://me@corp.com@host$dir"
waits_for 'an old journal' "$url"
waits_for 'an old journal' "$net://me@corp.com@host$dir"
expect 0 old plugged duplicity full "${options[@]}" "$source" "$url"
says old 'handing off the volume .* that a dead run staged'
nothing_left 'the run after an old journal'
note 'what an old journal tells is found, and its secret is not shown'

# what is no backup
expect 2 usage "$STAGEDIR" flush "$net://h/" "$url"
expect 2 usage2 "$STAGEDIR" roots "$url"
expect 2 usage3 "$STAGEDIR" "$url"
expect 2 usage4 "$STAGEDIR" flush "--$url"
run usage5 "$STAGEDIR" status "$url"
run usage6 "$STAGEDIR" gc --json "$url"
configure "temp_root = $root" "targets = stage+$url"
expect 3 setting "$STAGEDIR" roots
for log in usage usage2 usage3 usage4 usage5 usage6 setting; do
	[ -s "$logs/$log" ] || fail "$log says nothing"
	! grep -q -a -E -e "$secret" "$logs/$log" || fail "the secret is in what $log says: $(cat -v "$logs/$log")"
done

# what Python hands over: bytes of a command line that are no text, and surrogates that are none
"$IN_TREE" "$HOST_PYTHON" - >"$logs/python" 2>&1 <<-'END' || fail "the extension: $(cat "$logs/python")"
	from duplicity.backends import _stagedir as extension

	extension.keep_secrets('sftp://me:cr\udcffet%C3%A9@h/d?token=xyz')
	extension.keep_secrets('sftp://me:\ud800ab@h/d')
	for text, hidden in (
	        ('a\0b \udcff \ud800 cr\udcffeté xyz é cr\udcffet%C3%A9', 'a b \udcff \ud800 *** *** é ***'),
	        ('\ud800ab sftp://u:\udcfe@h', '*** sftp://u:***@h'), ('', '')):
	    assert extension.without_secrets(text) == hidden, ascii(extension.without_secrets(text))
	assert extension.shown_url('--u=sftp://me:\udcff@h/\udcfe') == '--u=sftp://me:***@h/\udcfe'
END
finish
