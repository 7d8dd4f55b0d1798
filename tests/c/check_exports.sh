#!/bin/sh
# What the libraries show to a host: check_exports.sh LIBSALES.SO LIBSALES.A (processed by scripts/static-library.sh).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
shared=$1
static=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for tool in nm readelf; do
    command -v "$tool" >/dev/null || { echo "$0: $tool is missing: apt-get install binutils" >&2; exit 2; }
done

sort "$here/exports.txt" >"$work/expected"

nm -D --defined-only --format=posix "$shared" | cut -d ' ' -f 1 | sed 's/@.*//' | sort >"$work/shared"
diff -u "$work/expected" "$work/shared" || { echo "$shared exports others than exports.txt" >&2; exit 1; }

nm -g --defined-only --format=posix "$static" | sed -n 's/^\([^ ]*\) [A-Za-z] .*/\1/p' | sort >"$work/static"
diff -u "$work/expected" "$work/static" || { echo "$static exports others than exports.txt" >&2; exit 1; }
if nm "$static" | grep -E ' U (mdb_|_?_?rust)'; then
    echo "$static needs symbols that a host may have of its own" >&2
    exit 1
fi

# The header declares exactly the same.
grep -oE '\bsales_[a-z0-9_]+\(' "$here/../../include/sales.h" | tr -d '(' | grep -v '^sales_init$' | sort -u \
    >"$work/declared"
diff -u "$work/expected" "$work/declared" || { echo "sales.h declares others than exports.txt" >&2; exit 1; }

readelf -d "$shared" >"$work/dynamic"
grep -q 'SONAME.*\[libsales\.so\.0\]' "$work/dynamic" || { echo "$shared: the soname is not libsales.so.0" >&2; exit 1; }
grep -q 'NODELETE' "$work/dynamic" || { echo "$shared: NODELETE is not set" >&2; exit 1; }
if grep -qE 'TEXTREL|RPATH|RUNPATH' "$work/dynamic"; then
    echo "$shared: has text relocations or a path of its own" >&2
    exit 1
fi
echo "exports: $(wc -l <"$work/expected") symbols, soname and NODELETE as they should be"
