#!/bin/sh
# Shows that the kills can fail: plants each bug (planted/*.patch) in a copy of the source, and kills until it is found.
# planted.sh BUILD [NAME...]; KILLS: how many at most for each (400). Fails when a bug is not found, or a patch no longer applies.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
kills=${KILLS:-400}
build=$1
shift
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT INT TERM
(cd "$root" && tar --exclude=./target --exclude=./.git --exclude=./build -cf - .) | tar -xf - -C "$work" || exit 1
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}/planted
export CARGO_TARGET_DIR
cd "$work" || exit 1
[ $# -gt 0 ] || set -- $(cd "$here/planted" && ls ./*.patch | sed 's|^\./||; s|\.patch$||')
failed=0
found=0
printf '%-8s %-28s %s\n' promise bug result
for name in "$@"; do
    patch=$here/planted/$name.patch
    promise=$(sed -n 's/^promise: //p' "$patch")
    rm -rf src && cp -r "$root/src" src
    if ! patch -p0 -s -F3 <"$patch" >"$work/log" 2>&1; then
        result='THE PATCH DOES NOT APPLY'
    elif ! cargo build --release --quiet >"$work/log" 2>&1; then
        result='DOES NOT BUILD'
    elif ! cp "$CARGO_TARGET_DIR/release/libsales.so" "$work/libsales.so.0"; then
        result='IS NOT THERE'
    elif LD_LIBRARY_PATH=$work python3 -B "$here/crash.py" --host "$build/busy" --dir "$work/nodes" --kills "$kills" \
        --until-failure >"$work/log" 2>&1; then
        result="NOT FOUND by $kills kills"
    else
        result=$(sed -n 's/^not exact, \(after [0-9]* kills: .*\)/found \1/p' "$work/log" | head -n 1 | cut -c1-140)
    fi
    case $result in
    found*) found=$((found + 1)) ;;
    *) failed=$((failed + 1)); tail -n 5 "$work/log" ;;
    esac
    printf '%-8s %-28s %s\n' "$promise" "$name" "$result"
done
echo "planted: $found found, $failed not"
[ "$failed" -eq 0 ]
