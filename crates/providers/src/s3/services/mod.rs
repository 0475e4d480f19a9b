//! The services that speak S3, each a row of data (DESIGN 6.7). What a row cannot say is probed, never assumed: a row
//! has the address, and the limits that no request could find out without being refused first.

mod endpoint;
mod fields;
mod rows;

use tandem_core::storage::Descriptor;

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

/// The documented limits of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Most parts of one upload.
    pub(super) most_parts: u32,
    /// Largest part, and the largest object that one request writes or copies, in bytes.
    pub(super) largest_part: u64,
    /// Largest object in bytes, where that is less than so many parts of that size.
    pub(super) largest_object: u64,
    /// Whether all parts but the last must have one size.
    pub(super) equal_parts: bool,
    /// Writes per second to one key.
    pub(super) writes_per_key: Option<u32>,
}

impl Limits {
    /// Amazon's own: 10,000 parts of up to 5 GiB, so 48.8 TiB ("Amazon S3 multipart upload limits", S3 User Guide,
    /// qfacts). Every service that documents nothing else is taken to have them: whoever speaks S3 has to serve clients
    /// that were written for Amazon's.
    pub(super) const AMAZON: Self = Self {
        most_parts: 10_000,
        largest_part: 5 << 30,
        largest_object: 10_000 * (5 << 30),
        equal_parts: false,
        writes_per_key: None,
    };

    /// The largest object that can be written, in bytes.
    pub(super) const fn largest_file(&self) -> u64 {
        let in_parts = self.largest_part * self.most_parts as u64;
        if in_parts < self.largest_object {
            in_parts
        } else {
            self.largest_object
        }
    }
}
