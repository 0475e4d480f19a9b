//! The contract that every storage keeps (DESIGN 6): the port between decisions and the world.
//!
//! A [`Provider`] opens a [`Storage`]; [`Storage::root`] gives the [`Root`] that the engine works on.
//! Dropping a future of any of them cancels the operation.

mod descriptor;
mod listing;
mod provider;
mod root;
mod sign_in;
mod versions;
mod write;

pub use descriptor::{Descriptor, Field, FieldKind};
pub use listing::{
    Change, Changes, Cursor, Depth, FolderListing, Hint, Listed, ListingStream, ParentRef, Skip,
    Skipped, WatchCoverage,
};
pub use provider::{
    Config, Credentials, FailedRequest, Ground, Health, HealthState, ProbeStep, Provider, Quota,
    Storage, Traffic, Validation,
};
pub use root::{Identity, Locator, Root, RootIdentity};
pub use sign_in::{SignIn, SignedIn};
pub use versions::{OWN_FOLDER, STAGED_PREFIX, Version, VersionKey};
pub use write::{
    Commit, Committed, Deleted, Discard, Displaced, Expected, Keep, Meta, ResumeSink, ResumeToken,
    Staged, Unheard,
};
