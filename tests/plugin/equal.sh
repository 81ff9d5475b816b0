# equal.sh - of one odd tree stock and plugin make the same backup: the same members in the same order with the same
# names, types, modes, owners, times, targets, sizes and contents; the same signature of each file, the same statistics,
# the same lines of the log. Also of files that change or fail while they are read, with encryption, and where a run is
# ended in the middle of a large file and gone on with by either. What one wrote the other restores.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

source=$work/source
library=$(library restless) || exit 1
at=1600000000

# listed FILE... - the members of one archive that is in so many files.
listed() {
	[ $# = 0 ] || zcat "$@" | "$HOST_PYTHON" "$srcdir/tests/lib/members.py"
}

# members TARGET KIND - of all volumes of KIND (full, inc); of encrypted ones each by itself, as they have an end each.
members() {
	local volume

	# shellcheck disable=SC2046 # names without blanks
	listed $(find "$1" -name "duplicity-$2.*difftar.gz" | sort -V)
	for volume in $(find "$1" -name "duplicity-$2.*difftar.gpg" | sort -V); do
		gpg --batch --quiet --pinentry-mode loopback --passphrase "$PASSPHRASE" --decrypt "$volume" 2>/dev/null |
			"$HOST_PYTHON" "$srcdir/tests/lib/members.py"
	done
}

# signed TARGET KIND - the members of the signature files of KIND (full, new).
signed() {
	find "$1" -name "duplicity-$2*sigtar.gz" | sort -V | while read -r file; do
		listed "$file"
	done
}

# by_libarchive TARGET - was its first volume framed by the plugin? Its numbers have a digit less and a blank.
by_libarchive() {
	[ "$(zcat "$1"/*full*.vol1.difftar.gz | head -c 107 | tail -c 1)" = ' ' ]
}

# told LOG - what it says of files, and all counts but that of compressed bytes.
told() {
	grep -a -E '^([AMD] |Error |Warning|Skipping|(Source|New|Deleted|Changed|Delta|RawDelta)[A-Za-z]* |Errors )' "$logs/$1" | sed "s,$source\\.[AB]/,$source/,"
}

# same STOCK PLUGGED WHAT
same() {
	local kind

	for kind in full inc; do
		members "$1" $kind >"$work/members.a"
		[ $kind = inc ] || [ -s "$work/members.a" ] || fail "$3: nothing to compare"
		members "$2" $kind >"$work/members.b"
		cmp "$work/members.a" "$work/members.b" || {
			fail "$3: members of $kind differ"
			diff -a "$work/members.a" "$work/members.b" | head -n 6 | cut -c 1-400 | cat -v >&2
		}
	done
	by_libarchive "$2" || fail "$3: not the plugin's"
	! by_libarchive "$1" || fail "$3: the plugin's in the place of stock's"
	for kind in full new; do
		cmp <(signed "$1" $kind) <(signed "$2" $kind) || fail "$3: signatures of $kind differ"
	done
}

# both LOG STATUS OPTION... - a backup by stock to $work/A, one with the plugin to $work/B; each of a tree of its own if
# there is one, $source.A and $source.B. What they say is the same.
both() {
	local log=$1 wanted=$2 source_a=$source source_b=$source

	shift 2
	[ ! -d "$source.A" ] || source_a=$source.A source_b=$source.B
	expect "$wanted" "$log-a" stock duplicity --current-time $at --allow-source-mismatch "$@" "$source_a" "file://$work/A"
	expect "$wanted" "$log-b" plugged duplicity --current-time $at --allow-source-mismatch "$@" "$source_b" "stage+file://$work/B"
	diff -a <(told "$log-a") <(told "$log-b") >&2 || fail "$log: they do not say the same"
	has_not "$log-b" 'does not know'
	[ "$(told "$log-a" | wc -l)" -gt 5 ] || fail "$log: says nothing"
	at=$((at + 1000))
}

afresh() {
	rm -rf "$work/A" "$work/B" "$XDG_CACHE_HOME/duplicity"
}

# restored WHAT - each restores what the other wrote. That a second is not always the source's is a rounding of the host's.
restored() {
	expect 0 restore-a plugged duplicity restore --no-encryption "file://$work/A" "$work/restored.a"
	expect 0 restore-b stock duplicity restore --no-encryption "file://$work/B" "$work/restored.b"
	same_tree "$work/restored.a" "$work/restored.b" "restored, $1"
	expect 0 verify stock duplicity verify --compare-data --no-encryption "file://$work/B" "$source"
	[ "$(find "$work/restored.b" | wc -l)" -gt 100 ] || fail "little was restored, $1"
	rm -rf "$work/restored.a" "$work/restored.b"
}

# Everything that is special about tar headers, and sizes around what is read at a time.
make_odder_tree() {
	local long size folder

	make_tree "$source"
	long=$(printf 'x%.0s' {1..250})
	folder=$source/deep/$long/$long/$long/$long/$long
	mkdir -p "$folder"
	echo deep >"$folder/$long"
	head -c 200000 /dev/urandom >"$folder/large"
	ln -s "$long" "$source/link-250"
	ln -s "$(printf 'y/%.0s' {1..2000})y" "$source/link-4001"
	ln -s $'\xff\xfe/\xe4' "$source/link-bytes"
	ln -s 'slash/' "$source/link-slash"
	for size in 0 1 511 512 513 65535 65536 65537 131071 131072 131073 196608 1023999 1024000 3000000; do
		head -c $size /dev/urandom >"$source/size-$size"
	done
	truncate -s 5000000 "$source/sparse"
	truncate -s 655360 "$source/sparse-even"
	printf end >>"$source/sparse"
	mkdir "$source/many"
	(cd "$source/many" && seq -f 'file-%g' 10000 | xargs touch)
	"$HOST_PYTHON" -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$source/socket"
	touch -d '2040-01-01 00:00:00 UTC' "$source/size-1"
	touch -d '2107-01-01 00:00:00.5 UTC' "$source/size-511"
	touch -d '1969-12-31 23:59:59.5 UTC' "$source/size-512"
	touch -d '1901-12-31 23:59:59 UTC' "$source/size-196608"
	touch -d '2020-01-01 00:00:00.999999999 UTC' "$source/size-513"
	touch -h -d '1960-01-01 00:00:00 UTC' "$source/link-250"
	am_root || return
	chown 3000000:4000000 "$source/size-1"
	chown 2097151:2097152 "$source/size-65536"
	chown 4294967294:4294967294 "$source/many/file-7"
	chown daemon:mail "$source/size-131072"
	mknod "$source/character" c 5 7 && mknod "$source/block" b 259 1048575 && mknod "$source/large-minor" b 7 300000 ||
		skip_part 'devices cannot be made here'
}

# filed TARGET - the changed files that its manifest of a full backup lists.
filed() {
	sed -n '/^Filelist/,/^Volume/p' "$1"/*full*.manifest
}

make_odder_tree
note 'the tree is made'
# where no file is named in the log, most are backed up without an object
both silent 0 full --no-encryption --volsize 5
same "$work/A" "$work/B" 'silent'
cmp <(filed "$work/A") <(filed "$work/B") || fail 'silent: the lists of changed files differ'
restored silent
note 'silent'
afresh
both full 0 full --no-encryption --volsize 5 -v5
same "$work/A" "$work/B" 'full'
restored full
note 'full'

change_tree "$source"
for size in 65535 65536 131072 3000000; do
	printf changed | dd of="$source/size-$size" bs=1 seek=1000 conv=notrunc status=none
	touch -d '2004-04-04 04:04:04' "$source/size-$size"
done
rm "$source/size-131071" "$source"/many/file-9*
head -c 300000 /dev/urandom >"$source/size-0"
: >"$source/size-131073"
touch -d '1950-04-04 04:04:04' "$source/size-131073"
[ ! -e "$source/block" ] || { rm "$source/block" && mknod "$source/block" b 8 1; }
both inc 0 incr --no-encryption --volsize 1 -v5
same "$work/A" "$work/B" 'incremental'
restored incremental
both quiet 0 incr --no-encryption --volsize 1
both debug 0 full --no-encryption -v9
same "$work/A" "$work/B" 'all logged'
note 'incremental'

# A chain of both: to the target of either the other adds.
echo more >>"$source/plain/numbers"
expect 0 mixed-a plugged duplicity --current-time $at --no-encryption "$source" "stage+file://$work/A"
expect 0 mixed-b stock duplicity --current-time $at --no-encryption "$source" "file://$work/B"
at=$((at + 1000))
same "$work/A" "$work/B" 'mixed chain'
restored 'mixed chain'
note 'mixed chain'

# Files that change or fail while they are read.
mkdir "$work/restless"
for name in eio-0 eio-1 eio-65536 eio-70000 eio-131072 once-0 once-65536 once-131072 shrink-65536 shrink-131072 \
	grow-65536 grow-131072 grow-200000 gone- denied-; do
	head -c 200000 /dev/urandom >"$work/restless/fault-$name"
done
head -c 131072 /dev/urandom >"$work/restless/fault-grow-131072"
mkdir "$work/restless/small"
for name in eio-0 denied-; do
	echo small >"$work/restless/small/fault-$name"
done
echo whole >"$work/restless/whole"
touch -d '2003-03-03 03:03:03' "$work"/restless/small/* "$work"/restless/* "$work/restless"
for verbosity in -v4 -v5; do
	afresh
	rm -rf "$source.A" "$source.B"
	cp -a "$work/restless" "$source.A"
	cp -a "$work/restless" "$source.B"
	export LD_PRELOAD=$library
	both restless 0 full --no-encryption $verbosity
	unset LD_PRELOAD
	has restless-b 'Error Input/output error getting delta for '
	has restless-b 'Errors 3'
	diff <(told restless-a | grep -c Input/output) <(told restless-b | grep -c Input/output)
	same "$work/A" "$work/B" "restless, $verbosity"
done
for tree in "$source.A" "$source.B"; do
	for name in "$tree"/fault-[es]* "$tree"/small/fault-e*; do
		printf more >>"$name"
	done
	# the run has changed the times of others, and of the folder
	touch -d '2004-04-04 04:04:04' "$tree"/small/* "$tree"/* "$tree"
done
export LD_PRELOAD=$library
both again 0 incr --no-encryption -v5
unset LD_PRELOAD
same "$work/A" "$work/B" 'restless, incremental'
rm -r "$source.A" "$source.B" "$work/restless"
note 'files that change or fail'

# Ended in the middle of a large file, and gone on with: by either, with gzip and with gpg.
mkdir "$work/large"
head -c 7000000 /dev/urandom >"$work/large/large"
echo last >"$work/large/last"
source=$work/large
export PASSPHRASE=secret
# not every host has an option for this
change_host "$work/ends" duplicity.manifest 'stock = module.VolumeInfo.set_info' 'def set_info(self, number, *indices):' \
	"    assert number != 4, 'Forced assertion for testing'" '    return stock(self, number, *indices)' \
	'module.VolumeInfo.set_info = set_info'
for options in --no-encryption --volsize=1; do
	afresh
	expect 0 whole stock duplicity --current-time $at full $options --volsize 1 "$source" "file://$work/A"
	for pair in stock,plugged plugged,stock plugged,plugged; do
		rm -rf "$work/B" "$XDG_CACHE_HOME/duplicity"
		for runner in "${pair%,*}" "${pair#*,}"; do
			to=file://$work/B
			[ "$runner" = stock ] || to=stage+$to
			wanted=0
			[ -n "$(ls "$work/B" 2>/dev/null)" ] || export wanted=30 PYTHONPATH=$work/ends
			run "end-$runner" "$runner" duplicity full --current-time $at $options --volsize 1 "$source" "$to"
			unset PYTHONPATH
			[ "$status" -eq "$wanted" ] ||
				{ fail "$options, $pair: exit status $status"; show "$logs/end-$runner"; }
		done
		says "end-${pair#*,}" 'Restarting after volume [23], file large, block [0-9]+'
		cmp <(members "$work/A" full | grep -v '^b..snapshot/\.. ' | sort -u) \
			<(members "$work/B" full | grep -v '^b..snapshot/\.. ' | sort -u) || fail "$options, $pair: members differ"
		expect 0 verify stock duplicity verify $options --compare-data "file://$work/B" "$source"
	done
done
find "$work/A" "$work/B" -name '*.gpg' | grep -q . || fail 'nothing was encrypted'
note 'ended runs'

# A host that makes members out of paths in another way than is known: its own code does it, and it is said once.
change_host "$work/site" duplicity.diffdir 'stock = module.get_delta_path' \
	'module.get_delta_path = lambda new_path, sig_path, sigTarFile=None: stock(new_path, sig_path, sigTarFile)'
afresh
expect 0 stock stock duplicity full --no-encryption --current-time $at "$source" "file://$work/A"
expect 0 unknown env PYTHONPATH="$work/site" "$IN_TREE" duplicity full --no-encryption --current-time $at "$source" \
	"stage+file://$work/B"
has unknown 'is not as it was proved with stagedir: diffdir.get_delta_path differs'
[ "$(grep -c 'is not as it was proved' "$logs/unknown")" -eq 1 ] || fail 'it is said more than once'
! by_libarchive "$work/B" || fail 'the plugin does it all the same'
cmp <(members "$work/A" full) <(members "$work/B" full) || fail 'unknown host: members differ'
note 'an unknown host'

finish
