//! Edits drawn from a seed. Invariant: few names and small trees, so that two sides meet on the same
//! paths often; contents are unique but where the same content on purpose is the case of interest.

use bytes::Bytes;
use tandem_core::entry::Kind;
use tandem_core::environment::Environment;
use tandem_core::path::{Name, RelPath};
use tandem_core::time::Timestamp;

use super::edit::Edit;
use super::storage::SimStorage;
use crate::seed::Rng;

/// Names of files: twins by case, by Unicode form, and such as some storages refuse or change.
const FILES: &[&str] = &[
    "a",
    "b",
    "c",
    "A",
    "notes.txt",
    "Notes.txt",
    "page.html",
    "plan.md",
    "caf\u{e9}.txt",
    "cafe\u{301}.txt",
    "x:y",
    "con",
    "end ",
    "dot.",
    "data.bin",
];

/// Names of folders; some are names of files too.
const FOLDERS: &[&str] = &["d", "e", "D", "sub", "a", "notes.txt"];

/// Trees are kept about this large.
pub(super) const ITEMS: usize = 20;

/// Trees that were planted are.
const PLANTED: usize = 40;

/// The deepest folder that edits make.
const DEPTH: usize = 3;

impl SimStorage {
    /// An edit that can be done now, drawn from `rng`; not done yet. Where no draw fits, a new file in
    /// the root.
    #[must_use]
    pub fn random_edit(&self, rng: &mut Rng) -> Edit {
        let scene = Scene::of(self);
        scene.draw(rng, self)
    }

    /// Makes a tree of about 24 items with folders in folders, as far as the storage can hold what is drawn.
    pub fn plant(&self, rng: &mut Rng) {
        self.let_grow();
        let mut folders = vec![RelPath::root()];
        for _ in 0..6 + rng.index(3) {
            // The newest is the likeliest to get another in it.
            let above = match folders.last() {
                Some(newest) if newest.depth() < DEPTH && rng.chance(60) => newest.clone(),
                _ => RelPath::root(),
            };
            let path = above.join(&name(pick(rng, FOLDERS)));
            if self.edit(&Edit::CreateFolder { path: path.clone() }) {
                folders.push(path);
            }
        }
        for _ in 0..22 + rng.index(6) {
            let path = rng.pick(&folders).join(&name(pick(rng, FILES)));
            let content = fresh(rng);
            self.edit(&Edit::Write { path, content });
        }
    }

    /// Keeps the tree as large as a planted one is.
    pub fn let_grow(&self) {
        self.state().crowded_from = PLANTED;
    }

    /// Draws and does edits until `count` of them applied, and returns these.
    pub fn random_edits(&self, rng: &mut Rng, count: usize) -> Vec<Edit> {
        let mut done = Vec::new();
        // Some edits are refused: a name that the storage cannot hold.
        for _ in 0..count * 4 {
            if done.len() == count {
                break;
            }
            let edit = self.random_edit(rng);
            if self.edit(&edit) {
                done.push(edit);
            }
        }
        done
    }
}

/// What is there to be edited.
struct Scene {
    files: Vec<RelPath>,
    folders: Vec<RelPath>,
    all: Vec<RelPath>,
}

impl Scene {
    fn of(storage: &SimStorage) -> Self {
        let mut scene = Self {
            files: Vec::new(),
            folders: vec![RelPath::root()],
            all: Vec::new(),
        };
        for (path, kind) in storage.kinds() {
            match kind {
                Kind::File => scene.files.push(path.clone()),
                Kind::Folder => scene.folders.push(path.clone()),
                Kind::Symlink | Kind::Opaque => {}
            }
            scene.all.push(path);
        }
        scene
    }

    fn draw(&self, rng: &mut Rng, storage: &SimStorage) -> Edit {
        let crowded = self.all.len() > storage.state().crowded_from;
        let roll = if crowded && rng.chance(40) {
            rng.below(12)
        } else {
            rng.below(100)
        };
        self.try_draw(roll, rng, storage)
            .unwrap_or_else(|| Edit::Write {
                path: RelPath::root().join(&name(pick(rng, FILES))),
                content: fresh(rng),
            })
    }

    fn try_draw(&self, roll: u64, rng: &mut Rng, storage: &SimStorage) -> Option<Edit> {
        let capabilities = storage.capabilities();
        Some(match roll {
            0..8 => Edit::Delete {
                path: one(rng, &self.files)?,
            },
            8..12 => Edit::DeleteTree {
                path: self.folder(rng)?,
            },
            12..36 => Edit::Write {
                path: self.place(rng, FILES),
                content: fresh(rng),
            },
            36..50 => self.rewrite(rng, storage, false)?,
            50..56 => self.rewrite(rng, storage, true)?,
            56..59 => Edit::Append {
                path: one(rng, &self.files)?,
                content: Bytes::from(format!("more {:x}\n", rng.next())),
            },
            59..70 => Edit::CreateFolder {
                path: self.place(rng, FOLDERS),
            },
            70..78 => Edit::Move {
                from: one(rng, &self.files)?,
                to: self.place(rng, FILES),
            },
            78..85 => self.move_folder(rng)?,
            85..88 => Edit::Copy {
                from: one(rng, &self.files)?,
                to: self.place(rng, FILES),
            },
            88..91 => Edit::Swap {
                a: one(rng, &self.all)?,
                b: one(rng, &self.all)?,
            },
            91..94 => Edit::Touch {
                path: one(rng, &self.files)?,
                mtime: some_time(rng, storage),
            },
            94..96 if capabilities.executable => Edit::SetExecutable {
                path: one(rng, &self.files)?,
                executable: rng.chance(60),
            },
            96..98 if capabilities.symlinks => Edit::Symlink {
                path: self.place(rng, FILES),
                target: one(rng, &self.all)?.as_str().into(),
            },
            98 if capabilities.twins => Edit::Twin {
                path: one(rng, &self.files)?,
                content: fresh(rng),
            },
            99 if rng.chance(30) => Edit::Opaque {
                path: self.place(rng, FILES),
            },
            // The same content under a name that the other side is likely to use as well.
            _ => Edit::Write {
                path: self.place(rng, &FILES[..4]),
                content: Bytes::from_static(b"the same on both sides\n"),
            },
        })
    }

    /// Changes a line of a file, or adds one, so that two such edits can be merged.
    fn rewrite(&self, rng: &mut Rng, storage: &SimStorage, by_rename: bool) -> Option<Edit> {
        let path = one(rng, &self.files)?;
        let old = storage.content(&path)?;
        let text = String::from_utf8_lossy(&old).into_owned();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let line = format!("edited {:x}", rng.next());
        if lines.is_empty() || rng.chance(40) {
            lines.push(line);
        } else {
            let at = rng.index(lines.len());
            lines[at] = line;
        }
        let content = Bytes::from(lines.join("\n") + "\n");
        Some(if by_rename {
            Edit::SaveByRename { path, content }
        } else {
            Edit::Write { path, content }
        })
    }

    /// Half of the time into another folder, so that two sides move folders into each other.
    fn move_folder(&self, rng: &mut Rng) -> Option<Edit> {
        let from = self.folder(rng)?;
        let to = if rng.chance(50) {
            rng.pick(&self.folders).join(&from.name()?)
        } else {
            self.place(rng, FOLDERS)
        };
        Some(Edit::Move { from, to })
    }

    fn folder(&self, rng: &mut Rng) -> Option<RelPath> {
        one(rng, &self.folders[1..])
    }

    /// A name in some folder that is not too deep.
    fn place(&self, rng: &mut Rng, names: &[&str]) -> RelPath {
        let folder = rng.pick(&self.folders);
        let folder = if folder.depth() < DEPTH {
            folder.clone()
        } else {
            RelPath::root()
        };
        folder.join(&name(pick(rng, names)))
    }
}

fn one(rng: &mut Rng, paths: &[RelPath]) -> Option<RelPath> {
    (!paths.is_empty()).then(|| rng.pick(paths).clone())
}

fn pick<'a>(rng: &mut Rng, names: &[&'a str]) -> &'a str {
    names[rng.index(names.len())]
}

fn name(text: &str) -> Name {
    Name::new(text).expect("the names of the table are valid")
}

/// New content; a third of it large enough for moves to be told by content (1 KiB), a little of it too
/// large for a storage with a limit, a little of it empty.
fn fresh(rng: &mut Rng) -> Bytes {
    let lines = match rng.below(100) {
        0..4 => return Bytes::new(),
        4 => 700,
        5..38 => 48 + rng.index(8),
        _ => 1 + rng.index(4),
    };
    let text: String = (0..lines)
        .map(|number| format!("line {number} {:016x}\n", rng.next()))
        .collect();
    Bytes::from(text)
}

fn some_time(rng: &mut Rng, storage: &SimStorage) -> Timestamp {
    let now = storage.environment().now();
    let back = rng.below(100 * 86_400) as i64 * 1_000_000_000;
    now.plus(-back - rng.below(1_000_000_000) as i64)
}
