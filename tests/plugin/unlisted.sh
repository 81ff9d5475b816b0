# unlisted.sh - backups with --no-check-remote, which everybody uses who has no secret key: volumes are staged ahead and in
# order, a run that was killed is continued, whether or not storage can be listed. From duplicity 3.0.6 on the host itself
# does not list it then, and the stock host cannot continue.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

need gpg gnupg
if ! knows --no-check-remote; then
	finish
fi
mkdir "$source"
head -c 28000000 /dev/urandom | split -b 1M - "$source/"
touch -d '2020-02-02 02:02:02' "$source"/*

mkdir -m 0700 "$work/secret"
make_key() {
	gpg --homedir "$work/secret" -q --batch --pinentry-mode loopback --passphrase '' --quick-gen-key "$1" default default never
	gpg --homedir "$work/secret" -q --export "$1" | gpg -q --batch --import
}
make_key one@example.com
key=$(gpg --list-keys --with-colons one@example.com | awk -F : '$1 == "pub" { print $5; exit }')
gpg --list-secret-keys one@example.com >/dev/null 2>&1 && die 'the secret key is here'

# whole KIND - restored by stock, with the secret key, the tree is as it was.
whole() {
	rm -rf "$work/restored"
	expect 0 restored env GNUPGHOME="$work/secret" PASSPHRASE= "$DUPLICITY" restore "${options[@]}" \
		--archive-dir "$work/archive-whole" "$url" "$work/restored"
	same_tree "$source" "$work/restored" "$1"
	rm -rf "$work/archive-whole"
}

# killed WHAT ACTION - a run that is killed when it has stored some and staged others, and is continued.
killed() {
	local before

	set_odd rate 8000000
	start killed plugged duplicity "$2" --no-check-remote "${options[@]}" "$source" "stage+$url"
	wait_for 180 eval "[ \"\$(grep -c 'done duplicity-$3.*vol' '$storage.log')\" -ge 5 ]" ||
		{ fail "$1: never are volumes stored"; show "$logs/killed"; }
	set_odd hang .vol # however busy the machine is
	wait_for 60 have_staged 2 || { fail "$1: never are volumes stored and staged"; show "$logs/killed"; }
	kill -KILL "$pid"
	end "$pid"
	unset_odd rate
	unset_odd hang
	before=$(grep -c "done duplicity-$3.*vol" "$storage.log")
	expect 0 continued plugged duplicity "$2" --no-check-remote "${options[@]}" "$source" "stage+$url" ||
		return
	says continued 'handing off the volume .* that a dead run staged'
	says continued "Restarting after volume ([6-9]|[1-9][0-9])"
	nothing_left "$1"
	[ "$(grep "put duplicity-$3" "$storage.log" | grep -c '\.vol1\.')" -eq 1 ] || fail "$1: it was begun anew"
	note "$1: killed when $before volumes were stored, and continued"
}

for kind in plain encrypted; do
	options=(--no-encryption --volsize 1)
	[ "$kind" = plain ] ||
		options=(--encrypt-key "$key" --volsize 1 --gpg-options '--trust-model always --compress-algo none')
	for lists in '' nolist; do
		rm -rf "${source:?}"/inc*
		fresh_odd
		[ -z "$lists" ] || set_odd nolist
		# where the host itself lists storage there is no backup without
		[ -z "$lists" ] || "$HOST_PYTHON" -c 'from duplicity import config; config.first_colstats' 2>/dev/null || continue
		expect 0 ahead plugged duplicity full -v5 --no-check-remote "${options[@]}" "$source" "stage+$url"
		says ahead 'staged ahead: (2[6-9]|3[0-9]) volumes'
		in_order || fail "$kind $lists: the order is wrong"
		nothing_left "$kind $lists"
		unset_odd nolist
		whole "$kind $lists, undisturbed"

		fresh_odd
		[ -z "$lists" ] || set_odd nolist
		killed "$kind $lists full" full full
		unset_odd nolist
		whole "$kind $lists, killed full"
		[ -z "$lists" ] || set_odd nolist
		head -c 12000000 /dev/urandom | split -b 1M - "$source/inc"
		killed "$kind $lists increment" incremental inc
		unset_odd nolist
		whole "$kind $lists, killed increment"
	done
done
if offers --concurrency; then
	fresh_odd
	expect 0 pool plugged duplicity full --no-check-remote --concurrency 2 -v5 "${options[@]}" "$source" "stage+$url"
	says pool 'stagedir stages volumes ahead in the place of what concurrency = 2 asks for'
	in_order || fail '--concurrency: the order is wrong'
fi
finish
