//! What a storage does with an action: checks what must still be there, changes the side, answers with the entry.
//! It holds to the action's own expectations as any storage does, and to nothing that the planner meant beside.

use tandem_core::capabilities::Ids;
use tandem_core::entry::{Entry, HashKind, Kind, Revision};
use tandem_core::path::RelPath;
use tandem_core::plan::record::{Done, add_hashes};
use tandem_core::plan::{Absence, Action, At, Deed, Retain};
use tandem_core::side::Side;
use tandem_core::storage::{Expected, Meta};

use super::people::floor;
use super::traits::LARGEST;
use super::tree::{Body, Place, Tree, hash_of, size_of};
use super::world::{Taken, World};

/// Why an action was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Miss {
    /// What is to be replaced, changed or deleted is another by now.
    TargetChanged,
    /// What is to be replaced or changed is gone.
    TargetGone,
    /// The name is not free any more.
    NameTaken,
    /// The folder it goes into is gone.
    FolderGone,
    /// What is to be read is another by now.
    SourceChanged,
    /// What is to be read is gone.
    SourceGone,
    /// What is to be moved is another by now.
    MovedChanged,
    /// What is to be moved is gone.
    MovedGone,
    /// A folder is to go into itself by now.
    IntoItself,
    /// What was deleted is back.
    NotAbsent,
    /// A folder that is to be deleted holds something by now.
    NotEmpty,
    /// The side cannot keep what must be kept.
    CannotKeep,
    /// Texts that cannot be merged.
    CannotMerge,
}

impl Miss {
    /// Every way in which an expectation can fail.
    pub const EXPECTATIONS: [Self; 10] = [
        Self::TargetChanged,
        Self::TargetGone,
        Self::NameTaken,
        Self::FolderGone,
        Self::SourceChanged,
        Self::SourceGone,
        Self::MovedChanged,
        Self::MovedGone,
        Self::NotAbsent,
        Self::NotEmpty,
    ];
}

type Answer<T> = Result<T, Miss>;

/// An action that was done.
#[derive(Debug, Default)]
pub(super) struct Carried {
    pub(super) done: Done,
    /// What it took away, and what came of that.
    pub(super) taken: Vec<(Body, Taken)>,
    /// The write that both sides have of the item then.
    pub(super) in_step: Option<usize>,
}

impl World {
    /// Carries out one action that changes a side.
    pub(super) fn carry(&mut self, action: &Action) -> Answer<Carried> {
        let side = action.side;
        match &action.deed {
            Deed::CreateFolder { path, .. } => self.create_folder(side, path),
            Deed::Transfer {
                from, path, retain, ..
            } => self.transfer(side, side.other(), from, path, (action.expected(), *retain)),
            Deed::Duplicate { from, path } => {
                let how = (action.expected(), Retain::Superseded);
                self.transfer(side, side, from, path, how)
            }
            Deed::Merge {
                source,
                destination,
            } => self.merge(source, destination),
            Deed::Move { from, to, .. } => self.relocate(side, from, to),
            Deed::SetMeta { at, meta, .. } => self.set_meta(side, at, meta),
            Deed::Delete { at, retain, absent } => {
                self.still_absent(side.other(), absent.as_ref())?;
                self.delete(side, at, *retain, &action.expected())
            }
            Deed::Adopt { .. } | Deed::Forget { .. } => Ok(Carried::default()),
        }
    }

    /// By id where an id is one item for ever.
    fn locate(&self, side: Side, at: &At) -> Option<Place> {
        let tree = &self.sides[side];
        match &at.entry.id {
            Some(id) if tree.traits.ids == Ids::Strong => tree.by_id(id),
            _ => tree.at(&at.path),
        }
    }

    /// What is to be read, moved or changed, if it is what was seen.
    fn as_seen(&self, side: Side, at: &At, changed: Miss, gone: Miss) -> Answer<Place> {
        let place = self.locate(side, at).ok_or(gone)?;
        let tree = &self.sides[side];
        let same =
            is_at(tree, place, &at.entry.revision) && tree.items[place].body.kind == at.entry.kind;
        same.then_some(place).ok_or(changed)
    }

    fn create_folder(&mut self, side: Side, path: &RelPath) -> Answer<Carried> {
        let place = self.make_folders(side, path).ok_or(Miss::NameTaken)?;
        // One in another spelling is another folder.
        if Some(&self.sides[side].items[place].name) != path.name().as_ref() {
            return Err(Miss::NameTaken);
        }
        Ok(Carried {
            done: Done {
                entry: Some(self.sides[side].entry(place)),
                read: None,
            },
            ..Carried::default()
        })
    }

    fn transfer(
        &mut self,
        side: Side,
        from_side: Side,
        from: &At,
        path: &RelPath,
        (expected, retain): (Expected, Retain),
    ) -> Answer<Carried> {
        let place = self.as_seen(from_side, from, Miss::SourceChanged, Miss::SourceGone)?;
        let read = self.sides[from_side].items[place].body;
        let (folder, name) = match (path.parent(), path.name()) {
            (Some(parent), Some(name)) => (
                self.folder_for(side, &parent).ok_or(Miss::FolderGone)?,
                name,
            ),
            _ => return Err(Miss::FolderGone),
        };
        let there = self.sides[side].find(folder, &name);
        let victim = match (&expected, there) {
            (Expected::Absent, None) => None,
            (Expected::Absent, Some(_)) => return Err(Miss::NameTaken),
            (Expected::Revision(_), None) => return Err(Miss::TargetGone),
            (Expected::Revision(revision), Some(victim)) => {
                if !is_at(&self.sides[side], victim, revision) || self.sides[side].is_folder(victim)
                {
                    return Err(Miss::TargetChanged);
                }
                Some(victim)
            }
            (Expected::Any, there) => there,
        };
        let is_kept = victim.is_some() && self.keep(side, retain)?;
        let body = self.arriving(side, &read, &from.entry);
        let mut taken = Vec::new();
        let place = match victim {
            None => self.sides[side].create(folder, name, body),
            Some(victim) => {
                let old = self.sides[side].items[victim].body;
                let place = self.replace(side, victim, body);
                taken.push((old, self.taken(side, &old, is_kept)));
                place
            }
        };
        let mut entry = self.sides[side].entry(place);
        let mut seen = from.entry.clone();
        if read.kind == Kind::File {
            let hash = [hash_of(read.content, HashKind::Blake3)];
            add_hashes(&mut seen.hashes, &hash);
            add_hashes(&mut entry.hashes, &hash);
        }
        Ok(Carried {
            done: Done {
                entry: Some(entry),
                read: Some(seen),
            },
            taken,
            in_step: (side != from_side && read.kind == Kind::File).then_some(read.write),
        })
    }

    /// The folder in which something is put; a store without folders of its own makes it.
    fn folder_for(&mut self, side: Side, path: &RelPath) -> Option<Place> {
        match self.sides[side].folder_at(path) {
            None if !self.sides[side].traits.empty_folders => self.make_folders(side, path),
            found => found,
        }
    }

    /// What a file is on the side to which it is carried.
    fn arriving(&mut self, side: Side, read: &Body, from: &Entry) -> Body {
        let now = self.now();
        let tree = &self.sides[side];
        let client = from.mtime.filter(|m| m.by_client && tree.traits.mtime);
        Body {
            mtime: floor(client.map_or(now, |m| m.at), tree),
            by_client: tree.traits.mtime,
            executable: from.executable.unwrap_or_default() && tree.traits.executable,
            ..*read
        }
    }

    fn replace(&mut self, side: Side, victim: Place, body: Body) -> Place {
        let tree = &mut self.sides[side];
        if tree.traits.replace_gives_id {
            return tree.exchange(victim, body);
        }
        tree.change(victim, body);
        victim
    }

    /// Whether a pre-image is set aside.
    fn keep(&self, side: Side, retain: Retain) -> Answer<bool> {
        let wanted = retain == Retain::Unseen || self.keeps_versions;
        match (wanted, self.sides[side].traits.versions) {
            (true, false) if retain == Retain::Unseen => Err(Miss::CannotKeep),
            (wanted, can) => Ok(wanted && can),
        }
    }

    /// Every other pair of texts can be merged, and a merge is written to both sides.
    fn merge(&mut self, source: &At, destination: &At) -> Answer<Carried> {
        let sides = [Side::Source, Side::Destination];
        let places = [
            self.as_seen(sides[0], source, Miss::TargetChanged, Miss::TargetGone)?,
            self.as_seen(sides[1], destination, Miss::TargetChanged, Miss::TargetGone)?,
        ];
        let old = [0, 1].map(|at| self.sides[sides[at]].items[places[at]].body);
        if (old[0].content ^ old[1].content).is_multiple_of(2) {
            return Err(Miss::CannotMerge);
        }
        for side in sides {
            self.keep(side, Retain::Unseen)?;
        }
        let content = merged(old[0].content, old[1].content);
        let limited = sides.iter().any(|&s| self.sides[s].traits.small_files);
        if limited && size_of(content) > LARGEST {
            return Err(Miss::CannotMerge);
        }
        let mut carried = Carried::default();
        let mut entries = Vec::new();
        for at in [0, 1] {
            let body = self.file(sides[at], content, old[0].thing);
            carried.in_step = Some(body.write);
            let place = self.replace(sides[at], places[at], body);
            let taken = self.taken(sides[at], &old[at], true);
            carried.taken.push((old[at], taken));
            let mut entry = self.sides[sides[at]].entry(place);
            add_hashes(&mut entry.hashes, &[hash_of(content, HashKind::Blake3)]);
            entries.push(entry);
        }
        carried.done.entry = entries.pop();
        carried.done.read = entries.pop();
        Ok(carried)
    }

    fn relocate(&mut self, side: Side, from: &At, to: &RelPath) -> Answer<Carried> {
        let place = self.as_seen(side, from, Miss::MovedChanged, Miss::MovedGone)?;
        let (Some(parent), Some(name)) = (to.parent(), to.name()) else {
            return Err(Miss::FolderGone);
        };
        let folder = self.folder_for(side, &parent).ok_or(Miss::FolderGone)?;
        let tree = &mut self.sides[side];
        if tree.is_within(folder, place) {
            return Err(Miss::IntoItself);
        }
        if tree.find(folder, &name).is_some_and(|there| there != place) {
            return Err(Miss::NameTaken);
        }
        let is_new_revision = tree.traits.move_gives_revision;
        tree.relink(place, folder, name, is_new_revision);
        if tree.is_folder(place) && !tree.traits.folder_move {
            tree.remake_folders(place);
        }
        Ok(Carried {
            done: Done {
                entry: Some(tree.entry(place)),
                read: None,
            },
            ..Carried::default()
        })
    }

    fn set_meta(&mut self, side: Side, at: &At, meta: &Meta) -> Answer<Carried> {
        let place = self.as_seen(side, at, Miss::TargetChanged, Miss::TargetGone)?;
        let tree = &mut self.sides[side];
        let mut body = tree.items[place].body;
        if let Some(mtime) = meta.mtime {
            body.mtime = floor(mtime.at, tree);
        }
        body.executable = meta.executable.unwrap_or(body.executable);
        tree.change(place, body);
        Ok(Carried {
            done: Done {
                entry: Some(tree.entry(place)),
                read: None,
            },
            ..Carried::default()
        })
    }

    fn still_absent(&self, side: Side, absence: Option<&Absence>) -> Answer<()> {
        let tree = &self.sides[side];
        let Some((absence, there)) = absence.and_then(|a| Some((a, tree.at(&a.path)?))) else {
            return Ok(());
        };
        if absence.path.name().as_ref() != Some(&tree.items[there].name) {
            return Ok(());
        }
        let kind = tree.items[there].body.kind;
        let is_known = absence.instead.as_ref().is_some_and(|known| {
            known.kind == kind && (kind == Kind::Folder || is_at(tree, there, &known.revision))
        });
        if is_known {
            Ok(())
        } else {
            Err(Miss::NotAbsent)
        }
    }

    /// Deleting what is gone is done. A folder must be empty.
    fn delete(
        &mut self,
        side: Side,
        at: &At,
        retain: Retain,
        expected: &Expected,
    ) -> Answer<Carried> {
        let Some(place) = self.locate(side, at) else {
            return Ok(Carried::default());
        };
        let tree = &self.sides[side];
        // What a person has moved meanwhile is not what was to be deleted.
        if tree.path(place) != at.path {
            return Err(Miss::TargetGone);
        }
        let is_as_expected = match expected {
            Expected::Revision(revision) => {
                is_at(tree, place, revision) && tree.items[place].body.kind == at.entry.kind
            }
            Expected::Absent => false,
            Expected::Any => true,
        };
        if !is_as_expected {
            return Err(Miss::TargetChanged);
        }
        if tree.children(place).next().is_some() {
            return Err(Miss::NotEmpty);
        }
        let old = tree.items[place].body;
        let is_kept = old.kind != Kind::Folder && self.keep(side, retain)?;
        self.sides[side].remove(place);
        Ok(Carried {
            taken: vec![(old, self.taken(side, &old, is_kept))],
            ..Carried::default()
        })
    }
}

/// The number of the content that comes of merging two: far from those that people write.
const fn merged(a: u32, b: u32) -> u32 {
    1_000_000 + a * 1_000 + b
}

pub(super) fn is_at(tree: &Tree, place: Place, revision: &Revision) -> bool {
    tree.revision(place) == *revision
}
