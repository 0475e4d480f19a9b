//! The service: it owns a profile and answers requests.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tandem_core::conflict_name::DeviceName;
use tandem_core::environment::SharedEnvironment;
use tandem_core::policy::FirstSync;
use tandem_core::side::PerSide;
use tandem_core::storage::{Provider, Root};
use tandem_engine::Engine;
use tandem_engine::setup::Setup;
use tokio::sync::{OwnedMutexGuard, broadcast, watch};
use tokio::task::JoinSet;

use crate::bandwidth::Bandwidth;
use crate::config::{Config, End, PairRecord};
use crate::credentials::{AskPassphrase, SecretStores};
use crate::environment::RealEnvironment;
use crate::fault::{Fault, Result, StorageWords};
use crate::live::Live;
use crate::location::{LOCAL, Location};
use crate::owner::{Owner, Ownership};
use crate::profile::Profile;
use crate::redact::Redactor;
use crate::sign_in::SignIns;
use crate::storages::{Storages, local_words, providers, words};
use crate::surroundings::{self, Known};
use crate::update::Update;
use crate::usage::Usage;

/// How many updates wait for a listener that is slow; then it misses some.
const UPDATES: usize = 1024;

/// Owns a profile. Clones are the same service.
#[derive(Clone)]
pub struct Service(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) profile: Profile,
    pub(crate) storages: Storages,
    pub(crate) bandwidth: Arc<Bandwidth>,
    pub(crate) redactor: Redactor,
    pub(crate) updates: broadcast::Sender<Update>,
    pub(crate) changed: watch::Sender<u64>,
    config: Mutex<Config>,
    // Held while a request changes the configuration and awaits something meanwhile.
    pub(crate) changing: Arc<tokio::sync::Mutex<()>>,
    pairs: Mutex<BTreeMap<String, Arc<Slot>>>,
    environment: SharedEnvironment,
    // Whether all pairs are kept in step, not only when that is asked for.
    pub(crate) running: AtomicBool,
    pub(crate) sign_ins: SignIns,
    // What requests that ended left to be done.
    finishing: Mutex<JoinSet<()>>,
    pub(crate) surroundings: Known,
    _owner: Owner,
}

/// A pair whose engine is opened when it is first needed.
struct Slot {
    live: Arc<Live>,
    engine: Arc<tokio::sync::Mutex<Option<Arc<Engine>>>>,
    closing: watch::Sender<bool>,
}

/// Pairs whose engines are closed. As long as it is kept nobody opens them; then they are opened with what is
/// configured by then.
#[must_use]
pub(crate) struct Closed {
    service: Service,
    slots: Vec<ClosedSlot>,
}

struct ClosedSlot {
    pair: String,
    slot: Arc<Slot>,
    _engine: OwnedMutexGuard<Option<Arc<Engine>>>,
}

impl Drop for Closed {
    fn drop(&mut self) {
        let mut pairs = self.service.lock_pairs();
        // Before the engines' locks go: whoever waits for one finds that its slot is no longer the pair's.
        for closed in &self.slots {
            if is_of(&pairs, &closed.pair, &closed.slot) {
                pairs.remove(&closed.pair);
            }
        }
    }
}

/// Slots whose engines are asked to be let go, as long as it is kept.
struct Asked(Vec<Arc<Slot>>);

impl Asked {
    fn new(slots: impl Iterator<Item = Arc<Slot>>) -> Self {
        let slots = Self(slots.collect());
        for slot in &slots.0 {
            slot.closing.send_replace(true);
        }
        slots
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        for slot in &self.0 {
            slot.closing.send_replace(false);
        }
    }
}

/// Whether `slot` is the pair's.
fn is_of(pairs: &BTreeMap<String, Arc<Slot>>, pair: &str, slot: &Arc<Slot>) -> bool {
    pairs
        .get(pair)
        .is_some_and(|known| Arc::ptr_eq(known, slot))
}

/// How long closing waits for requests that use an engine, and for what they left to be done.
const CLOSING: Duration = Duration::from_secs(5);

/// A pair with its engine.
#[derive(Clone)]
pub struct OpenPair {
    /// As it was configured when it was asked for.
    pub record: PairRecord,
    /// Its engine.
    pub engine: Arc<Engine>,
    /// Its present.
    pub live: Arc<Live>,
    /// Turns true when the engine is to be let go.
    pub closing: watch::Receiver<bool>,
}

impl OpenPair {
    /// An engine's error as a fault of this pair.
    #[must_use]
    pub fn fault(&self, error: tandem_engine::error::EngineError) -> Fault {
        Fault::of_engine(&self.record.name, self.live.ends(), error)
    }
}

impl Service {
    /// Takes the profile in `folder` over. `ask` is asked for the passphrase if the encrypted file is used.
    ///
    /// # Errors
    /// [`Fault::Owned`] if another process owns it; what is wrong with the profile.
    pub fn open(folder: &Path, ask: AskPassphrase, redactor: Redactor) -> Result<Self> {
        Self::open_with(folder, ask, redactor, providers())
    }

    /// The same with these providers instead of all there are.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(
        folder: &Path,
        ask: AskPassphrase,
        redactor: Redactor,
        providers: Vec<Arc<dyn Provider>>,
    ) -> Result<Self> {
        let io = |error: std::io::Error| {
            Fault::ProfileIo(folder.display().to_string(), error.to_string())
        };
        let profile = Profile::open(folder).map_err(io)?;
        #[cfg(unix)]
        let socket = crate::socket::path(&profile).ok();
        #[cfg(not(unix))]
        let socket: Option<std::path::PathBuf> = None;
        let owner = match Owner::take(&profile, socket.as_deref()).map_err(io)? {
            Ownership::Ours(owner) => owner,
            Ownership::Other(pid) => return Err(Fault::Owned(pid)),
        };
        let config = Config::load(&profile)?;
        let environment = RealEnvironment::shared();
        let secrets = SecretStores::new(&profile, ask, redactor.clone());
        let bandwidth = Bandwidth::new(config.settings.bandwidth.clone(), Arc::clone(&environment));
        let storages = Storages::new(
            providers,
            secrets,
            Arc::clone(&environment),
            Usage::load(&profile),
            Arc::clone(&bandwidth),
        );
        storages.check_no_secrets(&config).map_err(|why| {
            let file = profile.folder().join(crate::config::FILE);
            Fault::DamagedProfile(file.display().to_string(), why)
        })?;
        Ok(Self(Arc::new(Inner {
            storages,
            bandwidth,
            profile,
            redactor,
            updates: broadcast::channel(UPDATES).0,
            changed: watch::channel(0).0,
            config: Mutex::new(config),
            changing: Arc::default(),
            pairs: Mutex::default(),
            environment,
            running: AtomicBool::new(false),
            sign_ins: SignIns::default(),
            finishing: Mutex::default(),
            surroundings: Known::new(surroundings::teller()),
            _owner: owner,
        })))
    }

    /// The profile it owns.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.0.profile
    }

    /// The sign-ins that wait for their answers.
    #[must_use]
    pub fn sign_ins(&self) -> &SignIns {
        &self.0.sign_ins
    }

    /// Hears what happens from now on. Whoever is slow misses some.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Update> {
        self.0.updates.subscribe()
    }

    /// The configuration as it is now.
    #[must_use]
    pub fn config(&self) -> Config {
        self.lock_config().clone()
    }

    /// Changes the configuration and saves it; if it cannot be saved, nothing is changed.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Config) -> Result<T>) -> Result<T> {
        let mut config = self.lock_config();
        let mut new = config.clone();
        let answer = change(&mut new)?;
        if new != *config {
            new.save(&self.0.profile)?;
            self.0.bandwidth.set(new.settings.bandwidth.clone());
            *config = new;
            self.0.changed.send_modify(|n| *n += 1);
        }
        Ok(answer)
    }

    /// This device's name in conflict copies.
    #[must_use]
    pub fn device(&self) -> DeviceName {
        let config = self.lock_config();
        let host = config.settings.device.clone().unwrap_or_else(host_name);
        DeviceName::new(&host, &config.profile)
    }

    /// The place of an end.
    #[must_use]
    pub fn location(&self, end: &End) -> Location {
        let config = self.lock_config();
        end.location(|id| config.storage_name(id))
    }

    /// What is known of a pair's present.
    pub(crate) fn live(&self, record: &PairRecord) -> Arc<Live> {
        Arc::clone(&self.slot(record).live)
    }

    /// The pairs named, or all.
    pub(crate) fn chosen(&self, names: &[String]) -> Result<Vec<PairRecord>> {
        let config = self.lock_config();
        if names.is_empty() {
            return Ok(config.pairs.clone());
        }
        names
            .iter()
            .map(|name| config.pair(name).cloned())
            .collect()
    }

    /// The pair as it is configured now, with its engine, which is opened if it is not yet.
    ///
    /// # Errors
    /// The pair is gone; a storage or the state cannot be opened, and the pair's present says so as well.
    pub async fn open_pair(&self, record: &PairRecord) -> Result<OpenPair> {
        loop {
            let record = self.present(record)?;
            let slot = self.slot(&record);
            // Whoever closes it may not have come to its engine yet.
            let mut closing = slot.closing.subscribe();
            if closing.wait_for(|closing| !*closing).await.is_err() {
                continue;
            }
            let mut engine = slot.engine.lock().await;
            // It was closed meanwhile, to be opened anew with what was changed.
            if *closing.borrow() || !is_of(&self.lock_pairs(), &record.id, &slot) {
                continue;
            }
            let opened = match &*engine {
                Some(engine) => Arc::clone(engine),
                None => match self.open_engine(&record, &slot.live).await {
                    Ok(opened) => {
                        slot.live.go_on();
                        Arc::clone(engine.insert(Arc::new(opened)))
                    }
                    Err(fault) => {
                        slot.live.stop(&fault);
                        return Err(fault);
                    }
                },
            };
            return Ok(OpenPair {
                record,
                engine: opened,
                live: Arc::clone(&slot.live),
                closing,
            });
        }
    }

    /// The pairs whose engines are open, unless they are just being opened or closed.
    pub(crate) fn open_engines(&self) -> Vec<(PairRecord, Arc<Engine>)> {
        let slot = |id: &str| {
            self.lock_pairs()
                .get(id)
                .map(|slot| Arc::clone(&slot.engine))
        };
        let engine = |id: &str| slot(id)?.try_lock().ok()?.clone();
        let pairs = self.config().pairs.into_iter();
        pairs
            .filter_map(|pair| engine(&pair.id).map(|engine| (pair, engine)))
            .collect()
    }

    /// A pair as it is configured now.
    fn present(&self, record: &PairRecord) -> Result<PairRecord> {
        let config = self.lock_config();
        let found = config.pairs.iter().find(|p| p.id == record.id);
        found
            .cloned()
            .ok_or_else(|| Fault::UnknownPair(record.name.clone()))
    }

    async fn open_engine(&self, record: &PairRecord, live: &Arc<Live>) -> Result<Engine> {
        let source = self.open_root(&record.source).await?;
        let destination = self.open_root(&record.destination).await?;
        let profile = &self.0.profile;
        let lost = profile.was_pair_state_lost(&record.id).map_err(|error| {
            Fault::ProfileIo(profile.folder().display().to_string(), error.to_string())
        })?;
        let mut options = record.options.clone();
        if lost {
            options.policy.first_sync = FirstSync::Merge;
        }
        let setup = Setup {
            pair: record.id.clone(),
            options,
            device: self.device(),
            roots: PerSide::new(source, destination),
            state: self.0.profile.pair_state(&record.id),
            is_new: record.is_new,
            environment: Arc::clone(&self.0.environment),
            events: Arc::clone(live) as Arc<dyn tandem_engine::event::EventSink>,
        };
        let engine = Engine::open(setup)
            .await
            .map_err(|error| Fault::of_engine(&record.name, live.ends(), error))?;
        if record.is_new {
            // From now on the database knows; without it, the two sides have met before.
            self.change(|config| {
                let found = config.pairs.iter_mut().find(|p| p.id == record.id);
                if let Some(known) = found {
                    known.is_new = false;
                }
                Ok(())
            })?;
        }
        Ok(engine)
    }

    async fn open_root(&self, end: &End) -> Result<Arc<dyn Root>> {
        let config = self.config();
        let at = end.location(|id| config.storage_name(id));
        Ok(self.0.storages.root(&config, &at).await?.0)
    }

    /// Closes pairs' engines, so that they are opened anew with what is changed while the answer is kept. What runs
    /// continuously lets go at once; a request that uses one is waited for.
    ///
    /// # Errors
    /// A request goes on using one.
    pub(crate) async fn close_pairs(&self, records: &[PairRecord]) -> Result<Closed> {
        let slots = Asked::new(records.iter().map(|record| self.slot(record)));
        let mut closed = Closed {
            service: self.clone(),
            slots: Vec::new(),
        };
        let waited = Instant::now();
        for (record, slot) in records.iter().zip(&slots.0) {
            // Those that are closed by now are opened anew; the others go on.
            let Some(engine) = let_go(slot, waited).await else {
                return Err(Fault::PairBusy(record.name.clone()));
            };
            closed.slots.push(ClosedSlot {
                pair: record.id.clone(),
                slot: Arc::clone(slot),
                _engine: engine,
            });
        }
        Ok(closed)
    }

    /// Closes the engines of all pairs that use a storage, and the storage. What is to be changed is changed while
    /// the answer is kept.
    ///
    /// # Errors
    /// A request goes on using one.
    pub(crate) async fn close_storage(&self, storage: &str) -> Result<Closed> {
        let mut pairs = self.config().pairs;
        pairs.retain(|pair| pair.uses(storage));
        let closed = self.close_pairs(&pairs).await?;
        self.0.storages.forget(storage).await;
        Ok(closed)
    }

    /// Does what is left to do after a request, which may have been dropped. Closing waits for it.
    pub(crate) fn finish_later(&self, work: impl Future<Output = ()> + Send + 'static) {
        // Without a runtime the program is at its end already.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let mut finishing = self.lock_finishing();
        while finishing.try_join_next().is_some() {}
        finishing.spawn_on(work, &runtime);
    }

    fn lock_finishing(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0
            .finishing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes everything, after what requests left to be done, if that does not take long.
    pub async fn close(&self) {
        let mut finishing = std::mem::take(&mut *self.lock_finishing());
        let finished = async { while finishing.join_next().await.is_some() {} };
        if tokio::time::timeout(CLOSING, finished).await.is_err() {
            tracing::warn!("what a request had left to be done was given up");
        }
        self.lock_pairs().clear();
        self.0.storages.shutdown().await;
    }

    fn slot(&self, record: &PairRecord) -> Arc<Slot> {
        let config = self.config();
        let mut pairs = self.lock_pairs();
        let slot = pairs.entry(record.id.clone()).or_insert_with(|| {
            let ends = record.ends().map(|end| end_words(&config, end));
            let live = Live::new(&record.name, ends, self.0.updates.clone());
            Arc::new(Slot {
                live: Arc::new(live),
                engine: Arc::default(),
                closing: watch::channel(false).0,
            })
        });
        Arc::clone(slot)
    }

    fn lock_pairs(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Slot>>> {
        self.0.pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_config(&self) -> MutexGuard<'_, Config> {
        self.0.config.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Service").field(&self.0.profile).finish()
    }
}

/// Closes a slot's engine once nobody uses it; none if somebody still does so long after `since`.
async fn let_go(slot: &Slot, since: Instant) -> Option<OwnedMutexGuard<Option<Arc<Engine>>>> {
    let mut engine = Arc::clone(&slot.engine).lock_owned().await;
    while engine
        .as_ref()
        .is_some_and(|engine| Arc::strong_count(engine) > 1)
    {
        if since.elapsed() > CLOSING {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    *engine = None;
    Some(engine)
}

fn end_words(config: &Config, end: &End) -> StorageWords {
    match config.storages.iter().find(|s| s.id == end.storage) {
        Some(record) if end.storage != LOCAL => words(record, &end.path),
        _ => local_words(&end.path),
    }
}

/// The name that the system has for this computer.
#[cfg(unix)]
pub(crate) fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

/// The name that the system has for this computer.
#[cfg(not(unix))]
pub(crate) fn host_name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}
