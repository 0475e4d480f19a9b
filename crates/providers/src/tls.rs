//! What TLS is made of, for every client that is not the S3 SDK's.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// rustls with the system's root certificates.
pub(crate) fn client_config() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    // One that cannot be read is not trusted; none at all shows when a server's is not.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
