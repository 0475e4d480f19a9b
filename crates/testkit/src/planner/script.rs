//! Where what happens comes from: drawn while a case runs, and noted, or as it was noted before.

use tandem_core::path::{Name, RelPath};
use tandem_core::plan::{Action, Deed, before_swap};
use tandem_core::side::Side;

use super::case::{Event, Step};
use super::people::Edit;
use super::tree::{Place, ROOT, Tree};
use super::world::World;
use crate::seed::Rng;

/// Names of files: twins by case and by Unicode form, and such as some sides refuse or map.
const FILES: &[&str] = &[
    "a",
    "b",
    "c",
    "A",
    "n.txt",
    "N.txt",
    "d",
    "caf\u{e9}",
    "cafe\u{301}",
    "x:y",
    "con",
];

/// Names of folders; some are names of files too.
const FOLDERS: &[&str] = &["d", "e", "f", "D", "a", "g"];

/// The deepest folder that edits make.
const DEPTH: usize = 3;

/// In how many of a hundred seeds the tree is a small one.
const SMALL: u32 = 60;

/// Contents up to this number are written in several places.
const SHARED: u64 = 4;

/// The source of what happens.
pub(super) enum Script<'a> {
    /// As it was noted.
    Noted {
        /// All steps, by tick.
        steps: &'a [Step],
        /// How many of them are over.
        done: usize,
    },
    /// Drawn.
    Drawn(Box<Draw>),
}

/// Draws what happens.
pub(super) struct Draw {
    rng: Rng,
    /// Edits before the first look.
    first: usize,
    /// Edits that may still come between two actions.
    between: usize,
    /// How often people begin again once all is still.
    waves: usize,
    contents: u32,
    /// The tick of the last look.
    looked: Option<u32>,
    steps: Vec<Step>,
}

impl Draw {
    pub(super) fn new(mut rng: Rng, contents: u32) -> Self {
        Self {
            first: 1 + rng.index(9),
            between: rng.index(5),
            waves: usize::from(rng.chance(15)),
            rng,
            contents,
            looked: None,
            steps: Vec::new(),
        }
    }
}

impl Script<'_> {
    /// What happens next at this tick, `action` being about to be done.
    pub(super) fn at(&mut self, tick: u32, world: &World, action: Option<&Action>) -> Option<Step> {
        match self {
            Self::Noted { steps, done } => {
                let step = steps.get(*done).filter(|step| step.tick <= tick)?;
                *done += 1;
                Some(step.clone())
            }
            Self::Drawn(draw) => {
                let (side, event) = draw.at(tick, world, action)?;
                let step = Step { tick, side, event };
                draw.steps.push(step.clone());
                Some(step)
            }
        }
    }

    /// The tick at which something happens, now that all is still at `tick`.
    pub(super) fn next_after(&mut self, tick: u32) -> Option<u32> {
        match self {
            Self::Noted { steps, done } => steps.get(*done).map(|step| step.tick.max(tick)),
            Self::Drawn(draw) => {
                let again = draw.waves > 0;
                draw.waves = draw.waves.saturating_sub(1);
                draw.first = if again { 1 + draw.rng.index(5) } else { 0 };
                again.then_some(tick)
            }
        }
    }

    pub(super) fn into_steps(self) -> Vec<Step> {
        match self {
            Self::Noted { steps, .. } => steps.to_vec(),
            Self::Drawn(draw) => draw.steps,
        }
    }
}

impl Draw {
    fn at(&mut self, tick: u32, world: &World, action: Option<&Action>) -> Option<(Side, Event)> {
        let Some(action) = action else {
            return self.before_look(tick, world);
        };
        if self.between == 0 || !self.rng.chance(12) {
            return None;
        }
        self.between -= 1;
        let (side, edit) = if self.rng.chance(75) {
            self.in_the_way(action, world)
        } else {
            self.anywhere(world)
        };
        Some((side, Event::Edit(edit)))
    }

    fn before_look(&mut self, tick: u32, world: &World) -> Option<(Side, Event)> {
        if self.first > 0 {
            self.first -= 1;
            let (side, edit) = self.anywhere(world);
            return Some((side, Event::Edit(edit)));
        }
        // Once a look, whatever comes of it.
        if self.looked == Some(tick) {
            return None;
        }
        self.looked = Some(tick);
        if self.rng.chance(3) {
            let side = self.side();
            let folder = self.folder(&world.sides[side])?;
            let path = world.sides[side].path(folder);
            return Some((side, Event::Unreadable(path)));
        }
        if self.rng.chance_per_mille(12) {
            let name = (*self.rng.pick(&FILES[..5])).to_owned();
            return Some((Side::Source, Event::Filter(name)));
        }
        None
    }

    fn side(&mut self) -> Side {
        *self.rng.pick(&Side::BOTH)
    }

    pub(super) fn content(&mut self) -> u32 {
        if self.rng.chance(8) {
            return 1 + self.rng.below(SHARED) as u32;
        }
        self.contents += 1;
        self.contents
    }

    fn one(&mut self, tree: &Tree, is: impl Fn(&Tree, Place) -> bool) -> Option<Place> {
        let there: Vec<Place> = tree.all().filter(|&place| is(tree, place)).collect();
        (!there.is_empty()).then(|| *self.rng.pick(&there))
    }

    fn folder(&mut self, tree: &Tree) -> Option<Place> {
        self.one(tree, Tree::is_folder)
    }

    fn file(&mut self, tree: &Tree) -> Option<Place> {
        self.one(tree, |tree, place| !tree.is_folder(place))
    }

    /// A name in some folder that is not too deep.
    fn spot(&mut self, tree: &Tree, names: &[&str]) -> RelPath {
        let folder = if self.rng.chance(25) {
            ROOT
        } else {
            self.one(tree, |tree, place| {
                tree.is_folder(place) && tree.depth(place) < DEPTH
            })
            .unwrap_or(ROOT)
        };
        let name = *self.rng.pick(names);
        tree.path(folder).join(&named(name))
    }

    fn anywhere(&mut self, world: &World) -> (Side, Edit) {
        let side = self.side();
        let tree = &world.sides[side];
        let edit = self.draw(tree).unwrap_or_else(|| {
            let content = self.content();
            Edit::Write(self.spot(tree, FILES), content, 0)
        });
        (side, edit)
    }

    fn draw(&mut self, tree: &Tree) -> Option<Edit> {
        let path = |place: Place| tree.path(place);
        Some(match self.rng.below(100) {
            0..10 => Edit::Delete(path(self.file(tree)?)),
            10..17 => Edit::Delete(path(self.folder(tree)?)),
            17..32 => {
                let age = self.age(20);
                let content = self.content();
                Edit::Write(self.spot(tree, FILES), content, age)
            }
            32..44 => {
                let content = self.content();
                let age = self.age(10);
                Edit::Write(path(self.file(tree)?), content, age)
            }
            44..49 => {
                let content = self.content();
                Edit::Save(path(self.file(tree)?), content)
            }
            49..57 => Edit::Folder(self.spot(tree, FOLDERS)),
            57..67 => Edit::Move(path(self.file(tree)?), self.spot(tree, FILES)),
            67..78 => self.move_folder(tree)?,
            78..82 => self.respell(tree)?,
            82..84 => Edit::Copy(path(self.file(tree)?), self.spot(tree, FILES)),
            84..90 => {
                let (a, b) = (self.one(tree, |_, _| true)?, self.one(tree, |_, _| true)?);
                Edit::Swap(path(a), path(b))
            }
            90..93 => {
                let age = 1 + self.rng.below(4) as u8;
                Edit::Touch(path(self.file(tree)?), age)
            }
            93..95 => Edit::Flip(path(self.file(tree)?)),
            95..97 => {
                let target = 1 + self.rng.below(3) as u32;
                Edit::Link(self.spot(tree, FILES), target)
            }
            97 => Edit::Opaque(self.spot(tree, FILES)),
            _ => {
                let content = 1 + self.rng.below(SHARED) as u32;
                let age = self.age(50);
                Edit::Write(self.spot(tree, &FILES[..3]), content, age)
            }
        })
    }

    fn age(&mut self, percent: u32) -> u8 {
        if self.rng.chance(percent) {
            1 + self.rng.below(3) as u8
        } else {
            0
        }
    }

    /// Half of the time into another folder, so that two sides move folders into each other.
    fn move_folder(&mut self, tree: &Tree) -> Option<Edit> {
        let from = self.folder(tree)?;
        let into = self.folder(tree)?;
        let to = if self.rng.chance(60) {
            tree.path(into).join(&tree.items[from].name)
        } else {
            self.spot(tree, FOLDERS)
        };
        Some(Edit::Move(tree.path(from), to))
    }

    /// Only the case of a name changes.
    fn respell(&mut self, tree: &Tree) -> Option<Edit> {
        let place = self.one(tree, |_, _| true)?;
        let from = tree.path(place);
        let name = tree.items[place].name.as_str();
        let other = if name.bytes().any(|b| b.is_ascii_lowercase()) {
            name.to_ascii_uppercase()
        } else {
            name.to_ascii_lowercase()
        };
        let to = from.parent()?.join(&Name::new(other).ok()?);
        Some(Edit::Move(from, to))
    }

    /// An edit of what the action is about to touch.
    fn in_the_way(&mut self, action: &Action, world: &World) -> (Side, Edit) {
        let content = self.content();
        let side = action.side;
        let (side, path) = match &action.deed {
            Deed::Transfer { from, .. } if self.rng.chance(35) => (side.other(), from.path.clone()),
            Deed::Merge { source, .. } if self.rng.chance(50) => {
                (Side::Source, source.path.clone())
            }
            Deed::Move { to, .. } if self.rng.chance(50) => (side, to.clone()),
            Deed::Delete {
                at,
                absent: Some(absent),
                ..
            } if self.rng.chance(60) => {
                if self.rng.chance(40) {
                    let child = at.path.join(&named("late"));
                    return (side, Edit::Write(child, content, 0));
                }
                (side.other(), absent.path.clone())
            }
            _ => (side, action.path().cloned().unwrap_or_else(RelPath::root)),
        };
        let tree = &world.sides[side];
        // Nobody gives a file the name that something bears only while others pass it.
        let is_passing = path.name().is_some_and(|name| before_swap(&name).is_some());
        if is_passing {
            return (side, Edit::Move(path, self.spot(tree, FILES)));
        }
        let folder = path.parent().unwrap_or_else(RelPath::root);
        let edit = match self.rng.below(10) {
            0..2 => Edit::Delete(path),
            2 => Edit::Move(path, self.spot(tree, FILES)),
            3 if !folder.is_root() => Edit::Delete(folder),
            4 if !folder.is_root() => Edit::Move(folder, self.spot(tree, FOLDERS)),
            5 => match self.folder(tree) {
                Some(place) => Edit::Move(tree.path(place), path),
                None => Edit::Folder(path),
            },
            6 => Edit::Save(path, content),
            _ => Edit::Write(path, content, 0),
        };
        (side, edit)
    }
}

fn named(name: &str) -> Name {
    Name::new(name).expect("the names of the table are valid")
}

/// The edits that make a tree of about 20 items.
pub(super) fn base_tree(rng: &mut Rng, contents: &mut u32) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut folders = vec![RelPath::root()];
    // What meets, meets in a small tree too, and sooner; what large trees alone can have is in the others.
    let (new_folders, new_files) = if rng.chance(SMALL) {
        (2 + rng.index(4), 4 + rng.index(6))
    } else {
        (5 + rng.index(3), 16 + rng.index(8))
    };
    for _ in 0..new_folders {
        let above = rng.pick(&folders).clone();
        let above = if above.depth() < DEPTH {
            above
        } else {
            RelPath::root()
        };
        let name = *rng.pick(FOLDERS);
        let path = above.join(&named(name));
        if !folders.contains(&path) {
            folders.push(path.clone());
            edits.push(Edit::Folder(path));
        }
    }
    for _ in 0..new_files {
        let name = *rng.pick(FILES);
        let path = rng.pick(&folders).join(&named(name));
        *contents += 1;
        let content = if rng.chance(4) {
            1 + rng.below(SHARED) as u32
        } else {
            *contents
        };
        edits.push(if rng.chance(3) {
            Edit::Link(path, 1)
        } else {
            Edit::Write(path, content, 1 + rng.below(3) as u8)
        });
    }
    edits
}
