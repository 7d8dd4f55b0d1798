#!/bin/sh
# Shows that the tests can fail: plants each bug (*.patch) in a copy of the source, and runs the test that its head names (`test:`,
# else the simulator) until it finds it.
# SEEDS: how many of the simulator's seeds at most for each (5000); IMAGES: how many images after a power loss (20000). Arguments: names of patches, else all.
# Fails when a bug is not found, or a patch no longer applies.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
seeds=${SEEDS:-5000}
images=${IMAGES:-20000}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
(cd "$root" && tar --exclude=./target --exclude=./fuzz/target --exclude=./.git --exclude=./build -cf - .) | tar -xf - -C "$work" || exit 1
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}/planted
SALES_SIMULATE_SEEDS=$seeds
SALES_SIMULATE_SHRINK=0
# Each bug is a build of its own: quick ones.
CARGO_INCREMENTAL=1
CARGO_PROFILE_RELEASE_DEBUG=0
CARGO_PROFILE_RELEASE_OPT_LEVEL=1
export CARGO_TARGET_DIR SALES_SIMULATE_SEEDS SALES_SIMULATE_SHRINK
export CARGO_INCREMENTAL CARGO_PROFILE_RELEASE_DEBUG CARGO_PROFILE_RELEASE_OPT_LEVEL
unset RUST_BACKTRACE
cd "$work" || exit 1

[ $# -gt 0 ] || set -- $(cd "$here" && ls ./*.patch | sed 's|^\./||; s|\.patch$||')
for name in "$@"; do
    grep -q '^test: ' "$here/$name.patch" || simulator=needed
done
if [ "${simulator:-}" = needed ] && ! cargo test --release --quiet --test simulate --no-run >"$work/log" 2>&1; then
    cat "$work/log"
    echo 'planted: the simulator does not build'
    exit 1
fi
failed=0
found=0
printf '%-8s %-32s %s\n' promise bug result
# Each answers in `result`; what it printed is in the log.
by_simulate() {
    if ! cargo test --release --quiet --test simulate --no-run >"$work/log" 2>&1; then
        result='DOES NOT BUILD'
    elif cargo test --release --quiet --test simulate >"$work/log" 2>&1; then
        result="NOT FOUND by $seeds seeds"
    else
        after=$(sed -n 's/^simulate: first violation after \([0-9]*\) seeds.*/\1/p' "$work/log" | head -n 1)
        what=$(sed -n 's/.*VIOLATION seed=[0-9]* //p' "$work/log" | head -n 1 | cut -c1-120)
        result="found by seed $after: $what"
        [ -n "$what" ] || result='THE SIMULATOR FAILED OTHERWISE'
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

# A test of tests/*.rs, by its name.
by_rust() {
    if ! cargo test --release --quiet --test "$test" --no-run >"$work/log" 2>&1; then
        result='DOES NOT BUILD'
    elif cargo test --release --quiet --test "$test" >"$work/log" 2>&1; then
        result="NOT FOUND by $test"
    else
        what=$(sed -n 's/^---- \([a-z_]*\) stdout ----$/\1/p' "$work/log" | tr '\n' ' ' | cut -c1-120)
        result="found by $test: $what"
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
        case ${test:-simulate} in
        simulate | powerloss | exhaustive | random) "by_${test:-simulate}" ;;
        *) by_rust ;;
        esac
    fi
    case $result in found*) ;; *) failed=$((failed + 1)); tail -n 5 "$work/log" ;; esac
    case $result in found*) found=$((found + 1)) ;; esac
    printf '%-8s %-32s %s\n' "$promise" "$name" "$result"
done
echo "planted: $found found, $failed not"
[ "$failed" -eq 0 ]
