//! What a pass would do.
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::report::Preview;
impl Engine {
    /// What a pass would do.
    pub async fn preview(&self) -> Result<Preview> {
        Err(EngineError::Refused("not yet".to_owned()))
    }
}
