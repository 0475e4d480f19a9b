//! Commits and deletes as the faults do them.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use tandem_core::content::BytesContent;
use tandem_core::entry::Entry;
use tandem_core::error::Result;
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Commit, Committed, Depth, Displaced, Expected, Keep, Listed, Meta, Unheard, VersionKey,
};

use super::{Broken, Fault, bodies};

impl Broken {
    /// Whether the expectation holds just now.
    async fn holds(&self, path: &RelPath, expected: &Expected) -> Result<bool> {
        let found = self.inner.stat(&path.clone().into()).await?;
        Ok(match (expected, found) {
            (Expected::Any, _) | (Expected::Absent, None) => true,
            (Expected::Revision(revision), Some(entry)) => entry.revision == *revision,
            _ => false,
        })
    }

    pub(super) async fn everything_below(&self, folder: &RelPath) -> Result<Vec<(RelPath, Entry)>> {
        let mut listing = self.inner.list(folder, Depth::Subtree);
        let mut all = Vec::new();
        while let Some(listed) = listing.next().await {
            if let Listed::Folder(listing) = listed? {
                for entry in listing.entries {
                    all.push((listing.folder.join(&entry.name), entry));
                }
            }
        }
        all.sort_by_key(|(path, _)| std::cmp::Reverse(path.depth()));
        Ok(all)
    }

    pub(super) async fn put(
        &self,
        target: &RelPath,
        bytes: Bytes,
        expected: Expected,
    ) -> Result<()> {
        let (content, meta) = (Arc::new(BytesContent(bytes)), Meta::default());
        let sink = Arc::new(Unheard);
        let staged = self.inner.stage(target, content, &meta, None, sink).await?;
        let member = Commit {
            staged,
            expected,
            keep: Keep::No,
            sink: None,
        };
        let mut answers = self.inner.commit(vec![member]).await;
        answers.remove(0).map(drop)
    }

    /// One member, committed as this fault does it.
    pub(super) async fn commit_one(&self, mut member: Commit) -> Result<Committed> {
        let target = member.staged.target.clone();
        let expected = member.expected.clone();
        match (self.fault, &expected) {
            (Fault::CreatesOverAnything, Expected::Absent)
            | (Fault::ReplacesAnything, Expected::Revision(_)) => member.expected = Expected::Any,
            (Fault::ChecksTooEarly, _) if self.holds(&target, &expected).await? => {
                bodies::pause().await;
                member.expected = Expected::Any;
            }
            (Fault::LosesDisplaced, Expected::Revision(_)) => member.expected = Expected::Any,
            (Fault::ForgetsKept, _) => member.keep = Keep::No,
            (Fault::CoarseRevisions, Expected::Revision(_)) => {
                let found = self.inner.stat(&target.clone().into()).await?;
                if let Some(entry) = found {
                    let real = Expected::Revision(entry.revision.clone());
                    if expected == Expected::Revision(self.shown(entry).revision) {
                        member.expected = real;
                    }
                }
            }
            (Fault::ShowsHalf, _) if self.holds(&target, &expected).await? => {
                let sent = self.sent.lock().expect("not poisoned").clone();
                let bytes = sent
                    .into_iter()
                    .find(|(token, _)| *token == member.staged.token);
                if let Some((_, bytes)) = bytes {
                    let half = bytes.slice(..bytes.len() / 2);
                    self.put(&target, half, Expected::Any).await?;
                    bodies::pause().await;
                }
                member.expected = Expected::Any;
            }
            _ => {}
        }
        let raced = !self.holds(&target, &expected).await?;
        let kept = member.keep.clone();
        let mut answers = self.inner.commit(vec![member]).await;
        let mut done = self.done(answers.remove(0))?;
        if self.has(Fault::LosesDisplaced) && raced {
            done.displaced = Some(Displaced {
                entry: None,
                version: VersionKey::Native {
                    path: target,
                    id: "lost".into(),
                },
            });
        }
        if let (Fault::ForgetsKept, Keep::Version(key)) = (self.fault, kept) {
            done.kept = Some(key);
        }
        Ok(done)
    }
}
