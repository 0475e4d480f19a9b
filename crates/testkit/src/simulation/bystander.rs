//! People who go on working while a pass is under way: what they do comes between the check and the change of an
//! operation, mostly to the very item that it is about.

use bytes::Bytes;
use tandem_core::path::RelPath;
use tandem_core::side::{PerSide, Side};

use super::teller::Teller;
use crate::seed::Rng;
use crate::sim::{Edit, SimStorage};

/// In so many of a hundred operations somebody comes between, as long as they have something to do.
const PERCENT: u32 = 12;

/// What people do while a pass is under way.
#[derive(Clone)]
pub(super) struct Bystander {
    rng: Rng,
    /// How much they still do on this side.
    edits: usize,
    side: Side,
    sides: PerSide<SimStorage>,
    teller: Teller,
}

/// Lets people work on both sides from now on, each side's at their own pace.
pub(super) fn begin(rng: &mut Rng, sides: &PerSide<SimStorage>, teller: &Teller) {
    for side in Side::BOTH {
        let mut bystander = Bystander {
            edits: 1 + rng.index(3),
            rng: rng.fork(),
            side,
            sides: sides.clone(),
            teller: teller.clone(),
        };
        sides[side].on_operation(Box::new(move |_, path| bystander.comes_between(path)));
    }
}

/// They are done.
pub(super) fn end(sides: &PerSide<SimStorage>) {
    sides.source.clear_hook();
    sides.destination.clear_hook();
}

impl Bystander {
    fn comes_between(&mut self, path: &RelPath) {
        if self.edits == 0 || !self.rng.chance(PERCENT) {
            return;
        }
        self.edits -= 1;
        if self.rng.chance(15) {
            return self.writes_late(path);
        }
        let side = if self.rng.chance(75) {
            self.side
        } else {
            self.side.other()
        };
        let storage = &self.sides[side];
        let edit = if path.is_root() || self.rng.chance(25) {
            storage.random_edit(&mut self.rng)
        } else {
            in_the_way(&mut self.rng, path, storage)
        };
        let is_done = storage.edit(&edit);
        self.teller.edit(side, &edit, is_done);
    }
}

impl Bystander {
    /// An editor still has the file open that was just set aside, or is about to be. What a server keeps by itself is
    /// nowhere open.
    fn writes_late(&mut self, path: &RelPath) {
        let content = Bytes::from(format!("late {:x}", self.rng.next()));
        let storage = &self.sides[self.side];
        let may = storage.capabilities().versions && !storage.habits().native_versions;
        let is_done = may && storage.write_into_version(path, &content);
        self.teller.say(|| {
            format!(
                "{}: an editor writes late into {path}: {is_done}",
                self.side
            )
        });
    }
}

fn in_the_way(rng: &mut Rng, path: &RelPath, storage: &SimStorage) -> Edit {
    let content = Bytes::from(format!("meanwhile {:x}", rng.next()));
    let path = path.clone();
    match rng.below(10) {
        0..4 => Edit::Write { path, content },
        4..6 => Edit::SaveByRename { path, content },
        6..8 => Edit::Delete { path },
        8 => match path.parent().filter(|folder| !folder.is_root()) {
            Some(folder) => Edit::DeleteTree { path: folder },
            None => Edit::Delete { path },
        },
        _ => match storage.random_edit(rng) {
            Edit::Write { path: to, .. } | Edit::Move { to, .. } => Edit::Move { from: path, to },
            other => other,
        },
    }
}
