//! The oracle's ear at the edge of one side. Invariant: what people do is told apart from what Tandem does;
//! what Tandem does is told only where it takes content away, and where it makes content visible, which may be a
//! merge.

use bytes::Bytes;
use tandem_core::path::RelPath;

use super::{How, Oracle};
use crate::sim::Blob;

/// Tells an [`Oracle`] what people do on one side.
#[derive(Debug, Clone)]
pub(crate) struct Witness {
    oracle: Oracle,
    side: usize,
}

impl Witness {
    pub(crate) const fn new(oracle: Oracle, side: usize) -> Self {
        Self { oracle, side }
    }

    /// `content` as a person is to write it.
    pub(crate) fn sized(&self, content: &Bytes, added: usize) -> Bytes {
        self.oracle.lineage().sized(content, added)
    }

    /// A person wrote `content` at `path`, where `old` was visible.
    pub(crate) fn wrote(
        &self,
        path: &RelPath,
        old: Option<(&Blob, Option<[u8; 32]>)>,
        content: &Blob,
    ) {
        let mut lineage = self.oracle.lineage();
        if let Some((old, sent)) = old {
            if old.hash() == content.hash() {
                return;
            }
            lineage.superseded((self.side, "replaced"), path, old.hash(), sent);
        }
        lineage.wrote(self.side, path, content);
    }

    /// A person deleted `old` at `path`, or moved something over it.
    pub(crate) fn removed(&self, path: &RelPath, old: &Blob, sent: Option<[u8; 32]>) {
        let act = (self.side, "removed");
        self.oracle
            .lineage()
            .superseded(act, path, old.hash(), sent);
    }

    /// A person moved `content`.
    pub(crate) fn moved(
        &self,
        from: &RelPath,
        to: &RelPath,
        content: &Blob,
        sent: Option<[u8; 32]>,
    ) {
        let mut lineage = self.oracle.lineage();
        lineage.moved(self.side, from, to, content.hash(), sent);
    }

    /// A person wrote `content` into what was set aside of `path`, which was `old`.
    pub(crate) fn wrote_aside(
        &self,
        path: &RelPath,
        old: (&Blob, Option<[u8; 32]>),
        content: &Blob,
    ) {
        let mut lineage = self.oracle.lineage();
        lineage.superseded((self.side, "written over"), path, old.0.hash(), old.1);
        lineage.wrote_aside(self.side, path, content);
    }

    /// Tandem took, as `how` says, what it expected at `path`, or what was set aside of it.
    pub(crate) fn took(&self, how: How, path: &RelPath, content: &Blob, sent: Option<[u8; 32]>) {
        let mut lineage = self.oracle.lineage();
        lineage.took((self.side, how), path, content.hash(), sent);
    }

    /// The storage set `content` aside, which Tandem had not expected at `path`.
    pub(crate) fn displaced(&self, path: &RelPath, content: &Blob, sent: Option<[u8; 32]>) {
        let mut lineage = self.oracle.lineage();
        lineage.displaced(self.side, path, content.hash(), sent);
    }

    /// The storage made `stored` of what it was sent.
    pub(crate) fn arrived(&self, stored: &Blob, sent: [u8; 32]) {
        self.oracle.lineage().arrived(stored, sent);
    }

    /// The storage shows `part` of what is being written, as it says that it may.
    pub(crate) fn showed_part(&self, part: &Blob) {
        self.oracle.lineage().showed_part(part);
    }

    /// Tandem made `content` visible.
    pub(crate) fn put(&self, content: &Blob) {
        self.oracle.lineage().put(content);
    }

    /// `content` is lost in a window that the storage documents.
    pub(crate) fn excused(&self, content: &Blob, sent: Option<[u8; 32]>, why: &'static str) {
        self.oracle.lineage().excuse(content.hash(), sent, why);
    }
}
