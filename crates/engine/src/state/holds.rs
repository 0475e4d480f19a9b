//! What waits for a person, and what a person let pass.

use std::collections::BTreeSet;

use rusqlite::params;
use tandem_core::guard::{Approval, Guard, Hold};
use tandem_core::time::Timestamp;

use super::State;
use crate::error::{EngineError, Result};

fn damaged(e: impl std::fmt::Display) -> EngineError {
    EngineError::DamagedState(e.to_string())
}

impl State {
    /// Replaces the holds by those given.
    pub(crate) fn set_holds(&self, holds: &[(Hold, String)], now: Timestamp) -> Result<()> {
        let held: BTreeSet<String> = holds.iter().map(|(hold, _)| hold.id.to_string()).collect();
        for id in self.held_ids()?.difference(&held) {
            self.drop_hold(id)?;
        }
        self.add_holds(holds, now)
    }

    /// Adds holds. `actions` is their list for a person, as JSON. What is held as it was is not written anew: of
    /// deletes there may be very many.
    pub(crate) fn add_holds(&self, holds: &[(Hold, String)], now: Timestamp) -> Result<()> {
        self.assert_whole();
        let known = self.held_ids()?;
        let mut write = self.db.prepare_cached(
            "INSERT INTO holds (id, hold, actions, since) VALUES (?1, ?2, ?3, ?4)",
        )?;
        let mut change = self.db.prepare_cached(
            "UPDATE holds SET hold = ?2, actions = ?3 WHERE id = ?1 AND (hold <> ?2 OR actions <> ?3)",
        )?;
        for (hold, actions) in holds {
            let id = hold.id.to_string();
            let text = serde_json::to_string(hold).map_err(damaged)?;
            if known.contains(&id) {
                change.execute(params![id, text, actions])?;
            } else {
                write.execute(params![id, text, actions, now.0])?;
            }
        }
        Ok(())
    }

    /// The names of the holds that wait.
    pub(crate) fn held_ids(&self) -> Result<BTreeSet<String>> {
        let mut query = self.db.prepare_cached("SELECT id FROM holds")?;
        let rows = query.query_map([], |r| r.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The guards that hold something.
    pub(crate) fn holding_guards(&self) -> Result<Vec<Guard>> {
        let mut query = self.db.prepare_cached("SELECT hold FROM holds")?;
        let mut rows = query.query([])?;
        let mut guards = Vec::new();
        while let Some(row) = rows.next()? {
            let hold: Hold = serde_json::from_str(&row.get::<_, String>(0)?).map_err(damaged)?;
            guards.push(hold.kind.guard());
        }
        Ok(guards)
    }

    /// The holds that wait: each with its list for a person and since when.
    pub(crate) fn holds(&self) -> Result<Vec<(Hold, String, Timestamp)>> {
        let mut query = self
            .db
            .prepare_cached("SELECT hold, actions, since FROM holds ORDER BY since, id")?;
        let mut rows = query.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let hold = serde_json::from_str(&row.get::<_, String>(0)?).map_err(damaged)?;
            found.push((hold, row.get(1)?, Timestamp(row.get(2)?)));
        }
        Ok(found)
    }

    /// The hold was decided.
    pub(crate) fn drop_hold(&self, id: &str) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM holds WHERE id = ?1")?
            .execute([id])?;
        Ok(())
    }

    /// Lets what is named by these digests pass.
    pub(crate) fn approve(&self, digests: &BTreeSet<u64>, now: Timestamp) -> Result<()> {
        self.assert_whole();
        let mut write = self
            .db
            .prepare_cached("INSERT OR REPLACE INTO approvals (digest, at) VALUES (?1, ?2)")?;
        for digest in digests {
            write.execute(params![digest.cast_signed(), now.0])?;
        }
        Ok(())
    }

    /// Everything that was let pass.
    pub(crate) fn approval(&self) -> Result<Approval> {
        let mut query = self.db.prepare_cached("SELECT digest FROM approvals")?;
        let rows = query.query_map([], |r| r.get::<_, i64>(0))?;
        let digests = rows
            .map(|r| r.map(i64::cast_unsigned))
            .collect::<rusqlite::Result<_>>()?;
        Ok(Approval { digests })
    }

    /// An approval was used. Answers whether there was one.
    pub(crate) fn use_approval(&self, digest: u64) -> Result<bool> {
        let mut delete = self
            .db
            .prepare_cached("DELETE FROM approvals WHERE digest = ?1")?;
        Ok(delete.execute([digest.cast_signed()])? > 0)
    }

    /// What was let pass has passed, or is no more: it is asked for anew.
    pub(crate) fn end_approvals(&self) -> Result<()> {
        self.db.execute("DELETE FROM approvals", [])?;
        Ok(())
    }
}
