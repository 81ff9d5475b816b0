# unwrap.sh - gpg only takes the encryption off what a restore or a verify reads, and its data are inflated here. The tree is the
# same, whoever has made the messages; what only gpg can read is gpg's, and so is what it says of a failure.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "${srcdir:-.}/tests/lib/encrypted.sh" || exit 1

export PASSPHRASE=secret SIGN_PASSPHRASE=secret
key=$(make_key one "$PASSPHRASE" never)

# A gpg that notes how it is asked to decrypt, and then does as it is told.
cat >"$work/gpg" <<END
#!/bin/bash
arguments=("\$@")
kind=
for argument in "\$@"; do
	[ "\$argument" = --decrypt ] && kind=\${kind:-decrypt}
	[ "\$argument" = --unwrap ] && kind=unwrap
done
[ -n "\$kind" ] || exec gpg "\$@"
echo "\$kind" >>"$work/asked"
[[ \$(readlink /proc/\$\$/fd/0) = *manifest* ]] || ls /proc/\$PPID/fd | wc -l >>"$work/open"
case \$kind-\$(cat "$work/told") in
unwrap-refuse)
	echo 'gpg: invalid option "--unwrap"' >&2
	exit 2
	;;
unwrap-ignore)
	arguments=()
	for argument in "\$@"; do
		[ "\$argument" = --unwrap ] || arguments+=("\$argument")
	done
	;;
*-die)
	if [[ \$(readlink /proc/\$\$/fd/0) != *manifest* ]]; then
		gpg "\$@" | head -c 1000000
		echo 'gpg: this one was told to die' >&2
		kill -KILL \$\$
	fi
	;;
esac
exec gpg "\${arguments[@]}"
END
chmod +x "$work/gpg"

# reads WHAT UNWRAPS DECRYPTS ARGUMENT... - the plugin restores the tree. gpg was asked to unwrap, and to
# decrypt, in the restore: "no", "once", or "often".
reads() {
	local what=$1 unwraps=$2 decrypts=$3 command=()

	shift 3
	! offers restore || command=(restore)
	rm -rf "$work/restored" "$work/asked"
	expect 0 "$what" plugged duplicity "${command[@]}" --gpg-binary "$work/gpg" "$@" "stage+$url" "$work/restored"
	same_tree "$source" "$work/restored" "$what"
	asked "$what" unwrap "$unwraps"
	asked "$what" decrypt "$decrypts"
	nothing_left "$what"
}

# asked WHAT KIND HOW_OFTEN
asked() {
	local count

	count=$(grep -c "^$2$" "$work/asked")
	case $3-$count in
	no-0 | once-1 | often-[3-9] | often-[1-9]?) return ;;
	esac
	fail "$1: gpg was asked $count times to $2"
}

# alike WHAT ARGUMENT... - a restore by the plugin ends as stock's does, by the same words of gpg.
alike() {
	local what=$1 command=()

	shift
	! offers restore || command=(restore)
	rm -rf "$work/restored"
	learn "stock-$what" stock duplicity "${command[@]}" "$@" "$url" "$work/restored"
	rm -rf "$work/restored"
	expect "$wanted" "ours-$what" plugged duplicity "${command[@]}" "$@" "stage+$url" "$work/restored"
	same_words "$what"
	nothing_left "$what"
}

# made WHO ARGUMENT... - a full backup and an increment.
made() {
	local who=$1 prefix=

	shift
	[ "$who" = stock ] || prefix=stage+
	fresh
	rm -f "$source/added"
	expect 0 full "$who" duplicity full --volsize 2 "$@" "$source" "$prefix$url"
	echo more >"$source/added"
	expect 0 increment "$who" duplicity incremental --volsize 2 "$@" "$source" "$prefix$url"
}

# flip FILE - changes a bit in the middle of it.
flip() {
	local at=$(($(stat -c %s "$1") / 2)) byte

	byte=$(od -An -t u1 -j "$at" -N 1 "$1")
	# shellcheck disable=SC2059 # an octal number
	printf "\\$(printf %o $((byte ^ 1)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}

# increments_alike WHAT - another increment ends as stock's does, with what is stored and kept now.
increments_alike() {
	local who prefix=

	rm -rf "$work/stored" "$work/kept"
	cp -a "$target" "$work/stored"
	cp -a "$XDG_CACHE_HOME/duplicity" "$work/kept"
	for who in stock plugged; do
		rm -rf "$target" "$XDG_CACHE_HOME/duplicity"
		cp -a "$work/stored" "$target"
		cp -a "$work/kept" "$XDG_CACHE_HOME/duplicity"
		[ "$who" = stock ] || prefix=stage+
		run "$who-$1" "$who" duplicity incremental --volsize 2 "$source" "$prefix$url"
		[ "$who" = plugged ] || wanted=$status
	done
	[ "$status" -eq "$wanted" ] && return
	fail "$1: exit status $status instead of stock's $wanted"
	show "$logs/plugged-$1"
}

# descriptors WHO - the most that the host has open when gpg is asked for a volume, beyond those at the first one.
descriptors() {
	local command=() prefix=

	! offers restore || command=(restore)
	[ "$1" = stock ] || prefix=stage+
	rm -rf "$work/restored" "$work/open"
	expect 0 descriptors "$1" duplicity "${command[@]}" --gpg-binary "$work/gpg" "$prefix$url" "$work/restored"
	echo $(($(sort -n "$work/open" | tail -n 1) - $(head -n 1 "$work/open")))
}

echo obey >"$work/told"
note 'what the plugin has made'
made plugged
reads plugin often no
expect 0 verify plugged duplicity verify --compare-data "stage+$url" "$source"
nothing_left verify

note 'what stock has made, by each compression'
for algorithm in ZIP ZLIB Uncompressed; do
	made stock --gpg-options "--compress-algo $algorithm"
	reads "$algorithm" often no
done
made stock --gpg-options '--compress-algo BZIP2'
reads BZIP2 once often

note 'what is signed'
made stock --encrypt-key "$key" --sign-key "$key"
reads signed no often --encrypt-key "$key" --sign-key "$key"
reads signer-not-asked once often --encrypt-key "$key"

note 'a gpg that does not unwrap'
made plugged
echo refuse >"$work/told"
reads refuse once often
echo ignore >"$work/told"
reads ignore once often
echo obey >"$work/told"

note 'a chain keeps no more descriptors open than with stock'
configure "temp_root = $root" 'avoid_tmpfs = no' 'max_volumes = 1' # nothing is fetched meanwhile
made stock
for i in 1 2 3; do
	echo "$i" >"$source/added"
	expect 0 increment stock duplicity incremental --volsize 2 "$source" "$url"
done
by_stock=$(descriptors stock)
by_plugin=$(descriptors plugged)
[ "$by_stock" -ge 4 ] || fail "stock has $by_stock more descriptors open for four more sets"
[ "$by_plugin" -le "$by_stock" ] || fail "$by_plugin more descriptors are open for four more sets, and $by_stock with stock"
configure "temp_root = $root" 'avoid_tmpfs = no'

note 'what is damaged'
made stock
flip "$(find "$target" -name '*inc*.manifest.gpg')"
increments_alike damaged-manifest
rm -rf "$XDG_CACHE_HOME/duplicity"
alike damaged-manifest-without-cache
made plugged
flip "$(find "$target" -name '*full*.manifest.gpg')"
increments_alike damaged-manifest-of-ours
made stock
cat "$target"/*inc*.manifest.gpg >"$work/twice"
cat "$work/twice" >>"$(find "$target" -name '*inc*.manifest.gpg')"
increments_alike manifest-twice
rm -rf "$XDG_CACHE_HOME/duplicity"
alike manifest-twice-without-cache

note 'what gpg says stays as it is'
made plugged
PASSPHRASE=other alike wrong-passphrase
rm -rf "$XDG_CACHE_HOME/duplicity"
PASSPHRASE=other alike wrong-passphrase-without-cache
echo die >"$work/told"
alike killed --gpg-binary "$work/gpg"
echo obey >"$work/told"

finish
