//! What a provider supplies to be tested: a fresh root, and the means to look at it from outside.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use tandem_core::environment::{BoxFuture, SharedEnvironment};
use tandem_core::storage::{Root, Storage};

use super::record::Proof;

/// Gives another instance of a root.
pub type Opener = Box<dyn Fn() -> BoxFuture<Arc<dyn Root>> + Send + Sync>;

/// Gives a fresh subject.
pub type Factory = Arc<dyn Fn() -> BoxFuture<Subject> + Send + Sync>;

/// Somebody else, who changes the storage behind our back and by other means than the root under test.
///
/// Paths are those of the root under test; the suite uses plain ASCII names here. Errors are text: a broken
/// outsider is a broken test, not a finding.
#[async_trait]
pub trait Outsider: Send + Sync {
    /// Creates or replaces a file, its parent folders too. On a disk it may well write in place.
    async fn put(&self, path: &str, bytes: &[u8]) -> Result<(), String>;

    /// The bytes of a file; `None` if there is none.
    async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, String>;

    /// Removes a file.
    async fn remove(&self, path: &str) -> Result<(), String>;

    /// Every file below the root, Tandem's own included.
    async fn list(&self) -> Result<Vec<String>, String>;
}

/// The storage behind the root, for the operations of [`Storage`] itself.
pub struct Place {
    /// The storage.
    pub storage: Arc<dyn Storage>,
    /// Where the root under test lies, as given to [`Storage::root`].
    pub path: String,
}

/// A fault of the server a provider is tested against, not of the provider: it is reported as excused.
#[derive(Debug, Clone, Copy)]
pub struct KnownFault {
    /// The name of a case, or one name of [`HOSTILE_NAMES`](super::HOSTILE_NAMES).
    pub what: &'static str,
    /// Which server does what, and where that is documented.
    pub why: &'static str,
    /// Whether it shows at times only, as races do. What always shows and no longer does needs no excuse.
    pub at_times: bool,
}

/// A fresh, empty root under test.
///
/// Only the first fields are needed; take the rest from [`Subject::new`]:
/// `Subject { outsider: Some(..), ..Subject::new(root, reopen, guard) }`.
pub struct Subject {
    /// The root. Nothing is in it.
    pub root: Arc<dyn Root>,
    /// A new instance on the same place, as after a restart.
    pub reopen: Opener,
    /// Somebody else on the same place. Without one the suite uses a second instance of the root.
    pub outsider: Option<Box<dyn Outsider>>,
    /// A root on the same place with credentials that are no longer good.
    pub expired: Option<Opener>,
    /// The storage behind the root.
    pub place: Option<Place>,
    /// Whose time passes when the suite waits; real time if there is none.
    pub environment: Option<SharedEnvironment>,
    /// The length from which this subject uploads in parts. Providers set it low, so that it is tested cheaply;
    /// otherwise it is 50 MiB and parts are tested only with `big`.
    pub parts_from: Option<u64>,
    /// Whether bodies above 50 MiB may be sent.
    pub big: bool,
    /// Folders are implied by the names below them, as in an object store: a missing parent need not be refused,
    /// and a folder need not be told from nothing.
    pub flat: bool,
    /// Faults of the server that are known and excused.
    pub known_faults: Vec<KnownFault>,
    /// What is written down about it, where anything is.
    pub proof: Option<Proof>,
    /// Dropped last: a temporary folder, a server.
    pub guard: Box<dyn Any + Send + Sync>,
}

impl Subject {
    /// A subject of which nothing but the root is known. `guard` lives as long as the subject.
    pub fn new(root: Arc<dyn Root>, reopen: Opener, guard: impl Any + Send + Sync) -> Self {
        Self {
            root,
            reopen,
            outsider: None,
            expired: None,
            place: None,
            environment: None,
            parts_from: None,
            big: false,
            flat: false,
            known_faults: Vec::new(),
            proof: None,
            guard: Box::new(guard),
        }
    }
}
