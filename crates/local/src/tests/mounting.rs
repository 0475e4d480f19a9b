//! A nested mount that is gone is unknown, not empty (P10). Mounting needs the superuser; without, these
//! tests have nothing to show.

use std::path::PathBuf;
use std::process::Command;

use tandem_core::error::Cause;
use tandem_core::storage::{Depth, Expected, Keep, Root, Skip};

use super::support::{Bench, at, cause, is_superuser, list, next_tick, once_at, rel, version};
use crate::disk::Moment;

/// A memory file system mounted for as long as this lives.
struct Mounted(PathBuf);

impl Mounted {
    fn at(path: PathBuf) -> Option<Self> {
        if !is_superuser() {
            return None;
        }
        std::fs::create_dir_all(&path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tandem-test"])
            .arg(&path)
            .output();
        mounted.ok()?.status.success().then_some(Self(path))
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
    let seen = list(&bench.root, "", Depth::Subtree).await.unwrap();
    assert!(seen.entries.contains_key("a/stick/photo"));
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
        assert_eq!(root.gone_mounts().unwrap(), [rel("a/stick")]);
    }
    // Even with the mount point gone, and with something lying under it.
    std::fs::remove_dir(bench.path("a/stick")).unwrap();
    let seen = list(&bench.root, "a", Depth::Children).await.unwrap();
    assert_eq!(seen.skipped[0].why, Skip::MountGone);
    bench.put("a/stick/NOT-MOUNTED", "x");
    let seen = list(&bench.root, "a", Depth::Children).await.unwrap();
    assert_eq!(seen.skipped[0].why, Skip::MountGone);

    assert!(bench.root.forget_mount(&rel("a/stick")).unwrap());
    let seen = list(&bench.reopened(), "", Depth::Subtree).await.unwrap();
    assert!(seen.entries.contains_key("a/stick/NOT-MOUNTED") && seen.skipped.is_empty());
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
    let done = bench.write("stick/file", "new", seen, keep).await.unwrap();
    let read = bench.root.read_version(&done.kept.unwrap(), 0, 9).await;
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
