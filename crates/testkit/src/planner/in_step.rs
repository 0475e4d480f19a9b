//! Whether two sides are in step at rest: within the mode, the filter and what the sides can hold (P2).

use std::collections::{BTreeMap, BTreeSet};

use tandem_core::conflict_name::parse_conflict;
use tandem_core::entry::Kind;
use tandem_core::names;
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::Refusal;
use tandem_core::policy::{ConflictPolicy, Mode};
use tandem_core::side::{PerSide, Side};

use super::run::Run;
use super::tree::{Body, Place, ROOT, size_of};

/// What a side has at one common path.
type Found = BTreeMap<RelPath, PerSide<Vec<Body>>>;

impl Run<'_> {
    /// Notes every difference that nothing explains.
    pub(super) fn check_in_step(&mut self) {
        if self.are_same(ROOT, ROOT) {
            return;
        }
        let (found, refused) = self.by_common_path();
        let mut left_out = self.told(&refused);
        left_out.extend(self.kept_by_backup(&found));
        left_out.extend(self.told_apart_before(&found));
        for (path, bodies) in &found {
            let is_left_out = left_out
                .iter()
                .any(|out| path.is_within(out) || is_mapped_twin(path, out))
                || (bodies.source.len() != bodies.destination.len()
                    && left_out.iter().any(|out| out.is_within(path)));
            if !is_left_out && let Some(text) = self.difference(path, bodies) {
                self.judge.violation(text);
            }
        }
    }

    /// Whether two folders hold the same under the same names: the usual case, told without making paths.
    fn are_same(&self, source: Place, destination: Place) -> bool {
        let (a, b) = (&self.world.sides.source, &self.world.sides.destination);
        let mut count = 0;
        a.children(source).all(|place| {
            count += 1;
            let item = &a.items[place];
            let there = b
                .children(destination)
                .find(|&other| b.items[other].name == item.name);
            there.is_some_and(|other| {
                self.is_same(&item.body, &b.items[other].body)
                    && (item.body.kind != Kind::Folder || self.are_same(place, other))
            })
        }) && b.children(destination).count() == count
    }

    fn is_same(&self, a: &Body, b: &Body) -> bool {
        a.kind == b.kind
            && match a.kind {
                Kind::File => self.world.are_alike(a.content, b.content),
                Kind::Symlink => a.content == b.content,
                Kind::Folder | Kind::Opaque => true,
            }
    }

    /// Everything by the path in the pair, with names that are one on some side made equal, and what one of the
    /// sides cannot hold.
    fn by_common_path(&self) -> (Found, BTreeSet<RelPath>) {
        let mut found = Found::new();
        let mut refused = BTreeSet::new();
        let mut counts: BTreeMap<RelPath, PerSide<usize>> = BTreeMap::new();
        let flat = Side::BOTH
            .iter()
            .any(|&side| !self.world.sides[side].traits.empty_folders);
        for side in Side::BOTH {
            let tree = &self.world.sides[side];
            for place in tree.all() {
                let body = tree.items[place].body;
                let Some((common, fits)) = self.common(side, place) else {
                    continue;
                };
                if !fits || self.is_unholdable(side.other(), &body) {
                    refused.insert(common.clone());
                }
                counts.entry(common.clone()).or_default()[side] += 1;
                // Where one side has no empty folders, folders are as good as what is in them.
                if !(flat && body.kind == Kind::Folder) {
                    found.entry(common).or_default()[side].push(body);
                }
            }
        }
        let twins = counts.into_iter();
        let twins = twins.filter(|(_, count)| count.source > 1 || count.destination > 1);
        refused.extend(twins.map(|(path, _)| path));
        (found, refused)
    }

    /// The path in the pair, and whether the other side can hold it; `None` if a filter leaves it out.
    fn common(&self, side: Side, place: Place) -> Option<(RelPath, bool)> {
        let tree = &self.world.sides[side];
        let mut names = Vec::new();
        let mut at = place;
        while at != ROOT {
            if self.is_filtered(side, &tree.items[at].name) {
                return None;
            }
            names.push(&tree.items[at].name);
            at = tree.items[at].parent;
        }
        let mut common = RelPath::root();
        let mut fits = true;
        for native in names.into_iter().rev() {
            let name = names::decode_name(native, &self.capabilities[side].names);
            let name = name.map_or_else(|_| native.clone(), std::borrow::Cow::into_owned);
            fits &= names::encode(&name, &self.capabilities[side.other()].names).is_ok();
            common = common.join(&self.folded(&name));
        }
        Some((common, fits))
    }

    pub(super) fn folded(&self, name: &Name) -> Name {
        Side::BOTH.iter().fold(name.clone(), |name, &side| {
            let capabilities = &self.capabilities[side];
            let key = names::collision_key(&name, capabilities.case, capabilities.unicode);
            Name::new(key).unwrap_or(name)
        })
    }

    fn is_unholdable(&self, side: Side, body: &Body) -> bool {
        let traits = &self.world.sides[side].traits;
        match body.kind {
            Kind::Opaque => true,
            Kind::Symlink => !traits.symlinks,
            Kind::File => traits.small_files && size_of(body.content) > super::traits::LARGEST,
            Kind::Folder => false,
        }
    }

    /// Common paths that are known not to be in step, each for a reason of its own.
    fn told(&self, refused: &BTreeSet<RelPath>) -> Vec<RelPath> {
        let mut told: Vec<RelPath> = refused.iter().cloned().collect();
        let collisions = self.plan.left_out.iter();
        let collisions = collisions.filter(|left| left.why == Refusal::Collision);
        let places = collisions
            .map(|left| (left.side, &left.path))
            .chain(self.detached.iter().map(|(side, path)| (*side, path)));
        for (side, path) in places {
            told.extend(self.common_of(side, path));
        }
        let waiting = self.plan.conflicts.iter().filter(|c| c.waits);
        for conflict in waiting {
            for side in Side::BOTH {
                told.extend(self.common_of(side, &conflict.path));
            }
        }
        told
    }

    fn common_of(&self, side: Side, path: &RelPath) -> Option<RelPath> {
        let rules = &self.capabilities[side].names;
        let path = names::decode_path(path, rules).ok()?;
        Some(
            path.names()
                .fold(RelPath::root(), |at, name| at.join(&self.folded(&name))),
        )
    }

    fn difference(&self, path: &RelPath, bodies: &PerSide<Vec<Body>>) -> Option<String> {
        let mode = self.policy.mode;
        // What a person must decide about waits, and with it what waits for its name (DESIGN 5.3).
        let is_manual = self.policy.conflict == ConflictPolicy::Manual && mode == Mode::TwoWay;
        if is_manual && self.plan.conflicts.iter().any(|conflict| conflict.waits) {
            return None;
        }
        let counts = (bodies.source.len(), bodies.destination.len());
        if let ([a], [b]) = (&*bodies.source, &*bodies.destination) {
            if self.is_same(a, b) || self.is_left_by_backup(a, b) {
                return None;
            }
            return Some(format!("{path:?} differs at rest: {a:?} and {b:?}"));
        }
        // A backup keeps what the leading side no longer has, and what only it has.
        let only_follower = mode
            .leader()
            .is_some_and(|leader| mode.is_backup() && bodies[leader].is_empty());
        if only_follower {
            return None;
        }
        Some(format!("{path:?} is there {counts:?} times at rest"))
    }

    /// Where a backup keeps a file of before whose name is a folder's by now on the leading side, or a folder whose name is a
    /// file's: what is new has another name there.
    fn kept_by_backup(&self, found: &Found) -> Vec<RelPath> {
        let Some(leader) = self.policy.mode.leader() else {
            return Vec::new();
        };
        let is_folder = |body: &Body| body.kind == Kind::Folder;
        let is_kept = |bodies: &PerSide<Vec<Body>>| {
            let kept = &bodies[leader.other()];
            let mut new = bodies[leader].iter().map(is_folder);
            new.any(|new| kept.iter().any(|body| is_folder(body) != new))
        };
        let kept = found.iter().filter(|(_, bodies)| is_kept(bodies));
        let kept = kept.filter(|_| self.policy.mode.is_backup());
        kept.map(|(path, _)| path.clone()).collect()
    }

    /// What got a name of its own at the follower beside a twin keeps it when the twin is gone (DESIGN 5.8).
    fn told_apart_before(&self, found: &Found) -> Vec<RelPath> {
        let Some(leader) = self.policy.mode.leader() else {
            return Vec::new();
        };
        let only = |bodies: &PerSide<Vec<Body>>, side: Side| {
            bodies[side].len() == 1 && bodies[side.other()].is_empty()
        };
        let led = found.iter().filter(|(_, bodies)| only(bodies, leader));
        let is_told_apart = |path: &RelPath, led: &Body| {
            found.iter().any(|(copy, bodies)| {
                only(bodies, leader.other())
                    && copy.parent() == path.parent()
                    && is_mapped_twin(copy, path)
                    && self.is_same(led, &bodies[leader.other()][0])
            })
        };
        led.filter(|(path, bodies)| is_told_apart(path, &bodies[leader][0]))
            .map(|(path, _)| path.clone())
            .collect()
    }

    /// What was edited only at a backup stays until the leading side edits it (DESIGN 5.1).
    fn is_left_by_backup(&self, a: &Body, b: &Body) -> bool {
        let mode = self.policy.mode;
        mode.is_backup() && a.kind == b.kind && a.kind != Kind::Folder
    }
}

/// Whether something in `path` is, where only one side tells two names apart, the one that is mapped (DESIGN 5.8).
fn is_mapped_twin(path: &RelPath, twins: &RelPath) -> bool {
    let mut at = Some(path.clone());
    while let Some(path) = at.filter(|path| !path.is_root()) {
        let original = path.name().and_then(|name| parse_conflict(&name));
        let beside = original
            .zip(path.parent())
            .map(|(name, folder)| folder.join(&name));
        if beside.as_ref() == Some(twins) {
            return true;
        }
        at = path.parent();
    }
    false
}
