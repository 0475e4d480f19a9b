//! The production engine on two simulated storages: people edit both sides, the engine keeps them in step,
//! and the oracle asks whether anything was lost. One seed is one run, and gives the same run again.

mod bystander;
mod clash;
mod coverage;
mod heard;
mod in_step;
mod kept;
mod misfortune;
mod person;
mod rest;
mod teller;
mod trace;
mod unasked;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::conflict_name::DeviceName;
use tandem_core::guard::GuardSettings;
use tandem_core::policy::{Compare, ConflictPolicy, FirstSync, Mode, Policy};
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::Root;
use tandem_engine::Engine;
use tandem_engine::report::{HeldView, Problem, Summary};
use tandem_engine::setup::{PairOptions, Setup};

use crate::oracle::Oracle;
use crate::seed::Rng;
use crate::sim::{Failure, Fault, Faults, SimEnvironment, SimExecutor, SimFiles, SimStorage};

pub use coverage::{
    ACTIONS, CONFLICTS, CRASH, Coverage, DISK, EXPECTATIONS, LOST_STATE, UNMOUNTED,
};
use heard::Heard;
use person::Person;
pub use teller::Listener;
use teller::{Ears, Teller};
pub use trace::Trace;

/// Passes that edits and faults may take to come to rest.
const MOST_PASSES: usize = 30;

/// A pass over so small a tree that needs more steps than this does not end.
const MOST_POLLS: u64 = 2_000_000;

/// In how many runs of a hundred the pair's database is made in the first pass, with what befalls that.
const MAKES_DATABASE: u32 = 12;

/// How often the one fault of a pass happens that is to happen, per thousand occasions.
const OFTEN_PER_MILLE: u16 = 150;

/// How a run is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Storages fail in ways drawn from the seed.
    pub faults: bool,
    /// The program is killed at a point drawn from the seed, and started again.
    pub crash: bool,
    /// Every mode and policy; else two-way with the defaults.
    pub every_mode: bool,
    /// Few deletes at a time are held, and a person answers now and then; else nothing is held.
    pub held: bool,
    /// It begins with a tree of some size, and people go on working while the first passes are under way.
    pub busy: bool,
}

impl Shape {
    /// The shape that a seed has by itself, so that a number alone is a run.
    #[must_use]
    pub const fn of_seed(seed: u64) -> Self {
        let (faults, crash, every_mode) = match seed % 5 {
            0 => (false, false, false),
            1 => (true, false, false),
            2 => (false, true, false),
            3 => (false, false, true),
            _ => (true, true, true),
        };
        Self {
            faults,
            crash,
            every_mode,
            held: seed.is_multiple_of(3),
            busy: !seed.is_multiple_of(4),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> String {
        let parts = [
            (self.faults, "faults"),
            (self.crash, "crash"),
            (self.every_mode, "modes"),
            (self.held, "held"),
            (self.busy, "busy"),
        ];
        let on: Vec<&str> = parts
            .iter()
            .filter_map(|(on, name)| on.then_some(*name))
            .collect();
        if on.is_empty() {
            return "plain".to_owned();
        }
        on.join(" ")
    }
}

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What is wrong, one sentence each; nothing if all promises held.
    pub violations: Vec<String>,
    /// What another run of the seed must leave too.
    pub trace: Trace,
    /// What it came across.
    pub coverage: Coverage,
}

/// What a pass that ran to its end says: with what is not in step, and what is held.
type Passed = tandem_engine::error::Result<(Summary, Vec<Problem>, Vec<HeldView>)>;

/// Two storages, the people on them, and the engine's place.
struct World {
    rng: Rng,
    environment: SimEnvironment,
    sides: PerSide<SimStorage>,
    oracle: Oracle,
    policy: Policy,
    /// The disk with the pair's database.
    files: SimFiles,
    /// Of its own, so that what else a seed gives stays what it was.
    disk_rng: Rng,
    /// What the last pass said is not in step.
    problems: Vec<Problem>,
    person: Person,
    /// Of its own too.
    bystander_rng: Rng,
    /// Whether the database is the one that the pair was made with.
    is_new: bool,
    /// Versions are kept for as short as they can be.
    keeps_briefly: bool,
    is_held: bool,
    /// The program, while it runs.
    program: Option<Engine>,
    /// Of its own, so that what else a seed gives stays what it was.
    program_rng: Rng,
    teller: Teller,
    heard: Heard,
    outcome: Outcome,
}

/// Runs `seed`.
#[must_use]
pub fn run(seed: u64, shape: Shape) -> Outcome {
    run_told(seed, shape, None)
}

/// Runs `seed` twice. That the second run is another one than the first is a violation (P3).
#[must_use]
pub fn run_twice(seed: u64, shape: Shape) -> Outcome {
    let mut outcome = run(seed, shape);
    let again = run(seed, shape);
    if again != outcome {
        let differ = outcome.trace.differences(&again.trace).join(", ");
        let text = format!("the same seed gives two runs, which differ in: {differ}");
        outcome.violations.push(text);
    }
    outcome
}

/// Like [`run`], and tells `listener` what happens.
#[must_use]
pub fn run_told(seed: u64, shape: Shape, listener: Option<Listener>) -> Outcome {
    let mut world = World::draw(seed, shape, Teller::new(listener));
    if !Rng::new(seed ^ 0x6d61_6b65).chance(MAKES_DATABASE) {
        world.files = with_blank_database();
    }
    world.live(shape);
    world.end()
}

/// A disk with the database of a pair that is new. To make it takes longer than a pass, and most passes need not.
fn with_blank_database() -> SimFiles {
    static BLANK: OnceLock<SimFiles> = OnceLock::new();
    let made = BLANK.get_or_init(|| {
        let world = World::draw(0, Shape::of_seed(0), Teller::new(None));
        let opened = SimExecutor::new(&world.environment).run(Engine::open(world.setup()));
        assert!(matches!(opened, Some(Ok(_))), "a new pair can be opened");
        drop(opened);
        world.files
    });
    made.copy()
}

impl World {
    fn draw(seed: u64, shape: Shape, teller: Teller) -> Self {
        let mut rng = Rng::new(seed);
        let environment = SimEnvironment::new(seed);
        // Of its own, so that what else a seed gives stays what it was.
        let mut apart = Rng::new(seed ^ 0x6c69_7374);
        let sides = PerSide::from_fn(|_| {
            SimStorage::from_seed_but(rng.below(u64::MAX), &environment, |capabilities, habits| {
                supported(capabilities);
                habits.feed_root_by_id = apart.chance(50);
                habits.feed_tells_folder_alone = apart.chance(60);
                capabilities.listing_lacks_meta =
                    apart.chance(40) && capabilities.ids == Ids::None && !capabilities.feed;
            })
        });
        let oracle = Oracle::new();
        sides.source.watched_by(&oracle, 0);
        sides.destination.watched_by(&oracle, 1);
        let policy = if shape.every_mode {
            Policy {
                mode: *rng.pick(Mode::ALL),
                compare: *rng.pick(&[Compare::HashThenMtime, Compare::HashOnly]),
                first_sync: *rng.pick(FirstSync::ALL),
                conflict: *rng.pick(ConflictPolicy::ALL),
            }
        } else {
            // Of its own, so that what else a seed gives stays what it was.
            let by_hash = Rng::new(seed ^ 0x636f_6d70).chance(50);
            Policy {
                compare: if by_hash {
                    Compare::HashOnly
                } else {
                    Policy::default().compare
                },
                ..Policy::default()
            }
        };
        if policy.compare != Compare::HashOnly {
            // Equal by size and time alone is declared as unverified: that nothing is lost is asked where sizes tell.
            oracle.tell_apart_by_size();
        }
        if policy.conflict == ConflictPolicy::Merge {
            oracle.let_merge();
        }
        Self {
            rng,
            environment,
            sides,
            oracle,
            policy,
            files: SimFiles::new(),
            disk_rng: Rng::new(seed ^ 0x6469_736b),
            problems: Vec::new(),
            person: Person::new(seed ^ 0x7065_7273),
            bystander_rng: Rng::new(seed ^ 0x6279_7374),
            is_new: true,
            keeps_briefly: shape.busy && seed.is_multiple_of(2),
            is_held: shape.held,
            program: None,
            program_rng: Rng::new(seed ^ 0x6c69_6665),
            teller,
            heard: Heard::default(),
            outcome: Outcome::default(),
        }
    }

    /// What the run came to.
    fn end(self) -> Outcome {
        let mut outcome = self.outcome;
        let (database, conflicts) = trace::of_database(&self.files.database("pair.db"));
        outcome.trace = Trace {
            calls: self.environment.trace(),
            events: self.heard.digest(),
            database,
            sides: trace::of_sides(&self.sides),
        };
        for (kind, times) in self.heard.done() {
            *outcome.coverage.actions.entry(kind).or_default() += times;
        }
        for kind in conflicts {
            *outcome.coverage.conflicts.entry(kind).or_default() += 1;
        }
        outcome.coverage.end(&self.sides);
        outcome
    }

    fn live(&mut self, shape: Shape) {
        self.teller.say(|| format!("{:?}", self.policy));
        for side in Side::BOTH {
            let (capabilities, habits) =
                (self.sides[side].capabilities(), self.sides[side].habits());
            self.teller
                .say(|| format!("{side}: {capabilities:?} {habits:?}"));
        }
        if shape.busy {
            let planted = *self.bystander_rng.pick(&Side::BOTH);
            self.sides[planted].plant(&mut self.bystander_rng);
            self.sides[planted.other()].let_grow();
        }
        self.edits(12);
        for _ in 0..*self.program_rng.pick(&[0, 1, 1, 2]) {
            self.settle(shape);
            self.edits(8);
            if shape.busy {
                self.clashes();
                self.misfortune();
            }
        }
        let at_rest = self.settle(shape);
        self.check();
        if let Some(at_rest) = at_rest {
            self.check_listed(&at_rest);
        }
    }

    fn edits(&mut self, count: usize) {
        for _ in 0..count {
            let side = if self.rng.chance(55) {
                Side::Source
            } else {
                Side::Destination
            };
            let edit = self.sides[side].random_edit(&mut self.rng);
            let applied = self.sides[side].edit(&edit);
            self.teller.edit(side, &edit, applied);
            if self.rng.chance(30) {
                self.environment
                    .advance(Duration::from_millis(1 + self.rng.below(3000)));
            }
        }
    }

    /// Passes with faults, crashes and people at work, then without until nothing is left to do. Returns what the last
    /// came to, if it comes to rest.
    fn settle(&mut self, shape: Shape) -> Option<Summary> {
        if shape.busy {
            bystander::begin(&mut self.bystander_rng, &self.sides, &self.teller);
        }
        if shape.faults {
            for side in Side::BOTH {
                let mut faults = Faults::draw(&mut self.rng);
                if shape.busy {
                    let has_feed = self.sides[side].capabilities().feed;
                    let often = Fault::draw_often(&mut self.bystander_rng, has_feed);
                    faults = faults.with(often, OFTEN_PER_MILLE);
                }
                self.sides[side].set_faults(faults);
            }
        }
        if shape.crash {
            let at = 1 + self.rng.below(400);
            self.pass(Some(at));
        }
        if shape.faults {
            self.let_disk_fail();
            self.pass(None);
            self.end_of_failing_disk();
            for side in Side::BOTH {
                self.sides[side].heal();
            }
        }
        if shape.busy && !shape.faults && !shape.crash {
            self.pass(None);
        }
        bystander::end(&self.sides);
        // What can never be done, such as replacing content that a side without versions cannot keep, fails
        // each time: two passes that do nothing are rest too.
        let mut idle = 0;
        for _ in 0..MOST_PASSES {
            self.environment.advance(Duration::from_secs(60));
            match self.pass(None) {
                Some(summary) if summary.held > 0 => {
                    self.answer();
                    idle = 0;
                }
                Some(summary) if summary.done == 0 && summary.stopped.is_none() => {
                    idle += if summary.failed == 0 { 2 } else { 1 };
                    if idle >= 2 {
                        self.check_rest();
                        return Some(summary);
                    }
                }
                _ => idle = 0,
            }
        }
        self.violation("it does not come to rest".to_owned());
        None
    }

    /// The disk with the database fails at a call drawn from the seed, in half of the runs.
    fn let_disk_fail(&mut self) {
        if self.disk_rng.chance(50) {
            let how = *self
                .disk_rng
                .pick(&[Failure::Broken, Failure::Full, Failure::Short]);
            let once = self.disk_rng.chance(50);
            // A pass over so small a tree makes some hundred calls: early ones are as likely as late ones.
            let scale = 8 << self.disk_rng.below(7);
            let nth = 1 + self.disk_rng.below(scale);
            self.files.fail_at(nth, how, once);
        }
    }

    fn end_of_failing_disk(&mut self) {
        if self.files.heal() {
            self.outcome.coverage.fault(DISK, 1);
        }
    }

    fn violation(&mut self, text: String) {
        if self.outcome.violations.len() < 20 {
            self.outcome.violations.push(text);
        }
    }

    /// One pass of the program that runs, or of one that is started for it.
    fn pass(&mut self, crash_at: Option<u64>) -> Option<Summary> {
        self.pass_of(self.setup(), crash_at)
    }

    fn pass_of(&mut self, setup: Setup, crash_at: Option<u64>) -> Option<Summary> {
        self.teller.sides(&self.sides);
        self.teller.say(|| "a pass".to_owned());
        let files = self.files.clone();
        let mut executor = SimExecutor::new(&self.environment)
            .most_polls(MOST_POLLS)
            .crash_at(crash_at)
            .on_crash(move || files.power_off());
        if self.program_rng.chance(8) {
            self.program = None;
        }
        self.oracle.begin_pass();
        let program = &mut self.program;
        let result = executor.run(async {
            let engine = match program {
                Some(engine) => engine,
                None => program.insert(Engine::open(setup).await?),
            };
            let summary = engine.sync().await?;
            Ok((summary, engine.problems()?, engine.held()?))
        });
        if !matches!(result, Some(Ok(_))) {
            self.program = None;
        }
        for (side, path) in self.person.unasked() {
            self.violation(format!("deleted unasked on {side}: {path}"));
        }
        let outcome = self.after_pass(result);
        self.check_gone();
        for text in unasked::find(&self.oracle, &self.sides) {
            if self.keeps_all() {
                self.violation(text);
            }
        }
        outcome
    }

    /// What a pass came to; `None` if it did not come to its end.
    fn after_pass(&mut self, result: Option<Passed>) -> Option<Summary> {
        match result {
            None => {
                self.outcome.coverage.fault(CRASH, 1);
                let cut = self.disk_rng.chance(50);
                self.files.power_on(cut.then_some(&mut self.disk_rng));
                for side in Side::BOTH {
                    let lose = self.rng.chance(50);
                    let taken_back = self.sides[side].crash(lose);
                    self.teller
                        .say(|| format!("{side}: killed, {taken_back} changes taken back"));
                }
                None
            }
            Some(Ok((summary, problems, held))) => {
                self.teller.say(|| format!("it came to {summary:?}"));
                self.problems = problems;
                self.person.is_asked(&held);
                let actions = &mut self.outcome.coverage.actions;
                *actions.entry("adopt".to_owned()).or_default() += summary.adopted;
                Some(summary)
            }
            Some(Err(error @ tandem_engine::error::EngineError::Storage { .. })) => {
                self.teller.say(|| format!("the pass ended: {error}"));
                None
            }
            Some(Err(error)) if self.files.has_failed() => {
                self.teller.say(|| format!("the disk failed: {error}"));
                None
            }
            Some(Err(error)) => {
                self.violation(format!("the engine gave up: {error}"));
                None
            }
        }
    }

    /// The person answers some of what is held.
    fn answer(&mut self) {
        self.teller.say(|| "the person answers".to_owned());
        let (setup, person) = (self.setup(), &mut self.person);
        let program = &mut self.program;
        let answered = SimExecutor::new(&self.environment).run(async {
            let engine = match program {
                Some(engine) => engine,
                None => program.insert(Engine::open(setup).await?),
            };
            person.answer(engine).await
        });
        if let Some(Err(error)) = answered {
            self.violation(format!("an answer was not taken: {error}"));
        }
    }

    fn setup(&self) -> Setup {
        let deletes = if self.is_held { 2 } else { u64::MAX };
        let guards = GuardSettings {
            deletes,
            deletes_at_most: u64::MAX,
            delete_all: deletes,
            edits: u64::MAX,
            older_items: u64::MAX,
            conflict_copies_of_one: u64::MAX,
            conflict_copies_an_hour: u64::MAX,
            free_space: 0,
            ..GuardSettings::default()
        };
        let mut options = PairOptions {
            policy: self.policy.clone(),
            guards,
            ..PairOptions::default()
        };
        options.filter.defaults = false;
        if self.keeps_briefly {
            options.versions.days = 1;
        }
        // Few rows are much to such small trees: every pass that may be planned in parts is.
        options.limits.planned_together = 4;
        Setup {
            pair: "simulated".to_owned(),
            options,
            device: DeviceName::new("device", "0000"),
            roots: PerSide::from_fn(|side| {
                let root: Arc<dyn Root> = self.sides[side].sim_root();
                root
            }),
            state: self.files.database("pair.db"),
            is_new: self.is_new,
            environment: self.environment.shared(),
            events: Arc::new(Ears {
                teller: self.teller.clone(),
                heard: self.heard.clone(),
                deleted: self.person.deleted(),
            }),
        }
    }

    fn check(&mut self) {
        let lost = self
            .oracle
            .check(&[&self.sides.source, &self.sides.destination]);
        for one in lost {
            let history = one.history.join("; ");
            self.violation(format!(
                "lost {:?} of side {}: {history}",
                one.path, one.side
            ));
        }
        if self.policy.mode == Mode::TwoWay && self.policy.conflict != ConflictPolicy::Manual {
            self.check_in_step();
        }
    }
}

/// What this simulation leaves out, each for a reason of its own.
fn supported(capabilities: &mut Capabilities) {
    // Twins on one side have no common path to be compared under.
    capabilities.twins = false;
}
