# settings.sh - a run has the settings with which it began: whatever becomes of the configuration file meanwhile, the
# run goes on as it began, for stage+ and for plain URLs that are taken over. The storage hangs in a put while the file
# changes, so that volumes, signatures and manifest are all still to be made.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh"

mkdir "$source" "$work/folder"
head -c 7000000 /dev/urandom >"$source/file"
export STAGEDIR_CONFIG=$work/folder/stagedir.conf
settings=("temp_root = $root" 'avoid_tmpfs = no' 'max_volumes = 2' 'targets = odd://*')

# What becomes of the file.
typo() { configure 'temproot = /tmp'; }
writable() { chmod g+w "$STAGEDIR_CONFIG"; }
removed() { rm "$STAGEDIR_CONFIG"; }
unreadable() { rm "$STAGEDIR_CONFIG" && mkdir "$STAGEDIR_CONFIG"; }
folder_removed() { rm -r "$work/folder"; }
changed() { configure "temp_root = $work/other" 'avoid_tmpfs = no' 'stage_ahead = no' 'max_volumes = 1' 'gzip_level = 1'; }

is_hanging() {
	have_logged ' put ' && puts | grep -q -F .vol2.
}

# backup WHAT URL COMMAND - one that is under way while WHAT happens.
backup() {
	note "$1, $3 $2"
	mkdir -p "$work/folder" "$work/other"
	rm -rf "$STAGEDIR_CONFIG"
	configure "${settings[@]}"
	set_odd hang .vol2.
	start run plugged duplicity "$3" -v5 --num-retries 1 --no-encryption --volsize 1 "$source" "$2"
	wait_for 60 is_hanging || fail "$1: the second volume is never stored"
	"$1"
	unset_odd hang
	end "$pid"
	[ "$status" -eq 0 ] || { fail "$1: the backup to $2 ended with $status"; show "$logs/run"; }
	has_not run "$STAGEDIR_CONFIG"
	# all of them as it began, and not only those before
	volumes=$(stored | wc -w)
	says run "staged ahead: $volumes volumes"
	nothing_left "$1"
	is_empty "$work/other" "$1"
	expect 0 verify stock duplicity verify --compare-data --no-encryption "$url" "$source"
}

for what in typo writable removed unreadable folder_removed changed; do
	for target in "stage+$url" "$url"; do
		fresh_odd
		backup "$what" "$target" full
	done
done

note 'the next run has what the file says then'
changed
fresh_odd
expect 0 next plugged duplicity full -v5 --no-encryption --volsize 1 "$source" "stage+$url"
has_not next 'staged ahead'
says next "Using temporary directory $work/other/stagedir-"
typo
expect 23 next plugged duplicity full --no-encryption --volsize 1 "$source" "stage+$url"
has next "$STAGEDIR_CONFIG:1: \"temproot = /tmp\": unknown key"
finish
