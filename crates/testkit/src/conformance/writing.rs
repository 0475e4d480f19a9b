//! Writing: staged where nobody sees it, committed as a whole or not at all (DESIGN 6.5, P4).

use std::sync::Arc;

use tandem_core::capabilities::AtomicWrite;
use tandem_core::error::Cause;
use tandem_core::storage::{Commit, Committed, Depth, Expected, Keep, Meta, ResumeSink};
use tandem_core::{error::StorageError, path::RelPath};

use super::bench::{Bench, Placed, at_once, beside, commit, is_refusal, rel, write};
use super::body::{Body, Claim, Ear, Fault, bytes_of};
use super::hashing::disagreement;
use super::outcome::{Outcome, Stop, check, needs};

const MIB: u64 = 1024 * 1024;

/// Lengths at which this storage does something else than below.
fn lengths(bench: &Bench) -> Vec<u64> {
    let mut all = vec![0, 1, 4095, 4096, 4097, 65_535, 65_536, 65_537];
    let Some(parts) = bench.caps().parts else {
        return all;
    };
    let budget = if bench.subject.big {
        160 * MIB
    } else {
        40 * MIB
    };
    let threshold = bench.subject.parts_from.unwrap_or(50 * MIB);
    for edge in [
        parts.smallest,
        threshold,
        threshold.next_multiple_of(parts.smallest.max(1)) + parts.smallest,
        threshold + 3 * parts.smallest,
    ] {
        all.extend([edge.saturating_sub(1), edge, edge + 1]);
    }
    all.sort_unstable();
    all.dedup();
    all.retain(|len| *len <= budget);
    all
}

pub(super) async fn every_size_around_a_part_boundary_arrives_whole(bench: &Bench) -> Outcome {
    let path = rel("sizes");
    for (seed, len) in lengths(bench).into_iter().enumerate() {
        let placed = bench
            .put("sizes", bytes_of(seed as u64, len as usize))
            .await?;
        bench.holds(&path, &placed.bytes).await?;
        if let Some(what) = disagreement(&bench.entry(&path).await?, &placed.bytes) {
            return Err(Stop::broken(format!("of {len} bytes: {what}")));
        }
    }
    Ok(())
}

pub(super) async fn the_threshold_of_parts_is_crossed_without_a_seam(bench: &Bench) -> Outcome {
    needs!(bench.caps().parts.is_some(), "no parts");
    needs!(
        bench.subject.parts_from.is_some() || bench.subject.big,
        "parts begin at 50 MiB and big bodies are not allowed here"
    );
    let threshold = bench.subject.parts_from.unwrap_or(50 * MIB);
    for len in [threshold - 1, threshold, threshold + 1] {
        let placed = bench.put("threshold", bytes_of(len, len as usize)).await?;
        bench.holds(&placed.path, &placed.bytes).await?;
    }
    Ok(())
}

/// Writes a faulty body and checks that it fails, that `path` is as it was and nothing else is to be seen.
async fn fails_without_a_trace(
    bench: &Bench,
    fault: fn(u64) -> Fault,
    causes: &[Cause],
) -> Outcome {
    let long = bench.subject.parts_from.filter(|len| *len <= 40 * MIB);
    for len in [200_000, long.unwrap_or(300_000) + 70_000] {
        let fault = fault(len);
        let old = bench.put("folder/old", bytes_of(1, 1234)).await?;
        let fresh = rel("folder/fresh");
        bench.tick().await;
        for (path, expected) in [(&fresh, Expected::Absent), (&old.path, old.expected())] {
            let body = Body::new(bytes_of(2, len as usize), fault);
            let meta = Meta::default();
            let done = write(bench.root(), path, body, &meta, expected, Keep::No).await;
            match done {
                Ok(committed) => {
                    return Err(Stop::broken(format!(
                        "a body with {fault:?} was committed: {committed:?}"
                    )));
                }
                Err(error) => check!(
                    causes.contains(&error.cause),
                    "a body with {fault:?} should fail with one of {causes:?}: {error}"
                ),
            }
        }
        bench.nothing_at(&fresh).await?;
        bench.untouched(&old).await?;
        bench
            .listed(&RelPath::root(), Depth::Subtree, |tree| {
                tree.has_files(&["folder/old"])
            })
            .await?;
    }
    Ok(())
}

pub(super) async fn a_short_body_fails_and_leaves_nothing(bench: &Bench) -> Outcome {
    let faults: [fn(u64) -> Fault; 4] = [
        |_| Fault::EndsAt(0),
        |_| Fault::EndsAt(1),
        |len| Fault::EndsAt(len / 2),
        |len| Fault::EndsAt(len - 1),
    ];
    for fault in faults {
        fails_without_a_trace(bench, fault, &[Cause::HashMismatch]).await?;
    }
    Ok(())
}

pub(super) async fn a_long_body_fails_and_leaves_nothing(bench: &Bench) -> Outcome {
    fails_without_a_trace(bench, |_| Fault::GoesOn, &[Cause::HashMismatch]).await
}

pub(super) async fn a_body_that_breaks_fails_with_its_error(bench: &Bench) -> Outcome {
    let faults: [fn(u64) -> Fault; 2] = [
        |_| Fault::FailsAt(0, Cause::LocalIo),
        |len| Fault::FailsAt(len / 2, Cause::LocalIo),
    ];
    for fault in faults {
        fails_without_a_trace(bench, fault, &[Cause::LocalIo]).await?;
    }
    Ok(())
}

pub(super) async fn a_body_that_changes_meanwhile_fails_and_leaves_nothing(
    bench: &Bench,
) -> Outcome {
    let fault = |len| Fault::FailsAt(len / 2, Cause::PreconditionFailed);
    let causes = [Cause::PreconditionFailed, Cause::HashMismatch];
    fails_without_a_trace(bench, fault, &causes).await
}

pub(super) async fn a_body_is_never_taken_under_a_wrong_hash(bench: &Bench) -> Outcome {
    needs!(!bench.caps().mutates_content, "the server changes content");
    let path = rel("two-minds");
    let body = Body::new(bytes_of(3, 300_000), Fault::ChangesBetweenReads);
    let sink: Arc<dyn ResumeSink> = Ear::new();
    let meta = Meta::default();
    let staged = bench
        .root()
        .stage(&path, body.clone(), &meta, None, sink.clone())
        .await;
    let Ok(staged) = staged else {
        return bench.nothing_at(&path).await;
    };
    let claimed = staged.hashes.clone();
    let done = commit(bench.root(), staged, Expected::Absent, Keep::No, Some(sink)).await;
    if done.is_err() {
        return bench.nothing_at(&path).await;
    }
    let found = bench.bytes_at(&path).await?;
    let whole = (0..body.reads().max(1)).any(|nth| body.variant(nth) == found);
    check!(whole, "the file mixes two readings of its body");
    let mut entry = bench.entry(&path).await?;
    entry.hashes.extend(claimed);
    match disagreement(&entry, &found) {
        None => Ok(()),
        Some(what) => Err(Stop::broken(format!(
            "the body was read {} times, and what it is said to be is not what lies there: {what}",
            body.reads()
        ))),
    }
}

pub(super) async fn staged_content_is_not_seen_before_its_commit(bench: &Bench) -> Outcome {
    let old = bench.put("folder/old", bytes_of(4, 100)).await?;
    let fresh = rel("folder/fresh");
    let sink: Arc<dyn ResumeSink> = Ear::new();
    let meta = Meta::default();
    bench.tick().await;
    let mut staged = Vec::new();
    for path in [&fresh, &old.path] {
        let body = Body::honest(bytes_of(5, 90_000));
        let root = bench.root();
        staged.push(root.stage(path, body, &meta, None, sink.clone()).await?);
    }
    bench.nothing_at(&fresh).await?;
    bench.untouched(&old).await?;
    bench
        .listed(&RelPath::root(), Depth::Subtree, |tree| {
            tree.has_files(&["folder/old"])
        })
        .await?;
    if let Some(outsider) = &bench.subject.outsider {
        let seen = outsider.get("folder/fresh").await;
        check!(
            seen == Ok(None),
            "an outsider sees staged content: {seen:?}"
        );
    }
    for staged in staged {
        bench.root().discard(&staged.token).await?;
    }
    bench.nothing_at(&fresh).await?;
    bench.untouched(&old).await
}

pub(super) async fn what_a_commit_answers_is_what_stat_shows(bench: &Bench) -> Outcome {
    for (nth, len) in [(0, 10), (1, 20_000), (2, 0)] {
        let placed = bench.put("folder/answered", bytes_of(nth, len)).await?;
        let shown = bench.entry(&placed.path).await?;
        let told = &placed.entry;
        check!(
            (&told.name, told.kind, told.size) == (&shown.name, shown.kind, shown.size)
                && told.revision == shown.revision
                && told.id == shown.id,
            "commit answered {told:?} and stat shows {shown:?}"
        );
        check!(
            told.same_by_hash(&shown) != Some(false),
            "commit and stat name other hashes: {told:?}, {shown:?}"
        );
    }
    Ok(())
}

pub(super) async fn a_commit_lands_where_it_was_sent(bench: &Bench) -> Outcome {
    let path = rel("lands-here");
    let meta = Meta::default();
    let body = Body::honest(bytes_of(6, 300));
    let done = write(bench.root(), &path, body, &meta, Expected::Absent, Keep::No).await?;
    let Committed {
        entry,
        displaced,
        landed_as,
        kept,
    } = done;
    check!(
        Some(&entry.name) == path.name().as_ref(),
        "it landed as {entry:?}"
    );
    check!(
        displaced.is_none() && landed_as.is_none() && kept.is_none(),
        "an undisturbed commit answers displaced {displaced:?}, landed as {landed_as:?}, kept {kept:?}"
    );
    Ok(())
}

/// Stages one body per path and commits them as one group.
async fn group(
    bench: &Bench,
    members: &[(RelPath, Expected)],
) -> Result<Vec<Result<Committed, StorageError>>, Stop> {
    let sink: Arc<dyn ResumeSink> = Ear::new();
    let mut group = Vec::new();
    for (nth, (path, expected)) in members.iter().enumerate() {
        let body = Body::honest(bytes_of(100 + nth as u64, 500 + nth));
        let meta = Meta::default();
        let root = bench.root();
        group.push(Commit {
            staged: root.stage(path, body, &meta, None, sink.clone()).await?,
            expected: expected.clone(),
            keep: Keep::No,
            sink: Some(sink.clone()),
        });
    }
    let answers = bench.root().commit(group).await;
    check!(
        answers.len() == members.len(),
        "{} answers to a group of {}",
        answers.len(),
        members.len()
    );
    Ok(answers)
}

async fn arrived(bench: &Bench, nth: usize, path: &RelPath) -> Outcome {
    if bench.caps().mutates_content {
        return bench.bytes_at(path).await.map(drop);
    }
    bench
        .holds(path, &bytes_of(100 + nth as u64, 500 + nth))
        .await
}

pub(super) async fn a_group_is_answered_member_by_member_in_order(bench: &Bench) -> Outcome {
    bench.folder("one").await?;
    bench.folder("two").await?;
    let names = ["z", "one/b", "a", "two/c", "one/a", "m", "two/0"];
    let members: Vec<_> = names.map(|name| (rel(name), Expected::Absent)).into();
    for (nth, answer) in group(bench, &members).await?.into_iter().enumerate() {
        let entry = answer?.entry;
        let path = &members[nth].0;
        check!(
            Some(&entry.name) == path.name().as_ref() && entry.size > 0,
            "member {nth}, {path:?}, is answered with {entry:?}"
        );
        arrived(bench, nth, path).await?;
    }
    Ok(())
}

pub(super) async fn a_failing_member_does_not_take_its_group_with_it(bench: &Bench) -> Outcome {
    let taken = bench.put("taken", bytes_of(7, 77)).await?;
    let edited = bench.put("edited", bytes_of(8, 88)).await?;
    bench.outsider_puts(&edited.path, bytes_of(9, 99)).await?;
    let members = [
        (rel("first"), Expected::Absent),
        (taken.path.clone(), Expected::Absent),
        (rel("middle"), Expected::Absent),
        (edited.path.clone(), edited.expected()),
        (rel("last"), Expected::Absent),
    ];
    let answers = group(bench, &members).await?;
    for (nth, answer) in answers.into_iter().enumerate() {
        match (nth, answer) {
            (1 | 3, Err(error)) => check!(is_refusal(&error), "member {nth}: {error}"),
            (1 | 3, Ok(done)) => check!(
                done.displaced.is_some() || done.landed_as.is_some(),
                "member {nth} had a wrong expectation and was done: {done:?}"
            ),
            (_, Ok(_)) => arrived(bench, nth, &members[nth].0).await?,
            (_, Err(error)) => {
                return Err(Stop::broken(format!(
                    "member {nth} failed because of another: {error}"
                )));
            }
        }
    }
    Ok(())
}

pub(super) async fn an_empty_group_is_answered_with_nothing(bench: &Bench) -> Outcome {
    let answers = bench.root().commit(Vec::new()).await;
    check!(answers.is_empty(), "{} answers to nothing", answers.len());
    Ok(bench.root().settle().await?)
}

pub(super) async fn progress_ends_exactly_at_the_total(bench: &Bench) -> Outcome {
    for len in lengths(bench) {
        let ear = Ear::new();
        let path = rel(&format!("progress-{len}"));
        let body = Body::honest(bytes_of(len, len as usize));
        let meta = Meta::default();
        let sink: Arc<dyn ResumeSink> = ear.clone();
        let root = bench.root();
        let staged = root.stage(&path, body, &meta, None, sink.clone()).await?;
        check!(
            staged.len == len,
            "{len} bytes were staged as {}",
            staged.len
        );
        commit(root, staged, Expected::Absent, Keep::No, Some(sink)).await?;
        check!(
            ear.total() == len,
            "progress of {len} bytes ended at {}",
            ear.total()
        );
    }
    Ok(())
}

pub(super) async fn a_file_needs_its_folder(bench: &Bench) -> Outcome {
    let path = rel("no/such/folder/file");
    let body = Body::honest(bytes_of(10, 10));
    let meta = Meta::default();
    match write(bench.root(), &path, body, &meta, Expected::Absent, Keep::No).await {
        Ok(_) => {
            needs!(!bench.subject.flat, "folders are implied by names here");
            Err(Stop::broken(
                "a file was put into a folder that is not there",
            ))
        }
        Err(error) => {
            check!(
                error.cause == Cause::NotFound,
                "a missing parent should fail with not_found: {error}"
            );
            bench.nothing_at(&rel("no")).await
        }
    }
}

pub(super) async fn what_was_written_is_there_after_a_restart(bench: &Bench) -> Outcome {
    let placed = bench.put("folder/lasting", bytes_of(11, 4321)).await?;
    bench.root().settle().await?;
    let again = bench.reopened().await;
    let shown = again.stat(&placed.path.clone().into()).await?;
    let Some(shown) = shown else {
        return Err(Stop::broken("after a restart the file is absent"));
    };
    check!(
        shown.revision == placed.entry.revision && shown.id == placed.entry.id,
        "after a restart the file shows as {shown:?}; it was {:?}",
        placed.entry
    );
    let stream = again.read(&placed.at(), &placed.entry, 0, u64::MAX).await?;
    let bytes = super::bench::collect(stream).await?;
    check!(bytes == placed.bytes, "after a restart it has other bytes");
    Ok(())
}

/// Reads `path` once and says whether it is one of the two contents.
async fn old_or_new(bench: &Bench, path: &RelPath, bodies: [&[u8]; 2]) -> Outcome {
    let found = async {
        let root = bench.root();
        let Some(entry) = root.stat(&path.clone().into()).await? else {
            return Ok(None);
        };
        let stream = root.read(&path.clone().into(), &entry, 0, u64::MAX).await?;
        super::bench::collect(stream).await.map(Some)
    };
    match found.await {
        Ok(Some(bytes)) => check!(
            bodies.contains(&&bytes[..]),
            "a reader saw {} bytes that are neither the old nor the new content",
            bytes.len()
        ),
        Ok(None) => {
            return Err(Stop::broken(
                "a reader found a gap where a file is replaced",
            ));
        }
        Err(error) => check!(
            matches!(error.cause, Cause::PreconditionFailed | Cause::NotFound),
            "a reader beside a writer met {error}"
        ),
    }
    Ok(())
}

pub(super) async fn a_reader_sees_old_or_new_never_a_part(bench: &Bench) -> Outcome {
    needs!(
        bench.caps().atomic_write != AtomicWrite::No,
        "atomic_write: no"
    );
    needs!(!bench.caps().mutates_content, "the server changes content");
    let bodies = [bytes_of(12, 100_000), bytes_of(13, 150_000)];
    let mut last = bench.put("watched", bodies[0].clone()).await?;
    for round in 1..6 {
        bench.tick().await;
        let body = Body::honest(bodies[round % 2].clone());
        let (meta, path) = (Meta::default(), last.path.clone());
        let expected = last.expected();
        let writer = write(bench.root(), &path, body, &meta, expected, Keep::No);
        let written = beside(writer, || {
            old_or_new(bench, &path, [&bodies[0], &bodies[1]])
        })
        .await?;
        last = Placed {
            entry: written?.entry,
            ..last
        };
    }
    Ok(())
}

pub(super) async fn files_written_side_by_side_all_arrive(bench: &Bench) -> Outcome {
    bench.folder("many").await?;
    let names: Vec<_> = (0..40).map(|nth| format!("many/{nth}")).collect();
    let writes = names
        .iter()
        .enumerate()
        .map(|(nth, name)| bench.put(name, bytes_of(nth as u64, 100 * nth)));
    for placed in at_once(writes).await {
        let placed = placed?;
        bench.holds(&placed.path, &placed.bytes).await?;
    }
    Ok(())
}

pub(super) async fn a_file_larger_than_the_storage_takes_is_refused(bench: &Bench) -> Outcome {
    let Some(largest) = bench.caps().largest_file else {
        return Err(Stop::NotApplicable("no largest file".into()));
    };
    let path = rel("giant");
    let meta = Meta::default();
    let body = Arc::new(Claim(largest + 1));
    match write(bench.root(), &path, body, &meta, Expected::Absent, Keep::No).await {
        Ok(_) => Err(Stop::broken(
            "a file of more than the largest length was taken",
        )),
        Err(error) => {
            check!(
                error.cause == Cause::TooLarge,
                "it should be refused as too_large before a byte is read: {error}"
            );
            bench.nothing_at(&path).await
        }
    }
}
