#!/bin/sh
# Installs library, header, pkg-config and CMake files: install.sh PREFIX.
set -eu
cd "$(dirname "$0")/.."
prefix=$1
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
install -d "$prefix/lib/pkgconfig" "$prefix/lib/cmake/sales" "$prefix/include"
install -m 755 target/release/libsales.so "$prefix/lib/libsales.so.$version"
ln -sf "libsales.so.$version" "$prefix/lib/libsales.so.0"
ln -sf libsales.so.0 "$prefix/lib/libsales.so"
scripts/static-library.sh target/release/libsales.a "$prefix/lib/libsales.a"
install -m 644 include/sales.h "$prefix/include/sales.h"
sed -e "s|@PREFIX@|$prefix|" -e "s|@VERSION@|$version|" scripts/sales.pc.in > "$prefix/lib/pkgconfig/sales.pc"
sed -e "s|@VERSION@|$version|" scripts/sales-config.cmake.in > "$prefix/lib/cmake/sales/sales-config.cmake"
echo "installed libsales $version below $prefix"
