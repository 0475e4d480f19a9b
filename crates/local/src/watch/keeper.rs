//! The thread that places watches, and the ear that turns the system's events into hints.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode};
use notify::{Config, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tandem_core::path::{Name, RelPath};

use super::news::News;
use super::orders::{Arriving, Orders};
use crate::disk::{Anchor, Disk, is_reserved};
use crate::sys::{self, Errno, Folder, SysResult, Type};

/// Places watches.
pub(super) struct Keeper {
    disk: Weak<Disk>,
    root: PathBuf,
    news: Arc<News>,
    orders: Orders,
    /// Watches it may still take.
    left: Option<u64>,
}

impl Keeper {
    pub(super) fn new(
        disk: &Arc<Disk>,
        news: Arc<News>,
        orders: Orders,
        most: Option<u64>,
    ) -> Self {
        Self {
            root: disk.path.clone(),
            disk: Arc::downgrade(disk),
            news,
            orders,
            left: most,
        }
    }

    pub(super) fn run(mut self, arriving: &Arriving) {
        let mut watcher = match self.begin() {
            Ok(watcher) => watcher,
            Err(why) => {
                self.news.start(Err(why));
                return;
            }
        };
        self.news.start(Ok(()));
        while let Some(path) = arriving.next() {
            let Some(anchor) = self.anchor() else {
                return;
            };
            let path = path.unwrap_or_else(|| {
                self.news.drop_below(&RelPath::root());
                RelPath::root()
            });
            let is_folder = match anchor.folder.open_folder(path.as_str()) {
                Ok(_) => self
                    .watch_below(&mut watcher, &anchor, path.clone())
                    .is_ok(),
                Err(_) => false,
            };
            if is_folder {
                self.news.subtree(path);
            }
        }
    }

    fn anchor(&self) -> Option<Arc<Anchor>> {
        self.disk.upgrade()?.anchor().ok()
    }

    fn begin(&mut self) -> Result<RecommendedWatcher, String> {
        let ear = Ear {
            root: self.root.clone(),
            news: self.news.clone(),
            orders: self.orders.clone(),
        };
        let config = Config::default().with_follow_symlinks(false);
        let mut watcher = RecommendedWatcher::new(move |event| ear.hear(event), config)
            .map_err(|error| error.to_string())?;
        self.news
            .cover(|coverage| coverage.available = sys::watch_limit());
        let anchor = self.anchor().ok_or("the folder cannot be opened")?;
        self.watch_below(&mut watcher, &anchor, RelPath::root())
            .map_err(|error| error.to_string())?;
        Ok(watcher)
    }

    /// Watches `top` and every folder below. Where watches run out, the subtree is polled instead; where they do not hear
    /// all, besides.
    fn watch_below(
        &mut self,
        watcher: &mut RecommendedWatcher,
        anchor: &Anchor,
        top: RelPath,
    ) -> SysResult<()> {
        let mut room = Vec::with_capacity(64 * 1024);
        let mut waiting = vec![(top, false, false)];
        while let Some((folder, polled_above, shared_above)) = waiting.pop() {
            // Before it is opened: if it goes after that, the ear hears of it and takes it out again.
            self.news.need(folder.clone());
            let opened = anchor.folder.open_folder(folder.as_str());
            if matches!(opened, Err(Errno::NOENT | Errno::NOTDIR)) {
                self.news.drop_below(&folder);
                continue;
            }
            let is_deaf = opened.as_ref().is_ok_and(|opened| !opened.hears_all());
            let shared = shared_above || is_deaf;
            let polled = polled_above || !self.watch(watcher, &folder);
            self.news.cover(|coverage| {
                if polled && !polled_above {
                    coverage.polled.insert(folder.clone());
                }
                if shared && !shared_above {
                    coverage.shared.insert(folder.clone());
                }
            });
            // Not to be read: its parent's watch tells when that changes.
            let children = opened.and_then(|opened| folders_in(&opened, &folder, &mut room));
            if let Ok(children) = children {
                waiting.extend(children.into_iter().map(|child| (child, polled, shared)));
            }
        }
        Ok(())
    }

    /// Whether `folder` is watched now, or need not be.
    fn watch(&mut self, watcher: &mut RecommendedWatcher, folder: &RelPath) -> bool {
        if self.left == Some(0) {
            return false;
        }
        let path = self.root.join(folder.as_str());
        match watcher.watch(&path, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.left = self.left.map(|left| left - 1);
                true
            }
            Err(error) => match error.kind {
                ErrorKind::PathNotFound => true,
                ErrorKind::MaxFilesWatch => {
                    // All that follow would fail the same way.
                    self.left = Some(0);
                    false
                }
                _ => {
                    tracing::debug!(%folder, %error, "a folder cannot be watched");
                    false
                }
            },
        }
    }
}

fn folders_in(opened: &Folder, folder: &RelPath, room: &mut Vec<u8>) -> SysResult<Vec<RelPath>> {
    let mut found = Vec::new();
    let mut unsure = Vec::new();
    opened.for_each_name(room, |raw, kind| {
        if let Ok(text) = raw.to_str()
            && let Ok(name) = Name::new(text)
            && !name.is_reserved()
        {
            match kind {
                Some(Type::Folder) => found.push(folder.join(&name)),
                None => unsure.push(name),
                Some(_) => {}
            }
        }
        ControlFlow::<()>::Continue(())
    })?;
    for name in unsure {
        if opened
            .stat(name.as_str())?
            .is_some_and(|stat| stat.kind == Type::Folder)
        {
            found.push(folder.join(&name));
        }
    }
    Ok(found)
}

/// Hears the system's events, on the library's own thread.
struct Ear {
    root: PathBuf,
    news: Arc<News>,
    orders: Orders,
}

impl Ear {
    fn hear(&self, event: notify::Result<Event>) {
        match event {
            Ok(event) if event.need_rescan() => self.news.look_at_all(),
            Ok(event) => {
                for path in &event.paths {
                    self.hear_path(event.kind, path);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the watch failed");
                self.news.look_at_all();
            }
        }
    }

    fn hear_path(&self, kind: EventKind, path: &Path) {
        let appeared = match kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
            // Reading, Tandem's own too, changes nothing; both ends of a rename are told one by one as well.
            EventKind::Access(_) | EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => return,
            EventKind::Create(CreateKind::File) => false,
            EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => true,
            _ => false,
        };
        let Ok(below) = path.strip_prefix(&self.root) else {
            return;
        };
        let Some(below) = below.to_str() else {
            return self.hear_unnamed(below);
        };
        let Ok(path) = RelPath::new(below) else {
            return self.news.look_at_all();
        };
        if is_reserved(&path) {
            return;
        }
        let gone = matches!(
            kind,
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From))
        );
        if gone && !path.is_root() {
            self.news.drop_below(&path);
        }
        match path.parent() {
            Some(parent) => self.news.folder(parent),
            // The root itself was moved, removed, or got another mode.
            None => self.news.look_at_all(),
        }
        if appeared && !path.is_root() {
            self.orders.appeared(path);
        }
    }

    /// A name that is not UTF-8: the deepest folder whose path is.
    fn hear_unnamed(&self, below: &Path) {
        let known = below
            .ancestors()
            .skip(1)
            .find_map(|above| above.to_str().and_then(|text| RelPath::new(text).ok()));
        match known {
            Some(folder) => self.news.folder(folder),
            None => self.news.look_at_all(),
        }
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{DataChange, Flag, MetadataKind, RemoveKind};
    use tandem_core::storage::Hint;

    use super::*;

    fn rel(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn hears(event: notify::Result<Event>) -> (Vec<Hint>, usize) {
        let news = Arc::new(News::default());
        let (orders, arriving) = Orders::new();
        let ear = Ear {
            root: PathBuf::from("/root"),
            news: news.clone(),
            orders,
        };
        ear.hear(event);
        (news.take(), arriving.waiting())
    }

    #[test]
    fn an_overflow_and_an_error_are_a_look_at_all() {
        let all = vec![Hint::Subtree(RelPath::root())];
        let overflow = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert_eq!(hears(Ok(overflow)).0, all);
        assert_eq!(hears(Err(notify::Error::generic("gone"))).0, all);
    }

    #[test]
    fn events_become_hints_at_the_folder_they_are_in() {
        let moved = |mode| EventKind::Modify(ModifyKind::Name(mode));
        let data = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let meta = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
        for (kind, path, hinted, ordered) in [
            (data, "/root/a/f", Some("a"), 0),
            (meta, "/root/f", Some(""), 0),
            (
                EventKind::Create(CreateKind::Folder),
                "/root/a/d",
                Some("a"),
                1,
            ),
            (
                EventKind::Create(CreateKind::File),
                "/root/a/f",
                Some("a"),
                0,
            ),
            (moved(RenameMode::To), "/root/a/d", Some("a"), 1),
            (moved(RenameMode::From), "/root/a/d", Some("a"), 0),
            (moved(RenameMode::Both), "/root/a/d", None, 0),
            (
                EventKind::Access(AccessKind::Open(AccessMode::Any)),
                "/root/a/f",
                None,
                0,
            ),
            (data, "/root/a/.tandem-staged-0", None, 0),
            (data, "/root/a/.tandem/root", None, 0),
            (data, "/elsewhere", None, 0),
        ] {
            let (hints, orders) = hears(Ok(Event::new(kind).add_path(path.into())));
            let expected: Vec<Hint> = hinted.map(|f| Hint::Folder(rel(f))).into_iter().collect();
            assert_eq!((hints, orders), (expected, ordered), "{kind:?} {path}");
        }
        let gone = Event::new(EventKind::Remove(RemoveKind::Folder)).add_path("/root".into());
        assert_eq!(hears(Ok(gone)).0, [Hint::Subtree(RelPath::root())]);
    }
}
