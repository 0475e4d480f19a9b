//! Interrupted work: uploads go on after a restart, a dropped future leaves old or new (P4, P8).

use std::sync::Arc;

use bytes::Bytes;
use tandem_core::capabilities::AtomicWrite;
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Commit, Depth, Discard, Expected, Keep, Meta, ResumeSink, ResumeToken, Root,
};

use super::bench::{Bench, DroppedAfter, commit, key, rel, write};
use super::body::{Body, Ear, Fault, bytes_of};
use super::hashing::disagreement;
use super::outcome::{Outcome, Stop, check, needs};

/// A length that is uploaded in several parts, where that is cheap to do.
fn long(bench: &Bench) -> usize {
    let parts = bench.caps().parts.map_or(0, |parts| parts.smallest * 3);
    let from = bench.subject.parts_from.unwrap_or(0).max(parts);
    let most = if bench.subject.big {
        u64::MAX
    } else {
        40 * 1024 * 1024
    };
    from.saturating_add(100_000)
        .clamp(1_000_000, most.max(1_000_000)) as usize
}

/// Stages `bytes` until it breaks near the end; the last token that was stored.
async fn interrupted(
    bench: &Bench,
    path: &RelPath,
    bytes: &Bytes,
) -> Result<Option<ResumeToken>, Stop> {
    let ear = Ear::new();
    let fault = Fault::FailsAt(bytes.len() as u64 - 1000, Cause::LocalIo);
    let body = Body::new(bytes.clone(), fault);
    let meta = Meta::default();
    let root = bench.root();
    match root.stage(path, body, &meta, None, ear.clone()).await {
        Err(error) => check!(error.cause == Cause::LocalIo, "the body broke: {error}"),
        Ok(staged) => check!(
            staged.content.is_some(),
            "a body that broke was staged: {staged:?}"
        ),
    }
    Ok(ear.token())
}

/// Stages and commits an honest body on `root`, going on from `token`.
async fn go_on(
    root: &dyn Root,
    path: &RelPath,
    body: Arc<Body>,
    token: Option<&ResumeToken>,
    ear: &Arc<Ear>,
) -> tandem_core::error::Result<tandem_core::storage::Committed> {
    let sink: Arc<dyn ResumeSink> = ear.clone();
    let meta = Meta::default();
    let staged = root.stage(path, body, &meta, token, sink.clone()).await?;
    commit(root, staged, Expected::Absent, Keep::No, Some(sink)).await
}

pub(super) async fn an_interrupted_upload_goes_on_after_a_restart(bench: &Bench) -> Outcome {
    let path = rel("folder/interrupted");
    bench.folder("folder").await?;
    let bytes = bytes_of(1, long(bench));
    let token = interrupted(bench, &path, &bytes).await?;
    bench.nothing_at(&path).await?;
    let again = bench.reopened().await;
    let (body, ear) = (Body::honest(bytes.clone()), Ear::new());
    let done = go_on(&*again, &path, body.clone(), token.as_ref(), &ear).await?;
    check!(done.displaced.is_none(), "nothing was there: {done:?}");
    check!(
        ear.total() == bytes.len() as u64,
        "progress of a resumed upload of {} bytes ended at {}",
        bytes.len(),
        ear.total()
    );
    if !bench.caps().mutates_content {
        bench.holds(&path, &bytes).await?;
    }
    // A storage that says from which length on it uploads in parts must not begin such an upload anew.
    check!(
        bench.subject.parts_from.is_none() || body.lowest_offset() != Some(0),
        "the upload began anew"
    );
    Ok(())
}

pub(super) async fn a_staged_upload_is_found_again_after_a_restart(bench: &Bench) -> Outcome {
    let path = rel("folder/staged");
    bench.folder("folder").await?;
    let bytes = bytes_of(2, long(bench));
    let (meta, ear) = (Meta::default(), Ear::new());
    let body = Body::honest(bytes.clone());
    let root = bench.root();
    let staged = root.stage(&path, body, &meta, None, ear.clone()).await?;
    let token = staged.token.clone();
    drop(staged);
    let again = bench.reopened().await;
    let (body, ear) = (Body::honest(bytes.clone()), Ear::new());
    go_on(&*again, &path, body, Some(&token), &ear).await?;
    if !bench.caps().mutates_content {
        bench.holds(&path, &bytes).await?;
    }
    bench
        .listed(&RelPath::root(), Depth::Subtree, |tree| {
            tree.has_files(&["folder/staged"])
        })
        .await
        .map(drop)
}

pub(super) async fn a_token_that_does_not_fit_is_no_obstacle(bench: &Bench) -> Outcome {
    bench.folder("folder").await?;
    let bytes = bytes_of(3, long(bench));
    let token = interrupted(bench, &rel("folder/one"), &bytes).await?;
    let made_up = ResumeToken("no token of any storage".into());
    let shorter = bytes.slice(..bytes.len() / 2);
    let cases = [
        ("folder/two", bytes.clone(), token.clone()),
        ("folder/one", shorter, token),
        ("folder/three", bytes_of(4, 70_000), Some(made_up)),
    ];
    for (path, bytes, token) in cases {
        let (path, body) = (rel(path), Body::honest(bytes.clone()));
        go_on(bench.root(), &path, body, token.as_ref(), &Ear::new()).await?;
        if !bench.caps().mutates_content {
            bench.holds(&path, &bytes).await?;
        }
    }
    Ok(())
}

pub(super) async fn a_token_of_other_content_makes_no_mix_under_a_wrong_hash(
    bench: &Bench,
) -> Outcome {
    needs!(!bench.caps().mutates_content, "the server changes content");
    let path = rel("changed-meanwhile");
    let (old, new) = (bytes_of(5, long(bench)), bytes_of(6, long(bench)));
    let token = interrupted(bench, &path, &old).await?;
    let (meta, sink) = (Meta::default(), Ear::new());
    let body = Body::honest(new.clone());
    let root = bench.root();
    let staged = root
        .stage(&path, body, &meta, token.as_ref(), sink.clone())
        .await;
    let Ok(staged) = staged else {
        return bench.nothing_at(&path).await;
    };
    let claimed = staged.hashes.clone();
    let done = commit(root, staged, Expected::Absent, Keep::No, Some(sink)).await;
    if done.is_err() {
        return bench.nothing_at(&path).await;
    }
    let found = bench.bytes_at(&path).await?;
    if found == new {
        return Ok(());
    }
    // Callers bind tokens to the source's revision; a storage that names hashes must not lie about the mix.
    let mut entry = bench.entry(&path).await?;
    entry.hashes.extend(claimed);
    needs!(!entry.hashes.is_empty(), "no hash is named on the way");
    match disagreement(&entry, &found) {
        None => Ok(()),
        Some(what) => Err(Stop::broken(format!("two contents were mixed: {what}"))),
    }
}

async fn has_leftover(bench: &Bench, token: &ResumeToken) -> Result<bool, Stop> {
    let left = bench.reopened().await.leftovers().await?;
    Ok(left.iter().any(|(found, _)| found == token))
}

pub(super) async fn discarding_is_done_once_and_for_all(bench: &Bench) -> Outcome {
    let path = rel("folder/unwanted");
    bench.folder("folder").await?;
    let bytes = bytes_of(7, long(bench));
    let (meta, ear) = (Meta::default(), Ear::new());
    let body = Body::honest(bytes.clone());
    let root = bench.root();
    let staged = root.stage(&path, body, &meta, None, ear.clone()).await?;
    let half = interrupted(bench, &path, &bytes).await?;
    let tokens = [Some(staged.token), ear.token(), half];
    for _ in 0..2 {
        for token in tokens.iter().flatten() {
            root.discard(token).await?;
        }
    }
    for token in tokens.iter().flatten() {
        check!(!has_leftover(bench, token).await?, "{token:?} is left over");
    }
    bench.nothing_at(&path).await?;
    if let Some(outsider) = &bench.subject.outsider {
        let left = outsider.list().await.map_err(Stop::broken)?;
        let left: Vec<_> = left
            .iter()
            .filter(|name| name.starts_with("folder/"))
            .collect();
        check!(left.is_empty(), "an outsider still sees {left:?}");
    }
    let placed = bench.put("folder/unwanted", bytes_of(8, 10)).await?;
    for token in tokens.iter().flatten() {
        bench.reopened().await.discard(token).await?;
    }
    bench.untouched(&placed).await
}

pub(super) async fn a_finished_commit_leaves_nothing_over(bench: &Bench) -> Outcome {
    let path = rel("folder/committed");
    bench.folder("folder").await?;
    let (meta, ear) = (Meta::default(), Ear::new());
    let body = Body::honest(bytes_of(9, long(bench)));
    let root = bench.root();
    let staged = root.stage(&path, body, &meta, None, ear.clone()).await?;
    let token = staged.token.clone();
    let done = commit(root, staged, Expected::Absent, Keep::No, Some(ear)).await?;
    root.settle().await?;
    check!(
        !has_leftover(bench, &token).await?,
        "{token:?} is left over"
    );
    root.discard(&token).await?;
    let shown = bench.entry(&path).await?;
    check!(
        shown.revision == done.entry.revision,
        "discarding what was committed changed the file: {shown:?}"
    );
    Ok(())
}

/// What lies at `path`, once work that may still go on behind a dropped future has ended.
async fn quiet(bench: &Bench, path: &RelPath) -> Result<Option<Bytes>, Stop> {
    let mut last = None;
    for _ in 0..50 {
        let found = async {
            let root = bench.root();
            let Some(entry) = root.stat(&path.clone().into()).await? else {
                return Ok(None);
            };
            let at = super::bench::locate(path, &entry);
            let stream = root.read(&at, &entry, 0, u64::MAX).await?;
            super::bench::collect(stream).await.map(Some)
        };
        let found = found.await;
        match (found, last.take()) {
            (Ok(found), Some(before)) if found == before => return Ok(found),
            (Ok(found), _) => last = Some(found),
            (Err(error), _) => check!(
                matches!(error.cause, Cause::PreconditionFailed | Cause::NotFound),
                "after a dropped future a read met {error}"
            ),
        }
        bench.pause(std::time::Duration::from_millis(5)).await;
    }
    Err(Stop::broken(format!("{path:?} does not come to rest")))
}

/// How often a future is polled before it is dropped.
const CUTS: [usize; 22] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 18, 20, 22, 26, 32, 40, 60,
];

pub(super) async fn a_dropped_write_leaves_old_or_new(bench: &Bench) -> Outcome {
    needs!(
        bench.caps().atomic_write != AtomicWrite::No,
        "atomic_write: no"
    );
    needs!(!bench.caps().mutates_content, "the server changes content");
    let bodies = [bytes_of(10, 20_000), bytes_of(11, 30_000)];
    for cut in CUTS {
        // What goes on behind a dropped future must not meet the next round: each has names of its own.
        let old = bench
            .put(&format!("folder/cut-{cut}"), bodies[0].clone())
            .await?;
        let fresh = rel(&format!("folder/fresh-{cut}"));
        bench.tick().await;
        for (path, expected) in [(&old.path, old.expected()), (&fresh, Expected::Absent)] {
            let body = Body::honest(bodies[1].clone());
            let meta = Meta::default();
            let work = write(bench.root(), path, body, &meta, expected, Keep::No);
            let done = DroppedAfter::new(cut, work).await;
            let found = quiet(bench, path).await?;
            let before = (path == &old.path).then(|| bodies[0].clone());
            match done {
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(_)) => check!(
                    found == Some(bodies[1].clone()),
                    "a finished write is not there"
                ),
                None => check!(
                    found == before || found == Some(bodies[1].clone()),
                    "a write that was dropped after {cut} polls left {:?} bytes",
                    found.map(|bytes| bytes.len())
                ),
            }
        }
    }
    Ok(())
}

pub(super) async fn a_dropped_group_leaves_each_member_old_or_new(bench: &Bench) -> Outcome {
    needs!(
        bench.caps().atomic_write != AtomicWrite::No,
        "atomic_write: no"
    );
    needs!(!bench.caps().mutates_content, "the server changes content");
    let bodies = [bytes_of(12, 3000), bytes_of(13, 4000)];
    for cut in CUTS {
        let (mut group, mut members) = (Vec::new(), Vec::new());
        for nth in 0..5 {
            let old = bench
                .put(&format!("member-{cut}-{nth}"), bodies[0].clone())
                .await?;
            members.push(old);
        }
        bench.tick().await;
        for old in &members {
            let (meta, sink) = (Meta::default(), Ear::new());
            let body = Body::honest(bodies[1].clone());
            let root = bench.root();
            group.push(Commit {
                staged: root
                    .stage(&old.path, body, &meta, None, sink.clone())
                    .await?,
                expected: old.expected(),
                keep: Keep::No,
                sink: Some(sink),
            });
        }
        DroppedAfter::new(cut, bench.root().commit(group)).await;
        for old in &members {
            let found = quiet(bench, &old.path).await?;
            check!(
                found.as_ref().is_some_and(|bytes| bodies.contains(bytes)),
                "a group that was dropped after {cut} polls left {:?} bytes",
                found.map(|bytes| bytes.len())
            );
        }
    }
    Ok(())
}

pub(super) async fn a_dropped_delete_loses_nothing_it_was_to_keep(bench: &Bench) -> Outcome {
    needs!(bench.caps().versions, "no versions");
    for cut in CUTS {
        let old = bench
            .put(&format!("folder/deleted-{cut}"), bytes_of(14, 3000))
            .await?;
        let keep = Keep::Version(key(&format!("delete-{cut}"), &old.path));
        let (at, expected) = (old.at(), old.expected());
        let root = bench.root();
        let work = root.delete(&at, &expected, &keep, Discard::Forever);
        DroppedAfter::new(cut, work).await;
        if quiet(bench, &old.path).await? == Some(old.bytes.clone()) {
            continue;
        }
        let mut kept = false;
        for version in root.versions(Some(&old.path)).await? {
            kept |= bench.version(&version.key).await? == old.bytes;
        }
        check!(
            kept,
            "a delete that was dropped after {cut} polls lost the file"
        );
    }
    Ok(())
}
