//! Which calls file systems turned out not to have.
//!
//! A call is tried first: which file system has it differs from kernel to kernel and, with FUSE and the network's,
//! from server to server. A refusal is remembered by device, since below one root several may be mounted.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// A call that a file system may not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Call {
    /// A rename that spares what has the new name.
    Spare,
    /// An exchange of two names.
    Exchange,
    /// A file without a name that is given one later.
    Unnamed,
}

/// What was refused so far.
#[derive(Debug, Default)]
pub(super) struct Lacks {
    /// Almost no root lacks anything; then no folder is asked for its device.
    any: AtomicBool,
    found: Mutex<BTreeSet<(u64, Call)>>,
    #[cfg(test)]
    pretended: AtomicBool,
}

impl Lacks {
    /// Whether `call` is not known to be missing on the device that `device` tells.
    pub(super) fn may_have(&self, call: Call, device: impl FnOnce() -> Option<u64>) -> bool {
        if !self.any.load(Ordering::Acquire) {
            return true;
        }
        let Some(device) = device() else { return true };
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        !found.contains(&(device, call))
    }

    /// The device has no such call.
    pub(super) fn note(&self, call: Call, device: Option<u64>) {
        let Some(device) = device else { return };
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.insert((device, call));
        self.any.store(true, Ordering::Release);
    }

    /// Lets every device refuse every call, as one that has none of them does.
    #[cfg(test)]
    pub(super) fn pretend(&self) {
        self.pretended.store(true, Ordering::Release);
    }

    /// Whether the system is asked at all; only tests say no.
    #[cfg(test)]
    pub(super) fn is_pretended(&self) -> bool {
        self.pretended.load(Ordering::Acquire)
    }

    /// Whether the system is asked at all; only tests say no.
    #[cfg(not(test))]
    #[allow(clippy::unused_self, reason = "tests let calls fail")]
    pub(super) const fn is_pretended(&self) -> bool {
        false
    }
}
