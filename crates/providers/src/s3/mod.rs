//! S3 and the services that speak it.
//!
//! A flat store: keys and objects, no folders, no moves, no feed. Facts that differ between services (conditions,
//! ETags, folder markers, copies) are probed by `validate` and handed back to `open`; without a probe none is
//! relied upon. Measured peculiarities: several stores answer 200 to a conditional write and overwrite; Ceph RGW 16
//! wants If-Match without quotes; s3s-fs lists neither ETags nor encoded keys; `rclone serve s3` makes a file of a
//! folder marker; moto copies whatever the condition on the source says.
//!
//! What may be lost where conditions do not work is written in `guard`.

mod answer_limit;
mod answers;
mod change;
mod client;
mod copy;
mod errors;
mod follow;
#[cfg(test)]
mod fuzzing;
mod guard;
mod history;
mod keys;
mod listing;
mod marker;
mod metadata;
mod multipart;
mod object;
mod pages;
mod parts;
mod probe;
mod provider;
mod read;
mod revision;
mod root;
mod services;
mod settings;
mod storage;
mod store;
mod tree;
mod upload;
mod versions;
mod write;

pub use provider::S3Provider;
pub use services::{SERVICES, Service};
