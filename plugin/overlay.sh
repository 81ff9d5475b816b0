#!/bin/sh
# overlay.sh HOST OVERLAY PYTHON FILE... - makes OVERLAY a copy of the Python package HOST, out of symbolic
# links, in which each FILE lies in the folder backends as well. All is compiled, as it is where it is installed.
set -eu

host=$1 overlay=$2 python=$3
shift 3
rm -rf "$overlay"
mkdir -p "$overlay/__pycache__" "$overlay/backends/__pycache__"
for entry in "$host"/* "$host"/__pycache__/* "$host"/backends/* "$host"/backends/__pycache__/*; do
	name=${entry#"$host"/}
	case $name in
	backends | *__pycache__ | *\*) ;;
	*) ln -s "$entry" "$overlay/$name" ;;
	esac
done
for file; do
	ln -sf "$file" "$overlay/backends/"
	case $file in
	*.py) "$python" -m py_compile "$overlay/backends/${file##*/}" ;;
	esac
done
