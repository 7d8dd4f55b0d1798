#!/bin/sh
# Runs each fuzz target for so many seconds, from the kept inputs: fuzz.sh SECONDS [TARGET...]. New inputs go to build/fuzz,
# those that break something to fuzz/found. Fails when one does.
set -eu
cd "$(dirname "$0")/.."
seconds=$1
shift
scripts/fuzz-build.sh
[ $# -gt 0 ] || set -- $(sed -n 's/^name = "\([a-z]*\)"$/\1/p' fuzz/Cargo.toml | grep -vx targets)
bin=fuzz/target/$(rustc -vV | sed -n 's/^host: //p')/release
crashes=0
for target in "$@"; do
    work=build/fuzz/$target
    mkdir -p "$work" "fuzz/found/$target" "fuzz/corpus/$target"
    before=$(find "fuzz/found/$target" -type f | wc -l)
    options="-len_control=0 -max_len=2048 -max_total_time=$seconds -timeout=60 -rss_limit_mb=4096 -print_final_stats=1"
    ended=good
    "$bin/$target" $options "-artifact_prefix=fuzz/found/$target/" "$work" "fuzz/corpus/$target" >"build/fuzz/$target.log" 2>&1 || ended=bad
    found=$(($(find "fuzz/found/$target" -type f | wc -l) - before))
    if [ $ended = bad ]; then
        tail -n 40 "build/fuzz/$target.log"
        [ $found -gt 0 ] || found=1
    fi
    crashes=$((crashes + found))
    # The last line that tells of its progress.
    sed -n 's/^#\([0-9]*\)[ \t][A-Za-z]* *cov: \([0-9]*\) ft: \([0-9]*\) corp: \([0-9]*\).*/\1 \2 \3 \4/p' "build/fuzz/$target.log" |
        tail -n 1 | while read -r runs coverage features corpus; do
        echo "$target: runs=$runs coverage=$coverage features=$features corpus=$corpus crashes=$found"
    done
done
echo "targets=$# seconds=$seconds crashes=$crashes"
[ $crashes = 0 ]
