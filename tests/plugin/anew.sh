# anew.sh - staged volumes of a run that stored nothing, and that the next run could not go on with: the host begins such a
# backup anew, and so it does when they have been staged. What can be gone on with is.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

need gpg gnupg
mkdir "$source"
head -c 4000000 /dev/urandom | split -b 1M - "$source/"
touch -d '2020-02-02 02:02:02' "$source"/*
quick=(--volsize 1 --gpg-options '--trust-model always --compress-algo none --s2k-mode 1')
mkdir -m 0700 "$work/all"
for key in one two; do
	gpg --homedir "$work/all" -q --batch --pinentry-mode loopback --passphrase '' --quick-gen-key "$key@example.com" default \
		default never
	gpg --homedir "$work/all" -q --export "$key@example.com" | gpg -q --batch --import
done

# field KEY RECORD NUMBER - of what gpg tells of a key. Some hosts take keys by their hexadecimal numbers only.
field() {
	gpg --homedir "$work/all" --list-keys --with-colons "$1@example.com" |
		awk -F : -v record="$2" -v number="$3" '$1 == record { print $number; exit }'
}
one=$(field one pub 5) two=$(field two pub 5)
# only the key that signs is here with its secret half
gpg --homedir "$work/all" -q --batch --pinentry-mode loopback --passphrase '' --quick-gen-key signer@example.com rsa2048 sign never
gpg --homedir "$work/all" -q --batch --pinentry-mode loopback --passphrase '' --export-secret-keys signer@example.com |
	gpg -q --batch --import
signer=$(gpg --list-secret-keys --with-colons | awk -F : '/^sec/ { print $5 }')

# dead STORED COMMAND... - a run that stages volumes, of which so many are stored, and that storage then ends.
dead() {
	local stored=$1

	shift
	fresh_odd
	if [ "$stored" -eq 0 ]; then
		set_odd down
	else
		set_odd hang "vol$((stored + 1))."
	fi
	if [ "$stored" -eq 0 ]; then
		run dead plugged "$@" --num-retries 1 --backend-retry-delay 0 "$source" "stage+$url"
		[ "$status" -eq 50 ] || { fail "the first run ends with $status"; show "$logs/dead"; }
	else
		start dead plugged "$@" "$source" "stage+$url"
		wait_for 120 have_staged 3 || { fail 'never are three volumes staged'; show "$logs/dead"; }
		kill -KILL "$pid"
		end "$pid"
	fi
	unset_odd down hang
	have_staged 1 || fail 'nothing stays staged'
}

# in_order_at_end WHAT OPTION... - the backup is whole, also for stock.
whole() {
	local what=$1

	shift
	nothing_left "$what"
	rm -rf "$work/restored"
	expect 0 restored env GNUPGHOME="$work/all" "$DUPLICITY" restore --archive-dir "$work/archive-whole" "$@" "$url" \
		"$work/restored"
	same_tree "$source" "$work/restored" "$what"
	rm -rf "$work/archive-whole"
}

# begins_anew WHAT WHY COMMAND... - the next run discards what is staged, says why, and ends with 0.
begins_anew() {
	local what=$1 why=$2

	shift 2
	expect 0 next plugged "$@" "$source" "stage+$url"
	says next "discarding [0-9]+ staged volumes, .* and beginning the backup anew: $why"
	[ "$(grep -c 'and beginning the backup anew' "$logs/next")" -eq 1 ] || fail "$what: it is said more than once"
	has_not next 'handing off the volume'
	note "$what"
}

goes_on() {
	local what=$1

	shift
	expect 0 next plugged "$@" "$source" "stage+$url"
	says next 'handing off the volume .* that a dead run staged'
	says next 'Restarting after volume [1-9]'
	note "$what"
}

for stored in 0 1; do
	dead $stored env PASSPHRASE=mistyped duplicity full "${quick[@]}"
	begins_anew "a passphrase that was mistyped, $stored stored" 'gpg does not decrypt them' \
		env PASSPHRASE=right duplicity full "${quick[@]}"
	PASSPHRASE=right whole 'a passphrase that was mistyped' "${quick[@]}"
done
dead 0 env PASSPHRASE=right duplicity full "${quick[@]}"
goes_on 'the same passphrase' env PASSPHRASE=right duplicity full "${quick[@]}"
PASSPHRASE=right whole 'the same passphrase' "${quick[@]}"

dead 0 duplicity full --no-encryption --volsize 1
begins_anew 'encryption that is switched on' 'they are not encrypted and compressed as this run' \
	env PASSPHRASE=right duplicity full "${quick[@]}"
PASSPHRASE=right whole 'encryption that is switched on' "${quick[@]}"
dead 0 env PASSPHRASE=right duplicity full "${quick[@]}"
begins_anew 'encryption that is switched off' 'they are not encrypted and compressed as this run' \
	duplicity full --no-encryption --volsize 1
whole 'encryption that is switched off' --no-encryption

dead 0 duplicity full "${quick[@]}" --encrypt-key "$one"
begins_anew 'another key' 'they are encrypted to other keys' duplicity full "${quick[@]}" --encrypt-key "$two"
PASSPHRASE='' whole 'another key' "${quick[@]}"
dead 0 duplicity full "${quick[@]}" --encrypt-key "$one"
goes_on 'the same key by another name' duplicity full "${quick[@]}" --encrypt-key "$(field one fpr 10)"
PASSPHRASE='' whole 'the same key by another name' "${quick[@]}"

dead 0 env PASSPHRASE='' SIGN_PASSPHRASE='' duplicity full "${quick[@]}" --encrypt-key "$one" --sign-key "$signer"
begins_anew 'only the key that signs is here' 'gpg does not decrypt them' \
	env PASSPHRASE='' SIGN_PASSPHRASE='' duplicity full "${quick[@]}" --encrypt-key "$one" --sign-key "$signer"
PASSPHRASE='' whole 'only the key that signs is here' "${quick[@]}"

# another source, which the host would not see
mkdir "$work/other-source"
echo other >"$work/other-source/file"
dead 0 duplicity full --no-encryption --volsize 1
source_before=$source source=$work/other-source
begins_anew 'another source' 'they are of another source' duplicity full --allow-source-mismatch --no-encryption --volsize 1
whole 'another source' --no-encryption
source=$source_before

# keys that were there before a passphrase is taken, or beside the one to sign by
dead 0 duplicity full "${quick[@]}" --encrypt-key "$one"
begins_anew 'a passphrase instead of a key' 'they are encrypted to keys' env PASSPHRASE=right duplicity full "${quick[@]}"
PASSPHRASE=right whole 'a passphrase instead of a key' "${quick[@]}"
gpg --homedir "$work/all" -q --batch --pinentry-mode loopback --passphrase '' --export-secret-keys "$one" | gpg -q --batch --import
dead 0 env PASSPHRASE='' SIGN_PASSPHRASE='' duplicity full "${quick[@]}" --encrypt-key "$one" --sign-key "$signer"
begins_anew 'another key, signed by the same' 'they are encrypted to other keys' \
	env PASSPHRASE='' SIGN_PASSPHRASE='' duplicity full "${quick[@]}" --encrypt-key "$two" --sign-key "$signer"
PASSPHRASE='' whole 'another key, signed by the same' "${quick[@]}"
dead 0 env PASSPHRASE='' SIGN_PASSPHRASE='' duplicity full "${quick[@]}" --encrypt-key "$one" --sign-key "$signer"
goes_on 'the same keys, also to sign by' \
	env PASSPHRASE='' SIGN_PASSPHRASE='' duplicity full "${quick[@]}" --encrypt-key "$one" --sign-key "$signer"
PASSPHRASE='' whole 'the same keys, also to sign by' "${quick[@]}"

# a passphrase that the host would ask for: nobody can tell yet, so the volumes are left, and go when the backup is begun anew
dead 0 env PASSPHRASE=right duplicity full "${quick[@]}"
run next plugged duplicity full "${quick[@]}" "$source" "stage+$url"
says next 'are left there, and the backup is begun anew, as nobody can tell'
have_staged 1 || fail 'what nobody could judge is gone'
expect 0 next env PASSPHRASE=right "$IN_TREE" duplicity full "${quick[@]}" "$source" "stage+$url"
PASSPHRASE=right whole 'a passphrase that the host would ask for' "${quick[@]}"

# a key that gpg does not have: what it says of that is told
dead 0 duplicity full "${quick[@]}" --encrypt-key "$one"
run next plugged duplicity full "${quick[@]}" --encrypt-key 0123456789ABCDEF "$source" "stage+$url"
[ "$status" -ne 0 ] || fail 'a backup is encrypted to a key that is not there'
says next 'as nobody can tell whether this run could go on with it: gpg: '
note 'a key that gpg does not have'

# a manifest whose name has a prefix that this run was not told of
dead 0 duplicity full --no-encryption --volsize 1 --file-prefix-manifest of-manifests-
sleep 1 # the host takes times of seconds for its names, and the dead run's stays
expect 0 next plugged duplicity full --no-encryption --volsize 1 "$source" "stage+$url"
says next 'as nobody can tell whether this run could go on with it: with the options of this run'
have_staged 1 || fail 'what nobody could judge is gone, as its manifest has another prefix'
# some hosts would not go on with a backup that is older than a complete one
newer=$(find "$storage" -name '*.manifest' | sed -E 's/.*\.([0-9]{8}T[0-9]{6}Z)\..*/\1/')
[ -n "$newer" ] || fail 'the backup that was begun anew is not there'
find "$storage" "$XDG_CACHE_HOME/duplicity" -name "*.$newer.*" -delete
goes_on 'a prefix of manifests' duplicity full --no-encryption --volsize 1 --file-prefix-manifest of-manifests-

# flush knows neither options nor keys of the next backup
dead 0 duplicity full --no-encryption --volsize 1
count=$(staged | wc -l)
expect 1 flush plugged env DUPLICITY="$DUPLICITY" "$STAGEDIR" flush
says flush 'are left there: storage has fewer than 2 volumes of their backup'
[ "$(staged | wc -l)" -eq "$count" ] || fail 'flush hands off what the next run might not go on with'
goes_on 'what flush has left' duplicity full --no-encryption --volsize 1
whole 'what flush has left' --no-encryption
finish
