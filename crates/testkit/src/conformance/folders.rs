//! Folders: made with their parents, deleted when empty, never replaced by a file.

use tandem_core::entry::{Entry, Kind, Revision};
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::{Deleted, Depth, Discard, Expected, Keep, Meta};

use super::bench::{Bench, is_refusal, locate, rel, write};
use super::body::{Body, bytes_of};
use super::outcome::{Outcome, Stop, check, needs};

pub(super) async fn a_folder_is_made_with_its_parents(bench: &Bench) -> Outcome {
    needs!(bench.caps().empty_folders, "no empty folders");
    let path = rel("one/two/three");
    let made = bench.root().create_folder(&path).await?;
    check!(
        made.kind == Kind::Folder && made.name.as_str() == "three",
        "create_folder answers {made:?}"
    );
    let shown = bench.entry(&path).await?;
    check!(
        (&made.name, made.kind, &made.id) == (&shown.name, shown.kind, &shown.id),
        "create_folder answered {made:?} and stat shows {shown:?}"
    );
    bench
        .listed(&RelPath::root(), Depth::Subtree, |tree| {
            tree.has(&["one", "one/two", "one/two/three"])
        })
        .await
        .map(drop)
}

pub(super) async fn making_a_folder_that_is_there_is_fine(bench: &Bench) -> Outcome {
    let file = bench.put("folder/file", bytes_of(1, 10)).await?;
    for _ in 0..2 {
        bench.folder("folder").await?;
    }
    let both = bench.reopened().await;
    let path = rel("raced/below");
    let made =
        futures_util::future::join(bench.root().create_folder(&path), both.create_folder(&path))
            .await;
    for made in [made.0, made.1] {
        match made {
            Err(error) if error.cause == Cause::Unsupported && !bench.caps().empty_folders => {}
            other => drop(other?),
        }
    }
    bench.untouched(&file).await
}

pub(super) async fn a_folder_does_not_replace_a_file(bench: &Bench) -> Outcome {
    let file = bench.put("file", bytes_of(2, 20)).await?;
    for path in ["file", "file/below"] {
        match bench.root().create_folder(&rel(path)).await {
            Err(error) => check!(
                error.cause == Cause::AlreadyExists
                    || error.cause == Cause::Unsupported && !bench.caps().empty_folders,
                "a folder over a file should fail with already_exists: {error}"
            ),
            Ok(made) => check!(
                bench.subject.flat && path == "file/below",
                "{path:?} was made over a file: {made:?}"
            ),
        }
    }
    bench.untouched(&file).await
}

pub(super) async fn a_file_does_not_replace_a_folder(bench: &Bench) -> Outcome {
    let inside = bench.put("folder/inside", bytes_of(3, 30)).await?;
    let path = rel("folder");
    let revision = bench.entry(&path).await?.revision;
    for expected in [
        Expected::Absent,
        Expected::Any,
        Expected::Revision(revision),
    ] {
        let body = Body::honest(bytes_of(4, 40));
        let meta = Meta::default();
        let done = write(bench.root(), &path, body, &meta, expected, Keep::No).await;
        check!(
            done.is_err() || bench.subject.flat,
            "a file was put over a folder: {done:?}"
        );
        bench.untouched(&inside).await?;
    }
    Ok(())
}

pub(super) async fn a_file_is_not_put_below_a_file(bench: &Bench) -> Outcome {
    needs!(!bench.subject.flat, "folders are implied by names here");
    let file = bench.put("file", bytes_of(5, 50)).await?;
    let path = rel("file/below");
    let body = Body::honest(bytes_of(6, 60));
    let meta = Meta::default();
    let done = write(bench.root(), &path, body, &meta, Expected::Absent, Keep::No).await;
    match done {
        Ok(done) => return Err(Stop::broken(format!("a file below a file: {done:?}"))),
        Err(error) => check!(
            is_refusal(&error),
            "a file below a file is refused like a missing folder: {error}"
        ),
    }
    bench.untouched(&file).await
}

pub(super) async fn an_empty_folder_lasts(bench: &Bench) -> Outcome {
    needs!(bench.caps().empty_folders, "no empty folders");
    bench.folder("empty").await?;
    bench.folder("emptied").await?;
    let file = bench.put("emptied/file", bytes_of(7, 70)).await?;
    bench.outsider_removes(&file.path).await?;
    bench
        .listed(&RelPath::root(), Depth::Subtree, |tree| {
            tree.none_at(&file.path)?;
            tree.has(&["empty", "emptied"])
        })
        .await?;
    let again = bench.reopened().await;
    for path in ["empty", "emptied"] {
        let shown = again.stat(&rel(path).into()).await?;
        check!(
            matches!(&shown, Some(entry) if entry.kind == Kind::Folder),
            "after a restart the folder {path:?} shows as {shown:?}"
        );
    }
    Ok(())
}

async fn delete(
    bench: &Bench,
    path: &RelPath,
    entry: &Entry,
) -> tandem_core::error::Result<Deleted> {
    let expected = Expected::Revision(entry.revision.clone());
    let at = locate(path, entry);
    let root = bench.root();
    root.delete(&at, &expected, &Keep::No, Discard::Forever)
        .await
}

pub(super) async fn an_empty_folder_is_deleted(bench: &Bench) -> Outcome {
    needs!(bench.caps().empty_folders, "no empty folders");
    bench.folder("outer/inner").await?;
    for path in ["outer/inner", "outer"] {
        let path = rel(path);
        let entry = bench.entry(&path).await?;
        let done = delete(bench, &path, &entry).await?;
        check!(!done.was_absent, "{path:?} was there: {done:?}");
        bench.nothing_at(&path).await?;
        let again = delete(bench, &path, &entry).await?;
        check!(again.was_absent, "{path:?} was gone: {again:?}");
    }
    Ok(())
}

pub(super) async fn a_folder_that_is_not_empty_is_not_deleted(bench: &Bench) -> Outcome {
    let file = bench.put("folder/inner/file", bytes_of(8, 80)).await?;
    for path in ["folder", "folder/inner"] {
        let path = rel(path);
        let entry = bench.entry(&path).await?;
        match delete(bench, &path, &entry).await {
            Ok(done) => {
                return Err(Stop::broken(format!(
                    "the folder {path:?} was deleted with what is in it: {done:?}"
                )));
            }
            Err(error) => check!(
                error.cause == Cause::PreconditionFailed,
                "it should fail with precondition_failed: {error}"
            ),
        }
    }
    bench.untouched(&file).await
}

pub(super) async fn a_folder_with_an_unseen_file_is_not_deleted(bench: &Bench) -> Outcome {
    needs!(bench.caps().empty_folders, "no empty folders");
    bench.folder("folder").await?;
    let path = rel("folder");
    let seen = bench.entry(&path).await?;
    let theirs = rel("folder/theirs");
    let bytes = bench.outsider_puts(&theirs, bytes_of(9, 90)).await?;
    let done = delete(bench, &path, &seen).await;
    check!(done.is_err(), "the folder was deleted: {done:?}");
    bench.holds(&theirs, &bytes).await
}

pub(super) async fn a_folder_in_place_of_the_expected_file_is_not_deleted(
    bench: &Bench,
) -> Outcome {
    let file = bench.put("was-a-file", bytes_of(10, 100)).await?;
    bench.outsider_removes(&file.path).await?;
    let inside = rel("was-a-file/inside");
    let bytes = bench.outsider_puts(&inside, bytes_of(11, 110)).await?;
    let root = bench.root();
    let (at, expected) = (file.at(), file.expected());
    let done = root
        .delete(&at, &expected, &Keep::No, Discard::Forever)
        .await;
    check!(
        match &done {
            Ok(done) => done.was_absent,
            Err(error) => is_refusal(error),
        },
        "the file is gone and a folder is there: {done:?}"
    );
    bench.holds(&inside, &bytes).await
}

pub(super) async fn a_folders_revision_covers_what_is_below(bench: &Bench) -> Outcome {
    needs!(
        bench.caps().folder_revision_covers_subtree,
        "no folder_revision_covers_subtree"
    );
    bench.put("folder/inner/file", bytes_of(12, 120)).await?;
    let revision = async || -> Result<Revision, Stop> {
        bench.tick().await;
        Ok(bench.entry(&rel("folder")).await?.revision)
    };
    let mut seen = vec![revision().await?];
    bench.put("folder/inner/file", bytes_of(13, 130)).await?;
    seen.push(revision().await?);
    let new = bench.put("folder/inner/new", bytes_of(14, 140)).await?;
    seen.push(revision().await?);
    bench.outsider_removes(&new.path).await?;
    seen.push(revision().await?);
    for pair in seen.windows(2) {
        check!(
            pair[0] != pair[1] && pair[0] != Revision::None,
            "something below was changed and the folder kept its revision: {seen:?}"
        );
    }
    Ok(())
}
