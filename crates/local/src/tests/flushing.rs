//! What became visible is flushed, its content before its name, and what was read is too before it counts (P5). A flush
//! changes nothing that could be looked at, so the calls themselves are.

use std::sync::Mutex;

use tandem_core::storage::{Discard, Expected, Keep, Meta, Root, Storage};
use tandem_testkit::real_time::real_time;

use super::support::{Bench, FORMS, Since, at, member, rel, version};
use crate::LocalStorage;
use crate::disk::Moment;

#[tokio::test]
async fn the_content_of_a_new_file_is_flushed_before_its_name_and_that_by_the_next_settle() {
    for form in FORMS {
        for size in [1, 12] {
            let bench = Bench::with(form);
            bench.put("folder/there", "there");
            let since = Since::now();
            let mut group = Vec::new();
            for n in 0..size {
                let path = format!("folder/f{n}");
                let staged = bench.stage(&path, "new", &Meta::default()).await.unwrap();
                group.push(member(staged, Expected::Absent, Keep::No));
            }
            for answer in bench.root.commit(group).await {
                answer.unwrap();
            }
            for n in 0..size {
                since.assert_flushed(&bench, &[&format!("folder/f{n}")]);
            }
            let since = Since::now();
            bench.root.settle().await.unwrap();
            since.assert_flushed(&bench, &["folder"]);
        }
    }
}

#[tokio::test]
async fn the_content_that_replaces_a_file_is_flushed_before_it_is_shown() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("folder/file", "old");
        let expected = bench.expect("folder/file").await;
        let since = Since::now();
        let staged = bench
            .stage("folder/file", "new", &Meta::default())
            .await
            .unwrap();
        let shown = std::sync::Arc::new(std::sync::Mutex::new(None));
        let (seen, folder) = (shown.clone(), bench.path("folder"));
        let then = since.clone();
        bench.root.disk().set_hook(move |moment| {
            if moment == Moment::BeforeSwap {
                // What is about to be shown lies under a name of Tandem's own.
                let own = std::fs::read_dir(&folder).unwrap().find_map(|found| {
                    let found = found.unwrap();
                    let is_own = found.file_name().to_string_lossy().starts_with(".tandem-");
                    is_own.then(|| found.metadata().unwrap())
                });
                let stat = own.unwrap();
                *seen.lock().unwrap() = Some(then.has_flushed(&stat));
            }
            Ok(())
        });
        let keep = version("one", "folder/file");
        bench.commit(staged, expected, keep).await.unwrap();
        assert_eq!(*shown.lock().unwrap(), Some(true));
        let since = Since::now();
        bench.root.settle().await.unwrap();
        since.assert_flushed(&bench, &["folder"]);
    }
}

#[tokio::test]
async fn names_that_come_and_go_are_flushed_by_the_next_settle() {
    for form in FORMS {
        let bench = Bench::with(form);
        for path in ["from/file", "to/there", "gone/file"] {
            bench.put(path, path);
        }
        let (moved, deleted) = (
            bench.expect("from/file").await,
            bench.expect("gone/file").await,
        );
        let since = Since::now();
        let (from, to) = (at("from/file"), rel("to/file"));
        bench
            .root
            .move_to(&from, &moved, &to, &Expected::Absent, &Keep::No)
            .await
            .unwrap();
        bench
            .root
            .delete(&at("gone/file"), &deleted, &Keep::No, Discard::Forever)
            .await
            .unwrap();
        bench.root.create_folder(&rel("new")).await.unwrap();
        bench.root.settle().await.unwrap();
        since.assert_flushed(&bench, &["", "from", "to", "gone"]);
    }
}

#[tokio::test]
async fn a_copy_is_flushed_before_it_has_its_name() {
    let bench = Bench::new();
    bench.put("file", "content");
    let expected = bench.expect("file").await;
    let since = Since::now();
    let to = rel("copy");
    let copied = bench
        .root
        .copy(&at("file"), &expected, &to, &Expected::Absent, &Keep::No)
        .await;
    copied.unwrap();
    since.assert_flushed(&bench, &["copy"]);
}

#[tokio::test]
async fn what_was_read_is_flushed_with_its_name_few_files_and_many() {
    for size in [2, 8] {
        let bench = Bench::new();
        let mut files = Vec::new();
        for n in 0..size {
            let path = format!("folder/f{n}");
            bench.put(&path, "read");
            files.push((rel(&path), bench.entry(&path).await.revision));
        }
        let since = Since::now();
        bench.root.make_durable(&files).await.unwrap();
        since.assert_flushed(&bench, &["folder", "folder/f0", "folder/f1"]);
    }
}

#[tokio::test]
async fn the_marker_of_a_root_is_flushed_with_all_above_it() {
    for form in FORMS {
        let bench = Bench::with(form);
        let since = Since::now();
        bench.root.identity(true).await.unwrap();
        let made = ["", ".tandem", ".tandem/root", ".tandem/.gitignore"];
        since.assert_flushed(&bench, &made);
    }
}

#[tokio::test]
async fn the_marker_of_a_root_is_flushed_where_its_folder_was_there_before() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put(".tandem/.gitignore", "*");
        let since = Since::now();
        bench.root.identity(true).await.unwrap();
        since.assert_flushed(&bench, &[".tandem", ".tandem/root"]);
    }
}

/// A disk that cannot flush is found before a pair relies on it.
#[tokio::test]
async fn the_test_of_a_folder_flushes_what_it_writes() {
    let bench = Bench::new();
    let storage = LocalStorage::new(bench.options, None, real_time());
    let since = Since::now();
    let flushed = Mutex::new(None);
    let path = bench.path("");
    let tested = storage
        .validate(path.to_str().unwrap(), &|step| {
            if step.title == "Write a scratch file" {
                let own = bench.path(".tandem");
                let scratch = std::fs::read_dir(own).unwrap().find_map(|found| {
                    let found = found.unwrap();
                    let name = found.file_name().to_string_lossy().into_owned();
                    name.starts_with("scratch-").then(|| found.path())
                });
                let mut files = std::fs::read_dir(scratch.unwrap()).unwrap();
                let file = files.next().unwrap().unwrap().metadata().unwrap();
                *flushed.lock().unwrap() = Some(since.has_flushed(&file));
            }
        })
        .await;
    tested.capabilities.unwrap();
    assert_eq!(*flushed.lock().unwrap(), Some(true));
}
