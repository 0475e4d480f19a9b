//! This computer's disk as a storage.
