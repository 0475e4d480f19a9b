//! The held root folder and what one [`crate::LocalRoot`] knows of it.
//!
//! The root is opened once, and everything below is reached from that handle, so that no name, link or race
//! leads elsewhere (P11). Paths are resolved anew for every operation: a handle kept from an earlier one
//! would follow a folder that was moved.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, Result};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::OWN_FOLDER;

use crate::errors::{Context, refused};
use crate::flush::Unsettled;
use crate::held::{self, Held};
use crate::leftovers::{Leftovers, staged_name};
use crate::mounts::Mounts;
use crate::sys::{Errno, Features, Folder, Stat, SysResult};
use crate::unnamed::Unnamed;
use crate::versions::Known;

/// Locks `mutex`; a panic elsewhere left plain data that is still whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The root folder, open.
#[derive(Debug)]
pub(crate) struct Anchor {
    pub(crate) folder: Folder,
    pub(crate) stat: Stat,
}

/// Whether Tandem keeps any name of `path` for itself.
pub(crate) fn is_reserved(path: &RelPath) -> bool {
    // The first letter spares the check's own work for almost every name.
    path.as_str()
        .split('/')
        .filter(|name| name.starts_with('.'))
        .any(|name| Name::new(name).is_ok_and(|name| name.is_reserved()))
}

/// An instant between two steps, at which tests come between and at which they let a step fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Expectations were checked; the swap comes next.
    BeforeSwap,
    /// The swap was made, or what describes a file was set; what is there is looked at next.
    AfterSwap,
    /// What came back was wrong; it is put back next.
    BeforeUndo,
    /// An item was checked and is taken from its name next.
    BeforeTake,
    /// It was taken from its name; what it is is looked at next.
    AfterTake,
    /// A move was checked and is made next.
    BeforeMove,
    /// Content is flushed next.
    BeforeFlush,
    /// One file, one folder or one file system is flushed next.
    Flush,
    /// A version is set aside next.
    BeforeKeep,
    /// The index has the line of a version; its file is moved in next.
    AfterLine,
    /// A file was opened and its revision checked; bytes are read next.
    BeforeRead,
    /// A file is copied next.
    BeforeCopy,
    /// The names of a folder were read; whether they changed meanwhile is looked at next.
    AfterNames,
    /// It was copied; whether it was written to meanwhile is looked at next.
    AfterCopy,
}

#[cfg(test)]
type Hook = Box<dyn FnMut(Moment) -> SysResult<()> + Send>;

/// What one root knows.
pub(crate) struct Disk {
    pub(crate) path: PathBuf,
    pub(crate) environment: SharedEnvironment,
    pub(crate) mounts: Mounts,
    pub(crate) leftovers: Leftovers,
    pub(crate) unsettled: Unsettled,
    pub(crate) held: Held,
    pub(crate) kept: Known,
    pub(crate) unnamed: Unnamed,
    features: Option<Features>,
    anchor: RwLock<Option<Arc<Anchor>>>,
    #[cfg(test)]
    hook: Mutex<Option<Hook>>,
}

/// A name in an open folder.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) folder: Arc<Folder>,
    pub(crate) name: Name,
    pub(crate) path: RelPath,
}

impl Place {
    pub(crate) fn name(&self) -> &str {
        self.name.as_str()
    }

    pub(crate) fn stat(&self) -> SysResult<Option<Stat>> {
        self.folder.stat(self.name())
    }

    /// Another name in the same folder.
    pub(crate) fn beside(&self, name: Name) -> Self {
        let parent = self.path.parent().unwrap_or_else(RelPath::root);
        Self {
            folder: self.folder.clone(),
            path: parent.join(&name),
            name,
        }
    }
}

impl Disk {
    /// The folder at `path`, not yet opened. `features` are the calls that are tried, else all.
    pub(crate) fn new(
        path: &Path,
        features: Option<Features>,
        environment: SharedEnvironment,
    ) -> Self {
        Self {
            path: path.to_owned(),
            environment,
            mounts: Mounts::default(),
            leftovers: Leftovers::default(),
            unsettled: Unsettled::default(),
            held: Held::default(),
            kept: Known::default(),
            unnamed: Unnamed::default(),
            features,
            anchor: RwLock::new(None),
            #[cfg(test)]
            hook: Mutex::new(None),
        }
    }

    /// Lets tests come between two steps.
    #[cfg(test)]
    pub(crate) fn set_hook(&self, hook: impl FnMut(Moment) -> SysResult<()> + Send + 'static) {
        *lock(&self.hook) = Some(Box::new(hook));
    }

    /// An instant between two steps.
    #[cfg(test)]
    pub(crate) fn at(&self, moment: Moment) -> SysResult<()> {
        // Taken out meanwhile, so that a hook may itself use the disk.
        let hook = lock(&self.hook).take();
        let Some(mut hook) = hook else {
            return Ok(());
        };
        let answer = hook(moment);
        *lock(&self.hook) = Some(hook);
        answer
    }

    /// An instant between two steps; only tests do anything there.
    #[cfg(not(test))]
    #[allow(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "tests let it fail"
    )]
    pub(crate) const fn at(&self, _: Moment) -> SysResult<()> {
        Ok(())
    }

    fn held(&self) -> Option<Arc<Anchor>> {
        self.anchor
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The root, opened by the first who needs it.
    pub(crate) fn anchor(&self) -> SysResult<Arc<Anchor>> {
        if let Some(anchor) = self.held() {
            return Ok(anchor);
        }
        let fresh = self.open()?;
        // Before anybody else has it: what was mounted there is not empty.
        self.mounts.load(&fresh.folder);
        let mut slot = self.anchor.write().unwrap_or_else(PoisonError::into_inner);
        Ok(slot.get_or_insert(fresh).clone())
    }

    fn open(&self) -> SysResult<Arc<Anchor>> {
        let features = self.features.unwrap_or(Features::ALL);
        let folder = Folder::open_root(&self.path, features)?;
        let stat = folder.stat_self()?;
        Ok(Arc::new(Anchor { folder, stat }))
    }

    /// The root, after a look whether its path still leads to the held folder; if not, what is there now is
    /// held from here on. Its identity shows whether it is the same.
    pub(crate) fn anchor_anew(&self) -> SysResult<Arc<Anchor>> {
        let fresh = match self.open() {
            Ok(fresh) => fresh,
            Err(error) => {
                *self.anchor.write().unwrap_or_else(PoisonError::into_inner) = None;
                return Err(error);
            }
        };
        if let Some(held) = self.held()
            && held.stat.is_same_file(&fresh.stat)
        {
            self.mounts.load(&held.folder);
            return Ok(held);
        }
        self.mounts.load(&fresh.folder);
        *self.anchor.write().unwrap_or_else(PoisonError::into_inner) = Some(fresh.clone());
        Ok(fresh)
    }

    /// Checks that `path` may be touched: no name that Tandem keeps for itself, no mount that is gone.
    fn admit(&self, operation: &'static str, anchor: &Anchor, path: &RelPath) -> Result<()> {
        if is_reserved(path) {
            return Err(refused(
                operation,
                path,
                Cause::NameRefused,
                "Tandem keeps names that begin with .tandem for itself",
            ));
        }
        self.mounts.check(operation, anchor, path)
    }

    /// The root, if `path` below it may be touched.
    pub(crate) fn admitted(&self, operation: &'static str, path: &RelPath) -> Result<Arc<Anchor>> {
        let anchor = self.anchor().context(operation, path)?;
        self.admit(operation, &anchor, path)?;
        Ok(anchor)
    }

    /// The open folder `path`.
    pub(crate) fn folder(&self, operation: &'static str, path: &RelPath) -> Result<Folder> {
        let anchor = self.admitted(operation, path)?;
        anchor
            .folder
            .open_folder(path.as_str())
            .context(operation, path)
    }

    /// The name `path` in the folder that holds it.
    pub(crate) fn place(&self, operation: &'static str, path: &RelPath) -> Result<Place> {
        let anchor = self.admitted(operation, path)?;
        self.own_place(operation, &anchor, path)
    }

    /// As [`Disk::place`], for names that Tandem keeps for itself.
    pub(crate) fn own_place(
        &self,
        operation: &'static str,
        anchor: &Anchor,
        path: &RelPath,
    ) -> Result<Place> {
        let (Some(parent), Some(name)) = (path.parent(), path.name()) else {
            let why = "the root itself is neither replaced nor removed";
            return Err(refused(operation, path, Cause::NameRefused, why));
        };
        let folder = anchor
            .folder
            .open_folder(parent.as_str())
            .context(operation, path)?;
        Ok(Place {
            folder: Arc::new(folder),
            name,
            path: path.clone(),
        })
    }

    /// `.tandem`, made if need be. Nobody but its owner sees what was set aside (P20).
    pub(crate) fn own_folder(&self) -> SysResult<Folder> {
        let anchor = self.anchor()?;
        open_or_make(&anchor.folder, OWN_FOLDER)
    }

    /// `.tandem`, if it is there.
    pub(crate) fn own_folder_if_there(&self) -> SysResult<Option<Folder>> {
        match self.anchor()?.folder.open_folder(OWN_FOLDER) {
            Ok(folder) => Ok(Some(folder)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A name for a staged file, that nothing else has.
    pub(crate) fn staged_name(&self) -> String {
        staged_name(self.environment.random())
    }

    /// A name for a file of Tandem's own, that nothing else has.
    pub(crate) fn random_name(&self, prefix: &str, suffix: &str) -> String {
        format!("{prefix}{:016x}{suffix}", self.environment.random())
    }
}

impl Drop for Disk {
    /// Nobody will settle any more.
    fn drop(&mut self) {
        let items = self.held.take();
        held::look_again(self, items);
    }
}

/// Opens the folder `name`, making it for its owner alone if it is missing.
pub(crate) fn open_or_make(folder: &Folder, name: &str) -> SysResult<Folder> {
    match folder.open_folder(name) {
        Err(Errno::NOENT) => {}
        answer => return answer,
    }
    match folder.make_folder(name, 0o700) {
        Ok(()) | Err(Errno::EXIST) => folder.open_folder(name),
        Err(error) => Err(error),
    }
}
