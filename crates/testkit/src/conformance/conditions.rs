//! Expectations: what must still be there at the instant of a change, and races for it (P7, P9).

use tandem_core::entry::Revision;
use tandem_core::error::{Cause, Result as Answer, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{Committed, Deleted, Discard, Expected, Keep, Meta};

use super::bench::{Bench, Placed, is_refusal, rel, write};
use super::body::{Body, bytes_of};
use super::outcome::{Outcome, Stop, check};

/// Writes `bytes` where `expected` must hold.
async fn replace(
    bench: &Bench,
    path: &RelPath,
    seed: u64,
    expected: Expected,
) -> Answer<Committed> {
    let body = Body::honest(bytes_of(seed, 4000));
    let meta = Meta::default();
    write(bench.root(), path, body, &meta, expected, Keep::No).await
}

/// Deletes what is at `placed` where its revision must hold.
async fn delete(bench: &Bench, placed: &Placed) -> Answer<Deleted> {
    let (at, expected) = (placed.at(), placed.expected());
    let root = bench.root();
    root.delete(&at, &expected, &Keep::No, Discard::Forever)
        .await
}

/// Checks that a change was refused, for one of these causes.
#[track_caller]
fn refused<T: std::fmt::Debug>(
    what: &str,
    answer: Result<T, StorageError>,
    causes: &[Cause],
) -> Outcome {
    match answer {
        Ok(done) => Err(Stop::broken(format!("{what} was done: {done:?}"))),
        Err(error) if is_refusal(&error) && causes.contains(&error.cause) => Ok(()),
        Err(error) => Err(Stop::broken(format!(
            "{what} should be refused with one of {causes:?}: {error}"
        ))),
    }
}

const TAKEN: &[Cause] = &[Cause::AlreadyExists, Cause::PreconditionFailed];
const CHANGED: &[Cause] = &[Cause::PreconditionFailed];
const GONE: &[Cause] = &[Cause::PreconditionFailed, Cause::NotFound];

/// A revision that `path` had and has no more, with the file that lies there now.
async fn superseded(bench: &Bench, path: &str) -> Result<(Placed, Placed), Stop> {
    let old = bench.put(path, bytes_of(1, 4000)).await?;
    let new = bench.put(path, bytes_of(2, 4000)).await?;
    Ok((old, new))
}

/// A file that was there and is deleted.
async fn gone(bench: &Bench, path: &str) -> Result<Placed, Stop> {
    let placed = bench.put(path, bytes_of(3, 4000)).await?;
    bench.outsider_removes(&placed.path).await?;
    Ok(placed)
}

pub(super) async fn a_free_name_can_be_created(bench: &Bench) -> Outcome {
    let placed = bench.put("free", bytes_of(4, 4000)).await?;
    bench.untouched(&placed).await
}

pub(super) async fn a_taken_name_is_not_created(bench: &Bench) -> Outcome {
    let taken = bench.put("taken", bytes_of(5, 100)).await?;
    let answer = replace(bench, &taken.path, 6, Expected::Absent).await;
    refused("creating a taken name", answer, TAKEN)?;
    bench.untouched(&taken).await
}

pub(super) async fn the_expected_revision_is_replaced(bench: &Bench) -> Outcome {
    let old = bench.put("edited", bytes_of(7, 100)).await?;
    bench.tick().await;
    let done = replace(bench, &old.path, 8, old.expected()).await?;
    check!(
        done.displaced.is_none() && done.landed_as.is_none(),
        "replacing the expected revision answers {done:?}"
    );
    if bench.caps().mutates_content {
        return Ok(());
    }
    bench.holds(&old.path, &bytes_of(8, 4000)).await
}

pub(super) async fn another_revision_is_not_replaced(bench: &Bench) -> Outcome {
    let (old, new) = superseded(bench, "raced").await?;
    let answer = replace(bench, &old.path, 9, old.expected()).await;
    refused("replacing another revision", answer, CHANGED)?;
    bench.untouched(&new).await
}

pub(super) async fn the_revision_of_another_file_does_not_do(bench: &Bench) -> Outcome {
    let one = bench.put("one", bytes_of(10, 4000)).await?;
    let two = bench.put("two", bytes_of(11, 4001)).await?;
    let answer = replace(bench, &one.path, 12, two.expected()).await;
    refused("replacing by another file's revision", answer, CHANGED)?;
    let none = Expected::Revision(Revision::Tag("no-such-revision".into()));
    let answer = replace(bench, &one.path, 13, none).await;
    refused("replacing by a made-up revision", answer, CHANGED)?;
    bench.untouched(&one).await
}

pub(super) async fn what_is_gone_is_not_replaced(bench: &Bench) -> Outcome {
    let placed = gone(bench, "gone").await?;
    let answer = replace(bench, &placed.path, 14, placed.expected()).await;
    refused("replacing what is gone", answer, GONE)?;
    bench.nothing_at(&placed.path).await
}

pub(super) async fn any_takes_whatever_is_there(bench: &Bench) -> Outcome {
    let path = rel("whatever");
    for seed in [15, 16] {
        bench.tick().await;
        let done = replace(bench, &path, seed, Expected::Any).await?;
        check!(
            done.displaced.is_none(),
            "nothing is unexpected where anything is expected: {done:?}"
        );
        if !bench.caps().mutates_content {
            bench.holds(&path, &bytes_of(seed, 4000)).await?;
        }
    }
    Ok(())
}

pub(super) async fn the_expected_revision_is_deleted(bench: &Bench) -> Outcome {
    let placed = bench.put("deleted", bytes_of(17, 100)).await?;
    let done = delete(bench, &placed).await?;
    check!(
        !done.was_absent && done.displaced.is_none(),
        "deleting the expected revision answers {done:?}"
    );
    bench.nothing_at(&placed.path).await
}

pub(super) async fn another_revision_is_not_deleted(bench: &Bench) -> Outcome {
    let (old, new) = superseded(bench, "edited").await?;
    let answer = delete(bench, &old).await;
    refused("deleting another revision", answer, CHANGED)?;
    bench.untouched(&new).await
}

pub(super) async fn deleting_what_is_gone_is_done(bench: &Bench) -> Outcome {
    let placed = bench.put("twice", bytes_of(18, 100)).await?;
    delete(bench, &placed).await?;
    for _ in 0..2 {
        let done = delete(bench, &placed).await?;
        check!(done.was_absent, "deleting what is gone answers {done:?}");
        check!(done.displaced.is_none(), "it displaced something: {done:?}");
    }
    let below = rel("no/such/folder/file");
    let expected = placed.expected();
    let root = bench.root();
    let done = root
        .delete(&below.into(), &expected, &Keep::No, Discard::Forever)
        .await?;
    check!(done.was_absent, "deleting below nothing answers {done:?}");
    Ok(())
}

/// After a change with a stale expectation: refused and theirs untouched, or done and theirs kept.
async fn theirs_is_not_lost<T: std::fmt::Debug>(
    bench: &Bench,
    path: &RelPath,
    theirs: &[u8],
    answer: Result<T, StorageError>,
    displaced: impl Fn(&T) -> Option<tandem_core::storage::Displaced>,
    landed_aside: impl Fn(&T) -> bool,
) -> Outcome {
    let done = match answer {
        Err(error) => {
            check!(is_refusal(&error), "it should be a lost race: {error}");
            return bench.holds(path, theirs).await;
        }
        Ok(done) => done,
    };
    if let Some(displaced) = displaced(&done) {
        let kept = bench.version(&displaced.version).await?;
        check!(
            kept == theirs,
            "the displaced version is not what was displaced: {}",
            super::bench::differ(&kept, theirs)
        );
        return Ok(());
    }
    check!(
        landed_aside(&done),
        "it went over somebody else's change without a word: {done:?}"
    );
    bench.holds(path, theirs).await
}

pub(super) async fn an_unseen_edit_is_not_lost_to_a_commit(bench: &Bench) -> Outcome {
    let seen = bench.put("edited", bytes_of(19, 4000)).await?;
    let theirs = bench.outsider_puts(&seen.path, bytes_of(20, 4000)).await?;
    let answer = replace(bench, &seen.path, 21, seen.expected()).await;
    theirs_is_not_lost(
        bench,
        &seen.path,
        &theirs,
        answer,
        |done| done.displaced.clone(),
        |done| done.landed_as.is_some(),
    )
    .await
}

pub(super) async fn an_unseen_file_is_not_lost_to_a_commit(bench: &Bench) -> Outcome {
    let path = rel("fresh");
    let theirs = bench.outsider_puts(&path, bytes_of(22, 500)).await?;
    let answer = replace(bench, &path, 23, Expected::Absent).await;
    theirs_is_not_lost(
        bench,
        &path,
        &theirs,
        answer,
        |done| done.displaced.clone(),
        |done| done.landed_as.is_some(),
    )
    .await
}

pub(super) async fn an_unseen_edit_is_not_lost_to_a_delete(bench: &Bench) -> Outcome {
    let seen = bench.put("edited", bytes_of(24, 4000)).await?;
    let theirs = bench.outsider_puts(&seen.path, bytes_of(25, 4000)).await?;
    let answer = delete(bench, &seen).await;
    theirs_is_not_lost(
        bench,
        &seen.path,
        &theirs,
        answer,
        |done| done.displaced.clone(),
        |_| false,
    )
    .await
}

pub(super) async fn an_unseen_file_is_not_lost_to_a_move(bench: &Bench) -> Outcome {
    let source = bench.put("source", bytes_of(26, 4000)).await?;
    let path = rel("target");
    let theirs = bench.outsider_puts(&path, bytes_of(27, 500)).await?;
    let root = bench.root();
    let (at, expected) = (source.at(), source.expected());
    let answer = root
        .move_to(&at, &expected, &path, &Expected::Absent, &Keep::No)
        .await;
    if matches!(&answer, Err(error) if error.cause == Cause::Unsupported) {
        return Err(Stop::NotApplicable("files cannot be moved".into()));
    }
    if answer.is_err() {
        bench.holds(&source.path, &source.bytes).await?;
    }
    theirs_is_not_lost(
        bench,
        &path,
        &theirs,
        answer,
        |done| done.displaced.clone(),
        |done| done.landed_as.is_some(),
    )
    .await
}

pub(super) async fn an_unseen_edit_between_stage_and_commit_is_not_lost(bench: &Bench) -> Outcome {
    let seen = bench.put("edited", bytes_of(28, 4000)).await?;
    let body = Body::honest(bytes_of(29, 100_000));
    let sink = super::body::Ear::new();
    let meta = Meta::default();
    let staged = bench
        .root()
        .stage(&seen.path, body, &meta, None, sink.clone())
        .await?;
    let theirs = bench.outsider_puts(&seen.path, bytes_of(30, 4000)).await?;
    let expected = seen.expected();
    let answer = super::bench::commit(bench.root(), staged, expected, Keep::No, Some(sink)).await;
    theirs_is_not_lost(
        bench,
        &seen.path,
        &theirs,
        answer,
        |done| done.displaced.clone(),
        |done| done.landed_as.is_some(),
    )
    .await
}
