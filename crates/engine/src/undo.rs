//! Undo.
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::report::{Summary, Undo};
impl Engine {
    /// Undoes.
    pub async fn undo(&self, _what: Undo) -> Result<Summary> {
        Err(EngineError::Refused("not yet".to_owned()))
    }
}
