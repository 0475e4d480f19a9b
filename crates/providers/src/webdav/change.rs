//! Changes without new content: folders, deletes, times.
//!
//! A DELETE takes a folder with all that is in it, and there is no condition against that. So an empty folder is first
//! moved to where nobody writes, looked into once more, and only then deleted. Where a server does not list what begins
//! with a full stop, that cannot tell whether anything is in it, and the folder stays where it was moved to.

use tandem_core::entry::Entry;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::removed;
use tandem_core::storage::{Deleted, Displaced, Expected, Keep, Meta, OWN_FOLDER, VersionKey};
use url::Url;

use super::address::{Ending, below};
use super::client::{Call, Payload, Tries};
use super::errors::of_try;
use super::guard::Guard;
use super::relocate::Relocation;
use super::resource::{Resource, Tag, is_of_folder};
use super::root::{WebDavRoot, last_name, misread};
use super::xml;

/// What the name of a folder begins with that was moved away to be deleted.
const REMOVED: &str = "removed-";

/// Nothing was there to be deleted.
const NOTHING: Deleted = Deleted {
    was_absent: true,
    kept: None,
    displaced: None,
};

impl WebDavRoot {
    pub(super) async fn make_folder(&self, path: &RelPath) -> Result<Entry> {
        let name = self.target_name("create_folder", path)?;
        let mut missing = Vec::new();
        let mut next = Some(path.clone());
        while let Some(at) = next {
            let url = self.url("create_folder", &at, Ending::Folder)?;
            if at != *path && self.store.known.has(url.as_str()) {
                break;
            }
            match self.see(Tries::Many, "create_folder", &at).await? {
                Some(seen) if !at.is_root() && seen.is_misread(&url) => {
                    return Err(misread("create_folder").at(&at));
                }
                Some(seen) if seen.resource.is_folder => {
                    self.store.known.add(url.as_str(), true);
                    if at == *path {
                        return Ok(seen.resource.entry(name, self.capabilities()));
                    }
                    break;
                }
                Some(_) => return Err(file_in_the_way().at(&at)),
                None if at.is_root() => {
                    let detail = "the folder that holds everything is not there";
                    return Err(StorageError::new("create_folder", Cause::NotFound, detail));
                }
                None => {}
            }
            next = at.parent();
            missing.push((at, url));
        }
        let mut made = None;
        for (at, url) in missing.iter().rev() {
            made = Some(self.make_seen(at, url).await?);
        }
        let made = made.ok_or_else(gone_again)?;
        Ok(made.entry(name, self.capabilities()))
    }

    /// Makes one folder, and shows it. One that got another name does not stay.
    async fn make_seen(&self, path: &RelPath, url: &Url) -> Result<Resource> {
        self.make("create_folder", url).await?;
        let seen = self.see(Tries::Many, "create_folder", path).await?;
        let seen = seen.ok_or_else(gone_again)?;
        if seen.is_misread(url) {
            self.remove_folder(path).await?;
            return Err(misread("create_folder").at(path));
        }
        if seen.resource.is_folder {
            Ok(seen.resource)
        } else {
            Err(file_in_the_way().at(path))
        }
    }

    pub(super) async fn remove(
        &self,
        path: &RelPath,
        expected: &Expected,
        keep: &Keep,
    ) -> Result<Deleted> {
        if path.is_root() {
            let detail = "the root itself";
            return Err(StorageError::new("delete", Cause::Forbidden, detail));
        }
        let Some(found) = self.find(Tries::Many, "delete", path).await? else {
            return Ok(NOTHING);
        };
        let is_for_folder = match expected {
            Expected::Any => true,
            Expected::Revision(revision) => is_of_folder(revision),
            Expected::Absent => false,
        };
        if found.is_folder && is_for_folder {
            return self.remove_folder(path).await;
        }
        let guard = Guard::from(expected);
        if !guard.admits(Some(&found)) && !removed!("expectation") {
            return Err(changed("something else is there"));
        }
        let guard = Guard::Revision(found.revision());
        if let Keep::Version(wanted) = keep {
            return self.remove_keeping(path, &found, &guard, wanted).await;
        }
        self.remove_file(path, &guard).await
    }

    /// Moves the file among the versions: what is there in that instant is kept, whatever it is.
    async fn remove_keeping(
        &self,
        path: &RelPath,
        found: &Resource,
        guard: &Guard,
        wanted: &VersionKey,
    ) -> Result<Deleted> {
        let aside = self.set_aside("delete", path, found, wanted, "MOVE").await;
        let aside = match aside {
            Err(error) if error.is_lost_race() => {
                return match self.find(Tries::Many, "delete", path).await? {
                    None => Ok(NOTHING),
                    Some(_) => Err(changed("somebody wrote at the same time")),
                };
            }
            aside => aside?,
        };
        if !aside.is_made {
            // An earlier try kept it and went no further.
            let removed = self.remove_file(path, guard).await?;
            return Ok(Deleted {
                kept: Some(aside.version),
                ..removed
            });
        }
        let is_it = aside.resource.size == found.size && aside.resource.modified == found.modified;
        let displaced = path.name().filter(|_| !is_it).map(|name| Displaced {
            entry: Some(aside.resource.entry(name, self.capabilities())),
            version: aside.version.clone(),
        });
        Ok(Deleted {
            was_absent: false,
            kept: Some(aside.version),
            displaced,
        })
    }

    pub(super) async fn remove_file(&self, path: &RelPath, guard: &Guard) -> Result<Deleted> {
        let url = &self.url("delete", path, Ending::File)?;
        let server = &self.store.server;
        server
            .run(|attempt| async move {
                let mut has_waited = false;
                loop {
                    let error = match self.send_delete(path, url, guard).await {
                        Ok(()) => {
                            return Ok(Deleted {
                                was_absent: false,
                                ..NOTHING
                            });
                        }
                        Err(error) if error.is_lost_race() => error,
                        Err(error) => return Err(error),
                    };
                    let found = self.find(Tries::Once, "delete", path).await?;
                    if found.is_none() {
                        return Ok(NOTHING);
                    }
                    if !has_waited && self.is_only_weak(path, guard).await? {
                        has_waited = true;
                        self.outwait_weakness().await;
                        continue;
                    }
                    return Err(of_try(attempt, changed(&error.detail)));
                }
            })
            .await
    }

    async fn send_delete(&self, path: &RelPath, url: &Url, guard: &Guard) -> Result<()> {
        let mut call = Call::new("delete", "DELETE", url.clone());
        match guard.header(false, self.capabilities().conditions.delete) {
            Some((name, value)) => call = call.header(name, value),
            None => {
                let found = self.find(Tries::Once, "delete", path).await?;
                let Some(found) = found else {
                    return Err(StorageError::new("delete", Cause::NotFound, ""));
                };
                if !guard.admits(Some(&found)) && !removed!("expectation") {
                    return Err(changed("something else is there"));
                }
            }
        }
        self.store.server.once(&call).await.map(drop)
    }

    /// Removes a folder with all that is in it, where that can be put back.
    pub(super) async fn remove_whole_folder(&self, path: &RelPath) -> Result<Deleted> {
        let url = self.url("delete", path, Ending::Folder)?;
        self.store.known.remove(url.as_str());
        let call = Call::new("delete", "DELETE", url);
        match self.store.server.call(&call).await.map(drop) {
            Err(error) if error.cause == Cause::NotFound => Ok(NOTHING),
            Err(error) => Err(error),
            Ok(()) => Ok(Deleted {
                was_absent: false,
                ..NOTHING
            }),
        }
    }

    async fn remove_folder(&self, path: &RelPath) -> Result<Deleted> {
        let url = self.url("delete", path, Ending::Folder)?;
        match self.is_empty(&url).await {
            Err(error) if error.cause == Cause::NotFound => return Ok(NOTHING),
            Ok(false) => return Err(changed("the folder is not empty")),
            is_empty => is_empty?,
        };
        let server = &self.store.server;
        let name = format!("{REMOVED}{:016x}", server.environment.random());
        let is_own = path.as_str() == OWN_FOLDER;
        let aside = if is_own {
            // It cannot be moved into itself.
            self.beside_own(&name)?
        } else {
            self.make_own("delete", "").await?;
            self.own(&name, Ending::Folder)?
        };
        self.store.known.remove(url.as_str());
        match self.shift(&url, &aside, path).await {
            Err(error) if error.cause == Cause::NotFound => return Ok(NOTHING),
            shifted => shifted?,
        }
        if !self.is_empty(&aside).await? {
            // Somebody wrote into it in the meantime: it goes back.
            self.shift(&aside, &url, path).await?;
            return Err(changed("the folder is not empty"));
        }
        let removed = Deleted {
            was_absent: false,
            ..NOTHING
        };
        // In Tandem's own there is nothing of a person's that could be hidden.
        if self.capabilities().names.no_leading_period && !is_own {
            tracing::info!(%path, %name, "the folder may hold what is not listed and stays below .tandem");
            return Ok(removed);
        }
        let call = Call::new("delete", "DELETE", aside);
        match server.call(&call).await.map(drop) {
            Err(error) if error.cause != Cause::NotFound => Err(error),
            _ => Ok(removed),
        }
    }

    /// The address of a folder beside the one that holds all of Tandem's own.
    fn beside_own(&self, name: &str) -> Result<Url> {
        let path = RelPath::new(&format!("{OWN_FOLDER}-{name}"))
            .map_err(|error| StorageError::new("delete", Cause::Other, error.to_string()))?;
        Ok(below(&self.base, &path, Ending::Folder))
    }

    /// How many folders stay below Tandem's own because they may hold what is not listed.
    pub(super) async fn count_removed(&self, operation: &'static str) -> Result<usize> {
        let own = self.own("", Ending::Folder)?;
        let server = &self.store.server;
        let found = server.propfind(Tries::Many, operation, own, 1).await?;
        let names = found.iter().filter_map(|found| last_name(&found.href));
        Ok(names
            .filter(|name| name.as_str().starts_with(REMOVED))
            .count())
    }

    async fn shift(&self, from: &Url, to: &Url, path: &RelPath) -> Result<()> {
        let relocation = Relocation {
            operation: "delete",
            method: "MOVE",
            from: from.clone(),
            from_tag: None,
            from_id: None,
            to: to.clone(),
            to_path: path,
            guard: &Guard::Absent,
            size: 0,
        };
        self.relocate(&relocation).await.map(drop)
    }

    /// Whether nothing at all lies in the folder at `url`.
    async fn is_empty(&self, url: &Url) -> Result<bool> {
        let found = self
            .store
            .server
            .propfind(Tries::Many, "delete", url.clone(), 1)
            .await?;
        Ok(found.len() == 1)
    }

    pub(super) async fn change_meta(
        &self,
        path: &RelPath,
        expected: &Expected,
        meta: &Meta,
    ) -> Result<Entry> {
        let name = self.target_name("set_meta", path)?;
        let cannot = || {
            let detail = "this server does not let a time be set without the content";
            StorageError::new("set_meta", Cause::Unsupported, detail)
        };
        let Some(mtime) = meta.mtime.filter(|_| self.capabilities().mtime) else {
            return Err(cannot());
        };
        let found = self.source("set_meta", path, expected).await?;
        let secs = mtime.at.secs();
        if found.modified.is_some_and(|at| at.secs() == secs) {
            return Ok(found.entry(name, self.capabilities()));
        }
        let url = self.url("set_meta", path, Ending::File)?;
        let mut call =
            Call::new("set_meta", "PROPPATCH", url).carrying(Payload::Xml(xml::set_modified(secs)));
        if let Some(tag) = found.tag.filter(|_| self.capabilities().conditions.replace) {
            call = call.header("if-match", Tag::quoted(&tag.text));
        }
        match self.store.server.call(&call).await {
            Err(error) if matches!(error.cause, Cause::Forbidden | Cause::Other) => {
                return Err(cannot());
            }
            answer => drop(answer?),
        }
        // Whatever the answer says: what counts is whether it was done.
        let changed = self.find(Tries::Many, "set_meta", path).await?;
        changed
            .filter(|found| found.modified.is_some_and(|at| at.secs() == secs))
            .map(|found| found.entry(name, self.capabilities()))
            .ok_or_else(cannot)
    }
}

fn changed(detail: &str) -> StorageError {
    StorageError::new("delete", Cause::PreconditionFailed, detail)
}

fn file_in_the_way() -> StorageError {
    StorageError::new("create_folder", Cause::AlreadyExists, "a file is there")
}

fn gone_again() -> StorageError {
    StorageError::new("create_folder", Cause::NotFound, "it is gone again")
}
