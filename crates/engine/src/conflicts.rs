//! Conflicts.
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::report::{ConflictView, Resolution};
impl Engine {
    /// The conflicts.
    pub fn conflicts(&self) -> Result<Vec<ConflictView>> {
        Ok(Vec::new())
    }
    /// Decides.
    pub async fn resolve(&self, id: &str, _how: Resolution) -> Result<()> {
        Err(EngineError::NotFound { what: "conflict", id: id.to_owned() })
    }
}
