#!/bin/sh
# Builds the library for a checker of interleavings and runs one of its tests: interleave.sh loom|shuttle TEST [FILTER].
# Beside the ordinary build, whose build scripts it shares: a --target keeps the checker's flags away from those.
set -eu
cd "$(dirname "$0")/.."
checker=$1 test=$2
shift 2
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="--cfg checker=\"$checker\"" cargo test --release --quiet --target "$host" --test "$test" -- --nocapture "$@"
