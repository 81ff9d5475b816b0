# full.sh - a full backup of a tree taken from /usr: by the host alone, with the plugin, by restic and borg.
# MEGABYTES changes how much.
. "${srcdir:-.}/tests/bench/lib.sh" || exit 1
. "$srcdir/tests/bench/contenders.sh" || exit 1
options=(--no-encryption)

of_usr "${MEGABYTES:-400}"
alternate by_stock by_plugin level_1 by_restic by_borg
heading "full backup, $(described)"
row by_stock by_stock 'stock'
row by_plugin by_stock 'plugin'
row level_1 by_stock 'plugin, gzip_level = 1'
row by_restic by_stock 'restic (encrypts)'
row by_borg by_stock 'borg, lz4'
within by_plugin by_stock 1 0.25 'wall of stock'
within by_plugin by_stock 2 0.5 'CPU of stock'
within by_plugin by_stock 4 1.01 'volumes of stock'
within level_1 by_restic 1 1 'wall of restic, level 1'
within level_1 by_borg 1 1 'wall of borg, level 1'
within by_plugin by_restic 1 1 'wall of restic'
finish
