//! What the planner is given: the base, and what each side shows that differs from it.
//!
//! Only what a decision needs is here: items that some side shows differently, what is in step but has a name that
//! one of them may want, their folders up to the root, and everything below a folder that is gone. What is not here
//! is in step.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::capabilities::Capabilities;
use crate::entry::{Entry, Kind, Revision};
use crate::path::Name;
use crate::policy::Policy;
use crate::side::{PerSide, Side};
use crate::time::Timestamp;

/// Tandem's own id of an item, whatever its name and whichever side renames it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ItemId(pub i64);

impl ItemId {
    /// The root folder.
    pub const ROOT: Self = Self(0);
}

/// What one side shows of a base item at the place where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// What it had when it was last in step.
    AsBase,
    /// Another entry under the same name.
    Changed(Entry),
    /// Nothing. Below a folder that is absent everything is.
    Absent,
    /// It could not be looked at: neither there nor gone.
    Unknown,
}

/// An item that was in step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseItem {
    /// Its id.
    pub id: ItemId,
    /// The folder it was in.
    pub parent: ItemId,
    /// The name under which the pair knows it.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// What each side had. `None` on a side that is still to receive it.
    pub entries: PerSide<Option<Entry>>,
    /// What each side shows now.
    pub seen: PerSide<Seen>,
    /// A filter leaves it out from now on.
    pub excluded: bool,
}

impl BaseItem {
    /// Whether a side lacks it, or is still to receive it: it may come to its name there.
    #[must_use]
    pub fn is_lacking(&self) -> bool {
        let lacks = |&side: &Side| self.seen[side] == Seen::Absent || self.entries[side].is_none();
        Side::BOTH.iter().any(lacks)
    }
}

/// An entry that one side shows and no base item accounts for by its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fresh {
    /// The id it will have if it becomes an item.
    pub id: ItemId,
    /// The folder it is in: a base item, or an earlier fresh entry of the same side.
    pub parent: ItemId,
    /// What the side shows.
    pub entry: Entry,
    /// It is still being written: nothing is done to it yet.
    pub frozen: bool,
}

/// The planner's three trees, as far as they are in doubt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trees {
    /// Base items, each after its parent.
    pub items: Vec<BaseItem>,
    /// Fresh entries of each side, each after its parent.
    pub fresh: PerSide<Vec<Fresh>>,
    /// Conflict copies that were just made.
    pub copies: Vec<MadeCopy>,
    /// When what has no mtime was first seen as it is, by the id under which its side knows it.
    pub first_seen: PerSide<BTreeMap<ItemId, Timestamp>>,
    /// Where Tandem itself has put items that the base has elsewhere.
    pub moves: Vec<MadeMove>,
    /// Revisions of what Tandem itself wrote and could not record: no person has edited that.
    pub own_writes: PerSide<Vec<Revision>>,
    /// Revisions of files that Tandem deleted or replaced on a side since that was last looked at: where a revision is no
    /// more than a digest of content, another file may have been moved there just before.
    pub taken: PerSide<Vec<Revision>>,
}

/// A conflict copy that Tandem made. On a side that changes content on arrival only this tells whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeCopy {
    /// The side.
    pub side: Side,
    /// The version that was copied.
    pub of: Revision,
    /// The copy.
    pub copy: Revision,
}

/// A place to which Tandem moved an item on one side alone. A side without lasting ids does not tell that it is
/// the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeMove {
    /// The side.
    pub side: Side,
    /// The item.
    pub item: ItemId,
    /// The folder, as the side knows it.
    pub folder: ItemId,
    /// The side's spelling.
    pub name: Name,
    /// The revisions before and after, if the content was the base's: then it still is.
    pub unchanged: Option<(Revision, Revision)>,
}

/// Everything a plan is a function of.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// The trees.
    pub trees: &'a Trees,
    /// What each side can do.
    pub capabilities: PerSide<&'a Capabilities>,
    /// What a person chose.
    pub policy: &'a Policy,
    /// This device, for conflict names.
    pub device: &'a str,
    /// What was found not to be possible.
    pub refused: &'a Refused,
}

/// What could not be done though nothing had changed: it is planned in another way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refused {
    /// Items whose texts could not be merged: they are kept both.
    pub merges: Vec<ItemId>,
    /// Items that a side cannot move, as a folder with a socket in it: what the other side has elsewhere is new there.
    pub moves: Vec<ItemId>,
}
