# encrypted.sh - full backups that are encrypted, and signed: by the host alone, with the plugin, by restic. By a passphrase,
# and to a key. MEGABYTES, LARGE and SMALL change how much of /usr, of a file, and how many small files.
. "${srcdir:-.}/tests/bench/lib.sh" || exit 1
. "$srcdir/tests/bench/contenders.sh" || exit 1

need gpg gnupg
export PASSPHRASE=secret

gpg --batch --quiet --pinentry-mode loopback --passphrase "$PASSPHRASE" --quick-generate-key bench@example.org rsa2048 \
	sign,encr never >"$logs/gpg" 2>&1 || die "gpg makes no key: $(cat "$logs/gpg")"
key=$(gpg --batch --list-keys --with-colons bench@example.org | sed -n 's/^fpr:*\([0-9A-F]*\):$/\1/p' | head -n 1)

by_plugin_plain() {
	fresh
	timed by_plugin_plain "$IN_TREE" duplicity full --no-encryption "$source" "stage+$url"
}

to_key_stock() {
	fresh
	timed to_key_stock "$DUPLICITY" full --encrypt-key "$key" "$source" "$url"
}

to_key() {
	fresh
	timed to_key "$IN_TREE" duplicity full --encrypt-key "$key" "$source" "stage+$url"
}

signed_stock() {
	fresh
	timed signed_stock "$DUPLICITY" full --encrypt-sign-key "$key" "$source" "$url"
}

signed() {
	fresh
	timed signed "$IN_TREE" duplicity full --encrypt-sign-key "$key" "$source" "stage+$url"
}

of_usr "${MEGABYTES:-400}"
alternate by_stock by_plugin level_1 by_plugin_plain by_restic to_key_stock to_key signed_stock signed
heading "full backup, encrypted, $(described)"
row by_stock by_stock 'stock'
row by_plugin by_stock 'plugin'
row level_1 by_stock 'plugin, gzip_level = 1'
row by_plugin_plain by_stock 'plugin, not encrypted'
row by_restic by_stock 'restic'
row to_key_stock by_stock 'stock, to a key'
row to_key by_stock 'plugin, to a key'
row signed_stock by_stock 'stock, signed'
row signed by_stock 'plugin, signed'
within by_plugin by_stock 1 0.33 'wall of stock'
within by_plugin by_stock 2 0.5 'CPU of stock'
within by_plugin by_stock 4 1 'volumes of stock'
within by_plugin by_restic 1 0.85 'wall of restic'
within level_1 by_restic 1 0.7 'wall of restic, level 1'
within by_plugin by_plugin_plain 1 1.15 'wall of what is not encrypted'
within to_key to_key_stock 1 0.33 'wall of stock, to a key'
within to_key to_key_stock 4 1 'volumes of stock, to a key'
within signed signed_stock 1 0.6 'wall of stock, signed'
memory_within by_plugin by_stock 64
rm -r "$source"

# compare MOST
compare() {
	alternate by_stock by_plugin
	heading "full backup, encrypted, $(described)"
	row by_stock by_stock 'stock'
	row by_plugin by_stock 'plugin'
	within by_plugin by_stock 1 "$1" 'wall of stock'
	rm -r "$source"
}

of_large_file "${LARGE:-2000}"
compare 0.35

of_small_files "${SMALL:-100000}"
compare 0.3
finish
