//! What a run that ended before it could record has set aside: it gets a line in the journal, so that it is shown,
//! counted and pruned like any version.

use tandem_core::mutant;
use tandem_core::plan::Reason;

use crate::engine::Engine;
use crate::error::Result;
use crate::report::{ActionKind, Outcome};
use crate::state::{Intent, JournalRow, PreImage};

impl Engine {
    /// Looks for what open intents say was to be set aside.
    pub(crate) async fn find_pre_images(&self, run: i64) -> Result<()> {
        let open = self.state().intents()?;
        for intent in &open {
            let Some(replaced) = &intent.pre_image else {
                continue;
            };
            let kept = self.root(intent.side).versions(Some(&intent.target)).await;
            let is_kept = match kept {
                Ok(kept) => kept.iter().any(|version| version.key == replaced.version),
                Err(error) => {
                    // A line too many does no harm: what is not there is pruned without a word.
                    tracing::warn!(%error, "whether something was set aside could not be asked");
                    true
                }
            };
            let row = self.found(run, intent, replaced);
            self.state().transaction(|state| {
                if is_kept && !mutant!("P6 what a killed run set aside is forgotten") {
                    state.add_journal(&row)?;
                }
                state.forget_pre_image(intent)
            })?;
        }
        Ok(())
    }

    fn found(&self, run: i64, intent: &Intent, replaced: &PreImage) -> JournalRow {
        JournalRow {
            id: 0,
            run,
            at: self.now(),
            side: intent.side,
            kind: ActionKind::Replace,
            path: intent.target.to_string(),
            target: None,
            bytes: 0,
            reason: Reason::EditedOn(intent.side.other()),
            outcome: Outcome::Failed,
            error: Some("it ended before it was recorded".to_owned()),
            before: Some(replaced.before.clone()),
            after: None,
            version: Some(replaced.version.clone()),
            keep: replaced.keep,
        }
    }
}
