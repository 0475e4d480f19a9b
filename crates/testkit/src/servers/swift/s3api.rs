//! Swift's own door for clients of S3.

use std::io;

use super::{SwiftServer, SwiftUser};
use crate::servers::{REGION, S3Server, Version};

/// Swift's middleware `s3api`: says 501 to every condition on a PUT and to bodies in chunks, keeps versions.
#[derive(Debug)]
pub struct SwiftS3;

impl SwiftS3 {
    /// Starts one, with no buckets.
    ///
    /// # Errors
    /// As of [`SwiftServer::start`].
    pub fn start() -> io::Result<S3Server> {
        let SwiftServer { url, process, home } = SwiftServer::start()?;
        let SwiftUser {
            account,
            name,
            password,
        } = SwiftServer::USER;
        Ok(S3Server {
            endpoint: url,
            // As tempauth spells it ("The tempauth option example", docs.openstack.org, swift/middleware, S3 API).
            access_key: format!("{account}:{name}"),
            secret_key: password.to_owned(),
            region: REGION.to_owned(),
            version: Version::SWIFT_S3,
            _processes: vec![process],
            home,
        })
    }
}
