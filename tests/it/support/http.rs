//! A client of whatever a test talks to on this machine.

/// It goes through no proxy and trusts no certificate, so that making one does not read those of the system.
pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}
