//! Opening a bucket, without a request.

use std::sync::Arc;

use tandem_core::capabilities::{AtomicWrite, Capabilities, Parts};
use tandem_core::entry::HashKind;
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::Result;
use tandem_core::storage::{Config, Credentials, Descriptor, Ground, Provider, Storage};

use super::client::GcsBucket;
use super::settings::{self, DESCRIPTOR, LIMITS, Settings};
use crate::objects::bucket::Bucket;
use crate::objects::metadata::TimeForm;
use crate::objects::storage::BucketStorage;
use crate::objects::store::Facts;
use crate::retry::Accounts;

/// Longest name of an object in bytes ("Object name requirements", objects#naming).
const LONGEST_KEY: usize = 1_024;

/// A session takes its parts one after the other.
const PARTS_AT_ONCE: usize = 1;

/// Opens buckets.
#[derive(Debug)]
pub struct GcsProvider {
    /// By endpoint and service account.
    accounts: Accounts,
}

impl GcsProvider {
    /// A provider without an account yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            accounts: Accounts::new(),
        }
    }
}

impl Default for GcsProvider {
    fn default() -> Self {
        Self::new()
    }
}

impl Provider for GcsProvider {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn ground(&self, config: &Config) -> Ground {
        settings::ground(config)
    }

    fn open(
        &self,
        config: &Config,
        credentials: &Credentials,
        probed: Option<&Capabilities>,
        environment: SharedEnvironment,
    ) -> Result<Arc<dyn Storage>> {
        let settings = Settings::new(config, credentials)?;
        let name = format!("{} {}", settings.key.email, settings.endpoint);
        let account = self.accounts.account(&name, &environment);
        let facts = facts(&settings);
        let objects = GcsBucket::new(settings, facts, Arc::clone(&environment))?;
        let bucket = Bucket::new(Box::new(objects), probed, account, environment);
        Ok(Arc::new(BucketStorage::new(bucket)))
    }
}

fn facts(settings: &Settings) -> Facts {
    Facts {
        service: "Google Cloud Storage",
        word: "bucket",
        name: settings.bucket.clone(),
        prefix: settings.prefix.clone(),
        plain: settings.plain,
        longest_key: LONGEST_KEY,
        multipart_threshold: settings.multipart_threshold,
        part_size: settings.part_size,
        parts_at_once: PARTS_AT_ONCE,
        // A rewrite takes any object, in as many requests as it needs.
        largest_copy: u64::MAX,
        limits: LIMITS,
        time_form: TimeForm::Rfc3339,
        sets_metadata: true,
        declared: declared(),
    }
}

/// What can be said of a bucket without asking.
fn declared() -> Capabilities {
    Capabilities {
        atomic_write: AtomicWrite::Yes,
        hashes: vec![HashKind::Crc32c],
        server_copy: true,
        versions: true,
        mtime: true,
        executable: true,
        largest_file: Some(LIMITS.largest_file()),
        parts: Some(Parts {
            smallest: LIMITS.smallest_part,
            largest: LIMITS.largest_part,
            most: LIMITS.most_parts,
            equal: LIMITS.equal_parts,
        }),
        writes_per_name: LIMITS.writes_per_key,
        ranges: true,
        ..Capabilities::least()
    }
}
