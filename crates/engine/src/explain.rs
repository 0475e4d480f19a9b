//! Why a path is as it is.
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::report::Explanation;
impl Engine {
    /// Why a path is as it is.
    pub async fn explain(&self, path: &str) -> Result<Explanation> {
        Err(EngineError::NotFound { what: "path", id: path.to_owned() })
    }
}
