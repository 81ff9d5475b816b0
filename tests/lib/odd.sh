# odd.sh - sourced by the tests that need a storage which is slow or fails: odd://, see site/sitecustomize.py. Sets
# $storage, its folder, and $url; sees to it that the host has it, plugged or stock.

# shellcheck disable=SC2034,SC2154 # variables of lib.sh and of the test
export PYTHONPATH=$srcdir/tests/lib/site PYTHONDONTWRITEBYTECODE=1
storage=$work/storage
url=odd:///$storage
source=$work/source

# set_odd NAME [VALUE], unset_odd NAME... - has the storage behave, now.
set_odd() {
	mkdir -p "$storage.control"
	printf '%s\n' "${2-}" >"$storage.control/.new"
	mv "$storage.control/.new" "$storage.control/$1"
}

unset_odd() {
	local name

	for name; do
		rm -f "$storage.control/$name"
	done
}

# fresh_odd - an empty storage that is quick and never fails, and no archive directory.
fresh_odd() {
	rm -rf --one-file-system "$storage" "$storage.control" "$storage.log" "$XDG_CACHE_HOME/duplicity"
}

# puts - the names of what was begun to be stored, in order.
puts() {
	sed -n 's/^[^ ]* put \([^ ]*\) .*/\1/p' "$storage.log" 2>/dev/null
}

# numbers - the numbers of the volumes whose names are read, each with a blank behind it; nothing for other names.
numbers() {
	sed -n 's/.*\.vol\([0-9]*\)\..*/\1/p' | tr '\n' ' '
}

# stored - the numbers of the volumes in storage.
stored() {
	find "$storage" -name 'duplicity*.vol*' 2>/dev/null | sort -V | numbers
}

# staged - the files that are staged in $root and below, live or dead, in order.
staged() {
	find "$work" -path "$storage" -prune -o -type f -name 'staged-*' -print 2>/dev/null | sort -V
}

# sealed COUNT - have so many volumes ever been staged by what lies in $root?
sealed() {
	[ "$(cat "$root"/*/journal 2>/dev/null | grep -c ' staged staged-')" -ge "$1" ]
}

# have_staged COUNT, have_logged TEXT, have_said LOG TEXT - for wait_for.
have_staged() {
	[ "$(staged | wc -l)" -ge "$1" ]
}

have_logged() {
	grep -q -F -e "$1" "$storage.log" 2>/dev/null
}

have_said() {
	grep -q -a -F -e "$2" "$logs/$1"
}

# in_order - were volumes stored by number, never two at once, then the signature, the manifest, the statistics if any?
in_order() {
	"$HOST_PYTHON" - "$storage.log" <<-'END'
		import re
		import sys

		under_way, highest, ranks = None, 0, {'difftar': 0, 'sigtar': 1, 'manifest': 2, 'jsonstat': 3}
		rank = 0
		for line in open(sys.argv[1]):
		    _, what, *rest = line.split()
		    if what == 'put':
		        if under_way:
		            sys.exit(f'{rest[0]} was begun while {under_way} was under way')
		        under_way = rest[0]
		        kind = re.search('difftar|sigtar|manifest|jsonstat', under_way)[0]
		        if ranks[kind] < rank:
		            sys.exit(f'{under_way} was stored too late')
		        rank = ranks[kind]
		        if kind == 'difftar':
		            number = int(re.search(r'\.vol(\d+)\.', under_way)[1])
		            if number != highest + 1:
		                sys.exit(f'volume {number} was begun after volume {highest}')
		            highest = number
		    elif what == 'done':
		        under_way = None
		if under_way or rank < 2:
		    sys.exit(f'{under_way} is not done' if under_way else 'no manifest was stored')
	END
}
