#!/bin/sh
# The integration tests, as `--test NAME ...`: so that a new file is never forgotten.
set -eu
cd "$(dirname "$0")/.."
for file in tests/*.rs; do
    name=$(basename "$file" .rs)
    printf -- '--test %s ' "$name"
done
