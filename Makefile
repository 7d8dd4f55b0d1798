# libsales. The two commands: `make demo` shows a host at work and kills it; `make test` proves what is promised.
#
#   make             the library (target/release) and the header's check
#   make demo        a host sells every recorded scenario, its books are audited, then it is killed and audited again
#   make test        every test; installs what is missing (apt, PyPI, crates.io)
#   make test-full   the same, longer: more seeds, every kill
#   make simulate SEEDS=n   n runs of the ledger and the engine against everything that fails; SEED=n: one of them again, told at length
#   make header      writes include/sales.h anew from src/ffi
#   make crash KILLS=n   n kills of a host with 8 busy threads;  make crash-every: one at every system call of a small run
#   make disk        each system call of the store failing in turn; disks that fill up, break and come back
#   make powerloss IMAGES=n   n images of what a power loss may leave, opened; IMAGE=n: one of them again, told at length
#   make interleave SCHEDULES=n   threads that meet in every order, and in 20 n random ones;  make tsan, make asan-rust: sixteen real ones
#   make fuzz SECONDS=n   each fuzz target so many seconds; TARGETS="abi store": only these
#   make install PREFIX=/usr/local

SEEDS ?= 2000
KILLS ?= 2000
IMAGES ?= 1000
SCHEDULES ?= 600
SECONDS ?= 10
PREFIX ?= /usr/local
LIB := target/release/libsales.so
STAGE := scripts/stage.sh

.PHONY: all library demo test test-full header crash crash-every install tools tools-demo lint rust c foreign proofs powerloss planted clean

all: library

library:
	cargo build --release --quiet
	ln -sf libsales.so target/release/libsales.so.0

tools-demo:
	scripts/tools.sh demo

tools:
	scripts/tools.sh test

demo: tools-demo library
	$(MAKE) --no-print-directory -C examples/c demo

test: tools
	$(STAGE) lint    $(MAKE) --no-print-directory lint
	$(STAGE) core    $(MAKE) --no-print-directory rust
	$(STAGE) abi     scripts/beside.sh scripts/fuzz-build.sh $(MAKE) --no-print-directory c
	$(STAGE) proofs  $(MAKE) --no-print-directory proofs
	$(STAGE) foreign $(MAKE) --no-print-directory foreign
	$(STAGE) demo    $(MAKE) --no-print-directory demo
	@$(STAGE) --summary

test-full:
	$(MAKE) test SEEDS=200000 IMAGES=100000 SCHEDULES=20000 SECONDS=120
	$(MAKE) planted
	$(MAKE) crash KILLS=$(KILLS)
	$(MAKE) crash-every

lint:
	cargo fmt --all -- --check
	cargo fmt --manifest-path fuzz/Cargo.toml -- --check
	cargo clippy --release --all-targets --quiet -- -D warnings

rust: library
	cargo test --release --quiet --lib $$(scripts/tests.sh)

c: library
	$(MAKE) --no-print-directory -C tests/c check
	$(MAKE) --no-print-directory -C tests/c valgrind
	$(MAKE) --no-print-directory -C tests/c asan
	$(MAKE) --no-print-directory torture

# Sixteen threads, under ThreadSanitizer, and under AddressSanitizer with the Rust instrumented too.
.PHONY: torture tsan asan-rust
torture: tsan asan-rust

tsan:
	scripts/sanitized-library.sh thread
	$(MAKE) --no-print-directory -C tests/c torture-thread

asan-rust:
	scripts/sanitized-library.sh address
	$(MAKE) --no-print-directory -C tests/c torture-address

proofs: library
	$(MAKE) --no-print-directory simulate
	$(MAKE) --no-print-directory interleave
	$(MAKE) --no-print-directory powerloss
	$(MAKE) --no-print-directory crash KILLS=100
	$(MAKE) --no-print-directory disk
	$(MAKE) --no-print-directory fuzz

# What the targets do is also linted and played by tests/corpus.rs.
.PHONY: fuzz
fuzz: tools
	scripts/fuzz.sh $(SECONDS) $(TARGETS)

# Everything that fails, in memory: a fresh random base each time, unless BASE=n.
.PHONY: simulate
simulate:
	$(if $(SEED),SALES_SIMULATE_SEED=$(SEED)) $(if $(BASE),SALES_SIMULATE_BASE=$(BASE)) SALES_SIMULATE_SEEDS=$(SEEDS) \
		cargo test --release --quiet --test simulate

powerloss: library
	$(MAKE) --no-print-directory -C tests/powerloss IMAGES=$(IMAGES)

# Threads that meet: small encounters in every order, the whole engine in random ones.
.PHONY: interleave
interleave:
	scripts/interleave.sh loom exhaustive
	SALES_SCHEDULES=$(SCHEDULES) scripts/interleave.sh shuttle random

planted: tools library
	tests/planted/run.sh
	$(MAKE) --no-print-directory -C tests/crash planted

foreign: library
	$(MAKE) --no-print-directory -C examples/nim run
	$(MAKE) --no-print-directory -C examples/go run

crash: tools library
	$(MAKE) --no-print-directory -C tests/crash run KILLS=$(KILLS)

# Disks that fail: as root, since it mounts.
.PHONY: disk
disk: tools library
	$(MAKE) --no-print-directory -C tests/c disk

crash-every: tools-demo library
	$(MAKE) --no-print-directory -C examples/c crash-every

# The build writes the header to a directory of its own; a test compares the two.
header: library
	scripts/header.sh include/sales.h

install: library
	scripts/install.sh $(PREFIX)

clean:
	rm -rf build fuzz/target
	cargo clean
