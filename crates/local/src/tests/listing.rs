//! Listings: complete or not at all, and nothing that is there counts as absent (P10).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use futures_util::StreamExt;
use tandem_core::entry::{Kind, NativeId, Revision};
use tandem_core::error::Cause;
use tandem_core::storage::{Depth, Listed, Root, Skip};

use super::support::{Bench, FORMS, cause, is_superuser, list, next_tick, rel};
use crate::disk::Moment;

#[tokio::test]
async fn every_kind_is_told_as_what_it_is() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("file", "12345");
        bench.put("run", "#!");
        bench.put("sub/deep", "x");
        std::fs::create_dir(bench.path("empty")).unwrap();
        symlink("file", bench.path("link")).unwrap();
        symlink("/nowhere", bench.path("dangling")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(bench.path("run"), mode).unwrap();
        let socket = std::os::unix::net::UnixListener::bind(bench.path("socket")).unwrap();

        let seen = list(&bench.root, "", Depth::Subtree).await.unwrap();
        drop(socket);
        let names: Vec<&str> = seen.entries.keys().map(String::as_str).collect();
        let expected = [
            "dangling", "empty", "file", "link", "run", "socket", "sub", "sub/deep",
        ];
        assert_eq!(names, expected);
        assert!(seen.skipped.is_empty() && seen.unreadable.is_empty());

        let file = &seen.entries["file"];
        assert_eq!(
            (file.kind, file.size, file.executable),
            (Kind::File, 5, Some(false))
        );
        assert!(file.mtime.unwrap().by_client);
        assert_eq!(seen.entries["run"].executable, Some(true));
        assert_eq!(seen.entries["link"].target.as_deref(), Some("file"));
        assert_eq!(seen.entries["dangling"].kind, Kind::Symlink);
        assert_eq!(seen.entries["socket"].kind, Kind::Opaque);
        let NativeId::Number(_, inode) = file.id.clone().unwrap() else {
            panic!("a disk's ids are numbers");
        };
        assert_eq!(inode, bench.inode("file"));
        // A listing and a look agree to the last bit.
        for (path, entry) in &seen.entries {
            assert_eq!(*entry, bench.entry(path).await);
        }
    }
}

#[tokio::test]
async fn a_folders_revision_does_not_change_with_its_children() {
    let bench = Bench::new();
    bench.put("folder/a", "1");
    let before = bench.entry("folder").await;
    next_tick();
    bench.put("folder/b", "2");
    assert_eq!(bench.entry("folder").await, before);
    assert!(matches!(
        before.revision,
        Revision::Fingerprint {
            ctime: 0,
            mtime: 0,
            size: 0,
            ..
        }
    ));
}

#[tokio::test]
async fn a_folder_comes_before_those_in_it_and_each_comes_once() {
    let bench = Bench::new();
    for a in 0..20 {
        for b in 0..20 {
            bench.put(&format!("a{a}/b{b}/file"), "x");
        }
    }
    let seen = list(&bench.root, "", Depth::Subtree).await.unwrap();
    assert_eq!(seen.folders.len(), 1 + 20 + 400);
    assert_eq!(seen.entries.len(), 20 + 400 + 400);
    for (nth, folder) in seen.folders.iter().enumerate() {
        if let Some(parent) = rel(folder).parent() {
            assert!(
                seen.folders[..nth].contains(&parent.to_string()),
                "{folder}"
            );
        }
    }
    let children = list(&bench.root, "a3", Depth::Children).await.unwrap();
    assert_eq!((children.folders.len(), children.entries.len()), (1, 20));
    let below = list(&bench.root, "a3", Depth::Subtree).await.unwrap();
    assert_eq!((below.folders.len(), below.entries.len()), (21, 40));
}

#[tokio::test]
async fn names_that_are_not_unicode_are_skipped_and_told() {
    let bench = Bench::new();
    bench.put("good", "x");
    let name = OsStr::from_bytes(b"bad-\xFF");
    std::fs::write(bench.path("").join(name), "x").unwrap();
    symlink(OsStr::from_bytes(b"\xFE"), bench.path("link")).unwrap();
    let seen = list(&bench.root, "", Depth::Subtree).await.unwrap();
    assert_eq!(seen.entries.len(), 1);
    let mut skipped: Vec<_> = seen
        .skipped
        .iter()
        .map(|s| (s.shown.as_str(), s.why))
        .collect();
    skipped.sort_by_key(|(shown, _)| *shown);
    assert_eq!(
        skipped,
        [
            ("bad-\u{FFFD}", Skip::NotUnicode),
            ("link", Skip::NotUnicode)
        ]
    );
}

#[tokio::test]
async fn tandems_own_names_are_left_out_at_any_depth() {
    let bench = Bench::new();
    bench.put(".tandem/root", "id");
    bench.put("a/.tandem-staged-00", "x");
    bench.put("a/.Tandem-x/y", "x");
    bench.put("a/.tandemignore", "*.o");
    let seen = list(&bench.root, "", Depth::Subtree).await.unwrap();
    let names: Vec<&str> = seen.entries.keys().map(String::as_str).collect();
    assert_eq!(names, ["a", "a/.tandemignore"]);
    assert!(
        bench
            .root
            .stat(&rel(".tandem/root").into())
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        cause(list(&bench.root, ".tandem", Depth::Children).await),
        Cause::NameRefused
    );
}

#[tokio::test]
async fn a_missing_folder_is_an_error_and_no_empty_listing() {
    let bench = Bench::new();
    bench.put("file", "x");
    for folder in ["nothing", "file", "file/below"] {
        for depth in [Depth::Children, Depth::Subtree] {
            assert_eq!(
                cause(list(&bench.root, folder, depth).await),
                Cause::NotFound,
                "{folder}"
            );
        }
    }
    std::fs::remove_dir_all(bench.path("")).unwrap();
    assert_eq!(
        cause(list(&bench.reopened(), "", Depth::Subtree).await),
        Cause::NotFound
    );
}

#[tokio::test]
async fn a_symlink_to_a_folder_is_not_gone_into() {
    for form in FORMS {
        let bench = Bench::with(form);
        std::fs::write(bench.outside("secret"), "x").unwrap();
        symlink(bench.outside(""), bench.path("way-out")).unwrap();
        let seen = list(&bench.root, "", Depth::Subtree).await.unwrap();
        assert_eq!(seen.entries.len(), 1);
        assert_eq!(
            cause(list(&bench.root, "way-out", Depth::Children).await),
            Cause::NotFound
        );
        let below = rel("way-out/secret").into();
        assert!(bench.root.stat(&below).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn an_unreadable_folder_is_told_and_the_rest_is_listed() {
    if is_superuser() {
        // Nothing is unreadable to the superuser.
        return;
    }
    let bench = Bench::new();
    bench.put("closed/file", "x");
    bench.put("open/file", "x");
    let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(bench.path("closed"), mode(0o000)).unwrap();
    let seen = list(&bench.root, "", Depth::Subtree).await.unwrap();
    std::fs::set_permissions(bench.path("closed"), mode(0o755)).unwrap();
    assert_eq!(seen.unreadable.len(), 1);
    assert_eq!(seen.unreadable[0].folder, rel("closed"));
    assert_eq!(seen.unreadable[0].why, Skip::Unreadable);
    assert!(seen.entries.contains_key("open/file") && seen.entries.contains_key("closed"));
}

#[tokio::test]
async fn dropping_the_stream_ends_the_scan() {
    let bench = Bench::new();
    for n in 0..300 {
        bench.put(&format!("d{n}/file"), "x");
    }
    let mut listing = bench.root.list(&rel(""), Depth::Subtree);
    assert!(matches!(listing.next().await, Some(Ok(Listed::Folder(_)))));
    drop(listing);
    for _ in 0..200 {
        if scan_threads() == 0 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    // Other tests scan at the same time; theirs end too.
    assert!(scan_threads() < 40);
}

fn scan_threads() -> usize {
    std::fs::read_dir("/proc/self/task")
        .unwrap()
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok())
        .filter(|name| name.trim() == "tandem-scan")
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tree_that_changes_under_the_scan_is_listed_to_its_end() {
    let bench = Bench::new();
    for n in 0..40 {
        bench.put(&format!("stay{n}/keep"), "x");
    }
    let path = bench.path("");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen_stop = stop.clone();
    let churn = std::thread::spawn(move || {
        let mut n = 0;
        while !seen_stop.load(std::sync::atomic::Ordering::Relaxed) {
            n += 1;
            let folder = path.join(format!("come-and-go{}", n % 7));
            let _ = std::fs::create_dir(&folder);
            let _ = std::fs::write(folder.join("x"), "x");
            let _ = std::fs::rename(folder.join("x"), folder.join("y"));
            let _ = std::fs::remove_dir_all(&folder);
        }
    });
    for _ in 0..60 {
        let seen = list(&bench.root, "", Depth::Subtree).await.unwrap();
        for n in 0..40 {
            assert!(seen.entries.contains_key(&format!("stay{n}/keep")));
        }
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    churn.join().unwrap();
}

#[tokio::test]
async fn a_path_longer_than_the_system_takes_at_once_is_reached() {
    for form in FORMS {
        let bench = Bench::with(form);
        let name = "n".repeat(200);
        let deep = vec![name.as_str(); 30].join("/");
        let made = bench.root.create_folder(&rel(&deep)).await.unwrap();
        assert_eq!(made.kind, Kind::Folder);
        let seen = list(&bench.root, "", Depth::Subtree).await.unwrap();
        assert_eq!(seen.folders.len(), 31);
        assert!(seen.unreadable.is_empty());
    }
}

/// Its names pass from places not yet read to such that were: what was met once and is there counts as there.
#[tokio::test]
async fn in_a_folder_that_is_never_still_nothing_that_is_there_is_missing() {
    let bench = Bench::new();
    for name in ["file", "folder/deep", "other"] {
        bench.put(&format!("busy/{name}"), "x");
    }
    let (busy, away) = (bench.path("busy"), bench.outside("away"));
    std::fs::create_dir(&away).unwrap();
    let mut n = 0;
    bench.root.disk().set_hook(move |moment| {
        if moment == Moment::AfterNames {
            n += 1;
            next_tick();
            std::fs::write(busy.join(n.to_string()), "x").unwrap();
            let names = ["file", "folder"];
            for name in names.into_iter().filter(|_| n == 4) {
                std::fs::rename(busy.join(name), away.join(name)).unwrap();
            }
            for name in names.into_iter().filter(|_| n == 5) {
                std::fs::rename(away.join(name), busy.join(name)).unwrap();
            }
            let _ = (n == 4).then(|| std::fs::remove_file(busy.join("other")));
        }
        Ok(())
    });
    let seen = list(&bench.root, "busy", Depth::Subtree).await.unwrap();
    assert!(seen.entries.contains_key("busy/file"));
    assert!(seen.entries.contains_key("busy/folder/deep"));
    assert!(!seen.entries.contains_key("busy/other"));
    assert!(seen.unreadable.is_empty());
}
