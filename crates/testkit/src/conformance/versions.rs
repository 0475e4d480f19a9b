//! Versions: what was set aside can be read, put back and removed (DESIGN 5.6), and the trash.

use bytes::Bytes;
use tandem_core::error::{Cause, Result as Answer, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{Committed, Depth, Discard, Expected, Keep, Locator, Meta, VersionKey};

use super::bench::{Bench, Placed, collect, differ, is_refusal, key, locate, rel, write};
use super::body::{Body, bytes_of};
use super::outcome::{Outcome, Stop, check, needs};

async fn replace_keeping(
    bench: &Bench,
    old: &Placed,
    seed: u64,
    action: &str,
) -> Answer<Committed> {
    bench.tick().await;
    let body = Body::honest(bytes_of(seed, 4000));
    let (meta, keep) = (Meta::default(), Keep::Version(key(action, &old.path)));
    write(bench.root(), &old.path, body, &meta, old.expected(), keep).await
}

/// A file whose first content was kept; that content, its key, and the file as it is now.
async fn kept(bench: &Bench, path: &str) -> Result<(Placed, VersionKey, Placed), Stop> {
    let old = bench.put(path, bytes_of(1, 3000)).await?;
    let done = replace_keeping(bench, &old, 2, "replace").await?;
    let Some(version) = done.kept else {
        return Err(Stop::broken(
            "the replaced content was to be kept and was not",
        ));
    };
    let new = Placed {
        bytes: bench.bytes_at(&old.path).await?,
        entry: done.entry,
        path: old.path.clone(),
    };
    Ok((old, version, new))
}

pub(super) async fn replaced_content_is_kept(bench: &Bench) -> Outcome {
    needs!(bench.caps().versions, "no versions");
    let (old, version, new) = kept(bench, "folder/kept").await?;
    let bytes = bench.version(&version).await?;
    check!(
        bytes == old.bytes,
        "the version is {}",
        differ(&bytes, &old.bytes)
    );
    check!(new.bytes != old.bytes, "the new content is not there");
    check!(
        version.path() == &old.path,
        "the version is of {:?}",
        version.path()
    );
    Ok(())
}

pub(super) async fn deleted_content_is_kept(bench: &Bench) -> Outcome {
    needs!(bench.caps().versions, "no versions");
    let old = bench.put("folder/deleted", bytes_of(3, 3000)).await?;
    let keep = Keep::Version(key("delete", &old.path));
    let (at, expected) = (old.at(), old.expected());
    let root = bench.root();
    let done = root.delete(&at, &expected, &keep, Discard::Forever).await?;
    let Some(version) = done.kept else {
        return Err(Stop::broken(
            "the deleted content was to be kept and was not",
        ));
    };
    bench.nothing_at(&old.path).await?;
    let bytes = bench.version(&version).await?;
    check!(
        bytes == old.bytes,
        "the version is {}",
        differ(&bytes, &old.bytes)
    );
    Ok(())
}

pub(super) async fn a_keep_that_cannot_be_is_refused(bench: &Bench) -> Outcome {
    needs!(!bench.caps().versions, "there are versions");
    let old = bench.put("unkept", bytes_of(4, 3000)).await?;
    match replace_keeping(bench, &old, 5, "replace").await {
        Err(error) => {
            check!(
                error.cause == Cause::Unsupported,
                "keeping without versions should fail with unsupported: {error}"
            );
            bench.untouched(&old).await
        }
        Ok(done) => {
            let Some(version) = done.kept else {
                return Err(Stop::broken(
                    "the content was to be kept, and is silently lost",
                ));
            };
            let bytes = bench.version(&version).await?;
            check!(
                bytes == old.bytes,
                "the version is {}",
                differ(&bytes, &old.bytes)
            );
            Ok(())
        }
    }
}

pub(super) async fn versions_are_listed_newest_first(bench: &Bench) -> Outcome {
    needs!(bench.caps().versions, "no versions");
    let mut last = bench.put("often", bytes_of(6, 3000)).await?;
    let mut keys = Vec::new();
    for nth in 0..3 {
        bench.pause(std::time::Duration::from_millis(5)).await;
        let done = replace_keeping(bench, &last, 7 + nth, &format!("replace-{nth}")).await?;
        keys.push(done.kept.clone());
        last = Placed {
            entry: done.entry,
            ..last
        };
    }
    let listed = bench.root().versions(Some(&last.path)).await?;
    for pair in listed.windows(2) {
        check!(
            pair[0].kept_at >= pair[1].kept_at,
            "they are not listed newest first: {listed:?}"
        );
    }
    for version in keys.iter().flatten() {
        let Some(found) = listed.iter().find(|found| found.key == *version) else {
            return Err(Stop::broken(format!("{version:?} is kept and not listed")));
        };
        let size = bench.version(version).await?.len() as u64;
        check!(
            found.entry.size == size && Some(&found.entry.name) == last.path.name().as_ref(),
            "a version of {size} bytes is listed as {:?}",
            found.entry
        );
    }
    let all = bench.root().versions(None).await?;
    check!(
        keys.iter()
            .flatten()
            .all(|version| all.iter().any(|found| found.key == *version)),
        "the versions of everything leave some out"
    );
    Ok(())
}

pub(super) async fn a_path_has_its_own_versions(bench: &Bench) -> Outcome {
    needs!(bench.caps().versions, "no versions");
    let (_, one, _) = kept(bench, "folder/one").await?;
    let (_, two, _) = kept(bench, "folder/two").await?;
    let (_, same, _) = kept(bench, "other/one").await?;
    for (version, path) in [
        (&one, "folder/one"),
        (&two, "folder/two"),
        (&same, "other/one"),
    ] {
        let listed = bench.root().versions(Some(&rel(path))).await?;
        check!(
            listed.iter().any(|found| found.key == *version),
            "{path:?} does not list its version"
        );
        check!(
            listed.iter().all(|found| found.key.path() == &rel(path)),
            "{path:?} lists versions of others: {listed:?}"
        );
    }
    let none = bench.root().versions(Some(&rel("never"))).await?;
    check!(
        none.is_empty(),
        "a path that never was has versions: {none:?}"
    );
    Ok(())
}

pub(super) async fn a_version_is_read_in_ranges(bench: &Bench) -> Outcome {
    needs!(bench.caps().versions, "no versions");
    let (old, version, _) = kept(bench, "ranged").await?;
    let len = old.bytes.len() as u64;
    for (offset, length) in [
        (0, 1),
        (1, 100),
        (len - 1, 1),
        (len / 2, u64::MAX),
        (len, 10),
    ] {
        let stream = bench.root().read_version(&version, offset, length).await?;
        let found = collect(stream).await?;
        let end = offset.saturating_add(length).min(len);
        let wanted = old.bytes.slice(offset as usize..end as usize);
        check!(
            found == wanted,
            "the range {offset}+{length} of a version gives {}",
            differ(&found, &wanted)
        );
    }
    Ok(())
}

pub(super) async fn a_version_is_put_back(bench: &Bench) -> Outcome {
    needs!(bench.caps().versions, "no versions");
    let (old, version, new) = kept(bench, "folder/restored").await?;
    let aside = rel("folder/beside");
    let root = bench.root();
    let done = root
        .restore_version(&version, &aside, &Expected::Absent)
        .await?;
    check!(done.displaced.is_none(), "nothing was there: {done:?}");
    bench.holds(&aside, &old.bytes).await?;
    bench.untouched(&new).await?;
    bench.tick().await;
    let done = root
        .restore_version(&version, &new.path, &new.expected())
        .await;
    match done {
        Ok(_) => bench.holds(&new.path, &old.bytes).await,
        // Putting back may take the version out of its place.
        Err(error) if error.cause == Cause::NotFound => bench.untouched(&new).await,
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn a_version_is_not_put_over_another_content(bench: &Bench) -> Outcome {
    needs!(bench.caps().versions, "no versions");
    let (old, version, new) = kept(bench, "folder/disputed").await?;
    for expected in [Expected::Absent, old.expected()] {
        let root = bench.root();
        match root.restore_version(&version, &new.path, &expected).await {
            Ok(done) => {
                return Err(Stop::broken(format!(
                    "a version was put over what was not expected: {done:?}"
                )));
            }
            Err(error) => check!(is_refusal(&error), "it should be a lost race: {error}"),
        }
        bench.untouched(&new).await?;
        let bytes = bench.version(&version).await?;
        check!(bytes == old.bytes, "the version was lost in the attempt");
    }
    Ok(())
}

pub(super) async fn a_pruned_version_is_gone(bench: &Bench) -> Outcome {
    needs!(bench.caps().versions, "no versions");
    let (_, version, new) = kept(bench, "pruned").await?;
    let root = bench.root();
    for _ in 0..2 {
        root.prune_version(&version).await?;
        let listed = root.versions(Some(&new.path)).await?;
        check!(
            listed.iter().all(|found| found.key != version),
            "a pruned version is listed"
        );
        let read = async { collect(root.read_version(&version, 0, 10).await?).await };
        match read.await {
            Ok(_) => return Err(Stop::broken("a pruned version can be read")),
            Err(error) => check!(
                error.cause == Cause::NotFound,
                "a pruned version should fail with not_found: {error}"
            ),
        }
    }
    bench.untouched(&new).await
}

pub(super) async fn versions_outlast_a_restart(bench: &Bench) -> Outcome {
    needs!(bench.caps().versions, "no versions");
    let (old, version, _) = kept(bench, "lasting").await?;
    let again = bench.reopened().await;
    let listed = again.versions(Some(&old.path)).await?;
    check!(
        listed.iter().any(|found| found.key == version),
        "after a restart the version is not listed"
    );
    let bytes = collect(again.read_version(&version, 0, u64::MAX).await?).await?;
    check!(
        bytes == old.bytes,
        "after a restart the version is {}",
        differ(&bytes, &old.bytes)
    );
    Ok(())
}

pub(super) async fn versions_are_not_listed_as_files(bench: &Bench) -> Outcome {
    needs!(bench.caps().versions, "no versions");
    kept(bench, "folder/kept").await?;
    let again = bench.put("folder/kept", bytes_of(20, 10)).await?;
    let keep = Keep::Version(key("delete", &again.path));
    let (at, expected) = (again.at(), again.expected());
    bench
        .root()
        .delete(&at, &expected, &keep, Discard::Forever)
        .await?;
    bench
        .listed(&RelPath::root(), Depth::Subtree, |tree| tree.has_files(&[]))
        .await
        .map(drop)
}

pub(super) async fn a_lost_race_keeps_no_version_of_its_own(bench: &Bench) -> Outcome {
    needs!(bench.caps().versions, "no versions");
    let old = bench.put("raced", bytes_of(21, 3000)).await?;
    let theirs = bench.outsider_puts(&old.path, bytes_of(22, 3000)).await?;
    match replace_keeping(bench, &old, 23, "lost").await {
        Err(error) => {
            check!(is_refusal(&error), "it should be a lost race: {error}");
            bench.holds(&old.path, &theirs).await
        }
        Ok(done) => {
            let kept = [done.displaced.map(|displaced| displaced.version), done.kept];
            for version in kept.iter().flatten() {
                if bench.version(version).await? == theirs {
                    return Ok(());
                }
            }
            Err(Stop::broken("somebody else's content is in no version"))
        }
    }
}

async fn trash(
    bench: &Bench,
    at: &Locator,
    expected: &Expected,
) -> Result<tandem_core::storage::Deleted, StorageError> {
    let root = bench.root();
    root.delete(at, expected, &Keep::No, Discard::Trash).await
}

pub(super) async fn what_is_in_the_trash_can_be_restored(bench: &Bench) -> Outcome {
    let old = bench.put("folder/trashed", bytes_of(24, 3000)).await?;
    let answer = trash(bench, &old.at(), &old.expected()).await;
    if !bench.caps().trash {
        return match answer {
            Err(error) if error.cause == Cause::Unsupported => bench.untouched(&old).await,
            other => Err(Stop::broken(format!(
                "without a trash it should fail with unsupported: {other:?}"
            ))),
        };
    }
    let done = answer?;
    bench.nothing_at(&old.path).await?;
    let again = trash(bench, &old.at(), &old.expected()).await?;
    check!(again.was_absent, "it was in the trash already: {again:?}");
    let Some(version) = done.kept else {
        return Err(Stop::broken(
            "what is in the trash has no key to restore it by",
        ));
    };
    let root = bench.root();
    root.restore_version(&version, &old.path, &Expected::Absent)
        .await?;
    bench.holds(&old.path, &old.bytes).await
}

pub(super) async fn another_revision_is_not_put_into_the_trash(bench: &Bench) -> Outcome {
    needs!(bench.caps().trash, "no trash");
    let old = bench.put("edited", bytes_of(25, 3000)).await?;
    let new = bench.put("edited", bytes_of(26, 3000)).await?;
    match trash(bench, &old.at(), &old.expected()).await {
        Err(error) => check!(
            error.cause == Cause::PreconditionFailed,
            "it should fail with precondition_failed: {error}"
        ),
        Ok(done) => return Err(Stop::broken(format!("it was put into the trash: {done:?}"))),
    }
    bench.untouched(&new).await
}

/// A folder with files at two depths.
async fn full_folder(bench: &Bench) -> Result<(Locator, Expected, Vec<(RelPath, Bytes)>), Stop> {
    let mut files = Vec::new();
    for (seed, name) in (30..).zip(["folder/a", "folder/inner/b", "folder/inner/c"]) {
        let placed = bench.put(name, bytes_of(seed, 300)).await?;
        files.push((placed.path, placed.bytes));
    }
    let path = rel("folder");
    let entry = bench.entry(&path).await?;
    let expected = Expected::Revision(entry.revision.clone());
    Ok((locate(&path, &entry), expected, files))
}

pub(super) async fn a_full_folder_goes_into_the_trash_if_declared(bench: &Bench) -> Outcome {
    let (at, expected, files) = full_folder(bench).await?;
    let answer = trash(bench, &at, &expected).await;
    if !bench.caps().recursive_trash {
        let cause = answer.as_ref().err().map(|error| error.cause);
        check!(
            matches!(cause, Some(Cause::PreconditionFailed | Cause::Unsupported)),
            "a folder that is not empty went into the trash: {answer:?}"
        );
        for (path, bytes) in files {
            bench.holds(&path, &bytes).await?;
        }
        return Ok(());
    }
    let done = answer?;
    bench.nothing_at(&at.path).await?;
    let Some(version) = done.kept else {
        return Err(Stop::broken(
            "what is in the trash has no key to restore it by",
        ));
    };
    let root = bench.root();
    root.restore_version(&version, &at.path, &Expected::Absent)
        .await?;
    for (path, bytes) in files {
        bench.holds(&path, &bytes).await?;
    }
    Ok(())
}
