//! Which folders were looked into with all below, on sides where a folder's revision covers that.
//!
//! Invariant: while such a folder is shown as it is noted here, what is known of the side below it is exact. So a note goes
//! with what is known: when that is forgotten, and when the folder is another one.

use rusqlite::{OptionalExtension, params};
use tandem_core::entry::{Entry, Revision};
use tandem_core::plan::ItemId;
use tandem_core::side::Side;
use tandem_core::time::Timestamp;

use super::pack::pack_stamp;
use super::{State, side_number};
use crate::error::Result;

fn listed_key(side: Side) -> String {
    format!("listed {side}")
}

/// What makes a folder the one it was and all below as it was; `None` where no revision tells.
fn shown(entry: &Entry) -> Result<Option<Vec<u8>>> {
    if entry.revision == Revision::None {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    pack_stamp(entry, entry.name.as_str(), &mut bytes)?;
    Ok(Some(bytes))
}

impl State {
    /// When everything of a side was listed last; `None` if nothing may be passed over there.
    pub(crate) fn listed_at(&self, side: Side) -> Result<Option<Timestamp>> {
        let noted = self.meta(&listed_key(side))?;
        Ok(noted.and_then(|at| at.parse().ok()).map(Timestamp))
    }

    /// Everything of a side is listed: what was noted before counts no more. Belongs into the transaction of that look.
    pub(crate) fn begin_looking(&self, side: Side, at: Timestamp) -> Result<()> {
        self.forget_all_looked(side)?;
        self.set_meta(&listed_key(side), &at.0.to_string())
    }

    /// Nothing of a side is passed over any more.
    pub(crate) fn end_looking(&self, side: Side) -> Result<()> {
        if self.listed_at(side)?.is_none() {
            return Ok(());
        }
        self.forget_all_looked(side)?;
        self.drop_meta(&listed_key(side))
    }

    fn forget_all_looked(&self, side: Side) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM looked WHERE side = ?1")?
            .execute([side_number(side)])?;
        Ok(())
    }

    /// Notes that a folder is looked into with all below, after it was shown as `entry`. Answers whether it was before,
    /// and nothing below has changed since.
    pub(crate) fn look_into(&self, side: Side, folder: ItemId, entry: &Entry) -> Result<bool> {
        let Some(now) = shown(entry)? else {
            self.forget_looked(side, folder)?;
            return Ok(false);
        };
        let mut query = self
            .db
            .prepare_cached("SELECT shown FROM looked WHERE side = ?1 AND folder = ?2")?;
        let was: Option<Vec<u8>> = query
            .query_row(params![side_number(side), folder.0], |row| row.get(0))
            .optional()?;
        if was.as_ref() == Some(&now) {
            return Ok(true);
        }
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO looked (side, folder, shown) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![side_number(side), folder.0, now])?;
        Ok(false)
    }

    /// A folder is to be looked into, whatever its revision.
    pub(crate) fn forget_looked(&self, side: Side, folder: ItemId) -> Result<()> {
        if self.skips[side] {
            self.db
                .prepare_cached("DELETE FROM looked WHERE side = ?1 AND folder = ?2")?
                .execute(params![side_number(side), folder.0])?;
        }
        Ok(())
    }

    /// What is known below one folder is known below another now.
    pub(super) fn move_looked(&self, side: Side, from: ItemId, to: ItemId) -> Result<()> {
        if self.skips[side] {
            self.forget_looked(side, to)?;
            self.db
                .prepare_cached("UPDATE looked SET folder = ?3 WHERE side = ?1 AND folder = ?2")?
                .execute(params![side_number(side), from.0, to.0])?;
        }
        Ok(())
    }
}
