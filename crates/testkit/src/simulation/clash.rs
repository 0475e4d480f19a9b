//! What two people do to one thing without knowing of each other: each kind of conflict there is, for chance alone brings
//! some of them about too seldom.

use bytes::Bytes;
use tandem_core::entry::Kind;
use tandem_core::path::{Name, RelPath};
use tandem_core::side::{PerSide, Side};

use crate::seed::Rng;
use crate::sim::{Edit, SimStorage};

/// What both sides have at the same paths.
struct Common {
    files: Vec<RelPath>,
    folders: Vec<RelPath>,
}

impl Common {
    fn of(sides: &PerSide<SimStorage>) -> Self {
        let there = sides.destination.snapshot();
        let is_on_both = |path: &RelPath, kind: Kind| {
            let found = there.get(path).and_then(|items| items.first());
            found.is_some_and(|item| item.kind == kind)
        };
        let mut common = Self {
            files: Vec::new(),
            folders: Vec::new(),
        };
        for (path, items) in sides.source.snapshot() {
            match items.first().map(|item| item.kind) {
                Some(Kind::File) if is_on_both(&path, Kind::File) => common.files.push(path),
                Some(Kind::Folder) if is_on_both(&path, Kind::Folder) => common.folders.push(path),
                _ => {}
            }
        }
        common
    }
}

/// Draws what is done on one side and on the other; nothing where both have nothing that it could be done to.
pub(super) fn draw(rng: &mut Rng, sides: &PerSide<SimStorage>) -> Option<[(Side, Edit); 2]> {
    let common = Common::of(sides);
    let edits = Clash { rng, common }.draw()?;
    let first = *rng.pick(&Side::BOTH);
    let [one, other] = edits;
    Some([(first, one), (first.other(), other)])
}

struct Clash<'a> {
    rng: &'a mut Rng,
    common: Common,
}

impl Clash<'_> {
    fn draw(&mut self) -> Option<[Edit; 2]> {
        Some(match self.rng.below(14) {
            0 => {
                let file = self.file()?;
                [self.write(file.clone()), self.write(file)]
            }
            1 => {
                let path = self.new_path();
                [self.write(path.clone()), self.write(path)]
            }
            2 => {
                let file = self.file()?;
                [self.write(file.clone()), Edit::Delete { path: file }]
            }
            3 => {
                let file = self.movable()?;
                [self.move_away(file.clone()), Edit::Delete { path: file }]
            }
            4 | 9 => {
                let file = self.movable()?;
                [self.move_away(file.clone()), self.move_away(file)]
            }
            5 | 10.. => {
                let (one, other) = (self.folder()?, self.folder()?);
                if one.is_within(&other) || other.is_within(&one) {
                    return None;
                }
                [into(&one, &other)?, into(&other, &one)?]
            }
            6 => {
                let path = self.new_path();
                [self.write(path.clone()), Edit::CreateFolder { path }]
            }
            7 => {
                let (one, other, to) = (self.movable()?, self.movable()?, self.new_path());
                let to_it = |from| Edit::Move {
                    from,
                    to: to.clone(),
                };
                [to_it(one), to_it(other)]
            }
            _ => {
                let folder = self.folder()?;
                let name = self.new_name();
                [
                    self.write(folder.join(&name)),
                    Edit::DeleteTree { path: folder },
                ]
            }
        })
    }

    fn file(&mut self) -> Option<RelPath> {
        (!self.common.files.is_empty()).then(|| self.rng.pick(&self.common.files).clone())
    }

    fn folder(&mut self) -> Option<RelPath> {
        (!self.common.folders.is_empty()).then(|| self.rng.pick(&self.common.folders).clone())
    }

    /// A folder, which most storages let one follow, or a file.
    fn movable(&mut self) -> Option<RelPath> {
        if self.rng.chance(60) {
            self.folder().or_else(|| self.file())
        } else {
            self.file()
        }
    }

    /// A name that nobody else uses, and that every storage takes.
    fn new_name(&mut self) -> Name {
        let text = format!("new{:x}", self.rng.below(1 << 32));
        Name::new(text).expect("letters and digits are a name")
    }

    fn new_path(&mut self) -> RelPath {
        let folder = if self.rng.chance(50) {
            self.folder()
        } else {
            None
        };
        let name = self.new_name();
        folder.unwrap_or_else(RelPath::root).join(&name)
    }

    fn write(&mut self, path: RelPath) -> Edit {
        let content = Bytes::from(format!("clash {:x}", self.rng.next()));
        Edit::Write { path, content }
    }

    fn move_away(&mut self, from: RelPath) -> Edit {
        let to = self.new_path();
        Edit::Move { from, to }
    }
}

fn into(folder: &RelPath, other: &RelPath) -> Option<Edit> {
    Some(Edit::Move {
        from: folder.clone(),
        to: other.join(&folder.name()?),
    })
}
