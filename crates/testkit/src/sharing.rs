//! What the connections to one database tell each other: their locks, and the index of the write-ahead log. SQLite says
//! what it asks of both: [VFS](https://sqlite.org/vfs.html), [the index](https://sqlite.org/walformat.html).

use std::collections::BTreeMap;
use std::io::Result;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlite_vfs::LockKind;
use sqlite_vfs::wip::{WalIndex, WalIndexLock};

/// A part of the index, in bytes: SQLite's own measure.
const REGION: usize = 32_768;

/// What of a part is compared and copied at once, in bytes; parts are made of whole ones.
const LINE: usize = 512;

/// What is shared through one file. A connection is known by the number that it was given.
#[derive(Default)]
pub(crate) struct Sharing {
    locks: BTreeMap<u64, LockKind>,
    regions: BTreeMap<u32, Region>,
    /// Changes of regions so far.
    changes: u64,
    region_locks: BTreeMap<(u64, u8), WalIndexLock>,
}

/// A part of the index.
struct Region {
    /// Which change made it what it is.
    change: u64,
    bytes: Box<[u8; REGION]>,
}

/// Of each part, the change that a connection has seen last: a part is large, and mostly what it was.
#[derive(Default)]
struct Known(BTreeMap<u32, u64>);

impl Sharing {
    /// Whether `connection` now has the lock that it wants.
    pub(crate) fn lock(&mut self, connection: u64, wanted: LockKind) -> bool {
        let may = self.may_lock(connection, wanted);
        if may {
            self.locks.insert(connection, wanted);
        }
        may
    }

    fn may_lock(&self, connection: u64, wanted: LockKind) -> bool {
        let mut others = self.locks.iter().filter(|(c, _)| **c != connection);
        match wanted {
            LockKind::None => true,
            LockKind::Shared => {
                !others.any(|(_, l)| matches!(l, LockKind::Pending | LockKind::Exclusive))
            }
            LockKind::Reserved | LockKind::Pending => {
                !others.any(|(_, l)| !matches!(l, LockKind::None | LockKind::Shared))
            }
            LockKind::Exclusive => !others.any(|(_, l)| *l != LockKind::None),
        }
    }

    /// Whether somebody writes, or is about to.
    pub(crate) fn is_reserved(&self) -> bool {
        self.locks.values().any(|level| {
            matches!(
                level,
                LockKind::Reserved | LockKind::Pending | LockKind::Exclusive
            )
        })
    }

    /// Whether `connection` now has the locks of the index that it wants.
    fn lock_index(&mut self, connection: u64, locks: Range<u8>, wanted: WalIndexLock) -> bool {
        let may = locks
            .clone()
            .all(|lock| self.may_lock_index(connection, lock, wanted));
        if may {
            self.region_locks
                .extend(locks.map(|lock| ((connection, lock), wanted)));
        }
        may
    }

    fn may_lock_index(&self, connection: u64, lock: u8, wanted: WalIndexLock) -> bool {
        let mut others = self
            .region_locks
            .iter()
            .filter(|((c, l), _)| *c != connection && *l == lock);
        match wanted {
            WalIndexLock::None => true,
            WalIndexLock::Shared => !others.any(|(_, l)| *l == WalIndexLock::Exclusive),
            WalIndexLock::Exclusive => !others.any(|(_, l)| *l != WalIndexLock::None),
        }
    }

    /// A part of the index; of zeros as long as nobody has written there.
    fn region(&mut self, number: u32) -> &mut Region {
        let changes = &mut self.changes;
        self.regions.entry(number).or_insert_with(|| {
            *changes += 1;
            Region {
                change: *changes,
                bytes: Box::new([0; REGION]),
            }
        })
    }

    /// Makes `bytes`, which are what the connection has, what the part is.
    fn pull(&mut self, number: u32, bytes: &mut [u8; REGION], known: &mut Known) {
        let region = self.region(number);
        if known.0.insert(number, region.change) != Some(region.change) {
            bytes.copy_from_slice(&*region.bytes);
        }
    }

    /// Makes the part what the connection has.
    fn push(&mut self, number: u32, bytes: &[u8; REGION], known: &mut Known) {
        let region = self.region(number);
        let mut is_changed = false;
        // A commit changes few of its lines.
        let lines = region.bytes.chunks_exact_mut(LINE);
        for (was, now) in lines.zip(bytes.chunks_exact(LINE)) {
            if was != now {
                was.copy_from_slice(now);
                is_changed = true;
            }
        }
        if !is_changed {
            return;
        }
        self.changes += 1;
        let change = self.changes;
        self.region(number).change = change;
        known.0.insert(number, change);
    }

    /// The index is empty again.
    fn drop_index(&mut self) {
        self.regions.clear();
    }

    /// A connection is closed.
    pub(crate) fn leave(&mut self, connection: u64) {
        self.locks.remove(&connection);
        self.region_locks.retain(|(c, _), _| *c != connection);
    }
}

/// The index as one connection has it.
pub(crate) struct Index {
    shared: Arc<Mutex<Sharing>>,
    connection: u64,
    known: Known,
}

impl Index {
    /// Of the file through which `shared` is.
    pub(crate) fn new(shared: &Arc<Mutex<Sharing>>, connection: u64) -> Self {
        Self {
            shared: Arc::clone(shared),
            connection,
            known: Known::default(),
        }
    }
}

impl WalIndex for Index {
    fn map(&mut self, region: u32) -> Result<[u8; REGION]> {
        let mut bytes = [0; REGION];
        self.known.0.remove(&region);
        self.pull(region, &mut bytes)?;
        Ok(bytes)
    }

    fn lock(&mut self, locks: Range<u8>, wanted: WalIndexLock) -> Result<bool> {
        Ok(lock(&self.shared).lock_index(self.connection, locks, wanted))
    }

    fn delete(self) -> Result<()> {
        lock(&self.shared).drop_index();
        Ok(())
    }

    fn pull(&mut self, region: u32, data: &mut [u8; REGION]) -> Result<()> {
        lock(&self.shared).pull(region, data, &mut self.known);
        Ok(())
    }

    fn push(&mut self, region: u32, data: &[u8; REGION]) -> Result<()> {
        lock(&self.shared).push(region, data, &mut self.known);
        Ok(())
    }
}

/// What was being done when somebody panicked is SQLite's to check.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
