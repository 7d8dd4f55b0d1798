#!/bin/sh
# Shows that the protocol test can fail: plants each bug (*.patch) in a copy of the source, and runs the test until it finds it.
# RUNS: how many runs at most for each (20000). Arguments: names of patches, else all.
# Fails when a bug is not found, or a patch no longer applies.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
runs=${RUNS:-20000}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT INT TERM
(cd "$root" && tar --exclude=./target --exclude=./.git --exclude=./build -cf - .) | tar -xf - -C "$work" || exit 1
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}/planted
SALES_PROTOCOL_RUNS=$runs
RUST_BACKTRACE=0
export CARGO_TARGET_DIR SALES_PROTOCOL_RUNS RUST_BACKTRACE
cd "$work" || exit 1

if ! cargo test --release --quiet --test protocol --no-run >"$work/log" 2>&1; then
    cat "$work/log"
    echo 'planted: the protocol test does not build'
    exit 1
fi
[ $# -gt 0 ] || set -- $(cd "$here" && ls ./*.patch | sed 's|^\./||; s|\.patch$||')
failed=0
found=0
printf '%-8s %-32s %s\n' promise bug result
for name in "$@"; do
    patch=$here/$name.patch
    promise=$(sed -n 's/^promise: //p' "$patch")
    rm -rf src && cp -r "$root/src" src
    if ! patch -p0 -s -F3 <"$patch" >"$work/log" 2>&1; then
        result='THE PATCH DOES NOT APPLY'
    elif ! cargo test --release --quiet --test protocol --no-run >"$work/log" 2>&1; then
        result='DOES NOT BUILD'
    elif cargo test --release --quiet --test protocol -- --nocapture >"$work/log" 2>&1; then
        result="NOT FOUND in $runs runs"
    else
        after=$(sed -n 's/^protocol: first violation after \([0-9]*\) runs.*/\1/p' "$work/log" | head -n 1)
        what=$(grep -A 1 VIOLATION "$work/log" | sed -n 2p | cut -c1-100)
        if [ -n "$after" ]; then
            result="found after $after runs: $what"
            found=$((found + 1))
        else
            result='THE TEST FAILED OTHERWISE'
        fi
    fi
    case $result in found*) ;; *) failed=$((failed + 1)); tail -n 5 "$work/log" ;; esac
    printf '%-8s %-32s %s\n' "$promise" "$name" "$result"
done
echo "planted: $found found, $failed not"
[ "$failed" -eq 0 ]
