# make run    serves a demo organization on http://127.0.0.1:8080; installs missing packages first
# make test   all tests; installs what they need
# make lint   formatting, lints and documentation
# make fuzz   generated requests for FUZZ_SECONDS (600)
# make plans  query plans with a million chats
# make kills  kill -9 in the middle of ingest, syncs, webhooks and sends, 50 times
# make merges 1,000 joins of two chats while both receive messages
# make fill       a WAHA server of 1,000 chats and 50,000 messages fills an inbox, with files of 100 MiB
# make converge   1,000 schedules of reordered, repeated and lost webhooks
# make soak   the guarantees under load and during outages at full length: 20 minutes. PROMISE=killed runs one
# make citus  the tests on the Citus cluster that CITUS_DATABASE_URL names: postgres://admin@HOST:PORT/DATABASE
# make bench  measurements beside pgbench and a Node.js service
# make bench-watch   delay of watch streams
# make deny   licences, sources and bans of the dependencies: deny.toml
# make sbom   components of the shipped program in CycloneDX form: target/sbom.cdx.json
# make image-root, make image-test   the content of the container image, and a test of it in an empty root directory
# make proto-baseline   accepts the present proto files as the contract that tests check for breaking changes
# make assets   downloads third-party assets and builds the inbox: see assets/README.md
#
# Missing programs are installed from Debian's packages.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test fuzz lint plans bench bench-watch kills merges fill converge soak citus deny sbom proto-baseline assets inbox image-root image-test build-packages \
	test-packages image-packages

# Falls back to the installed toolchain where the pinned one is missing and cannot be downloaded.
ifeq ($(shell rustc --version 2>/dev/null),)
export RUSTUP_TOOLCHAIN := $(word 1,$(shell rustup default))
endif

SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
CLIENTS := tests/clients
FASTIFY := benches/fastify
VIEWER := @scalar/api-reference
VIEWER_VERSION := 1.76.0

# $(call has,COMMAND): the path of the command, or empty.
has = $(shell command -v $(1) 2>/dev/null)

BUILD_PACKAGES = $(strip \
	$(if $(call has,cc),,gcc libc6-dev) \
	$(if $(or $(call has,pg_config),$(wildcard /usr/include/postgresql/libpq-fe.h)),,libpq-dev) \
	$(if $(or $(call has,initdb),$(wildcard /usr/lib/postgresql/*/bin/initdb)),,postgresql))
TEST_PACKAGES = $(strip \
	$(if $(call has,curl),,curl) \
	$(if $(call has,node),,nodejs) \
	$(if $(wildcard /usr/sbin/pgbouncer),,pgbouncer) \
	$(if $(call has,npm),,npm) \
	$(if $(and $(call has,protoc),$(wildcard /usr/include/google/protobuf/descriptor.proto)),,protobuf-compiler libprotobuf-dev) \
	$(if $(shell python3 -c 'import venv, ensurepip' 2>/dev/null && echo yes),,python3-venv) \
	$(if $(or $(CHROMIUM),$(call has,chromium)),,chromium))

IMAGE_PACKAGES = $(strip \
	$(if $(call has,cc),,gcc libc6-dev) \
	$(if $(call has,pkg-config),,pkg-config) \
	$(if $(wildcard /usr/lib/*/libssl.a),,libssl-dev))

# The same packages everywhere: another selection has other features, and compiles the crates anew.
CARGO_TEST := cargo test --locked --workspace --exclude transcode-bench

# The program of the image is static. With an explicit target only the program is: static build scripts and macros could not be loaded by
# the compiler. glibc, not musl, whose allocator is slow with threads; since 2.34 it contains what it loads at run time (files and DNS).
# Random numbers come from the system call, because a static program would read /dev/urandom.
HOST = $(shell rustc --print host-tuple)
STATIC := OPENSSL_STATIC=1 RUSTFLAGS='-C target-feature=+crt-static --cfg getrandom_backend="linux_getrandom"'
STATIC_OPTIONS = --features bundled-libpq --target $(HOST)

IMAGE_ROOT := target/image-root
# $(call image_files,PROGRAM): the files of the image. Without symbols, a fifth of the size.
define image_files
rm -rf $(IMAGE_ROOT)
install -D --strip $(1) $(IMAGE_ROOT)/switchboard
install -D -m 644 /etc/ssl/certs/ca-certificates.crt $(IMAGE_ROOT)/etc/ssl/certs/ca-certificates.crt
endef

# $(call install,PACKAGES): installs the packages, if any.
define install
@$(if $(1),echo "installing $(1)"; \
	command -v apt-get >/dev/null || { echo "install these first: $(1)" >&2; exit 1; }; \
	$(SUDO) apt-get update -qq; \
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1) >/dev/null,:)
endef

help:
	@sed -n 's/^# make/make/p' Makefile

run: build-packages
	cargo build --profile demo --locked
	target/demo/switchboard demo --served-next
	exec target/demo/switchboard serve

# The tests run the program as the image has it, and it is compiled once for both.
test: build-packages test-packages image-packages $(CLIENTS)/node_modules/.installed $(CLIENTS)/.venv/.installed
	$(STATIC) $(CARGO_TEST) $(STATIC_OPTIONS)
	$(call image_files,target/$(HOST)/debug/switchboard)
	$(STATIC) $(CARGO_TEST) $(STATIC_OPTIONS) --test switchboard image -- --ignored
	@echo "All tests passed."

fuzz: export FUZZ_SECONDS ?= 600
fuzz: build-packages test-packages $(CLIENTS)/.venv/.installed
	$(CARGO_TEST) --test switchboard -- live::

lint: build-packages
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --workspace --exclude transcode-bench

plans: build-packages
	PLANS_CHATS=1000000 $(CARGO_TEST) --test switchboard plans -- --nocapture

kills: build-packages
	KILLS=50 $(CARGO_TEST) --test switchboard kills

merges: build-packages
	MERGES=1000 $(CARGO_TEST) --test switchboard ingest::links

fill: build-packages
	FILL=1 $(CARGO_TEST) --release --test switchboard one_call_fills -- --nocapture
	FILL=1 $(CARGO_TEST) --release --test switchboard large_files_are -- --nocapture

converge: build-packages
	CONVERGE=1000 $(CARGO_TEST) --test switchboard any_schedule_of_webhooks -- --nocapture

# One after the other: each needs the whole machine.
soak: build-packages
	SOAK=1 cargo test --release --locked --test switchboard soak::$(PROMISE) -- --test-threads 1 --nocapture

# All tests: those about PostgreSQL itself (plans, policies, triggers, standby, disks) use their own server as always. Few at a
# time, because each has a database with processes of its own on every node.
citus: build-packages
ifdef CITUS_DATABASE_URL
	$(CARGO_TEST) --test switchboard -- --test-threads 4
else
	@echo "SKIPPED: no test has run on Citus, because CITUS_DATABASE_URL is not set" >&2
endif

bench: build-packages test-packages $(FASTIFY)/node_modules/.installed
	cargo bench --locked
	cargo run --locked --release --package transcode-bench

bench-watch: build-packages
	cargo bench --locked --bench watch

# `cargo-deny check advisories` needs a database that must be downloaded, so it is not part of this.
DENY := target/tools/bin/cargo-deny
DENY_VERSION := 0.20.2
deny: $(DENY)
	$(DENY) check bans licenses sources

$(DENY): | build-packages
	cargo install --locked --root target/tools --version $(DENY_VERSION) cargo-deny

# Lists every crate of the image's program with version, licence and checksum. Dev and build dependencies are removed first, because their
# features would count; a few crates behind unused features (ring) remain. glibc and OpenSSL come from the building Debian and are no crates.
CYCLONEDX := target/tools/bin/cargo-cyclonedx
CYCLONEDX_VERSION := 0.5.7
SBOM_CRATE := target/sbom-crate
sbom: $(CYCLONEDX)
	rm -rf $(SBOM_CRATE) && mkdir -p $(SBOM_CRATE)
	ln -s ../../src ../../build.rs ../../crates ../../proto $(SBOM_CRATE)/
	cp Cargo.lock $(SBOM_CRATE)/
	awk '/^\[/ {left_out = /^\[((dev|build)-dependencies|workspace\]|\[test|\[bench)/} !left_out' Cargo.toml >$(SBOM_CRATE)/Cargo.toml
	echo '[workspace]' >>$(SBOM_CRATE)/Cargo.toml
	$(CYCLONEDX) cyclonedx --quiet --manifest-path $(SBOM_CRATE)/Cargo.toml --format json --spec-version 1.5 \
		--describe binaries --features bundled-libpq --no-build-deps
	sed 's|file://$(CURDIR)/$(SBOM_CRATE)|file://|g' $(SBOM_CRATE)/*.cdx.json >target/sbom.cdx.json
	rm -r $(SBOM_CRATE)

$(CYCLONEDX): | build-packages
	cargo install --locked --root target/tools --version $(CYCLONEDX_VERSION) cargo-cyclonedx

proto-baseline: $(CLIENTS)/node_modules/.installed
	$(CLIENTS)/node_modules/.bin/buf build --exclude-source-info --output tests/data/proto.baseline.binpb

assets: inbox test-packages
	fetched=$$(mktemp -d); trap 'rm -rf "$$fetched"' EXIT; \
	npm pack $(VIEWER)@$(VIEWER_VERSION) --silent --pack-destination "$$fetched" >/dev/null; \
	tar -xzf "$$fetched"/*.tgz -C "$$fetched"; \
	cp "$$fetched/package/dist/browser/standalone.js" assets/docs/scalar.js
	cd assets/docs && sha256sum LICENSE scalar.js >SHA256SUMS

inbox: $(CLIENTS)/node_modules/.installed
	assets/inbox/build.sh "$(CURDIR)/assets/inbox/inbox.js"
	cd assets/inbox && sha256sum LICENSE inbox.js >SHA256SUMS

image-root: image-packages
	$(STATIC) cargo build --profile image --locked $(STATIC_OPTIONS)
	$(call image_files,target/$(HOST)/image/switchboard)

image-test: image-root build-packages
	$(CARGO_TEST) --test switchboard image -- --ignored

build-packages:
	$(call install,$(BUILD_PACKAGES))

test-packages:
	$(call install,$(TEST_PACKAGES))

image-packages:
	$(call install,$(IMAGE_PACKAGES))

# Install scripts are disabled: they download from other hosts and are not needed.
%/node_modules/.installed: %/package-lock.json | test-packages
	npm ci --prefix $* --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

$(CLIENTS)/.venv/.installed: $(CLIENTS)/requirements.txt | test-packages
	python3 -m venv $(CLIENTS)/.venv
	$(CLIENTS)/.venv/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@
