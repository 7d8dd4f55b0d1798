#!/bin/sh
# Makes of cargo's static library one that defines sales_* alone: static-library.sh IN OUT.
# A host may have an LMDB (or a Rust standard library) of its own. All of ours is first linked into one object, so that
# it is bound to itself: hiding the names inside the archive would bind our calls to the host's LMDB instead.
set -eu

if [ $# -ne 2 ]; then
    echo "usage: $0 IN OUT" >&2
    exit 2
fi
for tool in ld objcopy ar; do
    command -v "$tool" >/dev/null || { echo "$0: $tool is missing: apt-get install binutils" >&2; exit 2; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ld -r --whole-archive "$1" -o "$work/whole.o"
objcopy --wildcard --remove-section=.llvmbc --remove-section=.llvmcmd --keep-global-symbol='sales_*' \
    "$work/whole.o" "$work/sales.o"
ar rcsD "$work/libsales.a" "$work/sales.o"
mv "$work/libsales.a" "$2"
