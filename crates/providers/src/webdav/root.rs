//! A folder of the server as a [`Root`]. What each operation does lies in the module of its name; here they meet the
//! contract, and every error gets its path.

use std::sync::Arc;

use async_trait::async_trait;
use tandem_core::capabilities::{Capabilities, CaseRule, UnicodeRule};
use tandem_core::content::{ByteStream, SharedContent};
use tandem_core::entry::{Entry, Kind};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::names::collision_key;
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{
    Commit, Committed, Deleted, Depth, Discard, Expected, Identity, Keep, ListingStream, Locator,
    Meta, OWN_FOLDER, ResumeSink, ResumeToken, Root, RootIdentity, Staged, Version, VersionKey,
};
use url::Url;

use super::address::{Ending, below, decoded};
use super::client::{Call, Server, Tries};
use super::listing::listing;
use super::read::{Wanted, read};
use super::resource::Resource;
use super::storage::Store;
use crate::names::refusal;

/// A folder of the server.
#[derive(Debug)]
pub(super) struct WebDavRoot {
    pub(super) store: Arc<Store>,
    /// Its address, which ends in a slash.
    pub(super) base: Url,
}

/// An item, with the name that the server gives it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) name: Option<Name>,
    pub(super) resource: Resource,
}

impl Seen {
    /// Whether the server shows under another name what is at `url`; case and Unicode form aside, which the probe finds out
    /// about. sabre/dav 1.8 guesses the encoding of an address and takes some names for Latin-1
    /// (`URLUtil::decodePath`).
    pub(super) fn is_misread(&self, url: &Url) -> bool {
        let key = |name: &Name| collision_key(name, CaseRule::Insensitive, UnicodeRule::Folding);
        let names = last_name(url.path()).zip(self.name.as_ref());
        names.is_some_and(|(asked, shown)| key(&asked) != key(shown))
    }
}

/// The name of what is at an address.
pub(super) fn last_name(href: &str) -> Option<Name> {
    let name = String::from_utf8(decoded(href).pop()?).ok()?;
    Name::new(name).ok()
}

/// For a name that comes back as another.
pub(super) fn misread(operation: &'static str) -> StorageError {
    let detail = "the server takes this name for another";
    StorageError::new(operation, Cause::NameRefused, detail)
}

impl Server {
    /// What is at `url`, which may be a file or a folder; `None` if nothing.
    pub(super) async fn look(
        &self,
        tries: Tries,
        operation: &'static str,
        url: &Url,
    ) -> Result<Option<Seen>> {
        let found = match self.propfind(tries, operation, url.clone(), 0).await {
            // A server that wants a folder's address to end in a slash sends on to that.
            Err(error) if error.cause == Cause::Other && !url.path().ends_with('/') => {
                let mut folder = url.clone();
                folder.set_path(&format!("{}/", url.path()));
                match self.propfind(tries, operation, folder, 0).await {
                    Err(_) => return Err(error),
                    found => found,
                }
            }
            found => found,
        };
        let found = match found {
            Ok(found) => found,
            Err(error) if error.cause == Cause::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(first) = found.into_iter().next() else {
            return Err(super::errors::bad_answer(
                operation,
                "an answer about nothing",
            ));
        };
        if matches!(first.status, Some(404 | 410)) {
            return Ok(None);
        }
        if !first.props.is_found {
            return Err(super::errors::bad_answer(
                operation,
                "an item without properties",
            ));
        }
        Ok(Some(Seen {
            name: last_name(&first.href),
            resource: Resource::new(&first.props),
        }))
    }
}

impl WebDavRoot {
    pub(super) fn capabilities(&self) -> &Capabilities {
        &self.store.capabilities
    }

    /// The address of `path`, if this server can hold such a name.
    pub(super) fn url(
        &self,
        operation: &'static str,
        path: &RelPath,
        ending: Ending,
    ) -> Result<Url> {
        let refused =
            |detail: String| Err(StorageError::new(operation, Cause::NameRefused, detail).at(path));
        let rules = &self.capabilities().names;
        // What Tandem keeps for itself is found by its address, whether it is listed or not.
        let mut names = path.names().filter(|name| !name.is_reserved());
        if let Some(why) = names.find_map(|name| refusal(rules, name.as_str())) {
            return refused(why);
        }
        Ok(below(&self.base, path, ending))
    }

    /// The address of what Tandem keeps for itself; of the folder that holds it all with an empty name.
    pub(super) fn own(&self, name: &str, ending: Ending) -> Result<Url> {
        let text = format!("{OWN_FOLDER}/{name}");
        let path = RelPath::new(text.trim_end_matches('/'))
            .map_err(|error| StorageError::new("open", Cause::Other, error.to_string()))?;
        Ok(below(&self.base, &path, ending))
    }

    /// What is at `path`.
    pub(super) async fn find(
        &self,
        tries: Tries,
        operation: &'static str,
        path: &RelPath,
    ) -> Result<Option<Resource>> {
        let seen = self.see(tries, operation, path).await?;
        Ok(seen.map(|seen| seen.resource))
    }

    /// The same, with the name that the server gives it.
    pub(super) async fn see(
        &self,
        tries: Tries,
        operation: &'static str,
        path: &RelPath,
    ) -> Result<Option<Seen>> {
        let ending = if path.is_root() {
            Ending::Folder
        } else {
            Ending::File
        };
        let url = self.url(operation, path, ending)?;
        let error = match self.store.server.look(tries, operation, &url).await {
            // Apache answers 400 where something would lie below a file.
            Err(error) if error.cause == Cause::Other => error,
            seen => return seen,
        };
        let Some(parent) = path.parent() else {
            return Err(error);
        };
        match Box::pin(self.see(tries, operation, &parent)).await? {
            Some(found) if found.resource.is_folder => Err(error),
            _ => Ok(None),
        }
    }

    pub(super) fn target_name(&self, operation: &'static str, path: &RelPath) -> Result<Name> {
        path.name()
            .ok_or_else(|| StorageError::new(operation, Cause::NameRefused, "the root is no file"))
    }

    /// That the folder that is to hold `path` is there. Asked once: some servers make what is missing.
    pub(super) async fn check_parent(&self, operation: &'static str, path: &RelPath) -> Result<()> {
        let Some(parent) = path.parent() else {
            return Ok(());
        };
        let url = self.url(operation, &parent, Ending::Folder)?;
        if self.store.known.has(url.as_str()) {
            return Ok(());
        }
        let seen = self.see(Tries::Many, operation, &parent).await?;
        if let Some(seen) = seen.filter(|seen| seen.resource.is_folder) {
            if !parent.is_root() && seen.is_misread(&url) {
                return Err(misread(operation).at(&parent));
            }
            self.store.known.add(url.as_str(), true);
            return Ok(());
        }
        Err(StorageError::new(operation, Cause::NotFound, "the folder is not there").at(&parent))
    }

    /// What is known of a folder is not so: it was removed from outside.
    pub(super) fn forget_parent(&self, path: &RelPath) {
        if let Some(parent) = path.parent() {
            let url = below(&self.base, &parent, Ending::Folder);
            self.store.known.remove(url.as_str());
        }
    }

    /// Makes the folder at `url`. One that is there is fine.
    pub(super) async fn make(&self, operation: &'static str, url: &Url) -> Result<()> {
        let call = Call::new(operation, "MKCOL", url.clone());
        match self.store.server.call(&call).await {
            Err(error) if error.cause != Cause::AlreadyExists => return Err(error),
            _ => self.store.known.add(url.as_str(), true),
        }
        Ok(())
    }

    /// Makes the folder `name` of Tandem's own and those that hold it, as far as they are not known to be there.
    pub(super) async fn make_own(&self, operation: &'static str, name: &str) -> Result<()> {
        for folder in own_folders(name) {
            let url = self.own(folder, Ending::Folder)?;
            if !self.store.known.has(url.as_str()) {
                self.make(operation, &url).await?;
            }
        }
        Ok(())
    }

    /// Forgets that those folders are there: somebody removed them.
    pub(super) fn forget_own(&self, name: &str) -> Result<()> {
        for folder in own_folders(name) {
            let url = self.own(folder, Ending::Folder)?;
            self.store.known.remove(url.as_str());
        }
        Ok(())
    }

    async fn stat_path(&self, path: &RelPath) -> Result<Option<Entry>> {
        let Some(seen) = self.see(Tries::Many, "stat", path).await? else {
            return Ok(None);
        };
        // A root at the top of a server has no name of its own.
        let name = seen.name.or_else(|| path.name());
        let name = name.or_else(|| Name::new(self.base.host_str().unwrap_or("root")).ok());
        Ok(name.map(|name| seen.resource.entry(name, self.capabilities())))
    }
}

/// The folders from the one that holds all of Tandem's own down to `name`: `a/b` is in `a`, which is in the first.
fn own_folders(name: &str) -> impl Iterator<Item = &str> {
    let ends = name.match_indices('/').map(|(at, _)| at);
    let ends = ends.chain((!name.is_empty()).then_some(name.len()));
    std::iter::once(0).chain(ends).map(|end| &name[..end])
}

#[async_trait]
impl Root for WebDavRoot {
    fn capabilities(&self) -> &Capabilities {
        &self.store.capabilities
    }

    async fn identity(&self, create: bool) -> Result<RootIdentity> {
        let identity = match self.marker(create).await? {
            Some(id) => Identity::Marker(id),
            None => Identity::Weak,
        };
        Ok(RootIdentity {
            identity,
            volume: None,
        })
    }

    fn list(&self, folder: &RelPath, depth: Depth) -> ListingStream {
        listing(
            Arc::clone(&self.store),
            self.base.clone(),
            folder.clone(),
            depth,
        )
    }

    async fn stat(&self, at: &Locator) -> Result<Option<Entry>> {
        match self.stat_path(&at.path).await {
            // What this server cannot hold is not there.
            Err(error) if error.cause == Cause::NameRefused => Ok(None),
            found => found.map_err(|error| error.at(&at.path)),
        }
    }

    async fn read(
        &self,
        at: &Locator,
        entry: &Entry,
        offset: u64,
        length: u64,
    ) -> Result<ByteStream> {
        if entry.kind != Kind::File {
            let error = StorageError::new("read", Cause::Unsupported, "a folder has no content");
            return Err(error.at(&at.path));
        }
        let wanted = Wanted {
            operation: "read",
            url: self.url("read", &at.path, Ending::File)?,
            path: at.path.clone(),
            revision: entry.revision.clone(),
            size: entry.size,
        };
        let content = read(Arc::clone(&self.store), wanted, offset, length).await?;
        Ok(self.store.server.health.counted(content))
    }

    async fn stage(
        &self,
        target: &RelPath,
        content: SharedContent,
        meta: &Meta,
        resume: Option<&ResumeToken>,
        sink: Arc<dyn ResumeSink>,
    ) -> Result<Staged> {
        self.stage_content(target, content, meta, resume, sink)
            .await
            .inspect(|staged| self.store.server.health.sent(staged.len))
            .map_err(|error| error.at(target))
    }

    async fn commit(&self, group: Vec<Commit>) -> Vec<Result<Committed>> {
        self.commit_all(group).await
    }

    async fn discard(&self, token: &ResumeToken) -> Result<()> {
        self.discard_staged(token).await
    }

    async fn create_folder(&self, path: &RelPath) -> Result<Entry> {
        self.make_folder(path).await.map_err(|error| error.at(path))
    }

    async fn move_to(
        &self,
        from: &Locator,
        expected: &Expected,
        to: &RelPath,
        expected_to: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        self.move_item(&from.path, expected, to, expected_to, keep)
            .await
            .map_err(|error| error.at(&from.path))
    }

    async fn copy(
        &self,
        from: &Locator,
        expected: &Expected,
        to: &RelPath,
        expected_to: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        self.copy_file(&from.path, expected, to, expected_to, keep)
            .await
            .map_err(|error| error.at(&from.path))
    }

    async fn delete(
        &self,
        at: &Locator,
        expected: &Expected,
        keep: &Keep,
        how: Discard,
    ) -> Result<Deleted> {
        let done = match how {
            Discard::Forever => self.remove(&at.path, expected, keep).await,
            Discard::Trash if self.capabilities().trash => {
                self.put_into_trash(&at.path, expected).await
            }
            Discard::Trash => {
                let detail = "this server has no trash bin";
                Err(StorageError::new("delete", Cause::Unsupported, detail))
            }
        };
        done.map_err(|error| error.at(&at.path))
    }

    async fn set_meta(&self, at: &Locator, expected: &Expected, meta: &Meta) -> Result<Entry> {
        self.change_meta(&at.path, expected, meta)
            .await
            .map_err(|error| error.at(&at.path))
    }

    async fn versions(&self, path: Option<&RelPath>) -> Result<Vec<Version>> {
        let mut versions = self.kept_versions(path).await?;
        versions.extend(self.kept_by_server(path).await?);
        versions.sort_by_key(|version| std::cmp::Reverse(version.kept_at));
        Ok(versions)
    }

    async fn read_version(&self, key: &VersionKey, offset: u64, length: u64) -> Result<ByteStream> {
        let (url, found) = self.find_version("read_version", key).await?;
        let wanted = Wanted {
            operation: "read_version",
            url,
            path: key.path().clone(),
            revision: found.revision(),
            size: found.size,
        };
        let content = read(Arc::clone(&self.store), wanted, offset, length).await?;
        Ok(self.store.server.health.counted(content))
    }

    async fn restore_version(
        &self,
        key: &VersionKey,
        to: &RelPath,
        expected: &Expected,
    ) -> Result<Committed> {
        let done = match key {
            VersionKey::Kept { .. } => self.restore(key, to, expected).await,
            VersionKey::Native { .. } => self.put_back(key, to, expected).await,
        };
        done.map_err(|error| error.at(to))
    }

    async fn prune_version(&self, key: &VersionKey) -> Result<()> {
        match key {
            VersionKey::Kept { .. } => self.remove_version(key).await,
            VersionKey::Native { id, .. } => self.remove_kept(id).await,
        }
    }

    async fn free_space(&self) -> Result<Option<u64>> {
        if !self.capabilities().quota {
            return Ok(None);
        }
        let quota = self.store.quota(&self.base).await?;
        Ok(quota.total.map(|total| total.saturating_sub(quota.used)))
    }
}
