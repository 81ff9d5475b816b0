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

# reads WHAT UNWRAPS DECRYPTS ARGUMENT... - the plugin restores the tree, and verifies it. gpg was asked to unwrap, and to
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
	expect 0 "verify-$what" plugged duplicity verify --compare-data --gpg-binary "$work/gpg" "$@" "stage+$url" "$source"
	nothing_left "verify-$what"
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

echo obey >"$work/told"
note 'what the plugin has made'
made plugged
reads plugin often no

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

note 'what gpg says stays as it is'
PASSPHRASE=other alike wrong-passphrase
rm -rf "$XDG_CACHE_HOME/duplicity"
PASSPHRASE=other alike wrong-passphrase-without-cache
echo die >"$work/told"
alike killed --gpg-binary "$work/gpg"
echo obey >"$work/told"

finish
