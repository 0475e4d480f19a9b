//! Pre-images (DESIGN 5.6): copies below `.tandem/versions`, made by the server.
//!
//! Beside the folder of an action lies a note, `ACTION.json`, which says what the file in it was: a server keeps no
//! notes with a file. It is written first, so that there may be a note too many and never one too few.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use tandem_core::content::BytesContent;
use tandem_core::entry::{Entry, Kind, Revision};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{Committed, Expected, OWN_FOLDER, Version, VersionKey};
use tandem_core::time::Timestamp;
use url::Url;

use super::address::{Ending, below};
use super::client::{Call, Payload, Tries};
use super::errors::bad_answer;
use super::guard::Guard;
use super::relocate::Relocation;
use super::resource::Resource;
use super::root::WebDavRoot;
use crate::hashes::hex;

/// Where kept versions lie among Tandem's own, as `VersionKey::kept_path` says.
const SHELF: &str = "versions/v1";

/// Actions that are looked into at once.
const AT_ONCE: usize = 8;

/// The longest note that is read: a path and some numbers.
const LONGEST_NOTE: usize = 64 << 10;

/// Where a pre-image is.
pub(super) struct Aside {
    pub(super) version: VersionKey,
    /// Whether it was put there just now, rather than being there already.
    pub(super) is_made: bool,
    pub(super) resource: Resource,
}

/// What a kept file was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    path: RelPath,
    revision: Revision,
    /// Nanoseconds since 1970.
    kept_at: i64,
}

/// The folder of one action, below the shelf: device, date and action come from outside, and each is one name.
#[derive(Debug, Clone)]
struct Place {
    device: Name,
    date: Name,
    action: Name,
}

impl Place {
    fn new(device: &str, date: &str, action: &str) -> Option<Self> {
        let name = |text: &str| Name::new(text).ok();
        Some(Self {
            device: name(device)?,
            date: name(date)?,
            action: name(action)?,
        })
    }

    fn folder(&self) -> String {
        format!("{SHELF}/{}/{}/{}", self.device, self.date, self.action)
    }

    fn note(&self) -> String {
        format!("{}.json", self.folder())
    }

    fn key(&self, path: &RelPath) -> VersionKey {
        VersionKey::Kept {
            device: self.device.as_str().into(),
            date: self.date.as_str().into(),
            action: self.action.as_str().into(),
            path: path.clone(),
        }
    }
}

impl WebDavRoot {
    /// Sets the file at `path` aside, by `COPY` or by `MOVE`.
    pub(super) async fn set_aside(
        &self,
        operation: &'static str,
        path: &RelPath,
        found: &Resource,
        wanted: &VersionKey,
        method: &'static str,
    ) -> Result<Aside> {
        let (place, name) = self.place_for(operation, path, found, wanted)?;
        if let Some(aside) = self.kept_already(operation, &place, path, found).await? {
            return Ok(aside);
        }
        self.make_place(operation, &place).await?;
        self.write_note(operation, &place, path, found).await?;
        let to = self.own(&format!("{}/{name}", place.folder()), Ending::File)?;
        let relocation = Relocation {
            operation,
            method,
            from: self.url(operation, path, Ending::File)?,
            from_tag: found.tag.as_ref(),
            from_id: found.id.as_deref(),
            to,
            to_path: path,
            guard: &Guard::Absent,
            size: found.size,
        };
        Ok(Aside {
            resource: self.relocate(&relocation).await?,
            version: place.key(path),
            is_made: true,
        })
    }

    /// Where `found` goes. An action may keep several files of one name: each has a folder of its own, which is found
    /// again when the same is tried once more.
    fn place_for(
        &self,
        operation: &'static str,
        path: &RelPath,
        found: &Resource,
        wanted: &VersionKey,
    ) -> Result<(Place, Name)> {
        let VersionKey::Kept {
            device,
            date,
            action,
            ..
        } = wanted
        else {
            return Err(no_place(operation, path));
        };
        if !self.capabilities().versions {
            let detail = "this server does not copy, so nothing can be kept on it";
            return Err(StorageError::new(operation, Cause::Unsupported, detail));
        }
        let digest = hex(&Md5::digest(format!("{path}/{:?}", found.revision())));
        let action = format!("{action}-{}", &digest[..8]);
        let place = Place::new(device, date, &action);
        place
            .zip(path.name())
            .ok_or_else(|| no_place(operation, path))
    }

    async fn make_place(&self, operation: &'static str, place: &Place) -> Result<()> {
        match self.make_own(operation, &place.folder()).await {
            Err(error) if error.cause == Cause::NotFound => {
                // Somebody removed the folders that were known.
                self.forget_own(&place.folder())?;
                self.make_own(operation, &place.folder()).await
            }
            made => made,
        }
    }

    /// What an earlier try set aside here, if that is what is to be set aside now.
    async fn kept_already(
        &self,
        operation: &'static str,
        place: &Place,
        path: &RelPath,
        found: &Resource,
    ) -> Result<Option<Aside>> {
        let Some(note) = self.read_note(operation, place).await? else {
            return Ok(None);
        };
        if note.path != *path || note.revision != found.revision() {
            return Ok(None);
        }
        let version = place.key(path);
        let kept = self.look_at(operation, &version).await?;
        let kept = kept.filter(|kept| kept.size == found.size);
        Ok(kept.map(|resource| Aside {
            version,
            is_made: false,
            resource,
        }))
    }

    async fn write_note(
        &self,
        operation: &'static str,
        place: &Place,
        path: &RelPath,
        found: &Resource,
    ) -> Result<()> {
        let server = &self.store.server;
        let note = Note {
            path: path.clone(),
            revision: found.revision(),
            kept_at: server.environment.now().0,
        };
        let text = serde_json::to_vec(&note)
            .map_err(|error| StorageError::new(operation, Cause::Other, error.to_string()))?;
        let prepared = self.prepared(Arc::new(BytesContent(text.into()))).await?;
        let call = Call::new(operation, "PUT", self.own(&place.note(), Ending::File)?)
            .carrying(Payload::Upload(&prepared, None));
        server.call(&call).await.map(drop)
    }

    /// What the note beside an action says; `None` if there is none that can be read.
    async fn read_note(&self, operation: &'static str, place: &Place) -> Result<Option<Note>> {
        let server = &self.store.server;
        let call = Call::new(operation, "GET", self.own(&place.note(), Ending::File)?);
        let answer = match server.call(&call).await {
            Err(error) if error.cause == Cause::NotFound => return Ok(None),
            answer => answer?,
        };
        let text = server
            .read(operation, answer.response, LONGEST_NOTE)
            .await?;
        Ok(serde_json::from_slice(&text).ok())
    }

    /// The versions of `path`, or of everything, newest first.
    pub(super) async fn kept_versions(&self, path: Option<&RelPath>) -> Result<Vec<Version>> {
        if !self.capabilities().versions {
            let detail = "this server does not copy, so nothing is kept on it";
            return Err(StorageError::new("versions", Cause::Unsupported, detail));
        }
        let mut places = Vec::new();
        for device in self.folders_in(SHELF).await? {
            for date in self.folders_in(&format!("{SHELF}/{device}")).await? {
                let below = format!("{SHELF}/{device}/{date}");
                let actions = self.folders_in(&below).await?;
                let of = |action: Name| Place {
                    device: device.clone(),
                    date: date.clone(),
                    action,
                };
                places.extend(actions.into_iter().map(of));
            }
        }
        let found: Vec<Vec<Version>> = stream::iter(places)
            .map(|place| async move { self.versions_in(&place, path).await })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let mut versions: Vec<_> = found.into_iter().flatten().collect();
        versions.sort_by_key(|version| std::cmp::Reverse(version.kept_at));
        Ok(versions)
    }

    /// The names of the folders in one of Tandem's own; none if it is not there.
    async fn folders_in(&self, name: &str) -> Result<Vec<Name>> {
        let entries = self.entries_in(name).await?;
        let folders = entries
            .into_iter()
            .filter(|entry| entry.kind == Kind::Folder);
        Ok(folders.map(|entry| entry.name).collect())
    }

    async fn entries_in(&self, name: &str) -> Result<Vec<Entry>> {
        let folder = RelPath::new(&format!("{OWN_FOLDER}/{name}"))
            .map_err(|error| bad_answer("versions", error.to_string()))?;
        match self.store.children(&self.base, folder).await {
            Err(error) if error.cause == Cause::NotFound => Ok(Vec::new()),
            listing => Ok(listing?.entries),
        }
    }

    async fn versions_in(&self, place: &Place, path: Option<&RelPath>) -> Result<Vec<Version>> {
        let wanted = path.and_then(RelPath::name);
        let mut entries = self.entries_in(&place.folder()).await?;
        entries.retain(|entry| {
            entry.kind == Kind::File && wanted.as_ref().is_none_or(|name| *name == entry.name)
        });
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let note = self.read_note("versions", place).await?;
        let version = |entry: Entry| {
            let noted = note
                .as_ref()
                .filter(|note| note.path.name().as_ref() == Some(&entry.name));
            let at = entry.mtime.map(|mtime| mtime.at).unwrap_or_default();
            let own = RelPath::from(entry.name.clone());
            Version {
                key: place.key(noted.map_or(&own, |note| &note.path)),
                kept_at: noted.map_or(at, |note| Timestamp(note.kept_at)),
                entry,
            }
        };
        let versions = entries.into_iter().map(version);
        Ok(versions
            .filter(|version| path.is_none_or(|path| version.key.path() == path))
            .collect())
    }

    /// Where a version lies, and what it is.
    pub(super) async fn find_version(
        &self,
        operation: &'static str,
        version: &VersionKey,
    ) -> Result<(Url, Resource)> {
        let found = self.look_at(operation, version).await?;
        let gone = || {
            StorageError::new(operation, Cause::NotFound, "the version was removed")
                .at(version.path())
        };
        Ok((
            self.version_url(operation, version)?,
            found.ok_or_else(gone)?,
        ))
    }

    async fn look_at(
        &self,
        operation: &'static str,
        version: &VersionKey,
    ) -> Result<Option<Resource>> {
        let url = self.version_url(operation, version)?;
        let seen = self.store.server.look(Tries::Many, operation, &url).await?;
        Ok(seen
            .map(|seen| seen.resource)
            .filter(|found| !found.is_folder))
    }

    fn version_url(&self, operation: &'static str, version: &VersionKey) -> Result<Url> {
        if let VersionKey::Native { id, .. } = version {
            return self.kept_url(operation, id);
        }
        let path = version
            .kept_path()
            .and_then(|below| RelPath::new(&below).ok())
            // Device, date and action come from outside: none of them may leave the folder.
            .filter(|path| path.depth() == 7)
            .ok_or_else(|| no_place(operation, version.path()))?;
        Ok(below(&self.base, &path, Ending::File))
    }

    pub(super) async fn restore(
        &self,
        key: &VersionKey,
        to: &RelPath,
        expected: &Expected,
    ) -> Result<Committed> {
        let operation = "restore_version";
        let (from, found) = self.find_version(operation, key).await?;
        let name = self.target_name(operation, to)?;
        self.check_parent(operation, to).await?;
        let guard = Guard::from(expected);
        let relocation = Relocation {
            operation,
            method: "COPY",
            from,
            from_tag: None,
            from_id: None,
            to: self.url(operation, to, Ending::File)?,
            to_path: to,
            guard: &guard,
            size: found.size,
        };
        let placed = self.relocate(&relocation).await?;
        Ok(Committed {
            entry: placed.entry(name, self.capabilities()),
            displaced: None,
            landed_as: None,
            kept: None,
        })
    }

    /// Removes a version, its note, and the folder of its action if nothing else is in it. One that is gone is fine.
    pub(super) async fn remove_version(&self, version: &VersionKey) -> Result<()> {
        let operation = "prune_version";
        self.remove_own(self.version_url(operation, version)?)
            .await?;
        let VersionKey::Kept {
            device,
            date,
            action,
            ..
        } = version
        else {
            return Ok(());
        };
        let place = Place::new(device, date, action);
        let place = place.ok_or_else(|| no_place(operation, version.path()))?;
        if self.entries_in(&place.folder()).await?.is_empty() {
            self.remove_own(self.own(&place.note(), Ending::File)?)
                .await?;
            let folder = self.own(&place.folder(), Ending::Folder)?;
            self.store.known.remove(folder.as_str());
            self.remove_own(folder).await?;
        }
        Ok(())
    }

    async fn remove_own(&self, url: Url) -> Result<()> {
        let call = Call::new("prune_version", "DELETE", url);
        match self.store.server.call(&call).await.map(drop) {
            Err(error) if error.cause != Cause::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn no_place(operation: &'static str, path: &RelPath) -> StorageError {
    StorageError::new(operation, Cause::NameRefused, "no name for a version").at(path)
}
