//! Deleting: only what was expected, and kept as asked.

use tandem_core::error::Cause;
use tandem_core::storage::{Discard, Expected, Keep, Root};

use super::support::{
    Bench, FORMS, at, cause, collect, fail_at, key, next_tick, once_at, rel, version,
};
use crate::disk::Moment;
use crate::sys::Errno;

#[tokio::test]
async fn a_file_is_deleted_once_and_kept() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("a/file", "old");
        let seen = bench.expect("a/file").await;
        let keep = version("1", "a/file");
        let done = bench
            .root
            .delete(&at("a/file"), &seen, &keep, Discard::Forever)
            .await
            .unwrap();
        assert_eq!(done.kept, Some(key("1", "a/file")));
        assert!(!done.was_absent && done.displaced.is_none());
        assert!(bench.text("a/file").is_none() && bench.own_names("a").is_empty());
        let again = bench
            .root
            .delete(&at("a/file"), &seen, &keep, Discard::Forever)
            .await
            .unwrap();
        assert!(again.was_absent);
        let nowhere = bench
            .root
            .delete(&at("no/such"), &seen, &Keep::No, Discard::Forever)
            .await
            .unwrap();
        assert!(nowhere.was_absent);
        let read = bench.root.read_version(&key("1", "a/file"), 0, 9).await;
        assert_eq!(collect(read).await.unwrap(), b"old");
    }
}

#[tokio::test]
async fn what_was_changed_stays() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("file", "old");
        let seen = bench.expect("file").await;
        next_tick();
        bench.put("file", "new");
        for expected in [seen, Expected::Absent] {
            let done = bench
                .root
                .delete(&at("file"), &expected, &Keep::No, Discard::Forever)
                .await;
            assert_eq!(cause(done), Cause::PreconditionFailed);
        }
        assert_eq!(bench.text("file").unwrap(), "new");
    }
}

#[tokio::test]
async fn an_edit_between_check_and_removal_gets_its_name_back() {
    for form in FORMS {
        for how in ["in place", "by rename"] {
            let bench = Bench::with(form);
            bench.put("file", "old");
            let seen = bench.expect("file").await;
            let (path, aside) = (bench.path("file"), bench.path("editor"));
            next_tick();
            once_at(&bench.root, Moment::BeforeTake, move || {
                let to = if how == "in place" { &path } else { &aside };
                std::fs::write(to, "edited").unwrap();
                if how == "by rename" {
                    std::fs::rename(aside, path).unwrap();
                }
            });
            let done = bench
                .root
                .delete(&at("file"), &seen, &Keep::No, Discard::Forever)
                .await;
            assert_eq!(cause(done), Cause::PreconditionFailed);
            assert_eq!(bench.text("file").unwrap(), "edited");
            assert!(bench.own_names("").is_empty());
        }
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_deleted() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("file", "old");
        let seen = bench.expect("file").await;
        fail_at(&bench.root, Moment::BeforeKeep, Errno::NOSPC);
        let done = bench
            .root
            .delete(&at("file"), &seen, &version("1", "file"), Discard::Forever)
            .await;
        assert_eq!(cause(done), Cause::Quota);
        assert_eq!(bench.text("file").unwrap(), "old");
        assert!(bench.own_names("").is_empty());
    }
}

#[tokio::test]
async fn a_folder_is_deleted_only_if_empty_and_the_same() {
    let bench = Bench::new();
    bench.put("folder/file", "x");
    let seen = bench.expect("folder").await;
    let delete = |expected: Expected| {
        let root = bench.root.clone();
        async move {
            root.delete(&at("folder"), &expected, &Keep::No, Discard::Forever)
                .await
        }
    };
    assert_eq!(cause(delete(seen.clone()).await), Cause::PreconditionFailed);
    assert_eq!(
        cause(delete(Expected::Any).await),
        Cause::PreconditionFailed
    );
    std::fs::remove_file(bench.path("folder/file")).unwrap();
    std::fs::create_dir(bench.path("second")).unwrap();
    std::fs::rename(bench.path("folder"), bench.path("first")).unwrap();
    std::fs::rename(bench.path("second"), bench.path("folder")).unwrap();
    assert_eq!(cause(delete(seen).await), Cause::PreconditionFailed);
    let seen = bench.expect("folder").await;
    delete(seen.clone()).await.unwrap();
    assert!(!bench.path("folder").exists());
    assert!(delete(seen).await.unwrap().was_absent);
}

#[tokio::test]
async fn there_is_no_trash_and_special_files_and_the_root_stay() {
    let bench = Bench::new();
    bench.put("file", "x");
    let socket = std::os::unix::net::UnixListener::bind(bench.path("socket")).unwrap();
    let any = Expected::Any;
    let trash = bench
        .root
        .delete(&at("file"), &any, &Keep::No, Discard::Trash)
        .await;
    assert_eq!(cause(trash), Cause::Unsupported);
    let special = bench
        .root
        .delete(&at("socket"), &any, &Keep::No, Discard::Forever)
        .await;
    assert_eq!(cause(special), Cause::Unsupported);
    let root = bench
        .root
        .delete(&rel("").into(), &any, &Keep::No, Discard::Forever)
        .await;
    assert_eq!(cause(root), Cause::NameRefused);
    drop(socket);
    assert_eq!(bench.text("file").unwrap(), "x");
}

#[tokio::test]
async fn what_cannot_be_looked_at_once_it_was_taken_gets_its_name_back() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("file", "old");
        let seen = bench.expect("file").await;
        fail_at(&bench.root, Moment::AfterTake, Errno::IO);
        let done = bench
            .root
            .delete(&at("file"), &seen, &Keep::No, Discard::Forever)
            .await;
        assert_eq!(cause(done), Cause::LocalIo);
        assert_eq!(bench.text("file").unwrap(), "old");
        assert!(bench.own_names("").is_empty());
    }
}
