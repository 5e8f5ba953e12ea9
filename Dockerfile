# syntax=docker/dockerfile:1

# The image contains one static executable and the certificates of public authorities: no shell, no packages, no libc.
# `make image-root` creates its files on Debian 12, and `make image-test` tests them without a container engine.
FROM rust:1.95.0-slim-bookworm AS build
# Versions are not pinned: Debian's mirrors keep only the newest version of a package.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libc6-dev libssl-dev make pkg-config \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    make image-root IMAGE_ROOT=/image

FROM scratch
COPY --from=build /image /
# Certificate authorities for rustls and for libpq with `sslrootcert=system`.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
# Numeric, so that Kubernetes can verify `runAsNonRoot`. It owns no files in the image.
USER 65532:65532
EXPOSE 8080
ENV SWITCHBOARD_LISTEN=0.0.0.0:8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["/switchboard", "healthcheck"]
ENTRYPOINT ["/switchboard"]
CMD ["serve"]
