#!/bin/sh
# Runs one stage of the tests and notes its time: stage.sh NAME COMMAND...; --summary prints them all.
set -eu
times=build/stages
mkdir -p build
if [ "$1" = --summary ]; then
    echo
    echo "stage      seconds"
    cat "$times"
    rm -f "$times"
    exit 0
fi
name=$1
shift
[ "$name" = lint ] && rm -f "$times"
echo
echo "== $name"
start=$(date +%s)
"$@"
end=$(date +%s)
printf '%-10s %7d\n' "$name" $((end - start)) >> "$times"
