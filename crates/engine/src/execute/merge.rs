//! Merges texts: one text for both sides, and a line in the journal with the text before for each.

use std::sync::Arc;

use tandem_core::content::BytesContent;
use tandem_core::entry::{ContentHash, HashKind};
use tandem_core::error::{Cause, StorageError};
use tandem_core::merge::merge_text;
use tandem_core::plan::record::{Done, add_hashes};
use tandem_core::plan::{Action, At, Deed, Retain};
use tandem_core::removed;
use tandem_core::side::Side;
use tandem_core::storage::{Committed, Expected, Keep, Meta};

use super::recording::{current, journal_row};
use super::{Execution, Finished, something_else};
use crate::engine::Engine;
use crate::error::Result;
use crate::report::Outcome;
use crate::state::JournalRow;

type Answer<T> = tandem_core::error::Result<T>;

/// Texts longer than this are not merged, in bytes.
const LONGEST_TEXT: u64 = 1 << 20;

impl Execution<'_> {
    /// Writes the merged text to both sides. Nothing is finished if the texts cannot be merged, or one of the
    /// sides could not be written.
    pub(super) async fn merge(&mut self, action: Arc<Action>) -> Result<Option<Finished>> {
        let Deed::Merge {
            source,
            destination,
        } = &action.deed
        else {
            return Ok(None);
        };
        let merged = match self.merged_text(&action, source, destination).await {
            Ok(Some(merged)) => merged,
            Ok(None) => {
                self.out.refused.merges.push(action.standing.item);
                return Ok(None);
            }
            Err(error) => return self.gave_up(&action, error, None).map(|()| None),
        };
        let Some(to) = self
            .write_text(&action, Side::Destination, destination, &merged)
            .await?
        else {
            return Ok(None);
        };
        let Some(from) = self
            .write_text(&action, Side::Source, source, &merged)
            .await?
        else {
            // What was replaced over there is kept, and can be put back.
            let row = self.merge_row(&action, Side::Destination, destination, &to);
            self.engine.state().add_journal(&row)?;
            return Ok(None);
        };
        let also = self.merge_row(&action, Side::Source, source, &from);
        let done = Done {
            entry: Some(to.entry),
            read: Some(from.entry),
        };
        Ok(Some(Finished {
            version: to.kept,
            text: Some(merged),
            also: vec![also],
            ..Finished::new(action, done)
        }))
    }

    /// The text for both sides; `None` if the texts cannot be merged.
    async fn merged_text(
        &self,
        action: &Action,
        source: &At,
        destination: &At,
    ) -> Answer<Option<Vec<u8>>> {
        let Some(base) = self.base_text(action) else {
            return Ok(None);
        };
        let read = |side: Side, at: &At| self.engine.carried(side, at);
        let ours = read(Side::Source, source).bytes(LONGEST_TEXT).await?;
        let theirs = read(Side::Destination, destination)
            .bytes(LONGEST_TEXT)
            .await?;
        Ok(match (ours, theirs) {
            (Some(ours), Some(theirs)) => merge_text(&base, &ours, &theirs),
            _ => None,
        })
    }

    /// The text of an item when it was in step: only if it is what the base says that a side had. Another would
    /// make a change of one side look like none.
    fn base_text(&self, action: &Action) -> Option<Vec<u8>> {
        let item = action.standing.item;
        let text = match self.engine.state().text(item) {
            Ok(text) => text?,
            Err(error) => {
                tracing::warn!(%error, "the base of a merge could not be read");
                return None;
            }
        };
        let hash = ContentHash::blake3(*blake3::hash(&text).as_bytes());
        let base = match current(&self.engine.state(), &self.places, item) {
            Ok(base) => base?,
            Err(error) => {
                tracing::warn!(%error, "the base of a merge could not be read");
                return None;
            }
        };
        let was_in_step = Side::BOTH.into_iter().any(|side| {
            let entry = base.entries[side].as_ref();
            entry.and_then(|e| e.hash(HashKind::Blake3)) == Some(&hash)
        });
        (was_in_step || removed!("expectation")).then_some(text)
    }

    /// Replaces the text of one side; `None` if that was given up.
    async fn write_text(
        &mut self,
        action: &Action,
        side: Side,
        at: &At,
        text: &[u8],
    ) -> Result<Option<Committed>> {
        let answer = match self.keep(side, &at.path, Retain::Unseen) {
            Some(keep) => self.engine.write(side, at, text, keep).await,
            None => Err(StorageError::new(
                "merge",
                Cause::Unsupported,
                "the versions before cannot be kept",
            )),
        };
        let error = match answer {
            Ok(Committed {
                displaced: None,
                landed_as: None,
                ..
            }) => return Ok(answer.ok()),
            Ok(committed) => {
                if let Some(displaced) = &committed.displaced {
                    let mut row = self.merge_row(action, side, at, &committed);
                    row.before.clone_from(&displaced.entry);
                    row.version = Some(displaced.version.clone());
                    row.outcome = Outcome::LostRace;
                    self.engine.state().add_journal(&row)?;
                }
                something_else()
            }
            Err(error) => error,
        };
        self.gave_up(action, error, None).map(|()| None)
    }

    /// What the merge did on one side.
    fn merge_row(&self, action: &Action, side: Side, at: &At, committed: &Committed) -> JournalRow {
        JournalRow {
            side,
            path: at.path.to_string(),
            before: Some(at.entry.clone()),
            after: Some(committed.entry.clone()),
            version: committed.kept.clone(),
            ..journal_row(action, self.run, self.engine.now())
        }
    }
}

impl Engine {
    /// Replaces a file by content that is in memory.
    async fn write(&self, side: Side, at: &At, bytes: &[u8], keep: Keep) -> Answer<Committed> {
        let meta = Meta {
            mtime: None,
            ..self.meta_for(side, &at.entry)
        };
        let content = Arc::new(BytesContent(bytes::Bytes::copy_from_slice(bytes)));
        let expected = Expected::of(Some(&at.entry));
        let mut committed = self
            .write_one(side, &at.path, (content, &meta), (expected, keep))
            .await?;
        // A server that changes content on arrival has something else.
        if committed.entry.size == bytes.len() as u64 {
            let hash = ContentHash::blake3(*blake3::hash(bytes).as_bytes());
            add_hashes(&mut committed.entry.hashes, &[hash]);
        }
        Ok(committed)
    }
}
