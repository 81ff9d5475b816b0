# install.sh - what `make install` puts where, that a C program is built with it, and that `make uninstall`
# leaves nothing.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

need make make
need cc gcc
need pkg-config pkg-config
build=$(dirname "$IN_TREE")
dest=$work/dest

# The outer make's options, and the TESTS of its command line, are not for this one.
inner_make() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u TESTS make -s -C "$build" DESTDIR="$dest" "$@"
}
variable() {
	sed -n "s/^$1 = //p" "$build/Makefile"
}
# a directory as make sees it
where() {
	printf 'include Makefile\nstage-test-show:\n\t@echo $(%s)\n' "$1" |
		env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$build" -f - stage-test-show
}

expect 0 install inner_make install
backends=$dest$(where backendsdir) bin=$dest$(where bindir) lib=$dest$(where libdir) include=$dest$(where pkgincludedir)
etc=$dest$(where sysconfdir) man=$dest$(where mandir) share=$dest$(where datadir)
units=$dest$(where systemdsystemunitdir)
for file in "$backends"/{_stageend,_stagefetch,_stagefiles,_stagegpg,_stageguard,_stagehost,_stageprogress,_stagerepair,_stagespawn,stagebackend}.py "$backends/_stageproved.txt" "$backends/_stagedir.abi3.so" "$bin/stagedir" \
	"$lib/libstagedir.so" "$lib/pkgconfig/stagedir.pc" "$include/dir.h" "$include/error.h" "$include/log.h" \
	"$include/orphan.h" "$include/root.h" "$include/settings.h" "$include/settings.def" "$man/man5/stagedir.conf.5" "$man/man1/stagedir.1" "$etc/stagedir.conf" \
	"$units/stagedir-flush.service" "$units/stagedir-flush.timer" "$dest$(where tmpfilesdir)/stagedir.conf" \
	"$share/bash-completion/completions/stagedir" "$share/fish/vendor_completions.d/stagedir.fish" \
	"$share/zsh/site-functions/_stagedir"; do
	[ -s "$file" ] || fail "$file was not installed"
done
grep -q "^ExecStart=$(where bindir)/stagedir flush\$" "$units/stagedir-flush.service" ||
	fail 'the unit runs another command than the one that was installed'
cmp -s "$build/core/stagedir.conf" "$etc/stagedir.conf" || fail 'stagedir.conf is not the one that was built'
find "$dest" \( -name '__pycache__' -o -path "$backends/*.la" -o -path "$backends/*.a" \) | grep . >&2 &&
	fail 'files were installed that are of no use'
installed=$(find "$dest" ! -type d | sort)

note 'the command and the library as they were installed'
expect 0 version env LD_LIBRARY_PATH="$lib" "$bin/stagedir" --version
says version '^stagedir [0-9]'
for key in temp_root min_free avoid_tmpfs targets; do
	grep -q "^#$key = " "$etc/stagedir.conf" || fail "stagedir.conf does not show $key"
done
# each key with its default, uncommented, is a file that is read
sed 's/^#\([a-z_]* = \)/\1/' "$etc/stagedir.conf" | grep -v '^temp_root' >"$work/all.conf"
expect 0 conf env STAGEDIR_CONFIG="$work/all.conf" "$bin/stagedir" roots

note 'only what the headers offer is seen'
nm -D --defined-only "$lib/libstagedir.so" | sed 's/.* //; s/@.*//' | grep -v -E '^stage_|^STAGEDIR|^LIBSTAGEDIR' >&2 &&
	fail 'libstagedir.so exports names that are not its own'
nm -D --defined-only "$backends/_stagedir.abi3.so" | sed 's/.* //' | grep -v '^PyInit__stagedir$' >&2 &&
	fail '_stagedir.abi3.so exports more than its PyInit function'

note 'a C program'
cat >"$work/program.c" <<'END'
#include <stagedir/dir.h>
#include <stagedir/error.h>
#include <stagedir/log.h>
#include <stagedir/orphan.h>
#include <stagedir/root.h>
#include <stagedir/settings.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct stage_dir *dir;
	struct stage_error error;
	char *path;
	int fd;

	if (argc != 2 || stage_dir_open(argv[1], NULL, &dir, &error) < 0 ||
		stage_dir_mkstemp(dir, &fd, &path, &error) < 0) {
		fprintf(stderr, "program: %s\n", error.message);
		return EXIT_FAILURE;
	}
	puts(path);
	close(fd);
	free(path);
	stage_dir_close(&dir);
	return dir ? EXIT_FAILURE : EXIT_SUCCESS;
}
END
export PKG_CONFIG_PATH=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$dest
expect 0 pkg-config pkg-config --cflags --libs stagedir
flags=$(cat "$logs/pkg-config")
for file in "$include"/*.h; do
	echo "#include <stagedir/$(basename "$file")>" >"$work/alone.c"
	# shellcheck disable=SC2086 # options
	expect 0 alone cc -std=c11 -Wall -Wextra -Werror -fsyntax-only $flags "$work/alone.c"
done
# shellcheck disable=SC2086 # options
expect 0 compile cc -std=c11 -Wall -Wextra -Werror -o "$work/program" "$work/program.c" $flags
expect 0 program env LD_LIBRARY_PATH="$lib" "$work/program" "$root"
says program "^$root/stagedir-.*/mkstemp-"
nothing_left 'a C program'
[ "$(pkg-config --modversion stagedir)" = "$(variable VERSION)" ] || fail 'the pkg-config file has another version'

note 'the plugin in a host, out of where it was installed'
mkdir -p "$work/python"
expect 0 overlay sh "$srcdir/plugin/overlay.sh" "$(variable hostdir)" "$work/python/duplicity" "$HOST_PYTHON" \
	"$backends"/_stage* "$backends"/stagebackend.py
mkdir "$work/source" && echo content >"$work/source/file"
expect 0 full env PYTHONPATH="$work/python" PYTHONDONTWRITEBYTECODE=1 "$DUPLICITY" full -v5 --no-encryption "$work/source" \
	"stage+file://$work/target"
has full "Using temporary directory $root/stagedir-"
nothing_left 'the plugin as it was installed'

note 'a second install keeps the configuration file of the administrator'
echo 'min_free = 5G' >>"$etc/stagedir.conf"
expect 0 install inner_make install
grep -q '^min_free = 5G$' "$etc/stagedir.conf" || fail 'a second install overwrites stagedir.conf'
[ "$(find "$dest" ! -type d | sort)" = "$installed" ] || fail 'a second install installs other files'

note 'uninstall'
expect 0 uninstall inner_make uninstall
[ "$(find "$dest" ! -type d)" = "$etc/stagedir.conf" ] ||
	fail "after uninstall, beside a changed stagedir.conf, there is: $(find "$dest" ! -type d)"
rm "$etc/stagedir.conf"
expect 0 install inner_make install
expect 0 uninstall inner_make uninstall
[ -z "$(find "$dest" ! -type d)" ] || fail "uninstall leaves: $(find "$dest" ! -type d)"
finish
