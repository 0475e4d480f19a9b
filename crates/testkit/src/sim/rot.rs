//! Content that changes although nobody writes it, as disks and services do in time.

use bytes::Bytes;
use tandem_core::path::RelPath;

use super::blob::Blob;
use super::storage::SimStorage;

impl SimStorage {
    /// The bytes of the file at `path` turn into others of the same length; its revision, time and all else
    /// stay. Says whether there is such a file.
    pub fn rot(&self, path: &RelPath, content: Bytes) -> bool {
        let mut state = self.state();
        let file = state
            .tree
            .at(path)
            .into_iter()
            .find(|serial| state.is_file(*serial));
        match file.and_then(|serial| state.tree.get_mut(serial)) {
            Some(node) if node.body.blob.size() == content.len() as u64 => {
                node.body.blob = Blob::new(content);
                true
            }
            _ => false,
        }
    }
}
