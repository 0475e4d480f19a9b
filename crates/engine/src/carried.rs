//! Content on its way from one side to another: hashed while it flows, counted and slowed down.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use tandem_core::content::{ByteStream, Content};
use tandem_core::entry::{ContentHash, Entry};
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::Result;
use tandem_core::storage::{Locator, Root};

/// Bytes a second, shared by all transfers of a direction.
pub(crate) struct Throttle {
    rate: Option<u64>,
    /// The uptime, in nanoseconds, until which the bytes so far are paid for.
    paid_until: AtomicU64,
}

impl Throttle {
    pub(crate) const fn new(rate: Option<u64>) -> Self {
        Self {
            rate,
            paid_until: AtomicU64::new(0),
        }
    }

    async fn pay(&self, environment: &SharedEnvironment, bytes: u64) {
        let Some(rate) = self.rate.filter(|&r| r > 0) else {
            return;
        };
        let now = nanos(environment.uptime());
        let cost = bytes.saturating_mul(1_000_000_000) / rate;
        let before = self
            .paid_until
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |until| {
                Some(until.max(now) + cost)
            })
            .unwrap_or(now);
        let wait = (before.max(now) + cost).saturating_sub(now);
        if wait > 0 {
            environment.sleep(Duration::from_nanos(wait)).await;
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// How far the bytes have flowed in order. A hasher is large, and many files wait at a time: it is there only while
/// they flow.
#[derive(Default)]
struct Hashing {
    hasher: Option<Box<blake3::Hasher>>,
    position: u64,
    hash: Option<ContentHash>,
}

impl Hashing {
    fn take(&mut self, offset: u64, bytes: &[u8], size: u64) {
        if offset == 0 && self.position != 0 {
            *self = Self::default();
        }
        if self.position != offset || self.hash.is_some() {
            return;
        }
        let hasher = self.hasher.get_or_insert_default();
        hasher.update(bytes);
        self.position += bytes.len() as u64;
        if self.position == size {
            self.hash = Some(ContentHash::blake3(*hasher.finalize().as_bytes()));
            self.hasher = None;
        }
    }
}

/// One revision of a file, readable again and again.
#[derive(Clone)]
pub(crate) struct Carried {
    root: Arc<dyn Root>,
    at: Locator,
    entry: Entry,
    hashing: Arc<Mutex<Hashing>>,
    throttle: Arc<Throttle>,
    environment: SharedEnvironment,
}

impl Carried {
    pub(crate) fn new(
        root: Arc<dyn Root>,
        at: Locator,
        entry: Entry,
        throttle: Arc<Throttle>,
        environment: SharedEnvironment,
    ) -> Self {
        Self {
            root,
            at,
            entry,
            hashing: Arc::default(),
            throttle,
            environment,
        }
    }

    /// The hash of all bytes. Reads them again if they did not flow once from beginning to end.
    pub(crate) async fn hash(&self) -> Result<ContentHash> {
        if let Some(hash) = self.hash_so_far() {
            return Ok(hash);
        }
        let mut all = self.open(0, self.entry.size).await?;
        while let Some(piece) = all.next().await {
            piece?;
        }
        self.hash_so_far().ok_or_else(|| short(&self.at))
    }

    /// The hash of all bytes, if they have flowed.
    pub(crate) fn hash_so_far(&self) -> Option<ContentHash> {
        if self.entry.size == 0 {
            return Some(ContentHash::blake3(*blake3::hash(b"").as_bytes()));
        }
        lock(&self.hashing).hash.clone()
    }

    /// All bytes at once, of a file no larger than `most`.
    pub(crate) async fn bytes(&self, most: u64) -> Result<Option<Vec<u8>>> {
        if self.entry.size > most {
            return Ok(None);
        }
        let mut all = Vec::with_capacity(usize::try_from(self.entry.size).unwrap_or(0));
        let mut pieces = self.open(0, self.entry.size).await?;
        while let Some(piece) = pieces.next().await {
            all.extend_from_slice(&piece?);
        }
        if all.len() as u64 != self.entry.size {
            return Err(short(&self.at));
        }
        Ok(Some(all))
    }
}

fn lock(hashing: &Mutex<Hashing>) -> MutexGuard<'_, Hashing> {
    hashing.lock().unwrap_or_else(PoisonError::into_inner)
}

fn short(at: &Locator) -> tandem_core::error::StorageError {
    use tandem_core::error::{Cause, StorageError};
    StorageError::new(
        "read",
        Cause::HashMismatch,
        "the file is shorter than listed",
    )
    .at(&at.path)
}

#[async_trait]
impl Content for Carried {
    fn len(&self) -> u64 {
        self.entry.size
    }

    fn is_hashed_on_the_way(&self) -> bool {
        true
    }

    fn hash_on_the_way(&self) -> Option<ContentHash> {
        self.hash_so_far()
    }

    async fn open(&self, offset: u64, length: u64) -> Result<ByteStream> {
        let pieces = self
            .root
            .read(
                &self.at,
                &self.entry,
                offset,
                length.min(self.entry.size - offset.min(self.entry.size)),
            )
            .await?;
        let hashing = Arc::clone(&self.hashing);
        let size = self.entry.size;
        let (throttle, environment) = (Arc::clone(&self.throttle), Arc::clone(&self.environment));
        let counted = stream::unfold((pieces, offset), move |(mut pieces, position)| {
            let hashing = Arc::clone(&hashing);
            let (throttle, environment) = (Arc::clone(&throttle), Arc::clone(&environment));
            async move {
                let piece = pieces.next().await?;
                let mut after = position;
                if let Ok(bytes) = &piece {
                    lock(&hashing).take(position, bytes, size);
                    after += bytes.len() as u64;
                    throttle.pay(&environment, bytes.len() as u64).await;
                }
                Some((piece, (pieces, after)))
            }
        });
        Ok(Box::pin(counted))
    }
}
