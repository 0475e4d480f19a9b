//! What a change set aside is looked at once more before it is let go (DESIGN 4): an editor may have it open.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;

use tandem_core::error::Cause;
use tandem_core::storage::{Discard, Expected, Keep, Root};

use super::support::{
    Bench, FORMS, at, cause, collect, fail_at, key, next_tick, once_at, rel, version,
};
use crate::disk::Moment;
use crate::sys::Errno;

/// An editor that has `path` open.
fn editor(bench: &Bench, path: &str) -> File {
    let file = OpenOptions::new().write(true).open(bench.path(path));
    file.unwrap()
}

async fn contents(bench: &Bench) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for version in bench.root.versions(None).await.unwrap() {
        let read = bench.root.read_version(&version.key, 0, u64::MAX).await;
        found.push(collect(read).await.unwrap());
    }
    found
}

#[tokio::test]
async fn what_need_not_be_kept_goes_with_the_next_flush() {
    for form in FORMS {
        let bench = Bench::with(form);
        for name in ["replaced", "deleted", "taken", "moved"] {
            bench.put(name, name);
        }
        let seen = bench.expect("replaced").await;
        bench
            .write("replaced", "new", seen, Keep::No)
            .await
            .unwrap();
        let seen = bench.expect("deleted").await;
        let how = Discard::Forever;
        let gone = bench
            .root
            .delete(&at("deleted"), &seen, &Keep::No, how)
            .await;
        gone.unwrap();
        let (from, to) = (bench.expect("moved").await, bench.expect("taken").await);
        let moved = bench
            .root
            .move_to(&at("moved"), &from, &rel("taken"), &to, &Keep::No)
            .await;
        moved.unwrap();
        assert_eq!(bench.own_names("").len(), 3);
        assert!(bench.root.leftovers().await.unwrap().is_empty());
        bench.root.settle().await.unwrap();
        assert!(bench.own_names("").is_empty());
        assert!(bench.root.versions(None).await.unwrap().is_empty());
        assert!(bench.root.written_since().is_empty());
    }
}

#[tokio::test]
async fn what_was_written_into_before_the_flush_is_recovered() {
    for form in FORMS {
        for how in ["replace", "delete"] {
            let bench = Bench::with(form);
            bench.put("a/file", "old");
            let (seen, open) = (bench.expect("a/file").await, editor(&bench, "a/file"));
            next_tick();
            if how == "replace" {
                bench.write("a/file", "new", seen, Keep::No).await.unwrap();
            } else {
                let how = Discard::Forever;
                let gone = bench
                    .root
                    .delete(&at("a/file"), &seen, &Keep::No, how)
                    .await;
                gone.unwrap();
            }
            open.write_at(b"edited late", 0).unwrap();
            bench.root.settle().await.unwrap();
            assert_eq!(contents(&bench).await, [b"edited late"]);
            assert!(bench.own_names("a").is_empty());
            let written = bench.root.written_since();
            assert_eq!(written.len(), 1);
            assert_eq!(written[0].version.path(), &rel("a/file"));
            assert_eq!(written[0].entry.as_ref().unwrap().size, 11);
            assert!(format!("{:?}", written[0].version).starts_with("recovered/"));
            assert!(bench.root.written_since().is_empty(), "it is told once");
        }
    }
}

#[tokio::test]
async fn a_version_that_was_written_into_is_never_pruned() {
    let bench = Bench::new();
    bench.put("file", "old");
    bench.put("other", "old");
    let (seen, open) = (bench.expect("file").await, editor(&bench, "file"));
    next_tick();
    let other = bench.expect("other").await;
    let keep = version("2", "other");
    bench.write("other", "new", other, keep).await.unwrap();
    let keep = version("1", "file");
    bench.write("file", "new", seen, keep).await.unwrap();
    open.write_at(b"edited late", 0).unwrap();
    bench.root.settle().await.unwrap();
    assert!(bench.root.written_since().is_empty(), "it was to be kept");

    // Also when it is written long after, and found by a later run.
    let later = bench.reopened();
    let refused = later.prune_version(&key("1", "file")).await;
    assert_eq!(cause(refused), Cause::PreconditionFailed);
    later.prune_version(&key("2", "other")).await.unwrap();
    assert_eq!(contents(&bench).await, [b"edited late"]);
}

#[tokio::test]
async fn a_folder_whose_files_were_just_deleted_can_be_deleted() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("folder/file", "x");
        let (file, folder) = (
            bench.expect("folder/file").await,
            bench.expect("folder").await,
        );
        let how = Discard::Forever;
        let gone = bench
            .root
            .delete(&at("folder/file"), &file, &Keep::No, how)
            .await;
        gone.unwrap();
        let gone = bench
            .root
            .delete(&at("folder"), &folder, &Keep::No, how)
            .await;
        assert!(!gone.unwrap().was_absent);
        assert!(!bench.path("folder").exists());
        bench.root.settle().await.unwrap();
    }
}

#[tokio::test]
async fn what_waits_in_a_folder_goes_where_the_folder_goes() {
    let bench = Bench::new();
    bench.put("from/a/file", "old");
    let (seen, open) = (
        bench.expect("from/a/file").await,
        editor(&bench, "from/a/file"),
    );
    bench
        .write("from/a/file", "new", seen, Keep::No)
        .await
        .unwrap();
    let folder = bench.expect("from").await;
    let moved = bench
        .root
        .move_to(
            &at("from"),
            &folder,
            &rel("to"),
            &Expected::Absent,
            &Keep::No,
        )
        .await;
    moved.unwrap();
    open.write_at(b"edited late", 0).unwrap();
    bench.root.settle().await.unwrap();
    assert!(bench.own_names("to/a").is_empty());
    assert_eq!(contents(&bench).await, [b"edited late"]);
}

#[tokio::test]
async fn after_a_flush_that_failed_it_still_waits() {
    let bench = Bench::new();
    bench.put("file", "old");
    let (seen, open) = (bench.expect("file").await, editor(&bench, "file"));
    bench.write("file", "new", seen, Keep::No).await.unwrap();
    fail_at(&bench.root, Moment::BeforeFlush, Errno::IO);
    assert!(bench.root.settle().await.is_err());
    assert_eq!(bench.own_names("").len(), 1);
    open.write_at(b"edited late", 0).unwrap();
    once_at(&bench.root, Moment::BeforeFlush, || ());
    bench.root.settle().await.unwrap();
    assert_eq!(contents(&bench).await, [b"edited late"]);
}

#[tokio::test]
async fn what_a_crash_left_waiting_is_recovered() {
    let bench = Bench::new();
    bench.put("file", "old");
    let seen = bench.expect("file").await;
    bench.write("file", "new", seen, Keep::No).await.unwrap();
    // Another run finds it while this one never came to its flush.
    let next = bench.after_a_kill();
    super::support::list(&next, "", tandem_core::storage::Depth::Subtree)
        .await
        .unwrap();
    assert!(next.leftovers().await.unwrap().is_empty());
    assert_eq!(contents(&bench).await, [b"old"]);
    let path = rel("file");
    assert_eq!(next.versions(Some(&path)).await.unwrap().len(), 1);
    bench.root.settle().await.unwrap();
}

#[tokio::test]
async fn nobody_waits_for_a_flush_on_the_thread_of_others() {
    let bench = Bench::new();
    bench.root.disk().set_hook(|moment| {
        if moment == Moment::BeforeFlush {
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        Ok(())
    });
    let root = bench.root.clone();
    let settling = tokio::spawn(async move { root.settle().await });
    let mut ticks = 0;
    while !settling.is_finished() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        ticks += 1;
    }
    settling.await.unwrap().unwrap();
    assert!(ticks > 5, "{ticks}");
}
