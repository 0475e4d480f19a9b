//! Moving: both ends as expected, folders in one step.

use tandem_core::error::Cause;
use tandem_core::storage::{Depth, Expected, Keep, Root};

use super::support::{
    Bench, FORMS, at, cause, collect, fail_at, key, list, next_tick, once_at, rel, version,
};
use crate::disk::Moment;
use crate::sys::Errno;

#[tokio::test]
async fn files_and_folders_move_with_all_they_are() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("a/file", "x");
        bench.put("tree/b/c", "y");
        bench.root.create_folder(&rel("to")).await.unwrap();
        let (file, tree) = (bench.entry("a/file").await, bench.entry("tree").await);
        let moved = bench
            .root
            .move_to(
                &at("a/file"),
                &Expected::Revision(file.revision),
                &rel("to/other"),
                &Expected::Absent,
                &Keep::No,
            )
            .await
            .unwrap();
        assert_eq!((moved.entry.id, moved.entry.mtime), (file.id, file.mtime));
        assert_eq!(moved.entry.revision, bench.entry("to/other").await.revision);
        let moved = bench
            .root
            .move_to(
                &at("tree"),
                &Expected::Revision(tree.revision.clone()),
                &rel("to/tree"),
                &Expected::Absent,
                &Keep::No,
            )
            .await
            .unwrap();
        assert_eq!(moved.entry.revision, tree.revision);
        let seen = list(&bench.root, "", Depth::Subtree).await.unwrap();
        let names: Vec<&str> = seen.entries.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["a", "to", "to/other", "to/tree", "to/tree/b", "to/tree/b/c"]
        );
        assert!(bench.own_names("a").is_empty());
        bench.root.settle().await.unwrap();
    }
}

#[tokio::test]
async fn a_taken_name_a_changed_file_and_a_missing_one_stop_the_move() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("file", "one");
        bench.put("taken", "two");
        let seen = bench.expect("file").await;
        let go = |from: &'static str, expected: Expected, to: &'static str, there: Expected| {
            let root = bench.root.clone();
            async move {
                root.move_to(&at(from), &expected, &rel(to), &there, &Keep::No)
                    .await
            }
        };
        let taken = go("file", seen.clone(), "taken", Expected::Absent).await;
        assert_eq!(cause(taken), Cause::AlreadyExists);
        let missing = go("nothing", seen.clone(), "new", Expected::Absent).await;
        assert_eq!(cause(missing), Cause::NotFound);
        let absent = go("file", seen.clone(), "new", seen.clone()).await;
        assert_eq!(cause(absent), Cause::PreconditionFailed);
        let nowhere = go("file", seen.clone(), "no/where", Expected::Absent).await;
        assert_eq!(cause(nowhere), Cause::NotFound);
        next_tick();
        bench.put("file", "edited");
        let changed = go("file", seen, "new", Expected::Absent).await;
        assert_eq!(cause(changed), Cause::PreconditionFailed);
        assert_eq!(bench.text("file").unwrap(), "edited");
        assert_eq!(bench.text("taken").unwrap(), "two");
        std::fs::create_dir(bench.path("folder")).unwrap();
        let folder = bench.expect("folder").await;
        let into_itself = go("folder", folder, "folder/x", Expected::Absent).await;
        assert_eq!(cause(into_itself), Cause::NameRefused);
    }
}

#[tokio::test]
async fn a_move_onto_a_file_keeps_what_was_there() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("file", "moved");
        bench.put("a/taken", "replaced");
        let (from, to) = (bench.expect("file").await, bench.expect("a/taken").await);
        let done = bench
            .root
            .move_to(
                &at("file"),
                &from,
                &rel("a/taken"),
                &to,
                &version("1", "a/taken"),
            )
            .await
            .unwrap();
        assert_eq!(done.kept, Some(key("1", "a/taken")));
        assert!(bench.text("file").is_none());
        assert_eq!(bench.text("a/taken").unwrap(), "moved");
        let read = bench.root.read_version(&key("1", "a/taken"), 0, 99).await;
        assert_eq!(collect(read).await.unwrap(), b"replaced");
        assert!(bench.own_names("").is_empty() && bench.own_names("a").is_empty());
    }
}

#[tokio::test]
async fn a_move_whose_target_cannot_be_kept_is_not_made() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("file", "moved");
        bench.put("taken", "replaced");
        let (from, to) = (bench.expect("file").await, bench.expect("taken").await);
        fail_at(&bench.root, Moment::BeforeKeep, Errno::NOSPC);
        let done = bench
            .root
            .move_to(
                &at("file"),
                &from,
                &rel("taken"),
                &to,
                &version("1", "taken"),
            )
            .await;
        assert_eq!(cause(done), Cause::Quota);
        if !form.portable {
            assert_eq!(bench.text("file").unwrap(), "moved");
            assert_eq!(bench.text("taken").unwrap(), "replaced");
        }
        let both = ["file", "taken"].map(|name| bench.text(name));
        let own = bench.own_names("");
        assert!(
            both.iter().flatten().count() + own.len() >= 2,
            "{both:?} {own:?}"
        );
    }
}

#[tokio::test]
async fn an_edit_between_check_and_move_stays_where_it_was() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("file", "old");
        let seen = bench.expect("file").await;
        let (path, aside) = (bench.path("file"), bench.path("editor"));
        next_tick();
        once_at(&bench.root, Moment::BeforeMove, move || {
            std::fs::write(&aside, "edited").unwrap();
            std::fs::rename(aside, path).unwrap();
        });
        let done = bench
            .root
            .move_to(
                &at("file"),
                &seen,
                &rel("new"),
                &Expected::Absent,
                &Keep::No,
            )
            .await;
        assert_eq!(cause(done), Cause::PreconditionFailed);
        assert_eq!(bench.text("file").unwrap(), "edited");
        assert!(bench.text("new").is_none());
    }
}

#[tokio::test]
async fn an_edit_of_what_a_move_would_replace_keeps_its_name() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("file", "moved");
        bench.put("there", "old");
        let (seen, there) = (bench.expect("file").await, bench.expect("there").await);
        let (path, aside) = (bench.path("there"), bench.path("editor"));
        next_tick();
        once_at(&bench.root, Moment::BeforeMove, move || {
            std::fs::write(&aside, "edited").unwrap();
            std::fs::rename(aside, path).unwrap();
        });
        let (from, to) = (at("file"), rel("there"));
        let done = bench.root.move_to(&from, &seen, &to, &there, &Keep::No);
        match done.await {
            Err(error) => {
                assert_eq!(error.cause, Cause::PreconditionFailed);
                assert_eq!(bench.text("there").unwrap(), "edited");
                assert_eq!(bench.text("file").unwrap(), "moved");
            }
            // Where names cannot be exchanged it was set aside before it could be looked at.
            Ok(moved) => assert!(moved.displaced.is_some()),
        }
    }
}

#[tokio::test]
async fn a_move_of_what_is_not_as_expected_touches_neither_end() {
    use std::os::unix::fs::MetadataExt;
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("file", "one");
        bench.put("there", "two");
        let (seen, there) = (bench.expect("file").await, bench.expect("there").await);
        // A rename changes this time, also one that is taken back.
        let touched = || {
            ["file", "there"].map(|path| {
                let stat = std::fs::metadata(bench.path(path)).unwrap();
                (stat.ino(), stat.ctime(), stat.ctime_nsec())
            })
        };
        let before = touched();
        next_tick();
        let (from, to) = (at("file"), rel("there"));
        for (expected, expected_to) in
            [(&there, &there), (&seen, &seen), (&seen, &Expected::Absent)]
        {
            let done = bench
                .root
                .move_to(&from, expected, &to, expected_to, &Keep::No);
            assert!(done.await.is_err(), "{expected:?} {expected_to:?}");
            assert_eq!(touched(), before, "{expected:?} {expected_to:?}");
        }
    }
}

#[tokio::test]
async fn another_spelling_is_a_rename_and_two_links_of_one_file_are_two_files() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("Name", "x");
        let seen = bench.expect("Name").await;
        bench
            .root
            .move_to(
                &at("Name"),
                &seen,
                &rel("NAME"),
                &Expected::Absent,
                &Keep::No,
            )
            .await
            .unwrap();
        assert_eq!(bench.text("NAME").unwrap(), "x");
        assert!(!bench.path("Name").exists());

        bench.put("one", "x");
        std::fs::hard_link(bench.path("one"), bench.path("two")).unwrap();
        let seen = bench.expect("one").await;
        let done = bench
            .root
            .move_to(&at("one"), &seen, &rel("two"), &Expected::Absent, &Keep::No)
            .await;
        assert_eq!(cause(done), Cause::AlreadyExists);
    }
}

#[tokio::test]
async fn a_copy_is_of_the_expected_revision_and_keeps_time_and_bit() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("file", "content");
        let from = bench.entry("file").await;
        let expected = Expected::Revision(from.revision.clone());
        let done = bench
            .root
            .copy(
                &at("file"),
                &expected,
                &rel("copy"),
                &Expected::Absent,
                &Keep::No,
            )
            .await
            .unwrap();
        assert_eq!((done.entry.size, done.entry.mtime), (7, from.mtime));
        assert_ne!(done.entry.id, from.id);
        assert_eq!(bench.text("copy").unwrap(), "content");
        let taken = bench
            .root
            .copy(
                &at("file"),
                &expected,
                &rel("copy"),
                &Expected::Absent,
                &Keep::No,
            )
            .await;
        assert_eq!(cause(taken), Cause::AlreadyExists);
        next_tick();
        bench.put("file", "changed");
        let stale = bench
            .root
            .copy(
                &at("file"),
                &expected,
                &rel("third"),
                &Expected::Absent,
                &Keep::No,
            )
            .await;
        assert_eq!(cause(stale), Cause::PreconditionFailed);
        assert!(bench.own_names("").is_empty());
    }
}

#[tokio::test]
async fn what_is_saved_while_a_file_is_copied_is_not_taken_for_its_copy() {
    for form in FORMS {
        for moment in [Moment::BeforeCopy, Moment::AfterCopy] {
            for in_place in [false, true] {
                let bench = Bench::with(form);
                bench.put("file", "content");
                let expected = bench.expect("file").await;
                let (file, saved) = (bench.path("file"), bench.outside("saved"));
                next_tick();
                once_at(&bench.root, moment, move || {
                    if in_place {
                        std::fs::write(file, "changed").unwrap();
                    } else {
                        std::fs::write(&saved, "changed").unwrap();
                        std::fs::rename(saved, file).unwrap();
                    }
                });
                let (from, to) = (at("file"), rel("copy"));
                let copied = bench
                    .root
                    .copy(&from, &expected, &to, &Expected::Absent, &Keep::No)
                    .await;
                assert_eq!(cause(copied), Cause::PreconditionFailed);
                assert_eq!(bench.text("copy"), None);
                assert_eq!(bench.text("file").unwrap(), "changed");
                assert!(bench.own_names("").is_empty());
            }
        }
    }
}

#[tokio::test]
async fn what_is_saved_under_the_old_name_while_a_move_replaces_stays_there() {
    let bench = Bench::new();
    bench.put("from", "moved");
    bench.put("to", "replaced");
    let (from, to) = (bench.expect("from").await, bench.expect("to").await);
    let (name, saved) = (bench.path("from"), bench.outside("saved"));
    once_at(&bench.root, Moment::BeforeTake, move || {
        std::fs::write(&saved, "a person's").unwrap();
        std::fs::rename(saved, name).unwrap();
    });
    let moved = bench
        .root
        .move_to(&at("from"), &from, &rel("to"), &to, &Keep::No)
        .await;
    moved.unwrap();
    bench.root.settle().await.unwrap();
    assert_eq!(bench.text("to").unwrap(), "moved");
    assert_eq!(bench.text("from").unwrap(), "a person's");
    assert!(bench.own_names("").is_empty());
}
