//! What a plan says: actions, each with its reason and with what must still be there when it is done.

use super::reason::Reason;
use super::trees::ItemId;
use crate::entry::{Entry, Kind, Revision};
use crate::path::{Name, RelPath};
use crate::side::{PerSide, Side};
use crate::storage::{Expected, Meta};

/// How equality of two sides was shown.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Equality {
    /// Tandem carried the bytes.
    SameBytes,
    /// A common hash.
    SameHash,
    /// Size and client-set time; not verified.
    SizeAndTime,
    /// As the comparison that a person chose sees it; not verified.
    Adopted,
}

/// What becomes of the content that an action replaces or removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retain {
    /// Superseded content, kept by the version settings (P1 b).
    Superseded,
    /// Content from which nothing later was derived: kept until a person removes it (P1 a).
    Unseen,
}

/// Where an entry is on a side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// Its path, as the side spells it.
    pub path: RelPath,
    /// The entry.
    pub entry: Entry,
}

/// What proves that an item is still gone from a side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// Where it was.
    pub path: RelPath,
    /// What has taken its name, if anything; that must still be there.
    pub instead: Option<Entry>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Make a folder at `path`.
    CreateFolder {
        /// Where.
        path: RelPath,
        /// The other side's folder.
        from: Entry,
        /// What the base has in it and the side is to receive with it: there it is not deleted.
        owed: Vec<Name>,
    },
    /// Carry the content of `from` on the other side to `path`.
    Transfer {
        /// The file or link to read.
        from: At,
        /// Where it goes.
        path: RelPath,
        /// What is replaced; `None` if the name must be free.
        replaces: Option<Entry>,
        /// What becomes of that.
        retain: Retain,
    },
    /// Write the content of `from`, on the same side, to `path` too, which must be free: a conflict copy.
    Duplicate {
        /// The file to read.
        from: At,
        /// Where the copy goes.
        path: RelPath,
    },
    /// Merge the texts of both sides and write the result to both.
    Merge {
        /// The source's version.
        source: At,
        /// The destination's version.
        destination: At,
    },
    /// Move or rename.
    Move {
        /// What is moved.
        from: At,
        /// Where it goes; the name there must be free.
        to: RelPath,
        /// Whether each side's content is still the base's.
        unchanged: PerSide<bool>,
        /// The other side's entry, if it is already where this one goes.
        other: Option<Entry>,
    },
    /// Set time or executable bit.
    SetMeta {
        /// What is changed.
        at: At,
        /// What is set.
        meta: Meta,
        /// The other side's entry, which the pair then has in step.
        from: Entry,
    },
    /// Delete.
    Delete {
        /// What is deleted.
        at: At,
        /// What becomes of it.
        retain: Retain,
        /// Where, on the other side, it must still be absent.
        absent: Option<Absence>,
    },
    /// Note both sides as in step.
    Adopt {
        /// How equality was shown; `None` keeps what is noted.
        equality: Option<Equality>,
        /// The source's entry.
        source: Entry,
        /// The destination's entry.
        destination: Entry,
        /// Whether each side's content is still the base's, where what is noted of equality is kept: what is not
        /// stays an edit.
        unchanged: PerSide<bool>,
    },
    /// Drop the item from the base. Nothing is touched.
    Forget {
        /// What the sides still have.
        left: PerSide<Option<Entry>>,
    },
}

/// Where an item will stand in the base when the action is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The item.
    pub item: ItemId,
    /// Whether the base has it.
    pub in_base: bool,
    /// The fresh id under which a side knows it so far, where that is another one.
    pub known_as: PerSide<Option<ItemId>>,
    /// Its folder in the pair.
    pub parent: ItemId,
    /// The ids under which each side knows that folder before the plan.
    pub folders: PerSide<ItemId>,
    /// Its name in the pair.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// Where each side has it before the action: the folder and the side's spelling.
    pub places: PerSide<Option<(ItemId, Name)>>,
}

/// One action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The side that is changed. Of `Adopt` and `Forget`, the source.
    pub side: Side,
    /// The item it concerns, and its place.
    pub standing: Standing,
    /// What is done.
    pub deed: Deed,
    /// Why.
    pub reason: Reason,
}

impl Action {
    /// The path that is changed, as its side spells it.
    #[must_use]
    pub fn path(&self) -> Option<&RelPath> {
        match &self.deed {
            Deed::CreateFolder { path, .. }
            | Deed::Transfer { path, .. }
            | Deed::Duplicate { path, .. } => Some(path),
            Deed::Merge { destination, .. } => Some(&destination.path),
            Deed::Move { from, .. } => Some(&from.path),
            Deed::SetMeta { at, .. } | Deed::Delete { at, .. } => Some(&at.path),
            Deed::Adopt { .. } | Deed::Forget { .. } => None,
        }
    }

    /// What must be at [`Action::path`] at the instant of the change.
    #[must_use]
    #[track_caller]
    pub fn expected(&self) -> Expected {
        Expected::of(match &self.deed {
            Deed::Transfer { replaces, .. } => replaces.as_ref(),
            Deed::Merge {
                destination: at, ..
            }
            | Deed::Move { from: at, .. }
            | Deed::SetMeta { at, .. }
            | Deed::Delete { at, .. } => Some(&at.entry),
            _ => None,
        })
    }

    /// Whether it notes a folder as in step: what lies in that is recorded in it from then on.
    #[must_use]
    pub fn notes_folder(&self) -> bool {
        matches!(self.deed, Deed::Adopt { .. }) && self.standing.kind == Kind::Folder
    }

    /// The file or link that it deletes or replaces.
    #[must_use]
    pub fn taken(&self) -> Option<&Entry> {
        let taken = match &self.deed {
            Deed::Transfer { replaces, .. } => replaces.as_ref(),
            Deed::Delete { at, .. } => Some(&at.entry),
            _ => None,
        };
        taken.filter(|entry| entry.kind != Kind::Folder && entry.revision != Revision::None)
    }

    /// Whether it changes a side.
    #[must_use]
    pub const fn touches(&self) -> bool {
        !matches!(self.deed, Deed::Adopt { .. } | Deed::Forget { .. })
    }

    /// Whether it changes this side.
    #[must_use]
    pub fn changes(&self, side: Side) -> bool {
        self.touches() && (self.side == side || matches!(self.deed, Deed::Merge { .. }))
    }

    /// Bytes it carries.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        match &self.deed {
            Deed::Transfer { from, .. } | Deed::Duplicate { from, .. } => from.entry.size,
            Deed::Merge { source, .. } => source.entry.size,
            _ => 0,
        }
    }
}

/// Something the planner must know before it can decide: the hash of this entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The side.
    pub side: Side,
    /// Where it is.
    pub at: At,
    /// The item, or the fresh entry's id.
    pub item: ItemId,
}

/// What kind of conflict two changes are.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    /// Both edited.
    EditEdit,
    /// Both created, differently.
    CreateCreate,
    /// Edited on one side, deleted on the other.
    EditDelete,
    /// Moved on one side, deleted on the other.
    MoveDelete,
    /// Moved to two places.
    MoveMove,
    /// Two folders moved into each other.
    MovedIntoEachOther,
    /// A file and a folder of one name.
    FileAgainstFolder,
    /// Two items want one name.
    SameName,
    /// A folder deleted on one side has something new on the other.
    DeletedFolderInUse,
}

impl ConflictKind {
    /// Whether what both did to the tree does not go together, so that one of it was done in another way than asked for.
    #[must_use]
    pub const fn is_structural(self) -> bool {
        matches!(
            self,
            Self::MoveMove
                | Self::MovedIntoEachOther
                | Self::FileAgainstFolder
                | Self::SameName
                | Self::DeletedFolderInUse
        )
    }
}

/// A conflict, and how it is met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// What kind.
    pub kind: ConflictKind,
    /// The item.
    pub item: ItemId,
    /// Its path in the pair.
    pub path: RelPath,
    /// Whether a person must decide; else it is met by actions of this plan.
    pub waits: bool,
}

/// Why something is not carried.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The other side cannot hold the name.
    NameRefused,
    /// The other side takes two names for one.
    Collision,
    /// The other side cannot hold symbolic links.
    Symlink,
    /// It is neither file, folder nor link.
    Opaque,
    /// Larger than the other side takes.
    TooLarge,
}

/// Something that is left where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The side that has it.
    pub side: Side,
    /// Its path there.
    pub path: RelPath,
    /// Why.
    pub why: Refusal,
}

/// What is to be done, as far as it can be said now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The actions: first folders that are only noted, then folders that are made and moves, all in this very order; then
    /// what else is only noted, then transfers and metadata, deletes last.
    pub actions: Vec<Action>,
    /// What must be known first. While there is any, the actions are not final.
    pub evidence: Vec<Evidence>,
    /// The conflicts met.
    pub conflicts: Vec<Conflict>,
    /// What is not carried.
    pub left_out: Vec<LeftOut>,
}
