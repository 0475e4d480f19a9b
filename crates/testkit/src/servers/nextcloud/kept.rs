//! What the server keeps: the trash bin (trashbin.html) and older versions of files (versions.html; the source of
//! nextcloud/server, apps/files_trashbin and apps/files_versions).

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::files::content;
use super::multistatus::{Shown, multistatus};
use super::request::Request;
use super::tree::{Node, Tree, parent};
use super::{State, done, refusal};
use crate::servers::message::Message;

/// Answers, or the refusal that ends a request early.
type Answer = Result<Message, Message>;

/// What was deleted, under the names that the bin gives it.
#[derive(Debug, Default)]
pub(super) struct Trash(BTreeMap<String, Trashed>);

/// A file, or a folder with all below: paths begin at the item.
#[derive(Debug)]
struct Trashed {
    was_at: String,
    deleted: i64,
    nodes: Vec<(String, Node)>,
}

/// Older versions of files, by their ids and then by the time from which each was.
pub(super) type Versions = BTreeMap<u64, BTreeMap<i64, Node>>;

impl State {
    /// Takes what is at `path` into the bin. Two of one name and second get a later one each.
    pub(super) fn bin(&mut self, path: &str) {
        let nodes = self.tree.take_from(path);
        let name = path.rsplit('/').next().unwrap_or_default();
        let mut deleted = now();
        while self.trash.0.contains_key(&format!("{name}.d{deleted}")) {
            deleted += 1;
        }
        let trashed = Trashed {
            was_at: path.to_owned(),
            deleted,
            nodes,
        };
        self.trash.0.insert(format!("{name}.d{deleted}"), trashed);
    }

    pub(super) fn trash(&mut self, request: &Request<'_>) -> Answer {
        let (top, below) = request.path.split_once('/').unwrap_or((&request.path, ""));
        if top != "trash" {
            return Err(refusal(404, "File not found: not in the trash bin"));
        }
        let missing = || refusal(404, "There is no such item in the trash bin");
        let (name, within) = below.split_once('/').unwrap_or((below, ""));
        match (request.method, name) {
            ("PROPFIND", "") => Ok(self.list_trash(request)),
            ("DELETE", "") => {
                self.trash.0.clear();
                Ok(done(204))
            }
            ("PROPFIND", _) => {
                let one = self.trash.0.get(name).ok_or_else(missing)?;
                let shown = one.shown(name, within).ok_or_else(missing)?;
                Ok(multistatus(request, [shown].into_iter(), 0, None))
            }
            ("GET" | "HEAD", _) => {
                let one = self.trash.0.get(name).ok_or_else(missing)?;
                let shown = one.shown(name, within).ok_or_else(missing)?;
                content(request, shown.node)
            }
            ("DELETE", _) => {
                self.trash.0.remove(name).ok_or_else(missing)?;
                Ok(done(204))
            }
            ("MOVE", _) => self.restore(request, name),
            _ => Err(refusal(
                403,
                "Permission denied to do that in the trash bin",
            )),
        }
    }

    fn list_trash(&self, request: &Request<'_>) -> Message {
        let own = Node::folder_of(0, 0);
        let top = Shown::of("trash".to_owned(), &own);
        let items = self.trash.0.iter();
        let items = items.filter_map(|(name, one)| one.shown(name, ""));
        let all: Vec<_> = std::iter::once(top).chain(items).collect();
        multistatus(request, all.into_iter(), 0, None)
    }

    /// Back to where it was, wherever in the restore folder it is moved to; to the top if the folder is gone, and under
    /// another name if its own is taken (apps/files_trashbin/lib/Trashbin.php, restore).
    fn restore(&mut self, request: &Request<'_>, name: &str) -> Answer {
        let is_restore = request
            .header("destination")
            .is_some_and(|to| to.contains("/trashbin/") && to.contains("/restore/"));
        if !is_restore {
            return Err(refusal(403, "It can be moved into the restore folder only"));
        }
        let gone = || refusal(404, "There is no such item in the trash bin");
        let trashed = self.trash.0.remove(name).ok_or_else(gone)?;
        let own = trashed.was_at.rsplit('/').next().unwrap_or_default();
        let folder = parent(&trashed.was_at);
        let is_there = self.tree.has_parent(&trashed.was_at);
        let folder = if is_there { folder } else { "" };
        let at = |name: &str| match folder {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        };
        let mut to = at(own);
        if self.tree.get(&to).is_some() {
            to = at(&format!("{own} (restored)"));
        }
        self.tree.put_nodes(&to, trashed.nodes);
        Ok(done(201))
    }

    /// Versions of one file: a folder named by its id, and in it one for each time.
    pub(super) fn versions(&mut self, request: &Request<'_>) -> Answer {
        let missing = || refusal(404, "There is no such version");
        let mut names = request.path.split('/');
        let (Some("versions"), Some(id)) = (names.next(), names.next()) else {
            return Err(missing());
        };
        let id: u64 = id.parse().map_err(|_| missing())?;
        let (path, now) = self.tree.by_id(id).ok_or_else(missing)?;
        let (path, now) = (path.to_owned(), now.clone());
        let mut all = self.versions.get(&id).cloned().unwrap_or_default();
        // What it holds now is one of them (apps/files_versions, LegacyVersionsBackend, since version 26).
        all.entry(now.mtime).or_insert(now);
        let Some(revision) = names.next() else {
            let own = Node::folder_of(0, 0);
            let top = Shown::of(format!("versions/{id}"), &own);
            let each = all
                .iter()
                .map(|(at, node)| Shown::of(format!("versions/{id}/{at}"), node));
            let all: Vec<_> = std::iter::once(top).chain(each).collect();
            return Ok(multistatus(request, all.into_iter(), 0, None));
        };
        let at: i64 = revision.parse().map_err(|_| missing())?;
        let node = all.get(&at).ok_or_else(missing)?;
        match request.method {
            "PROPFIND" => {
                let shown = Shown::of(format!("versions/{id}/{at}"), node);
                Ok(multistatus(request, [shown].into_iter(), 0, None))
            }
            "GET" | "HEAD" => content(request, node),
            "DELETE" => {
                let kept = self.versions.get_mut(&id);
                kept.and_then(|kept| kept.remove(&at)).ok_or_else(missing)?;
                Ok(done(204))
            }
            "MOVE" => {
                let node = node.clone();
                self.keep_version(&path);
                self.tree.write(&path, super::tree::Written::of(node));
                Ok(done(201))
            }
            _ => Err(refusal(403, "Permission denied to do that with a version")),
        }
    }

    /// Keeps what a file holds, before it holds something else.
    pub(super) fn keep_version(&mut self, path: &str) {
        if let Some(node) = self.tree.get(path).filter(|node| !node.is_folder()) {
            let of_file = self.versions.entry(node.id).or_default();
            of_file.insert(node.mtime, node.clone());
        }
    }
}

impl Trashed {
    fn shown(&self, name: &str, within: &str) -> Option<Shown<'_>> {
        let (_, node) = self.nodes.iter().find(|(path, _)| path == within)?;
        let below = if within.is_empty() { "" } else { "/" };
        let mut shown = Shown::of(format!("trash/{name}{below}{within}"), node);
        shown.trashed = Some((&self.was_at, self.deleted));
        Some(shown)
    }
}

impl Tree {
    /// Takes away what is at `path` with all below; paths begin there.
    fn take_from(&mut self, path: &str) -> Vec<(String, Node)> {
        let nodes = self.take_all(path);
        let below = |at: String| at[path.len()..].trim_start_matches('/').to_owned();
        nodes
            .into_iter()
            .map(|(at, node)| (below(at), node))
            .collect()
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().cast_signed())
}
