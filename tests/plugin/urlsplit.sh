# urlsplit.sh - the core splits URLs as the host's Python does: odd ones, and thousands that are made of odd pieces by chance.
# Where Python finds a password, the target form and the display form of the URL are without it.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

expect 0 compare "$HOST_PYTHON" "$srcdir/tests/plugin/urlsplit.py" "${MAKE_SPOOL%/spool}/url"
says compare '^[0-9]+ URLs are split alike, [0-9]+ of them with a password' && note "$(tail -n 1 "$logs/compare")"
finish
