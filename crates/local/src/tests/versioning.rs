//! Versions: kept, found, read, put back, pruned.

use tandem_core::error::Cause;
use tandem_core::storage::{Discard, Expected, Keep, Root, VersionKey};

use super::support::{Bench, FORMS, at, cause, collect, key, next_tick, once_at, version};
use crate::disk::Moment;

const SHELF: &str = ".tandem/versions/v1/desk-0000";

async fn keep_three(bench: &Bench) {
    for (n, text) in ["first", "second", "third"].into_iter().enumerate() {
        bench.put("a/file", text);
        let seen = bench.expect("a/file").await;
        let keep = version(&n.to_string(), "a/file");
        bench.write("a/file", "new", seen, keep).await.unwrap();
        next_tick();
    }
}

#[tokio::test]
async fn versions_are_listed_newest_first_with_what_they_were() {
    for form in FORMS {
        let bench = Bench::with(form);
        keep_three(&bench).await;
        bench.put("other", "x");
        let seen = bench.expect("other").await;
        bench
            .root
            .delete(
                &at("other"),
                &seen,
                &version("9", "other"),
                Discard::Forever,
            )
            .await
            .unwrap();
        let path = super::support::rel("a/file");
        let of_file = bench.root.versions(Some(&path)).await.unwrap();
        let keys: Vec<_> = of_file.iter().map(|v| v.key.clone()).collect();
        assert_eq!(
            keys,
            [key("2", "a/file"), key("1", "a/file"), key("0", "a/file")]
        );
        assert_eq!(of_file[0].entry.size, 5);
        assert_eq!(of_file[0].entry.name.as_str(), "file");
        let all = bench.reopened().versions(None).await.unwrap();
        assert_eq!(all.len(), 4);
        assert_eq!(all[0].key, key("9", "other"));
        let index = bench.text(&format!("{SHELF}/index.jsonl")).unwrap();
        assert_eq!(index.lines().count(), 4);
        assert!(index.lines().all(|line| line.contains("\"kept_at\":")));
    }
}

#[tokio::test]
async fn a_version_is_read_and_put_back_and_stays() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("file", "precious");
        std::fs::set_permissions(
            bench.path("file"),
            std::os::unix::fs::PermissionsExt::from_mode(0o600),
        )
        .unwrap();
        let was = bench.entry("file").await;
        let keep = version("1", "file");
        let seen = Expected::Revision(was.revision);
        bench
            .root
            .delete(&at("file"), &seen, &keep, Discard::Forever)
            .await
            .unwrap();
        let read = bench.root.read_version(&key("1", "file"), 3, 3).await;
        assert_eq!(collect(read).await.unwrap(), b"cio");
        let to = super::support::rel("file");
        let back = bench
            .root
            .restore_version(&key("1", "file"), &to, &Expected::Absent)
            .await
            .unwrap();
        assert_eq!((back.entry.size, back.entry.mtime), (8, was.mtime));
        assert_eq!(bench.mode("file"), 0o600);
        let taken = bench
            .root
            .restore_version(&key("1", "file"), &to, &Expected::Absent)
            .await;
        assert_eq!(cause(taken), Cause::AlreadyExists);
        let seen = bench.expect("file").await;
        bench
            .root
            .restore_version(&key("1", "file"), &to, &seen)
            .await
            .unwrap();
        assert_eq!(bench.text("file").unwrap(), "precious");
        bench.root.settle().await.unwrap();
        assert!(bench.own_names("").is_empty());
    }
}

/// Another process, or another pair, lists and writes the index anew between the line and its file.
#[tokio::test]
async fn an_index_is_not_written_anew_under_what_is_being_kept() {
    let bench = Bench::new();
    keep_three(&bench).await;
    let index = bench.path(&format!("{SHELF}/index.jsonl"));
    let line = std::fs::read_to_string(&index).unwrap();
    let line = line.lines().next().unwrap().replace("\"0\"", "\"gone\"");
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(&index)
        .unwrap();
    for _ in 0..1100 {
        std::io::Write::write_all(&mut file, format!("{line}\n").as_bytes()).unwrap();
    }
    let other = bench.reopened();
    let listing = std::sync::Arc::new(std::sync::Mutex::new(None));
    let started = listing.clone();
    once_at(&bench.root, Moment::AfterLine, move || {
        let list = std::thread::spawn(move || crate::versions::list(other.disk(), None));
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(!list.is_finished(), "it waits for its turn");
        *started.lock().unwrap() = Some(list);
    });
    bench.put("b/late", "x");
    let seen = bench.expect("b/late").await;
    let keep = version("9", "b/late");
    bench.write("b/late", "new", seen, keep).await.unwrap();
    let list = listing.lock().unwrap().take().unwrap();
    list.join().unwrap().unwrap();
    let text = std::fs::read_to_string(&index).unwrap();
    assert!(text.lines().count() <= 4, "it was written anew");
    let all = bench.root.versions(None).await.unwrap();
    assert!(all.iter().any(|v| v.key == key("9", "b/late")), "{all:?}");
}

#[tokio::test]
async fn a_pruned_version_is_gone_and_its_folders_with_it() {
    let bench = Bench::new();
    keep_three(&bench).await;
    for n in ["0", "1", "2"] {
        for _ in 0..2 {
            bench.root.prune_version(&key(n, "a/file")).await.unwrap();
        }
        let read = bench.root.read_version(&key(n, "a/file"), 0, 1).await;
        assert_eq!(cause(collect(read).await), Cause::NotFound);
    }
    assert!(bench.root.versions(None).await.unwrap().is_empty());
    assert!(!bench.path(&format!("{SHELF}/2026-11-20")).exists());
}

#[tokio::test]
async fn a_key_that_is_taken_replaces_nothing() {
    for form in FORMS {
        let bench = Bench::with(form);
        for text in ["first", "second"] {
            bench.put("file", text);
            let seen = bench.expect("file").await;
            let done = bench
                .write("file", "new", seen, version("1", "file"))
                .await
                .unwrap();
            let read = bench.root.read_version(&done.kept.unwrap(), 0, 99).await;
            assert_eq!(collect(read).await.unwrap(), text.as_bytes());
        }
        assert_eq!(bench.root.versions(None).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_line_cut_short_and_a_line_lost_cost_no_version() {
    let bench = Bench::new();
    keep_three(&bench).await;
    let index = bench.path(&format!("{SHELF}/index.jsonl"));
    let text = std::fs::read_to_string(&index).unwrap();
    // The last line was cut by a power loss.
    std::fs::write(&index, &text[..text.len() - 20]).unwrap();
    bench.put("late", "x");
    let seen = bench.expect("late").await;
    let keep = version("5", "late");
    bench
        .root
        .delete(&at("late"), &seen, &keep, Discard::Forever)
        .await
        .unwrap();
    let all = bench.root.versions(None).await.unwrap();
    assert_eq!(all.len(), 4);
    assert!(all.iter().any(|v| v.key == key("5", "late")));
    assert!(
        all.iter().any(|v| v.key == key("2", "file")),
        "shown by its name"
    );
}

#[tokio::test]
async fn an_index_of_pruned_versions_is_written_anew() {
    let bench = Bench::new();
    for n in 0..1100 {
        bench.put("file", "x");
        let seen = bench.expect("file").await;
        let keep = version(&n.to_string(), "file");
        bench
            .root
            .delete(&at("file"), &seen, &keep, Discard::Forever)
            .await
            .unwrap();
        if n != 7 {
            bench
                .root
                .prune_version(&key(&n.to_string(), "file"))
                .await
                .unwrap();
        }
    }
    let index = format!("{SHELF}/index.jsonl");
    assert_eq!(bench.text(&index).unwrap().lines().count(), 1100);
    assert_eq!(bench.root.versions(None).await.unwrap().len(), 1);
    assert_eq!(bench.text(&index).unwrap().lines().count(), 1);
    assert_eq!(
        bench.root.versions(None).await.unwrap()[0].key,
        key("7", "file")
    );
}

#[tokio::test]
async fn a_key_that_is_no_place_below_the_versions_is_refused() {
    let bench = Bench::new();
    bench.put("file", "old");
    let seen = bench.expect("file").await;
    for (device, date, action) in [("..", "d", "a"), ("d", "a/b", "c"), ("d", "e", "")] {
        let key = VersionKey::Kept {
            device: device.into(),
            date: date.into(),
            action: action.into(),
            path: super::support::rel("file"),
        };
        let done = bench
            .write("file", "new", seen.clone(), Keep::Version(key.clone()))
            .await;
        assert_eq!(cause(done), Cause::NameRefused);
        let read = bench.root.read_version(&key, 0, 1).await;
        assert_eq!(cause(collect(read).await), Cause::NameRefused);
    }
    assert_eq!(bench.text("file").unwrap(), "old");
}

#[tokio::test]
async fn what_was_set_aside_is_for_its_owner_alone() {
    let bench = Bench::new();
    keep_three(&bench).await;
    assert_eq!(bench.mode(".tandem"), 0o700);
}
