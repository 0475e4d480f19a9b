//! conflict_name
