# insource.sh - a temp root inside of what is being backed up is passed over; where there is no other, a
# warning says so, unless the root is excluded.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

source=$work/source
inside=$source/var/tmp
mkdir -p "$inside"
for i in 1 2 3; do
	head -c 1000000 /dev/urandom >"$source/file-$i"
done

# full OPTION... - a full backup of $source.
full() {
	rm -rf "$work/target" "$XDG_CACHE_HOME/duplicity"
	expect 0 full plugged duplicity full -v5 --volsize 1 --no-encryption "$@" "$source" "stage+file://$work/target"
	nothing_left "full $*"
	is_empty "$inside" "full $*"
	expect 0 list stock duplicity list-current-files --no-encryption "file://$work/target"
}
warning='inside of .*source.*being backed up'

note 'a better root is inside'
configure "temp_root = $inside" "temp_root = $root" 'avoid_tmpfs = no'
full
says full "Using temporary directory $root/stagedir-"
says full "$inside.*$warning"
has_not list stagedir-

note 'the only root is inside'
full --tempdir "$inside"
says full "Using temporary directory $inside/stagedir-"
says full "$warning"
# a user sees it without asking for more
rm -rf "$work/target" "$XDG_CACHE_HOME/duplicity"
expect 0 quiet plugged duplicity full -v2 --volsize 1 --no-encryption --tempdir "$inside" "$source" "stage+file://$work/target"
says quiet "$inside.*$warning"

note 'the only root is inside, but is excluded'
full --tempdir "$inside" --exclude "$inside"
says full "Using temporary directory $inside/stagedir-"
has_not list stagedir-
grep -E "$warning" "$logs/full" >&2 && fail 'there is a warning of a root that is excluded'
full --tempdir "$inside" --exclude "$source/var"
has_not list stagedir-
grep -E "$warning" "$logs/full" >&2 && fail 'there is a warning of a root in a folder that is excluded'
full --tempdir "$inside" --include "$source/file-*" --exclude '**'
grep -E "$warning" "$logs/full" >&2 && fail 'there is a warning of a root that is not included'
full --tempdir "$inside" --exclude "$source/file-1"
says full "$warning"

note 'a run that backs nothing up has no source'
expect 0 restore plugged duplicity restore -v5 --no-encryption --tempdir "$inside" "stage+file://$work/target" "$source/restored"
grep -E "$warning" "$logs/restore" >&2 && fail 'there is a warning of a root inside of a tree that is restored'
expect 0 verify plugged duplicity verify -v5 --no-encryption --tempdir "$inside" "stage+file://$work/target" "$source/restored"

note 'links to the source and relative names lead to it, too'
ln -s source "$work/link"
rm -rf "$work/target" "$XDG_CACHE_HOME/duplicity"
configure "temp_root = $inside" "temp_root = $root" 'avoid_tmpfs = no'
expect 0 relative plugged duplicity full -v5 --no-encryption link/ "stage+file://$work/target"
says relative "Using temporary directory $root/stagedir-"
nothing_left 'a relative source'
finish
