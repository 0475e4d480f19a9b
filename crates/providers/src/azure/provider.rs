//! Opening a container, without a request.

use std::sync::Arc;

use tandem_core::capabilities::{AtomicWrite, Capabilities, NameRules, Parts};
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::Result;
use tandem_core::storage::{Config, Credentials, Descriptor, Ground, Provider, Storage};

use super::client::Container;
use super::settings::{self, DESCRIPTOR, LIMITS, Settings};
use crate::objects::bucket::Bucket;
use crate::objects::metadata::TimeForm;
use crate::objects::storage::BucketStorage;
use crate::objects::store::Facts;
use crate::retry::Accounts;

/// Longest key: 1,024 characters ("Naming and referencing containers, blobs, and metadata"), here taken for bytes. A blob
/// of a longer name that another program made is shown as one that cannot be held.
const LONGEST_KEY: usize = 1_024;

/// Blocks of one file that are on their way at once.
const PARTS_AT_ONCE: usize = 4;

/// Opens containers.
#[derive(Debug)]
pub struct AzureProvider {
    /// By endpoint and account.
    accounts: Accounts,
}

impl AzureProvider {
    /// A provider without an account yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            accounts: Accounts::new(),
        }
    }
}

impl Default for AzureProvider {
    fn default() -> Self {
        Self::new()
    }
}

impl Provider for AzureProvider {
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
        let name = format!("{} {}", settings.account, settings.endpoint);
        let account = self.accounts.account(&name, &environment);
        let facts = facts(&settings);
        let container = Container::new(settings, facts, Arc::clone(&environment))?;
        let bucket = Bucket::new(Box::new(container), probed, account, environment);
        Ok(Arc::new(BucketStorage::new(bucket)))
    }
}

fn facts(settings: &Settings) -> Facts {
    Facts {
        service: "Azure",
        word: "container",
        name: settings.container.clone(),
        prefix: settings.prefix.clone(),
        plain: settings.plain,
        longest_key: LONGEST_KEY,
        multipart_threshold: settings.multipart_threshold,
        part_size: settings.part_size,
        parts_at_once: PARTS_AT_ONCE,
        // A copy within one account has no limit of its own ("Copy Blob").
        largest_copy: u64::MAX,
        limits: LIMITS,
        time_form: TimeForm::Rfc3339,
        sets_metadata: true,
        declared: declared(),
    }
}

/// What can be said of a container without asking.
fn declared() -> Capabilities {
    Capabilities {
        atomic_write: AtomicWrite::Yes,
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
        // "No path segments should end with a dot", control characters "aren't allowed" ("Naming and Referencing
        // Containers, Blobs, and Metadata"); with a backslash clients sign another name than the server checks ("Azure
        // Storage Naming Rules", Microsoft). rclone encodes the same (docs, "Microsoft Azure Blob Storage").
        names: NameRules {
            // And what is no character of XML 1.0 (section 2.2).
            forbidden: "\\\u{fffe}\u{ffff}".to_owned(),
            no_control: true,
            no_trailing_period: true,
            ..NameRules::default()
        },
        ranges: true,
        ..Capabilities::least()
    }
}
