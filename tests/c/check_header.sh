#!/bin/sh
# Compiles the header alone, as the first include, in every C and C++ a host may use: check_header.sh [HEADER].
set -eu

here=$(cd "$(dirname "$0")" && pwd)
header=${1:-$here/../../include/sales.h}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for tool in gcc g++; do
    command -v "$tool" >/dev/null || { echo "$0: $tool is missing: apt-get install $tool" >&2; exit 2; }
done

# Every macro that a host may use is used; twice included, it is the same.
cat >"$work/host.c" <<'END'
#include "sales.h"
#include "sales.h"
int main(void) {
    sales_offer_t offer = SALES_INIT(sales_offer_t);
    sales_error_t error = SALES_INIT(sales_error_t);
    sales_repo_t repo = SALES_INIT(sales_repo_t);
    sales_status_t worst = SALES_ERR_POISONED;
    return offer.size == sizeof offer && error.size == sizeof error && repo.size == sizeof repo &&
                   -SALES_ERR_POISONED == 502 && worst == SALES_ERR_POISONED && SALES_ABI_VERSION == (SALES_ABI_MAJOR << 16 | SALES_ABI_MINOR)
               ? 0
               : 1;
}
END
cp "$header" "$work/sales.h"
cp "$work/host.c" "$work/host.cpp"
strict="-Wall -Wextra -Werror -pedantic -Wshadow -Wundef"

for standard in c99 c11 c17; do
    gcc -std=$standard $strict -Wstrict-prototypes -I"$work" "$work/host.c" -o "$work/host"
    "$work/host"
    echo "header: $standard"
done
for standard in c++17 c++20; do
    g++ -std=$standard $strict -I"$work" "$work/host.cpp" -o "$work/host"
    "$work/host"
    echo "header: $standard"
done
