//! The journal as a person reads it.

use crate::engine::Engine;
use crate::error::Result;
use crate::report::{LogLine, LogQuery};
use crate::state::{JournalRow, State};
use crate::views::log_line;

impl Engine {
    /// The journal's lines that were asked for, oldest first; of more than `limit` the newest.
    ///
    /// # Errors
    /// A state that cannot be read.
    pub fn log(&self, query: &LogQuery) -> Result<Vec<LogLine>> {
        let state = self.state();
        let rows = state.journal(query)?;
        rows.iter().rev().map(|row| line_of(&state, row)).collect()
    }
}

/// A line as it is now: what was undone cannot be undone again.
pub(crate) fn line_of(state: &State, row: &JournalRow) -> Result<LogLine> {
    let mut line = log_line(row);
    line.undoable = line.undoable && !state.is_undone(row.id)?;
    Ok(line)
}
