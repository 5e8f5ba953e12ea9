# syntax=docker/dockerfile:1

# The image is one static executable and the certificates of public authorities: no shell, no package, no libc. What is
# in it is what `make image-root` makes on any Debian 12, which `make image-test` runs in a bare root directory.
FROM rust:1.95.0-slim-bookworm AS build
# Debian keeps only the newest version of a package: a pinned one could not be installed for long.
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
# Where rustls and libpq (`sslrootcert=system`) look for authorities.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
# A number, so that Kubernetes can tell that it is not root. Nothing in the image belongs to it.
USER 65532:65532
EXPOSE 8080
ENV SWITCHBOARD_LISTEN=0.0.0.0:8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["/switchboard", "healthcheck"]
ENTRYPOINT ["/switchboard"]
CMD ["serve"]
