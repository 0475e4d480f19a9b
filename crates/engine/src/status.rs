//! What is known of a pair without looking: counted from its state.

use tandem_core::side::PerSide;
use tandem_core::storage::WatchCoverage;

use crate::engine::Engine;
use crate::error::Result;
use crate::report::{Problem, Summary};
use crate::views;

impl Engine {
    /// How far the sides tell of changes by themselves, where one watches for them.
    #[must_use]
    pub fn watch_coverage(&self) -> PerSide<Option<WatchCoverage>> {
        PerSide::from_fn(|side| self.root(side).watch_coverage())
    }

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
