#!/bin/sh
# overlay.sh HOST OVERLAY FILE... - makes OVERLAY a copy of the Python package HOST, out of symbolic
# links, in which each FILE lies in the folder backends as well.
set -eu

host=$1 overlay=$2
shift 2
rm -rf "$overlay"
mkdir -p "$overlay/backends"
for entry in "$host"/* "$host"/backends/*; do
	name=${entry#"$host"/}
	case $name in
	backends | *__pycache__) ;;
	*) ln -s "$entry" "$overlay/$name" ;;
	esac
done
for file; do
	ln -sf "$file" "$overlay/backends/"
done
