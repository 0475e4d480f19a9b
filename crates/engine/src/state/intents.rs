//! What is about to become visible, durable before it does, and where unfinished uploads lie.

use rusqlite::params;
use tandem_core::path::RelPath;
use tandem_core::side::Side;
use tandem_core::storage::ResumeToken;
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
}

impl State {
    /// Notes that `target` is about to be changed.
    pub(crate) fn add_intent(
        &self,
        side: Side,
        target: &RelPath,
        what: &str,
        now: Timestamp,
    ) -> Result<i64> {
        let mut write = self.db.prepare_cached(
            "INSERT INTO intents (side, target, made, what) VALUES (?1, ?2, ?3, ?4)",
        )?;
        write.execute(params![side_number(side), target.as_str(), now.0, what])?;
        Ok(self.db.last_insert_rowid())
    }

    /// Notes where the staged content of an intent lies.
    pub(crate) fn set_token(&self, intent: i64, token: Option<&ResumeToken>) -> Result<()> {
        let mut write = self
            .db
            .prepare_cached("UPDATE intents SET token = ?2 WHERE id = ?1")?;
        write.execute(params![intent, token.map(|t| t.0.as_str())])?;
        Ok(())
    }

    /// The action ended.
    pub(crate) fn close_intent(&self, intent: i64) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM intents WHERE id = ?1")?
            .execute([intent])?;
        Ok(())
    }

    /// The actions ended. Those of a group were begun one after the other: few statements close all of them.
    pub(crate) fn close_intents(&self, intents: impl IntoIterator<Item = i64>) -> Result<()> {
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

    /// What was begun and not ended.
    pub(crate) fn intents(&self) -> Result<Vec<Intent>> {
        let mut query = self.db.prepare_cached(
            "SELECT id, side, target, what, token, made FROM intents ORDER BY id",
        )?;
        let mut rows = query.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let target: String = row.get(2)?;
            found.push(Intent {
                id: row.get(0)?,
                side: side_of(row.get(1)?),
                target: RelPath::new(&target)
                    .map_err(|e| EngineError::DamagedState(e.to_string()))?,
                what: row.get(3)?,
                made: Timestamp(row.get(5)?),
                token: row.get::<_, Option<String>>(4)?.map(ResumeToken),
            });
        }
        Ok(found)
    }
}
