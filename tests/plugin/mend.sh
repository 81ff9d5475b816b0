# mend.sh - a run that was killed while the host made its final signature file out of the partial one leaves
# an archive directory with which the host, by itself, ends in an assertion. The plugin goes on from it.
. "${srcdir:-.}/tests/plugin/lib.sh"
need gunzip gzip

source=$work/source
url=file://$work/target
mkdir "$source"
for i in 1 2 3; do
	head -c 1000000 /dev/urandom >"$source/file-$i"
done
options=(--no-encryption --volsize 1)

# die_in_the_middle - as if the run that made the newest backup had been killed in that moment: its manifest
# is stored nowhere yet.
die_in_the_middle() {
	local archive signatures manifest

	archive=$(echo "$XDG_CACHE_HOME"/duplicity/*)
	signatures=$(ls -t "$archive"/*.sigtar.gz | head -n 1)
	manifest=$(ls -t "$archive"/*.manifest | head -n 1)
	gunzip -c "$signatures" >"${signatures%.gz}.part"
	head -c 100 "${signatures%.gz}.part" >"$signatures"
	mv "$manifest" "$manifest.part"
	rm "$work/target/${manifest##*/}"
}

# goes_on COMMAND - the plugin goes on, and then stock is content.
goes_on() {
	expect 0 mended plugged duplicity "$1" "${options[@]}" "$source" "stage+$url"
	says mended 'removed .*sigtar.gz: an earlier run was killed'
	nothing_left "the mended $1"
	expect 0 verify stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
}

note 'full, which stock cannot go on from'
expect 0 full plugged duplicity full "${options[@]}" "$source" "stage+$url"
die_in_the_middle
expect 30 control stock duplicity full "${options[@]}" "$source" "$url"
goes_on full

note 'incremental, which stock would mend in its own way'
head -c 1000000 /dev/urandom >"$source/file-4"
sleep 1
expect 0 incremental plugged duplicity incremental "${options[@]}" "$source" "stage+$url"
die_in_the_middle
goes_on incremental

finish
