//! The files of a user: each with an id that it keeps, and an ETag that rises up to the top with every change below it
//! (basic.html, "Requesting properties"; nextcloud/server lib/private/Files/Cache/Propagator.php).

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

/// A file or folder.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) id: u64,
    pub(super) etag: u64,
    /// Seconds since 1970.
    pub(super) mtime: i64,
    /// The bytes of a file; a folder has none.
    pub(super) bytes: Option<Vec<u8>>,
    /// What a client said of them: `MD5:...`.
    pub(super) checksum: Option<String>,
}

impl Node {
    /// A folder that is in no tree.
    pub(super) const fn folder_of(id: u64, mtime: i64) -> Self {
        Self {
            id,
            etag: 0,
            mtime,
            bytes: None,
            checksum: None,
        }
    }

    pub(super) const fn is_folder(&self) -> bool {
        self.bytes.is_none()
    }

    pub(super) fn len(&self) -> u64 {
        self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)
    }

    /// As a header has it, with its quotes.
    pub(super) fn tag(&self) -> String {
        format!("\"{:013x}\"", self.etag)
    }
}

/// What is written into a file.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    pub(super) mtime: Option<i64>,
    pub(super) checksum: Option<String>,
}

impl Written {
    /// What a node held.
    pub(super) fn of(node: Node) -> Self {
        Self {
            bytes: node.bytes.unwrap_or_default(),
            mtime: Some(node.mtime),
            checksum: node.checksum,
        }
    }
}

/// All of them, by their paths.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    nodes: BTreeMap<String, Node>,
    counted: u64,
    /// Paths of files that somebody holds.
    pub(super) locked: BTreeSet<String>,
}

impl Default for Tree {
    fn default() -> Self {
        let mut tree = Self {
            nodes: BTreeMap::new(),
            counted: 0x65_00_00,
            locked: BTreeSet::new(),
        };
        let top = tree.node(None, None);
        tree.nodes.insert(String::new(), top);
        tree
    }
}

/// The folder that holds `path`.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Whether `path` is `folder` or lies below it.
pub(super) fn is_within(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Tree {
    fn count(&mut self) -> u64 {
        self.counted += 1;
        self.counted
    }

    fn node(&mut self, bytes: Option<Vec<u8>>, mtime: Option<i64>) -> Node {
        Node {
            id: self.count(),
            etag: self.count(),
            mtime: mtime.unwrap_or_else(now),
            bytes,
            checksum: None,
        }
    }

    pub(super) fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// Whether there is a folder to hold `path`.
    pub(super) fn has_parent(&self, path: &str) -> bool {
        self.get(parent(path)).is_some_and(Node::is_folder)
    }

    /// What lies in a folder, not below that.
    pub(super) fn children<'a>(
        &'a self,
        folder: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Node)> {
        let all = self.nodes.iter();
        all.filter(move |(path, _)| !path.is_empty() && parent(path) == folder)
            .map(|(path, node)| (&**path, node))
    }

    /// Bytes in all.
    pub(super) fn used(&self) -> u64 {
        self.nodes.values().map(Node::len).sum()
    }

    /// Whether somebody holds `path` or anything below it.
    pub(super) fn is_locked(&self, path: &str) -> bool {
        self.locked.iter().any(|locked| is_within(locked, path))
    }

    /// Gives everything above `path` another ETag.
    fn rise(&mut self, path: &str) {
        let mut folder = path;
        while !folder.is_empty() {
            folder = parent(folder);
            let etag = self.count();
            if let Some(node) = self.nodes.get_mut(folder) {
                node.etag = etag;
                node.mtime = now();
            }
        }
    }

    pub(super) fn make_folder(&mut self, path: &str) {
        let node = self.node(None, None);
        self.nodes.insert(path.to_owned(), node);
        self.rise(path);
    }

    /// Creates or replaces a file, which keeps its id then. What is said of it holds for this content alone.
    pub(super) fn write(&mut self, path: &str, written: Written) {
        let mut node = self.node(Some(written.bytes), written.mtime);
        node.checksum = written.checksum;
        if let Some(before) = self.nodes.get(path) {
            node.id = before.id;
        }
        self.nodes.insert(path.to_owned(), node);
        self.rise(path);
    }

    /// Sets the time of a file.
    pub(super) fn touch(&mut self, path: &str, mtime: i64) {
        let etag = self.count();
        if let Some(node) = self.nodes.get_mut(path) {
            (node.mtime, node.etag) = (mtime, etag);
        }
        self.rise(path);
    }

    fn take(&mut self, path: &str) -> Vec<(String, Node)> {
        let within: Vec<String> = self
            .nodes
            .keys()
            .filter(|at| is_within(at, path))
            .cloned()
            .collect();
        within
            .into_iter()
            .filter_map(|at| self.nodes.remove_entry(&at))
            .collect()
    }

    /// Takes away what is at `path`, with all below.
    pub(super) fn take_all(&mut self, path: &str) -> Vec<(String, Node)> {
        let taken = self.take(path);
        self.rise(path);
        taken
    }

    /// Puts nodes whose paths begin at one of them to `path`, which is free. They keep their ids.
    pub(super) fn put_nodes(&mut self, path: &str, nodes: Vec<(String, Node)>) {
        for (below, node) in nodes {
            let slash = if below.is_empty() { "" } else { "/" };
            self.nodes.insert(format!("{path}{slash}{below}"), node);
        }
        self.rise(path);
    }

    /// The item of this id, and where it is.
    pub(super) fn by_id(&self, id: u64) -> Option<(&str, &Node)> {
        let mut nodes = self.nodes.iter();
        let (path, node) = nodes.find(|(_, node)| node.id == id)?;
        Some((path, node))
    }

    /// Moves what is at `from`, with all below it and every id, to `to`, which is free.
    pub(super) fn shift(&mut self, from: &str, to: &str) {
        for (path, node) in self.take(from) {
            self.nodes
                .insert(format!("{to}{}", &path[from.len()..]), node);
        }
        self.rise(from);
        self.rise(to);
    }

    /// Copies it: what comes of it has ids of its own.
    pub(super) fn copy(&mut self, from: &str, to: &str) {
        let within = self.nodes.iter().filter(|(path, _)| is_within(path, from));
        let within: Vec<_> = within
            .map(|(path, node)| (path.clone(), node.clone()))
            .collect();
        for (path, node) in within {
            let copy = Node {
                id: self.count(),
                etag: self.count(),
                ..node
            };
            self.nodes
                .insert(format!("{to}{}", &path[from.len()..]), copy);
        }
        self.rise(to);
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().cast_signed())
}
