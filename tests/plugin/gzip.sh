# gzip.sh - what the plugin's writer writes is what the host's own does, but for the compressed bytes and where volumes are
# cut: the members of all volumes, the signatures and the manifest of backups by both are the same; volumes are full, and not
# larger than asked for; stock restores what the plugin wrote, also in chains and interrupted runs that both had a
# part in; on a host that is not the one that is known it is left out.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

slack=$((80 * 1024)) # bytes by which a volume that is full may be smaller
full=(full --no-encryption --current-time 1600000000)

# volumes DIR - its volumes, by number.
volumes() {
	find "$1" -name '*.difftar.gz' | sort -V
}

# tar_of DIR, signatures_of DIR - what is in its volumes, in its signature files.
tar_of() {
	volumes "$1" | xargs zcat
}

signatures_of() {
	find "$1" -name '*.sigtar.gz' | sort | xargs zcat
}

# members_of DIR, signed_of DIR - the members of both.
members_of() {
	tar_of "$1" | "$HOST_PYTHON" "$srcdir/tests/lib/members.py"
}

signed_of() {
	signatures_of "$1" | "$HOST_PYTHON" "$srcdir/tests/lib/members.py"
}

# manifest_of DIR - without where volumes begin and end, and what they are.
manifest_of() {
	grep -a -v -E '^(Volume|    (StartingPath|EndingPath|Hash)) ' "$1"/*.manifest
}

# by_plugin FILE - was it written by the plugin? The host's own gzip header has a time.
by_plugin() {
	[ "$(od -A n -t x1 -j 4 -N 4 "$1")" = ' 00 00 00 00' ]
}

# same_backups STOCK PLUGGED WHAT
same_backups() {
	cmp <(members_of "$1") <(members_of "$2") || fail "$3: the members of all volumes differ"
	cmp <(signed_of "$1") <(signed_of "$2") || fail "$3: signatures differ"
	diff -a <(manifest_of "$1") <(manifest_of "$2") >&2 || fail "$3: manifests differ"
	by_plugin "$(volumes "$2" | head -n 1)" || fail "$3: not written by the plugin"
	! by_plugin "$(volumes "$1" | head -n 1)" || fail "$3: stock's volume looks like the plugin's"
}

# full_volumes DIR MIB WHAT - each is at most so large, and all but the last are not much smaller.
full_volumes() {
	local count=0 last volume size most=$(($2 * 1024 * 1024))

	last=$(volumes "$1" | tail -n 1)
	while read -r volume; do
		count=$((count + 1))
		size=$(stat -c %s "$volume")
		[ "$size" -le "$most" ] || fail "$3: $volume has $size bytes, of $most"
		[ "$size" -ge $((most - slack)) ] || [ "$volume" = "$last" ] ||
			fail "$3: $volume has only $size bytes, of $most"
	done < <(volumes "$1")
	note "$3: $count volumes"
}

# restored URL SOURCE RUNNER OPTION...
restored() {
	local from=$1 like=$2 runner=$3

	shift 3
	expect 0 restore "$runner" duplicity restore --no-encryption "$@" "$from" "$work/restored"
	same_tree "$like" "$work/restored" "restored from $from by $runner"
	rm -rf "$work/restored"
}

# The function itself, called by hand.
mkdir "$work/unit" "$work/small"
arguments=("$work/unit")
if am_root && mount -t tmpfs -o size=40M,mode=0700 stage-test "$work/small" 2>/dev/null; then
	mounts+=("$work/small")
	arguments+=("$work/small")
else
	skip_part 'a file system that is full while a volume is written takes root'
fi
expect 0 unit plugged "$HOST_PYTHON" "$srcdir/tests/plugin/gzipwriter.py" "${arguments[@]}"
rm -r "$work/unit"

# A tree of everything odd, and of what is usual: compressible, incompressible, large and small.
make_tree "$source"
find /usr/bin /usr/lib /usr/share -xdev -type f -size -8000k -printf '%s %p\n' | sort -k 2 |
	awk '{ sum += $1; print $2 } sum > 50000000 { exit }' | xargs cp --parents -t "$source"
head -c 9000000 /dev/urandom >"$source/incompressible"
head -c 60000000 /dev/zero >"$source/zeros"
note "the source has $(du -sm "$source" | cut -f 1) MiB"

for volsize in 1 5 25; do
	rm -rf "$XDG_CACHE_HOME/duplicity"
	expect 0 stock stock duplicity "${full[@]}" --volsize $volsize "$source" "file://$work/A$volsize"
	rm -rf "$XDG_CACHE_HOME/duplicity"
	expect 0 plugged plugged duplicity "${full[@]}" --volsize $volsize "$source" "stage+file://$work/B$volsize"
	nothing_left "a backup with --volsize $volsize"
	same_backups "$work/A$volsize" "$work/B$volsize" "--volsize $volsize"
	full_volumes "$work/B$volsize" $volsize "--volsize $volsize"
	expect 0 verify stock duplicity verify --no-encryption --compare-data "file://$work/B$volsize" "$source"
done
restored "file://$work/B25" "$source" stock
restored "stage+file://$work/A25" "$source" plugged
cmp <(tar_of "$work/B1") <(tar_of "$work/B25") || fail 'the tar depends on --volsize'
rm -rf "$work"/[AB]1 "$work"/[AB]5

# Settings: another number of threads is no difference, another level is.
for threads in 1 3; do
	configure "temp_root = $root" 'avoid_tmpfs = no' "gzip_threads = $threads"
	rm -rf "$XDG_CACHE_HOME/duplicity"
	expect 0 threads plugged duplicity "${full[@]}" --volsize 25 "$source" "stage+file://$work/T$threads"
	for volume in $(volumes "$work/B25"); do
		cmp "$volume" "$work/T$threads/$(basename "$volume")" || fail "$threads threads write other bytes"
	done
done
configure "temp_root = $root" 'avoid_tmpfs = no' 'gzip_level = 1'
rm -rf "$XDG_CACHE_HOME/duplicity"
expect 0 level plugged duplicity "${full[@]}" --volsize 25 "$source" "stage+file://$work/L"
same_backups "$work/A25" "$work/L" 'gzip_level = 1'
[ "$(du -sb "$work/L" | cut -f 1)" -gt "$(du -sb "$work/B25" | cut -f 1)" ] || fail 'gzip_level = 1 does not matter'
configure "temp_root = $root" 'avoid_tmpfs = no'
rm -rf "$work"/T? "$work/L"
note 'settings'

# members_of_kind KIND DIR - of all volumes of the full backup, or of the increments.
members_of_kind() {
	find "$2" -name "duplicity-$1*difftar.gz" | sort -V | xargs zcat | "$HOST_PYTHON" "$srcdir/tests/lib/members.py"
}

# Chains that both have a part in: an increment by either on a full backup by either.
rm -rf "$XDG_CACHE_HOME/duplicity"
cp -a "$source" "$work/changed"
change_tree "$work/changed"
head -c 3000000 /dev/urandom >"$work/changed/incompressible"
cp -a "$work/changed" "$work/again"
echo more >>"$work/again/plain/numbers"
touch -d '2005-05-05 05:05:05' "$work/again/plain/numbers"
for chain in stock,stock,stock stock,plugged,stock plugged,stock,plugged; do
	target=$work/chain-$chain
	IFS=, read -r first second third <<<"$chain"
	at=1600000000
	for step in "$first $source" "$second $work/changed" "$third $work/again"; do
		read -r runner tree <<<"$step"
		case $runner in
		stock) to=file://$target ;;
		plugged) to=stage+file://$target ;;
		esac
		at=$((at + 1000))
		expect 0 chain "$runner" duplicity --no-encryption --allow-source-mismatch --current-time $at --volsize 5 \
			"$tree" "$to"
	done
	restored "file://$target" "$work/again" stock
	restored "stage+file://$target" "$work/changed" plugged --time 1600002500
	[ "$chain" = stock,stock,stock ] && continue
	for kind in full. inc.; do
		cmp <(members_of_kind "$kind" "$work/chain-stock,stock,stock") <(members_of_kind "$kind" "$target") ||
			fail "$chain: the members of duplicity-$kind differ"
	done
done
rm -rf "$work"/chain-*
note 'chains'

# Interrupted by SIGKILL while the third volume is stored, and gone on with, by either after either.
for runs in plugged,stock stock,plugged plugged,plugged; do
	IFS=, read -r first second <<<"$runs"
	fresh_odd
	set_odd hang vol3.
	[ "$first" = stock ] && to=$url || to=stage+$url
	start killed "$first" duplicity "${full[@]}" --volsize 5 "$source" "$to"
	wait_for 60 have_logged vol3. || fail "$runs: no third volume"
	kill -KILL "$pid"
	end "$pid"
	unset_odd hang
	[ "$second" = stock ] && to=$url || to=stage+$url
	expect 0 continued "$second" duplicity "${full[@]}" --volsize 5 "$source" "$to"
	has continued 'Restarting after volume'
	cmp <(members_of "$work/A25") <(members_of "$storage") || fail "$runs: the members of all volumes differ"
	expect 0 verify stock duplicity verify --no-encryption --compare-data "$url" "$source"
	# what the killed run left, if it was the plugin's and the next one was not
	plugged stagedir gc >"$logs/gc" 2>&1
	find "$root" -mindepth 1 -delete
done
note 'interrupted runs'

# A host whose function has another signature: the stock one writes, and it is said once.
change_host "$work/site" duplicity.gpg 'stock = module.GzipWriteFile' \
	'module.GzipWriteFile = lambda blocks, filename, size=1, gzipped=True, level=6: stock(blocks, filename, size, gzipped)'
rm -rf "$XDG_CACHE_HOME/duplicity"
expect 0 unknown env PYTHONPATH="$work/site" "$IN_TREE" duplicity "${full[@]}" --volsize 25 "$source" \
	"stage+file://$work/unknown"
has unknown 'is not as it was proved with stagedir: gpg.GzipWriteFile differs'
[ "$(grep -c 'is not as it was proved' "$logs/unknown")" -eq 1 ] || fail 'it is said more than once'
for volume in $(volumes "$work/unknown"); do
	! by_plugin "$volume" || fail "$volume was written by the plugin"
done
cmp <(members_of "$work/A25") <(members_of "$work/unknown") || fail 'on an unknown host members differ'
expect 0 known plugged duplicity collection-status --no-encryption "stage+file://$work/B25"
has_not known 'is not as it was proved'
nothing_left 'a backup on an unknown host'
finish
