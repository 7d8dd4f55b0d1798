#!/bin/sh
# Builds libsales with a sanitizer, into target/sanitize-NAME: sanitized-library.sh thread|address.
# The sanitizers are not stable in Rust. RUSTC_BOOTSTRAP lets whatever toolchain builds the project use them, so that no
# other has to be installed; std is as it comes, without a sanitizer. That one does not see std's locks, so for threads
# those of src/sync are marked; LMDB, whose readers' table has no locks by design, is looked at for addresses alone.
set -eu
cd "$(dirname "$0")/.."
flags="-Zsanitizer=$1"
cflags="-g"
case $1 in
    thread) flags="$flags -Cunsafe-allow-abi-mismatch=sanitizer --cfg checker=\"thread\"" ;;
    address) cflags="-g -fsanitize=address" ;;
esac
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTC_BOOTSTRAP=1 RUSTFLAGS=$flags CFLAGS=$cflags CARGO_TARGET_DIR=target/sanitize-$1 \
    cargo build --release --quiet --lib --target "$host"
ln -sf "$host/release/libsales.so" "target/sanitize-$1/libsales.so"
