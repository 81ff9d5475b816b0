# cycle.sh - the whole life of a chain of backups through stage+file://, and the same by the stock host on
# file:// beside it: same exit codes, same output, same names in storage, same trees. Then chains that both
# write, in turn.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

A=$work/plugged-target
B=$work/stock-target

# both LOG ARG... - stock's run with URL for file://B and the plugin's with stage+file://A must end alike.
both() {
	local log=$1 url=file://$B

	shift
	run "$log.stock" stock duplicity "${@//URL/$url}"
	expect "$status" "$log.plugged" plugged duplicity "${@//URL/stage+file://$A}"
	nothing_left "$log"
}

# What is said of both but for names, times and what the run itself took must be the same.
same_words() {
	local side

	for side in stock plugged; do
		sed -E -e "s,$(archive_of "file://$A"),ARCHIVE,; s,$(archive_of "file://$B"),ARCHIVE," \
			-e "s,(stage\+)?file://($A|$B),URL,; s,$A|$B,TARGET," \
			-e 's/^(StartTime|EndTime|ElapsedTime|TotalDestinationSizeChange) .*/\1/' \
			-e '/^Connecting with backend:/d' -e 's/\.[0-9a-z]+\.(duplicity|out)/.X/' \
			"$logs/$1.$side" >"$logs/$1.$side.words"
	done
	diff "$logs/$1.stock.words" "$logs/$1.plugged.words" >&2 || fail "$1: stock (<) and plugin (>) say different things"
}

# Names and modes in storage and in the archive directory.
same_storage() {
	diff <(cd "$B" && find . -type f -printf '%P %m\n' | sort) <(cd "$A" && find . -type f -printf '%P %m\n' | sort) >&2 ||
		fail "$1: stock (<) and plugin (>) store different files"
	diff <(cd "$(archive_of "file://$B")" && find . -printf '%y %P %m\n' | sort) \
		<(cd "$(archive_of "file://$A")" && find . -printf '%y %P %m\n' | sort) >&2 ||
		fail "$1: the archive directories of stock (<) and plugin (>) hold different files"
}

source=$work/source
make_tree "$source"
cp -a "$source" "$work/first"
plain=--no-encryption

# --current-time: a run a second would otherwise be the most that a chain can take
both full full $plain --current-time 1600000000 "$source" URL
same_words full
same_storage full
both verify verify $plain --compare-data URL "$source"
same_words verify

change_tree "$source"
cp -a "$source" "$work/second"
both differs verify $plain --compare-data URL "$source"
same_words differs
both inc inc $plain --current-time 1600001000 "$source" URL
same_words inc
same_storage inc
echo more >>"$source/plain/numbers"
touch -d '2004-04-04 04:04:04' "$source/plain/numbers"
both implicit $plain --current-time 1600002000 "$source" URL
same_storage implicit
both verify2 verify $plain --compare-data URL "$source"
same_words verify2

both restore restore $plain URL "$work/restored-URL"
# URL is in the name of what was restored, too: file://B is a path below it
same_tree "$source" "$work/restored-stage+file:/$A" 'restored by the plugin'
same_tree "$work/restored-file:/$B" "$work/restored-stage+file:/$A" 'restored by stock and plugin'
expect 0 second plugged duplicity restore $plain --time 1600001000 "stage+file://$A" "$work/restored-second"
same_tree "$work/second" "$work/restored-second" 'restored from the second backup'
expect 0 first plugged duplicity restore $plain --time 1600000000 "stage+file://$A" "$work/restored-first"
same_tree "$work/first" "$work/restored-first" 'restored from the first backup'
# the option for a part of a backup has another name in 3.0
part=--path-to-restore
offers $part || part=--file-to-restore
expect 0 one plugged duplicity restore $plain $part plain/deep "stage+file://$A" "$work/restored-one"
same_tree "$source/plain/deep" "$work/restored-one" 'one folder restored'
nothing_left restores

both list list-current-files $plain URL
same_words list
both status collection-status $plain URL
same_words status

# what is in the way, missing or wrong ends as with stock
both occupied restore $plain URL "$source"
both no-source full $plain "$work/no-such-source" URL
both no-backup restore $plain URL-nothing "$work/nothing"
both no-such-file restore $plain $part no/such/file URL "$work/nothing"
both bad-option full $plain --no-such-option "$source" URL
: >"$work/a-file"
run in-a-file.stock stock duplicity full $plain --num-retries 1 "$source" "file://$work/a-file/target"
expect "$status" in-a-file plugged duplicity full $plain --num-retries 1 "$source" "stage+file://$work/a-file/target"
nothing_left 'a target that cannot be made'

# an incremental backup without a full one before it
stray=duplicity-inc.20000101T000000Z.to.20000102T000000Z
for side in "$A" "$B"; do
	echo stray >"$side/$stray.vol1.difftar.gz"
	echo stray >"$side/$stray.manifest"
done
both cleanup-dry cleanup $plain URL
same_words cleanup-dry
both cleanup cleanup $plain --force URL
same_words cleanup
same_storage cleanup
[ ! -e "$A/$stray.vol1.difftar.gz" ] || fail 'cleanup has left a stray volume'

both second-full full $plain --current-time 1600003000 "$source" URL
# 3.0 asks for a passphrase here, too
both old-dry remove-older-than $plain 1600003000 URL
same_words old-dry
both old remove-older-than $plain 1600003000 --force URL
same_words old
same_storage old
both inc-of-second inc $plain --current-time 1600004000 "$source" URL
both third-full full $plain --current-time 1600005000 "$source" URL
both all-but remove-all-but-n-full $plain 1 --force URL
same_storage all-but

if knows replicate; then
	run replicate.stock stock duplicity replicate $plain "file://$B" "file://$B-replica"
	expect "$status" replicate.plugged plugged duplicity replicate $plain "stage+file://$A" "stage+file://$A-replica"
	[ "$status" -eq 0 ] || fail "replicate ended with $status"
	nothing_left replicate
	diff <(ls "$B-replica") <(ls "$A-replica") >&2 || fail 'stock (<) and plugin (>) replicate different files'
	expect 0 replica stock duplicity restore $plain "file://$A-replica" "$work/restored-replica"
	same_tree "$source" "$work/restored-replica" 'restored by stock from the replica'
fi

# Each reads and goes on with what the other wrote: one archive directory, never a copy out of storage.
folders_before=$(find "$XDG_CACHE_HOME/duplicity" -mindepth 1 -maxdepth 1 | wc -l)
for name in stock-first plugged-first; do
	turns=(stock plugged plugged stock stock plugged)
	[ $name = plugged-first ] && turns=(plugged stock stock plugged)
	time=1610000000
	for who in "${turns[@]}"; do
		url=file://$work/$name
		[ "$who" = plugged ] && url=stage+$url
		time=$((time + 1000))
		echo "$time" >"$source/plain/turn"
		# two turns within a second would look alike
		touch -d "@$time" "$source/plain/turn"
		expect 0 "$name.$time" "$who" duplicity $plain --current-time "$time" "$source" "$url"
		has "$name.$time" 'Local and Remote metadata are synchronized, no sync needed.'
		has_not "$name.$time" 'Copying'
		expect 0 "$name.verify" stock duplicity verify $plain --compare-data "file://$work/$name" "$source"
		expect 0 "$name.verify" plugged duplicity verify $plain --compare-data "stage+file://$work/$name" "$source"
	done
	expect 0 "$name.restore" plugged duplicity restore $plain "stage+file://$work/$name" "$work/restored-$name"
	same_tree "$source" "$work/restored-$name" "$name, restored from a chain that both wrote"
	nothing_left "$name"
	count=$(find "$work/$name" -name 'duplicity-inc.*.manifest' | wc -l)
	[ "$count" -eq $((${#turns[@]} - 1)) ] || fail "$name: $count incremental backups, not $((${#turns[@]} - 1))"
done
folders=$(find "$XDG_CACHE_HOME/duplicity" -mindepth 1 -maxdepth 1 | wc -l)
[ "$folders" -eq $((folders_before + 2)) ] ||
	fail "two targets have $((folders - folders_before)) archive directories"
finish
