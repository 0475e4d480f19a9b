//! What is about to become visible, durable before it does, and where unfinished uploads lie.

use rusqlite::params;
use serde::{Deserialize, Serialize};
use tandem_core::entry::Entry;
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::{ItemId, Reason};
use tandem_core::side::Side;
use tandem_core::storage::{ResumeToken, VersionKey};
use tandem_core::time::Timestamp;

use super::{State, side_number, side_of};
use crate::error::{EngineError, Result};

/// An action that was begun.
#[derive(Debug, Clone)]
pub(crate) struct Intent {
    /// Its number.
    pub(crate) id: i64,
    /// The side it changes.
    pub(crate) side: Side,
    /// The path it changes.
    pub(crate) target: RelPath,
    /// What is carried, to recognise an upload that can go on: size and revision of what is read.
    pub(crate) what: String,
    /// When it was begun.
    pub(crate) made: Timestamp,
    /// Where the staged content lies.
    pub(crate) token: Option<ResumeToken>,
    /// What it replaces, and where that is set aside.
    pub(crate) pre_image: Option<PreImage>,
}

/// What an action replaces, and where that is set aside.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PreImage {
    /// The entry before.
    pub(crate) before: Entry,
    /// Under which key; `None` if it is not set aside.
    pub(crate) version: Option<VersionKey>,
    /// Whether it is content that nobody derived anything from.
    pub(crate) keep: bool,
}

/// What is deleted: an item of the base, if that has it at this place.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Deletion {
    /// The item.
    pub(crate) item: ItemId,
    /// Its folder in the base.
    pub(crate) parent: ItemId,
    /// Its name there.
    pub(crate) name: Name,
    /// Why it is deleted.
    pub(crate) reason: Reason,
}

/// Between what is carried and what it replaces. No revision has it.
const REPLACES: char = '\n';

/// How an intent says that something is deleted; what it is follows.
const DELETES: &str = "delete ";

impl Intent {
    /// What it deletes, if it is for that.
    pub(crate) fn deletion(&self) -> Result<Option<Deletion>> {
        let damaged = |e: serde_json::Error| EngineError::DamagedState(e.to_string());
        let what = self.what.strip_prefix(DELETES);
        what.map(|what| serde_json::from_str(what).map_err(damaged))
            .transpose()
    }
}

impl State {
    /// Notes that `target` is about to be changed.
    pub(crate) fn add_intent(
        &self,
        side: Side,
        target: &RelPath,
        what: &str,
        pre_image: Option<&PreImage>,
        now: Timestamp,
    ) -> Result<i64> {
        let what = match pre_image {
            None => what.to_owned(),
            Some(pre_image) => {
                let refused = |e: serde_json::Error| EngineError::Refused(e.to_string());
                let text = serde_json::to_string(pre_image).map_err(refused)?;
                format!("{what}{REPLACES}{text}")
            }
        };
        let mut write = self.db.prepare_cached(
            "INSERT INTO intents (side, target, made, what) VALUES (?1, ?2, ?3, ?4)",
        )?;
        write.execute(params![side_number(side), target.as_str(), now.0, what])?;
        Ok(self.db.last_insert_rowid())
    }

    /// Notes that what is at `target` is about to be deleted.
    pub(crate) fn add_deletion(
        &self,
        side: Side,
        target: &RelPath,
        deletion: &Deletion,
        pre_image: &PreImage,
        now: Timestamp,
    ) -> Result<i64> {
        self.assert_whole();
        let refused = |e: serde_json::Error| EngineError::Refused(e.to_string());
        let deletion = serde_json::to_string(deletion).map_err(refused)?;
        let what = format!("{DELETES}{deletion}");
        self.add_intent(side, target, &what, Some(pre_image), now)
    }

    /// Notes where the staged content of an intent lies.
    pub(crate) fn set_token(&self, intent: i64, token: Option<&ResumeToken>) -> Result<()> {
        let mut write = self
            .db
            .prepare_cached("UPDATE intents SET token = ?2 WHERE id = ?1")?;
        write.execute(params![intent, token.map(|t| t.0.as_str())])?;
        Ok(())
    }

    /// What was staged for an earlier intent is gone on with for this one.
    pub(crate) fn take_over(&self, intent: i64, earlier: i64, token: &ResumeToken) -> Result<()> {
        self.assert_whole();
        self.set_token(intent, Some(token))?;
        self.close_intent(earlier)
    }

    /// The action ended.
    pub(crate) fn close_intent(&self, intent: i64) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM intents WHERE id = ?1")?
            .execute([intent])?;
        Ok(())
    }

    /// What an action replaced is in the journal, or was not set aside.
    pub(crate) fn forget_pre_image(&self, intent: &Intent) -> Result<()> {
        self.assert_whole();
        self.db
            .prepare_cached("UPDATE intents SET what = ?2 WHERE id = ?1")?
            .execute(params![intent.id, intent.what])?;
        Ok(())
    }

    /// The action ended, but for what may still be staged for it.
    pub(crate) fn close_intent_unless_staged(&self, intent: i64) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM intents WHERE id = ?1 AND token IS NULL")?
            .execute([intent])?;
        Ok(())
    }

    /// The actions ended. Those of a group were begun one after the other: few statements close all of them.
    pub(crate) fn close_intents(&self, intents: impl IntoIterator<Item = i64>) -> Result<()> {
        self.assert_whole();
        let mut delete = self
            .db
            .prepare_cached("DELETE FROM intents WHERE id BETWEEN ?1 AND ?2")?;
        let mut run: Option<(i64, i64)> = None;
        for intent in intents {
            match &mut run {
                Some((_, last)) if *last + 1 == intent => *last = intent,
                _ => {
                    if let Some((first, last)) = run.replace((intent, intent)) {
                        delete.execute([first, last])?;
                    }
                }
            }
        }
        if let Some((first, last)) = run {
            delete.execute([first, last])?;
        }
        Ok(())
    }

    /// Whether anything was begun and not ended.
    pub(crate) fn has_intents(&self) -> Result<bool> {
        let mut query = self.db.prepare_cached("SELECT 1 FROM intents LIMIT 1")?;
        Ok(query.exists([])?)
    }

    /// What was begun and not ended.
    pub(crate) fn intents(&self) -> Result<Vec<Intent>> {
        let mut query = self.db.prepare_cached(
            "SELECT id, side, target, what, token, made FROM intents ORDER BY id",
        )?;
        let mut rows = query.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let target: String = row.get(2)?;
            let damaged = |e: serde_json::Error| EngineError::DamagedState(e.to_string());
            let what: String = row.get(3)?;
            let (what, pre_image) = match what.split_once(REPLACES) {
                None => (what, None),
                Some((what, text)) => {
                    let pre_image = serde_json::from_str(text).map_err(damaged)?;
                    (what.to_owned(), Some(pre_image))
                }
            };
            found.push(Intent {
                id: row.get(0)?,
                side: side_of(row.get(1)?),
                target: RelPath::new(&target)
                    .map_err(|e| EngineError::DamagedState(e.to_string()))?,
                what,
                pre_image,
                made: Timestamp(row.get(5)?),
                token: row.get::<_, Option<String>>(4)?.map(ResumeToken),
            });
        }
        Ok(found)
    }
}
