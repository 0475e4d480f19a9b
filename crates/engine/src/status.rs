//! What is known of a pair without looking: counted from its state.

use crate::engine::Engine;
use crate::error::Result;
use crate::report::{Problem, Summary};
use crate::views;

impl Engine {
    /// What is known from the state alone: items in step, holds, problems, conflicts.
    ///
    /// # Errors
    /// A state that cannot be read.
    pub fn summary(&self) -> Result<Summary> {
        let conflicts = self.conflicts()?.len() as u64;
        let problems = self.problems()?;
        let counted = problems.iter().filter(|p| p.is_problem).count() as u64;
        let state = self.state();
        Ok(Summary {
            conflicts,
            held: state.held_ids()?.len() as u64,
            problems: counted,
            left_out: problems.len() as u64 - counted,
            items: state.base_count()?,
            ..Summary::default()
        })
    }

    /// Everything that is not in step, and why; what is left out by filter or by nature too.
    ///
    /// # Errors
    /// A state that cannot be read.
    pub fn problems(&self) -> Result<Vec<Problem>> {
        Ok(self
            .state()
            .problems()?
            .iter()
            .map(views::problem)
            .collect())
    }
}
