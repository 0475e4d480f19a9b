//! What shows that a root is the one it was: the random id in `.tandem/root` (DESIGN 5.7).

use std::sync::Arc;
use std::time::Duration;

use tandem_core::capabilities::AtomicWrite;
use tandem_core::content::BytesContent;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;

use super::address::Ending;
use super::client::{Call, Payload, Tries};
use super::errors::bad_answer;
use super::guard::Guard;
use super::relocate::Relocation;
use super::root::WebDavRoot;
use super::token::StagedName;
use crate::body::Prepared;

/// Longer than any id this program writes; more is not read.
const LONGEST: usize = 256;

/// How long after writing it without a condition it is read: longer than another device takes from its look to its
/// write.
const SETTLING: Duration = Duration::from_secs(2);

const NAME: &str = "root";

impl WebDavRoot {
    /// The id of this folder; with `create`, made if there is none. `None` if there is none and none was to be made.
    pub(super) async fn marker(&self, create: bool) -> Result<Option<String>> {
        if let Some(id) = self.read_marker().await? {
            return Ok(Some(id));
        }
        let server = &self.store.server;
        let found = server.look(Tries::Many, "identity", &self.base).await?;
        if !found.is_some_and(|found| found.resource.is_folder) {
            let detail = "there is no such folder on the server";
            return Err(StorageError::new("identity", Cause::NotFound, detail));
        }
        if !create {
            return Ok(None);
        }
        self.write_marker().await?;
        if !self.capabilities().conditions.create {
            // Of two devices that write it at once, the one that is first must not keep what the other replaced.
            server.environment.sleep(SETTLING).await;
        }
        // What counts is what is there: another device may have been first.
        let id = self.read_marker().await?;
        let gone = || bad_answer("identity", "the marker that was written is not there");
        id.map(Some).ok_or_else(gone)
    }

    async fn read_marker(&self) -> Result<Option<String>> {
        let server = &self.store.server;
        let call = Call::new("identity", "GET", self.own(NAME, Ending::File)?);
        let answer = match server.call(&call).await {
            Err(error) if error.cause == Cause::NotFound => return Ok(None),
            answer => answer?,
        };
        let bytes = server.read("identity", answer.response, LONGEST).await;
        let bytes = bytes.map_err(|error| match error.cause {
            Cause::BadResponse => bad_answer("identity", ".tandem/root is no marker of Tandem's"),
            _ => error,
        })?;
        let text = String::from_utf8(bytes)
            .map_err(|_| bad_answer("identity", ".tandem/root is no text"))?;
        match text.trim() {
            "" => Err(bad_answer("identity", ".tandem/root is empty")),
            id => Ok(Some(id.to_owned())),
        }
    }

    async fn write_marker(&self) -> Result<()> {
        let server = &self.store.server;
        let random = || server.environment.random();
        let text = format!("{:016x}{:016x}\n", random(), random());
        let prepared = self.prepared(Arc::new(BytesContent(text.into()))).await?;
        self.make_own("identity", "").await?;
        let written = if self.capabilities().atomic_write == AtomicWrite::Yes {
            let url = self.own(NAME, Ending::File)?;
            let mut call =
                Call::new("identity", "PUT", url).carrying(Payload::Upload(&prepared, None));
            let create_works = self.capabilities().conditions.create;
            if let Some((name, value)) = Guard::Absent.header(create_works, false) {
                call = call.header(name, value);
            }
            server.call(&call).await.map(drop)
        } else {
            self.move_marker(&prepared).await
        };
        match written {
            Err(error) if !error.is_lost_race() => Err(error),
            _ => Ok(()),
        }
    }

    /// By a name that nobody else writes to: a reader of this one never sees half of it.
    async fn move_marker(&self, prepared: &Prepared) -> Result<()> {
        let server = &self.store.server;
        let aside = self.aside(&StagedName::new(server.environment.random()))?;
        let call =
            Call::new("identity", "PUT", aside.clone()).carrying(Payload::Upload(prepared, None));
        server.call(&call).await?;
        let path = RelPath::root();
        let relocation = Relocation {
            operation: "identity",
            method: "MOVE",
            from: aside.clone(),
            from_tag: None,
            from_id: None,
            to: self.own(NAME, Ending::File)?,
            to_path: &path,
            guard: &Guard::Absent,
            size: prepared.len(),
        };
        let moved = self.relocate(&relocation).await.map(drop);
        if moved.is_err() {
            let call = Call::new("identity", "DELETE", aside);
            if let Err(error) = server.call(&call).await {
                tracing::debug!(%error, "a marker that came second was left behind");
            }
        }
        moved
    }
}
