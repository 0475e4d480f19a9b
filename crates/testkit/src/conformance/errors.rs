//! Errors say what happened and what can be done: a closed list of causes, never a secret (DESIGN 6.6).

use std::time::Duration;

use tandem_core::error::{Cause, ErrorKind, Result as Answer, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{Cursor, Depth, Discard, Expected, Keep, Meta};

use super::bench::{Bench, collect, key, rel, write};
use super::body::{Body, bytes_of};
use super::outcome::{Outcome, Stop, check, needs};
use super::tree::try_list;

fn is_auth<T>(what: &str, answer: Answer<T>) -> Outcome {
    match answer {
        Ok(_) => Err(Stop::broken(format!(
            "{what} works without good credentials"
        ))),
        Err(error) => {
            let denied = matches!(error.cause, Cause::AuthExpired | Cause::AuthDenied);
            check!(
                error.kind == ErrorKind::Auth && denied,
                "{what} without good credentials should ask to sign in: {error}"
            );
            Ok(())
        }
    }
}

pub(super) async fn expired_credentials_ask_to_sign_in(bench: &Bench) -> Outcome {
    let Some(expired) = &bench.subject.expired else {
        return Err(Stop::NotApplicable(
            "there are no credentials to expire".into(),
        ));
    };
    let placed = bench.put("file", bytes_of(1, 100)).await?;
    let root = expired().await;
    let path = RelPath::root();
    is_auth("a listing", try_list(&*root, &path, Depth::Subtree).await?)?;
    is_auth("stat", root.stat(&placed.path.clone().into()).await)?;
    let read = async {
        let stream = root.read(&placed.at(), &placed.entry, 0, 100).await?;
        collect(stream).await
    };
    is_auth("a read", read.await)?;
    let body = Body::honest(bytes_of(2, 100));
    let (fresh, meta) = (rel("fresh"), Meta::default());
    let done = write(&*root, &fresh, body, &meta, Expected::Absent, Keep::No).await;
    is_auth("a write", done)?;
    let (at, expected) = (placed.at(), placed.expected());
    let done = root
        .delete(&at, &expected, &Keep::No, Discard::Forever)
        .await;
    is_auth("a delete", done)?;
    is_auth("the identity", root.identity(true).await)?;
    bench.untouched(&placed).await
}

/// What every error must say, whatever it is.
fn speaks(error: &StorageError, path: Option<&RelPath>) -> Outcome {
    check!(
        !error.operation.is_empty(),
        "no operation is named: {error:?}"
    );
    check!(
        path.is_none() || error.path.as_ref() == path,
        "the path {path:?} is not named: {error:?}"
    );
    check!(
        error.kind == error.cause.usual_kind() || error.is_transient(),
        "the kind {:?} does not go with the cause: {error}",
        error.kind
    );
    Ok(())
}

pub(super) async fn an_error_names_operation_and_path(bench: &Bench) -> Outcome {
    let placed = bench.put("file", bytes_of(3, 100)).await?;
    let body = Body::honest(bytes_of(4, 100));
    let meta = Meta::default();
    let root = bench.root();
    let expected = Expected::Absent;
    let done = write(root, &placed.path, body, &meta, expected, Keep::No).await;
    let Err(error) = done else {
        return Err(Stop::broken("a taken name was created"));
    };
    speaks(&error, Some(&placed.path))?;
    bench.outsider_removes(&placed.path).await?;
    let read = async {
        let stream = root.read(&placed.at(), &placed.entry, 0, 100).await?;
        collect(stream).await
    };
    let Err(error) = read.await else {
        return Err(Stop::broken("a deleted file was read"));
    };
    speaks(&error, Some(&placed.path))?;
    check!(
        matches!(error.cause, Cause::NotFound | Cause::PreconditionFailed),
        "reading what is gone should fail with not_found: {error}"
    );
    Ok(())
}

fn is_unsupported<T: std::fmt::Debug>(what: &str, answer: Answer<T>) -> Outcome {
    match answer {
        Err(error) if error.cause == Cause::Unsupported => {
            check!(
                error.kind == ErrorKind::Permanent,
                "what is unsupported stays so: {error}"
            );
            speaks(&error, None)
        }
        other => Err(Stop::broken(format!(
            "{what} is not declared and should fail with unsupported: {other:?}"
        ))),
    }
}

pub(super) async fn what_is_not_declared_is_unsupported(bench: &Bench) -> Outcome {
    let (caps, root) = (bench.caps(), bench.root());
    let placed = bench.put("file", bytes_of(5, 100)).await?;
    if !caps.feed {
        is_unsupported("the cursor", root.cursor().await)?;
        let cursor = Cursor("of another storage".into());
        is_unsupported("the feed", root.changes(&cursor).await)?;
    }
    if !caps.waiting {
        let wait = root.wait(None, Duration::from_millis(10)).await;
        is_unsupported("waiting", wait)?;
    }
    if !caps.versions {
        is_unsupported("the list of versions", root.versions(None).await)?;
    }
    let (at, expected, absent) = (placed.at(), placed.expected(), Expected::Absent);
    if !caps.server_copy {
        let to = rel("copy");
        let done = root.copy(&at, &expected, &to, &absent, &Keep::No).await;
        is_unsupported("copying", done)?;
    }
    if !caps.trash {
        let done = root.delete(&at, &expected, &Keep::No, Discard::Trash).await;
        is_unsupported("the trash", done)?;
    }
    bench.untouched(&placed).await
}

pub(super) async fn a_version_that_never_was_is_not_found(bench: &Bench) -> Outcome {
    let (root, to) = (bench.root(), rel("restored"));
    let never = key("never", &rel("never"));
    let causes: &[Cause] = match bench.caps().versions {
        true => &[Cause::NotFound],
        false => &[Cause::NotFound, Cause::Unsupported],
    };
    let read = async { collect(root.read_version(&never, 0, 10).await?).await };
    let restored = root.restore_version(&never, &to, &Expected::Absent).await;
    for answer in [read.await.map(drop), restored.map(drop)] {
        check!(
            matches!(&answer, Err(error) if causes.contains(&error.cause)),
            "a version that never was should fail with one of {causes:?}: {answer:?}"
        );
    }
    match root.prune_version(&never).await {
        Err(error) if !bench.caps().versions && error.cause == Cause::Unsupported => {}
        other => other?,
    }
    bench.nothing_at(&to).await
}

pub(super) async fn reading_a_folder_fails(bench: &Bench) -> Outcome {
    bench.put("folder/file", bytes_of(6, 100)).await?;
    let path = rel("folder");
    let folder = bench.entry(&path).await?;
    let read = async {
        let at = super::bench::locate(&path, &folder);
        let stream = bench.root().read(&at, &folder, 0, 10).await?;
        collect(stream).await
    };
    match read.await {
        Ok(bytes) => Err(Stop::broken(format!(
            "a folder has {} bytes to read",
            bytes.len()
        ))),
        Err(error) => {
            check!(
                error.kind == ErrorKind::Permanent,
                "reading a folder fails for good: {error}"
            );
            speaks(&error, None)
        }
    }
}

pub(super) async fn free_space_and_settling_do_not_fail(bench: &Bench) -> Outcome {
    bench.root().free_space().await?;
    bench.root().settle().await?;
    bench.put("file", bytes_of(7, 100)).await?;
    bench.root().settle().await?;
    bench.root().leftovers().await?;
    Ok(())
}

pub(super) async fn a_new_storage_has_the_capabilities_of_its_root(bench: &Bench) -> Outcome {
    let Some(place) = &bench.subject.place else {
        return Err(Stop::NotApplicable("the subject names no storage".into()));
    };
    let again = place.storage.root(&place.path).await?;
    check!(
        again.capabilities() == bench.caps(),
        "two roots on one place declare different capabilities"
    );
    Ok(())
}

pub(super) async fn the_test_of_a_storage_is_green_and_leaves_nothing(bench: &Bench) -> Outcome {
    let Some(place) = &bench.subject.place else {
        return Err(Stop::NotApplicable("the subject names no storage".into()));
    };
    let heard = std::sync::Mutex::new(0);
    let report = |_: &_| *heard.lock().expect("nobody else has it") += 1;
    let found = place.storage.validate(&place.path, &report).await;
    let heard = *heard.lock().expect("nobody else has it");
    check!(
        heard == found.steps.len() && heard > 0,
        "{heard} steps were reported of {}",
        found.steps.len()
    );
    for step in &found.steps {
        check!(
            step.outcome.is_ok() && !step.title.is_empty(),
            "a step of the test failed: {step:?}"
        );
    }
    let capabilities = found.capabilities?;
    check!(
        capabilities.conditions == bench.caps().conditions,
        "the test found {:?}, declared are {:?}",
        capabilities.conditions,
        bench.caps().conditions
    );
    bench
        .listed(&RelPath::root(), Depth::Subtree, |tree| {
            if tree.paths().is_empty() {
                return Ok(());
            }
            Err(format!("the test left {:?}", tree.paths()))
        })
        .await?;
    if let Some(outsider) = &bench.subject.outsider {
        let left = outsider.list().await.map_err(Stop::broken)?;
        check!(left.is_empty(), "the test left {left:?}");
    }
    Ok(())
}

pub(super) async fn the_quota_is_told_if_declared(bench: &Bench) -> Outcome {
    let Some(place) = &bench.subject.place else {
        return Err(Stop::NotApplicable("the subject names no storage".into()));
    };
    let answer = place.storage.quota().await;
    if !bench.caps().quota {
        return is_unsupported("the quota", answer);
    }
    let quota = answer?;
    check!(
        quota.total.is_none_or(|total| quota.used <= total),
        "more is used than there is: {quota:?}"
    );
    Ok(())
}

pub(super) async fn a_storage_that_works_says_so(bench: &Bench) -> Outcome {
    let Some(place) = &bench.subject.place else {
        return Err(Stop::NotApplicable("the subject names no storage".into()));
    };
    bench.put("file", bytes_of(8, 100)).await?;
    let health = place.storage.health();
    check!(
        health.state == tandem_core::storage::HealthState::Ok,
        "a storage that works is {health:?}"
    );
    place.storage.shutdown().await;
    Ok(())
}

pub(super) async fn a_listing_without_a_root_says_so(bench: &Bench) -> Outcome {
    let Some(place) = &bench.subject.place else {
        return Err(Stop::NotApplicable("the subject names no storage".into()));
    };
    needs!(!bench.subject.flat, "folders are implied by names here");
    let path = format!("{}/no-such-folder", place.path);
    let root = match place.storage.root(&path).await {
        Ok(root) => root,
        Err(error) if error.cause == Cause::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for answer in [
        root.identity(true).await.map(drop),
        try_list(&*root, &RelPath::root(), Depth::Children)
            .await?
            .map(drop),
    ] {
        check!(
            matches!(&answer, Err(error) if error.cause == Cause::NotFound),
            "a root that is missing should fail with not_found: {answer:?}"
        );
    }
    Ok(())
}
