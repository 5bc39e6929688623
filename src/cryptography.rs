//! The one cryptography of the binary.

/// Installs it for whoever speaks TLS. The client libraries are built without one of their own, so that there is one in the binary; that
/// another part of the process has installed it already is no error.
pub(crate) fn install() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
