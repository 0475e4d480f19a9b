//! The services that speak S3, each a row of data (DESIGN 6.7). What a row cannot say is probed, never assumed: a row
//! has the address, and the limits that no request could find out without being refused first.

mod endpoint;
mod fields;
mod rows;

use tandem_core::storage::Descriptor;

use crate::objects::parts::Limits;

pub(super) use endpoint::{Address, Endpoint};
pub use rows::SERVICES;

/// Smallest part but the last: "Amazon S3 multipart upload limits" (S3 User Guide, qfacts).
pub(super) const SMALLEST_PART: u64 = 5 << 20;

/// One service.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// What a person sees, and the fields they fill in.
    pub descriptor: Descriptor,
    /// Where it is.
    pub(super) endpoint: Endpoint,
    /// What it documents and no probe finds.
    pub(super) limits: Limits,
}

impl Limits {
    /// Amazon's own: 10,000 parts of up to 5 GiB, so 48.8 TiB ("Amazon S3 multipart upload limits", S3 User Guide,
    /// qfacts). Every service that documents nothing else is taken to have them: whoever speaks S3 has to serve clients
    /// that were written for Amazon's.
    pub(crate) const AMAZON: Self = Self {
        smallest_part: SMALLEST_PART,
        most_parts: 10_000,
        largest_part: 5 << 30,
        largest_object: 10_000 * (5 << 30),
        equal_parts: false,
        writes_per_key: None,
    };
}
