//! What clients send to the server, to be looked through.

use std::sync::{Arc, Mutex};

use tandem_testkit::servers::relay::Relay;

/// A relay before the server that keeps all bytes that clients send.
pub(crate) struct Overheard {
    relay: Relay,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Overheard {
    /// Before the server at `endpoint`.
    pub(crate) fn before(endpoint: &str) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&heard);
        let hear = move |bytes: &[u8]| all.lock().unwrap().extend_from_slice(bytes);
        let relay = Relay::before(endpoint, hear).unwrap();
        Self { relay, heard }
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> &str {
        self.relay.endpoint()
    }

    /// How often this was sent.
    pub(crate) fn count(&self, what: &str) -> usize {
        let heard = self.heard.lock().unwrap();
        let places = heard.windows(what.len());
        places.filter(|place| *place == what.as_bytes()).count()
    }
}
