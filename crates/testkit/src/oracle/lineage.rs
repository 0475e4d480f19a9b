//! Which content came from which. Invariant: content ends once, by the first thing that superseded it.

use std::collections::{BTreeMap, BTreeSet};

use tandem_core::path::RelPath;

use super::{Lost, merge};
use crate::sim::Blob;

type Hash = [u8; 32];

#[derive(Debug)]
struct Written {
    side: usize,
    paths: BTreeSet<RelPath>,
    content: Blob,
    end: Option<End>,
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
        self.by_hash.entry(content.hash()).or_default().push(number);
        self.written.push(Written {
            side,
            paths: BTreeSet::from([path.clone()]),
            content: content.clone(),
            end: None,
        });
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
        let there: BTreeSet<Hash> = there.iter().flat_map(|hash| self.made_of(*hash)).collect();
        self.written
            .iter()
            .filter(|written| written.end.is_none() && !there.contains(&written.content.hash()))
            .map(|written| Lost {
                side: written.side,
                path: written.paths.first().cloned().unwrap_or_else(RelPath::root),
                content: written.content.clone(),
                history: self.history(written),
            })
            .collect()
    }

    /// The writes that content at `path` stands for: those known to have been there, else all of it.
    fn meant(&self, path: &RelPath, hash: Hash, sent: Option<Hash>) -> Vec<usize> {
        let alive = self.alive(hash, sent);
        let here: Vec<usize> = alive
            .iter()
            .copied()
            .filter(|number| self.written[*number].paths.contains(path))
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
