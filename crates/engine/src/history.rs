//! The journal as a person reads it.

use crate::engine::Engine;
use crate::error::Result;
use crate::report::{LogLine, LogQuery};
use crate::views::log_line;

impl Engine {
    /// The journal's lines that were asked for, oldest first; of more than `limit` the newest.
    ///
    /// # Errors
    /// A state that cannot be read.
    pub fn log(&self, query: &LogQuery) -> Result<Vec<LogLine>> {
        let mut lines: Vec<LogLine> = self.state().journal(query)?.iter().map(log_line).collect();
        lines.reverse();
        Ok(lines)
    }
}
