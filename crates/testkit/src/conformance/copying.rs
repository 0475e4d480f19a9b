//! Copies on the server: the source stays, both expectations hold.

use tandem_core::capabilities::Ids;
use tandem_core::error::{Cause, Result as Answer};
use tandem_core::storage::{Committed, Expected, Keep};

use super::bench::{Bench, Placed, at_once, differ, is_refusal, key, rel};
use super::body::bytes_of;
use super::outcome::{Outcome, Stop, check, needs};

async fn copy(
    bench: &Bench,
    from: &Placed,
    to: &str,
    expected_to: &Expected,
    keep: &Keep,
) -> Answer<Committed> {
    let (at, expected) = (from.at(), from.expected());
    let root = bench.root();
    root.copy(&at, &expected, &rel(to), expected_to, keep).await
}

fn refused(what: &str, answer: &Answer<Committed>) -> Outcome {
    match answer {
        Err(error) if is_refusal(error) => Ok(()),
        other => Err(Stop::broken(format!("{what} should be refused: {other:?}"))),
    }
}

pub(super) async fn a_copy_has_the_same_bytes_if_declared(bench: &Bench) -> Outcome {
    bench.folder("other").await?;
    for (seed, len) in [(1, 0), (2, 1), (3, 300_000)] {
        let source = bench.put(&format!("of-{len}"), bytes_of(seed, len)).await?;
        let to = format!("other/of-{len}");
        let answer = copy(bench, &source, &to, &Expected::Absent, &Keep::No).await;
        if !bench.caps().server_copy {
            check!(
                matches!(&answer, Err(error) if error.cause == Cause::Unsupported),
                "without server_copy it should fail with unsupported: {answer:?}"
            );
            return bench.nothing_at(&rel(&to)).await;
        }
        let done = answer?;
        check!(
            Some(&done.entry.name) == rel(&to).name().as_ref() && done.landed_as.is_none(),
            "it landed as {done:?}"
        );
        bench.untouched(&source).await?;
        bench.holds(&rel(&to), &source.bytes).await?;
        check!(
            bench.caps().ids == Ids::None || done.entry.id != source.entry.id,
            "a copy has the id of its source: {:?}",
            done.entry.id
        );
    }
    Ok(())
}

pub(super) async fn a_taken_name_is_not_copied_onto(bench: &Bench) -> Outcome {
    needs!(bench.caps().server_copy, "no server_copy");
    let source = bench.put("source", bytes_of(4, 3000)).await?;
    let old = bench.put("taken", bytes_of(5, 500)).await?;
    let taken = bench.put("taken", bytes_of(6, 500)).await?;
    for expected in [Expected::Absent, old.expected()] {
        let answer = copy(bench, &source, "taken", &expected, &Keep::No).await;
        refused("copying onto a taken name", &answer)?;
        bench.untouched(&taken).await?;
    }
    bench.untouched(&source).await
}

pub(super) async fn a_copy_replaces_the_expected_revision(bench: &Bench) -> Outcome {
    needs!(bench.caps().server_copy, "no server_copy");
    let source = bench.put("source", bytes_of(7, 3000)).await?;
    let target = bench.put("target", bytes_of(8, 500)).await?;
    let keep = match bench.caps().versions {
        true => Keep::Version(key("copy", &target.path)),
        false => Keep::No,
    };
    bench.tick().await;
    let done = copy(bench, &source, "target", &target.expected(), &keep).await?;
    check!(done.displaced.is_none(), "it was expected: {done:?}");
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

pub(super) async fn another_revision_is_not_copied(bench: &Bench) -> Outcome {
    needs!(bench.caps().server_copy, "no server_copy");
    let old = bench.put("source", bytes_of(9, 3000)).await?;
    let new = bench.put("source", bytes_of(10, 3000)).await?;
    let answer = copy(bench, &old, "target", &Expected::Absent, &Keep::No).await;
    refused("copying another revision", &answer)?;
    bench.untouched(&new).await?;
    bench.nothing_at(&rel("target")).await?;
    bench.outsider_removes(&new.path).await?;
    let answer = copy(bench, &new, "target", &Expected::Absent, &Keep::No).await;
    refused("copying what is gone", &answer)?;
    bench.nothing_at(&rel("target")).await
}

pub(super) async fn of_many_copies_onto_one_name_exactly_one_wins(bench: &Bench) -> Outcome {
    needs!(bench.caps().server_copy, "no server_copy");
    needs!(bench.caps().conditions.copy, "copying is not conditional");
    let mut sources = Vec::new();
    for nth in 0..6 {
        let name = format!("source-{nth}");
        sources.push(bench.put(&name, bytes_of(20 + nth, 3000)).await?);
    }
    let copies = sources
        .iter()
        .map(|source| copy(bench, source, "target", &Expected::Absent, &Keep::No));
    let answers = at_once(copies).await;
    let clean: Vec<_> = (0..sources.len())
        .filter(|nth| {
            matches!(&answers[*nth], Ok(done) if done.displaced.is_none() && done.landed_as.is_none())
        })
        .collect();
    check!(
        clean.len() == 1,
        "{} copies onto one free name were told that they won",
        clean.len()
    );
    bench.holds(&rel("target"), &sources[clean[0]].bytes).await
}
