//! Bytes that were uploaded and that nobody sees yet. Invariant: an upload goes on only for the target
//! and length it was begun with, and only from the bytes that are really there.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tandem_core::content::SharedContent;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{Meta, ResumeSink, ResumeToken, Staged};
use tandem_core::time::Timestamp;

use super::blob::Blob;
use super::environment::yield_now;
use super::names::refusal;
use super::storage::SimStorage;

/// The token of what `commit` will send itself.
const UNSENT: &str = "unsent";

/// A begun or finished upload.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) target: RelPath,
    pub(super) len: u64,
    pub(super) bytes: BytesMut,
    pub(super) device: Arc<str>,
    pub(super) at: Timestamp,
}

impl SimStorage {
    pub(super) async fn stage_content(
        &self,
        target: &RelPath,
        content: SharedContent,
        meta: &Meta,
        resume: Option<&ResumeToken>,
        sink: &dyn ResumeSink,
    ) -> Result<Staged> {
        self.check_stageable(target, content.len(), meta)?;
        let staged = |token: ResumeToken, content: Option<SharedContent>, len| Staged {
            target: target.clone(),
            token,
            len,
            meta: meta.clone(),
            content,
            hashes: Vec::new(),
        };
        if !self.shape().habits.stages {
            let len = content.len();
            return Ok(staged(ResumeToken(UNSENT.to_owned()), Some(content), len));
        }
        let number = self.begin_upload(target, content.len(), resume);
        let token = ResumeToken(format!("upload:{number}"));
        sink.store(&token);
        let blob = self.upload(number, target, &content, sink).await?;
        let hashes = &self.shape().capabilities.hashes;
        Ok(Staged {
            hashes: hashes
                .iter()
                .filter_map(|kind| blob.hash_of(*kind))
                .collect(),
            ..staged(token, None, blob.size())
        })
    }

    fn check_stageable(&self, target: &RelPath, len: u64, meta: &Meta) -> Result<()> {
        let fail = |cause, detail| Err(StorageError::new("stage", cause, detail).at(target));
        let capabilities = &self.shape().capabilities;
        if let Some(why) = refusal(&capabilities.names, target) {
            return fail(Cause::NameRefused, why);
        }
        if capabilities.largest_file.is_some_and(|most| len > most) {
            return fail(Cause::TooLarge, "");
        }
        if meta.target.is_some() && !capabilities.symlinks {
            return fail(Cause::Unsupported, "symbolic links");
        }
        Ok(())
    }

    fn begin_upload(&self, target: &RelPath, len: u64, resume: Option<&ResumeToken>) -> u64 {
        let mut state = self.state();
        let begun = resume.and_then(upload_number).filter(|number| {
            state
                .staged
                .get(number)
                .is_some_and(|upload| upload.target == *target && upload.len == len)
        });
        begun.unwrap_or_else(|| {
            let number = state.count();
            let upload = Upload {
                target: target.clone(),
                len,
                bytes: BytesMut::new(),
                device: self.device(),
                at: state.environment.tick(),
            };
            state.staged.insert(number, upload);
            number
        })
    }

    async fn upload(
        &self,
        number: u64,
        target: &RelPath,
        content: &SharedContent,
        sink: &dyn ResumeSink,
    ) -> Result<Blob> {
        let len = content.len();
        let lost = || StorageError::new("stage", Cause::NotFound, "the upload is gone").at(target);
        let mut sent = self
            .state()
            .staged
            .get(&number)
            .map(|upload| upload.bytes.len() as u64)
            .ok_or_else(lost)?;
        if sent > 0 {
            sink.progress(sent);
        }
        let mut pieces = content.open(sent, len - sent).await?;
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            sent += piece.len() as u64;
            if sent > len {
                return Err(wrong_body("stage", target, "it is longer than it said"));
            }
            self.state()
                .staged
                .get_mut(&number)
                .ok_or_else(lost)?
                .bytes
                .extend_from_slice(&piece);
            sink.progress(piece.len() as u64);
            yield_now().await;
            self.transient("stage", target)?;
        }
        if sent < len {
            return Err(wrong_body("stage", target, "it ended early"));
        }
        let bytes = self
            .state()
            .staged
            .get(&number)
            .ok_or_else(lost)?
            .bytes
            .clone();
        Ok(Blob::new(bytes.freeze()))
    }

    /// The bytes to commit: those that were uploaded, or those that are to be sent now.
    pub(super) async fn bytes_of(
        &self,
        staged: &Staged,
        sink: Option<&dyn ResumeSink>,
    ) -> Result<Bytes> {
        let target = &staged.target;
        let Some(content) = &staged.content else {
            let state = self.state();
            let upload = upload_number(&staged.token)
                .and_then(|number| state.staged.get(&number))
                .filter(|upload| upload.len == upload.bytes.len() as u64);
            return upload
                .map(|upload| upload.bytes.clone().freeze())
                .ok_or_else(|| {
                    StorageError::new("commit", Cause::NotFound, "nothing is staged").at(target)
                });
        };
        let mut bytes = BytesMut::new();
        let mut pieces = content.open(0, staged.len).await?;
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            bytes.extend_from_slice(&piece);
            if let Some(sink) = sink {
                sink.progress(piece.len() as u64);
            }
            yield_now().await;
        }
        if bytes.len() as u64 != staged.len {
            return Err(wrong_body("commit", target, "it has another length"));
        }
        Ok(bytes.freeze())
    }

    /// How many uploads are begun or finished and not visible.
    pub fn staged(&self) -> usize {
        self.state().staged.len()
    }

    /// What was uploaded so far turns into other bytes, as where an upload goes on from what another wrote. Says how much
    /// it was.
    pub fn rot_staged(&self) -> usize {
        let mut state = self.state();
        let uploads = state.staged.values_mut();
        let rotten = uploads.map(|upload| {
            upload.bytes.iter_mut().for_each(|byte| *byte = !*byte);
            upload.bytes.len()
        });
        rotten.sum()
    }

    pub(super) fn drop_upload(&self, token: &ResumeToken) {
        if let Some(number) = upload_number(token) {
            self.state().staged.remove(&number);
        }
    }

    pub(super) fn own_uploads(&self) -> Vec<(ResumeToken, Timestamp)> {
        let device = self.device();
        self.state()
            .staged
            .iter()
            .filter(|(_, upload)| upload.device == device)
            .map(|(number, upload)| (ResumeToken(format!("upload:{number}")), upload.at))
            .collect()
    }
}

fn upload_number(token: &ResumeToken) -> Option<u64> {
    token.0.strip_prefix("upload:")?.parse().ok()
}

fn wrong_body(operation: &'static str, target: &RelPath, detail: &str) -> StorageError {
    StorageError::new(operation, Cause::HashMismatch, detail).at(target)
}
