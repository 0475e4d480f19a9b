//! S3 and the services that speak it.
//!
//! A flat store (`objects`) by Amazon's SDK. Measured peculiarities: several stores answer 200 to a conditional
//! write and overwrite; Ceph RGW 16 wants If-Match without quotes; s3s-fs lists neither ETags nor encoded keys; `rclone
//! serve s3` makes a file of a folder marker; moto copies whatever the condition on the source says.

mod answer_limit;
mod answers;
mod client;
mod condition;
mod errors;
mod facts;
#[cfg(test)]
mod fuzzing;
mod headers;
mod history;
mod keys;
mod object;
mod page;
mod provider;
mod services;
mod settings;
mod store;
mod tags;

pub use provider::S3Provider;
pub use services::{SERVICES, Service};
