# sftp.sh - a real sshd on loopback: encrypted backups through stage+sftp://, with a passphrase and with a
# public key, restored by the plugin and by stock.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

need gpg gnupg
. "$srcdir/tests/lib/sshd.sh" || exit 1

source=$work/source
make_tree "$source"

# round NAME KEY-OPTION... - full and incremental by the plugin, each verified and restored by both.
round() {
	local name=$1 url=$server/$work/target-$1

	shift
	expect 0 "$name-full" plugged duplicity full --volsize 1 "$@" "$source" "stage+$url"
	nothing_left "$name-full"
	expect 0 "$name-verify" stock duplicity verify --compare-data "$@" "$url" "$source"
	change_tree "$source"
	# the host takes times of seconds for its names
	sleep 1
	expect 0 "$name-inc" plugged duplicity inc --volsize 1 "$@" "$source" "stage+$url"
	nothing_left "$name-inc"
	has "$name-inc" 'Local and Remote metadata are synchronized, no sync needed.'
	expect 0 "$name-restore" plugged duplicity restore "$@" "stage+$url" "$work/restored-$name"
	nothing_left "$name-restore"
	same_tree "$source" "$work/restored-$name" "$name, restored by the plugin"
	expect 0 "$name-stock" stock duplicity restore "$@" "$url" "$work/restored-$name-stock"
	same_tree "$source" "$work/restored-$name-stock" "$name, restored by stock"
	find "$work/target-$name" -name '*.difftar.gpg' | grep -q . || fail "$name: nothing is encrypted"
	find "$work/target-$name" -type f ! -name '*.gpg' | grep . >&2 && fail "$name: something is not encrypted"
}

export PASSPHRASE='with a space, a "quote" and a $'
round symmetric
# the wrong one ends as with stock
PASSPHRASE=wrong run wrong.stock stock duplicity restore "$server/$work/target-symmetric" "$work/wrong"
PASSPHRASE=wrong expect "$status" wrong.plugged plugged duplicity restore "stage+$server/$work/target-symmetric" "$work/wrong"
[ "$status" -ne 0 ] || fail 'a wrong passphrase restores'
nothing_left 'a wrong passphrase'

PASSPHRASE=
gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-generate-key 'stagedir test <test@example.org>' \
	rsa2048 encr,sign never >"$logs/gpg" 2>&1 || { show "$logs/gpg"; die 'gpg makes no key'; }
key=$(gpg --batch --quiet --list-keys --with-colons | sed -n -e '/^fpr/{s/^fpr:*//; s/:.*//; p; q}')
rm -rf "$source"
make_tree "$source"
round public --encrypt-key "$key"
# an answer out of the archive directory proves nothing: a machine that has none must be able to restore
rm -rf "$XDG_CACHE_HOME/duplicity"
expect 0 bare plugged duplicity restore --encrypt-key "$key" "stage+$server/$work/target-public" "$work/restored-bare"
same_tree "$source" "$work/restored-bare" 'restored without an archive directory'
nothing_left 'a restore without an archive directory'

# a server that goes away ends as with stock
kill "$sshd_pid"
run away.stock stock duplicity collection-status --encrypt-key "$key" --num-retries 1 "$server/$work/target-public"
expect "$status" away.plugged plugged duplicity collection-status --encrypt-key "$key" --num-retries 1 \
	"stage+$server/$work/target-public"
[ "$status" -ne 0 ] || fail 'a server that is gone answers'
nothing_left 'a server that is gone'
finish
