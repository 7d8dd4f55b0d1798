#!/bin/sh
# Builds the fuzz targets. That is mostly one long compilation on one core, so `make test` lets it run beside the C suite, which uses one too.
set -eu
cd "$(dirname "$0")/.."
# cargo-fuzz asks for options that a stable compiler has but does not offer. The C of LMDB is watched too.
RUSTC_BOOTSTRAP=1 CFLAGS="-fsanitize=address -g1" CARGO_TERM_QUIET=true cargo fuzz build
