//! What a run that ended before it could record has done: what it set aside gets a line in the journal, so that it is
//! shown, counted and pruned like any version, and what it deleted is not taken for a person's delete.

use tandem_core::entry::Entry;
use tandem_core::error::ErrorKind;
use tandem_core::mutant;
use tandem_core::plan::Reason;
use tandem_core::plan::record::Row;
use tandem_core::storage::Locator;

use crate::engine::Engine;
use crate::error::Result;
use crate::report::{ActionKind, Outcome};
use crate::state::{Deletion, Intent, JournalRow, PreImage, State};

impl Engine {
    /// Looks for what open intents say was to be set aside or deleted.
    pub(crate) async fn take_up_cut_off(&self, run: i64) -> Result<()> {
        let open = self.state().intents()?;
        for intent in &open {
            let Some(pre_image) = &intent.pre_image else {
                continue;
            };
            let is_kept = self.is_kept(intent, pre_image).await
                && !mutant!("P6 what a killed run set aside is forgotten");
            match intent.deletion()? {
                None => {
                    let row = self.replaced(run, intent, pre_image);
                    let written = self.written(intent, pre_image).await?;
                    self.state().transaction(|state| {
                        if is_kept {
                            state.add_journal(&row)?;
                        }
                        let written = written.iter().map(|entry| (intent.side, &entry.revision));
                        state.note_own_writes(written)?;
                        state.forget_pre_image(intent)
                    })?;
                }
                Some(deletion) => {
                    let is_gone = self.is_gone(intent, pre_image).await?;
                    let row = self.deleted(run, intent, pre_image, (deletion.reason, is_gone));
                    self.state().transaction(|state| {
                        let was_ours = is_gone && note_deleted(state, intent, &deletion)?;
                        if is_kept || was_ours {
                            state.add_journal(&row)?;
                        }
                        state.close_intent(intent.id)
                    })?;
                }
            }
        }
        Ok(())
    }

    /// Whether what an action replaced or deleted was set aside.
    async fn is_kept(&self, intent: &Intent, pre_image: &PreImage) -> bool {
        let Some(key) = &pre_image.version else {
            return false;
        };
        match self.root(intent.side).versions(Some(&intent.target)).await {
            Ok(kept) => kept.iter().any(|version| version.key == *key),
            Err(error) => {
                // A line too many does no harm: what is not there is pruned without a word.
                tracing::warn!(%error, "whether something was set aside could not be asked");
                true
            }
        }
    }

    /// What is there instead of what was to be replaced, if it was: a person may have saved something there since, which
    /// is then kept beside the other side's.
    async fn written(&self, intent: &Intent, pre_image: &PreImage) -> Result<Option<Entry>> {
        let at = Locator {
            path: intent.target.clone(),
            id: None,
        };
        let there = self.now_at(intent, &at).await?.flatten();
        Ok(there.filter(|there| there.revision != pre_image.before.revision))
    }

    /// Whether what was to be deleted is gone.
    async fn is_gone(&self, intent: &Intent, pre_image: &PreImage) -> Result<bool> {
        let at = Locator {
            path: intent.target.clone(),
            id: pre_image.before.id.clone(),
        };
        Ok(self.now_at(intent, &at).await? == Some(None))
    }

    /// What is there now; `None` if that cannot be asked.
    async fn now_at(&self, intent: &Intent, at: &Locator) -> Result<Option<Option<Entry>>> {
        match self.root(intent.side).stat(at).await {
            Ok(there) => Ok(Some(there)),
            Err(error) if error.is_transient() || error.kind == ErrorKind::Auth => {
                Err(Self::storage_error(intent.side)(error))
            }
            Err(error) => {
                tracing::warn!(%error, "what became of what was cut off could not be asked");
                Ok(None)
            }
        }
    }

    fn replaced(&self, run: i64, intent: &Intent, pre_image: &PreImage) -> JournalRow {
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
            before: Some(pre_image.before.clone()),
            after: None,
            version: pre_image.version.clone(),
            keep: pre_image.keep,
        }
    }

    fn deleted(
        &self,
        run: i64,
        intent: &Intent,
        pre_image: &PreImage,
        (reason, is_gone): (Reason, bool),
    ) -> JournalRow {
        let failed = self.replaced(run, intent, pre_image);
        JournalRow {
            kind: ActionKind::Delete,
            reason,
            outcome: if is_gone {
                Outcome::Done
            } else {
                failed.outcome
            },
            error: failed.error.filter(|_| !is_gone),
            ..failed
        }
    }
}

/// Takes what a run deleted out of the base, if the other side still lacks it. What that may have had elsewhere is new
/// from now on. Answers whether the base had it.
fn note_deleted(state: &mut State, intent: &Intent, deletion: &Deletion) -> Result<bool> {
    let (side, other) = (intent.side, intent.side.other());
    let base = state.base_item(deletion.parent, &deletion.name)?;
    let Some(base) = base.filter(|base| base.id == deletion.item) else {
        return Ok(false);
    };
    if !state.lacks(other, &base)? {
        return Ok(false);
    }
    let mut rows = vec![Row::Drop(base.id)];
    if let Some(entry) = &base.entries[side] {
        rows.push(Row::Place {
            side,
            parent: base.parent,
            name: entry.name.clone(),
            now: None,
            id: tandem_core::plan::ItemId::ROOT,
        });
    }
    if let Some(entry) = &base.entries[other] {
        rows.push(Row::Unclaim {
            side: other,
            parent: base.parent,
            name: entry.name.clone(),
        });
    }
    state.apply(&rows, Some(&base))?;
    Ok(true)
}
