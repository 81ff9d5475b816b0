# mend.sh - a run that is ended while the host turns its partial files into final ones leaves an archive
# directory with which the host, by itself, ends in an assertion. The plugin goes on from it, and stock then
# finds everything in order.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

source=$work/source
url=file://$work/target
PASSPHRASE=secret
export PASSPHRASE
mkdir "$source" "$work/site"
for i in 1 2 3; do
	head -c 1000000 /dev/urandom >"$source/file-$i"
done

# Ends the process, by the signal END_BY, at END_AT: after the Nth file that is no volume was put, before the host
# deletes its copy of it; when the manifest has become final; or before, or after, the partial signature file is removed, when
# the final one was made from it.
cat >"$work/site/sitecustomize.py" <<'PYTHON'
import errno
import os

where = os.environ.get('END_AT', '')


def end():
    os.kill(os.getpid(), int(os.environ['END_BY']))


if where.startswith('put'):
    import duplicity.backend as backend
    real_put = backend.BackendWrapper._BackendWrapper__do_put
    puts = 0

    def count(name):
        global puts
        if b'vol' not in name and b'.dt' not in name:
            puts += 1
            if where == f'put{puts}':
                end()

    def put(self, source_path, remote_filename):
        real_put(self, source_path, remote_filename)
        count(remote_filename)

    backend.BackendWrapper._BackendWrapper__do_put = put
    real_move = backend.BackendWrapper.move

    def move(self, source_path, remote_filename=None):
        real_move(self, source_path, remote_filename)
        if hasattr(self.backend, '_move'):  # otherwise it was put
            count(source_path.get_filename())

    backend.BackendWrapper.move = move
elif where == 'named':
    real_rename = os.rename

    def rename(old, new, *rest, **more):
        real_rename(old, new, *rest, **more)
        if b'.manifest.part' in os.fsencode(old) and b'.part' not in os.fsencode(new):
            end()

    os.rename = rename
elif where in ('final', 'signed'):
    real_unlink = os.unlink

    def unlink(path, *rest, **more):
        is_partial = os.fsencode(path).endswith((b'.sigtar.part', b'.st.p'))
        if is_partial and where == 'final':
            end()
        real_unlink(path, *rest, **more)
        if is_partial:
            end()

    os.unlink = unlink

# LACKS: what fails where something is made in a folder of its own in the archive directory, besides what the host has there:
# gpg has a hiccup, or there is no space for a manifest when its signatures are kept back. And what is not of that directory at
# all: no process can be made, or there is no space in the temp root.
lacks = os.environ.get('LACKS', '')


def fail(name, is_whole, is_manifest):
    folder = os.path.dirname(os.fsencode(name))
    if not os.path.basename(folder).startswith(b'stagedir-') or os.fsencode(os.environ['XDG_CACHE_HOME']) not in folder:
        return
    if lacks == 'space' and is_whole and is_manifest:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
    if lacks == 'hiccup' or not is_whole:  # what fails in a thread is made again, of the whole file
        raise gpg.GPGError('gpg has a hiccup')


if lacks == 'process':  # where signatures and manifest are encrypted
    import sys

    def starts_one():
        frame = sys._getframe(1)
        while frame:
            name = frame.f_locals.get('filename')
            if isinstance(name, (str, bytes)) and os.environ['XDG_CACHE_HOME'] in os.fsdecode(name):
                raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            frame = frame.f_back

    def failing(stock):
        def start(*arguments, **more):
            starts_one()
            return stock(*arguments, **more)
        return start

    os.fork, os.posix_spawnp = failing(os.fork), failing(os.posix_spawnp)
elif lacks == 'root':  # where what the archive directory has is copied to
    import shutil
    real_copyfile = shutil.copyfile

    def copyfile(source, target, **more):
        if os.environ['XDG_CACHE_HOME'] not in os.fsdecode(target):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), source, None, target)
        return real_copyfile(source, target, **more)

    shutil.copyfile = copyfile
elif lacks:
    import copy
    import shutil
    import sys

    from duplicity import gpg
    real_copy, real_copyfileobj = copy.copy, shutil.copyfileobj

    # of the profile that the gpg of such a file gets; functions of the host itself have to be as they were proved
    def copy_profile(original):
        caller = sys._getframe(1)
        if isinstance(original, gpg.GPGProfile) and caller.f_code.co_name == '_encrypt':
            blocks, made = caller.f_locals['blocks'], caller.f_locals['made']
            source = getattr(blocks, 'src', None)
            fail(made, source is not None, source is not None and b'manifest' in os.fsencode(source.name))
        return real_copy(original)

    def copyfileobj(source, target, *rest):
        fail(target.name, True, True)
        return real_copyfileobj(source, target, *rest)

    copy.copy, shutil.copyfileobj = copy_profile, copyfileobj
PYTHON

# end_at PLACE SIGNAL COMMAND OPTION... - a run that is ended there.
end_at() {
	local place=$1 signal=$2

	shift 2
	expect $((128 + signal)) "ended" env END_AT="$place" END_BY="$signal" PYTHONPATH="$work/site" \
		"$IN_TREE" duplicity "$@" "$source" "stage+$url"
}

# goes_on OPTION... - the next run completes what was begun; or begins a full backup, as the host does after an
# increment of which it has nothing to go on from.
goes_on() {
	expect 0 mended plugged duplicity --volsize 1 "$@" "$source" "stage+$url"
	nothing_left "the run that mends"
	# before an increment makes up for what it has left out
	expect 0 verify stock duplicity verify --compare-data "$@" "$url" "$source"
	expect 0 again plugged duplicity incremental --volsize 1 "$@" "$source" "stage+$url"
	expect 0 verify stock duplicity verify --compare-data "$@" "$url" "$source"
}

# put_back - the target and the archive directory as they were kept.
put_back() {
	rm -rf "$work/target" "$XDG_CACHE_HOME/duplicity"
	cp -a "$work/kept/target" "$work/target"
	cp -a "$work/kept/duplicity" "$XDG_CACHE_HOME/duplicity"
}

# metadata - what is stored, and what the archive directory has of it.
metadata() {
	(cd "$work/target" && stat -c '%n %Y %s' ./*)
	(cd "$XDG_CACHE_HOME" && find . -name '*manifest*' -o -name '*sigtar*' | sort)
}

# left_to_host LOG ARGUMENT... - a run that the plugin leaves to the host, and says so: it ends as the stock host does in
# the same place, and where that goes on the result is as good. Then all is put back.
left_to_host() {
	local log=$1 wanted before

	shift
	rm -rf "$work/kept"
	mkdir "$work/kept"
	cp -a "$work/target" "$XDG_CACHE_HOME/duplicity" "$work/kept/"
	before=$(metadata)
	sleep 1 # within the second of the run that was ended, the host ends in an assertion of its clock
	run stock stock duplicity "$@" "$url"
	wanted=$status
	rm -rf "$root"/duplicity-*-tempdir
	put_back
	expect "$wanted" "$log" plugged duplicity "$@" "stage+$url"
	says "$log" 'in storage and .* in the archive directory differ'
	has_not "$log" 'storing'
	if [ "$wanted" -ne 0 ]; then
		[ "$(metadata)" = "$before" ] || fail "$*: storage, or the archive directory, was changed"
	else
		note "the host goes on by itself: $*"
		# shellcheck disable=SC2086
		[ "$1" = list-current-files ] || expect 0 verify stock duplicity verify --compare-data $options "$url" "$source"
	fi
	put_back
}

for place in put1 put2 named final signed; do
	for options in --no-encryption ''; do
		for signal in 9 15; do
			note "signal $signal at $place, ${options:-encrypted}"
			rm -rf "$work/target" "$XDG_CACHE_HOME/duplicity"
			# shellcheck disable=SC2086 # one option or none
			end_at "$place" "$signal" full --volsize 1 $options
			[ "$signal" = 9 ] || nothing_left "a run that SIGTERM ended at $place"
			# shellcheck disable=SC2086
			goes_on $options
		done
	done
done

# Stock, which mends nothing, must not take for done what is not: it completes the backup, or refuses. Of an increment
# whose final signatures are there it would leave out what is behind the newest volume.
mkdir "$work/base"
for place in put1 put2 named final signed put2/hiccup final/hiccup put2/space named/space final/space; do
	lacks=
	case $place in
	*/*) lacks=${place#*/} place=${place%/*} ;;
	esac
	for options in --no-encryption ''; do
		note "stock after an increment that was killed at $place, ${options:-encrypted}, ${lacks:-nothing} fails"
		rm -rf "$work/target" "$XDG_CACHE_HOME/duplicity"
		# shellcheck disable=SC2086
		expect 0 base stock duplicity full --volsize 1 --allow-source-mismatch $options "$work/base" "$url"
		# shellcheck disable=SC2086
		LACKS=$lacks end_at "$place" 9 incremental -v5 --volsize 1 --allow-source-mismatch $options
		case $lacks in
		hiccup) says ended 'is made as duplicity makes it: gpg has a hiccup' ;;
		space) has ended 'holds what duplicity itself has there, and no more' ;;
		esac
		[ -z "$(find "$XDG_CACHE_HOME" -name '*.manifest.part')" ] ||
			[ -z "$(find "$XDG_CACHE_HOME" -name 'duplicity-new-signatures.*.sigtar.gz')" ] ||
			fail "there are final signatures beside a partial manifest: $place, ${lacks:-nothing} fails"
		# shellcheck disable=SC2086
		run stock stock duplicity incremental --volsize 1 --allow-source-mismatch $options "$source" "$url"
		case $status in
		0)
			# shellcheck disable=SC2086
			expect 0 verify stock duplicity verify --compare-data $options "$url" "$source"
			;;
		30) note 'stock refuses' ;;
		*) fail "stock ends with $status after a run that was killed at $place" ;;
		esac
		[ "$place $status" != 'put1 30' ] || fail 'a backup whose manifest is not stored is refused by stock'
		# shellcheck disable=SC2086
		goes_on --allow-source-mismatch $options
	done
done

# Stock that goes on from there, where it does, and is killed again before it stores its manifest: what is stored, and its
# proof, are of the state before. Nothing but what is restored without the archive directory shows that.
for options in --no-encryption ''; do
	note "stock went on from there, and was killed too, ${options:-encrypted}"
	rm -rf "$work/target" "$XDG_CACHE_HOME/duplicity"
	# shellcheck disable=SC2086
	end_at put2 9 full --volsize 1 $options
	# shellcheck disable=SC2086
	run again env END_AT=put1 END_BY=9 PYTHONPATH="$work/site" "$DUPLICITY" full --volsize 1 $options "$source" "$url"
	[ "$status" -eq 137 ] || { note "stock does not go on: $status"; continue; }
	rm -rf "$root"/duplicity-*-tempdir "$XDG_CACHE_HOME"/duplicity/*/duplicity-*-tempdir
	# shellcheck disable=SC2086
	goes_on $options
	# shellcheck disable=SC2086
	expect 0 verify stock duplicity verify --compare-data --archive-dir "$work/fresh" $options "$url" "$source"
	rm -rf "$work/fresh"
done

note 'what is short elsewhere is not told of the archive directory'
lacking() {
	local lacks=$1

	shift
	run lacking env LACKS="$lacks" PYTHONPATH="$work/site" "$IN_TREE" duplicity "$@" "$source" "stage+$url"
	has_not lacking 'archive directory /'
}
rm -rf "$work/target" "$XDG_CACHE_HOME/duplicity"
lacking process full
[ "$status" -eq 30 ] || fail "a run that cannot make a process ends with $status instead of 30"
has lacking 'Resource temporarily unavailable'
goes_on
rm -rf "$work/target" "$XDG_CACHE_HOME/duplicity"
end_at put2 9 full --volsize 1 --no-encryption
truncate -s -1 "$work"/target/*manifest*
lacking root incremental --no-encryption
[ "$status" -eq 35 ] || fail "a run whose temp root is full when it mends ends with $status instead of 35"
has_not lacking Traceback
says lacking "^no space left in $root/stagedir-"
goes_on --no-encryption

note 'stock could not have gone on from its own'
rm -rf "$work/target" "$XDG_CACHE_HOME/duplicity"
expect 137 ended env END_AT=final END_BY=9 PYTHONPATH="$work/site" \
	"$DUPLICITY" full --volsize 1 --no-encryption "$source" "$url"
rm -rf "$root"/duplicity-*-tempdir "$XDG_CACHE_HOME"/duplicity/*/duplicity-*-tempdir
expect 30 control stock duplicity full --volsize 1 --no-encryption "$source" "$url"
goes_on --no-encryption
says mended 'removing .*sigtar.gz'

for options in --no-encryption ''; do
	note "an increment of stock's that was killed when it had final signatures, ${options:-encrypted}"
	rm -rf "$work/target" "$XDG_CACHE_HOME/duplicity"
	# shellcheck disable=SC2086
	expect 0 base stock duplicity full --volsize 1 --allow-source-mismatch $options "$work/base" "$url"
	# shellcheck disable=SC2086
	expect 137 ended env END_AT=signed END_BY=9 PYTHONPATH="$work/site" \
		"$DUPLICITY" incremental --volsize 1 --allow-source-mismatch $options "$source" "$url"
	rm -rf "$root"/duplicity-*-tempdir "$XDG_CACHE_HOME"/duplicity/*/duplicity-*-tempdir
	# shellcheck disable=SC2086
	goes_on --allow-source-mismatch $options
	says mended 'Restarting after volume'
done

for options in --no-encryption ''; do
	note "an increment, ${options:-encrypted}"
	rm -rf "$work/target" "$XDG_CACHE_HOME/duplicity" "$source/file-4" "$source/file-5"
	# shellcheck disable=SC2086
	expect 0 full plugged duplicity full --volsize 1 $options "$source" "stage+$url"
	# of one volume: the host begins it anew, and forgets its signatures in storage
	sleep 1
	echo first >"$source/file-4"
	# shellcheck disable=SC2086
	end_at put1 9 incremental --volsize 1 $options
	# shellcheck disable=SC2086
	goes_on $options
	says mended 'removing .*sigtar.* from storage'
	sleep 1
	echo second >"$source/file-4"
	# shellcheck disable=SC2086
	expect 137 ended env END_AT=signed END_BY=9 PYTHONPATH="$work/site" \
		"$DUPLICITY" incremental --volsize 1 $options "$source" "$url"
	rm -rf "$root"/duplicity-*-tempdir "$XDG_CACHE_HOME"/duplicity/*/duplicity-*-tempdir
	# shellcheck disable=SC2086
	goes_on $options
	says mended 'removing .*sigtar.* from storage'

	sleep 1
	echo more >"$source/file-4"
	# shellcheck disable=SC2086
	end_at put2 9 incremental --volsize 1 $options
	stored=$(find "$work/target" -name '*vol*' -newer "$source/file-4" -printf '%f %T@\n')
	# shellcheck disable=SC2086
	goes_on $options
	says mended 'finishing the backup'
	[ "$stored" = "$(find "$work/target" -name "${stored%% *}" -printf '%f %T@\n')" ] ||
		fail "a volume of a complete backup was made anew"

	for size in 0 -1; do
		note "a manifest that was stored in part ($size) is stored again, ${options:-encrypted}"
		sleep 1
		echo "$size" >>"$source/file-5"
		# shellcheck disable=SC2086
		end_at put2 9 incremental --volsize 1 $options
		manifest=$(ls -t "$work/target"/*manifest* | head -n 1)
		cp "$manifest" "$work/whole"
		truncate -s "$size" "$manifest"
		before=$(cd "$work/target" && stat -c '%n %Y %s' ./*vol* ./*sigtar*)
		# the backup is that of this source, not of what the next run finds
		sleep 1
		echo changed >>"$source/file-5"
		# shellcheck disable=SC2086
		expect 0 looks plugged duplicity list-current-files $options "stage+$url"
		says looks 'storing .*manifest.* again: it was stored in part'
		cmp "$manifest" "$work/whole" || fail 'the manifest that is stored is not the one that was to be'
		[ "$before" = "$(cd "$work/target" && stat -c '%n %Y %s' ./*vol* ./*sigtar*)" ] ||
			fail 'more than the manifest was stored again'
		# shellcheck disable=SC2086
		goes_on $options
	done

	note "a manifest that was stored in part stays where something else is missing, ${options:-encrypted}"
	sleep 1
	echo "part $options" >>"$source/file-5"
	# shellcheck disable=SC2086
	end_at put2 9 incremental --volsize 1 $options
	manifest=$(ls -t "$work/target"/*manifest* | head -n 1)
	cp -p "$manifest" "$work/whole"
	truncate -s -1 "$manifest"
	signatures=$(ls -t "$work/target"/*sigtar* | head -n 1)
	mv "$signatures" "$work/signatures"
	# shellcheck disable=SC2086
	left_to_host torn --volsize 1 $options "$source"
	mv "$work/signatures" "$signatures"
	# or where the archive directory is of another state of the backup
	volume=$(ls -t "$work/target"/*vol* | head -n 1)
	cp -p "$volume" "$work/volume"
	printf x >>"$volume"
	# shellcheck disable=SC2086
	left_to_host torn --volsize 1 $options "$source"
	cp -p "$work/volume" "$volume"
	# or where storage would have what is encrypted stored as it is
	if [ -z "$options" ]; then
		rm "$manifest"
		: >"${manifest%.gpg}"
		# shellcheck disable=SC2086
		left_to_host torn --volsize 1 $options "$source"
		rm "${manifest%.gpg}"
	fi
	cp -p "$work/whole" "$manifest"
	# shellcheck disable=SC2086
	goes_on $options

	note "a manifest that is another is left alone, ${options:-encrypted}"
	sleep 1
	echo even more >"$source/file-5"
	# shellcheck disable=SC2086
	end_at put2 9 incremental --volsize 1 $options
	manifest=$(ls -t "$work/target"/*manifest* | head -n 1)
	truncate -s 20 "$manifest"
	printf '\377' | dd of="$manifest" bs=1 seek=19 conv=notrunc status=none
	# shellcheck disable=SC2086
	left_to_host damaged --volsize 1 $options "$source"
done

note 'an archive directory of the middle of a run, beside a complete backup, is left alone'
rm -rf "$work/target" "$XDG_CACHE_HOME/duplicity"
end_at put1 9 full --volsize 1 --no-encryption
cp -a "$XDG_CACHE_HOME/duplicity" "$work/old"
goes_on --no-encryption
rm -rf "$XDG_CACHE_HOME/duplicity"
cp -a "$work/old" "$XDG_CACHE_HOME/duplicity"
part=$(echo "$XDG_CACHE_HOME"/duplicity/*/*.manifest.part)
head -n 6 "$part" >"$part.short"
mv "$part.short" "$part"
options=--no-encryption
left_to_host old list-current-files --no-encryption
[ -e "$part" ] || fail 'an old partial manifest was taken for a whole one'

finish
