# trust.sh - which temp roots and configuration files are relied upon where people really run it: a link, a folder for
# all, a user namespace, sudo -E. And what is done where stagedir has to refuse: a plain URL that the configuration takes
# over is backed up as without stagedir, with one warning; a URL with stage+ is refused with 23.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

need setpriv util-linux
need unshare util-linux
other=4321
source=$work/source
target=$work/target
mkdir "$source"
head -c 3000000 /dev/urandom >"$source/file"
full=(duplicity full --no-encryption --volsize 1)

fresh() {
	rm -rf "$target" "$XDG_CACHE_HOME/duplicity"
}

# verified WHAT - stock finds in storage what was backed up.
verified() {
	expect 0 verify stock duplicity verify --compare-data --no-encryption "file://$target" "$source"
	nothing_left "$1"
}

# is_used WHAT ROOT COMMAND... - COMMAND is a backup to $target, with -v5, which is staged in ROOT.
is_used() {
	local what=$1 where=$2

	shift 2
	note "$what is used"
	fresh
	expect 0 used "$@"
	says used "Using temporary directory $where/stagedir-"
	has_not used 'is not used'
	verified "$what"
}

# gives_way WHAT REASON COMMAND... - a plain URL is backed up as without us, with one warning; of the same with stage+ only
# that line is left, and the exit status is 23. COMMAND lacks URL, which is the last argument.
gives_way() {
	local what=$1 reason=$2

	shift 2
	note "$what"
	fresh
	expect 0 plain "$@" -v5 "file://$target"
	says plain "this run is made as without stagedir: .*$reason"
	[ "$(grep -c -E "$reason" "$logs/plain")" -eq 1 ] || fail "$what: the reason is not said once"
	says plain 'Using temporary directory .*/duplicity-.*-tempdir'
	has_not plain "/stagedir-"
	has_not plain Traceback
	verified "$what"
	fresh
	expect 23 staged "$@" "stage+file://$target"
	says staged "$reason"
	has_not staged 'this run is made as without'
	has_not staged Traceback
	[ ! -e "$target" ] || is_empty "$target" "$what, with stage+"
	nothing_left "$what, with stage+"
}

### links

ln -s "$root" "$work/link"
ln -s link "$work/chain"
configure 'avoid_tmpfs = no'
is_used 'a link in TMPDIR' "$work/link" plugged env TMPDIR="$work/link" "${full[@]}" -v5 "$source" "stage+file://$target"
is_used 'a link that ends in a slash and a dot' "$work/link/." plugged env TMPDIR="$work/link/." "${full[@]}" -v5 "$source" "stage+file://$target"
is_used 'a link to a link' "$work/chain" plugged "${full[@]}" -v5 --tempdir "$work/chain" "$source" "stage+file://$target"
configure "temp_root = $work/chain" "temp_root = $root" 'avoid_tmpfs = no'
is_used 'a link in temp_root' "$work/chain" plugged "${full[@]}" -v5 "$source" "stage+file://$target"
expect 0 roots plugged stagedir roots
[ "$(grep -c -E "^ .*(good|refused).* $work/" "$logs/roots")" -eq 1 ] || { fail 'one directory is not one root'; show "$logs/roots"; }

### what is refused

all=("temp_root = $root" 'avoid_tmpfs = no' 'targets = *')
configure "${all[@]}"
mkdir -m 0777 "$work/shared"
chmod 0777 "$work/shared"
gives_way 'a root that others may write' "$work/shared is writable by everybody.*allow_shared_root" \
	plugged "${full[@]}" --tempdir "$work/shared" "$source"
is_empty "$work/shared" 'a root that others may write'
ln -s "$work/shared" "$work/shared-link"
gives_way 'a link to it' "$work/shared is writable by everybody" plugged "${full[@]}" --tempdir "$work/shared-link/." "$source"
configure "${all[@]}" 'min_free = 16777215T'
gives_way 'no root with enough space' 'no temp root can be used: .*of min_free' plugged "${full[@]}" "$source"
for action in "restore --no-encryption file://$target $work/restored" "restore --dry-run --no-encryption file://$target $work/restored" \
	"verify --compare-data --no-encryption file://$target $source" "collection-status file://$target"; do
	fresh
	configure "${all[@]}"
	expect 0 backup plugged "${full[@]}" "$source" "file://$target"
	configure "${all[@]}" 'min_free = 16777215T'
	rm -rf "$work/restored"
	# shellcheck disable=SC2086 # no word of it holds a space
	expect 0 action plugged duplicity $action
	[ "$(grep -c 'as without stagedir' "$logs/action")" -le 1 ] || fail "$action: more than one warning"
	nothing_left "$action"
done

# with_change NAME COMMAND... - by a host that change_host has changed so.
with_change() {
	local name=$1

	shift
	plugged env PYTHONPATH="$work/$name:$(dirname "$IN_TREE")/overlay" "$@"
}

# As lftp and ncftp do, which ask for the temporary directory before there is a backend that could be replaced.
change_host "$work/early" duplicity.backends.localbackend 'from duplicity import tempdir' 'stock = module.LocalBackend.__init__' \
	'def init(self, url):' '    tempdir.default().mkstemp()' '    stock(self, url)' 'module.LocalBackend.__init__ = init'
gives_way 'a backend that makes a file when it is opened' 'no temp root can be used: .*of min_free' with_change early "${full[@]}" "$source"
change_host "$work/other" duplicity.backends.stagebackend 'from duplicity.backends import _stagedir' \
	"module._stagehost.extension().why_unproved = lambda *arguments: 'this host is another one'"
gives_way 'a host that was not proved' 'no temp root can be used: .*of min_free' with_change other "${full[@]}" "$source"
has staged 'this host is another one'

note 'what stops in the middle of its installation'
configure "${all[@]}"
change_host "$work/half" duplicity.backends.stagebackend 'from duplicity.backends import _stagefiles' 'def delta_iter(stock):' "    raise OSError(5, 'nothing works today')" \
	'_stagefiles.comparing = delta_iter'
fresh
expect 0 half with_change half "${full[@]}" -v5 "$source" "file://$target"
has half 'this run is made as without stagedir: [Errno 5] nothing works today'
says half 'Using temporary directory .*/duplicity-.*-tempdir'
has_not half "/stagedir-"
verified 'what stops in the middle of its installation'

note 'what dead runs left cannot be told'
change_host "$work/blind" duplicity.backends.stagebackend 'from duplicity.backends import _stagedir' 'def adopt(self):' \
	"    raise _stagedir.StagingError('STAGE_E_SYSTEM', 'nothing can be read today')" '_stagedir.Staging.adopt = adopt'
configure "${all[@]}"
fresh
expect 0 blind with_change blind "${full[@]}" "$source" "file://$target"
says blind 'this run is made as without stagedir: nothing can be read today'
verified 'a run that cannot tell what dead runs left'
fresh
expect 50 blind with_change blind "${full[@]}" "$source" "stage+file://$target"
has blind 'nothing can be read today'
nothing_left 'the same with stage+'

note 'no volume may ever be staged'
configure "${all[@]}" 'max_staged = 100K'
fresh
expect 0 small plugged "${full[@]}" "$source" "file://$target"
says small 'from here on this backup is made as without stagedir: .*max_staged'
verified 'a plain URL without room for a volume'
fresh
expect 23 small plugged "${full[@]}" "$source" "stage+file://$target"
has_not small 'is made as without'
rm -rf "${root:?}"/*

if offers replicate; then
	note 'a replication'
	configure "${all[@]}"
	fresh
	expect 0 backup plugged "${full[@]}" --current-time 1600000000 "$source" "file://$target"
	configure "${all[@]}" 'min_free = 16777215T'
	expect 0 replicate plugged duplicity replicate --no-encryption "file://$target" "file://$work/copy"
	[ "$(grep -c 'as without stagedir' "$logs/replicate")" -eq 1 ] || fail 'a replication does not warn once'
	# 0.8.22 itself makes replicas of several volumes that do not verify
	[ "$(find "$work/copy" -name '*.vol*' | wc -l)" -eq "$(find "$target" -name '*.vol*' | wc -l)" ] || fail 'the replica lacks volumes'
	for urls in "stage+file://$target file://$work/copy-2" "file://$target stage+file://$work/copy-2"; do
		# shellcheck disable=SC2086 # no word of it holds a space
		expect 23 replicate plugged duplicity replicate --no-encryption $urls
	done
	nothing_left 'replications'
fi

### a folder for all

if am_root; then
	configure 'avoid_tmpfs = no' 'allow_shared_root = yes'
	# Kubernetes makes an emptyDir so
	is_used 'a folder for all that the settings allow' "$work/shared" \
		plugged env TMPDIR="$work/shared" "${full[@]}" -v5 "$source" "stage+file://$target"
	is_empty "$work/shared" 'a run in it'
	mkdir -m 0700 "$work/shared/below"
	is_used 'a folder in it' "$work/shared/below" plugged "${full[@]}" -v5 --tempdir "$work/shared/below" "$source" "stage+file://$target"
fi

### sudo -E

if am_root; then
	note 'the environment of another user'
	mkdir -p "$work/his/stagedir"
	his=$work/his/stagedir/stagedir.conf
	printf 'no setting\n' >"$his"
	chown -R "$other" "$work/his"
	for url in "stage+file://$target" "file://$target"; do
		fresh
		expect 0 sudo plugged env -u STAGEDIR_CONFIG XDG_CONFIG_HOME="$work/his" "${full[@]}" "$source" "$url"
		[ "$(grep -c "$his belongs to user $other and is not read" "$logs/sudo")" -eq 1 ] ||
			{ fail "$url: that his file is not read is not said once"; show "$logs/sudo"; }
		verified 'a run in the environment of another user'
	done
	expect 0 status plugged env -u STAGEDIR_CONFIG XDG_CONFIG_HOME="$work/his" stagedir status
	has status "$his belongs to user $other and is not read"
	# one that was asked for is another matter
	expect 23 named plugged env STAGEDIR_CONFIG="$his" "${full[@]}" "$source" "stage+file://$target"
	has named "$his: belongs to user $other; a configuration file must belong to root"
	expect 3 status plugged env STAGEDIR_CONFIG="$his" stagedir status
else
	skip_part "files of another user need root (sudo make test T=trust)"
fi

### a user namespace, in which all that is root's outside belongs to nobody that it knows

inside=(setpriv --reuid="$other" --regid="$other" --clear-groups unshare --user --map-root-user)
if ! am_root; then
	inside=(unshare --user --map-root-user)
fi
if "${inside[@]}" true 2>"$logs/unshare"; then
	note 'a user namespace'
	configure 'avoid_tmpfs = no'
	chmod 0711 "$work"
	chmod 0644 "$STAGEDIR_CONFIG"
	mkdir -p "$work/inside/tmp" "$work/inside/cache" "$work/inside/home"
	fresh
	mkdir "$target"
	overflow=$(cat /proc/sys/kernel/overflowuid)
	if am_root; then
		chown -R "$other" "$work/inside" "$target"
		# in /var/tmp, where anybody outside may have made it
		expect 23 inside "${inside[@]}" env HOME="$work/inside/home" XDG_CACHE_HOME="$work/inside/cache" \
			"$IN_TREE" "${full[@]}" --tempdir "$work/inside/tmp" "$source" "stage+file://$target"
		has inside "$STAGEDIR_CONFIG: belongs to user $overflow"
		chown "$other" "$work"
	else
		note 'run by one user, whose own files are root there'
	fi
	expect 0 inside "${inside[@]}" env HOME="$work/inside/home" XDG_CACHE_HOME="$work/inside/cache" TMPDIR="$work/inside/tmp" \
		"$IN_TREE" "${full[@]}" -v5 "$source" "stage+file://$target"
	says inside "Using temporary directory $work/inside/tmp/stagedir-"
	is_empty "$work/inside/tmp" 'a run in a user namespace'
	rm -rf "$work/restored"
	expect 0 restore stock duplicity restore --no-encryption "file://$target" "$work/restored"
	diff -r "$source" "$work/restored" || fail 'what was backed up in a user namespace is not what is restored'
	# a folder that somebody inside may write
	chmod 0777 "$work/inside"
	expect 23 inside "${inside[@]}" env HOME="$work/inside/home" XDG_CACHE_HOME="$work/inside/cache" \
		"$IN_TREE" "${full[@]}" --tempdir "$work/inside/tmp" "$source" "stage+file://$target"
	has inside "$work/inside is writable by everybody"
	if am_root; then
		chmod 1777 "$work/inside"
		mkdir -m 1777 "$work/inside/his"
		expect 23 inside "${inside[@]}" env HOME="$work/inside/home" XDG_CACHE_HOME="$work/inside/cache" \
			"$IN_TREE" "${full[@]}" --tempdir "$work/inside/his" "$source" "stage+file://$target"
		has inside "$work/inside/his belongs to user $overflow, who could replace what is in it"
	fi
else
	skip_part "a user namespace cannot be made here: $(cat "$logs/unshare")"
fi
finish
