#!/bin/sh
# Shows that the tests can fail: plants each bug (*.patch) in a copy of the source, and runs the test that its head names (`test:`,
# else the protocol test) until it finds it.
# RUNS: how many runs at most for each (20000); IMAGES: how many images after a power loss (20000). Arguments: names of patches, else all.
# Fails when a bug is not found, or a patch no longer applies.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
runs=${RUNS:-20000}
images=${IMAGES:-20000}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
(cd "$root" && tar --exclude=./target --exclude=./fuzz/target --exclude=./.git --exclude=./build -cf - .) | tar -xf - -C "$work" || exit 1
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}/planted
SALES_PROTOCOL_RUNS=$runs
RUST_BACKTRACE=0
export CARGO_TARGET_DIR SALES_PROTOCOL_RUNS RUST_BACKTRACE
cd "$work" || exit 1

[ $# -gt 0 ] || set -- $(cd "$here" && ls ./*.patch | sed 's|^\./||; s|\.patch$||')
for name in "$@"; do
    grep -q '^test: ' "$here/$name.patch" || protocol=needed
done
if [ "${protocol:-}" = needed ] && ! cargo test --release --quiet --test protocol --no-run >"$work/log" 2>&1; then
    cat "$work/log"
    echo 'planted: the protocol test does not build'
    exit 1
fi
failed=0
found=0
printf '%-8s %-32s %s\n' promise bug result
# Each answers in `result`; what it printed is in the log.
by_protocol() {
    if ! cargo test --release --quiet --test protocol --no-run >"$work/log" 2>&1; then
        result='DOES NOT BUILD'
    elif cargo test --release --quiet --test protocol -- --nocapture >"$work/log" 2>&1; then
        result="NOT FOUND in $runs runs"
    else
        after=$(sed -n 's/^protocol: first violation after \([0-9]*\) runs.*/\1/p' "$work/log" | head -n 1)
        what=$(grep -A 1 VIOLATION "$work/log" | sed -n 2p | cut -c1-100)
        result="found after $after runs: $what"
        [ -n "$after" ] || result='THE TEST FAILED OTHERWISE'
    fi
}

by_powerloss() {
    program=$work/powerloss/powerloss
    if ! cargo rustc --release --quiet --lib --crate-type cdylib >"$work/log" 2>&1 ||
        ! make -s -C tests/powerloss all BUILD="$work/powerloss" LIBRARY="$CARGO_TARGET_DIR/release/libsales.so" >"$work/log" 2>&1; then
        result='DOES NOT BUILD'
    elif "$program" -f -n "$images" >"$work/log" 2>&1; then
        result="NOT FOUND in $images images"
    else
        after=$(sed -n 's/^images=\([0-9]*\) lost=.*/\1/p' "$work/log")
        what=$(sed -n 's/^image [0-9]* of seed [0-9]* is lost: //p' "$work/log" | head -n 1 | cut -c1-100)
        result="found after $after images: $what"
        [ -n "$what" ] || result='THE TEST FAILED OTHERWISE'
    fi
}

by_exhaustive() {
    if scripts/interleave.sh loom exhaustive >"$work/log" 2>&1; then
        result='NOT FOUND in any interleaving'
    else
        what=$(sed -n 's/^    \([a-z_]*::[a-z_]*\)$/\1/p' "$work/log" | sort -u | tr '\n' ' ')
        result="found by $what"
        [ -n "$what" ] || result='THE TEST FAILED OTHERWISE'
    fi
}

by_random() {
    if scripts/interleave.sh shuttle random >"$work/log" 2>&1; then
        result='NOT FOUND in any schedule'
    else
        what=$(sed -n 's/^random: VIOLATION after \([0-9]*\) schedules, [^:]*: \(.*\)/\1 schedules: \2/p' "$work/log" | head -n 1)
        result="found after $what"
        [ -n "$what" ] || result='THE TEST FAILED OTHERWISE'
    fi
}

for name in "$@"; do
    patch=$here/$name.patch
    promise=$(sed -n 's/^promise: //p' "$patch")
    test=$(sed -n 's/^test: //p' "$patch")
    rm -rf src && cp -r "$root/src" src
    if ! patch -p0 -s -F3 <"$patch" >"$work/log" 2>&1; then
        result='THE PATCH DOES NOT APPLY'
    else
        "by_${test:-protocol}"
    fi
    case $result in found*) ;; *) failed=$((failed + 1)); tail -n 5 "$work/log" ;; esac
    case $result in found*) found=$((found + 1)) ;; esac
    printf '%-8s %-32s %s\n' "$promise" "$name" "$result"
done
echo "planted: $found found, $failed not"
[ "$failed" -eq 0 ]
