//! The feed: what changed since a number, each item once and as it is now.

use std::collections::{BTreeMap, BTreeSet};

use tandem_core::entry::Entry;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{Change, Changes, Cursor, ParentRef};

use super::database::Transaction;
use super::item::{COLUMNS, Item, WIDTH, native_id};
use super::sql::{Row, values};

/// Most items of a batch.
const BATCH: i64 = 500;

/// What a cursor says: which database and folder, and up to which change it was read.
#[derive(Debug, PartialEq, Eq)]
struct Position {
    database: String,
    root: i64,
    sequence: i64,
}

impl Position {
    fn cursor(&self) -> Cursor {
        let Self {
            database,
            root,
            sequence,
        } = self;
        Cursor(format!("{database}:{root}:{sequence}"))
    }

    fn of(cursor: &Cursor) -> Option<Self> {
        let mut parts = cursor.0.split(':');
        let position = Self {
            database: parts.next()?.to_owned(),
            root: parts.next()?.parse().ok()?,
            sequence: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(position)
    }
}

fn expired(why: &str) -> StorageError {
    StorageError::new("", Cause::CursorExpired, why)
}

/// An item of a batch with those above it, itself first.
#[derive(Debug, Default)]
struct Chain {
    above: Vec<(Item, i64)>,
}

impl Transaction<'_> {
    /// The id that the database was made with.
    pub(super) fn database_id(&mut self) -> Result<String> {
        let row = self.first("SELECT value FROM tandem_meta WHERE key = 'id'", &[])?;
        let row = row
            .ok_or_else(|| StorageError::new("", Cause::BadResponse, "tandem_meta holds no id"))?;
        Ok(row.text(0)?.to_owned())
    }

    /// The number of the last change, and the last number that is forgotten.
    fn clock(&mut self) -> Result<(i64, i64)> {
        let row = self.first("SELECT sequence, oldest FROM tandem_clock", &[])?;
        let row = row.ok_or_else(|| {
            StorageError::new("", Cause::BadResponse, "tandem_clock holds no row")
        })?;
        Ok((row.integer(0)?, row.integer(1)?))
    }

    /// Where the feed of a root stands.
    pub(super) fn cursor(&mut self, root: i64) -> Result<Cursor> {
        Ok(Position {
            database: self.database_id()?,
            root,
            sequence: self.clock()?.0,
        }
        .cursor())
    }

    /// The number up to which a cursor was read, if it is of this root and still good.
    fn position(&mut self, root: i64, cursor: &Cursor) -> Result<i64> {
        let position =
            Position::of(cursor).ok_or_else(|| expired("it is no cursor of this kind"))?;
        if position.database != self.database_id()? || position.root != root {
            return Err(expired("it is of another folder"));
        }
        let (last, oldest) = self.clock()?;
        if position.sequence > last {
            return Err(expired("the database went back in time"));
        }
        if position.sequence < oldest {
            return Err(expired("it is too old"));
        }
        Ok(position.sequence)
    }

    /// Whether anything changed since `cursor`; the number of the last change.
    pub(super) fn news(&mut self, root: i64, cursor: &Cursor) -> Result<(bool, i64)> {
        let last = self.clock()?.0;
        match self.position(root, cursor) {
            Ok(read) => Ok((read < last, last)),
            // Whoever reads the feed then is told.
            Err(error) if error.cause == Cause::CursorExpired => Ok((true, last)),
            Err(error) => Err(error),
        }
    }

    /// The number of the last change.
    pub(super) fn last_change(&mut self) -> Result<i64> {
        Ok(self.clock()?.0)
    }

    /// The next batch after `cursor`.
    pub(super) fn changes(&mut self, root: i64, cursor: &Cursor) -> Result<Changes> {
        let from = self.position(root, cursor)?;
        let last = self.clock()?.0;
        let lines = self.query(
            "SELECT item, sequence FROM tandem_changes WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
            values![from, BATCH],
        )?;
        let read = |line: &Row| Ok((line.integer(0)?, line.integer(1)?));
        let lines: Vec<(i64, i64)> = lines.iter().map(read).collect::<Result<_>>()?;
        let more = lines.len() as i64 == BATCH;
        let to = lines
            .last()
            .map_or(last, |line| if more { line.1 } else { last });
        let mut chains = self.chains(from, to)?;
        let mut told = BTreeSet::new();
        let mut changes = Vec::new();
        for (item, _) in lines {
            let chain = chains.remove(&item).unwrap_or_default();
            tell(&mut changes, &mut told, item, &chain, root, from);
        }
        Ok(Changes {
            changes,
            cursor: Position {
                database: self.database_id()?,
                root,
                sequence: to,
            }
            .cursor(),
            more,
        })
    }

    /// The items changed after `from` up to `to`, each with those above it and the numbers of their last changes.
    fn chains(&mut self, from: i64, to: i64) -> Result<BTreeMap<i64, Chain>> {
        let statement = format!(
            "WITH RECURSIVE up (item, id, parent, depth) AS (
                SELECT i.id, i.id, i.parent, 0
                FROM tandem_changes n JOIN tandem_items i ON i.id = n.item
                WHERE n.sequence > ?1 AND n.sequence <= ?2
                UNION ALL
                SELECT up.item, i.id, i.parent, up.depth + 1
                FROM up JOIN tandem_items i ON i.id = up.parent
            ) SELECT {COLUMNS}, up.item, COALESCE(n.sequence, 0)
            FROM up JOIN tandem_items i ON i.id = up.id
            LEFT JOIN tandem_contents c ON c.id = i.content
            LEFT JOIN tandem_changes n ON n.item = i.id
            ORDER BY up.item, up.depth"
        );
        let mut chains: BTreeMap<i64, Chain> = BTreeMap::new();
        for row in self.query(&statement, values![from, to])? {
            let at = (Item::from_row(&row, 0)?, row.integer(WIDTH + 1)?);
            let chain = chains.entry(row.integer(WIDTH)?).or_default();
            chain.above.push(at);
        }
        Ok(chains)
    }
}

/// Tells of one item: where it is below the root, or that it is not.
fn tell(
    changes: &mut Vec<Change>,
    told: &mut BTreeSet<i64>,
    item: i64,
    chain: &Chain,
    root: i64,
    from: i64,
) {
    if item == root {
        return;
    }
    let Some(entries) = below(chain, root) else {
        changes.push(Change::Removed {
            id: Some(native_id(item)),
            path: None,
        });
        return;
    };
    // A folder above that changed too comes with it: it may be new, and its own line far off.
    let lines = entries.into_iter().zip(&chain.above);
    let lines: Vec<_> = lines
        .enumerate()
        .filter(|(depth, (_, (_, sequence)))| *depth == 0 || *sequence > from)
        .collect();
    for (_, (entry, (at, _))) in lines.into_iter().rev() {
        if told.insert(at.id) {
            changes.push(Change::Upsert {
                parent: match at.parent {
                    Some(parent) if parent != root => ParentRef::Id(native_id(parent)),
                    _ => ParentRef::Path(RelPath::root()),
                },
                entry,
            });
        }
    }
}

/// The entries from the item up to below the root; `None` if it is not to be seen there.
fn below(chain: &Chain, root: i64) -> Option<Vec<Entry>> {
    let depth = chain.above.iter().position(|(item, _)| item.id == root)?;
    let seen = |name: &Name| !name.is_reserved();
    let entries = chain.above[..depth].iter();
    entries
        .map(|(item, _)| item.entry().filter(|entry| seen(&entry.name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is_one() {
        let position = Position {
            database: "00ff".to_owned(),
            root: 7,
            sequence: 42,
        };
        assert_eq!(Position::of(&position.cursor()), Some(position));
        for text in ["", "00ff", "00ff:7", "00ff:7:x", "00ff:7:42:1", "00ff::42"] {
            assert_eq!(Position::of(&Cursor(text.to_owned())), None, "{text:?}");
        }
    }
}
