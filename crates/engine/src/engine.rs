//! One pair: its two roots, its state, and what may run at a time.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_channel::mpsc;
use futures_util::lock::Mutex as AsyncMutex;
use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::filter::Filter;
use tandem_core::path::RelPath;
use tandem_core::policy::{FirstSync, Policy};
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::{Root, VersionKey};
use tandem_core::time::Timestamp;
use tandem_core::{mutant, removed};

use crate::carried::Throttle;
use crate::error::{EngineError, Result};
use crate::event::Event;
use crate::meter::Meter;
use crate::observe::{is_read, may_skip};
use crate::quiet::Unrest;
use crate::report::Phase;
use crate::settling::{Doubtful, stored_doubtful};
use crate::setup::Setup;
use crate::state::State;
use crate::young::compared_granularity;

/// Keeps one pair in step.
pub struct Engine {
    pub(crate) setup: Setup,
    pub(crate) shared_state: Arc<Mutex<State>>,
    pub(crate) filter: Mutex<Arc<Filter>>,
    /// One pass at a time.
    pub(crate) passing: AsyncMutex<()>,
    /// Held while a look has its transaction open, which lasts over waiting for a storage.
    pub(crate) looking: AsyncMutex<()>,
    /// Whether something may be visible that was never flushed: until shown otherwise, what an earlier run left.
    pub(crate) unsettled: AtomicBool,
    /// What may not be durable although it is visible, whatever a later flush says.
    pub(crate) doubtful: Mutex<Doubtful>,
    /// Whether an earlier run left something in the middle, and no pass has ended since.
    pub(crate) cut_off: AtomicBool,
    pub(crate) wake: mpsc::UnboundedSender<()>,
    pub(crate) woken: AsyncMutex<mpsc::UnboundedReceiver<()>>,
    pub(crate) throttles: PerSide<Arc<Throttle>>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) unrest: Mutex<Unrest>,
}

impl Engine {
    /// Opens the pair's state, or makes it.
    ///
    /// # Errors
    /// A state that is damaged, newer or cannot be written; a pattern that cannot be read.
    pub async fn open(setup: Setup) -> Result<Self> {
        let mut state = State::open(&setup.state, setup.is_new)?;
        state.by_native = PerSide::from_fn(|side| {
            let capabilities = setup.roots[side].capabilities();
            capabilities.feed && capabilities.ids != Ids::None
        });
        state.skips = PerSide::from_fn(|side| may_skip(setup.roots[side].capabilities()));
        state.granularity =
            PerSide::from_fn(|side| compared_granularity(setup.roots[side].capabilities()));
        state.quiet = setup.options.limits.quiet.saturating_mul(1_000_000);
        for side in Side::BOTH {
            // What comes in meanwhile is found by no line of the feed: it begins anew when it is read again.
            if !is_read(setup.roots[side].capabilities()) {
                state.drop_feed(side)?;
            }
            if !state.skips[side] {
                state.end_looking(side)?;
            }
        }
        let doubtful = stored_doubtful(&state)?;
        let cut_off = AtomicBool::new(state.has_intents()?);
        let ignored = crate::observe::stored_ignore_files(&state)?;
        let filter = Filter::new(setup.options.filter.clone(), ignored)?;
        let (wake, woken) = mpsc::unbounded();
        let limits = &setup.options.limits;
        let throttles = PerSide::new(
            Arc::new(Throttle::new(limits.download)),
            Arc::new(Throttle::new(limits.upload)),
        );
        let meter = Arc::new(Meter::new(
            Arc::clone(&setup.environment),
            Arc::clone(&setup.events),
        ));
        Ok(Self {
            throttles,
            setup,
            shared_state: Arc::new(Mutex::new(state)),
            filter: Mutex::new(Arc::new(filter)),
            passing: AsyncMutex::new(()),
            looking: AsyncMutex::new(()),
            unsettled: AtomicBool::new(true),
            doubtful: Mutex::new(doubtful),
            cut_off,
            wake,
            woken: AsyncMutex::new(woken),
            meter,
            unrest: Mutex::default(),
        })
    }

    /// Looks at once instead of at the next hint.
    pub fn wake(&self) {
        // The receiver lives as long as the engine.
        let _ = self.wake.unbounded_send(());
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self
            .shared_state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        state.now = self.now();
        state
    }

    pub(crate) fn root(&self, side: Side) -> &Arc<dyn Root> {
        &self.setup.roots[side]
    }

    /// Makes what is visible on a side durable.
    #[track_caller]
    pub(crate) fn settle(
        &self,
        side: Side,
    ) -> impl Future<Output = tandem_core::error::Result<()>> + Send + use<> {
        let is_removed = removed!("flush");
        let root = Arc::clone(self.root(side));
        async move {
            if is_removed {
                return Ok(());
            }
            root.settle().await
        }
    }

    pub(crate) fn capabilities(&self, side: Side) -> &Capabilities {
        self.setup.roots[side].capabilities()
    }

    pub(crate) fn filter(&self) -> Arc<Filter> {
        Arc::clone(&self.filter.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a person chose. The first sync is so only until it was finished: later, and after the state was lost,
    /// what both sides made is a conflict like any other (P6).
    pub(crate) fn policy(&self) -> Result<Policy> {
        let mut policy = self.setup.options.policy.clone();
        let is_always_first = mutant!("P6 a lost state begins with the first sync once chosen");
        if !is_always_first && !self.state().is_first_sync_due()? {
            policy.first_sync = FirstSync::Merge;
        }
        Ok(policy)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.setup.environment.now()
    }

    pub(crate) fn phase(&self, phase: Phase) {
        self.setup.events.event(Event::Phase(phase));
    }

    /// A new key under which a pre-image is set aside.
    pub(crate) fn version_key(&self, path: &RelPath) -> VersionKey {
        let (year, month, day, hour, minute, second) = self.now().civil();
        let random = self.setup.environment.random() & 0xffff_ffff;
        VersionKey::Kept {
            device: self.setup.device.as_str().into(),
            date: format!("{year:04}-{month:02}-{day:02}").into(),
            action: format!("{hour:02}{minute:02}{second:02}-{random:08x}").into(),
            path: path.clone(),
        }
    }

    pub(crate) fn storage_error(
        side: Side,
    ) -> impl Fn(tandem_core::error::StorageError) -> EngineError {
        move |error| EngineError::Storage { side, error }
    }
}
