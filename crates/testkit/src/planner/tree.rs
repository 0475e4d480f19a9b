//! One side as it is: an arena of items with small numbers. This is what the planner is judged by, so it knows
//! nothing of bases, plans or observations.
//!
//! Invariant: an item that is there lies in a folder that is there.

use tandem_core::capabilities::{Capabilities, CaseRule, Ids, UnicodeRule};
use tandem_core::entry::{ContentHash, Entry, HashKind, Kind, Mtime, NativeId, Revision};
use tandem_core::names;
use tandem_core::path::{Name, RelPath};
use tandem_core::time::Timestamp;

use super::traits::Traits;
use crate::sim::{FolderRevisions, RevisionStyle};

/// An index into the arena.
pub(super) type Place = usize;

/// The side's root.
pub(super) const ROOT: Place = 0;

/// What an item consists of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body {
    pub(super) kind: Kind,
    /// What it holds; of a link, where it points to.
    pub(super) content: u32,
    /// Which write of a person it goes back to.
    pub(super) write: usize,
    /// What people take it for, wherever it is moved and whatever is saved into it.
    pub(super) thing: u32,
    pub(super) mtime: Timestamp,
    /// Whether a client set the time.
    pub(super) by_client: bool,
    pub(super) executable: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) parent: Place,
    pub(super) name: Name,
    pub(super) is_there: bool,
    pub(super) body: Body,
    /// The side's own id.
    number: u64,
    /// The stamp it came with.
    born: u64,
    /// Moves with every change.
    stamp: u64,
    /// Moves when content changes.
    content_stamp: u64,
    /// What a listing shows, while it holds.
    shown: Option<Entry>,
}

/// One side.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    pub(super) traits: Traits,
    pub(super) capabilities: Capabilities,
    pub(super) items: Vec<Item>,
    /// Ids that are given again, where they are.
    free: Vec<u64>,
    numbers: u64,
    stamps: u64,
}

/// How many bytes a content has. Few sizes, so that different contents are often of one size, and moves are told by
/// content only of some.
pub(super) const fn size_of(content: u32) -> u64 {
    match content % 8 {
        0 if content == 0 => 0,
        0..=3 => 100 + (content % 3) as u64,
        4..=6 => 2_000 + (content % 2) as u64,
        _ => 5_000,
    }
}

/// What a hash of the content is.
pub(super) fn hash_of(content: u32, kind: HashKind) -> ContentHash {
    let mut value = [0; 32];
    value[..4].copy_from_slice(&content.to_le_bytes());
    ContentHash {
        kind,
        value: value[..kind.bytes()].into(),
    }
}

impl Tree {
    pub(super) fn new(traits: Traits) -> Self {
        let body = Body {
            kind: Kind::Folder,
            content: 0,
            write: usize::MAX,
            thing: 0,
            mtime: Timestamp(0),
            by_client: false,
            executable: false,
        };
        let root = Item {
            parent: ROOT,
            name: Name::new("root").expect("it is a name"),
            is_there: true,
            body,
            number: 0,
            born: 0,
            stamp: 0,
            content_stamp: 0,
            shown: None,
        };
        Self {
            traits,
            capabilities: traits.capabilities(),
            items: vec![root],
            free: Vec::new(),
            numbers: 0,
            stamps: 0,
        }
    }

    fn stamp(&mut self) -> u64 {
        self.stamps += 1;
        self.stamps
    }

    fn give_number(&mut self) -> u64 {
        if self.traits.ids == Ids::Hint
            && let Some(number) = self.free.pop()
        {
            return number;
        }
        self.numbers += 1;
        self.numbers
    }

    /// Everything that can be seen in a folder.
    pub(super) fn children(&self, folder: Place) -> impl Iterator<Item = Place> + '_ {
        let all = self.items.iter().enumerate().skip(1);
        all.filter(move |(place, item)| {
            item.is_there && item.parent == folder && self.is_visible(*place)
        })
        .map(|(place, _)| place)
    }

    /// Everything that can be seen.
    pub(super) fn all(&self) -> impl Iterator<Item = Place> + '_ {
        (1..self.items.len()).filter(|&place| self.items[place].is_there && self.is_visible(place))
    }

    /// A side without empty folders shows only those with something in them.
    pub(super) fn is_visible(&self, place: Place) -> bool {
        self.traits.empty_folders
            || place == ROOT
            || !self.is_folder(place)
            || self.items.iter().enumerate().any(|(at, item)| {
                item.is_there && item.body.kind != Kind::Folder && self.is_within(at, place)
            })
    }

    pub(super) fn is_folder(&self, place: Place) -> bool {
        self.items[place].body.kind == Kind::Folder
    }

    /// Whether `place` is `folder` or lies in it.
    pub(super) fn is_within(&self, place: Place, folder: Place) -> bool {
        let mut at = place;
        loop {
            if at == folder {
                return true;
            }
            if at == ROOT {
                return false;
            }
            at = self.items[at].parent;
        }
    }

    fn same_name(&self, a: &Name, b: &Name) -> bool {
        if a == b || self.is_exact() {
            return a == b;
        }
        let (case, unicode) = (self.capabilities.case, self.capabilities.unicode);
        // Most names are told apart without making their keys.
        if a.as_str().is_ascii() && b.as_str().is_ascii() {
            return case == CaseRule::Insensitive && a.as_str().eq_ignore_ascii_case(b.as_str());
        }
        names::collision_key(a, case, unicode) == names::collision_key(b, case, unicode)
    }

    /// What has this name in the folder, as the side compares names.
    pub(super) fn find(&self, folder: Place, name: &Name) -> Option<Place> {
        self.children(folder)
            .find(|&place| self.same_name(&self.items[place].name, name))
    }

    /// What has this name in the folder, seen or not.
    pub(super) fn taken_by(&self, folder: Place, name: &Name) -> Option<Place> {
        let mut places = 1..self.items.len();
        places.find(|&place| {
            let item = &self.items[place];
            item.is_there && item.parent == folder && self.same_name(&item.name, name)
        })
    }

    /// What is at this path.
    pub(super) fn at(&self, path: &RelPath) -> Option<Place> {
        let mut at = ROOT;
        for name in path.as_str().split('/').filter(|name| !name.is_empty()) {
            let mut children = self.children(at);
            let found = children.find(|&place| self.items[place].name.as_str() == name);
            at = match found {
                Some(place) => place,
                None if self.is_exact() => return None,
                None => self.find(at, &Name::new(name).ok()?)?,
            };
        }
        Some(at)
    }

    /// Whether names are one only if they are spelled alike.
    fn is_exact(&self) -> bool {
        let (case, unicode) = (self.capabilities.case, self.capabilities.unicode);
        (case, unicode) == (CaseRule::Sensitive, UnicodeRule::Exact)
    }

    /// The folder at this path.
    pub(super) fn folder_at(&self, path: &RelPath) -> Option<Place> {
        self.at(path).filter(|&place| self.is_folder(place))
    }

    /// What has this id.
    pub(super) fn by_id(&self, id: &NativeId) -> Option<Place> {
        self.all()
            .find(|&place| self.id(place).as_ref() == Some(id))
    }

    /// What a file system's entry was of when it was seen, though its id may have been given again since.
    pub(super) fn body_of(&self, entry: &Entry) -> Option<&Body> {
        let Revision::Fingerprint { ctime, inode, .. } = entry.revision else {
            return None;
        };
        let known = self.items.iter().filter(|item| item.number == inode);
        known
            .filter(|item| item.born.cast_signed() <= ctime)
            .max_by_key(|item| item.born)
            .map(|item| &item.body)
    }

    pub(super) fn path(&self, place: Place) -> RelPath {
        let mut names = Vec::new();
        let mut at = place;
        while at != ROOT {
            names.push(&self.items[at].name);
            at = self.items[at].parent;
        }
        names
            .into_iter()
            .rev()
            .fold(RelPath::root(), |path, name| path.join(name))
    }

    pub(super) fn depth(&self, place: Place) -> usize {
        let mut depth = 0;
        let mut at = place;
        while at != ROOT {
            depth += 1;
            at = self.items[at].parent;
        }
        depth
    }

    /// Puts a new item there.
    pub(super) fn create(&mut self, folder: Place, name: Name, body: Body) -> Place {
        self.clear_hidden(folder, &name);
        let number = self.give_number();
        let stamp = self.stamp();
        self.items.push(Item {
            parent: folder,
            name,
            is_there: true,
            body,
            number,
            born: stamp,
            stamp,
            content_stamp: stamp,
            shown: None,
        });
        self.touch_folder(folder);
        self.items.len() - 1
    }

    /// A folder that cannot be seen keeps nobody from its name.
    fn clear_hidden(&mut self, folder: Place, name: &Name) {
        if self.traits.empty_folders {
            return;
        }
        for place in 1..self.items.len() {
            let item = &self.items[place];
            if item.is_there
                && item.parent == folder
                && !self.is_visible(place)
                && self.same_name(&item.name, name)
            {
                self.remove(place);
            }
        }
    }

    /// Removes an item and all below.
    pub(super) fn remove(&mut self, place: Place) {
        for at in 1..self.items.len() {
            if self.items[at].is_there && self.is_within(at, place) && at != place {
                self.gone(at);
            }
        }
        self.gone(place);
        self.touch_folder(self.items[place].parent);
    }

    fn gone(&mut self, place: Place) {
        // Below a removed folder nothing is looked for any more: the flag of each is its own.
        self.items[place].is_there = false;
        self.free.push(self.items[place].number);
    }

    pub(super) fn change(&mut self, place: Place, body: Body) {
        let stamp = self.stamp();
        let item = &mut self.items[place];
        if item.body.content != body.content {
            item.content_stamp = stamp;
        }
        item.stamp = stamp;
        item.body = body;
        item.shown = None;
    }

    /// A new item takes the name of one that is gone.
    pub(super) fn exchange(&mut self, place: Place, body: Body) -> Place {
        let (folder, name) = (self.items[place].parent, self.items[place].name.clone());
        // Both exist for an instant, so the new one cannot have the old one's id.
        let new = self.create(folder, name, body);
        self.gone(place);
        new
    }

    pub(super) fn relink(
        &mut self,
        place: Place,
        folder: Place,
        name: Name,
        is_new_revision: bool,
    ) {
        self.clear_hidden(folder, &name);
        let old = self.items[place].parent;
        let stamp = self.stamp();
        let item = &mut self.items[place];
        item.parent = folder;
        item.name = name;
        item.shown = None;
        if is_new_revision {
            item.stamp = stamp;
        }
        self.touch_folder(old);
        self.touch_folder(folder);
    }

    /// Where a folder can only be moved item by item, it is a new one and so may be all in it.
    pub(super) fn remake_folders(&mut self, place: Place) {
        for at in 1..self.items.len() {
            if !self.items[at].is_there || !self.is_within(at, place) {
                continue;
            }
            let stamp = self.stamp();
            self.items[at].shown = None;
            if self.is_folder(at) {
                self.items[at].number = self.give_number();
                (self.items[at].born, self.items[at].stamp) = (stamp, stamp);
            } else if self.traits.move_gives_revision {
                self.items[at].stamp = stamp;
            }
        }
    }

    fn touch_folder(&mut self, folder: Place) {
        if self.traits.folder_revisions == FolderRevisions::Children {
            self.items[folder].stamp = self.stamp();
            self.items[folder].shown = None;
        }
    }

    fn id(&self, place: Place) -> Option<NativeId> {
        let number = self.items[place].number;
        match self.traits.ids {
            Ids::None => None,
            Ids::Hint => Some(NativeId::Number(1, number)),
            Ids::Strong => Some(NativeId::Number(0, number)),
        }
    }

    pub(super) fn revision(&self, place: Place) -> Revision {
        let item = &self.items[place];
        let is_folder = self.is_folder(place);
        if is_folder && self.traits.folder_revisions == FolderRevisions::None {
            return Revision::None;
        }
        match self.traits.revisions {
            RevisionStyle::Fingerprint => Revision::Fingerprint {
                ctime: item.stamp.cast_signed(),
                device: 1,
                inode: item.number,
                mtime: item.body.mtime.0,
                size: size_of(item.body.content),
            },
            RevisionStyle::ContentHash if !is_folder => {
                Revision::Tag(format!("c{}", item.body.content).into())
            }
            RevisionStyle::ContentCounter if !is_folder => {
                Revision::Tag(format!("r{}", item.content_stamp).into())
            }
            _ => Revision::Tag(format!("r{}", item.stamp).into()),
        }
    }

    /// Makes what a listing shows of all that is there.
    pub(super) fn show(&mut self) {
        for place in 1..self.items.len() {
            if self.items[place].is_there && self.items[place].shown.is_none() {
                self.items[place].shown = Some(self.entry(place));
            }
        }
    }

    /// What a listing shows, made before.
    pub(super) fn shown(&self, place: Place) -> &Entry {
        let shown = self.items[place].shown.as_ref();
        shown.expect("all is made before it is listed")
    }

    /// What a listing shows.
    pub(super) fn entry(&self, place: Place) -> Entry {
        let item = &self.items[place];
        let body = &item.body;
        let is_file = body.kind == Kind::File;
        Entry {
            name: item.name.clone(),
            kind: body.kind,
            size: if is_file { size_of(body.content) } else { 0 },
            mtime: is_file.then_some(Mtime {
                at: body.mtime,
                by_client: body.by_client,
            }),
            executable: (is_file && self.traits.executable).then_some(body.executable),
            id: self.id(place),
            revision: self.revision(place),
            hashes: match self.traits.hash {
                Some(kind) if is_file => vec![hash_of(body.content, kind)],
                _ => Vec::new(),
            },
            target: (body.kind == Kind::Symlink).then(|| format!("to {}", body.content).into()),
        }
    }
}
