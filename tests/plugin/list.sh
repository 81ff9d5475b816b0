# list.sh - list-current-files writes with the plugin, byte for byte, what stock writes: of odd names, of every encoding and time
# zone, for programs, at each point in time, encrypted; and many lines at once.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

source=$work/source target=$work/target
umlaut=$(printf '\303\244\342\202\254\360\237\230\200') # of two, three and four bytes

make_source() {
	local long name

	mkdir -p "$source/names" "$source/many"
	for name in "quote'" 'back\slash' 'percent%s%d' ' ' "$umlaut" "$(printf 'new\nline')" "$(printf 'tab\t\033')" "$(printf 'latin-\344')" \
		"$(printf 'surrogate-\355\240\200')" "$(printf 'x%.0s' {1..255})"; do
		echo x >"$source/names/$name"
	done
	mkfifo "$source/fifo"
	ln -s to/nothing "$source/link"
	touch -d 1969-12-31 "$source/before"
	touch -d 2106-02-08 "$source/late"
	# a line longer than 4 KiB, and more lines than are written at once
	long=$(printf 'd%.0s' {1..200})
	(
		cd "$source" || exit
		for ((i = 0; i < 25; i++)); do
			mkdir "$long" && cd "$long" || exit
		done
	)
	(cd "$source/many" && seq -f "file-%g-${long:0:60}" 2000 | xargs touch -d 2020-02-29T23:59:59Z)
}

# same OPTION... - what is written to standard output, and for programs, is the same. $settings are of the environment.
settings=()
same() {
	local side url

	for side in stock plugged; do
		[ "$side" = stock ] && url=file://$target || url=stage+file://$target
		rm -f "$work/for-programs"
		"listed_by_$side" "$@" "$url" >"$logs/$side" 2>"$logs/$side.errors" </dev/null
		echo "status $?" >>"$logs/$side"
		[ ! -e "$work/for-programs" ] || mv "$work/for-programs" "$logs/$side.for-programs"
	done
	cmp "$logs/stock" "$logs/plugged" >&2 || fail "${settings[*]} $*: other lines"
	[ "$(grep -c 'Logging error' "$logs/stock.errors")" = "$(grep -c 'Logging error' "$logs/plugged.errors")" ] ||
		fail "${settings[*]} $*: other lines are not written"
}

listed_by_stock() {
	env "${settings[@]}" "$DUPLICITY" list-current-files "$@"
}

listed_by_plugged() {
	env "${settings[@]}" "$IN_TREE" duplicity list-current-files "$@"
}

# same_for_programs OPTION...
same_for_programs() {
	same "$@"
	cmp "$logs/stock.for-programs" "$logs/plugged.for-programs" >&2 || fail "${settings[*]} $*: other lines for programs"
	[ "$(grep -c '^INFO 10 ' "$logs/plugged.for-programs")" -gt 2000 ] || fail "$*: few lines for programs"
}

make_source
expect 0 full stock duplicity full --no-encryption "$source" "file://$target"
full=$(date +%s)
until [ "$(date +%s)" -gt "$full" ]; do sleep 0.2; done
rm "$source/names/ " "$source/many/file-7-"* "$source/link"
echo new >"$source/names/n"
expect 0 increment stock duplicity incr --no-encryption "$source" "file://$target"

same --no-encryption
[ "$(wc -l <"$logs/plugged")" -gt 2020 ] || fail 'few lines'
same --no-encryption --time "$full"
has plugged 'file-7-'
for settings in LC_ALL=C.UTF-8 LC_ALL=C PYTHONIOENCODING=latin-1 PYTHONIOENCODING=ascii:replace PYTHONIOENCODING=utf-16 TZ=Asia/Kathmandu; do
	same --no-encryption
	same_for_programs --no-encryption --log-file "$work/for-programs"
done
settings=()
same --no-encryption -v0
same --no-encryption --log-fd 1
! offers --old-filenames || same_for_programs --no-encryption --old-filenames --log-file "$work/for-programs"
# a time is written before each of them, but by 3.0.4
for side in stock plugged; do
	"listed_by_$side" --no-encryption --log-timestamp "$([ $side = stock ] || echo stage+)file://$target" |
		sed -E 's/^[-0-9]{10} [:0-9,.]+ /TIME /' >"$logs/$side.times"
done
cmp "$logs/stock.times" "$logs/plugged.times" >&2 || fail '--log-timestamp: other lines'
note 'lines'

# Somebody else listens to the log as well.
change_host "$work/listening" duplicity.log 'import logging' 'logging.getLogger().addHandler(logging.FileHandler("'"$work/for-programs"'"))'
settings=("PYTHONPATH=$work/listening")
same --no-encryption
cmp "$logs/stock.for-programs" "$logs/plugged.for-programs" >&2 || fail 'others hear something else'
settings=()

# Nearly all lines are written with many others.
change_host "$work/counting" logging 'stock = module.StreamHandler.emit' 'def emit(self, record):' \
	'    open("'"$work/records"'", "a").write(".")' '    stock(self, record)' 'module.StreamHandler.emit = emit'
settings=("PYTHONPATH=$work/counting")
same --no-encryption
[ "$(wc -c <"$work/records")" -gt 2000 ] || fail 'what is counted?'
rm "$work/records"
listed_by_plugged --no-encryption "stage+file://$target" >"$logs/counted"
[ "$(wc -c <"$work/records")" -lt 60 ] || fail "$(wc -c <"$work/records") records of the log"
settings=()

# What is behind the damage is not told of; what is before it is.
archive=$(archive_of "file://$target")
file=$(find "$archive" -name '*full-sig*sigtar.gz')
cp -a "$file" "$work/whole"
truncate -s -20 "$file"
expect 30 damaged plugged duplicity list-current-files --no-encryption "stage+file://$target"
has damaged file-1-
cp -a "$work/whole" "$file"

# Nobody reads on.
for side in stock plugged; do
	"listed_by_$side" --no-encryption "$([ $side = stock ] || echo stage+)file://$target" 2>"$logs/$side.errors" | head -n 1 >"$logs/$side.head"
	echo "${PIPESTATUS[0]}" >>"$logs/$side.head"
done
cmp "$logs/stock.head" "$logs/plugged.head" >&2 || fail 'it ends otherwise where nobody reads on'

rm -rf "$target" "$XDG_CACHE_HOME/duplicity"
export PASSPHRASE=secret
expect 0 encrypted stock duplicity full "$source" "file://$target"
same
finish
