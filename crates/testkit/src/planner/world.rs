//! Both sides, and what people wrote on them. The judge of everything: what is told here is told by people at the
//! sides' own edge, and by what is taken from a side, never by what the planner knows.
//!
//! A *write* is one person's act of putting content into a file; carrying it elsewhere keeps it the same write. It
//! is superseded when a person replaces or deletes what it wrote (P1 b), and otherwise asked for always (P1 a).

use tandem_core::capabilities::Ids;
use tandem_core::entry::Kind;
use tandem_core::side::{PerSide, Side};
use tandem_core::time::Timestamp;

use super::swap::Swapped;
use super::traits::Traits;
use super::tree::{Body, Place, Tree};

/// One write of a person.
#[derive(Debug, Clone, Copy)]
struct Write {
    content: u32,
    /// What people take it for that was written to.
    thing: u32,
    is_superseded: bool,
    /// Whether it was when the plan was made that is being carried out.
    was_superseded: bool,
    /// Another write that stands for this one too; itself if none does.
    same_as: usize,
}

/// A pre-image that an action set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) content: u32,
}

/// Both sides.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) sides: PerSide<Tree>,
    /// Whether superseded content is kept.
    pub(super) keeps_versions: bool,
    writes: Vec<Write>,
    pub(super) versions: Vec<Version>,
    /// Things that people copied, each with what it was copied from.
    copies: Vec<(u32, u32)>,
    /// Pairs of contents that a chosen comparison takes for one (DESIGN 5.2: not verified).
    alike: Vec<(u32, u32)>,
    /// Contents of which a digest was noted, when somebody last exchanged two names.
    pub(super) hashed: Vec<u32>,
    /// What nothing tells as swapped, since the last plan.
    pub(super) swaps: Vec<Swapped>,
    /// Things that both sides had, and that one has no more as such a swap made another of it.
    pub(super) swapped: Vec<u32>,
    now: Timestamp,
    things: u32,
}

/// What taking a content from a side came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Only what the action itself set aside holds it.
    OnlyKept,
    /// It is elsewhere, or nobody asks for it.
    Accounted,
    /// Nobody superseded it, and it is nowhere (P1 a).
    LostUnseen,
    /// It was to be kept by the version settings, and is nowhere (P1 b).
    LostSuperseded,
}

impl World {
    pub(super) fn new(traits: PerSide<Traits>, keeps_versions: bool) -> Self {
        Self {
            sides: traits.map(Tree::new),
            keeps_versions,
            writes: Vec::new(),
            versions: Vec::new(),
            copies: Vec::new(),
            alike: Vec::new(),
            hashed: Vec::new(),
            swaps: Vec::new(),
            swapped: Vec::new(),
            now: Timestamp::from_secs(1_700_000_000),
            things: 0,
        }
    }

    /// The time, a little later with each call, and never on a whole second.
    pub(super) fn now(&mut self) -> Timestamp {
        self.now = self.now.plus(700_000_003);
        self.now
    }

    pub(super) fn new_thing(&mut self) -> u32 {
        self.things += 1;
        self.things
    }

    /// A person writes content.
    pub(super) fn write(&mut self, content: u32, thing: u32) -> usize {
        let same_as = self.writes.len();
        self.writes.push(Write {
            content,
            thing,
            is_superseded: false,
            was_superseded: false,
            same_as,
        });
        same_as
    }

    /// The write that stands for this one.
    fn root_of(&self, write: usize) -> usize {
        let mut at = write;
        while self.writes[at].same_as != at {
            at = self.writes[at].same_as;
        }
        at
    }

    /// From now on both are one.
    pub(super) fn unite(&mut self, write: usize, with: usize) {
        let (write, with) = (self.root_of(write), self.root_of(with));
        self.writes[write].same_as = with;
    }

    /// Whether one stands for the other.
    pub(super) fn is_one_write(&self, a: usize, b: usize) -> bool {
        self.root_of(a) == self.root_of(b)
    }

    /// What was written.
    pub(super) fn content_of(&self, write: usize) -> u32 {
        self.writes[write].content
    }

    pub(super) fn is_superseded(&self, write: usize) -> bool {
        self.writes[self.root_of(write)].is_superseded
    }

    /// A person replaced or removed this, and with it whatever else wrote the very same into the same thing: the same
    /// content is no edit (DESIGN 4, step 3).
    pub(super) fn supersede(&mut self, write: usize) {
        let Write { content, thing, .. } = self.writes[write];
        for at in 0..self.writes.len() {
            if (self.writes[at].content, self.writes[at].thing) == (content, thing) || at == write {
                let root = self.root_of(at);
                self.writes[root].is_superseded = true;
            }
        }
    }

    /// A person wrote what was there already.
    pub(super) fn same_again(&mut self, write: usize, before: usize) {
        self.unite(write, before);
    }

    /// A person replaced this by another of the same content. Which of the two goes on nobody can tell, so what was
    /// superseded of one is of both.
    pub(super) fn replaced_by_same(&mut self, write: usize, by: usize) {
        let is_superseded = self.is_superseded(write) || self.is_superseded(by);
        self.unite(by, write);
        let root = self.root_of(write);
        self.writes[root].is_superseded = is_superseded;
    }

    /// A person copied a file.
    pub(super) fn copied(&mut self, copy: u32, from: u32) {
        self.copies.push((copy, from));
    }

    /// Whether what a person deleted lives on in a copy that they had made of it, and that nobody carried yet: where ids
    /// do not tell, that is a move.
    pub(super) fn lives_on_as_copy(&mut self, side: Side, old: &Body) -> bool {
        let tree = &self.sides[side];
        if tree.traits.ids == Ids::Strong {
            return false;
        }
        let there = &self.sides[side.other()];
        let copy = tree.all().find(|&place| {
            let body = &tree.items[place].body;
            body.content == old.content
                && self.copies.contains(&(body.thing, old.thing))
                && !self.is_superseded(body.write)
                && !there.items.iter().any(|item| item.body.thing == body.thing)
        });
        let copy = copy.map(|place| tree.items[place].body.write);
        if let Some(write) = copy {
            self.unite(write, old.write);
        }
        copy.is_some()
    }

    /// After a person removed a content: where it is nowhere now, all who wrote it are superseded.
    pub(super) fn removed_by_person(&mut self, content: u32) {
        if !self.is_somewhere(content) {
            for write in &mut self.writes {
                write.is_superseded |= write.content == content;
            }
        }
    }

    fn holder(&self, content: u32) -> Option<usize> {
        Side::BOTH.into_iter().find_map(|side| {
            let items = self.sides[side].items.iter();
            items
                .filter(|item| {
                    item.is_there && item.body.kind == Kind::File && item.body.content == content
                })
                .map(|item| item.body.write)
                .next()
        })
    }

    fn is_somewhere(&self, content: u32) -> bool {
        self.holder(content).is_some() || self.versions.iter().any(|v| v.content == content)
    }

    /// A plan was made of what both sides show now.
    pub(super) fn planned(&mut self) {
        self.swaps_were_seen();
        for write in 0..self.writes.len() {
            self.writes[write].was_superseded = self.is_superseded(write);
        }
    }

    /// From now on `other` stands for a write that was taken. What the plan knew to be superseded cannot: it goes
    /// with the same plan, so from now on it is asked for as what it stands for is.
    fn stands_for(&mut self, other: usize, write: usize, is_kept: bool) {
        let root = self.root_of(other);
        if !is_kept && !self.is_superseded(write) && self.writes[root].was_superseded {
            self.writes[root].is_superseded = false;
        }
        self.unite(write, other);
    }

    /// An action took this from a side. What holds the same content elsewhere stands for it from now on.
    pub(super) fn taken(&mut self, side: Side, body: &Body, is_kept: bool) -> Taken {
        if body.kind != Kind::File || body.content == 0 {
            return Taken::Accounted;
        }
        let was_kept = self.versions.iter().any(|v| v.content == body.content);
        if is_kept {
            self.versions.push(Version {
                content: body.content,
            });
        }
        if let Some(other) = self.holder(body.content) {
            self.stands_for(other, body.write, was_kept || is_kept);
            return Taken::Accounted;
        }
        // It was taken for equal to another by a comparison that does not see everything (DESIGN 5.2).
        let mut like_it = self.like(body.content).peekable();
        let is_alike = like_it.peek().is_some();
        if was_kept || is_kept {
            let is_elsewhere = was_kept || like_it.any(|other| self.is_somewhere(other));
            return if is_elsewhere {
                Taken::Accounted
            } else {
                Taken::OnlyKept
            };
        }
        let root = self.root_of(body.write);
        match self.writes[root].is_superseded {
            _ if is_alike => Taken::Accounted,
            false => Taken::LostUnseen,
            true if self.keeps_versions && self.sides[side].traits.versions => {
                Taken::LostSuperseded
            }
            true => Taken::Accounted,
        }
    }

    /// Both sides have this as one item from when it was planned on. What a comparison takes for equal although it differs
    /// is noted, and what somebody superseded of one since is superseded of both.
    pub(super) fn joined(&mut self, (_, a): (Place, Body), (place, b): (Place, Body)) {
        let there = &mut self.sides.destination.items[place].body;
        if there.thing == b.thing {
            there.thing = a.thing;
        }
        if a.kind != Kind::File || b.kind != Kind::File {
            return;
        }
        if a.content != b.content {
            self.alike.push((a.content, b.content));
        }
        self.replaced_by_same(a.write, b.write);
    }

    /// Other contents that are taken for this one.
    fn like(&self, content: u32) -> impl Iterator<Item = u32> + '_ {
        self.alike.iter().filter_map(move |&(a, b)| {
            if a == content {
                Some(b)
            } else {
                (b == content).then_some(a)
            }
        })
    }

    /// Whether two contents are one, or taken for one.
    pub(super) fn are_alike(&self, a: u32, b: u32) -> bool {
        a == b
            || self
                .alike
                .iter()
                .any(|&pair| pair == (a, b) || pair == (b, a))
    }
}
