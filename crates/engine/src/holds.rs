//! What waits for a person.
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::report::{HeldView, Rejection};
impl Engine {
    /// The holds.
    pub fn held(&self) -> Result<Vec<HeldView>> {
        Ok(Vec::new())
    }
    /// Lets it pass.
    pub fn approve(&self, id: &str) -> Result<()> {
        Err(EngineError::NotFound { what: "hold", id: id.to_owned() })
    }
    /// Does not.
    pub async fn reject(&self, id: &str, _how: Rejection) -> Result<()> {
        Err(EngineError::NotFound { what: "hold", id: id.to_owned() })
    }
}
