//! The folder that everything is done in, and that is removed with all that is in it.

use std::sync::Arc;

use futures_util::StreamExt;
use tandem_core::entry::Kind;
use tandem_core::error::{Cause, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{Depth, Discard, Expected, Keep, Listed, OWN_FOLDER, Root, Storage};
use tandem_testkit::real_time::real_time;

/// A folder of a storage.
pub(crate) struct Scratch {
    storage: Arc<dyn Storage>,
    folder: String,
    /// Whether Tandem keeps nothing beside it, but for what removing it takes.
    is_alone: bool,
}

impl Scratch {
    /// Makes one with a name that nothing has.
    pub(crate) async fn make(storage: Arc<dyn Storage>) -> Result<Self, String> {
        let folder = format!("tandem-live-{:016x}", real_time().random());
        let made = async {
            let top = storage.root("").await?;
            let own = top.stat(&path(OWN_FOLDER)?.into()).await?;
            top.create_folder(&path(&folder)?).await?;
            Ok(own.is_none())
        };
        let made: Result<bool, StorageError> = made.await;
        match made {
            Ok(is_alone) => Ok(Self {
                storage,
                folder,
                is_alone,
            }),
            Err(error) => Err(format!("The scratch folder cannot be made: {error}.")),
        }
    }

    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }

    /// Removes it. What could not be removed is named, with the reason.
    pub(crate) async fn remove(&self) -> Vec<String> {
        let mut left = Vec::new();
        let top = match self.storage.root("").await {
            Ok(top) => top,
            Err(error) => return vec![format!("{}: {error}", self.folder)],
        };
        // A folder that is removed goes through what Tandem keeps in the root that it is removed by.
        match self.storage.root(&self.folder).await {
            Ok(root) => self.clear(&*root, &self.folder, "", &mut left).await,
            Err(error) => left.push(format!("{}: {error}", self.folder)),
        }
        let gone = delete(&*top, &self.folder, &Expected::Any).await;
        left.extend(gone.err().map(|error| format!("{}: {error}", self.folder)));
        if self.is_alone {
            left.extend(remove_emptied(&*top).await);
        }
        left
    }

    /// Deletes all below the folder `whole` of the storage, which is `at` below `root`, the innermost first.
    async fn clear(&self, root: &dyn Root, whole: &str, at: &str, left: &mut Vec<String>) {
        let shown = match self.storage.root(whole).await {
            Ok(shown) => shown,
            Err(error) => return left.push(format!("{whole}: {error}")),
        };
        if let Ok(versions) = shown.versions(None).await {
            for version in versions {
                let _ = shown.prune_version(&version.key).await;
            }
        }
        for (token, _) in shown.leftovers().await.unwrap_or_default() {
            let _ = shown.discard(&token).await;
        }
        let (files, mut folders) = match everything(&*shown).await {
            Ok(found) => found,
            Err(error) if error.cause == Cause::NotFound => return,
            Err(error) => return left.push(format!("{whole}: {error}")),
        };
        for (file, expected) in files {
            let gone = delete(&*shown, file.as_str(), &expected).await;
            left.extend(gone.err().map(|error| format!("{whole}/{file}: {error}")));
        }
        folders.sort_by_key(|folder| std::cmp::Reverse(folder.depth()));
        for folder in folders {
            let (whole, at) = (joined(whole, folder.as_str()), joined(at, folder.as_str()));
            let own = joined(&whole, OWN_FOLDER);
            self.remove_own(root, &own, &joined(&at, OWN_FOLDER), left)
                .await;
            let gone = delete(root, &at, &Expected::Any).await;
            left.extend(gone.err().map(|error| format!("{whole}: {error}")));
        }
        if !at.split('/').any(|name| name == OWN_FOLDER) {
            let own = joined(whole, OWN_FOLDER);
            self.remove_own(root, &own, &joined(at, OWN_FOLDER), left)
                .await;
        }
    }

    /// Removes what Tandem keeps for itself in a folder, which listings leave out, so it is listed as a root.
    async fn remove_own(&self, root: &dyn Root, whole: &str, at: &str, left: &mut Vec<String>) {
        Box::pin(self.clear(root, whole, at, left)).await;
        let gone = delete(root, at, &Expected::Any).await;
        let gone = gone.err().filter(|error| error.cause != Cause::NotFound);
        left.extend(gone.map(|error| format!("{whole}: {error}")));
    }
}

/// Removes the folder that removing the scratch folder went through. What is in it by then is another Tandem's, which
/// has got a pair there: it stays.
async fn remove_emptied(top: &dyn Root) -> Option<String> {
    let error = delete(top, OWN_FOLDER, &Expected::Any).await.err()?;
    let is_theirs = matches!(error.cause, Cause::PreconditionFailed | Cause::NotFound);
    (!is_theirs).then(|| format!("{OWN_FOLDER}: {error}"))
}

/// `name` in `folder`, either of which may be empty.
fn joined(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
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

async fn delete(root: &dyn Root, at: &str, expected: &Expected) -> Result<(), StorageError> {
    let at = path(at)?.into();
    let deleted = root.delete(&at, expected, &Keep::No, Discard::Forever);
    deleted.await.map(|_| ())
}
