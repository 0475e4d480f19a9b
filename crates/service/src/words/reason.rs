//! Why an action is done, in a sentence.

use tandem_core::plan::Reason;
use tandem_engine::report::ActionKind;

/// "It is new on the source."
#[must_use]
pub fn reason(reason: &Reason) -> String {
    match reason {
        Reason::CreatedOn(side) => format!("It is new on the {side}."),
        Reason::EditedOn(side) => format!("It was edited on the {side}."),
        Reason::MetaChangedOn(side) => {
            format!("Only its time or executable bit changed on the {side}.")
        }
        Reason::MovedOn(side) => format!("It was moved or renamed on the {side}."),
        Reason::DeletedOn(side) => format!("It was deleted on the {side}."),
        Reason::EditBeatsDelete(side) => format!(
            "It was deleted on the {side}, but changed on the {}: it comes back.",
            side.other()
        ),
        Reason::FolderStillNeeded(side) => format!(
            "The folder was deleted on the {side}, but still holds something that must be kept."
        ),
        Reason::EqualOnBoth => "Both sides have it and are equal.".to_owned(),
        Reason::DeletedOnBoth => "Both sides deleted it.".to_owned(),
        Reason::ConflictKeptBoth(side) => {
            format!("Both sides changed it: both are kept, the {side}'s under the name.")
        }
        Reason::ConflictWonBy(side) => {
            format!("Both sides changed it: the {side}'s is used, the other is kept as a version.")
        }
        Reason::ConflictMerged => {
            "Both sides changed it, and the texts could be merged.".to_owned()
        }
        Reason::MoveMove(side) => {
            format!("Both sides moved it to different places: the {side}'s place is used.")
        }
        Reason::MovedIntoEachOther(side) => {
            format!("Two folders were moved into each other: the {side}'s move is taken back.")
        }
        Reason::NameTaken(side) => {
            format!("Another item has taken the name: the {side}'s is given another.")
        }
        Reason::FileAgainstFolder(side) => {
            format!("A file and a folder have the same name: the {side}'s is given another.")
        }
        Reason::MirrorOf(side) => format!("The pair makes the other side equal to the {side}."),
        Reason::SentAgain(side) => {
            format!("The other side lost it: the {side}'s is sent again.")
        }
        Reason::SwapStep => "A name is freed for the time of a swap.".to_owned(),
        Reason::FilteredOut => "A filter leaves it out from now on.".to_owned(),
        Reason::Chosen => "You decided so.".to_owned(),
        Reason::Undo => "It is undone.".to_owned(),
    }
}

/// The verb shown for an action: "new", "update".
#[must_use]
pub const fn kind_of_action(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::CreateFolder => "folder",
        ActionKind::Create => "new",
        ActionKind::Replace => "update",
        ActionKind::Move => "move",
        ActionKind::SetMeta => "attributes",
        ActionKind::Delete => "delete",
        ActionKind::Adopt => "equal",
        ActionKind::Forget => "gone",
        ActionKind::Restore => "restore",
    }
}
