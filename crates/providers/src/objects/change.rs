//! Changes without new content: folders, moves, copies, deletes, metadata.
//!
//! A bucket has no move: it is a copy, and then a delete of exactly the object that was copied. Both keys exist for a
//! while; should the delete be refused because the source was changed meanwhile, the copy is taken back.

use bytes::Bytes;
use tandem_core::entry::{Entry, Revision};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::removed;
use tandem_core::storage::{Committed, Deleted, Displaced, Expected, Keep, Meta};

use super::copy::Removed;
use super::guard::Guard;
use super::metadata::{KEPT_AT, KEPT_PATH, KEPT_TAG, with_meta};
use super::object::{Object, UserMetadata};
use super::root::BucketRoot;
use super::store::Copy;

/// What a copy is made of.
pub(super) struct Source<'a> {
    pub(super) key: &'a str,
    pub(super) object: &'a Object,
    pub(super) version: Option<&'a str>,
    pub(super) metadata: Option<UserMetadata>,
}

/// Metadata as it was before a version was set aside.
pub(super) fn without_notes(metadata: &UserMetadata) -> UserMetadata {
    let mut metadata = metadata.clone();
    for note in [KEPT_PATH, KEPT_AT, KEPT_TAG] {
        metadata.remove(note);
    }
    metadata
}

impl BucketRoot {
    pub(super) async fn make_folder(&self, path: &RelPath) -> Result<Entry> {
        let name = self.target_name("create_folder", path)?;
        // Without markers there is nothing to write, and only a file can be in the way.
        let has_markers = self.bucket.capabilities.empty_folders;
        let mut missing = Vec::new();
        let mut next = Some(path.clone());
        while let Some(at) = next.filter(|at| !at.is_root()) {
            let key = self.folder("create_folder", &at)?;
            if self.bucket.known.has(&key) || (has_markers && self.is_folder(&key).await?) {
                break;
            }
            next = at.parent();
            missing.push((at, key));
        }
        for (at, key) in missing.iter().rev() {
            let file = self.key("create_folder", at)?;
            let is_file = self.bucket.head(&file, None).await?.is_some();
            if is_file && (has_markers || !self.is_folder(key).await?) {
                return Err(StorageError::new(
                    "create_folder",
                    Cause::AlreadyExists,
                    "a file is there",
                )
                .at(at));
            }
            if has_markers {
                self.bucket
                    .put_once("create_folder", key, Bytes::new())
                    .await?;
            }
            self.bucket.known.add(key, has_markers);
        }
        Ok(Entry::folder(name))
    }

    /// Before the object at `path` goes: a folder that others made without a marker would go with its last child.
    async fn hold_parent(&self, operation: &'static str, path: &RelPath) -> Result<()> {
        if !self.bucket.capabilities.empty_folders {
            return Ok(());
        }
        let Some(parent) = path.parent().filter(|parent| !parent.is_root()) else {
            return Ok(());
        };
        let marker = self.folder(operation, &parent)?;
        if self.bucket.known.has_marker(&marker) {
            return Ok(());
        }
        let below = self.bucket.first_below(&marker, 2).await?;
        let has_marker = below
            .first()
            .is_some_and(|first| first.key == marker.as_bytes());
        if !has_marker && below.len() < 2 && !below.is_empty() {
            self.bucket
                .put_once(operation, &marker, Bytes::new())
                .await?;
        }
        if has_marker || below.len() == 1 {
            self.bucket.known.add(&marker, true);
        }
        Ok(())
    }

    /// The object at `path`, which must be as `expected` says.
    async fn source(
        &self,
        operation: &'static str,
        path: &RelPath,
        expected: &Expected,
    ) -> Result<(String, Object)> {
        let key = self.key(operation, path)?;
        let folder = self.folder(operation, path)?;
        let no_folders = || {
            StorageError::new(
                operation,
                Cause::Unsupported,
                format!("a {} cannot do this to a folder", self.bucket.facts().word),
            )
        };
        if self.bucket.known.has(&folder) && self.is_folder(&folder).await? {
            return Err(no_folders());
        }
        let Some(found) = self.bucket.head(&key, None).await? else {
            let is_folder = self.is_folder(&folder).await?;
            return Err(if is_folder {
                no_folders()
            } else {
                StorageError::new(operation, Cause::NotFound, "")
            });
        };
        let is_expected = match expected {
            Expected::Any => true,
            Expected::Absent => false,
            Expected::Revision(revision) => *revision == self.bucket.revision(&found),
        };
        if is_expected || removed!("expectation") {
            return Ok((key, found));
        }
        Err(StorageError::new(
            operation,
            Cause::PreconditionFailed,
            "it was changed",
        ))
    }

    /// Copies `source` to `to`.
    pub(super) async fn place(
        &self,
        operation: &'static str,
        source: &Source<'_>,
        to: &RelPath,
        expected: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        let name = self.target_name(operation, to)?;
        let key = self.key(operation, to)?;
        self.check_surroundings(operation, to).await?;
        let guard = self.bucket.guard(operation, &key, expected).await?;
        let replaced = self.keep_replaced(operation, to, &key, guard, keep).await?;
        let guard = &replaced.guard;
        let copy = Copy {
            operation,
            from: source.key,
            source: source.object,
            version: source.version,
            to: &key,
            guard,
            metadata: source.metadata.clone(),
        };
        let made = self.bucket.copy_object(&copy).await;
        let made = self.unless_unchanged(&replaced, made).await?;
        let works = self.bucket.capabilities.conditions.copy;
        let displaced = if *self.bucket.asked(guard, works, works) != Guard::Any {
            None
        } else {
            self.find_displaced(to, guard, made.version.as_deref())
                .await?
        };
        Ok(Committed {
            entry: self.bucket.entry(name, &made),
            displaced,
            landed_as: None,
            kept: replaced.version,
        })
    }

    pub(super) async fn copy_file(
        &self,
        from: &RelPath,
        expected: &Expected,
        to: &RelPath,
        expected_to: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        let (key, object) = self.source("copy", from, expected).await?;
        let source = Source {
            key: &key,
            object: &object,
            version: None,
            metadata: None,
        };
        self.place("copy", &source, to, expected_to, keep).await
    }

    pub(super) async fn move_file(
        &self,
        from: &RelPath,
        expected: &Expected,
        to: &RelPath,
        expected_to: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        let (key, object) = self.source("move_to", from, expected).await?;
        if from == to {
            let entry = self.bucket.entry(self.target_name("move_to", to)?, &object);
            return Ok(Committed {
                entry,
                displaced: None,
                landed_as: None,
                kept: None,
            });
        }
        let source = Source {
            key: &key,
            object: &object,
            version: None,
            metadata: None,
        };
        let mut placed = self
            .place("move_to", &source, to, expected_to, keep)
            .await?;
        self.hold_parent("move_to", from).await?;
        let guard = Guard::Tag(object.tag.clone());
        match self.bucket.remove_object("move_to", &key, &guard).await {
            Ok(removed) => {
                let saved = self.displaced_by_delete(from, &guard, &removed).await?;
                placed.displaced = placed.displaced.or(saved);
                Ok(placed)
            }
            Err(error) if error.is_lost_race() => {
                if *expected_to == Expected::Absent {
                    self.take_back(to, &placed).await?;
                }
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn take_back(&self, path: &RelPath, placed: &Committed) -> Result<()> {
        let key = self.key("move_to", path)?;
        let expected = Expected::Revision(placed.entry.revision.clone());
        match self.bucket.guard("move_to", &key, &expected).await {
            Ok(guard) => self
                .bucket
                .remove_object("move_to", &key, &guard)
                .await
                .map(|_| ()),
            // Somebody changed it already: it is theirs.
            Err(error) if error.is_lost_race() => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn remove(
        &self,
        path: &RelPath,
        expected: &Expected,
        keep: &Keep,
    ) -> Result<Deleted> {
        if path.is_root() {
            return Err(StorageError::new(
                "delete",
                Cause::Forbidden,
                "the root itself",
            ));
        }
        let key = self.key("delete", path)?;
        if !matches!(expected, Expected::Revision(Revision::Tag(_))) {
            let folder = self.folder("delete", path)?;
            if self.bucket.known.has(&folder) && self.is_folder(&folder).await? {
                return self.remove_folder(path, expected).await;
            }
            let found = self.bucket.head(&key, None).await?;
            match (expected, found) {
                (_, None) => return self.remove_folder(path, expected).await,
                (Expected::Any, Some(_)) => {}
                (_, Some(_)) => {
                    return Err(StorageError::new(
                        "delete",
                        Cause::PreconditionFailed,
                        "a file is there",
                    ));
                }
            }
        }
        let guard = match self.bucket.guard("delete", &key, expected).await {
            Ok(guard) => guard,
            Err(error) if error.is_lost_race() && self.bucket.head(&key, None).await?.is_none() => {
                return self.nothing_to_delete(path).await;
            }
            Err(error) => return Err(error),
        };
        let replaced = match self.keep_replaced("delete", path, &key, guard, keep).await {
            Ok(replaced) => replaced,
            Err(error) if error.is_lost_race() && self.bucket.head(&key, None).await?.is_none() => {
                return self.nothing_to_delete(path).await;
            }
            Err(error) => return Err(error),
        };
        self.hold_parent("delete", path).await?;
        let removed = self
            .bucket
            .remove_object("delete", &key, &replaced.guard)
            .await;
        let removed = self.unless_unchanged(&replaced, removed).await?;
        let (guard, kept) = (replaced.guard, replaced.version);
        if !removed.was_there {
            let deleted = self.nothing_to_delete(path).await?;
            return Ok(Deleted { kept, ..deleted });
        }
        let displaced = self.displaced_by_delete(path, &guard, &removed).await?;
        Ok(Deleted {
            was_absent: false,
            kept,
            displaced,
        })
    }

    /// What a delete took that `guard` does not admit; only where the store heeds no condition can there be any.
    async fn displaced_by_delete(
        &self,
        path: &RelPath,
        guard: &Guard,
        removed: &Removed,
    ) -> Result<Option<Displaced>> {
        let is_heeded = self.bucket.capabilities.conditions.delete;
        if *self.bucket.asked(guard, false, is_heeded) != Guard::Any {
            return Ok(None);
        }
        self.find_displaced(path, guard, removed.marker.as_deref())
            .await
    }

    /// Nothing is at the key of a file that was to be deleted; a folder there is something else.
    async fn nothing_to_delete(&self, path: &RelPath) -> Result<Deleted> {
        if self.is_folder(&self.folder("delete", path)?).await? && !removed!("expectation") {
            return Err(StorageError::new(
                "delete",
                Cause::PreconditionFailed,
                "a folder is there",
            ));
        }
        Ok(Deleted {
            was_absent: true,
            kept: None,
            displaced: None,
        })
    }

    async fn remove_folder(&self, path: &RelPath, expected: &Expected) -> Result<Deleted> {
        let marker = self.folder("delete", path)?;
        let below = self.bucket.first_below(&marker, 2).await?;
        let was_known = self.bucket.known.has(&marker);
        if below.is_empty() {
            self.bucket.known.remove(&marker);
            // A store without markers: the folder existed for as long as this program remembered it.
            return Ok(Deleted {
                was_absent: !was_known,
                kept: None,
                displaced: None,
            });
        }
        if *expected == Expected::Absent && !removed!("expectation") {
            return Err(StorageError::new(
                "delete",
                Cause::PreconditionFailed,
                "a folder is there",
            ));
        }
        let is_marker = below[0].key == marker.as_bytes() && below[0].size == 0;
        if (below.len() > 1 || !is_marker) && !removed!("expectation") {
            return Err(StorageError::new(
                "delete",
                Cause::PreconditionFailed,
                "the folder is not empty",
            ));
        }
        self.hold_parent("delete", path).await?;
        self.bucket
            .remove_object("delete", &marker, &Guard::Any)
            .await?;
        self.bucket.known.remove(&marker);
        Ok(Deleted {
            was_absent: false,
            kept: None,
            displaced: None,
        })
    }

    pub(super) async fn change_meta(
        &self,
        path: &RelPath,
        expected: &Expected,
        meta: &Meta,
    ) -> Result<Entry> {
        let name = self.target_name("set_meta", path)?;
        let (key, object) = self.source("set_meta", path, expected).await?;
        let metadata = with_meta(object.metadata.clone(), meta, self.bucket.facts().time_form);
        if metadata == object.metadata {
            return Ok(self.bucket.entry(name, &object));
        }
        let guard = Guard::Tag(object.tag.clone());
        let changed = if self.bucket.facts().sets_metadata {
            self.bucket.set_metadata(&key, &metadata, &guard).await?
        } else {
            let copy = Copy {
                operation: "set_meta",
                from: &key,
                source: &object,
                version: None,
                to: &key,
                guard: &guard,
                metadata: Some(metadata),
            };
            self.bucket.copy_object(&copy).await?
        };
        Ok(self.bucket.entry(name, &changed))
    }
}
