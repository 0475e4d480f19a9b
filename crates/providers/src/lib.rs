//! The remote storages.
