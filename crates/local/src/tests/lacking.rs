//! File systems that lack a call, or keep coarse times: found out by trying, and served all the same.

use std::path::{Path, PathBuf};
use std::process::Command;

use tandem_core::error::Cause;
use tandem_core::storage::{Expected, Keep, Root};
use tandem_testkit::real_time::real_time;

use super::support::{
    Bench, at, cause, collect, fail_at, is_superuser, key, once_at, rel, version,
};
use crate::disk::Moment;
use crate::sys::Errno;
use crate::{LocalStorage, Options};

fn lacking() -> Bench {
    let bench = Bench::new();
    let anchor = bench.root.disk().anchor().unwrap();
    anchor.folder.pretend_to_lack();
    bench
}

#[tokio::test]
async fn a_call_that_is_refused_is_done_in_another_way_and_not_tried_again() {
    let bench = lacking();
    let folder = &bench.root.disk().anchor().unwrap().folder;
    assert!(folder.can_exchange() && folder.can_spare());
    bench
        .write("new", "x", Expected::Absent, Keep::No)
        .await
        .unwrap();
    bench.put("file", "old");
    let seen = bench.expect("file").await;
    let done = bench.write("file", "ours", seen, version("1", "file"));
    let done = done.await.unwrap();
    assert_eq!(bench.text("file").unwrap(), "ours");
    let read = bench.root.read_version(&done.kept.unwrap(), 0, 9).await;
    assert_eq!(collect(read).await.unwrap(), b"old");
    assert!(!folder.can_exchange() && !folder.can_spare());
    bench.root.settle().await.unwrap();
    assert!(bench.own_names("").is_empty());
}

/// The first move on such a disk shows what it lacks; what an editor saves meanwhile must outlive that too.
#[tokio::test]
async fn the_first_move_of_a_file_too_spares_what_was_saved_meanwhile() {
    let bench = lacking();
    bench.put("file", "old");
    let seen = bench.expect("file").await;
    let (saved, path) = (bench.path("saved"), bench.path("file"));
    once_at(&bench.root, Moment::BeforeTake, move || {
        std::fs::write(&saved, "edited").unwrap();
        std::fs::rename(&saved, path).unwrap();
    });
    let (from, to) = (at("file"), rel("moved"));
    let moved = bench
        .root
        .move_to(&from, &seen, &to, &Expected::Absent, &Keep::No);
    assert_eq!(cause(moved.await), Cause::PreconditionFailed);
    assert_eq!(bench.text("file").unwrap(), "edited");
    assert!(bench.text("moved").is_none());

    let seen = bench.expect("file").await;
    let moved = bench
        .root
        .move_to(&from, &seen, &to, &Expected::Absent, &Keep::No);
    moved.await.unwrap();
    assert_eq!(bench.text("moved").unwrap(), "edited");
    assert!(!bench.root.disk().anchor().unwrap().folder.can_spare());
}

#[tokio::test]
async fn a_link_is_kept_without_a_second_name() {
    let bench = lacking();
    std::os::unix::fs::symlink("to", bench.path("link")).unwrap();
    super::support::next_tick();
    let seen = bench.expect("link").await;
    let done = bench
        .write("link", "ours", seen, version("1", "link"))
        .await;
    let done = done.unwrap();
    assert_eq!((done.kept, done.displaced), (Some(key("1", "link")), None));
    bench.root.settle().await.unwrap();
    assert!(bench.root.written_since().is_empty());
    bench.root.prune_version(&key("1", "link")).await.unwrap();
    assert!(bench.root.versions(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_copy_that_cannot_be_made_leaves_nothing_and_nothing_is_replaced() {
    for (moment, error, told) in [
        (Moment::BeforeCopy, Errno::NOSPC, Cause::Quota),
        (Moment::AfterCopy, Errno::IO, Cause::LocalIo),
    ] {
        let bench = lacking();
        bench.put("file", "old");
        let seen = bench.expect("file").await;
        let staged = bench.stage("file", "ours", &Default::default()).await;
        fail_at(&bench.root, moment, error);
        let staged = staged.unwrap();
        let token = staged.token.clone();
        let done = bench.commit(staged, seen, version("1", "file")).await;
        assert_eq!(cause(done), told);
        assert_eq!(bench.text("file").unwrap(), "old");
        bench.root.discard(&token).await.unwrap();
        assert!(bench.own_names("").is_empty());
        assert!(bench.root.versions(None).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_copied_aside_is_copied_again() {
    let bench = lacking();
    bench.put("file", "old");
    let seen = bench.expect("file").await;
    let path = bench.path("file");
    once_at(&bench.root, Moment::AfterCopy, move || {
        super::support::next_tick();
        std::fs::write(path, "edited").unwrap();
    });
    let done = bench
        .write("file", "ours", seen, version("1", "file"))
        .await;
    assert_eq!(cause(done), Cause::PreconditionFailed);
    assert_eq!(bench.text("file").unwrap(), "edited");
    assert!(
        bench
            .own_names("")
            .iter()
            .all(|name| !name.ends_with("-aside"))
    );
}

#[tokio::test]
async fn what_a_folder_may_not_do_is_no_lack_of_the_disk() {
    let bench = Bench::new();
    bench.put("folder/file", "x");
    let folder = &bench.root.disk().anchor().unwrap().folder;
    let inside = folder.open_folder("folder").unwrap();
    assert!(folder.rename_if_free("folder", &inside, "itself").is_err());
    assert!(folder.can_spare());
}

/// Something mounted for as long as this lives.
struct Mounted(
    PathBuf,
    #[expect(dead_code, reason = "it goes with this")] tempfile::TempDir,
);

impl Mounted {
    /// `None` where that cannot be done.
    fn new(arguments: impl FnOnce(&Path) -> Option<Vec<String>>) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("mounted");
        std::fs::create_dir(&at).unwrap();
        if !is_superuser() {
            return None;
        }
        let arguments = arguments(folder.path())?;
        let mounted = Command::new("mount").args(arguments).arg(&at).output();
        mounted.ok()?.status.success().then_some(Self(at, folder))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// A file system that is on no list: it can exchange names, and so they are exchanged.
#[tokio::test]
async fn what_an_unknown_file_system_can_do_is_used() {
    let Some(mounted) = Mounted::new(|_| Some(words("-t ramfs tandem-test"))) else {
        return;
    };
    let storage = LocalStorage::new(Options::default(), None, real_time());
    let root = storage.open_root(mounted.0.to_str().unwrap()).unwrap();
    std::fs::write(mounted.0.join("file"), "old").unwrap();
    let entry = root.stat(&at("file")).await.unwrap().unwrap();
    let staged = root
        .stage(
            &rel("file"),
            super::support::bytes("ours"),
            &Default::default(),
            None,
            super::support::Ear::new(),
        )
        .await
        .unwrap();
    // At the instant of the exchange both names are taken; before a plain rename the old file has two.
    let path = mounted.0.clone();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(0));
    let links = seen.clone();
    once_at(&root, Moment::AfterSwap, move || {
        use std::os::unix::fs::MetadataExt;
        let names = std::fs::read_dir(path).unwrap().flatten();
        let aside = names.filter(|name| name.file_name().to_string_lossy().ends_with("-aside"));
        let found = aside.map(|name| name.metadata().unwrap().ino()).next();
        *links.lock().unwrap() = found.unwrap_or_default();
    });
    let commit = super::support::member(
        staged,
        Expected::Revision(entry.revision),
        Keep::Version(key("1", "file")),
    );
    root.commit(vec![commit]).await.remove(0).unwrap();
    let folder = &root.disk().anchor().unwrap().folder;
    assert!(folder.can_exchange() && folder.can_spare());
    assert_ne!(*seen.lock().unwrap(), 0);
    root.settle().await.unwrap();
}

/// A volume with small inodes has room for whole seconds only.
#[tokio::test]
async fn coarse_times_are_declared() {
    let made = Mounted::new(|folder| {
        let image = folder.join("image");
        std::fs::File::create(&image).ok()?.set_len(2 << 20).ok()?;
        let made = Command::new("mkfs.ext4")
            .args(["-q", "-t", "ext2", "-I", "128"])
            .arg(&image)
            .output();
        let made = made.ok()?.status.success();
        made.then(|| vec!["-o".into(), "loop".into(), image.to_str().unwrap().into()])
    });
    let Some(mounted) = made else { return };
    let storage = LocalStorage::new(Options::default(), None, real_time());
    let path = mounted.0.to_str().unwrap();
    let root = storage.open_root(path).unwrap();
    let capabilities = root.capabilities();
    assert_eq!(capabilities.revision_granularity, 1_000_000_000);
    assert_eq!(capabilities.mtime_precision, 1_000_000_000);
    let tested = tandem_core::storage::Storage::validate(&storage, path, &|_| ()).await;
    let found = tested.capabilities.unwrap();
    assert_eq!(found.revision_granularity, 1_000_000_000);
    assert_eq!(found.mtime_precision, 1_000_000_000);

    let bench = Bench::new();
    assert_eq!(bench.root.capabilities().revision_granularity, 10_000_000);
    assert_eq!(bench.root.capabilities().mtime_precision, 1);
}
