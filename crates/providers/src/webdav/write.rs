//! `commit` (DESIGN 6.5): what was staged becomes visible, by the one PUT that sends it or by a move to its place.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{Commit, Committed, Keep, ResumeSink, Staged, VersionKey};
use url::Url;

use super::address::Ending;
use super::client::{Call, Payload, Tries};
use super::errors::{changed_nothing, is_refusal, of_try, written_since};
use super::guard::Guard;
use super::read::Wanted;
use super::relocate::Relocation;
use super::resource::{Resource, Tag};
use super::root::{WebDavRoot, misread};
use super::staging::with_mtime;
use super::token::Token;
use crate::body::{Prepared, Progress};
use crate::retry::Attempt;

/// Members of a group that are sent at once.
const AT_ONCE: usize = 8;

/// How long Apache calls the ETag of a file weak that was just written (`ap_make_etag` in httpd 2.4), and some more.
const WEAK_FOR: std::time::Duration = std::time::Duration::from_millis(1_100);

/// What a change is going to replace or remove.
pub(super) struct Replaced {
    /// What must be there at that instant.
    pub(super) guard: Guard,
    /// Where it was set aside.
    pub(super) version: Option<VersionKey>,
    /// The same, if it was copied there just now.
    copy: Option<VersionKey>,
}

/// A file that is sent in one request.
struct Upload<'a> {
    path: &'a RelPath,
    url: Url,
    staged: &'a Staged,
    prepared: &'a Prepared,
    guard: &'a Guard,
    progress: Arc<Progress>,
}

/// What a server answered to a PUT.
struct Sent {
    tag: Option<Tag>,
}

impl WebDavRoot {
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
        let path = &member.staged.target;
        let name = self.target_name("commit", path)?;
        let url = self.url("commit", path, Ending::File)?;
        self.check_parent("commit", path).await?;
        let guard = Guard::from(&member.expected);
        let replaced = self
            .keep_replaced("commit", path, guard, &member.keep)
            .await?;
        let written = self
            .put(&member.staged, url, &replaced.guard, member.sink)
            .await;
        let written = self.unless_unchanged(&replaced, written).await;
        if written
            .as_ref()
            .is_err_and(|error| error.cause == Cause::NotFound)
        {
            self.forget_parent(path);
        }
        Ok(Committed {
            entry: written?.entry(name, self.capabilities()),
            displaced: None,
            landed_as: None,
            kept: replaced.version,
        })
    }

    async fn put(
        &self,
        staged: &Staged,
        url: Url,
        guard: &Guard,
        sink: Option<Arc<dyn ResumeSink>>,
    ) -> Result<Resource> {
        let path = &staged.target;
        let token = Token::parse(&staged.token)?;
        if let Token::Chunks(chunked) = &token {
            return self.finish_chunks(chunked, staged, &url, guard).await;
        }
        if let Token::Aside(name) = token {
            let relocation = Relocation {
                operation: "commit",
                method: "MOVE",
                from: self.aside(&name)?,
                from_tag: None,
                from_id: None,
                to: url,
                to_path: path,
                guard,
                size: staged.len,
            };
            return self.relocate(&relocation).await;
        }
        let no_content = || StorageError::new("commit", Cause::Other, "staged without its content");
        let prepared = self
            .prepared(staged.content.clone().ok_or_else(no_content)?)
            .await?;
        let upload = Upload {
            path,
            url,
            staged,
            prepared: &prepared,
            guard,
            progress: Progress::new(sink),
        };
        let server = &self.store.server;
        let sent = server
            .run(|attempt| self.try_upload(attempt, &upload))
            .await?;
        upload.progress.reached(prepared.len());
        self.look_after(&upload, &sent).await
    }

    async fn try_upload(&self, attempt: Attempt, upload: &Upload<'_>) -> Result<Sent> {
        let mut has_waited = false;
        loop {
            let error = match self.send(upload).await {
                Ok(sent) => return Ok(sent),
                Err(error) if is_refusal(&error, upload.guard) => error,
                Err(error) => return Err(error),
            };
            // The answer of an earlier try may be what got lost (P14).
            if attempt.is_repeated() && self.is_sent(upload).await? {
                return Ok(Sent { tag: None });
            }
            if !has_waited && self.is_only_weak(upload.path, upload.guard).await? {
                has_waited = true;
                self.outwait_weakness().await;
                continue;
            }
            if error.cause == Cause::NotFound {
                return Err(error);
            }
            return Err(of_try(
                attempt,
                upload.guard.refused("commit", &error.detail),
            ));
        }
    }

    async fn send(&self, upload: &Upload<'_>) -> Result<Sent> {
        let conditions = &self.capabilities().conditions;
        let condition = upload.guard.header(conditions.create, conditions.replace);
        if condition.is_none() {
            let found = self.find(Tries::Once, "commit", upload.path).await?;
            upload.guard.check("commit", found.as_ref())?;
        }
        let progress = Some(Arc::clone(&upload.progress));
        let mut call = Call::new("commit", "PUT", upload.url.clone())
            .carrying(Payload::Upload(upload.prepared, progress));
        if let Some((name, value)) = condition {
            call = call.header(name, value);
        }
        let call = with_mtime(call, &upload.staged.meta);
        let call = self.with_checksum(call, upload.prepared);
        let answer = self.store.server.once(&call).await?;
        Ok(Sent {
            tag: answer.header("etag").and_then(Tag::parse),
        })
    }

    /// Looks at what is there after a write; anything but what was written is somebody else's.
    async fn look_after(&self, upload: &Upload<'_>, sent: &Sent) -> Result<Resource> {
        self.written(upload.path, &upload.url, upload.guard, |found| {
            let tags = sent.tag.as_ref().zip(found.tag.as_ref());
            found.size == upload.prepared.len()
                && tags.is_none_or(|(told, shown)| told.text == shown.text)
        })
        .await
    }

    /// The file that was written to `path`, if what is there is that. Where it got another name it does not stay.
    pub(super) async fn written(
        &self,
        path: &RelPath,
        url: &Url,
        guard: &Guard,
        is_ours: impl Fn(&Resource) -> bool,
    ) -> Result<Resource> {
        let seen = self.see(Tries::Many, "commit", path).await?;
        let ours = seen.filter(|seen| !seen.resource.is_folder && is_ours(&seen.resource));
        let ours = ours.ok_or_else(|| written_since("commit"))?;
        if *guard == Guard::Absent && ours.is_misread(url) {
            let guard = Guard::Revision(ours.resource.revision());
            self.remove_file(path, &guard).await?;
            return Err(misread("commit"));
        }
        Ok(ours.resource)
    }

    /// Whether what is there is what was sent.
    async fn is_sent(&self, upload: &Upload<'_>) -> Result<bool> {
        let Some(found) = self.find(Tries::Once, "commit", upload.path).await? else {
            return Ok(false);
        };
        if found.is_folder || found.size != upload.prepared.len() {
            return Ok(false);
        }
        let wanted = Wanted {
            operation: "commit",
            url: upload.url.clone(),
            path: upload.path.clone(),
            revision: found.revision(),
            size: found.size,
        };
        let there = self.store.md5_at(&wanted).await?;
        Ok(there.is_some() && there == upload.prepared.digest().await.ok())
    }

    /// After a refusal: whether it was only that the file is so young that no condition holds for its ETag.
    pub(super) async fn is_only_weak(&self, path: &RelPath, guard: &Guard) -> Result<bool> {
        if guard.tag().is_none() {
            return Ok(false);
        }
        let found = self.find(Tries::Once, "commit", path).await?;
        Ok(found.is_some_and(|found| {
            guard.admits(Some(&found)) && found.tag.is_some_and(|tag| tag.is_weak)
        }))
    }

    /// Waits until such an ETag is strong.
    pub(super) async fn outwait_weakness(&self) {
        self.store.server.environment.sleep(WEAK_FOR).await;
    }

    /// Sets aside what a change is going to replace, as `keep` asks. From then on exactly that is expected.
    pub(super) async fn keep_replaced(
        &self,
        operation: &'static str,
        path: &RelPath,
        guard: Guard,
        keep: &Keep,
    ) -> Result<Replaced> {
        let nothing = |guard| Replaced {
            guard,
            version: None,
            copy: None,
        };
        let Keep::Version(wanted) = keep else {
            return Ok(nothing(guard));
        };
        if guard == Guard::Absent {
            return Ok(nothing(guard));
        }
        let found = self.find(Tries::Many, operation, path).await?;
        guard.check(operation, found.as_ref())?;
        let Some(found) = found else {
            return Ok(nothing(Guard::Absent));
        };
        let aside = self
            .set_aside(operation, path, &found, wanted, "COPY")
            .await?;
        Ok(Replaced {
            guard: Guard::Revision(found.revision()),
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
