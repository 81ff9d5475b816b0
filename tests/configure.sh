# configure.sh - configure where something is missing, with other prefixes, and where it fails.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

if [ -e "$srcdir/config.status" ]; then
	skip_part 'the source folder itself is configured, so no other folder can be'
	finish
fi

# The outer make's options are not for the inner one.
unset MAKEFLAGS MFLAGS MAKELEVEL

# A system without what only tests need.
bin=$work/bin
mkdir "$bin"
find /usr/local/bin /usr/bin /bin -mindepth 1 -maxdepth 1 ! -name 'clang*' ! -name 'valgrind*' ! -name pkg-config \
	-exec ln -sf -t "$bin" {} +
cat >"$bin/pkg-config" <<-END
	#!/bin/sh
	case " \$* " in
	*' cunit '*) exit 1 ;;
	esac
	exec $(command -v pkg-config) "\$@"
	END
chmod +x "$bin/pkg-config"
missing='libcunit1-dev valgrind clang libclang-rt-dev'

# configured STATUS NAME OPTION... - in a folder of its own, in which there is a folder core, as after a build.
configured() {
	local wanted=$1 folder=$work/$2 log=$2

	shift 2
	mkdir -p "$folder/core"
	echo kept >"$folder/core/file"
	(cd "$folder" && PATH=$bin expect "$wanted" "$log" "$srcdir/configure" -q "$@") || failures=$((failures + 1))
	has_not "$log" 'rm:'
	grep -q kept "$folder/core/file" || fail "$log: configure has removed what was in the folder core"
	[ -z "$(find "$folder" -maxdepth 1 -name 'conf*' ! -name 'config.*' ! -name configure.lineno)" ] ||
		fail "$log: configure has left $(ls "$folder")"
}

# sysconfdir_of NAME VALUE - what the Makefile has.
sysconfdir_of() {
	local value

	value=$(printf 'include Makefile\nstage-test-show:\n\t@echo $(sysconfdir)\n' |
		make -s -C "$work/$1" -f - stage-test-show)
	[ "$value" = "$2" ] || fail "$1: the configuration file is sought in $value, not in $2"
	grep -q "^  configuration *$2/stagedir.conf$" "$logs/$1" || fail "$1: the summary does not name $2/stagedir.conf"
}

note 'without what tests need the rest is configured, and make check says what is missing'
configured 0 without --prefix=/usr
says without "^  tests  *no, these packages are missing: $missing\$"
sysconfdir_of without /etc
expect 2 check make -s -C "$work/without" check-local
says check "NOT TESTED.*$missing.*\./bootstrap check"

note 'who wants tests is told when configure runs'
configured 1 wanted --enable-tests
says wanted "error: .*$missing"

note 'who wants none'
configured 0 none --disable-tests --prefix=/opt/stagedir
says none '^  tests  *no$'
sysconfdir_of none /opt/stagedir/etc
expect 0 no-check make -s -C "$work/none" check-local
has no-check 'nothing is tested'
expect 0 dist make -s -C "$work/none" distdir
[ -e "$(echo "$work"/none/stagedir-*/tests/lib/lib.sh)" ] || fail 'a build without tests distributes none'

note 'an early error'
configured 77 early CC=false
says early 'C compiler cannot create executables'
finish
