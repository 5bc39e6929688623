//! Over TLS: an authority of one's own is trusted when it is named, and a server that nobody vouches for is sent nothing.
//!
//! The certificates in `tls/` are for 127.0.0.1 alone; the authority's key was thrown away after signing them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::bench::{Bench, not_sent, only, suppliers, unknown};
use super::raw::answer;

/// Serves the test certificate to everybody; answers its address, and a count of the requests that were read.
fn serve() -> (String, Arc<AtomicUsize>) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let shared = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
            if stream.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {
                shared.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(&answer(500, "{}"));
            }
        }
    });
    (url, requests)
}

#[tokio::test]
async fn a_named_authority_is_trusted() {
    let (url, requests) = serve();
    let authority = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/supplier_conformance/tls/ca.pem");
    let suppliers = suppliers(toml::from_str(&format!("base_url = \"{url}\"\nca_file = \"{}\"", authority.display())).unwrap());
    let reply = only(&suppliers).supplier.reserve(&Bench::http().await.order("1", "")).await;
    assert_eq!((unknown(&reply), reply.evidence.http_status), ("status 500 is not mapped", Some(500)));
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_sent_nothing() {
    let (url, requests) = serve();
    let suppliers = suppliers(toml::from_str(&format!("base_url = \"{url}\"")).unwrap());
    let why = only(&suppliers).supplier.reserve(&Bench::http().await.order("1", "")).await;
    assert!(not_sent(&why).contains("certificate"), "{why:?}");
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}
