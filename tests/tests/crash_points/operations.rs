//! What people do between two passes: one operation, or a sequence of them.
//!
//! The first and the third are done at the source, the second at the destination; each works with the first item of its
//! kind that is there. So an edit meets a delete, a new file a folder that is moved, and one folder two moves.

use tandem_core::side::Side;

use crate::people::People;
use crate::workload::Workload;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Edit,
    Move,
    Delete,
    CreateFolder,
    MoveFolder,
    DeleteFolder,
    /// Both sides edit one file.
    Conflict,
}

impl Operation {
    const ALL: [Self; 8] = [
        Self::Create,
        Self::Edit,
        Self::Move,
        Self::Delete,
        Self::CreateFolder,
        Self::MoveFolder,
        Self::DeleteFolder,
        Self::Conflict,
    ];

    /// Does it, as the operation `nth` of a sequence.
    pub(crate) fn apply(self, nth: usize, people: &mut People) {
        let side = if nth == 1 {
            Side::Destination
        } else {
            Side::Source
        };
        let file = first_file(people, side);
        let folder = people.folders(side).into_iter().next();
        match (self, file, folder) {
            (Self::Create, _, Some(folder)) if nth == 1 => {
                people.write(side, &format!("{folder}/new {nth}"));
            }
            (Self::Create, ..) => people.write(side, &format!("0 new {nth}")),
            (Self::Edit, Some(file), _) => people.write(side, &file),
            (Self::Move, Some(file), _) => people.rename(side, &file, &format!("moved {nth}")),
            (Self::Delete, Some(file), _) => people.delete(side, &file),
            (Self::CreateFolder, ..) => people.make_folder(side, &format!("folder {nth}")),
            (Self::MoveFolder, _, Some(folder)) => {
                people.rename(side, &folder, &format!("moved folder {nth}"));
            }
            (Self::DeleteFolder, _, Some(folder)) => people.delete_folder(side, &folder),
            (Self::Conflict, ..) => conflict(people),
            (operation, ..) => unreachable!("nothing is left for {operation:?}"),
        }
    }
}

/// What is never touched, so that no side is ever emptied.
pub(crate) const STILL: &str = "still";

fn first_file(people: &People, side: Side) -> Option<String> {
    people.files(side).into_keys().find(|path| path != STILL)
}

fn conflict(people: &mut People) {
    let there = people.files(Side::Destination);
    let both = people.files(Side::Source).into_keys();
    let both = both.filter(|path| path != STILL && there.contains_key(path));
    let path = both.into_iter().next().unwrap_or_else(|| "both".to_owned());
    for side in Side::BOTH {
        people.write(side, &path);
    }
}

/// All sequences of so many operations.
pub(crate) fn sequences(length: usize) -> Vec<Workload> {
    let mut all: Vec<Vec<Operation>> = vec![Vec::new()];
    for _ in 0..length {
        let longer = |shorter: Vec<Operation>| {
            Operation::ALL.map(|operation| [&shorter[..], &[operation]].concat())
        };
        all = all.into_iter().flat_map(longer).collect();
    }
    all.iter()
        .map(|operations| Workload::of(operations))
        .collect()
}
