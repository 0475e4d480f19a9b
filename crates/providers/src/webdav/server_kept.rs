//! What Nextcloud itself keeps: the trash bin (docs.nextcloud.com/server/latest/developer_manual/client_apis/WebDAV/
//! trashbin.html) and older versions of files (versions.html beside it).
//!
//! It prunes both by rules of its own, when the account is full even what is new; so nothing is left to it that Tandem
//! promised to keep (P1), and what is put back is copied, so that the server's own copy stays where it is.

use std::sync::Arc;

use async_trait::async_trait;
use tandem_core::content::{ByteStream, Content};
use tandem_core::entry::{Mtime, Revision};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::{Name, RelPath};
use tandem_core::removed;
use tandem_core::storage::{
    Commit, Committed, Deleted, Expected, Keep, Meta, Unheard, Version, VersionKey,
};
use tandem_core::time::Timestamp;
use url::Url;

use super::address::decoded;
use super::client::{Call, Tries};
use super::errors::bad_answer;
use super::guard::Guard;
use super::read::{Wanted, read};
use super::resource::{Resource, is_of_folder};
use super::root::WebDavRoot;
use super::storage::Store;
use super::xml::{PROPFIND_TRASH, Response};

/// Where files are in an address, and where trash and versions are instead.
const FILES: &str = "/remote.php/dav/files/";
const TRASH: &str = "/remote.php/dav/trashbin/";
const VERSIONS: &str = "/remote.php/dav/versions/";

/// What a key of each begins with.
const IN_TRASH: &str = "trash:";
const OF_FILE: &str = "version:";

/// Something in the trash bin.
pub(super) struct Trashed {
    /// What the bin calls it.
    name: String,
    /// Where it was, from the top of the user's files.
    was_at: String,
    deleted: Timestamp,
    pub(super) resource: Resource,
}

impl Trashed {
    fn new(response: &Response) -> Option<Self> {
        let name = decoded(&response.href).pop()?;
        Some(Self {
            name: String::from_utf8(name).ok()?,
            was_at: response.props.trashed_from.clone()?,
            deleted: Timestamp::from_secs(response.props.trashed_at.unwrap_or_default()),
            resource: Resource::new(&response.props),
        })
    }

    fn key(&self, path: RelPath) -> VersionKey {
        VersionKey::Native {
            path,
            id: format!("{IN_TRASH}{}", self.name).into(),
        }
    }
}

impl WebDavRoot {
    /// The address of `within` in another part of the server; `None` where files are at an address that knows none.
    fn beside_files(&self, part: &str, within: &[&str]) -> Option<Url> {
        let (before, rest) = self.base.path().split_once(FILES)?;
        let user = rest.split('/').next()?;
        let mut url = self.base.clone();
        url.set_path(&format!("{before}{part}{user}"));
        url.path_segments_mut().ok()?.extend(within);
        Some(url)
    }

    /// The folder of this root, from the top of the user's files.
    fn below_top(&self) -> Option<RelPath> {
        let (_, rest) = self.base.path().split_once(FILES)?;
        let names = decoded(rest).into_iter().skip(1);
        names
            .map(|name| Name::new(String::from_utf8(name).ok()?).ok())
            .try_fold(RelPath::root(), |path, name| Some(path.join(&name?)))
    }

    /// All that is in the trash bin.
    pub(super) async fn trashed(&self, operation: &'static str) -> Result<Vec<Trashed>> {
        let Some(url) = self.beside_files(TRASH, &["trash"]) else {
            return Ok(Vec::new());
        };
        let server = &self.store.server;
        let found = server
            .properties(Tries::Many, operation, url, 1, PROPFIND_TRASH)
            .await?;
        Ok(found.iter().filter_map(Trashed::new).collect())
    }

    /// Removes something from the trash bin for ever.
    pub(super) async fn empty(&self, operation: &'static str, trashed: &Trashed) -> Result<()> {
        let url = self.beside_files(TRASH, &["trash", &trashed.name]);
        let url = url.ok_or_else(|| unknown(operation))?;
        let call = Call::new(operation, "DELETE", url);
        self.store.server.call(&call).await.map(drop)
    }

    /// Deletes what is at `path` into the trash bin, a folder with all that is in it.
    pub(super) async fn put_into_trash(
        &self,
        path: &RelPath,
        expected: &Expected,
    ) -> Result<Deleted> {
        let operation = "delete";
        let nothing = Deleted {
            was_absent: true,
            ..Deleted::default()
        };
        let changed = || StorageError::new(operation, Cause::PreconditionFailed, "it was changed");
        let Some(found) = self.find(Tries::Many, operation, path).await? else {
            return Ok(nothing);
        };
        let is_for_folder = match expected {
            Expected::Any => true,
            Expected::Revision(revision) => is_of_folder(revision),
            Expected::Absent => false,
        };
        let done = if !found.is_folder {
            if !Guard::from(expected).admits(Some(&found)) && !removed!("expectation") {
                return Err(changed());
            }
            let guard = Guard::Revision(found.revision());
            self.remove_file(path, &guard).await?
        } else if is_for_folder && !path.is_root() {
            self.remove_whole_folder(path).await?
        } else {
            return Err(changed());
        };
        if done.was_absent {
            return Ok(nothing);
        }
        let mut there = self.trashed(operation).await?;
        there.retain(|one| one.resource.id == found.id && found.id.is_some());
        let newest = there.into_iter().max_by_key(|one| one.deleted);
        Ok(Deleted {
            kept: newest.map(|one| one.key(path.clone())),
            ..done
        })
    }

    /// What the server keeps of `path`, or of everything that was deleted.
    pub(super) async fn kept_by_server(&self, path: Option<&RelPath>) -> Result<Vec<Version>> {
        if !self.capabilities().trash {
            return Ok(Vec::new());
        }
        let mut versions = self.trashed_versions(path).await?;
        if let Some(path) = path {
            versions.extend(self.versions_of(path).await?);
        }
        Ok(versions)
    }

    async fn trashed_versions(&self, path: Option<&RelPath>) -> Result<Vec<Version>> {
        let top = self.below_top().ok_or_else(|| unknown("versions"))?;
        let mut versions = Vec::new();
        for one in self.trashed("versions").await? {
            let was_at = RelPath::new(one.was_at.trim_matches('/')).ok();
            let Some(at) = was_at.and_then(|at| at.below(&top)) else {
                continue;
            };
            let is_wanted = path.is_none_or(|path| *path == at);
            if !is_wanted || at.is_root() || at.names().any(|name| name.is_reserved()) {
                continue;
            }
            let Some(name) = at.name() else { continue };
            versions.push(Version {
                entry: one.resource.entry(name, self.capabilities()),
                kept_at: one.deleted,
                key: one.key(at),
            });
        }
        Ok(versions)
    }

    /// Older versions of the file at `path`. What it holds now is listed among them by servers from 26 on.
    async fn versions_of(&self, path: &RelPath) -> Result<Vec<Version>> {
        let found = self.find(Tries::Many, "versions", path).await?;
        let Some((found, id)) = found.and_then(|found| Some((found.clone(), found.id?))) else {
            return Ok(Vec::new());
        };
        let (Some(name), Some(url)) = (
            path.name().filter(|_| !found.is_folder),
            self.beside_files(VERSIONS, &["versions", &id]),
        ) else {
            return Ok(Vec::new());
        };
        let server = &self.store.server;
        let listed = match server.propfind(Tries::Many, "versions", url, 1).await {
            // The server keeps none, of this file or of any.
            Err(error) if matches!(error.cause, Cause::NotFound | Cause::Forbidden) => Vec::new(),
            listed => listed?,
        };
        let older = listed.iter().filter(|one| !one.props.is_collection);
        let version = |one: &Response| {
            let revision = String::from_utf8(decoded(&one.href).pop()?).ok()?;
            let resource = Resource::new(&one.props);
            let is_now = (resource.modified, resource.size) == (found.modified, found.size);
            let entry = resource.entry(name.clone(), self.capabilities());
            (!is_now).then(|| Version {
                kept_at: resource.modified.unwrap_or_default(),
                entry,
                key: VersionKey::Native {
                    path: path.clone(),
                    id: format!("{OF_FILE}{id}/{revision}").into(),
                },
            })
        };
        Ok(older.filter_map(version).collect())
    }

    /// The address of what the server keeps under this id. It comes from outside, and each part of it is one name.
    pub(super) fn kept_url(&self, operation: &'static str, id: &str) -> Result<Url> {
        let is_name = |text: &str| Name::new(text).is_ok();
        let url = if let Some(name) = id.strip_prefix(IN_TRASH).filter(|name| is_name(name)) {
            self.beside_files(TRASH, &["trash", name])
        } else {
            id.strip_prefix(OF_FILE)
                .and_then(|rest| rest.split_once('/'))
                .filter(|(file, revision)| is_name(file) && is_name(revision))
                .and_then(|(file, revision)| {
                    self.beside_files(VERSIONS, &["versions", file, revision])
                })
        };
        url.ok_or_else(|| unknown(operation))
    }

    /// Puts what the server keeps back at `to`: a file by its content, a folder by the server itself, which knows one
    /// place for it.
    pub(super) async fn put_back(
        &self,
        key: &VersionKey,
        to: &RelPath,
        expected: &Expected,
    ) -> Result<Committed> {
        let operation = "restore_version";
        let (url, found) = self.find_kept(operation, key).await?;
        if found.is_folder {
            return self.put_folder_back(url, &found, to, expected).await;
        }
        let meta = Meta {
            mtime: found.modified.map(|at| Mtime {
                at,
                by_client: true,
            }),
            ..Meta::default()
        };
        let content = Arc::new(KeptContent {
            store: Arc::clone(&self.store),
            url,
            path: key.path().clone(),
            revision: found.revision(),
            len: found.size,
        });
        let staged = self
            .stage_content(to, content, &meta, None, Arc::new(Unheard))
            .await?;
        let commit = Commit {
            staged,
            expected: expected.clone(),
            keep: Keep::No,
            sink: None,
        };
        let done = self.commit_all(vec![commit]).await.pop();
        done.unwrap_or_else(|| Err(bad_answer(operation, "nothing was written")))
    }

    async fn put_folder_back(
        &self,
        url: Url,
        trashed: &Resource,
        to: &RelPath,
        expected: &Expected,
    ) -> Result<Committed> {
        let operation = "restore_version";
        let name = self.target_name(operation, to)?;
        let there = self.find(Tries::Many, operation, to).await?;
        if there.is_some() || *expected != Expected::Absent {
            return Err(Guard::from(expected).refused(operation, "something else is there"));
        }
        self.check_parent(operation, to).await?;
        let last = decoded(url.path()).pop().unwrap_or_default();
        let last = String::from_utf8_lossy(&last).into_owned();
        let back = self.beside_files(TRASH, &["restore", &last]);
        let back = back.ok_or_else(|| unknown(operation))?;
        let call = Call::new(operation, "MOVE", url).header("destination", back.as_str());
        self.store.server.call(&call).await?;
        let found = self.find(Tries::Many, operation, to).await?;
        let found = found.filter(|found| found.id == trashed.id);
        let found = found.ok_or_else(|| {
            let detail = "the server put it back elsewhere: under another name, or at the top";
            StorageError::new(operation, Cause::AlreadyExists, detail)
        })?;
        Ok(Committed {
            entry: found.entry(name, self.capabilities()),
            displaced: None,
            landed_as: None,
            kept: None,
        })
    }

    async fn find_kept(
        &self,
        operation: &'static str,
        key: &VersionKey,
    ) -> Result<(Url, Resource)> {
        let VersionKey::Native { id, .. } = key else {
            return Err(unknown(operation));
        };
        let url = self.kept_url(operation, id)?;
        let seen = self.store.server.look(Tries::Many, operation, &url).await?;
        let gone =
            || StorageError::new(operation, Cause::NotFound, "the server keeps it no longer");
        Ok((url, seen.ok_or_else(gone)?.resource))
    }

    /// Removes what the server keeps under a key. What is gone is fine.
    pub(super) async fn remove_kept(&self, id: &str) -> Result<()> {
        let call = Call::new(
            "prune_version",
            "DELETE",
            self.kept_url("prune_version", id)?,
        );
        match self.store.server.call(&call).await.map(drop) {
            Err(error) if error.cause != Cause::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The content of something that the server keeps.
struct KeptContent {
    store: Arc<Store>,
    url: Url,
    path: RelPath,
    revision: Revision,
    len: u64,
}

#[async_trait]
impl Content for KeptContent {
    fn len(&self) -> u64 {
        self.len
    }

    async fn open(&self, offset: u64, length: u64) -> Result<ByteStream> {
        let wanted = Wanted {
            operation: "read_version",
            url: self.url.clone(),
            path: self.path.clone(),
            revision: self.revision.clone(),
            size: self.len,
        };
        read(Arc::clone(&self.store), wanted, offset, length).await
    }
}

fn unknown(operation: &'static str) -> StorageError {
    let detail = "this address knows neither trash bin nor versions";
    StorageError::new(operation, Cause::Unsupported, detail)
}
