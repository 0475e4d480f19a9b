//! What an entry says beside its bytes: times, the executable bit, links, ids, hashes, revisions.

use std::collections::BTreeSet;

use tandem_core::capabilities::{AtomicWrite, Ids};
use tandem_core::entry::{Entry, Kind, Mtime};
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::{Depth, Discard, Expected, Keep, Meta};
use tandem_core::time::Timestamp;

use super::bench::{Bench, Placed, rel, write};
use super::body::{Body, bytes_of};
use super::hashing::{disagreement, hash};
use super::outcome::{Outcome, Stop, check, needs};

/// Metadata with an mtime that a client sets.
pub(super) fn dated(nanos: i64) -> Meta {
    Meta {
        mtime: Some(Mtime {
            at: Timestamp(nanos),
            by_client: true,
        }),
        ..Meta::default()
    }
}

fn shows_time(bench: &Bench, entry: &Entry, nanos: i64) -> Outcome {
    let precision = bench.caps().mtime_precision.max(1);
    let near = entry
        .mtime
        .is_some_and(|mtime| mtime.by_client && mtime.at.distance(Timestamp(nanos)) < precision);
    check!(
        near,
        "the mtime {nanos} shows as {:?}, with a precision of {precision} ns",
        entry.mtime
    );
    Ok(())
}

pub(super) async fn an_mtime_comes_back_within_its_precision(bench: &Bench) -> Outcome {
    if !bench.caps().mtime {
        let meta = dated(1_600_000_000_000_000_000);
        let placed = bench.put_with("undated", bytes_of(1, 10), &meta).await?;
        let shown = bench.entry(&placed.path).await?.mtime;
        check!(
            shown.is_none_or(|mtime| !mtime.by_client),
            "mtimes are not declared, and {shown:?} claims to be set by a client"
        );
        return Ok(());
    }
    for (nth, nanos) in [
        1_000_000_000_123_456_789,
        1_234_567_890_999_999_999,
        1_700_000_001_500_000_000,
        1_700_000_002_000_000_000,
        4_102_444_800_000_000_001,
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("dated-{nth}");
        let placed = bench
            .put_with(&name, bytes_of(2, 10), &dated(nanos))
            .await?;
        shows_time(bench, &placed.entry, nanos)?;
        shows_time(bench, &bench.entry(&placed.path).await?, nanos)?;
    }
    Ok(())
}

pub(super) async fn metadata_is_set_without_touching_content(bench: &Bench) -> Outcome {
    let nanos = 1_555_555_555_750_000_000;
    let placed = bench.put("file", bytes_of(3, 3000)).await?;
    let root = bench.root();
    let (at, expected) = (placed.at(), placed.expected());
    let entry = match root.set_meta(&at, &expected, &dated(nanos)).await {
        Ok(entry) => entry,
        Err(error) if error.cause == Cause::Unsupported => {
            bench.untouched(&placed).await?;
            return Err(Stop::NotApplicable("set_meta is unsupported".into()));
        }
        Err(error) => return Err(error.into()),
    };
    bench.holds(&placed.path, &placed.bytes).await?;
    let shown = bench.entry(&placed.path).await?;
    check!(
        shown.revision == entry.revision && shown.id == placed.entry.id,
        "set_meta answered {entry:?} and stat shows {shown:?}"
    );
    check!(
        !bench.caps().revision_is_content || entry.revision == placed.entry.revision,
        "the revision stands for the content, and changed with the mtime"
    );
    if bench.caps().mtime {
        shows_time(bench, &shown, nanos)?;
    }
    Ok(())
}

pub(super) async fn metadata_of_another_revision_is_not_set(bench: &Bench) -> Outcome {
    let old = bench.put("file", bytes_of(4, 3000)).await?;
    let new = bench.put("file", bytes_of(5, 3000)).await?;
    let root = bench.root();
    let meta = dated(1_555_555_555_000_000_000);
    match root.set_meta(&old.at(), &old.expected(), &meta).await {
        Ok(entry) => Err(Stop::broken(format!(
            "it was set on another revision: {entry:?}"
        ))),
        Err(error) if error.cause == Cause::Unsupported => {
            Err(Stop::NotApplicable("set_meta is unsupported".into()))
        }
        Err(error) => {
            check!(
                error.cause == Cause::PreconditionFailed,
                "it should fail with precondition_failed: {error}"
            );
            bench.untouched(&new).await
        }
    }
}

pub(super) async fn the_executable_bit_is_kept_if_declared(bench: &Bench) -> Outcome {
    let meta = |executable| Meta {
        executable,
        ..Meta::default()
    };
    if !bench.caps().executable {
        let placed = bench
            .put_with("plain", bytes_of(6, 10), &meta(Some(true)))
            .await?;
        let shown = bench.entry(&placed.path).await?.executable;
        check!(
            shown.is_none(),
            "there is no such bit, and it shows as {shown:?}"
        );
        return Ok(());
    }
    for (step, (set, shows)) in [
        (None, false),
        (Some(true), true),
        (None, true),
        (Some(false), false),
        (None, false),
    ]
    .into_iter()
    .enumerate()
    {
        let body = bytes_of(step as u64, 10);
        let placed = bench.put_with("program", body, &meta(set)).await?;
        let shown = bench.entry(&placed.path).await?.executable;
        check!(
            shown == Some(shows),
            "step {step}: set to {set:?}, the bit shows as {shown:?}"
        );
    }
    Ok(())
}

async fn link(bench: &Bench, path: &str, target: &str) -> tandem_core::error::Result<Entry> {
    let meta = Meta {
        target: Some(target.into()),
        ..Meta::default()
    };
    let body = Body::honest(Vec::new());
    let path = rel(path);
    let expected = Expected::Absent;
    let done = write(bench.root(), &path, body, &meta, expected, Keep::No).await?;
    Ok(done.entry)
}

pub(super) async fn a_link_is_held_as_text_if_declared(bench: &Bench) -> Outcome {
    let targets = [
        "file",
        "no such file",
        "../../outside",
        "/etc/passwd",
        "\u{fc}/x",
    ];
    for (nth, target) in targets.into_iter().enumerate() {
        let name = format!("link-{nth}");
        let made = link(bench, &name, target).await;
        if !bench.caps().symlinks {
            check!(
                matches!(&made, Err(error) if error.cause == Cause::Unsupported),
                "without symlinks it should fail with unsupported: {made:?}"
            );
            bench.nothing_at(&rel(&name)).await?;
            continue;
        }
        made?;
        let shown = bench.entry(&rel(&name)).await?;
        check!(
            shown.kind == Kind::Symlink && shown.target.as_deref() == Some(target),
            "a link to {target:?} shows as {shown:?}"
        );
    }
    if !bench.caps().symlinks {
        return Ok(());
    }
    bench
        .listed(&RelPath::root(), Depth::Subtree, |tree| {
            let links = tree.entries().into_values();
            let links = links.filter(|entry| entry.kind == Kind::Symlink).count();
            if links == targets.len() {
                return Ok(());
            }
            Err(format!("{links} of {} links are listed", targets.len()))
        })
        .await
        .map(drop)
}

pub(super) async fn a_link_is_never_followed(bench: &Bench) -> Outcome {
    needs!(bench.caps().symlinks, "no symlinks");
    let inside = bench.put("folder/inside", bytes_of(7, 70)).await?;
    link(bench, "link", "folder").await?;
    bench
        .listed(&RelPath::root(), Depth::Subtree, |tree| {
            tree.has_files(&["folder/inside"])
        })
        .await?;
    let through = rel("link/inside");
    let seen = bench.root().stat(&through.clone().into()).await;
    check!(
        !matches!(&seen, Ok(Some(_))),
        "stat followed a link out of its folder: {seen:?}"
    );
    let meta = Meta::default();
    for path in ["link/new", "link/inside"] {
        let body = Body::honest(bytes_of(8, 80));
        let done = write(
            bench.root(),
            &rel(path),
            body,
            &meta,
            Expected::Any,
            Keep::No,
        )
        .await;
        check!(
            done.is_err(),
            "{path:?} was written through a link: {done:?}"
        );
    }
    let expected = inside.expected();
    let root = bench.root();
    let gone = root
        .delete(&through.into(), &expected, &Keep::No, Discard::Forever)
        .await;
    check!(
        !matches!(&gone, Ok(done) if !done.was_absent),
        "delete followed a link: {gone:?}"
    );
    bench.untouched(&inside).await?;
    bench.nothing_at(&rel("folder/new")).await
}

pub(super) async fn a_link_is_replaced_and_deleted_like_a_file(bench: &Bench) -> Outcome {
    needs!(bench.caps().symlinks, "no symlinks");
    let aim = bench.put("aim", bytes_of(9, 90)).await?;
    let entry = link(bench, "link", "aim").await?;
    let path = rel("link");
    let at = super::bench::locate(&path, &entry);
    let expected = Expected::Revision(entry.revision);
    bench.tick().await;
    let body = Body::honest(bytes_of(10, 100));
    let meta = Meta::default();
    let done = write(bench.root(), &path, body, &meta, expected.clone(), Keep::No).await?;
    check!(
        done.entry.kind == Kind::File,
        "a file in place of a link: {done:?}"
    );
    bench.untouched(&aim).await?;
    let root = bench.root();
    let stale = root
        .delete(&at, &expected, &Keep::No, Discard::Forever)
        .await;
    check!(
        !matches!(&stale, Ok(done) if !done.was_absent),
        "the link was replaced and then deleted: {stale:?}"
    );
    bench.untouched(&aim).await
}

pub(super) async fn ids_tell_items_apart(bench: &Bench) -> Outcome {
    let mut ids = BTreeSet::new();
    for name in ["a", "b", "folder/a"] {
        let placed = bench.put(name, bytes_of(11, 10)).await?;
        let id = bench.entry(&placed.path).await?.id;
        check!(
            id.is_some() == (bench.caps().ids != Ids::None),
            "{name:?} has the id {id:?}; declared are {:?}",
            bench.caps().ids
        );
        check!(
            id.is_none() || ids.insert(id.clone()),
            "two files have the id {id:?}"
        );
    }
    Ok(())
}

pub(super) async fn a_strong_id_stays_and_is_never_given_again(bench: &Bench) -> Outcome {
    needs!(bench.caps().ids == Ids::Strong, "ids are not strong");
    let mut seen = BTreeSet::new();
    for round in 0..10 {
        let first = bench.put("reborn", bytes_of(round, 10)).await?;
        let second = bench.put("reborn", bytes_of(100 + round, 10)).await?;
        check!(
            first.entry.id == second.entry.id,
            "an edit changed the id from {:?} to {:?}",
            first.entry.id,
            second.entry.id
        );
        check!(
            seen.insert(second.entry.id.clone()),
            "the id {:?} was given again",
            second.entry.id
        );
        bench.outsider_removes(&second.path).await?;
        let gone = bench.root().stat(&second.at()).await?;
        check!(gone.is_none(), "a deleted id shows as {gone:?}");
    }
    Ok(())
}

pub(super) async fn every_hash_is_right_and_the_declared_are_there(bench: &Bench) -> Outcome {
    for (seed, len) in [(12, 0), (13, 1), (14, 5000), (15, 4 * 1024 * 1024 + 1)] {
        let Placed { path, entry, bytes } = bench.put("hashed", bytes_of(seed, len)).await?;
        let shown = bench.entry(&path).await?;
        for entry in [&entry, &shown] {
            if let Some(what) = disagreement(entry, &bytes) {
                return Err(Stop::broken(format!("of {len} bytes: {what}")));
            }
        }
        // Put together from parts, content may have no hash of the whole.
        let whole = bench
            .subject
            .parts_from
            .is_none_or(|from| len < from as usize);
        for kind in bench.caps().hashes.iter().filter(|_| whole) {
            check!(
                shown.hash(*kind) == Some(&hash(*kind, &bytes)),
                "{kind:?} is declared, and of {len} bytes stat names {:?}",
                shown.hashes
            );
        }
    }
    Ok(())
}

pub(super) async fn a_revision_changes_with_every_content(bench: &Bench) -> Outcome {
    let mut seen: Vec<Entry> = Vec::new();
    for round in 0..4 {
        // The same length and the same mtime: nothing but the content differs.
        let meta = dated(1_600_000_000_000_000_000);
        let placed = bench
            .put_with("edited", bytes_of(round, 500), &meta)
            .await?;
        let same = seen
            .iter()
            .find(|before| before.revision == placed.entry.revision);
        check!(
            same.is_none(),
            "another content has the revision of {same:?}"
        );
        seen.push(placed.entry);
    }
    let before = bench.entry(&rel("edited")).await?;
    bench
        .outsider_puts(&rel("edited"), bytes_of(9, 500))
        .await?;
    let after = bench.entry(&rel("edited")).await?;
    check!(
        before.revision != after.revision,
        "an outsider's edit left the revision {:?}",
        after.revision
    );
    Ok(())
}

pub(super) async fn a_revision_that_is_content_changes_with_nothing_else(bench: &Bench) -> Outcome {
    needs!(bench.caps().revision_is_content, "no revision_is_content");
    needs!(
        bench.caps().atomic_write != AtomicWrite::No,
        "atomic_write: no"
    );
    let one = bench.put("rewritten", bytes_of(16, 500)).await?;
    let two = bench.put("rewritten", bytes_of(16, 500)).await?;
    check!(
        one.entry.revision == two.entry.revision,
        "the same content has the revisions {:?} and {:?}",
        one.entry.revision,
        two.entry.revision
    );
    Ok(())
}
