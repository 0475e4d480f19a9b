//! How much there is in the base and among the texts: counted once, and from then on kept beside what changes it.

use std::cell::Cell;

use rusqlite::Connection;

/// What changed since the state was opened, in the same transactions; what `REPLACE` drops is dropped by triggers only
/// where these are recursive.
const KEPT: &str = "
PRAGMA recursive_triggers = ON;
CREATE TEMP TABLE changed (items INTEGER NOT NULL, files INTEGER NOT NULL, text INTEGER NOT NULL);
INSERT INTO temp.changed VALUES (0, 0, 0);
CREATE TEMP TRIGGER base_added AFTER INSERT ON main.base BEGIN
    UPDATE changed SET items = items + 1, files = files + (new.kind <> 1);
END;
CREATE TEMP TRIGGER base_dropped AFTER DELETE ON main.base BEGIN
    UPDATE changed SET items = items - 1, files = files - (old.kind <> 1);
END;
CREATE TEMP TRIGGER text_added AFTER INSERT ON main.texts BEGIN
    UPDATE changed SET text = text + length(new.text);
END;
CREATE TEMP TRIGGER text_dropped AFTER DELETE ON main.texts BEGIN
    UPDATE changed SET text = text - length(old.text);
END;
";

/// A sum that was there when the state was opened, once it is known.
type Opened = Cell<Option<i64>>;

/// What there was when the state was opened.
#[derive(Debug, Default)]
pub(super) struct Counts {
    items: Opened,
    files: Opened,
    text: Opened,
}

impl Counts {
    /// Begins to keep what changes.
    pub(super) fn begin(db: &Connection) -> rusqlite::Result<Self> {
        db.execute_batch(KEPT)?;
        Ok(Self::default())
    }

    /// Items of the base.
    pub(super) fn items(&self, db: &Connection) -> rusqlite::Result<u64> {
        now(db, &self.items, "items", "SELECT count(*) FROM base")
    }

    /// Items of the base that have content.
    pub(super) fn files(&self, db: &Connection) -> rusqlite::Result<u64> {
        let all = "SELECT count(*) FROM base WHERE kind <> 1";
        now(db, &self.files, "files", all)
    }

    /// Bytes of all texts.
    pub(super) fn text(&self, db: &Connection) -> rusqlite::Result<u64> {
        let all = "SELECT coalesce(sum(length(text)), 0) FROM texts";
        now(db, &self.text, "text", all)
    }
}

fn now(db: &Connection, opened: &Opened, column: &str, all: &str) -> rusqlite::Result<u64> {
    let sql = format!("SELECT {column} FROM temp.changed");
    let changed: i64 = db.prepare_cached(&sql)?.query_row([], |r| r.get(0))?;
    let before = match opened.get() {
        Some(before) => before,
        None => db.query_row(all, [], |r| r.get::<_, i64>(0))? - changed,
    };
    opened.set(Some(before));
    Ok((before + changed).max(0).unsigned_abs())
}
