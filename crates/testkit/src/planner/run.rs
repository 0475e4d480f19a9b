//! Rounds of look, plan and action until nothing is left to do, with people at work in between, as the engine does
//! them.

use std::collections::BTreeMap;

use tandem_core::capabilities::Capabilities;
use tandem_core::entry::{ContentHash, HashKind, Kind, Revision};
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::record::add_hashes;
use tandem_core::plan::{Action, Deed, Input, ItemId, Plan, Refused, Trees, plan};
use tandem_core::policy::{FirstSync, Policy};
use tandem_core::side::{PerSide, Side};

use super::case::{Case, Event, Step};
use super::check::Judge;
use super::coverage::Coverage;
use super::people::Edit;
use super::script::Script;
use super::state::{Listing, State};
use super::tree::{Body, Place, ROOT, hash_of};
use super::world::World;
use crate::seed::Rng;

/// A run that does not come to rest in so many rounds never does.
pub(super) const MOST_ROUNDS: u32 = 200;

/// Rounds of evidence after which a plan must be made.
const MOST_QUESTIONS: u32 = 20;

/// The device in conflict names.
const DEVICE: &str = "device 0000";

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What is wrong, one sentence each; nothing if all promises held.
    pub violations: Vec<String>,
    /// Hash of everything that was planned and done.
    pub trace: u64,
    /// What happened in it.
    pub coverage: Coverage,
}

/// One case under way.
pub(super) struct Run<'a> {
    pub(super) world: World,
    pub(super) state: State,
    pub(super) policy: Policy,
    pub(super) capabilities: PerSide<Capabilities>,
    script: Script<'a>,
    pub(super) order: Option<Rng>,
    tick: u32,
    /// Names that a filter leaves out.
    pub(super) filter: Vec<Name>,
    unreadable: PerSide<Option<RelPath>>,
    pub(super) refused: Refused,
    /// What cannot be done, and is not tried again.
    pub(super) hopeless: Vec<(Side, Deed)>,
    /// Whether the last plan had something that is not tried again.
    pub(super) is_waiting: bool,
    /// Folders that stay for what is not synced in them, and are not carried.
    pub(super) detached: Vec<(Side, RelPath)>,
    /// The write that both sides had of each file when it was last in step.
    pub(super) in_step: BTreeMap<ItemId, usize>,
    /// Where each folder is by the id under which its side is known.
    pub(super) folders: PerSide<Vec<(ItemId, Place)>>,
    /// The last plan.
    pub(super) plan: Plan,
    /// What was taken and is the last that is known of something that a side lacks.
    taken: PerSide<Vec<Revision>>,
    /// The first action of the last plan that was carried out.
    last: Option<Action>,
    pub(super) judge: Judge,
    pub(super) trace: Trace,
    told: Option<Vec<String>>,
}

/// A hash of what happened (FNV-1a).
pub(super) struct Trace(u64);

impl Trace {
    pub(super) fn add(&mut self, number: u64) {
        for byte in number.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn text(&mut self, text: &str) {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Runs `case`; what people do comes from `script`. Answers also what they did and, if it is to be told, what
/// happened.
pub(super) fn run(
    case: &Case,
    script: Script<'_>,
    is_told: bool,
) -> (Outcome, Vec<Step>, Vec<String>) {
    let mut run = Run::begin(case, script);
    run.told = is_told.then(Vec::new);
    run.live();
    let outcome = Outcome {
        violations: run.judge.violations,
        trace: run.trace.0,
        coverage: run.judge.coverage,
    };
    (
        outcome,
        run.script.into_steps(),
        run.told.unwrap_or_default(),
    )
}

impl<'a> Run<'a> {
    fn begin(case: &Case, script: Script<'a>) -> Self {
        let world = World::new(case.traits, case.keeps_versions);
        let capabilities = PerSide::from_fn(|side| world.sides[side].capabilities.clone());
        let mut run = Self {
            world,
            state: State::default(),
            policy: case.policy.clone(),
            capabilities,
            script,
            order: (case.order != 0).then(|| Rng::new(case.order)),
            tick: 0,
            filter: Vec::new(),
            unreadable: PerSide::default(),
            refused: Refused::default(),
            hopeless: Vec::new(),
            is_waiting: false,
            detached: Vec::new(),
            in_step: BTreeMap::new(),
            folders: PerSide::default(),
            plan: Plan::default(),
            taken: PerSide::default(),
            last: None,
            judge: Judge::default(),
            trace: Trace(0xcbf2_9ce4_8422_2325),
            told: None,
        };
        run.make_base(&case.base);
        if !run.state.base.is_empty() {
            run.policy.first_sync = FirstSync::Merge;
        }
        run
    }

    pub(super) fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(told) = &mut self.told {
            told.push(line());
        }
    }

    fn live(&mut self) {
        self.judge.coverage.tree(&self.world);
        self.happen(None);
        if !self.pass() {
            return;
        }
        // The next pass knows nothing of the last but what is recorded. It would try again to merge what cannot be, and
        // do nothing by that. Where nothing else was known, the last round was that pass: to look again at what nobody
        // changed is worth it now and then.
        let knew_more = !std::mem::take(&mut self.state.copies).is_empty();
        if knew_more || self.tick.is_multiple_of(4) {
            let left = self.next_plan();
            if !left.is_empty() && self.judge.violations.is_empty() {
                let text = format!("the next pass has something to do: {:?}", left[0].deed);
                self.judge.violation(text);
            }
        }
        // What cannot be kept is not replaced or deleted (P1 a), and what waits for its name is not carried either.
        if !self.is_waiting {
            self.check_in_step();
        }
    }

    /// Rounds until there is nothing to do. Answers whether it came to that.
    fn pass(&mut self) -> bool {
        for _ in 0..MOST_ROUNDS {
            self.judge.coverage.rounds += 1;
            self.happen(None);
            let actions = self.next_plan();
            let looked_at_all = self.unreadable == PerSide::default();
            self.unreadable = PerSide::default();
            if actions.is_empty() && looked_at_all {
                // What somebody still may have moved is remembered.
                self.state.taken.clone_from(&self.taken);
                match self.script.next_after(self.tick) {
                    Some(tick) => self.tick = tick,
                    None => return true,
                }
            }
            self.last = actions.first().cloned();
            self.execute(actions);
            if self.judge.violations.len() > 3 {
                return false;
            }
        }
        let text = format!(
            "it does not come to rest: {:?}",
            self.last.as_ref().map(|a| &a.deed)
        );
        self.judge.violation(text);
        false
    }

    /// What happens before the next look or action.
    pub(super) fn happen(&mut self, next: Option<&Action>) {
        while let Some(step) = self.script.at(self.tick, &self.world, next) {
            let Step { side, event, .. } = step;
            match event {
                Event::Edit(edit) => {
                    if matches!(edit, Edit::Swap(..)) {
                        self.world.hashed = self.hashed(side);
                    }
                    let is_done = self.world.edit(side, &edit);
                    self.tell(|| format!("{side}: {edit}, {is_done}"));
                    self.judge.coverage.edit(&edit);
                }
                Event::Unreadable(path) => {
                    self.judge.coverage.fault("a folder cannot be listed");
                    self.unreadable[side] = Some(path);
                }
                Event::Filter(name) => {
                    self.judge.coverage.fault("a filter changes");
                    self.turn_filter(&name);
                }
            }
            if next.is_some() {
                break;
            }
        }
        self.tick += 1;
    }

    /// The contents of a side of which a digest is noted.
    fn hashed(&self, side: Side) -> Vec<u32> {
        let base = self.state.base.iter();
        let noted: Vec<&ContentHash> = base
            .filter_map(|item| item.entries[side].as_ref()?.hash(HashKind::Blake3))
            .collect();
        let tree = &self.world.sides[side];
        let contents = tree.all().map(|place| tree.items[place].body.content);
        contents
            .filter(|&content| noted.contains(&&hash_of(content, HashKind::Blake3)))
            .collect()
    }

    fn turn_filter(&mut self, name: &str) {
        let name = self.folded(&Name::new(name).expect("a filter names a name"));
        match self.filter.iter().position(|out| *out == name) {
            Some(at) => drop(self.filter.swap_remove(at)),
            None => self.filter.push(name),
        }
    }

    /// Both sides get the same tree and the base has it.
    fn make_base(&mut self, edits: &[Edit]) {
        for edit in edits {
            self.world.edit(Side::Source, edit);
        }
        let mut ids = vec![(ROOT, ROOT, ItemId::ROOT)];
        for place in self.world.sides.source.all().collect::<Vec<_>>() {
            let item = self.world.sides.source.items[place].clone();
            let Some(&(_, folder, parent)) = ids.iter().find(|(at, ..)| *at == item.parent) else {
                continue;
            };
            let Some(there) = self.copy_over(place, folder) else {
                self.world.sides.source.remove(place);
                continue;
            };
            let id = self.state.new_id();
            let mut entries = PerSide::new(
                self.world.sides.source.entry(place),
                self.world.sides.destination.entry(there),
            );
            if item.body.kind == Kind::File && !item.body.content.is_multiple_of(5) {
                for side in Side::BOTH {
                    let hash = hash_of(item.body.content, HashKind::Blake3);
                    add_hashes(&mut entries[side].hashes, &[hash]);
                }
            }
            self.state
                .put(id, parent, item.name, item.body.kind, entries.map(Some));
            if item.body.kind == Kind::File {
                self.in_step.insert(id, item.body.write);
            }
            ids.push((place, there, id));
        }
    }

    /// Puts what is at `place` of the source into the destination's `folder` too, if that can hold it.
    fn copy_over(&mut self, place: Place, folder: Place) -> Option<Place> {
        let item = self.world.sides.source.items[place].clone();
        let destination = &self.world.sides.destination;
        let links = item.body.kind != Kind::Symlink || destination.traits.symlinks;
        let plain = item.body.kind != Kind::Opaque;
        let size = super::tree::size_of(item.body.content);
        let small = !destination.traits.small_files || size <= super::traits::LARGEST;
        let rules = &destination.capabilities.names;
        let name = tandem_core::names::encode(&item.name, rules)
            .ok()?
            .into_owned();
        if !(links && plain && small) || destination.taken_by(folder, &name).is_some() {
            return None;
        }
        let body = Body {
            mtime: super::people::floor(item.body.mtime, destination),
            by_client: destination.traits.mtime,
            executable: item.body.executable && destination.traits.executable,
            ..item.body
        };
        Some(self.world.sides.destination.create(folder, name, body))
    }

    /// Looks at both sides and plans, reading what the planner must know. Answers what is worth trying.
    fn next_plan(&mut self) -> Vec<Action> {
        self.state.rebased.clear();
        self.state.now = self.world.now();
        for side in Side::BOTH {
            self.look(side);
        }
        // Each answer can raise another question, but not without end.
        for asked in 0..=MOST_QUESTIONS {
            if asked == MOST_QUESTIONS {
                self.judge
                    .violation("it asks again for what it was told".to_owned());
            }
            let is_filtered = |side, name: &Name| self.is_filtered(side, name);
            let mut trees = self.state.load(self.capabilities.as_ref(), is_filtered);
            self.drop_detached(&mut trees);
            self.plan = self.planned(&trees);
            self.taken = trees.taken;
            if self.plan.evidence.is_empty() {
                break;
            }
            for one in self.plan.evidence.clone() {
                let base = self.state.base_item(one.item).cloned();
                self.tell(|| format!("  asks for {one:?} of {base:?}"));
            }
            self.gather();
        }
        self.world.planned();
        let known = (&self.state, &self.folders);
        self.judge.planned(&self.plan, known, &self.world);
        if self.told.is_some() {
            for side in Side::BOTH {
                let tree = &self.world.sides[side];
                let all: Vec<String> = tree
                    .all()
                    .map(|place| {
                        let body = &tree.items[place].body;
                        format!("{:?}={}", tree.path(place), body.content)
                    })
                    .collect();
                let rows = self.state.seen[side].iter();
                let rows: Vec<String> = rows.map(ToString::to_string).collect();
                self.tell(|| format!("  {side} has {}", all.join(" ")));
                self.tell(|| format!("  {side} differs in {}", rows.join(" ")));
            }
            for action in self.plan.actions.clone() {
                self.tell(|| {
                    format!(
                        "  plans {} {:?} {:?}",
                        action.side, action.reason, action.deed
                    )
                });
            }
            for conflict in self.plan.conflicts.clone() {
                self.tell(|| format!("  meets {conflict:?}"));
            }
            for left in self.plan.left_out.clone() {
                self.tell(|| format!("  leaves out {left:?}"));
            }
        }
        for action in &self.plan.actions {
            self.trace.text(action.reason.name());
            self.trace
                .text(action.path().map_or("", |path| path.as_str()));
        }
        let actions = std::mem::take(&mut self.plan.actions);
        self.worth_trying(actions)
    }

    fn planned(&mut self, trees: &Trees) -> Plan {
        if trees.items.is_empty()
            && trees.fresh.source.is_empty()
            && trees.fresh.destination.is_empty()
        {
            return Plan::default();
        }
        let input = Input {
            trees,
            capabilities: self.capabilities.as_ref(),
            policy: &self.policy,
            device: DEVICE,
            refused: &self.refused,
        };
        let first = plan(&input);
        if self.tick.is_multiple_of(16) && plan(&input) != first {
            self.judge
                .violation("the same trees give two plans".to_owned());
        }
        first
    }

    fn look(&mut self, side: Side) {
        let mut known = std::mem::take(&mut self.folders[side]);
        known.clear();
        known.push((ItemId::ROOT, ROOT));
        self.world.sides[side].show();
        let tree = &self.world.sides[side];
        // Grouped once by the folder they are in, and so in each in the order of the tree.
        let mut all: Vec<Place> = tree.all().collect();
        all.sort_by_key(|&place| tree.items[place].parent);
        let mut at = 0;
        while at < known.len() {
            let (id, place) = known[at];
            at += 1;
            let tree = &self.world.sides[side];
            let mut listing = Listing::default();
            let mut folders = Vec::new();
            let from = all.partition_point(|&child| tree.items[child].parent < place);
            let within = |child: &&Place| tree.items[**child].parent == place;
            for &child in all[from..].iter().take_while(within) {
                let name = &tree.items[child].name;
                if self.is_filtered(side, name) {
                    listing.excluded.push(name.clone());
                    continue;
                }
                if self.is_unreadable(side, child) {
                    listing.unread.push(name.clone());
                } else if tree.is_folder(child) {
                    folders.push(child);
                }
                listing.entries.push(tree.shown(child));
            }
            self.state
                .see_folder(side, id, &self.capabilities[side], listing);
            for child in folders {
                let name = &self.world.sides[side].items[child].name;
                if let Some(child_id) = self.state.folder_at(side, id, name) {
                    known.push((child_id, child));
                }
            }
        }
        self.folders[side] = known;
    }

    fn is_unreadable(&self, side: Side, place: Place) -> bool {
        let path = self.unreadable[side].as_ref();
        path.is_some_and(|path| self.world.sides[side].at(path) == Some(place))
    }

    pub(super) fn is_filtered(&self, side: Side, name: &Name) -> bool {
        if self.filter.is_empty() {
            return false;
        }
        let rules = &self.capabilities[side].names;
        // A twin by case or form of what is left out is left out too, else one side could not hold it beside that.
        let name = tandem_core::names::decode_name(name, rules);
        name.is_ok_and(|name| self.filter.contains(&self.folded(&name)))
    }

    /// Reads what the planner must know.
    fn gather(&mut self) {
        let evidence = std::mem::take(&mut self.plan.evidence);
        self.judge.coverage.evidence += evidence.len() as u64;
        for one in evidence {
            let path = &one.at.path;
            let folder = path.parent().unwrap_or_else(RelPath::root);
            let Some(folder) = self.state.folder_by_path(one.side, &folder) else {
                continue;
            };
            let tree = &self.world.sides[one.side];
            let there = tree.at(path);
            let there = there.filter(|&p| super::carry::is_at(tree, p, &one.at.entry.revision));
            match there {
                Some(place) => {
                    let mut entry = one.at.entry.clone();
                    let hash = hash_of(tree.items[place].body.content, HashKind::Blake3);
                    add_hashes(&mut entry.hashes, &[hash]);
                    self.state.add_hash(one.side, folder, &entry);
                }
                None => self
                    .state
                    .mark_unknown(one.side, folder, &one.at.entry.name),
            }
        }
    }
}
