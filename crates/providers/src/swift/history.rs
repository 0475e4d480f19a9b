//! Versions, where a container keeps them in the newer of Swift's ways ("Object Versioning", docs.openstack.org/swift:
//! `X-Versions-Enabled`). The older ones move what was replaced to another container, out of reach of this storage.

use reqwest::Method;
use reqwest::header::HeaderMap;
use tandem_core::error::Result;

use super::client::{Call, Target};
use super::store::SwiftStore;
use crate::objects::object::{HistoryPage, Past};

/// The type that a line has which stands for a delete.
const DELETED: &str = "application/x-deleted;swift_versions_deleted=1";

/// The id of what was written while a container kept no versions.
pub(super) const NO_VERSION: &str = "null";

/// Between the two halves of a marker. No name has it.
const BETWEEN: char = '\0';

impl SwiftStore {
    pub(super) async fn container_headers(&self, operation: &'static str) -> Result<HeaderMap> {
        let call = Call::new(operation, Method::HEAD, Target::Container);
        let answer = self.account.send(&call).await;
        let answer = answer.map_err(|error| self.without_container(error))?;
        Ok(answer.headers().clone())
    }

    pub(super) async fn is_versioned(&self, operation: &'static str) -> Result<bool> {
        let headers = self.container_headers(operation).await?;
        let enabled = headers.get("x-versions-enabled");
        Ok(enabled.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true")))
    }

    pub(super) async fn history_page(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<HistoryPage> {
        let mut asked = vec![
            ("versions", "true".to_owned()),
            ("prefix", prefix.to_owned()),
        ];
        if let Some((name, version)) = after.and_then(|after| after.split_once(BETWEEN)) {
            asked.push(("marker", name.to_owned()));
            asked.push(("version_marker", version.to_owned()));
        }
        let lines = self.lines("versions", &asked).await?;
        let next = lines.last().map(|line| {
            let version = line.version_id.as_deref().unwrap_or(NO_VERSION);
            format!("{}{BETWEEN}{version}", line.name)
        });
        let past = lines.iter().map(|line| Past {
            object: line.object(),
            id: line
                .version_id
                .clone()
                .unwrap_or_else(|| NO_VERSION.to_owned()),
            is_latest: line.is_latest,
            is_marker: line.content_type == DELETED,
        });
        Ok(HistoryPage {
            lines: past.collect(),
            next,
        })
    }
}
