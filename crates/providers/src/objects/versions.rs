//! Pre-images (DESIGN 5.6): the bucket's own versions where it keeps them, else copies below `.tandem/versions`.

use futures_util::{StreamExt, TryStreamExt, stream};
use md5::{Digest, Md5};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::removed;
use tandem_core::storage::{Displaced, Version, VersionKey};

use super::follow::{Follow, check_held};
use super::guard::Guard;
use super::history::Reach;
use super::keys::{decoded, encoded};
use super::metadata::{self, KEPT_AT, KEPT_PATH, KEPT_TAG};
use super::object::{Object, Query};
use super::root::BucketRoot;
use super::store::Copy;
use crate::hashes::hex;

/// Where kept versions lie below a root, as `VersionKey::kept_path` says.
const KEPT: &str = ".tandem/versions/v1/";

/// Kept versions that are asked for their metadata at once.
const AT_ONCE: usize = 8;

/// Where a pre-image is.
pub(super) struct Aside {
    pub(super) version: VersionKey,
    /// Whether it was copied there just now, rather than being there already.
    pub(super) is_made: bool,
}

impl BucketRoot {
    /// Sets `object`, which is at `path`, aside.
    pub(super) async fn set_aside(
        &self,
        operation: &'static str,
        path: &RelPath,
        object: &Object,
        wanted: &VersionKey,
    ) -> Result<Aside> {
        let there = |version| Aside {
            version,
            is_made: false,
        };
        if let Some(id) = &object.version
            && self.bucket.keeps_versions().await?
        {
            return Ok(there(VersionKey::Native {
                path: path.clone(),
                id: id.as_str().into(),
            }));
        }
        let VersionKey::Kept {
            device,
            date,
            action,
            ..
        } = wanted
        else {
            return Err(StorageError::new(
                operation,
                Cause::Unsupported,
                format!(
                    "a version that this {} does not keep",
                    self.bucket.facts().word
                ),
            ));
        };
        let mut key = VersionKey::Kept {
            device: device.clone(),
            date: date.clone(),
            action: action.clone(),
            path: path.clone(),
        };
        let mut to = self.kept_key(operation, &key)?;
        match self.bucket.head(&to, None).await? {
            None => {}
            // A repeated try: it is set aside already.
            Some(kept) if is_copy_of(&kept, path, object) => return Ok(there(key)),
            Some(_) => {
                // Other content under the action's name: it stays, and this goes beside it.
                let digest = hex(&Md5::digest(format!("{path}/{}", object.tag)));
                let action = format!("{action}-{}", &digest[..8]);
                key = VersionKey::Kept {
                    device: device.clone(),
                    date: date.clone(),
                    action: action.into(),
                    path: path.clone(),
                };
                to = self.kept_key(operation, &key)?;
                let kept = self.bucket.head(&to, None).await?;
                if kept.is_some_and(|kept| is_copy_of(&kept, path, object)) {
                    return Ok(there(key));
                }
            }
        }
        let mut metadata = object.metadata.clone();
        let now = metadata::decimal(self.bucket.environment.now());
        metadata.insert(KEPT_PATH.to_owned(), encoded(path.as_str()));
        metadata.insert(KEPT_AT.to_owned(), now);
        metadata.insert(KEPT_TAG.to_owned(), object.tag.clone());
        let copy = Copy {
            operation,
            from: &self.key(operation, path)?,
            source: object,
            version: None,
            to: &to,
            guard: &Guard::Absent,
            metadata: Some(metadata),
        };
        self.bucket.copy_object(&copy).await?;
        Ok(Aside {
            version: key,
            is_made: true,
        })
    }

    /// After a write that no condition guarded, in a bucket with versions: what it replaced, if that was not what
    /// `guard` admits.
    pub(super) async fn find_displaced(
        &self,
        path: &RelPath,
        guard: &Guard,
        ours: Option<&str>,
    ) -> Result<Option<Displaced>> {
        let is_told = |id: &&str| self.bucket.objects.names_one_write(id) && *guard != Guard::Any;
        let Some(ours) = ours.filter(|id| is_told(id) && !removed!("expectation")) else {
            return Ok(None);
        };
        if !self.bucket.keeps_versions().await? {
            return Ok(None);
        }
        let key = self.key("versions", path)?;
        let history = self.history_of(&key).await?;
        let Some(at) = history.iter().position(|past| past.id == ours) else {
            return Ok(None);
        };
        let Some(before) = history[at + 1..].iter().find(|past| !past.is_marker) else {
            return Ok(None);
        };
        let was_removed = history.iter().any(|past| {
            past.is_marker && past.id != ours && past.object.written >= before.object.written
        });
        let was_expected = match guard {
            Guard::Tag(tag) => before
                .object
                .tag
                .as_deref()
                .is_some_and(|found| found == tag),
            _ => was_removed,
        };
        if was_expected {
            return Ok(None);
        }
        let Some(name) = path.name() else {
            return Ok(None);
        };
        Ok(Some(Displaced {
            entry: Some(self.bucket.listed_entry(name, &before.object)),
            version: VersionKey::Native {
                path: path.clone(),
                id: before.id.as_str().into(),
            },
        }))
    }

    /// The versions of `path`, or of everything, newest first.
    pub(super) async fn all_versions(&self, path: Option<&RelPath>) -> Result<Vec<Version>> {
        let mut versions = self.kept_versions(path).await?;
        if self.bucket.keeps_versions().await? {
            versions.extend(self.own_versions(path).await?);
        }
        versions.sort_by_key(|version| std::cmp::Reverse(version.kept_at));
        Ok(versions)
    }

    async fn own_versions(&self, path: Option<&RelPath>) -> Result<Vec<Version>> {
        let histories = match path {
            Some(path) => {
                self.history(&self.key("versions", path)?, Reach::Key)
                    .await?
            }
            None => self.history(&self.prefix, Reach::Below).await?,
        };
        let mut versions = Vec::new();
        for (key, history) in histories {
            let below = key.strip_prefix(self.prefix.as_bytes()).unwrap_or(&key);
            let Some(at) = std::str::from_utf8(below)
                .ok()
                .and_then(|text| RelPath::new(text).ok())
            else {
                continue;
            };
            let Some(name) = at
                .name()
                .filter(|_| at.names().all(|name| !name.is_reserved()))
            else {
                continue;
            };
            // Each one was set aside when the next newer line was written.
            for (newer, past) in history.iter().zip(history.iter().skip(1)) {
                if past.is_marker || past.is_latest {
                    continue;
                }
                versions.push(Version {
                    key: VersionKey::Native {
                        path: at.clone(),
                        id: past.id.as_str().into(),
                    },
                    entry: self.bucket.listed_entry(name.clone(), &past.object),
                    kept_at: newer.object.written.unwrap_or_default(),
                });
            }
        }
        Ok(versions)
    }

    async fn kept_versions(&self, path: Option<&RelPath>) -> Result<Vec<Version>> {
        let query = Query {
            prefix: format!("{}{KEPT}", self.prefix),
            delimited: false,
            most: None,
        };
        let mut keys = Vec::new();
        let mut token: Option<String> = None;
        let mut follow = Follow::default();
        loop {
            let page = self.bucket.page(&query, token.as_deref()).await?;
            let brought = page.objects.len();
            keys.extend(
                page.objects
                    .into_iter()
                    .filter_map(|object| String::from_utf8(object.key).ok()),
            );
            let Some(next) = page.next else { break };
            check_held(keys.len(), "versions")?;
            follow.to(&next, brought, "versions")?;
            token = Some(next);
        }
        let wanted = path.and_then(RelPath::name);
        keys.retain(|key| {
            wanted
                .as_ref()
                .is_none_or(|name| key.rsplit('/').next() == Some(name.as_str()))
        });
        let found: Vec<Option<Version>> = stream::iter(keys)
            .map(|key| async move { self.kept_version(&key).await })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(found
            .into_iter()
            .flatten()
            .filter(|v| path.is_none_or(|path| v.key.path() == path))
            .collect())
    }

    async fn kept_version(&self, key: &str) -> Result<Option<Version>> {
        let below = key
            .strip_prefix(&self.prefix)
            .and_then(|key| key.strip_prefix(KEPT))
            .ok_or_else(|| {
                StorageError::new(
                    "versions",
                    Cause::BadResponse,
                    "a key that was not asked for",
                )
            })?;
        // Anybody may have put it there.
        if RelPath::new(below).is_err() {
            return Ok(None);
        }
        let parts: Vec<&str> = below.split('/').collect();
        let [device, date, action, name] = parts[..] else {
            return Ok(None);
        };
        let Some(object) = self.bucket.head(key, None).await? else {
            return Ok(None);
        };
        let path = object
            .metadata
            .get(KEPT_PATH)
            .and_then(|text| String::from_utf8(decoded(text)).ok());
        let Ok(path) = RelPath::new(path.as_deref().unwrap_or(name)) else {
            return Ok(None);
        };
        let Some(name) = path
            .name()
            .filter(|_| path.names().all(|name| !name.is_reserved()))
        else {
            return Ok(None);
        };
        let kept_at = object
            .metadata
            .get(KEPT_AT)
            .and_then(|text| metadata::parse_decimal(text));
        Ok(Some(Version {
            key: VersionKey::Kept {
                device: device.into(),
                date: date.into(),
                action: action.into(),
                path,
            },
            entry: self.bucket.entry(name, &object),
            kept_at: kept_at.or(object.written).unwrap_or_default(),
        }))
    }

    /// Where a version lies: its key and, of the bucket's own, its id; and what it is.
    pub(super) async fn find_version(
        &self,
        operation: &'static str,
        version: &VersionKey,
    ) -> Result<(String, Option<String>, Object)> {
        let (key, id) = self.version_at(operation, version)?;
        let found = self.bucket.head(&key, id.as_deref()).await?;
        let gone = || {
            StorageError::new(operation, Cause::NotFound, "the version was removed")
                .at(version.path())
        };
        found.map(|object| (key, id, object)).ok_or_else(gone)
    }

    /// Removes a version. One that is gone is fine, and one that is the current object again stays: somebody
    /// took the delete marker away that stood over it, so it is no pre-image any more.
    ///
    /// A marker that is removed between the look and the delete goes unseen; no store has a condition for that.
    pub(super) async fn remove_version(&self, version: &VersionKey) -> Result<()> {
        let (key, id) = self.version_at("prune_version", version)?;
        if let Some(id) = &id
            && self.is_current(&key, id).await?
        {
            return Ok(());
        }
        let bucket = &self.bucket;
        let removed = bucket
            .call("prune_version", || {
                bucket
                    .objects
                    .delete("prune_version", &key, id.as_deref(), &Guard::Any)
            })
            .await;
        match removed {
            Err(error) if error.cause != Cause::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn version_at(
        &self,
        operation: &'static str,
        version: &VersionKey,
    ) -> Result<(String, Option<String>)> {
        match version {
            VersionKey::Native { path, id } => {
                Ok((self.key(operation, path)?, Some(id.to_string())))
            }
            VersionKey::Kept { .. } => Ok((self.kept_key(operation, version)?, None)),
        }
    }

    fn kept_key(&self, operation: &'static str, version: &VersionKey) -> Result<String> {
        let bad = || {
            StorageError::new(operation, Cause::NameRefused, "no name for a version")
                .at(version.path())
        };
        let below = version.kept_path().ok_or_else(bad)?;
        // Device, date and action come from outside: none of them may leave the folder.
        let path = RelPath::new(&below)
            .ok()
            .filter(|path| path.depth() == 7)
            .ok_or_else(bad)?;
        self.key(operation, &path)
    }
}

fn is_copy_of(kept: &Object, path: &RelPath, original: &Object) -> bool {
    kept.size == original.size
        && kept.metadata.get(KEPT_TAG) == Some(&original.tag)
        && kept.metadata.get(KEPT_PATH) == Some(&encoded(path.as_str()))
}
