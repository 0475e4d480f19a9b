//! `stage` and `discard` (DESIGN 6.5). Where a PUT is old or new at every instant, `commit` sends the bytes in that one
//! request; elsewhere they go to a name of Tandem's own, from which `commit` moves them.
//!
//! Plain WebDAV has no upload that goes on where it broke off: the bytes are sent again. What has is in `chunks`.

use std::sync::Arc;

use tandem_core::capabilities::AtomicWrite;
use tandem_core::content::SharedContent;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{Meta, ResumeSink, ResumeToken, Staged};
use url::Url;

use super::address::Ending;
use super::chunks::{Chunked, begun_before};
use super::client::{Answer, Call, Payload};
use super::root::WebDavRoot;
use super::services::Flavour;
use super::token::{StagedName, Token};
use crate::body::{Piece, Prepared, Progress};
use crate::hashes::hex;

/// Sets the mtime of what is written: ownCloud's invention, which other servers took over.
const MTIME: &str = "x-oc-mtime";

/// Says what the content comes to: ownCloud compares it, both remember it.
const CHECKSUM: &str = "oc-checksum";

impl WebDavRoot {
    pub(super) async fn stage_content(
        &self,
        target: &RelPath,
        content: SharedContent,
        meta: &Meta,
        resume: Option<&ResumeToken>,
        sink: Arc<dyn ResumeSink>,
    ) -> Result<Staged> {
        if meta.target.is_some() {
            let detail = "WebDAV holds no symbolic links";
            return Err(StorageError::new("stage", Cause::Unsupported, detail));
        }
        // Asks whether the name can be held, before anything is sent.
        self.url("stage", target, Ending::File)?;
        let len = content.len();
        let size = self.chunk_size(len);
        let begun = size.and_then(|_| begun_before(resume, target, len));
        if begun.is_none()
            && let Some(old) = resume
            && let Err(error) = self.discard_staged(old).await
        {
            tracing::debug!(%error, "an upload that was cut could not be removed");
        }
        if let Some(size) = size {
            let random = self.store.server.environment.random();
            let chunked = begun.unwrap_or_else(|| Chunked::new(random, target, len, size));
            return self.stage_chunks(chunked, content, meta, sink).await;
        }
        let staged = |token: &Token, content| {
            Ok(Staged {
                target: target.clone(),
                token: token.write()?,
                len,
                meta: meta.clone(),
                content,
                hashes: Vec::new(),
            })
        };
        if self.capabilities().atomic_write == AtomicWrite::Yes {
            return staged(&Token::Whole, Some(content));
        }
        let name = StagedName::new(self.store.server.environment.random());
        let token = Token::Aside(name.clone());
        sink.store(&token.write()?);
        let sent = self.send_aside(&name, content, meta, sink).await;
        if let Err(error) = sent {
            // What of it arrived is of no use; whoever keeps the token can remove it as well.
            if let Err(error) = self.remove_aside(&name).await {
                tracing::debug!(%error, "an upload that was cut could not be removed");
            }
            return Err(error);
        }
        staged(&token, None)
    }

    async fn send_aside(
        &self,
        name: &StagedName,
        content: SharedContent,
        meta: &Meta,
        sink: Arc<dyn ResumeSink>,
    ) -> Result<()> {
        let prepared = self.prepared(content).await?;
        let progress = Progress::new(Some(sink));
        self.make_own("stage", "").await?;
        let call = Call::new("stage", "PUT", self.aside(name)?);
        let payload = Payload::Upload(&prepared, Some(Arc::clone(&progress)));
        let call = self.with_checksum(with_mtime(call, meta), &prepared);
        let call = call.carrying(payload);
        match self.store.server.call(&call).await {
            Err(error) if error.cause == Cause::NotFound => {
                self.forget_own("")?;
                self.make_own("stage", "").await?;
                self.store.server.call(&call).await?;
            }
            sent => drop(sent?),
        }
        progress.reached(prepared.len());
        Ok(())
    }

    /// `call` with the hash of what it carries, where the server wants one and it is known.
    pub(super) fn with_checksum<'a>(&self, call: Call<'a>, prepared: &Prepared) -> Call<'a> {
        match prepared.md5() {
            Some(md5) if self.store.server.settings.flavour == Flavour::Cloud => {
                call.header(CHECKSUM, format!("MD5:{}", hex(&md5)))
            }
            _ => call,
        }
    }

    /// `content` as it can be sent.
    pub(super) async fn prepared(&self, content: SharedContent) -> Result<Prepared> {
        let piece = Piece {
            len: content.len(),
            content,
            offset: 0,
        };
        Prepared::new(piece, false).await
    }

    pub(super) fn aside(&self, name: &StagedName) -> Result<Url> {
        self.own(&name.to_string(), Ending::File)
    }

    pub(super) async fn discard_staged(&self, token: &ResumeToken) -> Result<()> {
        match Token::parse(token) {
            Ok(Token::Aside(name)) => self.remove_aside(&name).await,
            Ok(Token::Chunks(chunked)) => self.discard_chunks(&chunked.name).await,
            // A token that this storage did not make names nothing that it holds.
            Ok(Token::Whole) | Err(_) => Ok(()),
        }
    }

    async fn remove_aside(&self, name: &StagedName) -> Result<()> {
        let call = Call::new("discard", "DELETE", self.aside(name)?);
        match self.store.server.call(&call).await.map(drop::<Answer>) {
            Err(error) if error.cause == Cause::NotFound => Ok(()),
            removed => removed,
        }
    }
}

/// `call` with the mtime that what it writes is to have.
pub(super) fn with_mtime<'a>(call: Call<'a>, meta: &Meta) -> Call<'a> {
    match meta.mtime {
        Some(mtime) => call.header(MTIME, mtime.at.secs().to_string()),
        None => call,
    }
}
