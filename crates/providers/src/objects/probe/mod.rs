//! `validate`: a scratch object is written, read back and removed, and every capability that differs between
//! services is tried on it. A condition counts only if the store refused what it had to refuse and did what it had
//! to do: several answer 200 and overwrite.

mod conditions;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tandem_core::capabilities::{Capabilities, CaseRule, UnicodeRule};
use tandem_core::entry::{HashKind, Mtime};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::{Meta, OWN_FOLDER, ProbeStep, Validation};
use tandem_core::time::Timestamp;

use super::bucket::Bucket;
use super::follow::Follow;
use super::guard::Guard;
use super::keys::folder_prefix;
use super::metadata::{self, with_meta};
use super::object::{Headers, ListedObject, Query, UserMetadata, md5_among};
use super::store::{Get, Put};
use crate::body::Prepared;
use crate::hashes::md5_of_hex;

const FIRST: &[u8] = b"Tandem wrote this to see what this storage can do.\n";
const SECOND: &[u8] = b"Tandem wrote this over it.\n";
/// `ü` as one character and as two.
const COMPOSED: &str = "\u{fc}ber";
const DECOMPOSED: &str = "u\u{308}ber";
/// What is no XML, and what some routers take for the end of an address.
const CONTROL: &str = "bell\u{7}and\nline";

/// Besides control characters, what is no character of XML 1.0 (section 2.2).
const NO_XML: &str = "\u{fffe}\u{ffff}";

/// An mtime to be kept, in nanoseconds.
const MTIME: Timestamp = Timestamp(1_234_567_890_123_456_789);

/// Seconds that a revision made of a time stays in doubt for.
const TIME_GRANULARITY: u64 = 1_000_000_000;

/// What is known so far.
struct Probe<'a> {
    bucket: &'a Bucket,
    capabilities: Capabilities,
    /// The scratch object's key; others begin with it.
    key: String,
    tag: String,
    copying: Copying,
    steps: Vec<ProbeStep>,
    report: &'a (dyn for<'s> Fn(&'s ProbeStep) + Send + Sync),
}

/// What a store copies itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Copying {
    No,
    /// With the metadata of the original, whatever it is asked for: what is set aside so is not found again by its path.
    AsItIs,
    WithNotes,
}

/// Tries everything below `path`.
pub(super) async fn probe(
    bucket: &Arc<Bucket>,
    path: &str,
    report: &(dyn for<'s> Fn(&'s ProbeStep) + Send + Sync),
) -> Validation {
    let facts = bucket.facts();
    let prefix = match folder_prefix(&facts.prefix, path, facts.word) {
        Ok(prefix) => prefix,
        Err(error) => {
            return Validation {
                steps: Vec::new(),
                capabilities: Err(error),
            };
        }
    };
    let mut probe = Probe {
        bucket,
        capabilities: facts.declared.clone(),
        key: format!(
            "{prefix}{OWN_FOLDER}/probe-{:016x}",
            bucket.environment.random()
        ),
        tag: String::new(),
        copying: Copying::No,
        steps: Vec::new(),
        report,
    };
    let found = probe.run().await;
    let cleaned = probe.clean().await;
    let capabilities = found.and(cleaned).map(|()| {
        probe.capabilities.probed = Some(bucket.environment.now().secs());
        probe.capabilities.clone()
    });
    Validation {
        steps: probe.steps,
        capabilities,
    }
}

impl Probe<'_> {
    async fn run(&mut self) -> Result<()> {
        let started = self.now();
        let reached = self.reach().await;
        let word = self.bucket.facts().word;
        self.step(&format!("Reach the {word}"), started, reached)?;

        let started = self.now();
        let written = self.write().await;
        self.step("Write a scratch object", started, written)?;

        let started = self.now();
        let read = self.read().await;
        self.step("Read it back", started, read)?;

        let started = self.now();
        let listed = self.list().await;
        self.step("Find it in a listing", started, listed)?;

        let started = self.now();
        let names = self.names().await;
        self.step("Tell names apart", started, names)?;

        let started = self.now();
        let create = self.create().await;
        self.capabilities.conditions.create =
            self.condition("Create only what is absent", started, create)?;

        let started = self.now();
        let replace = self.replace().await;
        self.capabilities.conditions.replace =
            self.condition("Replace only what is expected", started, replace)?;

        let started = self.now();
        let finish = self.finish_multipart().await;
        self.capabilities.conditions.finish_multipart = self.condition(
            "Finish an upload in parts only over what is expected",
            started,
            finish,
        )?;

        let started = self.now();
        let copying = self.copies().await;
        let detail = copying.as_ref().map(|copying| match copying {
            Copying::No => "cannot copy on the server".to_owned(),
            Copying::AsItIs => {
                "copied on the server, without the metadata that was asked for".to_owned()
            }
            Copying::WithNotes => "copied on the server".to_owned(),
        });
        self.step("Copy on the server", started, detail.map_err(clone_of))?;
        self.copying = copying?;
        self.capabilities.server_copy = self.copying != Copying::No;
        let sets_meta = self.copying == Copying::WithNotes || self.bucket.facts().sets_metadata;
        self.capabilities.mtime &= sets_meta;
        self.capabilities.executable &= sets_meta;

        let started = self.now();
        let copy = if self.capabilities.server_copy {
            self.copy().await
        } else {
            Ok(false)
        };
        self.capabilities.conditions.copy =
            self.condition("Copy only what is expected", started, copy)?;

        let started = self.now();
        let delete = self.delete().await;
        self.capabilities.conditions.delete =
            self.condition("Delete only what is expected", started, delete)?;
        let conditions = &mut self.capabilities.conditions;
        conditions.move_ = conditions.copy && conditions.delete;

        let started = self.now();
        let marker = self.folder_marker().await;
        let detail = marker
            .as_ref()
            .map(|marker| words(*marker, "kept", "folders vanish with their last file"));
        self.step("Keep an empty folder", started, detail.map_err(clone_of))?;
        self.capabilities.empty_folders = marker.unwrap_or_default();

        let started = self.now();
        let kept = self.keep().await;
        self.step("Keep what is replaced", started, kept)?;
        Ok(())
    }

    /// Who sets aside what a write replaces: where the store takes no notes along with a copy, nobody but the bucket can.
    async fn keep(&mut self) -> Result<String> {
        let keeps = match self.bucket.keeps_versions().await {
            // It is not what Tandem depends on there.
            Err(error) if !error.is_transient() && self.copying == Copying::WithNotes => false,
            keeps => keeps?,
        };
        self.capabilities.versions = keeps || self.copying == Copying::WithNotes;
        let word = self.bucket.facts().word;
        let kept = match (keeps, self.capabilities.versions) {
            (true, _) => format!("the {word} itself keeps versions"),
            (false, true) => "copied aside on the server".to_owned(),
            (false, false) => "not kept".to_owned(),
        };
        let remark = self.bucket.objects.remark();
        let remark = remark.map(|remark| format!("; {remark}"));
        Ok(kept + &remark.unwrap_or_default())
    }

    async fn reach(&self) -> Result<String> {
        self.bucket.first_below(&self.key, 1).await?;
        let check = || self.bucket.objects.check("validate");
        self.bucket.call("validate", check).await?;
        Ok("reached".to_owned())
    }

    fn now(&self) -> Duration {
        self.bucket.environment.uptime()
    }

    fn step(&mut self, title: &str, started: Duration, outcome: Result<String>) -> Result<String> {
        let step = ProbeStep {
            title: title.to_owned(),
            time: self.now().saturating_sub(started),
            outcome: outcome
                .as_ref()
                .map(Clone::clone)
                .map_err(ToString::to_string),
        };
        (self.report)(&step);
        self.steps.push(step);
        outcome
    }

    fn condition(&mut self, title: &str, started: Duration, works: Result<bool>) -> Result<bool> {
        let detail = works.as_ref().map(|works| {
            words(
                *works,
                "works",
                "not heeded; looked at before and after instead",
            )
        });
        self.step(title, started, detail.map_err(clone_of))?;
        works
    }

    /// Writes an object if `guard` holds, and gives the tag it was answered.
    async fn put(&self, key: &str, bytes: &'static [u8], guard: &Guard) -> Result<String> {
        let put = Put {
            key,
            content: &Prepared::of(Bytes::from_static(bytes)),
            metadata: &self.metadata(),
            headers: &Headers::new(),
            guard,
            progress: None,
        };
        let written = self
            .bucket
            .call("validate", || self.bucket.objects.put("validate", &put));
        Ok(written.await?.tag)
    }

    fn metadata(&self) -> UserMetadata {
        let mtime = Mtime {
            at: MTIME,
            by_client: true,
        };
        let meta = Meta {
            mtime: Some(mtime),
            ..Meta::default()
        };
        with_meta(UserMetadata::new(), &meta, self.bucket.facts().time_form)
    }

    async fn write(&mut self) -> Result<String> {
        let answered = self.put(&self.key, FIRST, &Guard::Any).await?;
        let object = self.bucket.head(&self.key, None).await?;
        let object = object.ok_or_else(lost)?;
        let expected = Prepared::of(Bytes::from_static(FIRST)).md5();
        let is_md5 = md5_among(&object.hashes) == expected && answered == object.tag;
        let hashes = &mut self.capabilities.hashes;
        hashes.retain(|kind| *kind != HashKind::Md5);
        if is_md5 {
            hashes.push(HashKind::Md5);
        }
        // Another content has another MD5, so another ETag. An upload in parts has one by its parts as well: sent
        // again in other parts the same bytes count as changed, which costs a transfer and nothing else.
        self.capabilities.revision_is_content = is_md5 && md5_of_hex(&object.tag) == expected;
        self.capabilities.mtime =
            metadata::mtime(&object.metadata).is_some_and(|kept| kept.at == MTIME);
        self.capabilities.executable = self.capabilities.mtime;
        self.tag = object.tag;
        Ok(words(
            is_md5,
            "written; its MD5 is told",
            "written; its MD5 is not told",
        ))
    }

    async fn read(&mut self) -> Result<String> {
        let whole = self.get(None).await?;
        if whole != FIRST {
            return Err(StorageError::new(
                "validate",
                Cause::BadResponse,
                "what was read is not what was written",
            ));
        }
        let range = self.get(Some((7, 5))).await?;
        self.capabilities.ranges = range == FIRST[7..12];
        Ok(words(
            self.capabilities.ranges,
            "read, also in ranges",
            "read, but no ranges",
        ))
    }

    async fn get(&self, range: Option<(u64, u64)>) -> Result<Vec<u8>> {
        let get = Get {
            key: &self.key,
            version: None,
            range,
        };
        let opened = self
            .bucket
            .call("validate", || self.bucket.objects.get("validate", &get));
        self.bucket.collect("validate", opened.await?.body).await
    }

    async fn list(&mut self) -> Result<String> {
        let more = format!("{}-more", self.key);
        self.put(&more, SECOND, &Guard::Any).await?;
        let listed = self.pages_of_one().await?;
        let bad = |why| StorageError::new("validate", Cause::BadResponse, why);
        let first = listed
            .first()
            .filter(|first| first.key == self.key.as_bytes())
            .ok_or_else(|| bad("what was written is not listed"))?;
        if !listed.iter().any(|one| one.key == more.as_bytes()) {
            // Whatever lies behind would look deleted (P10).
            return Err(bad(
                "listings end with their first page, whatever comes after it",
            ));
        }
        if first.tag.is_some() {
            self.capabilities.revision_granularity = 0;
            return Ok("listed with its ETag".to_owned());
        }
        // Then revisions are times, and a time says nothing about content.
        self.capabilities.revision_granularity = TIME_GRANULARITY;
        self.capabilities.revision_is_content = false;
        Ok("listed without its ETag; changes are seen by time and size".to_owned())
    }

    /// The scratch objects, in pages of one object where the store does as it is asked.
    async fn pages_of_one(&self) -> Result<Vec<ListedObject>> {
        let query = Query {
            prefix: self.key.clone(),
            delimited: false,
            most: Some(1),
        };
        let (mut listed, mut follow, mut token) = (Vec::new(), Follow::default(), None);
        loop {
            let page = self.bucket.page(&query, token.as_deref()).await?;
            let brought = page.objects.len();
            listed.extend(page.objects);
            let Some(next) = page.next else {
                return Ok(listed);
            };
            follow.to(&next, brought, "validate")?;
            token = Some(next);
        }
    }

    /// Names that some stores, or the disks behind them, take for each other or cannot list.
    async fn names(&mut self) -> Result<String> {
        self.put(&self.named(COMPOSED), FIRST, &Guard::Any).await?;
        if self
            .bucket
            .head(&self.named(DECOMPOSED), None)
            .await?
            .is_some()
        {
            self.capabilities.unicode = UnicodeRule::Folding;
        }
        if self
            .bucket
            .head(&self.named(&COMPOSED.to_uppercase()), None)
            .await?
            .is_some()
        {
            self.capabilities.case = CaseRule::Insensitive;
        }
        if !self.capabilities.names.no_control {
            self.control_characters().await?;
        }
        let objects = &self.bucket.objects;
        let longest = self.bucket.call("validate", || objects.longest_key_now());
        self.capabilities.names.longest_path = longest.await?;
        let refused = words(
            self.capabilities.names.no_control,
            "no control characters",
            "any name",
        );
        let case = words(
            self.capabilities.case == CaseRule::Sensitive,
            "case counts",
            "case does not count",
        );
        let form = words(
            self.capabilities.unicode == UnicodeRule::Exact,
            "Unicode forms count",
            "Unicode forms do not count",
        );
        Ok(format!("{refused}; {case}; {form}"))
    }

    async fn control_characters(&mut self) -> Result<()> {
        let control = self.named(CONTROL);
        match self.put(&control, FIRST, &Guard::Any).await {
            Ok(_) => {
                let listed = self.bucket.first_below(&control, 1).await;
                let first = listed.ok().and_then(|listed| listed.into_iter().next());
                if first.is_none_or(|first| first.key != control.as_bytes()) {
                    // It lists keys as they are, so everything that is no XML spoils the listing it stands in.
                    let names = &mut self.capabilities.names;
                    names.no_control = true;
                    names.forbidden.push_str(NO_XML);
                }
            }
            Err(error) if error.is_transient() && error.cause != Cause::Server => {
                return Err(error);
            }
            Err(_) => self.capabilities.names.no_control = true,
        }
        Ok(())
    }

    fn named(&self, name: &str) -> String {
        format!("{}-{name}", self.key)
    }

    async fn remove(&self, key: &str, guard: &Guard) -> Result<()> {
        let removed = self.bucket.call("validate", || {
            self.bucket.objects.delete("validate", key, None, guard)
        });
        removed.await.map(|_| ())
    }

    /// Whether an empty object `k/` is listed as just that. `rclone serve s3` makes a file `k` of it.
    async fn folder_marker(&self) -> Result<bool> {
        let marker = format!("{}-folder/", self.key);
        if let Err(error) = self.put(&marker, b"", &Guard::Any).await {
            return if error.is_transient() {
                Err(error)
            } else {
                Ok(false)
            };
        }
        let listed = self.bucket.first_below(&marker, 2).await?;
        Ok(listed.len() == 1 && listed[0].key == marker.as_bytes())
    }

    async fn clean(&mut self) -> Result<()> {
        let started = self.bucket.environment.uptime();
        let mut outcome = Ok("removed".to_owned());
        for suffix in [
            "",
            "-more",
            "-new",
            "-finished",
            "-copy",
            "-copied",
            "-folder/",
        ] {
            match self
                .remove(&format!("{}{suffix}", self.key), &Guard::Any)
                .await
            {
                Err(error) if error.cause != Cause::NotFound => outcome = Err(error),
                _ => {}
            }
        }
        // These may never have come about: a folder marker that became a file, names the store cannot hold.
        for name in ["folder", COMPOSED, CONTROL] {
            if let Err(error) = self.remove(&self.named(name), &Guard::Any).await {
                tracing::debug!(%error, "a scratch object could not be removed");
            }
        }
        if self.steps.iter().all(|step| step.outcome.is_ok()) {
            self.step("Remove the scratch objects", started, outcome)?;
        }
        Ok(())
    }
}

fn lost() -> StorageError {
    StorageError::new(
        "validate",
        Cause::BadResponse,
        "what was written is not there",
    )
}

fn words(yes: bool, if_so: &str, if_not: &str) -> String {
    if yes { if_so } else { if_not }.to_owned()
}

fn clone_of(error: &StorageError) -> StorageError {
    StorageError::new(error.operation, error.cause, error.detail.clone()).of_kind(error.kind)
}
