//! This computer's disk as a storage (DESIGN 6).
//!
//! Everything below a root is reached from one handle on it, by names that are never followed (P11);
//! changes are staged, flushed, and made visible with their expectations checked last (P4, P5, P7, P9); a
//! read gives one revision or fails (P8); nothing that vanished from sight counts as deleted (P10).

mod attributes;
mod checkpoint;
mod commit;
#[cfg(feature = "crash-points")]
pub mod crash_points;
#[cfg(not(feature = "crash-points"))]
mod crash_points;
mod discard;
mod disk;
mod duplicate;
mod durable;
mod errors;
mod faithful;
mod flush;
mod folders;
mod health;
mod held;
mod identity;
mod leftovers;
mod metadata;
mod mounts;
mod naming;
mod observed;
mod probe;
mod provider;
mod read;
mod relocate;
mod remove;
mod root;
mod scan;
mod stage;
mod storage;
mod swap;
mod sys;
mod take;
#[cfg(test)]
mod tests;
mod token;
mod unnamed;
mod validate;
mod versions;
mod watch;

pub use provider::LocalProvider;
pub use root::LocalRoot;
pub use storage::{LocalStorage, Options};
