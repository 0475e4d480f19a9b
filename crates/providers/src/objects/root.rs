//! A folder of the bucket as a [`Root`]. What each operation does lies in the module of its name; here they meet the
//! contract, and every error gets its path.

use std::sync::Arc;

use async_trait::async_trait;
use tandem_core::capabilities::Capabilities;
use tandem_core::content::{ByteStream, SharedContent};
use tandem_core::entry::{Entry, Kind};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{
    Commit, Committed, Deleted, Depth, Discard, Expected, Identity, Keep, ListingStream, Locator,
    Meta, ResumeSink, ResumeToken, Root, RootIdentity, Staged, Version, VersionKey,
};

use super::bucket::Bucket;
use super::keys::{folder_key, object_key};
use super::listing::{Listing, listing};
use super::parts::Token;
use super::read::{Wanted, read};
use crate::names::refusal;

/// A folder of a bucket.
#[derive(Debug)]
pub(super) struct BucketRoot {
    pub(super) bucket: Arc<Bucket>,
    /// Empty, or ending in `/`.
    pub(super) prefix: String,
    /// Whether this is the whole of what was configured, which is there as long as the bucket is. Any other folder
    /// has to be there itself, on a store where folders can be.
    is_base: bool,
    capabilities: Capabilities,
}

impl BucketRoot {
    pub(super) fn new(bucket: Arc<Bucket>, prefix: String) -> Self {
        let is_base = prefix == bucket.facts().prefix;
        let mut capabilities = bucket.capabilities.clone();
        // One byte is for the slash that makes a folder's marker.
        let longest = bucket.longest_key().saturating_sub(prefix.len() + 1);
        capabilities.names.longest_path = u32::try_from(longest).ok();
        Self {
            bucket,
            prefix,
            is_base,
            capabilities,
        }
    }

    /// Whether the root may be missing: it is a folder, and folders are more than what lies below them.
    pub(super) const fn can_be_missing(&self) -> bool {
        !self.is_base && self.capabilities.empty_folders
    }

    pub(super) fn key(&self, operation: &'static str, path: &RelPath) -> Result<String> {
        self.check_names(operation, path)?;
        object_key(&self.prefix, path, self.bucket.longest_key(), operation)
    }

    pub(super) fn folder(&self, operation: &'static str, path: &RelPath) -> Result<String> {
        self.check_names(operation, path)?;
        folder_key(&self.prefix, path, self.bucket.longest_key(), operation)
    }

    /// A key that a listing could not show would take the listing of its whole folder with it.
    fn check_names(&self, operation: &'static str, path: &RelPath) -> Result<()> {
        let rules = &self.capabilities.names;
        let refused = |why| StorageError::new(operation, Cause::NameRefused, why).at(path);
        let mut names = path.names();
        let why = names.find_map(|name| refusal(rules, name.as_str()));
        why.map_or(Ok(()), |why| Err(refused(why)))
    }

    /// Whether anything lies below the folder with this key, its marker included.
    pub(super) async fn is_folder(&self, folder_key: &str) -> Result<bool> {
        let first = self.bucket.first_in_folder(folder_key).await?;
        let exists = !first.objects.is_empty() || !first.folders.is_empty();
        if exists {
            let object = first.objects.first();
            let is_marked = object.is_some_and(|object| object.key == folder_key.as_bytes());
            self.bucket.known.add(folder_key, is_marked);
        } else {
            self.bucket.known.remove(folder_key);
        }
        Ok(exists)
    }

    async fn find(&self, path: &RelPath) -> Result<Option<Entry>> {
        let Some(name) = path.name() else {
            // A root has no name of its own; the bucket's is as good as any.
            let name = Name::new(self.bucket.facts().name.as_str())
                .map_err(|e| StorageError::new("stat", Cause::Other, e.to_string()))?;
            return Ok(Some(Entry::folder(name)));
        };
        let folder = self.folder("stat", path)?;
        if !self.bucket.known.has(&folder)
            && let Some(object) = self.bucket.head(&self.key("stat", path)?, None).await?
        {
            return Ok(Some(self.bucket.entry(name, &object)));
        }
        // Also the proof that the bucket is there at all: a HEAD does not say which of both is missing.
        if self.is_folder(&folder).await? {
            return Ok(Some(Entry::folder(name)));
        }
        let object = self.bucket.head(&self.key("stat", path)?, None).await?;
        Ok(object.map(|object| self.bucket.entry(name, &object)))
    }

    async fn restore(
        &self,
        key: &VersionKey,
        to: &RelPath,
        expected: &Expected,
    ) -> Result<Committed> {
        let (from, id, source) = self.find_version("restore_version", key).await?;
        let metadata = super::change::without_notes(&source.metadata);
        let source = super::change::Source {
            key: &from,
            object: &source,
            version: id.as_deref(),
            metadata: Some(metadata),
        };
        self.place("restore_version", &source, to, expected, &Keep::No)
            .await
    }
}

#[async_trait]
impl Root for BucketRoot {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
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
        let query = Listing {
            prefix: self.prefix.clone(),
            folder: folder.clone(),
            depth,
            may_be_missing: !folder.is_root() || self.can_be_missing(),
        };
        listing(Arc::clone(&self.bucket), query)
    }

    async fn stat(&self, at: &Locator) -> Result<Option<Entry>> {
        self.find(&at.path)
            .await
            .map_err(|error| error.at(&at.path))
    }

    async fn read(
        &self,
        at: &Locator,
        entry: &Entry,
        offset: u64,
        length: u64,
    ) -> Result<ByteStream> {
        if entry.kind != Kind::File {
            return Err(
                StorageError::new("read", Cause::Unsupported, "a folder has no content")
                    .at(&at.path),
            );
        }
        let key = self.key("read", &at.path)?;
        let want = Wanted {
            revision: entry.revision.clone(),
            version: None,
            size: entry.size,
        };
        read(
            Arc::clone(&self.bucket),
            "read",
            key,
            &at.path,
            want,
            (offset, length),
        )
        .await
        .map(|content| self.bucket.health.counted(content))
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
            .inspect(|staged| self.bucket.health.sent(staged.len))
            .map_err(|error| error.at(target))
    }

    async fn commit(&self, group: Vec<Commit>) -> Vec<Result<Committed>> {
        self.commit_all(group).await
    }

    async fn discard(&self, token: &ResumeToken) -> Result<()> {
        match Token::parse(token)? {
            Token::Whole => Ok(()),
            Token::Parts(upload) => self.bucket.abort(&upload).await,
        }
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
        self.move_file(&from.path, expected, to, expected_to, keep)
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
        if how == Discard::Trash {
            let why = format!("a {} has no trash", self.bucket.facts().word);
            return Err(StorageError::new("delete", Cause::Unsupported, why).at(&at.path));
        }
        self.remove(&at.path, expected, keep)
            .await
            .map_err(|error| error.at(&at.path))
    }

    async fn set_meta(&self, at: &Locator, expected: &Expected, meta: &Meta) -> Result<Entry> {
        self.change_meta(&at.path, expected, meta)
            .await
            .map_err(|error| error.at(&at.path))
    }

    async fn versions(&self, path: Option<&RelPath>) -> Result<Vec<Version>> {
        if !self.bucket.capabilities.versions {
            return Err(StorageError::new(
                "versions",
                Cause::Unsupported,
                format!("this {} keeps no versions", self.bucket.facts().word),
            ));
        }
        self.all_versions(path).await
    }

    async fn read_version(&self, key: &VersionKey, offset: u64, length: u64) -> Result<ByteStream> {
        let (at, id, object) = self.find_version("read_version", key).await?;
        let want = Wanted {
            revision: self.bucket.revision(&object),
            version: id,
            size: object.size,
        };
        read(
            Arc::clone(&self.bucket),
            "read_version",
            at,
            key.path(),
            want,
            (offset, length),
        )
        .await
        .map(|content| self.bucket.health.counted(content))
    }

    async fn restore_version(
        &self,
        key: &VersionKey,
        to: &RelPath,
        expected: &Expected,
    ) -> Result<Committed> {
        self.restore(key, to, expected)
            .await
            .map_err(|error| error.at(to))
    }

    async fn prune_version(&self, key: &VersionKey) -> Result<()> {
        self.remove_version(key).await
    }
}
