#!/bin/sh
# Installs what a command of the Makefile needs and the machine lacks: tools.sh demo|test.
set -eu
packages="lmdb-utils strace gcc make"
[ "$1" = test ] && packages="$packages g++ binutils liblmdb-dev valgrind python3 python3-venv e2fsprogs util-linux mount procps libc6-dev"
missing=""
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
    echo "installing:$missing"
    [ "$(id -u)" = 0 ] || { echo "these packages are missing:$missing (apt-get install, as root)" >&2; exit 2; }
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
fi
# Built from crates.io, where everything else of the fuzzers comes from too.
if [ "$1" = test ] && ! command -v cargo-fuzz >/dev/null; then
    echo "installing: cargo-fuzz"
    cargo install --quiet --locked cargo-fuzz
fi
