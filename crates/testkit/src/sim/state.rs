//! What a simulated storage holds at one instant, and the few ways in which that changes. Everything is
//! done under one lock and never waits. Invariant: every visible change goes through here, so that
//! checkpoints, the change log, lagging listings and revisions follow from one place.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use tandem_core::capabilities::{Capabilities, Ids, ListingConsistency};
use tandem_core::entry::{Entry, Kind, Mtime, NativeId, Revision};
use tandem_core::environment::Environment;
use tandem_core::path::Name;
use tandem_core::storage::{Displaced, VersionKey};
use tandem_core::time::Timestamp;

use super::blob::Blob;
use super::environment::SimEnvironment;
use super::faults::{Fault, Faults};
use super::feed::ChangeLog;
use super::names::Folding;
use super::shape::{FolderRevisions, Habits, RevisionStyle};
use super::staging::Upload;
use super::tree::{Body, Node, ROOT, Serial, Tree};
use super::versions::Kept;
use crate::oracle::Witness;
use crate::seed::Rng;

/// How many changes a volatile storage holds back at most; older ones were written out by themselves.
const MOST_UNFLUSHED: usize = 64;

/// How a storage is, throughout.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) capabilities: Capabilities,
    pub(super) habits: Habits,
}

/// What a crash can take back to.
#[derive(Debug, Clone)]
pub(super) struct Checkpoint {
    pub(super) tree: Tree,
    pub(super) kept: BTreeMap<VersionKey, Kept>,
    pub(super) marker: Option<String>,
}

/// A change that a lagging listing may not show yet.
#[derive(Debug)]
pub(super) struct Recent {
    pub(super) at: u64,
    pub(super) folder: Serial,
    pub(super) serial: Serial,
    pub(super) before: Option<Entry>,
}

pub(super) struct State {
    pub(super) shape: Arc<Shape>,
    pub(super) environment: SimEnvironment,
    pub(super) tree: Tree,
    pub(super) kept: BTreeMap<VersionKey, Kept>,
    /// What was written into after it was replaced, until it is asked for.
    pub(super) written_since: Vec<Displaced>,
    pub(super) marker: Option<String>,
    /// What is there once the root is mounted again.
    pub(super) unmounted: Option<Checkpoint>,
    pub(super) missing: bool,
    pub(super) root_id: u64,
    pub(super) staged: BTreeMap<u64, Upload>,
    pub(super) log: ChangeLog,
    pub(super) watchers: Vec<Waker>,
    pub(super) unflushed: VecDeque<Checkpoint>,
    /// What a person wrote and nobody flushed.
    pub(super) unflushed_edits: BTreeSet<Serial>,
    pub(super) recent: Vec<Recent>,
    pub(super) lost: BTreeSet<Serial>,
    pub(super) unreadable: BTreeSet<Serial>,
    /// What no listing shows, and is there for who asks for it.
    pub(super) unlisted: BTreeSet<Serial>,
    /// What changes whenever it is listed.
    pub(super) restless: BTreeSet<Serial>,
    pub(super) faults: Faults,
    pub(super) injected: BTreeMap<&'static str, u64>,
    pub(super) failed_expectations: BTreeMap<String, u64>,
    /// With more items than this, drawn edits rather delete.
    pub(super) crowded_from: usize,
    pub(super) auth_expired: bool,
    pub(super) full: bool,
    pub(super) rng: Rng,
    pub(super) witness: Option<Witness>,
    pub(super) last_error: Option<(tandem_core::error::Cause, Timestamp)>,
    free_numbers: Vec<u64>,
    counter: u64,
}

impl State {
    pub(super) fn new(shape: Arc<Shape>, environment: SimEnvironment, rng: Rng) -> Self {
        let root = Node {
            parent: ROOT,
            name: root_name(),
            body: folder_body(),
            number: 0,
            version: 0,
            tag: 0,
            tagged_at: 0,
            ctime: environment.now(),
            children: BTreeMap::new(),
        };
        Self {
            tree: Tree::new(Folding::of(&shape.capabilities), root),
            kept: BTreeMap::new(),
            written_since: Vec::new(),
            marker: None,
            unmounted: None,
            missing: false,
            // From the world, not the seed: two storages of one seed are two roots.
            root_id: environment.random(),
            staged: BTreeMap::new(),
            log: ChangeLog::new(environment.random()),
            watchers: Vec::new(),
            unflushed: VecDeque::new(),
            unflushed_edits: BTreeSet::new(),
            recent: Vec::new(),
            lost: BTreeSet::new(),
            unreadable: BTreeSet::new(),
            unlisted: BTreeSet::new(),
            restless: BTreeSet::new(),
            faults: Faults::none(),
            injected: BTreeMap::new(),
            failed_expectations: BTreeMap::new(),
            crowded_from: super::random_edit::ITEMS,
            auth_expired: false,
            full: false,
            rng,
            witness: None,
            last_error: None,
            free_numbers: Vec::new(),
            counter: 0,
            shape,
            environment,
        }
    }

    /// The next number of everything that is counted.
    pub(super) const fn count(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Whether `fault` happens now; counts it if so.
    pub(super) fn strikes(&mut self, fault: Fault) -> bool {
        let strikes = self.rng.chance_per_mille(self.faults.rate(fault));
        if strikes {
            self.count_fault(fault);
        }
        strikes
    }

    pub(super) fn count_fault(&mut self, fault: Fault) {
        *self.injected.entry(fault.name()).or_default() += 1;
    }

    /// Everything visible is durable from now on.
    pub(super) fn flush(&mut self) {
        self.unflushed.clear();
    }

    pub(super) fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            tree: self.tree.clone(),
            kept: self.kept.clone(),
            marker: self.marker.clone(),
        }
    }

    /// To be called before a change that a crash may take back.
    pub(super) fn before_change(&mut self) {
        if self.shape.habits.volatile {
            if self.unflushed.len() == MOST_UNFLUSHED {
                self.unflushed.pop_front();
            }
            let checkpoint = self.checkpoint();
            self.unflushed.push_back(checkpoint);
        }
    }

    pub(super) fn return_to(&mut self, checkpoint: Checkpoint) {
        self.tree = checkpoint.tree;
        self.kept = checkpoint.kept;
        self.marker = checkpoint.marker;
        self.recent.clear();
    }

    /// Makes a new item. The caller has seen to it that the name is free, or that twins may be.
    pub(super) fn create(&mut self, parent: Serial, name: &Name, body: Body) -> Serial {
        let serial = self.count();
        let number = self.new_number();
        let (version, tag) = (self.count(), self.count());
        let ctime = self.environment.tick();
        let node = Node {
            parent,
            name: name.clone(),
            body,
            number,
            version,
            tag,
            tagged_at: self.uptime(),
            ctime: self.floor_to_granularity(ctime),
            children: BTreeMap::new(),
        };
        self.tree.insert(serial, node);
        self.remember(parent, serial, None);
        self.touched(serial);
        serial
    }

    /// Gives an item another body; `new_id` as if another file had taken its name.
    pub(super) fn overwrite(&mut self, serial: Serial, body: Body, new_id: bool) {
        let Some(node) = self.tree.get(serial) else {
            return;
        };
        let parent = node.parent;
        let content_changed = node.body.blob != body.blob || node.body.target != body.target;
        let size_changed = node.body.blob.size() != body.blob.size();
        let before = self.entry(serial);
        let number = new_id.then(|| self.new_number());
        if let Some(node) = self.tree.get_mut(serial) {
            node.body = body;
            if let Some(number) = number {
                let old = std::mem::replace(&mut node.number, number);
                self.free_numbers.push(old);
            }
        }
        self.stamp(serial, content_changed, size_changed);
        self.remember(parent, serial, before);
        self.touched(serial);
    }

    /// Takes an item and all below away.
    pub(super) fn remove(&mut self, serial: Serial) -> Vec<(Serial, Node)> {
        let before = self.entry(serial);
        for at in self.tree.subtree(serial) {
            self.lost.remove(&at);
            self.log_line(at);
        }
        let parent = self.tree.get(serial).map_or(ROOT, |node| node.parent);
        self.environment.tick();
        let nodes = self.tree.remove(serial);
        self.free_numbers
            .extend(nodes.iter().map(|(_, node)| node.number));
        self.remember(parent, serial, before);
        self.changed_below(parent);
        self.wake();
        nodes
    }

    /// Hangs an item elsewhere.
    pub(super) fn relink(&mut self, serial: Serial, parent: Serial, name: &Name) {
        let before = self.entry(serial);
        let old_parent = self.tree.get(serial).map_or(ROOT, |node| node.parent);
        for at in self.told_with(serial) {
            self.log_line(at);
        }
        self.tree.relink(serial, parent, name);
        if self.shape.habits.move_gives_revision {
            self.stamp(serial, false, false);
        }
        self.remember(old_parent, serial, before);
        self.remember(parent, serial, None);
        for at in self.told_with(serial) {
            self.log_line(at);
        }
        self.changed_below(old_parent);
        self.changed_below(parent);
        self.wake();
    }

    /// Gives an item another version after its body was changed in place.
    pub(super) fn stamp(&mut self, serial: Serial, content_changed: bool, size_changed: bool) {
        let (version, tag) = (self.count(), self.count());
        let ctime = self.environment.tick();
        let (uptime, ctime) = (self.uptime(), self.floor_to_granularity(ctime));
        let granularity = self.shape.capabilities.revision_granularity;
        let counts_content = self.shape.habits.revisions == RevisionStyle::ContentCounter;
        let Some(node) = self.tree.get_mut(serial) else {
            return;
        };
        node.version = version;
        node.ctime = ctime;
        let too_soon = uptime - node.tagged_at < granularity && !size_changed;
        if !too_soon && (content_changed || !counts_content) {
            node.tag = tag;
            node.tagged_at = uptime;
        }
    }

    fn touched(&mut self, serial: Serial) {
        self.log_line(serial);
        let parent = self.tree.get(serial).map_or(ROOT, |node| node.parent);
        self.changed_below(parent);
        self.wake();
    }

    /// Notes that something happened to an item where it is now.
    pub(super) fn log_line(&mut self, serial: Serial) {
        if let Some(node) = self.tree.get(serial) {
            let id = self.native_id(node);
            self.log.add(serial, self.tree.path_of(serial), id);
        }
    }

    fn changed_below(&mut self, folder: Serial) {
        let reach = if self.shape.capabilities.folder_revision_covers_subtree {
            usize::MAX
        } else if self.shape.habits.folder_revisions == FolderRevisions::Children {
            1
        } else {
            return;
        };
        let folders: Vec<Serial> = self.tree.ancestors(folder).take(reach).collect();
        for folder in folders {
            self.stamp(folder, true, true);
        }
    }

    /// Wakes who waits for a change.
    pub(super) fn wake(&mut self) {
        self.watchers.drain(..).for_each(Waker::wake);
    }

    fn remember(&mut self, folder: Serial, serial: Serial, before: Option<Entry>) {
        if self.shape.capabilities.listing == ListingConsistency::Eventual {
            let at = self.uptime();
            let lag = self.shape.habits.lag.as_nanos() as u64;
            self.recent.retain(|recent| at - recent.at <= lag);
            self.recent.push(Recent {
                at,
                folder,
                serial,
                before,
            });
        }
    }

    pub(super) fn uptime(&self) -> u64 {
        self.environment.uptime().as_nanos() as u64
    }

    fn new_number(&mut self) -> u64 {
        if self.shape.capabilities.ids == Ids::Hint
            && self.rng.chance(70)
            && let Some(number) = self.free_numbers.pop()
        {
            return number;
        }
        self.count()
    }

    fn floor_to_granularity(&self, time: Timestamp) -> Timestamp {
        floor(time, self.shape.capabilities.revision_granularity)
    }

    /// The item as the storage shows it.
    pub(super) fn entry(&self, serial: Serial) -> Option<Entry> {
        let node = self.tree.get(serial)?;
        let (body, capabilities) = (&node.body, &self.shape.capabilities);
        let is_file = body.kind == Kind::File;
        let hashes = capabilities.hashes.iter().filter(|_| is_file);
        Some(Entry {
            name: node.name.clone(),
            kind: body.kind,
            size: if is_file { body.blob.size() } else { 0 },
            mtime: self.shown_mtime(body),
            executable: (capabilities.executable && is_file).then_some(body.executable),
            id: self.native_id(node),
            revision: self.revision(node),
            hashes: hashes.filter_map(|kind| body.blob.hash_of(*kind)).collect(),
            target: body.target.clone(),
        })
    }

    pub(super) fn shown_mtime(&self, body: &Body) -> Option<Mtime> {
        let at = body.mtime.filter(|_| body.kind != Kind::Folder)?;
        let shown = body.by_client || self.shape.habits.shows_upload_time;
        shown.then_some(Mtime {
            at,
            by_client: body.by_client,
        })
    }

    pub(super) fn native_id(&self, node: &Node) -> Option<NativeId> {
        match self.shape.capabilities.ids {
            Ids::None => None,
            Ids::Hint => Some(NativeId::Number(1, node.number)),
            // Padded, so that the order of ids is that of age.
            Ids::Strong => Some(NativeId::Text(format!("id{:08}", node.number).into())),
        }
    }

    pub(super) fn revision(&self, node: &Node) -> Revision {
        let covers = self.shape.capabilities.folder_revision_covers_subtree;
        let habits = &self.shape.habits;
        if node.is_folder() && !covers && habits.folder_revisions == FolderRevisions::None {
            return Revision::None;
        }
        match habits.revisions {
            // It tells apart what no clock does.
            _ if covers && node.is_folder() => Revision::Tag(format!("r{}", node.tag).into()),
            RevisionStyle::ContentHash if !node.is_folder() => Revision::Tag(content_tag(node)),
            RevisionStyle::Fingerprint => Revision::Fingerprint {
                ctime: node.ctime.0,
                device: 1,
                inode: node.number,
                mtime: node.body.mtime.unwrap_or(node.ctime).0,
                size: node.body.blob.size(),
            },
            _ => Revision::Tag(format!("r{}", node.tag).into()),
        }
    }

    /// Whether an item can be seen: a store without empty folders shows only those that hold something.
    pub(super) fn is_visible(&self, serial: Serial) -> bool {
        self.shape.capabilities.empty_folders
            || serial == ROOT
            || self
                .tree
                .subtree(serial)
                .into_iter()
                .any(|at| self.tree.get(at).is_some_and(|node| !Node::is_folder(node)))
    }

    /// Whether a file is hidden by a folder of its name, which only a flat store can hold.
    pub(super) fn is_shadowed(&self, serial: Serial) -> bool {
        let Some(node) = self.tree.get(serial) else {
            return false;
        };
        let named = self.tree.find(node.parent, &node.name);
        named.len() > 1
            && !self.shape.capabilities.twins
            && !node.is_folder()
            && named.iter().any(|at| self.is_folder(*at))
    }

    /// The items of this name that can be seen, oldest first.
    pub(super) fn find(&self, folder: Serial, name: &Name) -> Vec<Serial> {
        let found = self.tree.find(folder, name).iter().copied();
        found.filter(|serial| self.is_visible(*serial)).collect()
    }

    /// The item that `id` names, where ids are strong.
    pub(super) fn by_id(&self, id: &NativeId) -> Option<Serial> {
        let NativeId::Text(text) = id else {
            return None;
        };
        let number: u64 = text.strip_prefix("id")?.parse().ok()?;
        let found = self.tree.iter().find(|(_, node)| node.number == number);
        found.map(|(serial, _)| serial)
    }

    /// Bytes of everything that is visible.
    pub(super) fn used(&self) -> u64 {
        self.tree
            .iter()
            .map(|(_, node)| node.body.blob.size())
            .sum()
    }
}

/// `time` in steps of `step` nanoseconds.
pub(super) fn floor(time: Timestamp, step: u64) -> Timestamp {
    match i64::try_from(step) {
        Ok(step) if step > 1 => Timestamp(time.0 - time.0.rem_euclid(step)),
        _ => time,
    }
}

/// The body of a folder.
pub(super) fn folder_body() -> Body {
    Body {
        kind: Kind::Folder,
        blob: Blob::new(""),
        sent: None,
        mtime: None,
        by_client: false,
        executable: false,
        target: None,
    }
}

fn root_name() -> Name {
    Name::new("root").expect("a name without a separator")
}

fn content_tag(node: &Node) -> Box<str> {
    let hash = match &node.body.target {
        Some(target) => Blob::new(target.to_string()).hash(),
        None => node.body.blob.hash(),
    };
    hash[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        .into()
}
