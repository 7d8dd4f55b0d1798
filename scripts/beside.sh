#!/bin/sh
# Runs a command while another works in the background, and waits for both: beside.sh 'IN THE BACKGROUND' COMMAND... What the one in the
# background prints is shown if it fails. Fails when either does.
set -u
cd "$(dirname "$0")/.."
mkdir -p build
log=$(mktemp build/beside.XXXXXX) || exit 1
$1 >"$log" 2>&1 &
beside=$!
trap 'kill $beside 2>/dev/null; rm -f "$log"; exit 1' INT TERM
shift
"$@"
status=$?
if ! wait $beside; then
    cat "$log"
    status=1
fi
rm -f "$log"
exit $status
