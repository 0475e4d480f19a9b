//! Writing one file or link at once, outside the groups of a plan.

use std::sync::{Arc, Mutex, PoisonError};

use tandem_core::content::SharedContent;
use tandem_core::error::{Cause, Result as Answer, StorageError};
use tandem_core::path::RelPath;
use tandem_core::side::Side;
use tandem_core::storage::{
    Commit, Committed, Expected, Keep, Meta, ResumeSink, ResumeToken, Root,
};

use crate::engine::Engine;

/// Where the staged content lies. What is cut short is begun anew, and nobody waits for progress.
#[derive(Default)]
struct Upload(Mutex<Option<ResumeToken>>);

impl ResumeSink for Upload {
    fn store(&self, token: &ResumeToken) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
    }

    fn progress(&self, _: u64) {}
}

impl Upload {
    fn token(&self) -> Option<ResumeToken> {
        let token = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        token.clone()
    }
}

impl Engine {
    /// Writes content to a place that must be as `expected` says. If that fails, what was staged is thrown away.
    pub(crate) async fn write_one(
        &self,
        side: Side,
        path: &RelPath,
        (content, meta): (SharedContent, &Meta),
        (expected, keep): (Expected, Keep),
    ) -> Answer<Committed> {
        let root = self.root(side);
        let upload = Arc::new(Upload::default());
        let sink: Arc<dyn ResumeSink> = Arc::<Upload>::clone(&upload);
        let staging = root.stage(path, content, meta, None, Arc::clone(&sink));
        let staged = match staging.await {
            Ok(staged) => staged,
            Err(error) => {
                throw_away(root, upload.token().as_ref()).await;
                return Err(error);
            }
        };
        let token = staged.token.clone();
        let commit = Commit {
            staged,
            expected,
            keep,
            sink: Some(sink),
        };
        let answer = root.commit(vec![commit]).await.pop();
        let answer = answer.unwrap_or_else(|| Err(no_answer()));
        if answer.is_err() {
            throw_away(root, Some(&token)).await;
        }
        answer
    }
}

async fn throw_away(root: &Arc<dyn Root>, token: Option<&ResumeToken>) {
    if let Some(token) = token
        && let Err(error) = root.discard(token).await
    {
        tracing::warn!(%error, "what was staged could not be thrown away");
    }
}

/// What a member of a group came to that the storage left out of its answer.
pub(crate) fn no_answer() -> StorageError {
    let why = "no answer for a member";
    StorageError::new("commit", Cause::BadResponse, why)
}
