# The daemon as an image: built by the toolchain that rust-version in Cargo.toml names, run by a user without rights.

FROM rust:1.95-bookworm AS builder
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin holdfast \
 && cp target/release/holdfast /usr/local/bin/holdfast

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates curl \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --no-create-home --shell /usr/sbin/nologin holdfast
COPY --from=builder /usr/local/bin/holdfast /usr/local/bin/holdfast
COPY bpmn /etc/holdfast/bpmn
USER holdfast
ENTRYPOINT ["/usr/local/bin/holdfast"]
CMD ["run"]
