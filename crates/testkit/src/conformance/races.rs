//! Races: where a condition is declared exactly one wins, and nobody's content is lost (DESIGN 6.2, P7).

use tandem_core::capabilities::Ids;
use tandem_core::error::{Cause, Result as Answer};
use tandem_core::path::RelPath;
use tandem_core::storage::{Committed, Discard, Expected, Keep, Meta, VersionKey};

use super::bench::{Bench, at_once, is_refusal, rel, write};
use super::body::{Body, bytes_of};
use super::outcome::{Outcome, Stop, check, needs};

/// How many race for one thing.
const RACERS: u64 = 8;

/// Where the displaced content of an answer lies.
fn displaced(answer: &Answer<Committed>) -> Option<VersionKey> {
    let done = answer.as_ref().ok()?;
    Some(done.displaced.as_ref()?.version.clone())
}

/// Whether an answer claims that nothing came in between.
fn is_clean(answer: &Answer<Committed>) -> bool {
    matches!(answer, Ok(done) if done.displaced.is_none() && done.landed_as.is_none())
}

/// Everything that can still be read: what is visible at `path`, where things landed and what was displaced.
async fn readable(
    bench: &Bench,
    path: &RelPath,
    answers: &[Answer<Committed>],
) -> Result<Vec<bytes::Bytes>, Stop> {
    let mut all = vec![bench.bytes_at(path).await?];
    for answer in answers {
        if let Some(version) = displaced(answer) {
            all.push(bench.version(&version).await?);
        }
        if let Ok(Committed {
            landed_as: Some(aside),
            ..
        }) = answer
        {
            all.push(bench.bytes_at(aside).await?);
        }
    }
    Ok(all)
}

/// Judges racers who each wrote their own body to `path`.
async fn judge(
    bench: &Bench,
    path: &RelPath,
    bodies: &[bytes::Bytes],
    answers: &[Answer<Committed>],
    declared: bool,
) -> Outcome {
    for answer in answers {
        if let Err(error) = answer {
            check!(
                is_refusal(error) || error.is_transient(),
                "who loses a race is told so: {error}"
            );
        }
    }
    let clean = answers.iter().filter(|answer| is_clean(answer)).count();
    let left = readable(bench, path, answers).await?;
    if !declared {
        check!(
            answers.iter().any(Result::is_ok),
            "all {} racers were refused",
            answers.len()
        );
        return Ok(());
    }
    check!(
        clean == 1,
        "{clean} of {} racers were told that they won",
        answers.len()
    );
    if bench.caps().mutates_content {
        return Ok(());
    }
    for (body, answer) in bodies.iter().zip(answers) {
        check!(
            answer.is_err() || left.contains(body),
            "what a racer committed is neither visible nor kept: {answer:?}"
        );
    }
    Ok(())
}

async fn race(bench: &Bench, path: &RelPath, len: usize, expected: Expected) -> RaceResult {
    let bodies: Vec<_> = (0..RACERS).map(|nth| bytes_of(50 + nth, len)).collect();
    let rivals = [bench.subject.root.clone(), bench.reopened().await];
    let runs = bodies.iter().enumerate().map(|(nth, body)| {
        let (root, expected) = (rivals[nth % 2].clone(), expected.clone());
        let body = Body::honest(body.clone());
        async move {
            let meta = Meta::default();
            write(&*root, path, body, &meta, expected, Keep::No).await
        }
    });
    let answers = at_once(runs).await;
    (bodies, answers)
}

/// Whether the storage declares to decide a race for bodies of this length.
fn declared(bench: &Bench, len: usize, condition: bool) -> bool {
    match bench.subject.parts_from {
        Some(from) if len as u64 >= from => bench.caps().conditions.finish_multipart,
        _ => condition,
    }
}

type RaceResult = (Vec<bytes::Bytes>, Vec<Answer<Committed>>);

pub(super) async fn of_many_creates_exactly_one_wins(bench: &Bench) -> Outcome {
    bench.folder("folder").await?;
    for round in 0..5 {
        let path = rel(&format!("folder/created-{round}"));
        let (bodies, answers) = race(bench, &path, 3000, Expected::Absent).await;
        let declared = declared(bench, 3000, bench.caps().conditions.create);
        judge(bench, &path, &bodies, &answers, declared).await?;
    }
    Ok(())
}

pub(super) async fn of_many_replacements_exactly_one_wins(bench: &Bench) -> Outcome {
    for round in 0..5 {
        let old = bench
            .put(&format!("replaced-{round}"), bytes_of(49, 3000))
            .await?;
        bench.tick().await;
        let (bodies, answers) = race(bench, &old.path, 3000, old.expected()).await;
        let declared = declared(bench, 3000, bench.caps().conditions.replace);
        judge(bench, &old.path, &bodies, &answers, declared).await?;
    }
    Ok(())
}

pub(super) async fn of_many_uploads_in_parts_exactly_one_wins(bench: &Bench) -> Outcome {
    needs!(bench.caps().parts.is_some(), "no parts");
    let Some(from) = bench.subject.parts_from else {
        return Err(Stop::NotApplicable("parts begin at 50 MiB here".into()));
    };
    let path = rel("in-parts");
    let (bodies, answers) = race(bench, &path, from as usize + 1, Expected::Absent).await;
    let declared = bench.caps().conditions.finish_multipart;
    judge(bench, &path, &bodies, &answers, declared).await
}

pub(super) async fn of_an_edit_and_a_delete_exactly_one_wins(bench: &Bench) -> Outcome {
    let conditions = bench.caps().conditions;
    needs!(
        declared(bench, 3000, conditions.replace) && conditions.delete,
        "replace and delete are not both conditional"
    );
    for round in 0..5 {
        let old = bench
            .put(&format!("disputed-{round}"), bytes_of(60, 3000))
            .await?;
        bench.tick().await;
        let rival = bench.reopened().await;
        let body = Body::honest(bytes_of(61, 3000));
        let (at, meta, expected) = (old.at(), Meta::default(), old.expected());
        let edit = write(
            bench.root(),
            &old.path,
            body,
            &meta,
            old.expected(),
            Keep::No,
        );
        let delete = rival.delete(&at, &expected, &Keep::No, Discard::Forever);
        let (edited, deleted) = futures_util::future::join(edit, delete).await;
        let swept = matches!(&deleted, Ok(done) if done.displaced.is_none() && !done.was_absent);
        check!(
            is_clean(&edited) != swept,
            "of an edit and a delete exactly one wins: {edited:?}, {deleted:?}"
        );
        if is_clean(&edited) && !bench.caps().mutates_content {
            bench.holds(&old.path, &bytes_of(61, 3000)).await?;
        }
    }
    Ok(())
}

pub(super) async fn deletes_at_once_all_end_well(bench: &Bench) -> Outcome {
    let old = bench.put("unwanted", bytes_of(62, 3000)).await?;
    let (at, expected) = (old.at(), old.expected());
    let rivals = [bench.subject.root.clone(), bench.reopened().await];
    let runs = (0..RACERS as usize).map(|nth| {
        let (root, at, expected) = (&rivals[nth % 2], &at, &expected);
        async move { root.delete(at, expected, &Keep::No, Discard::Forever).await }
    });
    for answer in at_once(runs).await {
        answer?;
    }
    bench.nothing_at(&old.path).await
}

fn unmovable(answers: &[Answer<Committed>]) -> bool {
    answers
        .iter()
        .any(|answer| matches!(answer, Err(error) if error.cause == Cause::Unsupported))
}

pub(super) async fn of_many_moves_onto_one_name_exactly_one_wins(bench: &Bench) -> Outcome {
    let mut sources = Vec::new();
    for nth in 0..RACERS {
        sources.push(
            bench
                .put(&format!("source-{nth}"), bytes_of(70 + nth, 3000))
                .await?,
        );
    }
    let target = rel("target");
    let rivals = [bench.subject.root.clone(), bench.reopened().await];
    let runs = sources.iter().enumerate().map(|(nth, source)| {
        let (root, target) = (&rivals[nth % 2], &target);
        async move {
            let (at, expected) = (source.at(), source.expected());
            root.move_to(&at, &expected, target, &Expected::Absent, &Keep::No)
                .await
        }
    });
    let answers = at_once(runs).await;
    needs!(!unmovable(&answers), "files cannot be moved");
    let clean = answers.iter().filter(|answer| is_clean(answer)).count();
    let declared = bench.caps().conditions.move_;
    check!(
        if declared { clean == 1 } else { clean > 0 },
        "{clean} moves onto one free name were told that they won"
    );
    if !declared {
        return Ok(());
    }
    let left = readable(bench, &target, &answers).await?;
    for (source, answer) in sources.iter().zip(&answers) {
        match answer {
            Ok(_) => check!(
                left.contains(&source.bytes),
                "what was moved is neither visible nor kept: {answer:?}"
            ),
            Err(error) => {
                check!(is_refusal(error), "who loses a race is told so: {error}");
                bench.holds(&source.path, &source.bytes).await?;
            }
        }
    }
    Ok(())
}

pub(super) async fn a_file_that_many_move_ends_up_once(bench: &Bench) -> Outcome {
    let source = bench.put("source", bytes_of(80, 3000)).await?;
    let targets: Vec<_> = (0..RACERS)
        .map(|nth| rel(&format!("target-{nth}")))
        .collect();
    let rivals = [bench.subject.root.clone(), bench.reopened().await];
    let runs = targets.iter().enumerate().map(|(nth, target)| {
        let (root, source) = (&rivals[nth % 2], &source);
        async move {
            let (at, expected) = (source.at(), source.expected());
            root.move_to(&at, &expected, target, &Expected::Absent, &Keep::No)
                .await
        }
    });
    let answers = at_once(runs).await;
    needs!(!unmovable(&answers), "files cannot be moved");
    let clean = answers.iter().filter(|answer| is_clean(answer)).count();
    check!(clean > 0, "all {} movers were refused", answers.len());
    if !bench.caps().conditions.move_ || !bench.caps().atomic_move {
        return Ok(());
    }
    // A strong id may be moved on by who comes next; a path is moved from once.
    check!(
        clean == 1 || bench.caps().ids == Ids::Strong,
        "{clean} moves of one file were told that they won"
    );
    let mut found = 0;
    for target in &targets {
        if bench.root().stat(&target.clone().into()).await?.is_some() {
            bench.holds(target, &source.bytes).await?;
            found += 1;
        }
    }
    check!(
        found == 1,
        "one file was moved and is now there {found} times"
    );
    bench.nothing_at(&source.path).await
}
