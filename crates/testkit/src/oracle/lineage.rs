//! Which content came from which. Invariant: content ends once, by the first thing that superseded it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use tandem_core::capabilities::{CaseRule, UnicodeRule};
use tandem_core::names::collision_key;
use tandem_core::path::{Name, RelPath};

use super::sizes::Sizes;
use super::{Lost, merge};
use crate::sim::Blob;

type Hash = [u8; 32];

#[derive(Debug)]
struct Written {
    side: usize,
    paths: BTreeSet<RelPath>,
    content: Blob,
    end: Option<End>,
    /// A storage set it aside unasked, or it was written into what was set aside: a version of it is enough.
    is_aside: bool,
    /// Somebody had replaced or removed this very content here on the other side. By content nothing tells it from what
    /// that was, so it goes as that does.
    is_repeated: bool,
}

/// What Tandem took away from where people see it.
#[derive(Debug, Clone)]
pub struct Taken {
    /// On which side.
    pub side: usize,
    /// Where it was.
    pub path: RelPath,
    /// What Tandem did.
    pub what: &'static str,
    /// The writes that it stood for.
    numbers: Vec<usize>,
    /// How much had happened by then.
    events: usize,
}

/// What Tandem took from where people see it, or from what was set aside.
#[derive(Debug, Clone)]
pub struct Gone {
    /// On which side.
    pub side: usize,
    /// Where it was.
    pub path: RelPath,
    /// What Tandem did.
    pub how: How,
    hash: Hash,
    sent: Option<Hash>,
    /// How much had happened when Tandem's pass began.
    since: usize,
}

/// How Tandem took something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It replaced it.
    Replaced,
    /// It deleted it, or put it into the trash.
    Deleted,
    /// It pruned it from what was set aside so long before.
    Pruned(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Superseded,
    Excused(&'static str),
}

#[derive(Debug)]
struct Event {
    side: usize,
    what: &'static str,
    path: RelPath,
    hash: Hash,
}

/// Everything that was written, in order.
#[derive(Debug, Default)]
pub(super) struct Lineage {
    written: Vec<Written>,
    by_hash: BTreeMap<Hash, Vec<usize>>,
    /// What content was made of: what a storage was sent that changed it on arrival, or both texts of a merge.
    made: BTreeMap<Hash, BTreeSet<Hash>>,
    /// What was only a part of a write when it was to be seen.
    parts: BTreeSet<Hash>,
    /// What a program may have merged, by its hash; nothing where it merges nothing.
    texts: Option<BTreeMap<Hash, Blob>>,
    events: Vec<Event>,
    taken: Vec<Taken>,
    gone: Vec<Gone>,
    /// How much had happened when Tandem's pass began.
    pass: usize,
    sizes: Option<Sizes>,
}

impl How {
    const fn name(self) -> &'static str {
        match self {
            Self::Replaced => "Tandem replaced",
            Self::Deleted => "Tandem deleted",
            Self::Pruned(_) => "Tandem pruned",
        }
    }
}

impl Lineage {
    pub(super) const fn len(&self) -> usize {
        self.written.len()
    }

    pub(super) fn wrote(&mut self, side: usize, path: &RelPath, content: &Blob) {
        self.event(side, "wrote", path, content.hash());
        if content.size() == 0 {
            return;
        }
        self.note_text(content);
        let number = self.written.len();
        let is_repeated = self.is_ended_beyond(side, path, content.hash());
        self.by_hash.entry(content.hash()).or_default().push(number);
        self.written.push(Written {
            side,
            paths: BTreeSet::from([path.clone()]),
            content: content.clone(),
            end: None,
            is_aside: false,
            is_repeated,
        });
    }

    /// Whether a person replaced or removed this content at `path` of another side.
    fn is_ended_beyond(&self, side: usize, path: &RelPath, hash: Hash) -> bool {
        let is_end = |what| matches!(what, "replaced" | "removed" | "written over");
        let here = folded(path);
        let mut events = self.events.iter();
        self.by_hash.contains_key(&hash)
            && events.any(|event| {
                event.side != side
                    && event.hash == hash
                    && is_end(event.what)
                    && folded(&event.path) == here
            })
    }

    /// A person wrote `content` into what was set aside of `path`.
    pub(super) fn wrote_aside(&mut self, side: usize, path: &RelPath, content: &Blob) {
        self.wrote(side, path, content);
        self.set_aside(path, content.hash(), None);
    }

    /// A storage set aside what nobody had expected at `path`.
    pub(super) fn displaced(
        &mut self,
        side: usize,
        path: &RelPath,
        hash: Hash,
        sent: Option<Hash>,
    ) {
        self.event(side, "displaced", path, hash);
        self.set_aside(path, hash, sent);
    }

    fn set_aside(&mut self, path: &RelPath, hash: Hash, sent: Option<Hash>) {
        for number in self.meant(path, hash, sent) {
            self.written[number].is_aside = true;
        }
    }

    /// Tandem took away what was visible at `path`, or what was set aside of it.
    pub(super) fn took(
        &mut self,
        (side, how): (usize, How),
        path: &RelPath,
        hash: Hash,
        sent: Option<Hash>,
    ) {
        self.gone.push(Gone {
            side,
            path: path.clone(),
            how,
            hash,
            sent,
            since: self.pass,
        });
        let what = how.name();
        self.event(side, what, path, hash);
        if matches!(how, How::Pruned(_)) {
            return;
        }
        let numbers = self.meant(path, hash, sent);
        for &number in &numbers {
            if self.written[number].is_repeated {
                self.end(number, End::Superseded);
            }
        }
        let taken = Taken {
            side,
            path: path.clone(),
            what,
            numbers,
            events: self.events.len(),
        };
        self.taken.push(taken);
    }

    /// What was taken away since the last call and is still asked for.
    pub(super) fn take_taken(&mut self) -> Vec<Taken> {
        let mut taken = std::mem::take(&mut self.taken);
        for one in &mut taken {
            one.numbers.retain(|number| self.must_be_visible(*number));
        }
        taken.retain(|one| !one.numbers.is_empty());
        taken
    }

    /// Tandem begins a pass.
    pub(super) const fn begin_pass(&mut self) {
        self.pass = self.events.len();
    }

    /// What is gone since the last call, of all that people wrote.
    pub(super) fn take_gone(&mut self) -> Vec<Gone> {
        let mut gone = std::mem::take(&mut self.gone);
        gone.retain(|one| {
            let origins = self.origins(one);
            origins.iter().any(|hash| self.by_hash.contains_key(hash))
        });
        gone
    }

    /// Whether what is gone, or what it was made of, is among `there`.
    pub(super) fn is_among(&self, gone: &Gone, there: &BTreeSet<Hash>) -> bool {
        let of_there = |hash: &Hash| !self.made_of(*hash).is_disjoint(&self.origins(gone));
        there.contains(&gone.hash) || there.iter().any(of_there)
    }

    /// Whether a person did one of these things to what is gone, since Tandem's pass began or ever; on one side or on any.
    pub(super) fn did_person(
        &self,
        gone: &Gone,
        acts: &[&str],
        side: Option<usize>,
        ever: bool,
    ) -> bool {
        let origins = self.origins(gone);
        let since = if ever { 0 } else { gone.since };
        self.events[since..].iter().any(|event| {
            acts.contains(&event.what)
                && side.is_none_or(|side| side == event.side)
                && !self.made_of(event.hash).is_disjoint(&origins)
        })
    }

    /// What happened to what is gone, one line each.
    pub(super) fn history_of_gone(&self, gone: &Gone) -> Vec<String> {
        let origins = self.origins(gone);
        let first = origins
            .iter()
            .filter_map(|hash| self.by_hash.get(hash))
            .flatten();
        first
            .take(1)
            .flat_map(|&number| self.history(&self.written[number]))
            .collect()
    }

    fn origins(&self, gone: &Gone) -> BTreeSet<Hash> {
        let known = [Some(gone.hash), gone.sent].into_iter().flatten();
        known.flat_map(|hash| self.made_of(hash)).collect()
    }

    fn must_be_visible(&self, number: usize) -> bool {
        let written = &self.written[number];
        written.end.is_none() && !written.is_aside
    }

    /// Whether `content` is what was taken away, or made of it.
    pub(super) fn is_of(&self, content: &Blob, taken: &Taken) -> bool {
        let made_of = self.made_of(content.hash());
        let mut numbers = taken.numbers.iter();
        numbers.any(|number| made_of.contains(&self.written[*number].content.hash()))
    }

    /// Whether somebody brought something to `path` since.
    pub(super) fn is_changed_since(&self, taken: &Taken, side: usize, path: &RelPath) -> bool {
        let since = &self.events[taken.events..];
        since
            .iter()
            .any(|event| event.side == side && event.path == *path)
    }

    /// What happened to what was taken away, one line each.
    pub(super) fn history_of(&self, taken: &Taken) -> Vec<String> {
        let first = taken.numbers.first();
        first.map_or_else(Vec::new, |number| self.history(&self.written[*number]))
    }

    /// A person replaced or removed what was visible at `path`.
    pub(super) fn superseded(
        &mut self,
        (side, what): (usize, &'static str),
        path: &RelPath,
        hash: Hash,
        sent: Option<Hash>,
    ) {
        self.event(side, what, path, hash);
        for number in self.meant(path, hash, sent) {
            self.end(number, End::Superseded);
        }
    }

    /// A person moved what was visible at `from`.
    pub(super) fn moved(
        &mut self,
        side: usize,
        from: &RelPath,
        to: &RelPath,
        hash: Hash,
        sent: Option<Hash>,
    ) {
        self.event(side, "moved away", from, hash);
        self.event(side, "moved here", to, hash);
        for number in self.meant(from, hash, sent) {
            self.written[number].paths.insert(to.clone());
        }
    }

    /// A storage made `stored` of `sent` on arrival. What was sent may be what another made of something before.
    pub(super) fn arrived(&mut self, stored: &Blob, sent: Hash) {
        self.note_text(stored);
        self.made.entry(stored.hash()).or_default().insert(sent);
    }

    pub(super) fn tell_apart_by_size(&mut self) {
        self.sizes.get_or_insert_default();
    }

    /// `content` as a person is to write it, on storages that add `added` bytes to some of it.
    pub(super) fn sized(&mut self, content: &Bytes, added: usize) -> Bytes {
        let sizes = self.sizes.as_mut();
        sizes.map_or_else(|| content.clone(), |sizes| sizes.give(content, added))
    }

    /// From now on a program may merge texts.
    pub(super) fn let_merge(&mut self) {
        self.texts.get_or_insert_default();
    }

    /// A program made `content` visible: if nobody wrote it, it may be a merge of what people wrote.
    pub(super) fn put(&mut self, content: &Blob) {
        if self.is_accounted_for(content) {
            return;
        }
        if let Some(parents) = self.texts.as_ref().and_then(|t| merge::parents(t, content)) {
            self.derived(&parents, content);
        }
    }

    /// Whether somebody wrote `content`, or it is made of what somebody wrote. Nobody needs to write an empty file.
    pub(super) fn is_accounted_for(&self, content: &Blob) -> bool {
        let empty = Blob::new("").hash();
        let is_known = |hash: &Hash| {
            *hash == empty || self.by_hash.contains_key(hash) || self.parts.contains(hash)
        };
        self.made_of(content.hash()).iter().any(is_known)
    }

    /// A storage that says so shows a part of a write for a while, for good if the program is killed then.
    pub(super) fn showed_part(&mut self, part: &Blob) {
        self.parts.insert(part.hash());
    }

    pub(super) fn excuse(&mut self, hash: Hash, sent: Option<Hash>, why: &'static str) {
        for number in self.alive(hash, sent) {
            self.end(number, End::Excused(why));
        }
    }

    fn derived(&mut self, parents: &[Hash], child: &Blob) {
        self.note_text(child);
        self.made.entry(child.hash()).or_default().extend(parents);
    }

    fn note_text(&mut self, content: &Blob) {
        if let Some(texts) = &mut self.texts {
            texts.insert(content.hash(), content.clone());
        }
    }

    pub(super) fn excused(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for written in &self.written {
            if let Some(End::Excused(why)) = written.end {
                *counts.entry(why).or_default() += 1;
            }
        }
        counts
    }

    /// What nothing superseded and is not among `there`.
    pub(super) fn missing(&self, there: &BTreeSet<Hash>) -> Vec<Lost> {
        self.absent(there, |written| written.end.is_none())
    }

    /// What nothing superseded, no storage set aside, and is not among what is `visible`.
    pub(super) fn hidden(&self, visible: &BTreeSet<Hash>) -> Vec<Lost> {
        self.absent(visible, |written| {
            written.end.is_none() && !written.is_aside
        })
    }

    fn absent(&self, there: &BTreeSet<Hash>, is_asked_for: impl Fn(&Written) -> bool) -> Vec<Lost> {
        let there: BTreeSet<Hash> = there.iter().flat_map(|hash| self.made_of(*hash)).collect();
        self.written
            .iter()
            .filter(|written| is_asked_for(written) && !there.contains(&written.content.hash()))
            .map(|written| Lost {
                side: written.side,
                path: written.paths.first().cloned().unwrap_or_else(RelPath::root),
                content: written.content.clone(),
                history: self.history(written),
            })
            .collect()
    }

    /// The writes that content at `path` stands for: those known to have been there, else all of it. Names that some
    /// side takes for one are one.
    fn meant(&self, path: &RelPath, hash: Hash, sent: Option<Hash>) -> Vec<usize> {
        let (alive, here_folded) = (self.alive(hash, sent), folded(path));
        let here: Vec<usize> = alive
            .iter()
            .copied()
            .filter(|number| {
                let paths = &self.written[*number].paths;
                paths.iter().any(|known| folded(known) == here_folded)
            })
            .collect();
        if here.is_empty() { alive } else { here }
    }

    fn alive(&self, hash: Hash, sent: Option<Hash>) -> Vec<usize> {
        let known: BTreeSet<Hash> = [Some(hash), sent]
            .into_iter()
            .flatten()
            .flat_map(|hash| self.made_of(hash))
            .collect();
        known
            .into_iter()
            .filter_map(|hash| self.by_hash.get(&hash))
            .flatten()
            .copied()
            .filter(|number| self.written[*number].end.is_none())
            .collect()
    }

    /// The content and everything that it was made of, one after the other.
    fn made_of(&self, hash: Hash) -> BTreeSet<Hash> {
        let mut found = BTreeSet::new();
        let mut next = vec![hash];
        while let Some(at) = next.pop() {
            if found.insert(at) {
                next.extend(self.made.get(&at).into_iter().flatten());
            }
        }
        found
    }

    fn end(&mut self, number: usize, end: End) {
        self.written[number].end.get_or_insert(end);
    }

    fn event(&mut self, side: usize, what: &'static str, path: &RelPath, hash: Hash) {
        self.events.push(Event {
            side,
            what,
            path: path.clone(),
            hash,
        });
    }

    fn history(&self, written: &Written) -> Vec<String> {
        self.events
            .iter()
            .filter(|event| {
                written.paths.contains(&event.path) || event.hash == written.content.hash()
            })
            .map(|event| {
                let [a, b, c, ..] = event.hash;
                format!(
                    "side {}: {} {:?} {a:02x}{b:02x}{c:02x}",
                    event.side, event.what, event.path
                )
            })
            .collect()
    }
}

fn folded(path: &RelPath) -> Vec<Box<str>> {
    let fold = |name: Name| collision_key(&name, CaseRule::Insensitive, UnicodeRule::Folding);
    path.names().map(fold).collect()
}
