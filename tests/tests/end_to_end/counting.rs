//! How many bytes clients send to a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tandem_testkit::servers::relay::Relay;

/// A relay before the server that counts what clients send.
pub(crate) struct Counting {
    relay: Relay,
    sent: Arc<AtomicU64>,
}

impl Counting {
    /// Before the server at `endpoint`.
    pub(crate) fn before(endpoint: &str) -> Self {
        let sent = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&sent);
        let hear = move |bytes: &[u8]| {
            count.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        };
        let relay = Relay::before(endpoint, hear).unwrap();
        Self { relay, sent }
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> &str {
        self.relay.endpoint()
    }

    /// Bytes that clients have sent so far, headers included.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}
