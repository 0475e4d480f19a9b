//! How the computer is connected and powered, and when a person wants pairs to wait for that to change.
//!
//! Where nobody tells, nothing is waited for.

#[cfg(all(unix, not(target_os = "macos")))]
mod bus;
mod known;
mod pausing;

use std::pin::Pin;
use std::sync::Arc;

use futures_core::Stream;

pub(crate) use known::Known;
pub use pausing::{Hindrance, PauseSettings};

/// Whether this system can tell of both.
pub(crate) const ARE_TOLD: bool = cfg!(all(unix, not(target_os = "macos")));

/// What is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// Whether what goes over the network is counted and paid for, or may be.
    pub is_metered: bool,
    /// What the battery is charged to, in percent, while the computer runs on it.
    pub battery: Option<u8>,
}

/// Surroundings as they are at first, and then whenever they may have changed. It never ends.
pub(crate) type Told = Pin<Box<dyn Stream<Item = Surroundings> + Send>>;

/// Tells of the surroundings.
pub(crate) trait Teller: Send + Sync {
    /// Begins to.
    fn tell(&self) -> Told;
}

/// Whoever tells on this system.
pub(crate) fn teller() -> Arc<dyn Teller> {
    #[cfg(all(unix, not(target_os = "macos")))]
    return Arc::new(bus::SystemBus::usual());
    #[cfg(not(all(unix, not(target_os = "macos"))))]
    Arc::new(Nobody)
}

/// Knows nothing.
#[cfg(not(all(unix, not(target_os = "macos"))))]
struct Nobody;

#[cfg(not(all(unix, not(target_os = "macos"))))]
impl Teller for Nobody {
    fn tell(&self) -> Told {
        use futures_util::{StreamExt, future, stream};
        let first = stream::once(future::ready(Surroundings::default()));
        Box::pin(first.chain(stream::pending()))
    }
}
