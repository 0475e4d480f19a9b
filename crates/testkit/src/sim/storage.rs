//! The handle on a simulated storage: what tests do to it, and how each operation begins and ends.
//! Invariant: each operation lets others run before and after its effect, and leaves a line in the trace.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use tandem_core::capabilities::Capabilities;
use tandem_core::environment::Environment;
use tandem_core::error::{Cause, ErrorKind, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Health, HealthState, ProbeStep, Quota, Root, Storage, Traffic, Validation,
};

use super::environment::{SimEnvironment, yield_now};
use super::faults::{Fault, Faults};
use super::lock;
use super::root::SimRoot;
use super::shape::{Habits, draw_capabilities};
use super::state::{Checkpoint, Shape, State};
use crate::oracle::{Oracle, Witness};
use crate::seed::Rng;

/// Called between the check and the change of an operation, with its name and path.
pub type Hook = Box<dyn FnMut(&'static str, &RelPath) + Send>;

/// What a storage answers where something else is there than was expected.
const LOST_RACES: [&str; 3] = ["already_exists", "not_found", "precondition_failed"];

/// The bytes that a simulated storage says it can hold.
const TOTAL: u64 = 1 << 40;

/// A simulated storage; clones are handles on the same one.
#[derive(Clone)]
pub struct SimStorage {
    shared: Arc<Shared>,
    /// What it says it can do.
    capabilities: Arc<Capabilities>,
    device: Arc<str>,
    signed_in: bool,
}

struct Shared {
    shape: Arc<Shape>,
    environment: SimEnvironment,
    state: Mutex<State>,
    hook: Mutex<Option<Hook>>,
}

impl SimStorage {
    /// A storage with capabilities and habits drawn from `seed`, without faults.
    #[must_use]
    pub fn from_seed(seed: u64, environment: &SimEnvironment) -> Self {
        Self::from_seed_but(seed, environment, |_, _| {})
    }

    /// The storage of `seed` with some of its capabilities or habits set by `adjust`.
    #[must_use]
    pub fn from_seed_but(
        seed: u64,
        environment: &SimEnvironment,
        adjust: impl FnOnce(&mut Capabilities, &mut Habits),
    ) -> Self {
        let mut rng = Rng::new(seed);
        let mut capabilities = draw_capabilities(&mut rng);
        let mut habits = Habits::draw(&mut rng, &capabilities);
        adjust(&mut capabilities, &mut habits);
        Self::make(capabilities, habits, environment, rng)
    }

    /// A storage with these capabilities, plain habits and no faults.
    #[must_use]
    pub fn with(capabilities: Capabilities, environment: &SimEnvironment) -> Self {
        let habits = Habits::plain(&capabilities);
        Self::with_habits(capabilities, habits, environment)
    }

    /// A storage with these capabilities and habits and no faults.
    #[must_use]
    pub fn with_habits(
        capabilities: Capabilities,
        habits: Habits,
        environment: &SimEnvironment,
    ) -> Self {
        let rng = Rng::new(environment.random());
        Self::make(capabilities, habits, environment, rng)
    }

    fn make(
        capabilities: Capabilities,
        habits: Habits,
        environment: &SimEnvironment,
        rng: Rng,
    ) -> Self {
        let shown = Arc::new(capabilities.clone());
        let shape = Arc::new(Shape {
            capabilities,
            habits,
        });
        let state = State::new(Arc::clone(&shape), environment.clone(), rng);
        Self {
            shared: Arc::new(Shared {
                shape,
                environment: environment.clone(),
                state: Mutex::new(state),
                hook: Mutex::new(None),
            }),
            capabilities: shown,
            device: Arc::from("device"),
            signed_in: true,
        }
    }

    /// The same storage as another device sees it: what it stages and sets aside bears its name.
    #[must_use]
    pub fn for_device(&self, device: &str) -> Self {
        Self {
            device: Arc::from(device),
            ..self.clone()
        }
    }

    /// The same storage where its feed was not found, or was turned off.
    #[must_use]
    pub fn without_feed(&self) -> Self {
        Self {
            capabilities: Arc::new(Capabilities {
                feed: false,
                ..Capabilities::clone(&self.capabilities)
            }),
            ..self.clone()
        }
    }

    /// The same storage under a sign-in that is no longer good.
    #[must_use]
    pub fn signed_out(&self) -> Self {
        Self {
            signed_in: false,
            ..self.clone()
        }
    }

    /// The root, as the engine is given it. Each has a watch of its own.
    #[must_use]
    pub fn sim_root(&self) -> Arc<SimRoot> {
        Arc::new(SimRoot::new(self.clone()))
    }

    /// Its capabilities.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Its habits.
    #[must_use]
    pub fn habits(&self) -> &Habits {
        &self.shared.shape.habits
    }

    /// Has `oracle` hear of every edit a person makes here from now on, as made on side `side`.
    pub fn watched_by(&self, oracle: &Oracle, side: usize) {
        self.state().witness = Some(Witness::new(oracle.clone(), side));
    }

    /// Sets what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// How often each fault was injected.
    #[must_use]
    pub fn injected(&self) -> BTreeMap<&'static str, u64> {
        self.state().injected.clone()
    }

    /// Ends all faults and what lasts of them: lost access comes back, held back lines of the feed come,
    /// listings have caught up.
    pub fn heal(&self) {
        let mut state = self.state();
        state.faults = Faults::none();
        state.auth_expired = false;
        state.full = false;
        state.unreadable.clear();
        state.unlisted.clear();
        state.restless.clear();
        state.recent.clear();
        for serial in std::mem::take(&mut state.lost) {
            // What lies below comes back into view with it.
            for at in state.told_with(serial) {
                state.log_line(at);
            }
        }
        state.log.deliver_late();
        state.wake();
    }

    /// Makes the sign-in expire, until healed.
    pub fn expire_sign_in(&self) {
        self.state().auth_expired = true;
    }

    /// Makes the storage full, until healed.
    pub fn fill(&self) {
        self.state().full = true;
    }

    /// Makes every cursor of the feed worthless.
    pub fn expire_cursors(&self) {
        self.state().log.expire();
    }

    /// Takes the access to `path` away, until healed; `false` if nothing is there.
    pub fn lose_access(&self, path: &RelPath) -> bool {
        let mut state = self.state();
        let Some(serial) = state.tree.at(path).first().copied() else {
            return false;
        };
        state.lost.insert(serial);
        state.log_line(serial);
        state.wake();
        true
    }

    /// Makes the folder at `path` unreadable, until healed; `false` if there is none.
    pub fn make_unreadable(&self, path: &RelPath) -> bool {
        let mut state = self.state();
        let folder = state.tree.folder_at(path);
        folder.is_some_and(|serial| state.unreadable.insert(serial))
    }

    /// Leaves `path` out of all listings, without a word, until healed; who asks for it finds it. `false` if nothing is
    /// there.
    pub fn leave_out(&self, path: &RelPath) -> bool {
        let mut state = self.state();
        let found = state.tree.at(path).first().copied();
        found.is_some_and(|serial| state.unlisted.insert(serial))
    }

    /// Lets what is at `path` change whenever its folder is listed, until healed: nothing is shown of it but that. `false`
    /// if nothing is there.
    pub fn make_restless(&self, path: &RelPath) -> bool {
        let mut state = self.state();
        let found = state.tree.at(path).first().copied();
        found.is_some_and(|serial| state.restless.insert(serial))
    }

    /// Takes the root away (`true`) or brings it back.
    pub fn set_missing(&self, missing: bool) {
        self.state().missing = missing;
    }

    /// Shows an empty folder without a marker in place of the root, as a mount point does whose disk is
    /// gone. Its native id is another one.
    pub fn unmount(&self) {
        let mut state = self.state();
        if state.unmounted.is_none() {
            let there = state.checkpoint();
            let children: Vec<_> = state.tree.children(super::tree::ROOT).collect();
            for serial in children {
                state.tree.remove(serial);
            }
            state.kept.clear();
            state.marker = None;
            state.root_id = !state.root_id;
            state.stamp(super::tree::ROOT, true, true);
            state.unmounted = Some(there);
            // Listings lag behind their own store, not another's.
            state.recent.clear();
            state.log.expire();
            state.flush();
            state.wake();
        }
    }

    /// Ends [`SimStorage::unmount`]. What was written meanwhile lies under the mount, out of sight.
    pub fn mount(&self) {
        let mut state = self.state();
        if let Some(there) = state.unmounted.take() {
            state.return_to(there);
            state.recent.clear();
            state.root_id = !state.root_id;
            state.log.expire();
            state.flush();
            state.wake();
        }
    }

    /// Ends the program that uses the storage, or the power if `lose`: then a storage that is
    /// [`Habits::volatile`] goes back to some instant since the last flush, and uploads lose their ends.
    /// Returns how many changes were taken back.
    pub fn crash(&self, lose: bool) -> usize {
        let mut state = self.state();
        if !lose || !state.shape.habits.volatile {
            return 0;
        }
        let held_back = state.unflushed.len();
        let survive = state.rng.index(held_back + 1);
        let checkpoint: Option<Checkpoint> = state.unflushed.get(survive).cloned();
        if let Some(checkpoint) = checkpoint {
            state.return_to(checkpoint);
        }
        let numbers: Vec<u64> = state.staged.keys().copied().collect();
        for number in numbers {
            let cut = state.rng.next();
            if let Some(upload) = state.staged.get_mut(&number) {
                let len = upload.bytes.len();
                upload.bytes.truncate((cut % (len as u64 + 1)) as usize);
            }
        }
        state.unflushed.clear();
        state.log.expire();
        held_back - survive
    }

    /// Has `hook` called between the check and the change of each operation. It may edit the storage.
    pub fn on_operation(&self, hook: Hook) {
        *lock(&self.shared.hook) = Some(hook);
    }

    /// Ends [`SimStorage::on_operation`].
    pub fn clear_hook(&self) {
        *lock(&self.shared.hook) = None;
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.state)
    }

    pub(super) fn shape(&self) -> &Shape {
        &self.shared.shape
    }

    pub(super) fn environment(&self) -> &SimEnvironment {
        &self.shared.environment
    }

    pub(super) fn device(&self) -> Arc<str> {
        Arc::clone(&self.device)
    }

    /// The beginning of every operation.
    pub(super) async fn begin(&self, operation: &'static str, path: &RelPath) -> Result<()> {
        yield_now().await;
        self.environment().tick();
        let refused = self.transient(operation, path);
        if let Err(error) = &refused {
            self.note(operation, path, error.cause.name());
        }
        refused
    }

    /// The beginning of an operation that needs room.
    pub(super) async fn begin_write(&self, operation: &'static str, path: &RelPath) -> Result<()> {
        self.begin(operation, path).await?;
        let mut state = self.state();
        if state.full || state.strikes(Fault::QuotaFull) {
            state.full = true;
            return Err(StorageError::new(operation, Cause::Quota, "the storage is full").at(path));
        }
        Ok(())
    }

    /// The instant between check and change.
    pub(super) async fn window(&self, operation: &'static str, path: &RelPath) {
        yield_now().await;
        // Taken out while it runs, for it may edit the storage or set another hook.
        let hook = lock(&self.shared.hook).take();
        if let Some(mut hook) = hook {
            hook(operation, path);
            lock(&self.shared.hook).get_or_insert(hook);
        }
    }

    /// The end of an operation that changes something.
    pub(super) async fn finish<T>(
        &self,
        operation: &'static str,
        path: &RelPath,
        outcome: Result<T>,
    ) -> Result<T> {
        let word = outcome.as_ref().map_or_else(|e| e.cause.name(), |_| "ok");
        self.note(operation, path, word);
        yield_now().await;
        let outcome = outcome.map_err(|error| error.at(path))?;
        if self.state().strikes(Fault::LostAcknowledgement) {
            return Err(StorageError::new(operation, Cause::Timeout, "no answer came").at(path));
        }
        Ok(outcome)
    }

    /// How often an expectation failed, by the operation and what it answered.
    #[must_use]
    pub fn failed_expectations(&self) -> BTreeMap<String, u64> {
        self.state().failed_expectations.clone()
    }

    pub(super) fn note(&self, operation: &'static str, path: &RelPath, outcome: &str) {
        if LOST_RACES.contains(&outcome) {
            let way = format!("{operation} {outcome}");
            *self.state().failed_expectations.entry(way).or_default() += 1;
        }
        self.environment().note(operation, path.as_str(), outcome);
    }

    /// What can fail any request before it has an effect.
    pub(super) fn transient(&self, operation: &'static str, path: &RelPath) -> Result<()> {
        let mut state = self.state();
        let cause = if !self.signed_in {
            Cause::AuthExpired
        } else if state.auth_expired || state.strikes(Fault::AuthExpired) {
            state.auth_expired = true;
            Cause::AuthExpired
        } else if state.strikes(Fault::Offline) {
            Cause::Offline
        } else if state.strikes(Fault::Server) {
            Cause::Server
        } else if state.strikes(Fault::RateLimited) {
            Cause::RateLimited
        } else if state.strikes(Fault::Timeout) {
            Cause::Timeout
        } else if state.missing {
            return Err(StorageError::new(operation, Cause::NotFound, "the root is gone").at(path));
        } else {
            return Ok(());
        };
        let now = state.environment.now();
        state.last_error = Some((cause, now));
        let error = StorageError::new(operation, cause, "simulated").at(path);
        let wait = Duration::from_millis(state.rng.below(20_000));
        Err(if cause == Cause::RateLimited {
            error.of_kind(ErrorKind::Transient {
                retry_after: Some(wait),
            })
        } else {
            error
        })
    }
}

impl std::fmt::Debug for SimStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimStorage")
            .field("shape", &self.shared.shape)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Storage for SimStorage {
    fn capabilities(&self) -> &Capabilities {
        &self.shared.shape.capabilities
    }

    async fn root(&self, path: &str) -> Result<Arc<dyn Root>> {
        if path.is_empty() {
            return Ok(self.sim_root());
        }
        Err(StorageError::new(
            "root",
            Cause::NotFound,
            "the one root is \"\"",
        ))
    }

    async fn validate(
        &self,
        path: &str,
        report: &(dyn for<'s> Fn(&'s ProbeStep) + Send + Sync),
    ) -> Validation {
        let started = self.environment().uptime();
        let reached = match self.root(path).await {
            Ok(_) => self.begin("validate", &RelPath::root()).await,
            Err(error) => Err(error),
        };
        let step = ProbeStep {
            title: "Write a scratch object".to_owned(),
            time: self.environment().uptime() - started,
            outcome: match &reached {
                Ok(()) => Ok("written, read back and removed".to_owned()),
                Err(error) => Err(error.to_string()),
            },
        };
        report(&step);
        Validation {
            steps: vec![step],
            capabilities: reached.map(|()| self.capabilities().clone()),
        }
    }

    fn health(&self) -> Health {
        let state = self.state();
        Health {
            state: match (state.missing, state.auth_expired || state.full) {
                (true, _) => HealthState::Offline,
                (false, true) => HealthState::Degraded,
                (false, false) => HealthState::Ok,
            },
            latency: Some(Duration::from_millis(1)),
            last_error: state.last_error.map(|(cause, _)| cause),
            last_error_at: state.last_error.map(|(_, at)| at),
            traffic: Traffic::default(),
        }
    }

    async fn quota(&self) -> Result<Quota> {
        self.begin("quota", &RelPath::root()).await?;
        if !self.capabilities().quota {
            return Err(StorageError::new("quota", Cause::Unsupported, ""));
        }
        let state = self.state();
        let used = state.used();
        Ok(Quota {
            used,
            total: Some(if state.full { used } else { TOTAL }),
        })
    }

    async fn shutdown(&self) {
        yield_now().await;
    }
}
