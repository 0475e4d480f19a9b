//! The folder that everything is done in, and that is removed with all that is in it.

use std::sync::Arc;

use futures_util::StreamExt;
use tandem_core::entry::Kind;
use tandem_core::error::{Cause, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{Depth, Discard, Expected, Keep, Listed, Root, Storage};
use tandem_testkit::real_time::real_time;

/// What Tandem keeps for itself in a folder. Listings leave it out, so it is listed as a root.
const OWN: &str = ".tandem";

/// A folder of a storage.
pub(crate) struct Scratch {
    storage: Arc<dyn Storage>,
    folder: String,
}

impl Scratch {
    /// Makes one with a name that nothing has.
    pub(crate) async fn make(storage: Arc<dyn Storage>) -> Result<Self, String> {
        let folder = format!("tandem-live-{:016x}", real_time().random());
        let made = async {
            let top = storage.root("").await?;
            top.create_folder(&path(&folder)?).await
        };
        match made.await {
            Ok(_) => Ok(Self { storage, folder }),
            Err(error) => Err(format!("The scratch folder cannot be made: {error}.")),
        }
    }

    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }

    /// Removes it. What could not be removed is named, with the reason.
    pub(crate) async fn remove(&self) -> Vec<String> {
        let mut left = Vec::new();
        self.empty(&self.folder, &mut left).await;
        let top = self.storage.root("").await;
        let gone = match (&top, path(&self.folder)) {
            (Ok(top), Ok(folder)) => delete(&**top, &folder, &Expected::Any).await,
            (Err(error), _) => Err(StorageError::new("root", error.cause, "")),
            (_, Err(error)) => Err(error),
        };
        left.extend(gone.err().map(|error| format!("{}: {error}", self.folder)));
        left
    }

    /// Deletes all below a folder, the innermost first.
    async fn empty(&self, folder: &str, left: &mut Vec<String>) {
        let root = match self.storage.root(folder).await {
            Ok(root) => root,
            Err(error) => return left.push(format!("{folder}: {error}")),
        };
        if let Ok(versions) = root.versions(None).await {
            for version in versions {
                let _ = root.prune_version(&version.key).await;
            }
        }
        for (token, _) in root.leftovers().await.unwrap_or_default() {
            let _ = root.discard(&token).await;
        }
        let (files, mut folders) = match everything(&*root).await {
            Ok(found) => found,
            Err(error) if error.cause == Cause::NotFound => return,
            Err(error) => return left.push(format!("{folder}: {error}")),
        };
        for (file, expected) in files {
            let gone = delete(&*root, &file, &expected).await;
            left.extend(gone.err().map(|error| format!("{folder}/{file}: {error}")));
        }
        folders.sort_by_key(|folder| std::cmp::Reverse(folder.depth()));
        folders.push(RelPath::root());
        for below in folders {
            let whole = match below.as_str() {
                "" => folder.to_owned(),
                below => format!("{folder}/{below}"),
            };
            if !whole.contains(OWN) {
                Box::pin(self.empty(&format!("{whole}/{OWN}"), left)).await;
                let _ = delete_own(&*root, &below).await;
            }
            if !below.is_root() {
                let gone = delete(&*root, &below, &Expected::Any).await;
                left.extend(gone.err().map(|error| format!("{whole}: {error}")));
            }
        }
    }
}

fn path(text: &str) -> Result<RelPath, StorageError> {
    RelPath::new(text)
        .map_err(|error| StorageError::new("open", Cause::NameRefused, error.to_string()))
}

/// Files with what they are now, and folders.
type Found = (Vec<(RelPath, Expected)>, Vec<RelPath>);

async fn everything(root: &dyn Root) -> Result<Found, StorageError> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    let mut listing = root.list(&RelPath::root(), Depth::Subtree);
    while let Some(listed) = listing.next().await {
        let Listed::Folder(one) = listed? else {
            continue;
        };
        for entry in one.entries {
            let at = one.folder.join(&entry.name);
            match entry.kind {
                Kind::Folder => folders.push(at),
                _ => files.push((at, Expected::Revision(entry.revision))),
            }
        }
    }
    Ok((files, folders))
}

async fn delete(root: &dyn Root, at: &RelPath, expected: &Expected) -> Result<(), StorageError> {
    let at = at.clone().into();
    let deleted = root.delete(&at, expected, &Keep::No, Discard::Forever);
    deleted.await.map(|_| ())
}

/// The folder of Tandem's own in `below`, which is empty.
async fn delete_own(root: &dyn Root, below: &RelPath) -> Result<(), StorageError> {
    delete(root, &below.append(&path(OWN)?), &Expected::Any).await
}
