//! Versions.
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::report::{Summary, VersionView};
impl Engine {
    /// The versions.
    pub async fn versions(&self, _path: Option<&str>) -> Result<Vec<VersionView>> {
        Ok(Vec::new())
    }
    /// Restores.
    pub async fn restore(&self, path: &str, _version: Option<&str>) -> Result<Summary> {
        Err(EngineError::NotFound { what: "version", id: path.to_owned() })
    }
    /// Prunes.
    pub async fn prune_versions(&self) -> Result<u64> {
        Ok(0)
    }
}
