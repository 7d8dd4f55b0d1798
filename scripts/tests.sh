#!/bin/sh
# The integration tests, as `--test NAME ...`, but for those named: so that a new file is never forgotten.
set -eu
cd "$(dirname "$0")/.."
for file in tests/*.rs; do
    name=$(basename "$file" .rs)
    case " $* " in *" $name "*) ;; *) printf -- '--test %s ' "$name" ;; esac
done
