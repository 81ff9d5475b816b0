# shellcheck shell=bash
# encrypted.sh - for tests of what gpg encrypts, behind lib.sh: a source, backups of it in volumes of 2 MiB, keys, and what
# is stored of them.
# shellcheck disable=SC2034,SC2154 # variables of the test, and of lib.sh

need gpg gnupg

source=$work/source
target=$work/target
url=file://$target
# where gpg is to compress
notice='gpg compresses what it encrypts, on one CPU, as without stagedir:'
mib=$((1024 * 1024))
gpg=(gpg --batch --quiet --no-tty --pinentry-mode loopback)

mkdir "$source"
seq 1 400000 >"$source/numbers"
for i in {1..5}; do
	head -c 1000000 /dev/urandom >"$source/random-$i"
done
cp -r "${srcdir:-.}"/core "$source/core"
touch -d '2020-02-02 02:02:02' "$source"/*

# make_key NAME PASSPHRASE EXPIRES - prints the fingerprint.
make_key() {
	"${gpg[@]}" --passphrase "$2" --quick-generate-key "$1@example.org" rsa2048 sign,encr "$3" >"$logs/key-$1" 2>&1 ||
		die "no key can be made: $(cat "$logs/key-$1")"
	"${gpg[@]}" --list-keys --with-colons "$1@example.org" | sed -n 's/^fpr:*\([0-9A-F]*\):$/\1/p' | head -n 1
}

# fresh - nothing is stored, and no passphrase is remembered.
fresh() {
	rm -rf "$target" "$XDG_CACHE_HOME/duplicity"
	mkdir "$target"
	gpgconf --kill gpg-agent
}

# backup WHAT ARGUMENT... - a full one.
backup() {
	expect 0 "$1" plugged duplicity full --volsize 2 "${@:2}" "$source" "stage+$url"
	nothing_left "$1"
}

# packets WHAT PASSPHRASE - those of each file in storage, a line each, without what differs each time, in packets.WHAT. The files
# are opened by gpg alone.
packets() {
	local file

	for file in "$target"/*.gpg; do
		"${gpg[@]}" --passphrase "$2" --list-packets "$file" 2>"$logs/$1.gpg" |
			sed -n -e 's/^# off=[0-9]* ctb=\([0-9a-f]*\) .*/\1/p' -e 's/^:compressed packet: //p' \
				-e 's/^\tversion 3, sigclass/sigclass/p' -e 's/^.*mode b.*\(created 0\), \(name=""\).*/\1 \2/p' \
				-e 's/^.*mode b.*created [1-9][0-9]*, \(name=""\).*/\1/p' | tr '\n' ' '
		echo "${file##*/}"
	done >"$work/packets.$1"
}

# restored WHAT ARGUMENT... - by stock, which also verifies it.
restored() {
	local what=$1

	shift
	rm -rf "$work/restored"
	if offers restore; then
		expect 0 "restore-$what" stock duplicity restore "$@" "$url" "$work/restored"
	else
		expect 0 "restore-$what" stock duplicity "$@" "$url" "$work/restored"
	fi
	same_tree "$source" "$work/restored" "$what"
	expect 0 "verify-$what" stock duplicity verify --compare-data "$@" "$url" "$source"
}

# same_words WHAT [SED] - gpg has said the same in the logs stock-WHAT and ours-WHAT, each edited by SED.
same_words() {
	local log

	for log in stock ours; do
		sed -n '/Begin GnuPG log/,/End GnuPG log/p' "$logs/$log-$1" | grep '^gpg:' | sed -E "${2-}" | sort -u >"$work/said-$log"
	done
	diff "$work/said-stock" "$work/said-ours" >"$work/said" && return
	fail "$1: gpg's words are not as in stock"
	show "$work/said"
}

# sizes WHAT KIB - no volume is larger than --volsize, and all but the last lack no more than so much of it.
sizes() {
	local number=1 file last size

	last=$(find "$target" -name '*.difftar.gpg' | wc -l)
	[ "$last" -ge 3 ] || fail "$1: $last volumes"
	for file in $(find "$target" -name '*.difftar.gpg' | sort -V); do
		size=$(stat -c %s "$file")
		[ "$size" -le $((2 * mib)) ] || fail "$1: volume $number has $size bytes"
		[ "$number" = "$last" ] || [ "$size" -ge $((2 * mib - $2 * 1024)) ] || fail "$1: volume $number has only $size bytes"
		number=$((number + 1))
	done
}
