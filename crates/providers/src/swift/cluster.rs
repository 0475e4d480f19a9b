//! What a cluster can do ("Discoverability", docs.openstack.org/api-ref/object-store), asked once.

use reqwest::Method;
use serde_json::Value;
use tandem_core::error::Result;

use super::client::{Call, Target};
use super::store::SwiftStore;

/// What it can do of what not every cluster can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cluster {
    /// Whether it makes objects out of segments. One that does not would take a manifest for content.
    pub(super) has_large_objects: bool,
    /// How many objects one request may delete; `None` where each takes its own.
    pub(super) deletes_at_once: Option<usize>,
}

impl Cluster {
    /// What a cluster says. What does not say what it can do is taken to have large objects: each manifest goes with the
    /// ETag that only one of those has.
    fn parse(said: &[u8]) -> Self {
        let said: Value = serde_json::from_slice(said).unwrap_or_default();
        let most = &said["bulk_delete"]["max_deletes_per_request"];
        Self {
            has_large_objects: said.get("swift").is_none() || said.get("slo").is_some(),
            deletes_at_once: most
                .as_u64()
                .and_then(|most| usize::try_from(most).ok())
                .filter(|most| *most > 1),
        }
    }
}

impl SwiftStore {
    /// Fails only where another try may tell.
    pub(super) async fn cluster(&self, operation: &'static str) -> Result<Cluster> {
        if let Some(known) = self.cluster.get() {
            return Ok(*known);
        }
        let call = Call::new(operation, Method::GET, Target::Info);
        let said = match self.account.read(&call).await {
            Err(error) if error.is_transient() => return Err(error),
            said => said.unwrap_or_default(),
        };
        Ok(*self.cluster.get_or_init(|| Cluster::parse(&said)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_can_do_what_it_says() {
        for (said, has_large_objects, deletes_at_once) in [
            (r#"{"swift": {}, "slo": {}}"#, true, None),
            (r#"{"swift": {}}"#, false, None),
            (
                r#"{"swift": {}, "slo": {}, "bulk_delete": {"max_deletes_per_request": 10000}}"#,
                true,
                Some(10_000),
            ),
            (
                r#"{"swift": {}, "bulk_delete": {"max_deletes_per_request": 0}}"#,
                false,
                None,
            ),
            ("{}", true, None),
            ("", true, None),
            ("<html>no such page</html>", true, None),
        ] {
            let expected = Cluster {
                has_large_objects,
                deletes_at_once,
            };
            assert_eq!(Cluster::parse(said.as_bytes()), expected, "{said}");
        }
    }
}
