//! `validate`: the tables are made where there are none, then a scratch file is written, read back and removed, and
//! each condition is tried on it.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tandem_core::content::BytesContent;
use tandem_core::entry::Entry;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{
    Commit, Discard, Expected, Keep, Locator, Meta, ProbeStep, Root, Unheard, Validation,
};

use super::database::Database;
use super::schema::Made;

const FIRST: &[u8] = b"Tandem wrote this to see what this storage can do.\n";
const SECOND: &[u8] = b"Tandem wrote this over it.\n";

struct Probe<'a> {
    database: &'a Arc<Database>,
    root: &'a dyn Root,
    path: RelPath,
    steps: Vec<ProbeStep>,
    report: &'a (dyn for<'s> Fn(&'s ProbeStep) + Send + Sync),
}

/// Tries everything in `root`.
pub(super) async fn probe(
    database: &Arc<Database>,
    root: &dyn Root,
    report: &(dyn for<'s> Fn(&'s ProbeStep) + Send + Sync),
) -> Validation {
    let name = Name::new(format!(
        ".tandem-probe-{:016x}",
        database.environment.random()
    ));
    let path = name.map_or_else(|_| RelPath::root(), RelPath::from);
    let mut probe = Probe {
        database,
        root,
        path,
        steps: Vec::new(),
        report,
    };
    let found = probe.run().await;
    if found.is_err() {
        // What the failed step left is in nobody's way; that it cannot be removed either is no news.
        let _ = probe.delete(&Expected::Any).await;
    }
    Validation {
        steps: probe.steps,
        capabilities: found.map(|()| root.capabilities().clone()),
    }
}

impl Probe<'_> {
    async fn run(&mut self) -> Result<()> {
        let started = self.database.environment.uptime();
        let opened = self.open().await;
        self.step("Open the database", started, opened.map(|said| (said, ())))?;

        let started = self.database.environment.uptime();
        let written = self.write(FIRST, Expected::Absent).await;
        let entry = self.step("Write a scratch file", started, said("written", written))?;

        let started = self.database.environment.uptime();
        let read = self.read(&entry).await;
        self.step("Read it back", started, said("read", read))?;

        let started = self.database.environment.uptime();
        let twice = self.write(SECOND, Expected::Absent).await.map(drop);
        self.step("Create only what is absent", started, heeded(twice))?;

        let started = self.database.environment.uptime();
        let expected = Expected::Revision(entry.revision);
        let replaced = self.write(SECOND, expected.clone()).await.map(drop);
        let again = self.write(FIRST, expected.clone()).await.map(drop);
        let outcome = replaced.and(heeded(again));
        self.step("Replace only what is expected", started, outcome)?;

        let started = self.database.environment.uptime();
        let deleted = heeded(self.delete(&expected).await);
        self.step("Delete only what is expected", started, deleted)?;

        let started = self.database.environment.uptime();
        let removed = self.delete(&Expected::Any).await;
        self.step("Remove the scratch file", started, said("removed", removed))
    }

    async fn open(&self) -> Result<String> {
        let made = self.database.create().await?;
        self.root.identity(false).await?;
        let made = match made {
            Made::Now => "opened; its tables were made",
            Made::Before => "opened",
        };
        Ok(match self.database.encrypted() {
            Some(false) => format!("{made}; nothing is encrypted on its way"),
            Some(true) | None => made.to_owned(),
        })
    }

    async fn write(&self, bytes: &'static [u8], expected: Expected) -> Result<Entry> {
        let content = Arc::new(BytesContent(Bytes::from_static(bytes)));
        let (meta, sink) = (Meta::default(), Arc::new(Unheard));
        let staged = self.root.stage(&self.path, content, &meta, None, sink);
        let staged = staged.await?;
        let token = staged.token.clone();
        let member = Commit {
            staged,
            expected,
            keep: Keep::No,
            sink: None,
        };
        let answer = self.root.commit(vec![member]).await.pop();
        let answer = answer.unwrap_or_else(|| Err(unlike("a commit was not answered")));
        if answer.is_err() {
            self.root.discard(&token).await?;
        }
        answer.map(|done| done.entry)
    }

    async fn read(&self, entry: &Entry) -> Result<()> {
        let at = Locator::of_path(self.path.clone());
        let mut stream = self.root.read(&at, entry, 0, entry.size).await?;
        let mut bytes = BytesMut::new();
        while let Some(piece) = stream.next().await {
            bytes.extend_from_slice(&piece?);
        }
        if bytes == FIRST {
            return Ok(());
        }
        Err(unlike("what was read is not what was written"))
    }

    async fn delete(&self, expected: &Expected) -> Result<()> {
        let at = Locator::of_path(self.path.clone());
        let how = Discard::Forever;
        self.root
            .delete(&at, expected, &Keep::No, how)
            .await
            .map(drop)
    }

    fn step<T>(
        &mut self,
        title: &str,
        started: Duration,
        outcome: Result<(String, T)>,
    ) -> Result<T> {
        let now = self.database.environment.uptime();
        let step = ProbeStep {
            title: title.to_owned(),
            time: now.saturating_sub(started),
            outcome: match &outcome {
                Ok((said, _)) => Ok(said.clone()),
                Err(error) => Err(error.to_string()),
            },
        };
        (self.report)(&step);
        self.steps.push(step);
        outcome.map(|(_, answer)| answer)
    }
}

fn said<T>(words: &str, answer: Result<T>) -> Result<(String, T)> {
    answer.map(|answer| (words.to_owned(), answer))
}

/// What should have been refused must have been.
fn heeded(answer: Result<()>) -> Result<(String, ())> {
    match answer {
        Err(error) if error.is_lost_race() => Ok(("works".to_owned(), ())),
        Err(error) => Err(error),
        Ok(()) => Err(unlike("what was not expected was changed")),
    }
}

fn unlike(what: &str) -> StorageError {
    StorageError::new("validate", Cause::BadResponse, what)
}
