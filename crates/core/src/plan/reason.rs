//! Why an action is in a plan. Every action has exactly one reason; the words for it are made in the
//! service's catalogue.

use serde::{Deserialize, Serialize};

use crate::side::Side;

/// Why an action is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "why", content = "on")]
pub enum Reason {
    /// It is new on this side.
    CreatedOn(Side),
    /// Its content changed on this side.
    EditedOn(Side),
    /// Only its time or executable bit changed on this side.
    MetaChangedOn(Side),
    /// It was moved or renamed on this side.
    MovedOn(Side),
    /// It was deleted on this side.
    DeletedOn(Side),
    /// It was deleted on this side but edited or moved on the other: it comes back.
    EditBeatsDelete(Side),
    /// A folder deleted on this side still holds something that must be kept.
    FolderStillNeeded(Side),
    /// Both sides have it and are equal: nothing is carried, the pair is noted.
    EqualOnBoth,
    /// Both sides deleted it.
    DeletedOnBoth,
    /// Both sides changed it; this side's version is the one that keeps the name.
    ConflictKeptBoth(Side),
    /// Both sides changed it; the policy lets this side win, the other's version is kept aside.
    ConflictWonBy(Side),
    /// Both sides changed it and the texts could be merged.
    ConflictMerged,
    /// Both sides moved it to different places; this side's place holds.
    MoveMove(Side),
    /// Two folders were moved into each other and both go back; this one was moved on this side.
    MovedIntoEachOther(Side),
    /// Another item has taken the name; this side's item is given another.
    NameTaken(Side),
    /// A file on one side and a folder on the other have the same name; this side's item is given another.
    FileAgainstFolder(Side),
    /// The mode makes the follower equal to this leading side.
    MirrorOf(Side),
    /// The mode sends this leading side's item again after the follower lost it.
    SentAgain(Side),
    /// A name is freed for the time of a swap.
    SwapStep,
    /// A filter leaves it out from now on.
    FilteredOut,
    /// A person decided so.
    Chosen,
    /// An action or run is undone.
    Undo,
}

impl Reason {
    /// The name used in JSON and in the journal.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreatedOn(_) => "created_on",
            Self::EditedOn(_) => "edited_on",
            Self::MetaChangedOn(_) => "meta_changed_on",
            Self::MovedOn(_) => "moved_on",
            Self::DeletedOn(_) => "deleted_on",
            Self::EditBeatsDelete(_) => "edit_beats_delete",
            Self::FolderStillNeeded(_) => "folder_still_needed",
            Self::EqualOnBoth => "equal_on_both",
            Self::DeletedOnBoth => "deleted_on_both",
            Self::ConflictKeptBoth(_) => "conflict_kept_both",
            Self::ConflictWonBy(_) => "conflict_won_by",
            Self::ConflictMerged => "conflict_merged",
            Self::MoveMove(_) => "move_move",
            Self::MovedIntoEachOther(_) => "moved_into_each_other",
            Self::NameTaken(_) => "name_taken",
            Self::FileAgainstFolder(_) => "file_against_folder",
            Self::MirrorOf(_) => "mirror_of",
            Self::SentAgain(_) => "sent_again",
            Self::SwapStep => "swap_step",
            Self::FilteredOut => "filtered_out",
            Self::Chosen => "chosen",
            Self::Undo => "undo",
        }
    }
}
