//! `validate`: scratch files are written, read back and removed, and every capability that differs between servers is
//! tried on them. A condition counts only if the server refused what it had to refuse and did what it had to do:
//! several answer 201 and overwrite.

mod conditions;
mod cut;
mod names;
mod parts;
mod rising;
mod settled;
mod trash;

use std::sync::Arc;
use std::time::Duration;

use md5::{Digest, Md5};
use tandem_core::capabilities::{AtomicWrite, Capabilities, Ids};
use tandem_core::content::BytesContent;
use tandem_core::entry::HashKind;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::{ProbeStep, Validation};
use url::Url;

use super::address::Ending;
use super::client::{Answer, Call, Payload, Tries};
use super::errors::bad_answer;
use super::resource::Resource;
use super::root::WebDavRoot;
use super::services::Flavour;
use super::storage::{Store, declared};
use crate::body::Prepared;
use crate::hashes::{hex, md5_hash};

const FIRST: &[u8] = b"Tandem wrote this to see what this server can do.\n";
const SECOND: &[u8] = b"Tandem wrote this over it.\n";

/// A time that no clock shows now.
const MTIME: i64 = 1_234_567_890;

/// Nanoseconds that a revision stays in doubt for which does not tell two writes of one second apart.
const COARSE: u64 = 1_000_000_000;

/// The type of [`Probe::report`].
type Report<'a> = &'a (dyn for<'s> Fn(&'s ProbeStep) + Send + Sync);

/// What is known so far.
struct Probe<'a> {
    root: WebDavRoot,
    capabilities: Capabilities,
    /// The folder of all scratch files, among Tandem's own.
    folder: String,
    steps: Vec<ProbeStep>,
    report: Report<'a>,
}

/// Tries everything below `path`.
pub(in crate::webdav) async fn probe(
    store: &Arc<Store>,
    path: &str,
    report: Report<'_>,
) -> Validation {
    let base = match store.folder(path) {
        Ok(base) => base,
        Err(error) => {
            return Validation {
                steps: Vec::new(),
                capabilities: Err(error),
            };
        }
    };
    let folder = format!("probe-{:016x}", store.server.environment.random());
    let mut probe = Probe {
        root: WebDavRoot {
            store: Arc::clone(store),
            base,
        },
        capabilities: declared(),
        folder,
        steps: Vec::new(),
        report,
    };
    let found = probe.run().await;
    let cleaned = probe.clean().await;
    let capabilities = found.and(cleaned).map(|()| {
        probe.capabilities.probed = Some(store.server.environment.now().secs());
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
        self.step("Reach the folder", started, reached)?;

        let started = self.now();
        let written = self.write().await;
        self.step("Write a scratch file", started, written)?;

        let started = self.now();
        let read = self.read().await;
        self.step("Read it back", started, read)?;

        let started = self.now();
        let told = self.tell_apart().await;
        self.step("Tell two writes apart", started, told)?;

        if self.is_cloud() {
            let started = self.now();
            let known = self.know().await;
            self.step("Know a file again", started, known)?;

            let started = self.now();
            let rising = self.rising().await;
            self.step("See what changed below a folder", started, rising)?;

            let started = self.now();
            let trash = self.trash().await;
            self.step("Find what was deleted", started, trash)?;
        }

        let started = self.now();
        let cut = self.cut().await;
        self.step("See what a cut upload leaves", started, cut)?;

        let started = self.now();
        let names = self.names().await;
        self.step("Tell names apart", started, names)?;

        let started = self.now();
        let create = self.settled(|| self.create()).await;
        self.capabilities.conditions.create =
            self.condition("Create only what is absent", started, create)?;

        let started = self.now();
        let replace = self.settled(|| self.replace()).await;
        self.capabilities.conditions.replace =
            self.condition("Replace only what is expected", started, replace)?;

        let started = self.now();
        let copies = self.copies().await;
        let detail = as_words(&copies, "copied on the server", "cannot copy on the server");
        self.step("Copy on the server", started, detail)?;
        let copies = copies?;
        self.capabilities.server_copy = copies;
        self.capabilities.versions = copies;

        let started = self.now();
        let copy = match copies {
            true => self.settled(|| self.copy()).await,
            false => Ok(false),
        };
        self.capabilities.conditions.copy =
            self.condition("Copy only what is expected", started, copy)?;

        let started = self.now();
        let moved = self.settled(|| self.move_()).await;
        self.capabilities.conditions.move_ =
            self.condition("Move only what is expected", started, moved)?;

        let started = self.now();
        let delete = self.settled(|| self.delete()).await;
        self.capabilities.conditions.delete =
            self.condition("Delete only what is expected", started, delete)?;

        if self.is_cloud() {
            let started = self.now();
            let parts = self.parts().await;
            self.step("Upload in chunks", started, parts)?;
        }

        let started = self.now();
        let quota = self.quota().await;
        self.step("Ask how full it is", started, quota)?;
        Ok(())
    }

    fn now(&self) -> Duration {
        self.root.store.server.environment.uptime()
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
        let detail = as_words(
            &works,
            "works",
            "not heeded; looked at before and after instead",
        );
        self.step(title, started, detail)?;
        works
    }

    /// The address of the scratch file `name`.
    fn url(&self, name: &str) -> Result<Url> {
        self.root
            .own(&format!("{}/{name}", self.folder), Ending::File)
    }

    async fn reach(&self) -> Result<String> {
        let server = &self.root.store.server;
        let found = server
            .look(Tries::Many, "validate", &self.root.base)
            .await?;
        match found {
            Some(found) if found.resource.is_folder => Ok("reached".to_owned()),
            Some(_) => Err(bad_answer("validate", "this is a file and no folder")),
            None => {
                let detail = "there is no such folder on the server";
                Err(StorageError::new("validate", Cause::NotFound, detail))
            }
        }
    }

    async fn put(
        &self,
        name: &str,
        bytes: &'static [u8],
        condition: Option<(&'static str, String)>,
    ) -> Result<Answer> {
        let call = Call::new("validate", "PUT", self.url(name)?);
        self.send(call, bytes, condition).await
    }

    async fn send(
        &self,
        call: Call<'_>,
        bytes: &'static [u8],
        condition: Option<(&'static str, String)>,
    ) -> Result<Answer> {
        let prepared = self.scratch(bytes).await?;
        let mut call = self.carrying(call, &prepared);
        if let Some((name, value)) = condition {
            call = call.header(name, value);
        }
        self.root.store.server.once(&call).await
    }

    async fn scratch(&self, bytes: &'static [u8]) -> Result<Prepared> {
        self.root
            .prepared(Arc::new(BytesContent(bytes.into())))
            .await
    }

    /// `call` with a scratch content.
    fn carrying<'a>(&self, call: Call<'a>, prepared: &'a Prepared) -> Call<'a> {
        let call = self.root.with_checksum(call, prepared);
        let call = call.header("x-oc-mtime", MTIME.to_string());
        call.carrying(Payload::Upload(prepared, None))
    }

    /// A name for something that is not there yet.
    fn fresh(&self, stem: &str) -> String {
        let random = self.root.store.server.environment.random();
        format!("{stem}-{random:016x}")
    }

    /// The scratch file `name`, which must be there.
    async fn found(&self, name: &str) -> Result<Resource> {
        self.look(name).await?.ok_or_else(lost)
    }

    async fn look(&self, name: &str) -> Result<Option<Resource>> {
        let server = &self.root.store.server;
        let found = server
            .look(Tries::Many, "validate", &self.url(name)?)
            .await?;
        Ok(found.map(|found| found.resource))
    }

    async fn write(&mut self) -> Result<String> {
        self.root.make_own("validate", &self.folder).await?;
        self.put("file", FIRST, None).await?;
        let found = self.found("file").await?;
        if found.size != FIRST.len() as u64 {
            return Err(bad_answer(
                "validate",
                "what was written has another length",
            ));
        }
        self.capabilities.mtime = found.modified.is_some_and(|at| at.secs() == MTIME);
        self.capabilities.mtime_precision = COARSE;
        Ok(words(
            self.capabilities.mtime,
            "written with its time",
            "written; the server sets the time",
        ))
    }

    async fn read(&mut self) -> Result<String> {
        let whole = self.get(None).await?;
        if whole != FIRST {
            let detail = "what was read is not what was written";
            return Err(bad_answer("validate", detail));
        }
        // A server that knows no ranges sends everything, and is read in that way.
        self.capabilities.ranges = self.get(Some("bytes=7-11")).await? == FIRST[7..12];
        Ok(words(
            self.capabilities.ranges,
            "read, also in ranges",
            "read, but no ranges",
        ))
    }

    async fn get(&self, range: Option<&str>) -> Result<Vec<u8>> {
        let server = &self.root.store.server;
        let mut call = Call::new("validate", "GET", self.url("file")?);
        if let Some(range) = range {
            call = call.header("range", range);
        }
        let answer = server.call(&call).await?;
        server.read("validate", answer.response, 4 << 10).await
    }

    /// Of what an ETag is made no server says, and most take the time and the length: two writes of one length in one
    /// second may have one. Where it is the MD5 of the content they have not. Nextcloud makes it of time, inode, device and
    /// length (lib/private/Files/Storage/Local.php, calculateEtag).
    async fn tell_apart(&mut self) -> Result<String> {
        let Some(tag) = self.found("file").await?.tag else {
            self.capabilities.revision_granularity = COARSE;
            return Ok("listed without ETags; changes are seen by time and size".to_owned());
        };
        if tag.text == hex(&Md5::digest(FIRST)) {
            self.capabilities.hashes = vec![HashKind::Md5];
            self.capabilities.revision_is_content = true;
            return Ok("ETags are MD5s".to_owned());
        }
        self.capabilities.revision_granularity = COARSE;
        Ok("by ETags; writes within a second may have one".to_owned())
    }

    /// Whether the server gives items ids, and remembers what a client says of a content.
    async fn know(&mut self) -> Result<String> {
        let found = self.found("file").await?;
        if found.id.is_none() {
            let detail = "it gives files no ids: this is neither Nextcloud nor ownCloud";
            return Err(bad_answer("validate", detail));
        }
        // They are numbers of a database, but a restored backup or a scan for files can give an item another.
        self.capabilities.ids = Ids::Hint;
        let md5 = md5_hash(Md5::digest(FIRST).into());
        if found.hashes.contains(&md5) {
            self.capabilities.hashes = vec![HashKind::Md5];
        }
        Ok(words(
            !self.capabilities.hashes.is_empty(),
            "by ids and checksums",
            "by ids; it remembers no checksums",
        ))
    }

    fn is_cloud(&self) -> bool {
        self.root.store.server.settings.flavour == Flavour::Cloud
    }

    async fn quota(&mut self) -> Result<String> {
        match self.root.store.quota(&self.root.base).await {
            Ok(_) => self.capabilities.quota = true,
            Err(error) if error.cause == Cause::Unsupported => {}
            Err(error) => return Err(error),
        }
        Ok(words(
            self.capabilities.quota,
            "it says so",
            "it does not say",
        ))
    }

    async fn clean(&mut self) -> Result<()> {
        let started = self.now();
        let removed = async {
            let url = self.root.own(&self.folder, Ending::Folder)?;
            self.root.store.known.remove(url.as_str());
            let call = Call::new("validate", "DELETE", url);
            match self.root.store.server.call(&call).await.map(drop) {
                Err(error) if error.cause != Cause::NotFound => Err(error),
                _ => Ok("removed".to_owned()),
            }
        };
        let outcome = removed.await;
        if self.steps.iter().all(|step| step.outcome.is_ok()) {
            self.step("Remove the scratch files", started, outcome)?;
        }
        Ok(())
    }

    /// Whether content is uploaded to a name of its own and moved from there, as far as is known now.
    fn goes_aside(&self) -> bool {
        self.capabilities.atomic_write != AtomicWrite::Yes
    }
}

/// Whether a server did what it had to do. What may pass decides nothing, and what concerns the account neither.
fn done<T>(answer: &Result<T>) -> Result<bool> {
    match answer {
        Ok(_) => Ok(true),
        Err(error) if error.is_transient() || concerns_account(error) => Err(clone_of(error)),
        Err(_) => Ok(false),
    }
}

/// Whether nothing else would fare better.
const fn concerns_account(error: &StorageError) -> bool {
    matches!(
        error.cause,
        Cause::AuthDenied | Cause::Quota | Cause::Tls | Cause::Cancelled | Cause::LocalIo
    )
}

fn lost() -> StorageError {
    bad_answer("validate", "what was written is not there")
}

fn words(yes: bool, if_so: &str, if_not: &str) -> String {
    if yes { if_so } else { if_not }.to_owned()
}

fn as_words(works: &Result<bool>, if_so: &str, if_not: &str) -> Result<String> {
    works
        .as_ref()
        .map(|works| words(*works, if_so, if_not))
        .map_err(clone_of)
}

fn clone_of(error: &StorageError) -> StorageError {
    StorageError::new(error.operation, error.cause, error.detail.clone()).of_kind(error.kind)
}
