//! Whether uploads in chunks work, and whether the MOVE that ends one heeds what is expected at its destination.

use std::sync::Arc;

use tandem_core::content::BytesContent;
use tandem_core::error::Result;
use url::Url;

use super::super::chunks::{CHUNKS, WHOLE};
use super::super::client::{Call, Payload};
use super::super::guard::Guard;
use super::super::token::ChunkedName;
use super::{FIRST, Probe, SECOND, clone_of, done, words};

impl Probe<'_> {
    pub(super) async fn parts(&mut self) -> Result<String> {
        let cannot = || Ok("not taken; files go up whole".to_owned());
        if self.root.uploads().is_none() {
            return cannot();
        }
        if !self.settled(|| self.takes_chunks()).await? {
            return cannot();
        }
        self.capabilities.parts = Some(CHUNKS);
        let heeds = self.settled(|| self.heeds_what_is_there()).await?;
        self.capabilities.conditions.finish_multipart = heeds;
        Ok(words(
            heeds,
            "works, onto what is expected only",
            "works; what is expected is looked at before",
        ))
    }

    async fn takes_chunks(&self) -> Result<bool> {
        let file = &self.fresh("in chunks");
        let to = self.url(file)?;
        let uploaded = match self.upload(&to, FIRST).await {
            Ok(name) => self.finish(&name, &to, &Guard::Absent).await,
            Err(error) => Err(error),
        };
        Ok(done(&uploaded)? && self.found(file).await?.size == FIRST.len() as u64)
    }

    /// Whether the end of an upload is refused where something else is there, and done where it is as expected.
    async fn heeds_what_is_there(&self) -> Result<bool> {
        let file = &self.fresh("in chunks");
        self.put(file, FIRST, None).await?;
        let to = &self.url(file)?;
        let name = self.upload(to, SECOND).await?;
        let there = self.found(file).await?;
        let wrong = Guard::Revision(tandem_core::entry::Revision::Tag("no-such-tag".into()));
        for guard in [Guard::Absent, wrong] {
            let refused = self.finish(&name, to, &guard).await;
            if done(&refused)? || self.found(file).await?.revision() != there.revision() {
                return Ok(false);
            }
        }
        let right = Guard::Revision(there.revision());
        let replaced = self.finish(&name, to, &right).await;
        Ok(done(&replaced)? && self.found(file).await?.size == SECOND.len() as u64)
    }

    /// Uploads `bytes` as the one chunk of a file for `to`.
    async fn upload(&self, to: &Url, bytes: &'static [u8]) -> Result<ChunkedName> {
        let server = &self.root.store.server;
        let name = ChunkedName::new(server.environment.random());
        let call = Call::new("validate", "MKCOL", self.root.upload(&name, "")?);
        server
            .call(&call.header("destination", to.as_str()))
            .await?;
        let prepared = self
            .root
            .prepared(Arc::new(BytesContent(bytes.into())))
            .await?;
        let call = Call::new("validate", "PUT", self.root.upload(&name, "00001")?)
            .header("destination", to.as_str())
            .carrying(Payload::Upload(&prepared, None));
        match server.call(&call).await {
            Ok(_) => Ok(name),
            Err(error) => {
                self.root.discard_chunks(&name).await?;
                Err(clone_of(&error))
            }
        }
    }

    async fn finish(&self, name: &ChunkedName, to: &Url, guard: &Guard) -> Result<()> {
        let overwrite = if *guard == Guard::Absent { "F" } else { "T" };
        let mut call = Call::new("validate", "MOVE", self.root.upload(name, WHOLE)?)
            .header("destination", to.as_str())
            .header("overwrite", overwrite);
        if let Some((name, value)) = guard.of_destination(to, true) {
            call = call.header(name, value);
        }
        self.root.store.server.once(&call).await.map(drop)
    }
}
