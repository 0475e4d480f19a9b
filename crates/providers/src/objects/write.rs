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

use super::bucket::Tries;
use super::errors::changed_nothing;
use super::guard::Guard;
use super::metadata::{self, with_meta};
use super::object::{Headers, Object, UserMetadata};
use super::parts::Token;
use super::root::BucketRoot;
use super::store::Put;
use super::upload::Written;
use crate::body::{Piece, Prepared, Progress};
use crate::hashes::md5_hash;

/// Members of a group that are made visible at once: most of them complete a multipart upload, as the engine commits
/// what is sent whole one by one, within the pair's limit.
const AT_ONCE: usize = 8;

/// What a change is going to replace or remove.
pub(super) struct Replaced {
    /// What must be there at that instant.
    pub(super) guard: Guard,
    /// What is there, as far as it was looked at.
    found: Option<Object>,
    /// Where it was set aside.
    pub(super) version: Option<VersionKey>,
    /// The same, if it was copied there just now.
    copy: Option<VersionKey>,
}

impl BucketRoot {
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
                format!("a {} holds no symbolic links", self.bucket.facts().word),
            ));
        }
        let key = self.key("stage", target)?;
        let len = content.len();
        if self
            .bucket
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
        let has_parts = self.bucket.capabilities.parts.is_some();
        if !has_parts || len < self.bucket.facts().multipart_threshold {
            return Ok(staged(Token::Whole.write()?, Some(content)));
        }
        let (metadata, headers) = self.described(&key, meta, None).await?;
        let begun = self.bucket.begin(&key, len, &metadata, &headers, resume);
        let upload = begun.await?;
        let upload = self.bucket.send_parts(upload, content, &sink).await?;
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
        let guard = self.bucket.guard("commit", &key, &expected).await?;
        let replaced = self
            .keep_replaced("commit", path, &key, guard, &keep)
            .await?;
        let written = self.put(&staged, &key, &replaced, sink).await;
        let (written, by_store) = self.unless_unchanged(&replaced, written).await?;
        let displaced = if by_store {
            None
        } else {
            self.find_displaced(path, &replaced.guard, written.object.version.as_deref())
                .await?
        };
        let mut entry = self.bucket.entry(name, &written.object);
        if entry.hashes.is_empty() {
            entry.hashes.extend(written.md5.map(md5_hash));
        }
        Ok(Committed {
            entry,
            displaced,
            landed_as: None,
            kept: replaced.version,
        })
    }

    /// Makes what is staged the object at `key`. Also whether the store itself checked what was there.
    async fn put(
        &self,
        staged: &Staged,
        key: &str,
        replaced: &Replaced,
        sink: Option<Arc<dyn ResumeSink>>,
    ) -> Result<(Written, bool)> {
        let guard = &replaced.guard;
        let conditions = &self.bucket.capabilities.conditions;
        let (create, replace, finish) = (
            conditions.create,
            conditions.replace,
            conditions.finish_multipart,
        );
        if let Token::Parts(upload) = Token::parse(&staged.token)? {
            let by_store = *self.bucket.asked(guard, finish, finish) != Guard::Any;
            let object = self.bucket.complete(&upload, guard).await?;
            return Ok((Written::in_parts(object), by_store));
        }
        let no_content = || StorageError::new("commit", Cause::Other, "staged without its content");
        let piece = Piece {
            content: staged.content.clone().ok_or_else(no_content)?,
            offset: 0,
            len: staged.len,
        };
        let prepared = Prepared::new(piece, self.bucket.facts().plain).await?;
        let form = self.bucket.facts().time_form;
        let (metadata, headers) = if *guard == Guard::Absent {
            (
                with_meta(UserMetadata::new(), &staged.meta, form),
                Headers::default(),
            )
        } else {
            self.described(key, &staged.meta, replaced.found.as_ref())
                .await?
        };
        let put = Put {
            key,
            content: &prepared,
            metadata: &metadata,
            headers: &headers,
            guard,
            progress: Some(Progress::new(sink)),
        };
        let by_store = *self.bucket.asked(guard, create, replace) != Guard::Any;
        Ok((self.bucket.upload(&put).await?, by_store))
    }

    /// The metadata of what `meta` describes, and the headers of new content at `key`. A bit that `meta` leaves alone
    /// is taken over from what is there, and so is what its owner set for those who read it from the bucket.
    async fn described(
        &self,
        key: &str,
        meta: &Meta,
        found: Option<&Object>,
    ) -> Result<(UserMetadata, Headers)> {
        let looked = match found {
            Some(_) => None,
            None => self.bucket.head(key, None).await?,
        };
        let found = found.or(looked.as_ref());
        let is_executable = found.map(|object| metadata::executable(&object.metadata));
        let meta = Meta {
            executable: meta.executable.or(is_executable),
            ..meta.clone()
        };
        let headers = found.map(|object| self.bucket.objects.for_new_content(&object.headers));
        Ok((
            with_meta(UserMetadata::new(), &meta, self.bucket.facts().time_form),
            headers.unwrap_or_default(),
        ))
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
        if self.bucket.known.has(&at) && self.is_folder(&at).await? {
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
        if self.bucket.known.has(&parent_key)
            || !self.bucket.capabilities.empty_folders
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
    ) -> Result<Replaced> {
        let nothing = |guard| Replaced {
            guard,
            found: None,
            version: None,
            copy: None,
        };
        let Keep::Version(version) = keep else {
            return Ok(nothing(guard));
        };
        if guard == Guard::Absent {
            return Ok(nothing(guard));
        }
        let Some(found) = self
            .bucket
            .check(Tries::Many, operation, key, &guard)
            .await?
        else {
            return Ok(nothing(Guard::Absent));
        };
        let aside = self.set_aside(operation, path, &found, version).await?;
        Ok(Replaced {
            guard: Guard::Tag(found.tag.clone()),
            found: Some(found),
            copy: aside.is_made.then(|| aside.version.clone()),
            version: Some(aside.version),
        })
    }

    /// Passes on how a change ended. One that surely changed nothing needs no pre-image: the engine names each try
    /// anew, so the copies would pile up.
    pub(super) async fn unless_unchanged<T>(
        &self,
        replaced: &Replaced,
        ended: Result<T>,
    ) -> Result<T> {
        if let (Err(error), Some(copy)) = (&ended, &replaced.copy)
            && changed_nothing(error)
            && let Err(error) = self.remove_version(copy).await
        {
            tracing::warn!(%error, path = %copy.path(), "a version that nothing replaced was left behind");
        }
        ended
    }
}
