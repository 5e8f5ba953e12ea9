# make run    everything from nothing: a demo organization, served on http://127.0.0.1:8080
# make test   all tests, with what they need
# make fuzz   other requests each time, for FUZZ_SECONDS (600)
# make lint   formatting, lints and documentation
# make plans  how reads are run, with a million chats
# make bench  measurements
# make bench-watch   how soon who watches hears of a change: one of them, by itself
# make kills  kill -9 in the middle of ingest, 50 times
# make soak   what is promised under load, without a database and at the end, at full length: 20 minutes. PROMISE=killed tries one
# make merges  1,000 chats become one with another while both receive messages
# make deny   whether the licences and sources of the dependencies are in order, and none is banned: deny.toml
# make sbom   what the shipped program is made of, for whoever looks for what is known to be unsafe: target/sbom.cdx.json
# make image-root, make image-test   what the container image holds, and a try of it in a bare root directory
# make assets   fetches the assets anew, and makes the inbox's script of its sources: see assets/README.md
#
# What is missing is installed from Debian's packages; what is there is left alone.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test fuzz lint plans bench bench-watch kills merges soak deny sbom assets inbox image-root image-test build-packages \
	test-packages image-packages

# Where the pinned toolchain is not there and cannot be fetched, the machine's own has to do.
ifeq ($(shell rustc --version 2>/dev/null),)
export RUSTUP_TOOLCHAIN := $(word 1,$(shell rustup default))
endif

SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
CLIENTS := tests/clients
FASTIFY := benches/fastify
EXPLORER := openapi-explorer
EXPLORER_VERSION := 2.4.820

# $(call has,COMMAND): not empty when there is such a command.
has = $(shell command -v $(1) 2>/dev/null)

BUILD_PACKAGES = $(strip \
	$(if $(call has,cc),,gcc libc6-dev) \
	$(if $(or $(call has,pg_config),$(wildcard /usr/include/postgresql/libpq-fe.h)),,libpq-dev) \
	$(if $(or $(call has,initdb),$(wildcard /usr/lib/postgresql/*/bin/initdb)),,postgresql))
TEST_PACKAGES = $(strip \
	$(if $(call has,curl),,curl) \
	$(if $(call has,node),,nodejs) \
	$(if $(call has,npm),,npm) \
	$(if $(shell python3 -c 'import venv, ensurepip' 2>/dev/null && echo yes),,python3-venv) \
	$(if $(or $(CHROMIUM),$(call has,chromium)),,chromium))

IMAGE_PACKAGES = $(strip \
	$(if $(call has,cc),,gcc libc6-dev) \
	$(if $(call has,pkg-config),,pkg-config) \
	$(if $(wildcard /usr/lib/*/libssl.a),,libssl-dev))

# $(call install,PACKAGES): nothing when there are none.
define install
@$(if $(1),echo "installing $(1)"; \
	command -v apt-get >/dev/null || { echo "install these first: $(1)" >&2; exit 1; }; \
	$(SUDO) apt-get update -qq; \
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1) >/dev/null,:)
endef

help:
	@sed -n 's/^# make/make/p' Makefile

run: build-packages
	cargo build --release --locked
	target/release/switchboard demo --served-next
	exec target/release/switchboard serve

test: build-packages test-packages $(CLIENTS)/node_modules/.installed $(CLIENTS)/.venv/.installed
	cargo test --locked
	$(MAKE) image-test IMAGE_PROFILE=dev
	@echo "All tests passed."

fuzz: export FUZZ_SECONDS ?= 600
fuzz: build-packages test-packages $(CLIENTS)/.venv/.installed
	cargo test --locked -- live::

lint: build-packages
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps

plans: build-packages
	PLANS_CHATS=1000000 cargo test --locked plans -- --nocapture

kills: build-packages
	KILLS=50 cargo test --locked ingest::stream::kills

merges: build-packages
	MERGES=1000 cargo test --locked ingest::persons

# The release build, and one promise after the other: none of them stands another's load.
soak: build-packages
	SOAK=1 cargo test --release --locked --test switchboard soak::$(PROMISE) -- --test-threads 1 --nocapture

bench: build-packages test-packages $(FASTIFY)/node_modules/.installed
	cargo bench --locked
	cargo run --locked --release --package transcode-bench

bench-watch: build-packages
	cargo bench --locked --bench watch

# Advisories are left to where their database can be fetched: `cargo-deny check advisories`.
DENY := target/tools/bin/cargo-deny
DENY_VERSION := 0.20.2
deny: $(DENY)
	$(DENY) check bans licenses sources

$(DENY): | build-packages
	cargo install --locked --root target/tools --version $(DENY_VERSION) cargo-deny

# Each crate with its version, licence, checksum and what it needs, in CycloneDX's form, as the image's program is built. What
# only tests and builds need is left out first, or its features would count; a few that features name and nothing uses (ring)
# stay. The glibc and OpenSSL that are linked in are no crates but those of the Debian that builds it.
CYCLONEDX := target/tools/bin/cargo-cyclonedx
CYCLONEDX_VERSION := 0.5.7
SBOM_CRATE := target/sbom-crate
sbom: $(CYCLONEDX)
	rm -rf $(SBOM_CRATE) && mkdir -p $(SBOM_CRATE)
	ln -s ../../src ../../build.rs $(SBOM_CRATE)/
	cp Cargo.lock $(SBOM_CRATE)/
	awk '/^\[/ {left_out = /^\[((dev|build)-dependencies|workspace|\[test|\[bench)/} !left_out' Cargo.toml >$(SBOM_CRATE)/Cargo.toml
	echo '[workspace]' >>$(SBOM_CRATE)/Cargo.toml
	$(CYCLONEDX) cyclonedx --quiet --manifest-path $(SBOM_CRATE)/Cargo.toml --format json --spec-version 1.5 \
		--describe binaries --features bundled-libpq --no-build-deps
	sed 's|file://$(CURDIR)/$(SBOM_CRATE)|file://|g' $(SBOM_CRATE)/*.cdx.json >target/sbom.cdx.json
	rm -r $(SBOM_CRATE)

$(CYCLONEDX): | build-packages
	cargo install --locked --root target/tools --version $(CYCLONEDX_VERSION) cargo-cyclonedx

assets: inbox test-packages
	fetched=$$(mktemp -d); trap 'rm -rf "$$fetched"' EXIT; \
	npm pack $(EXPLORER)@$(EXPLORER_VERSION) --silent --pack-destination "$$fetched" >/dev/null; \
	tar -xzf "$$fetched"/*.tgz -C "$$fetched"; \
	cp "$$fetched/package/dist/browser/$(EXPLORER).min.js" "$$fetched/package/LICENSE" assets/$(EXPLORER)/
	cd assets/$(EXPLORER) && sha256sum LICENSE $(EXPLORER).min.js >SHA256SUMS

inbox: $(CLIENTS)/node_modules/.installed
	assets/inbox/build.sh "$(CURDIR)/assets/inbox/inbox.js"
	cd assets/inbox && sha256sum LICENSE inbox.js >SHA256SUMS

# The target is named, or build scripts and macros would be static too, which the compiler cannot load. The C library is
# glibc: what it loads at run time it has built in since 2.34 (files and DNS), and musl's allocator is slow with threads.
# Random numbers come from the kernel's own call: a static program finds no other, and would read /dev/urandom.
# Its symbols are left out, a fifth of it: nothing in the image reads them.
IMAGE_ROOT := target/image-root
# `make test` tries it with `dev`: linked alike, and built in a third of the time.
IMAGE_PROFILE := image
image-root: HOST = $(shell rustc --print host-tuple)
image-root: image-packages
	OPENSSL_STATIC=1 RUSTFLAGS='-C target-feature=+crt-static --cfg getrandom_backend="linux_getrandom"' \
		cargo build --profile $(IMAGE_PROFILE) --locked --features bundled-libpq --target $(HOST)
	rm -rf $(IMAGE_ROOT)
	install -D --strip target/$(HOST)/$(IMAGE_PROFILE:dev=debug)/switchboard $(IMAGE_ROOT)/switchboard
	install -D -m 644 /etc/ssl/certs/ca-certificates.crt $(IMAGE_ROOT)/etc/ssl/certs/ca-certificates.crt

image-test: image-root build-packages
	cargo test --locked --test switchboard image -- --ignored

build-packages:
	$(call install,$(BUILD_PACKAGES))

test-packages:
	$(call install,$(TEST_PACKAGES))

image-packages:
	$(call install,$(IMAGE_PACKAGES))

# The clients' own install scripts are not run: they download from elsewhere, and nothing of theirs is needed.
%/node_modules/.installed: %/package-lock.json | test-packages
	npm ci --prefix $* --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

$(CLIENTS)/.venv/.installed: $(CLIENTS)/requirements.txt | test-packages
	python3 -m venv $(CLIENTS)/.venv
	$(CLIENTS)/.venv/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@
