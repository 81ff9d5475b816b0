# decrypted.sh - the gpg of the next volume is started while a volume is read: one at most, of none that stock would not read, and never
# where an agent could ask. Its words are told when the turn of its volume comes; it does not outlive the run.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

source=$work/source target=$work/target restored=$work/restored
export PASSPHRASE=secret

# A gpg that has a line in $work/begun for each message that it decrypts, with its process. What the first of them gives is
# passed on in pieces behind its half, as long as no other has begun, but for $patience seconds in all; and not to its end while
# $held is there. $fails: "refused", all but the first are; "once", the second is; "cut", all are.
cat >"$work/gpg" <<-'END'
	#!/bin/bash
	case " $* " in
	*' --decrypt '*) ;;
	*) exec gpg "$@" ;;
	esac
	echo "$$" >>"$begun"
	number=$(wc -l <"$begun")
	if [ "$fails $((number > 1))" = 'refused 1' ] || [ "$fails $number" = 'once 2' ]; then
		# who gives it a passphrase has done so
		fd=$(sed -n 's/.*--passphrase-fd \([0-9]*\) .*/\1/p' <<<"$*")
		[ -z "$fd" ] || cat <&"$fd" >/dev/null
		echo 'gpg: it has other plans' >&2
		exit 2
	fi
	[ "$number" = 1 ] || [ "$fails" = cut ] || exec gpg "$@"
	gpg "$@" | "$HOST_PYTHON" "$slowly"
	[ "$fails" != cut ] || exit 2
	exit "${PIPESTATUS[0]}"
END
chmod +x "$work/gpg"
cat >"$work/slowly" <<-'END'
	import os
	import select
	import sys
	import time


	def count():
	    with open(os.environ['begun']) as file:
	        return len(file.readlines())


	def is_wanted():
	    return not any(events & select.POLLERR for _, events in poll.poll(50))


	poll = select.poll()
	poll.register(1, select.POLLERR)
	until = time.monotonic() + float(os.environ['patience'])
	given, fails = 0, os.environ['fails']
	while piece := sys.stdin.buffer.read(65536):
	    if given > 3000000 and time.monotonic() < until and count() < 2:
	        is_wanted()
	    while given > 3500000 and os.path.exists(os.environ['held']) and is_wanted():
	        pass
	    if given > 3500000 and fails == 'cut':
	        break
	    os.write(1, piece)
	    given += len(piece)
	if not os.path.exists(os.environ['beside']):
	    with open(os.environ['beside'], 'w') as file:
	        print(count(), file=file)
END
export begun=$work/begun held=$work/held beside=$work/beside slowly=$work/slowly HOST_PYTHON patience=30 fails=

# backup OPTION... - of several volumes of 5 MB, by stock.
backup() {
	rm -rf "$target" "$XDG_CACHE_HOME/duplicity"
	expect 0 full stock duplicity full --volsize 5 "$@" "$source" "file://$target" || die 'there is no backup'
	volumes=("$target"/*.difftar.gpg)
	[ "${#volumes[@]}" -ge 3 ] || die "only ${#volumes[@]} volumes"
}

# start_afresh WHO [OPTION...] - sets $arguments of a restore.
start_afresh() {
	local prefix=

	[ "$1" = stock ] || prefix=stage+
	shift
	rm -rf --one-file-system "$restored" "$beside"
	: >"$begun"
	arguments=(restore --gpg-binary "$work/gpg" "$@" "${prefix}file://$target" "$restored")
}

# restore WHO [OPTION...] - sets $status. Its output is in $logs/WHO.
restore() {
	start_afresh "$@"
	run "$1" "$1" duplicity "${arguments[@]}"
	nothing_left "$1"
}

# beside WANTED WHAT - so many had begun when the first one was read.
beside() {
	[ "$(cat "$beside")" = "$1" ] || fail "$2: $(cat "$beside") gpgs, not $1, while the first volume is read"
}

# all_gone, all_begun COUNT - for wait_for: did no gpg outlive the run? Have so many begun?
all_gone() {
	local pid

	while read -r pid; do
		! kill -0 "$pid" 2>/dev/null || return 1
	done <"$begun"
}

all_begun() {
	[ "$(wc -l <"$begun")" -ge "$1" ]
}

# like WHO WHAT [OPTION...] - a restore ends as one by stock, or as one that decrypts nothing ahead, by the same words.
like() {
	local who=$1 what=$2 log

	shift 2
	[ "$who" = stock ] || configure "temp_root = $root" "avoid_tmpfs = no" "max_volumes = 1"
	patience=0 restore "$who" "$@"
	wanted=$status
	cp "$logs/$who" "$logs/wanted"
	configure "temp_root = $root" "avoid_tmpfs = no"
	restore plugged "$@"
	[ "$wanted" -ne 0 ] || fail "$what: exit status 0"
	[ "$status" -eq "$wanted" ] || fail "$what: exit status $status, not $wanted"
	for log in wanted plugged; do
		sed -n '/^===== Begin/,/^===== End/p; /Invalid data/,/^$/p; / is damaged/p' "$logs/$log" |
			sed 's,/[^ ]*/stagedir-[^ ]*,FILE,' >"$logs/$log.words"
	done
	[ -s "$logs/wanted.words" ] || fail "$what: nobody says why"
	diff "$logs/wanted.words" "$logs/plugged.words" >&2 || fail "$what: other words"
	wait_for 60 all_gone || fail "$what: a gpg is left"
}

mkdir "$source"
for number in 1 2 3 4 5 6; do
	head -c 3000000 /dev/urandom >"$source/$number"
done
backup
restore plugged
[ "$status" -eq 0 ] || show "$logs/plugged"
same_tree "$source" "$restored" 'a restore'
beside 2 'a restore'
[ "$(wc -l <"$begun")" -eq "${#volumes[@]}" ] || fail "$(wc -l <"$begun") messages were decrypted, of ${#volumes[@]} volumes"
expect 0 verify plugged duplicity verify --compare-data "stage+file://$target" "$source"
has verify '0 difference'
note 'ahead'

fails=refused like plugged 'the next gpg fails'
fails=once restore plugged
[ "$status" -eq 0 ] || { fail 'a gpg that fails ahead of its turn is not tried again'; show "$logs/plugged"; }
same_tree "$source" "$restored" 'a gpg that fails ahead of its turn'
fails='cut' like plugged 'a gpg fails while the next one waits'
beside 2 'a gpg that fails'
note 'failures'

cp -a "${volumes[1]}" "$work/volume"
printf wrong | dd of="${volumes[1]}" bs=1 seek=5000 conv=notrunc status=none
patience=1 like stock 'a wrong hash'
beside 1 'a wrong hash'
all_begun 2 && fail 'a wrong hash: it was decrypted'
cp -a "$work/volume" "${volumes[1]}"

# After Ctrl-C the interpreter waits for the gpg of the volume that is read, as without stagedir.
for signal in TERM HUP KILL; do
	start_afresh plugged
	: >"$held"
	start "$signal" plugged duplicity "${arguments[@]}"
	wait_for 60 all_begun 2 || fail "$signal: nothing is decrypted ahead"
	kill -s "$signal" "$pid"
	rm "$held"
	end "$pid"
	[ "$status" -ne 0 ] || fail "$signal: exit status 0"
	wait_for 60 all_gone || fail "$signal: a gpg is left"
	[ "$signal" = KILL ] || nothing_left "$signal"
done
rm -rf "$root" && mkdir "$root"
note 'ends'

configure "temp_root = $root" "avoid_tmpfs = no" "max_volumes = 1"
patience=1 restore plugged
beside 1 'max_volumes = 1'
configure "temp_root = $root" "avoid_tmpfs = no"

unset PASSPHRASE
gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-generate-key read@example.org future-default default never \
	>"$logs/key" 2>&1 || die "gpg makes no key: $(cat "$logs/key")"
export PASSPHRASE=
key=$(gpg --batch --list-keys --with-colons read@example.org | sed -n 's/^fpr:*\([0-9A-F]*\):$/\1/p' | head -n 1)
backup --encrypt-key "$key"
restore plugged
[ "$status" -eq 0 ] || show "$logs/plugged"
same_tree "$source" "$restored" 'to a key'
beside 2 'to a key'
patience=1 restore plugged --use-agent
[ "$status" -eq 0 ] || show "$logs/plugged"
same_tree "$source" "$restored" 'with an agent'
beside 1 'with an agent'
finish
