//! A nested mount that is gone is unknown, not empty (P10). Mounting needs the superuser; without, these
//! tests have nothing to show, and say so.

use std::path::{Path, PathBuf};
use std::process::Command;

use tandem_core::error::Cause;
use tandem_core::storage::{Depth, Expected, Keep, Root, Skip};

use super::support::{
    Bench, Since, at, cause, is_superuser, list, next_tick, once_at, rel, skipped, version,
};
use crate::disk::Moment;
use crate::sys;

/// A memory file system mounted for as long as this lives.
struct Mounted(PathBuf);

impl Mounted {
    fn at(path: PathBuf) -> Option<Self> {
        Self::by(&["-t", "tmpfs", "-o", "size=1m", "tandem-test"], path)
    }

    /// The folder `from`, mounted once more.
    fn bound(from: &Path, path: PathBuf) -> Option<Self> {
        Self::by(&["--bind", from.to_str().unwrap()], path)
    }

    fn by(how: &[&str], path: PathBuf) -> Option<Self> {
        if !is_superuser() {
            skipped("only the superuser mounts");
            return None;
        }
        std::fs::create_dir_all(&path).unwrap();
        let mounted = Command::new("mount").args(how).arg(&path).output().unwrap();
        if mounted.status.success() {
            return Some(Self(path));
        }
        skipped(&String::from_utf8_lossy(&mounted.stderr));
        None
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[tokio::test]
async fn a_mount_that_is_gone_is_listed_as_gone_even_after_a_restart() {
    let bench = Bench::new();
    bench.root.identity(true).await.unwrap();
    let Some(mount) = Mounted::at(bench.path("a/stick")) else {
        return;
    };
    bench.put("a/stick/photo", "x");
    let since = Since::now();
    let seen = list(&bench.root, "", Depth::Subtree).await.unwrap();
    assert!(seen.entries.contains_key("a/stick/photo"));
    since.assert_flushed(&bench, &[LIST, ".tandem"]);
    drop(mount);

    for root in [bench.root.clone(), bench.reopened()] {
        let seen = list(&root, "", Depth::Subtree).await.unwrap();
        assert!(!seen.entries.contains_key("a/stick"));
        assert_eq!(seen.skipped.len(), 1);
        assert_eq!(
            (seen.skipped[0].shown.as_str(), seen.skipped[0].why),
            ("stick", Skip::MountGone)
        );
        let below = list(&root, "a/stick", Depth::Subtree).await.unwrap();
        assert_eq!(below.unreadable[0].why, Skip::MountGone);
        // Neither absent nor a place to write to.
        assert_eq!(cause(root.stat(&at("a/stick/photo")).await), Cause::Offline);
        assert_eq!(
            cause(root.create_folder(&rel("a/stick/new")).await),
            Cause::Offline
        );
    }
    // Even with the mount point gone, and with something lying under it.
    std::fs::remove_dir(bench.path("a/stick")).unwrap();
    let seen = list(&bench.root, "a", Depth::Children).await.unwrap();
    assert_eq!(seen.skipped[0].why, Skip::MountGone);
    bench.put("a/stick/NOT-MOUNTED", "x");
    let seen = list(&bench.root, "a", Depth::Children).await.unwrap();
    assert_eq!(seen.skipped[0].why, Skip::MountGone);

    // A person gives it up by taking it out of the list.
    bench.put(LIST, r#"{"schema":1,"mounts":[]}"#);
    for root in [bench.root.clone(), bench.reopened()] {
        root.identity(false).await.unwrap();
        let seen = list(&root, "", Depth::Subtree).await.unwrap();
        assert!(seen.entries.contains_key("a/stick/NOT-MOUNTED") && seen.skipped.is_empty());
    }
}

const LIST: &str = ".tandem/mounts.json";

/// Such a mount has the device of its parent.
#[tokio::test]
async fn a_folder_mounted_once_more_is_a_mount_too() {
    let bench = Bench::new();
    bench.root.identity(true).await.unwrap();
    std::fs::write(bench.outside("photo"), "x").unwrap();
    let Some(mount) = Mounted::bound(&bench.outside(""), bench.path("a/bound")) else {
        return;
    };
    let seen = list(&bench.root, "", Depth::Subtree).await.unwrap();
    assert!(seen.entries.contains_key("a/bound/photo"));
    bench
        .root
        .stat(&at("a/bound/photo"))
        .await
        .unwrap()
        .unwrap();
    drop(mount);
    for root in [bench.root.clone(), bench.reopened()] {
        let seen = list(&root, "", Depth::Subtree).await.unwrap();
        assert!(!seen.entries.contains_key("a/bound"));
        assert_eq!(seen.skipped[0].why, Skip::MountGone);
        assert_eq!(cause(root.stat(&at("a/bound/photo")).await), Cause::Offline);
    }
}

#[tokio::test]
async fn another_disk_at_the_place_of_one_is_not_taken_for_it() {
    let bench = Bench::new();
    bench.root.identity(true).await.unwrap();
    let path = bench.path("a/stick");
    let Some(first) = Mounted::at(path.clone()) else {
        return;
    };
    let volume = |path| {
        let folder = sys::Folder::open_root(path, sys::Features::ALL).unwrap();
        sys::volume(&folder)
    };
    let was = volume(&path);
    bench.put("a/stick/photo", "x");
    list(&bench.root, "", Depth::Subtree).await.unwrap();
    drop(first);
    let _second = Mounted::at(path.clone()).unwrap();
    if was.is_none() || was == volume(&path) {
        return skipped("before Linux 5.19 memory has no name");
    }
    bench.put("a/stick/other", "x");
    for root in [bench.root.clone(), bench.reopened()] {
        let seen = list(&root, "", Depth::Subtree).await.unwrap();
        assert!(!seen.entries.contains_key("a/stick"));
        assert_eq!(seen.skipped[0].why, Skip::MountGone);
        assert_eq!(cause(root.stat(&at("a/stick/photo")).await), Cause::Offline);
        assert_eq!(
            cause(root.create_folder(&rel("a/stick/new")).await),
            Cause::Offline
        );
    }
    // Taken out of the list, the one that is there now is the one that is known.
    bench.put(LIST, r#"{"schema":1,"mounts":[]}"#);
    bench.root.identity(false).await.unwrap();
    for root in [bench.root.clone(), bench.reopened()] {
        let seen = list(&root, "", Depth::Subtree).await.unwrap();
        assert!(seen.entries.contains_key("a/stick/other"));
        root.stat(&at("a/stick/other")).await.unwrap().unwrap();
    }
}

/// What cannot be read may name every folder below.
#[tokio::test]
async fn where_the_list_of_mounts_cannot_be_read_nothing_is_listed_or_touched() {
    let bench = Bench::new();
    bench.root.identity(true).await.unwrap();
    bench.put("a/file", "x");
    bench.put(LIST, r#"{"schema":1,"mou"#);
    let root = bench.reopened();
    for _ in 0..2 {
        assert_eq!(cause(list(&root, "", Depth::Subtree).await), Cause::LocalIo);
        assert_eq!(cause(root.stat(&at("a/file")).await), Cause::LocalIo);
        let folder = root.create_folder(&rel("a/new")).await;
        assert_eq!(cause(folder), Cause::LocalIo);
        root.identity(false).await.unwrap();
    }
    assert_eq!(bench.text(LIST).unwrap(), r#"{"schema":1,"mou"#);
    bench.put(LIST, r#"{"schema":1,"mounts":["a"]}"#);
    let seen = list(&root, "", Depth::Subtree).await.unwrap();
    assert_eq!(seen.skipped[0].why, Skip::MountGone);
}

#[tokio::test]
async fn files_on_a_nested_mount_are_replaced_kept_and_flushed_like_others() {
    let bench = Bench::new();
    let Some(_mount) = Mounted::at(bench.path("stick")) else {
        return;
    };
    bench.put("stick/file", "old");
    bench.put("mine", "x");
    let seen = bench.expect("stick/file").await;
    let keep = version("1", "stick/file");
    let since = Since::now();
    let done = bench.write("stick/file", "new", seen, keep).await.unwrap();
    let kept = done.kept.unwrap();
    let lies = kept.kept_path().unwrap();
    let (folder, _) = lies.rsplit_once('/').unwrap();
    since.assert_flushed(&bench, &[&lies, folder]);
    let read = bench.root.read_version(&kept, 0, 9).await;
    assert_eq!(super::support::collect(read).await.unwrap(), b"old");
    bench.root.settle().await.unwrap();
    let seen = bench.expect("mine").await;
    let across = bench
        .root
        .move_to(
            &at("mine"),
            &seen,
            &rel("stick/mine"),
            &Expected::Absent,
            &Keep::No,
        )
        .await;
    assert_eq!(cause(across), Cause::Unsupported);
    assert_eq!(bench.text("mine").unwrap(), "x");
}

#[tokio::test]
async fn what_is_written_while_a_version_is_copied_off_a_nested_mount_is_kept_too() {
    use std::os::unix::fs::{FileExt, PermissionsExt};
    for (size, mode) in [("the same", 0o640), ("longer than it was", 0o600)] {
        let bench = Bench::new();
        let Some(_mount) = Mounted::at(bench.path("stick")) else {
            return;
        };
        bench.put("stick/file", "old file");
        let path = bench.path("stick/file");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        let editor = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        let seen = bench.expect("stick/file").await;
        next_tick();
        once_at(&bench.root, Moment::AfterCopy, move || {
            editor.write_at(size.as_bytes(), 0).unwrap();
        });
        let keep = version("1", "stick/file");
        let done = bench.write("stick/file", "new", seen, keep).await.unwrap();
        let kept = done.kept.unwrap();
        let read = bench.root.read_version(&kept, 0, 99).await;
        assert_eq!(
            super::support::collect(read).await.unwrap(),
            size.as_bytes()
        );
        let below = kept.kept_path().unwrap();
        assert_eq!(bench.mode(&below), mode);
        bench.root.settle().await.unwrap();
        assert!(bench.own_names("stick").is_empty());
        assert!(bench.root.written_since().is_empty());
        bench.root.prune_version(&kept).await.unwrap();
    }
}

#[tokio::test]
async fn a_file_that_is_never_still_is_not_replaced_on_a_nested_mount() {
    use std::os::unix::fs::FileExt;
    let bench = Bench::new();
    let Some(_mount) = Mounted::at(bench.path("stick")) else {
        return;
    };
    bench.put("stick/file", "old");
    let path = bench.path("stick/file");
    let editor = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    let seen = bench.expect("stick/file").await;
    let mut n = 0;
    bench.root.disk().set_hook(move |moment| {
        if moment == Moment::AfterCopy {
            n += 1;
            editor.write_at(b"x", n).unwrap();
        }
        Ok(())
    });
    let keep = version("1", "stick/file");
    let done = bench.write("stick/file", "new", seen, keep).await;
    assert!(done.is_err());
    assert_eq!(bench.text("stick/file").unwrap(), "oxxxx");
    assert!(bench.root.versions(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_full_disk_is_told_as_such_and_leaves_nothing() {
    let bench = Bench::new();
    let Some(_mount) = Mounted::at(bench.path("stick")) else {
        return;
    };
    let long = "x".repeat(2 << 20);
    let meta = tandem_core::storage::Meta::default();
    let staged = bench.stage("stick/file", &long, &meta).await;
    assert_eq!(cause(staged), Cause::Quota);
    assert!(bench.own_names("stick").is_empty());
}
