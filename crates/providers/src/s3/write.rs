//! `stage` and `commit` (DESIGN 6.5). What is small is sent by `commit` in its one request; what is large lies in
//! parts that nobody sees until then.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tandem_core::content::SharedContent;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{
    Commit, Committed, Keep, Meta, ResumeSink, ResumeToken, Staged, VersionKey,
};

use super::body::{Piece, Prepared, Progress};
use super::client::Tries;
use super::guard::Guard;
use super::metadata::{self, UserMetadata, with_meta};
use super::object::{Headers, Object};
use super::parts::Token;
use super::revision::md5_hash;
use super::root::S3Root;
use super::upload::{Upload, Written};

/// Members of a group that are sent at once.
const AT_ONCE: usize = 8;

impl S3Root {
    pub(super) async fn stage_content(
        &self,
        target: &RelPath,
        content: SharedContent,
        meta: &Meta,
        resume: Option<&ResumeToken>,
        sink: Arc<dyn ResumeSink>,
    ) -> Result<Staged> {
        if meta.target.is_some() {
            return Err(StorageError::new(
                "stage",
                Cause::Unsupported,
                "a bucket holds no symbolic links",
            ));
        }
        let key = self.key("stage", target)?;
        let len = content.len();
        if self
            .store
            .capabilities
            .largest_file
            .is_some_and(|largest| len > largest)
        {
            return Err(StorageError::new(
                "stage",
                Cause::TooLarge,
                format!("{len} bytes"),
            ));
        }
        let staged = |token, content| Staged {
            target: target.clone(),
            token,
            len,
            meta: meta.clone(),
            content,
            hashes: Vec::new(),
        };
        let has_parts = self.store.capabilities.parts.is_some();
        if !has_parts || len < self.store.bucket.settings.multipart_threshold {
            return Ok(staged(Token::Whole.write()?, Some(content)));
        }
        let metadata = self.metadata_for(&key, meta, None).await?;
        let upload = self.store.begin(&key, len, &metadata, resume).await?;
        let upload = self.store.send_parts(upload, content, &sink).await?;
        Ok(staged(Token::Parts(upload).write()?, None))
    }

    pub(super) async fn commit_all(&self, group: Vec<Commit>) -> Vec<Result<Committed>> {
        stream::iter(group)
            .map(|member| async move {
                let target = member.staged.target.clone();
                self.commit_one(member)
                    .await
                    .map_err(|error| error.at(&target))
            })
            .buffered(AT_ONCE)
            .collect()
            .await
    }

    async fn commit_one(&self, member: Commit) -> Result<Committed> {
        let Commit {
            staged,
            expected,
            keep,
            sink,
        } = member;
        let path = &staged.target;
        let key = self.key("commit", path)?;
        let name = self.target_name("commit", path)?;
        self.check_surroundings("commit", path).await?;
        let guard = self.store.guard("commit", &key, &expected).await?;
        let (guard, found, kept) = self
            .keep_replaced("commit", path, &key, guard, &keep)
            .await?;
        let (written, by_store) = match Token::parse(&staged.token)? {
            Token::Whole => {
                let no_content =
                    || StorageError::new("commit", Cause::Other, "staged without its content");
                let content = staged.content.clone().ok_or_else(no_content)?;
                let piece = Piece {
                    content,
                    offset: 0,
                    len: staged.len,
                };
                let prepared = Prepared::new(piece, self.store.bucket.settings.plain).await?;
                let is_new = guard == Guard::Absent;
                let metadata = if is_new {
                    with_meta(UserMetadata::new(), &staged.meta)
                } else {
                    self.metadata_for(&key, &staged.meta, found.as_ref())
                        .await?
                };
                let upload = Upload {
                    key: &key,
                    prepared: &prepared,
                    guard: &guard,
                    metadata: &metadata,
                    headers: &Headers::default(),
                    progress: Progress::new(sink),
                };
                let conditions = &self.store.capabilities.conditions;
                let by_store = self
                    .store
                    .condition(&guard, conditions.create, conditions.replace)
                    .is_set();
                (self.store.upload(&upload).await?, by_store)
            }
            Token::Parts(upload) => {
                let works = self.store.capabilities.conditions.finish_multipart;
                let by_store = self.store.condition(&guard, works, works).is_set();
                (
                    Written {
                        object: self.store.complete(&upload, &guard).await?,
                        md5: None,
                    },
                    by_store,
                )
            }
        };
        let displaced = if by_store {
            None
        } else {
            self.find_displaced(path, &guard, written.object.version.as_deref())
                .await?
        };
        let mut entry = self.store.entry(name, &written.object);
        if entry.hashes.is_empty() {
            entry.hashes.extend(written.md5.map(md5_hash));
        }
        Ok(Committed {
            entry,
            displaced,
            landed_as: None,
            kept,
        })
    }

    /// The metadata of what `meta` describes. A bit that it leaves alone is taken over from what is there.
    async fn metadata_for(
        &self,
        key: &str,
        meta: &Meta,
        found: Option<&Object>,
    ) -> Result<UserMetadata> {
        let mut meta = meta.clone();
        if meta.executable.is_none() {
            let is_executable = |object: &Object| metadata::executable(&object.metadata);
            meta.executable = match found {
                Some(object) => Some(is_executable(object)),
                None => self
                    .store
                    .bucket
                    .head(key, None)
                    .await?
                    .as_ref()
                    .map(is_executable),
            };
        }
        Ok(with_meta(UserMetadata::new(), &meta))
    }

    pub(super) fn target_name(&self, operation: &'static str, path: &RelPath) -> Result<Name> {
        path.name()
            .ok_or_else(|| StorageError::new(operation, Cause::NameRefused, "the root is no file"))
    }

    /// That the parent is there and no folder stands at `path`. A folder that another program makes in the same
    /// moment goes unseen; then the object is shown as shadowed by it, and nothing is overwritten.
    pub(super) async fn check_surroundings(
        &self,
        operation: &'static str,
        path: &RelPath,
    ) -> Result<()> {
        let at = self.folder(operation, path)?;
        if self.store.known.has(&at) && self.is_folder(&at).await? {
            return Err(StorageError::new(
                operation,
                Cause::AlreadyExists,
                "a folder is there",
            ));
        }
        let Some(parent) = path.parent().filter(|parent| !parent.is_root()) else {
            return Ok(());
        };
        let parent_key = self.folder(operation, &parent)?;
        // Without markers a folder is made by what is put into it.
        if self.store.known.has(&parent_key)
            || !self.store.capabilities.empty_folders
            || self.is_folder(&parent_key).await?
        {
            return Ok(());
        }
        Err(StorageError::new(operation, Cause::NotFound, "the folder is not there").at(&parent))
    }

    /// Sets aside what a change is going to replace or remove, as `keep` asks. From then on exactly that is expected.
    pub(super) async fn keep_replaced(
        &self,
        operation: &'static str,
        path: &RelPath,
        key: &str,
        guard: Guard,
        keep: &Keep,
    ) -> Result<(Guard, Option<Object>, Option<VersionKey>)> {
        let Keep::Version(version) = keep else {
            return Ok((guard, None, None));
        };
        if guard == Guard::Absent {
            return Ok((guard, None, None));
        }
        let Some(found) = self
            .store
            .check(Tries::Many, operation, key, &guard)
            .await?
        else {
            return Ok((Guard::Absent, None, None));
        };
        let kept = self.set_aside(operation, path, &found, version).await?;
        Ok((Guard::Tag(found.tag.clone()), Some(found), Some(kept)))
    }
}
