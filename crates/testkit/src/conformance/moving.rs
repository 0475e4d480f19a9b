//! Moving and renaming: expectations for both ends, nothing lost in between.

use tandem_core::capabilities::Ids;
use tandem_core::error::{Cause, Result as Answer};
use tandem_core::path::RelPath;
use tandem_core::storage::{Committed, Depth, Expected, Keep, Locator};

use super::bench::{Bench, Placed, differ, is_refusal, key, locate, rel};
use super::body::bytes_of;
use super::outcome::{Outcome, Stop, check, needs};

async fn shift(
    bench: &Bench,
    from: &Placed,
    to: &str,
    expected_to: &Expected,
    keep: &Keep,
) -> Answer<Committed> {
    let (at, expected) = (from.at(), from.expected());
    let root = bench.root();
    root.move_to(&at, &expected, &rel(to), expected_to, keep)
        .await
}

/// Where files cannot be moved at all, `unsupported` is the right answer, and the end of the case.
fn movable<T>(bench: &Bench, answer: Answer<T>) -> Result<Answer<T>, Stop> {
    let bare = !bench.caps().atomic_move && !bench.caps().server_copy;
    if bare && matches!(&answer, Err(error) if error.cause == Cause::Unsupported) {
        return Err(Stop::NotApplicable(
            "neither moves nor copies on the server".into(),
        ));
    }
    Ok(answer)
}

fn refused(what: &str, answer: &Answer<Committed>) -> Outcome {
    match answer {
        Err(error) if is_refusal(error) => Ok(()),
        other => Err(Stop::broken(format!("{what} should be refused: {other:?}"))),
    }
}

pub(super) async fn a_file_moves_whole(bench: &Bench) -> Outcome {
    bench.folder("other").await?;
    for (nth, (from, to)) in [
        ("here", "there"),
        ("folder/a", "other/b"),
        ("up", "other/c"),
    ]
    .into_iter()
    .enumerate()
    {
        let source = bench.put(from, bytes_of(nth as u64, 3000 * nth)).await?;
        let answer = shift(bench, &source, to, &Expected::Absent, &Keep::No).await;
        let done = movable(bench, answer)??;
        check!(
            Some(&done.entry.name) == rel(to).name().as_ref() && done.landed_as.is_none(),
            "{from:?} was moved to {to:?} and landed as {done:?}"
        );
        bench.nothing_at(&source.path).await?;
        bench.holds(&rel(to), &source.bytes).await?;
        let shown = bench.entry(&rel(to)).await?;
        check!(
            shown.revision == done.entry.revision && shown.id == done.entry.id,
            "the move answered {:?} and stat shows {shown:?}",
            done.entry
        );
    }
    Ok(())
}

pub(super) async fn a_moved_file_keeps_its_id(bench: &Bench) -> Outcome {
    needs!(bench.caps().ids != Ids::None, "no ids");
    needs!(bench.caps().atomic_move, "a move is a copy and a delete");
    let source = bench.put("before", bytes_of(3, 3000)).await?;
    let answer = shift(bench, &source, "after", &Expected::Absent, &Keep::No).await;
    let done = movable(bench, answer)??;
    check!(
        done.entry.id == source.entry.id,
        "a move changed the id from {:?} to {:?}",
        source.entry.id,
        done.entry.id
    );
    Ok(())
}

pub(super) async fn a_moved_file_keeps_its_mtime(bench: &Bench) -> Outcome {
    needs!(bench.caps().mtime, "no mtime");
    let meta = super::metadata::dated(1_600_000_000_250_000_000);
    let source = bench.put_with("before", bytes_of(4, 3000), &meta).await?;
    let before = bench.entry(&source.path).await?.mtime;
    let answer = shift(bench, &source, "after", &Expected::Absent, &Keep::No).await;
    movable(bench, answer)??;
    let after = bench.entry(&rel("after")).await?.mtime;
    check!(
        before == after,
        "a move changed the mtime from {before:?} to {after:?}"
    );
    Ok(())
}

pub(super) async fn a_taken_name_is_not_moved_onto(bench: &Bench) -> Outcome {
    let source = bench.put("source", bytes_of(5, 3000)).await?;
    let taken = bench.put("taken", bytes_of(6, 500)).await?;
    let answer = shift(bench, &source, "taken", &Expected::Absent, &Keep::No).await;
    refused("moving onto a taken name", &movable(bench, answer)?)?;
    bench.holds(&source.path, &source.bytes).await?;
    bench.untouched(&taken).await
}

pub(super) async fn a_move_replaces_the_expected_revision(bench: &Bench) -> Outcome {
    let source = bench.put("source", bytes_of(7, 3000)).await?;
    let target = bench.put("target", bytes_of(8, 500)).await?;
    let keep = match bench.caps().versions {
        true => Keep::Version(key("move", &target.path)),
        false => Keep::No,
    };
    let answer = shift(bench, &source, "target", &target.expected(), &keep).await;
    let done = movable(bench, answer)??;
    check!(done.displaced.is_none(), "it was expected: {done:?}");
    bench.nothing_at(&source.path).await?;
    bench.holds(&target.path, &source.bytes).await?;
    if bench.caps().versions {
        let Some(version) = done.kept else {
            return Err(Stop::broken(
                "the replaced content was to be kept and was not",
            ));
        };
        let bytes = bench.version(&version).await?;
        check!(
            bytes == target.bytes,
            "the version is {}",
            differ(&bytes, &target.bytes)
        );
    }
    Ok(())
}

pub(super) async fn a_move_onto_another_revision_is_refused(bench: &Bench) -> Outcome {
    let source = bench.put("source", bytes_of(9, 3000)).await?;
    let old = bench.put("target", bytes_of(10, 500)).await?;
    let new = bench.put("target", bytes_of(11, 500)).await?;
    let answer = shift(bench, &source, "target", &old.expected(), &Keep::No).await;
    refused("moving onto another revision", &movable(bench, answer)?)?;
    bench.holds(&source.path, &source.bytes).await?;
    bench.untouched(&new).await
}

pub(super) async fn another_revision_is_not_moved(bench: &Bench) -> Outcome {
    let old = bench.put("source", bytes_of(12, 3000)).await?;
    let new = bench.put("source", bytes_of(13, 3000)).await?;
    let answer = shift(bench, &old, "target", &Expected::Absent, &Keep::No).await;
    refused("moving another revision", &movable(bench, answer)?)?;
    bench.untouched(&new).await?;
    bench.nothing_at(&rel("target")).await
}

pub(super) async fn what_is_gone_is_not_moved(bench: &Bench) -> Outcome {
    let source = bench.put("source", bytes_of(14, 3000)).await?;
    bench.outsider_removes(&source.path).await?;
    let answer = shift(bench, &source, "target", &Expected::Absent, &Keep::No).await;
    refused("moving what is gone", &movable(bench, answer)?)?;
    bench.nothing_at(&rel("target")).await
}

pub(super) async fn a_move_needs_a_folder_to_go_to(bench: &Bench) -> Outcome {
    needs!(!bench.subject.flat, "folders are implied by names here");
    let source = bench.put("source", bytes_of(15, 3000)).await?;
    let answer = shift(
        bench,
        &source,
        "no/such/target",
        &Expected::Absent,
        &Keep::No,
    )
    .await;
    let answer = movable(bench, answer)?;
    check!(
        matches!(&answer, Err(error) if error.cause == Cause::NotFound),
        "a missing parent should fail with not_found: {answer:?}"
    );
    bench.holds(&source.path, &source.bytes).await
}

/// Renames to another spelling of the same name, as far as the storage takes it for one.
async fn respell(bench: &Bench, from: &str, to: &str) -> Outcome {
    let source = bench.put(from, bytes_of(16, 3000)).await?;
    let answer = shift(bench, &source, to, &Expected::Absent, &Keep::No).await;
    let done = movable(bench, answer)??;
    check!(
        done.entry.name.as_str() == to,
        "{to:?} shows as {:?}",
        done.entry.name
    );
    check!(done.displaced.is_none(), "it displaced itself: {done:?}");
    bench.holds(&rel(to), &source.bytes).await?;
    bench
        .listed(&RelPath::root(), Depth::Children, |tree| {
            tree.has_files(&[to])
        })
        .await
        .map(drop)
}

pub(super) async fn a_name_changes_its_case_alone(bench: &Bench) -> Outcome {
    respell(bench, "Report.TXT", "report.txt").await
}

pub(super) async fn a_name_changes_its_unicode_form_alone(bench: &Bench) -> Outcome {
    respell(bench, "u\u{308}ber", "\u{fc}ber").await
}

/// A folder with files at two depths.
async fn full_folder(bench: &Bench, name: &str) -> Result<(Locator, Expected, [Placed; 2]), Stop> {
    let files = [
        bench.put(&format!("{name}/a"), bytes_of(17, 300)).await?,
        bench
            .put(&format!("{name}/inner/b"), bytes_of(18, 300))
            .await?,
    ];
    let path = rel(name);
    let entry = bench.entry(&path).await?;
    let expected = Expected::Revision(entry.revision.clone());
    Ok((locate(&path, &entry), expected, files))
}

pub(super) async fn a_folder_moves_with_all_below_if_declared(bench: &Bench) -> Outcome {
    let (at, expected, files) = full_folder(bench, "folder").await?;
    bench.folder("other").await?;
    let root = bench.root();
    let to = rel("other/moved");
    let answer = root
        .move_to(&at, &expected, &to, &Expected::Absent, &Keep::No)
        .await;
    if !bench.caps().folder_move {
        check!(
            matches!(&answer, Err(error) if error.cause == Cause::Unsupported),
            "without folder_move it should fail with unsupported: {answer:?}"
        );
        for file in files {
            bench.untouched(&file).await?;
        }
        return Ok(());
    }
    let done = answer?;
    check!(done.entry.name.as_str() == "moved", "it landed as {done:?}");
    if bench.caps().ids != Ids::None {
        check!(
            done.entry.id == at.id,
            "a moved folder has another id: {done:?}"
        );
    }
    bench.nothing_at(&at.path).await?;
    bench
        .listed(&RelPath::root(), Depth::Subtree, |tree| {
            tree.has_files(&["other/moved/a", "other/moved/inner/b"])
        })
        .await?;
    bench.holds(&rel("other/moved/a"), &files[0].bytes).await?;
    bench
        .holds(&rel("other/moved/inner/b"), &files[1].bytes)
        .await
}

pub(super) async fn a_folder_is_not_moved_onto_another(bench: &Bench) -> Outcome {
    needs!(bench.caps().folder_move, "no folder_move");
    let (at, expected, mine) = full_folder(bench, "mine").await?;
    let (_, _, theirs) = full_folder(bench, "theirs").await?;
    bench.folder("empty").await?;
    let file = bench.put("file", bytes_of(19, 30)).await?;
    for to in ["theirs", "empty", "file"] {
        let root = bench.root();
        let answer = root
            .move_to(&at, &expected, &rel(to), &Expected::Absent, &Keep::No)
            .await;
        refused("moving a folder onto a taken name", &answer)?;
    }
    for placed in mine.iter().chain(&theirs).chain([&file]) {
        bench.untouched(placed).await?;
    }
    Ok(())
}

pub(super) async fn a_folder_is_not_moved_into_itself(bench: &Bench) -> Outcome {
    needs!(bench.caps().folder_move, "no folder_move");
    let (at, expected, files) = full_folder(bench, "folder").await?;
    for to in ["folder/itself", "folder/inner/itself"] {
        let root = bench.root();
        let answer = root
            .move_to(&at, &expected, &rel(to), &Expected::Absent, &Keep::No)
            .await;
        check!(
            answer.is_err(),
            "a folder was moved into itself: {answer:?}"
        );
    }
    for file in files {
        bench.untouched(&file).await?;
    }
    Ok(())
}

pub(super) async fn a_folder_changes_its_case_alone(bench: &Bench) -> Outcome {
    needs!(bench.caps().folder_move, "no folder_move");
    let (at, expected, _) = full_folder(bench, "Folder").await?;
    let root = bench.root();
    let to = rel("folder");
    root.move_to(&at, &expected, &to, &Expected::Absent, &Keep::No)
        .await?;
    bench
        .listed(&RelPath::root(), Depth::Subtree, |tree| {
            tree.has_files(&["folder/a", "folder/inner/b"])
        })
        .await
        .map(drop)
}

pub(super) async fn two_names_are_swapped_through_a_third(bench: &Bench) -> Outcome {
    let one = bench.put("one", bytes_of(20, 300)).await?;
    let two = bench.put("two", bytes_of(21, 400)).await?;
    let answer = shift(bench, &one, "third", &Expected::Absent, &Keep::No).await;
    let aside = Placed {
        path: rel("third"),
        entry: movable(bench, answer)??.entry,
        bytes: one.bytes.clone(),
    };
    shift(bench, &two, "one", &Expected::Absent, &Keep::No).await?;
    shift(bench, &aside, "two", &Expected::Absent, &Keep::No).await?;
    bench.holds(&rel("one"), &two.bytes).await?;
    bench.holds(&rel("two"), &one.bytes).await?;
    bench.nothing_at(&rel("third")).await
}
