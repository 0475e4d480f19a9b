//! The identity of a root: made once, the same after a restart, another for another root (DESIGN 5.7).

use tandem_core::storage::{Identity, RootIdentity};

use super::bench::{Bench, at_once};
use super::body::bytes_of;
use super::outcome::{Outcome, Stop, check, needs};

async fn known(bench: &Bench) -> Result<RootIdentity, Stop> {
    let identity = bench.root().identity(true).await?;
    needs!(
        identity.identity != Identity::Weak,
        "the root has no identity that could be proven"
    );
    Ok(identity)
}

pub(super) async fn a_root_keeps_its_identity(bench: &Bench) -> Outcome {
    let first = known(bench).await?;
    let again = bench.reopened().await;
    bench.put("folder/file", bytes_of(1, 10)).await?;
    for create in [false, true] {
        for root in [bench.root(), &*again] {
            let now = root.identity(create).await?;
            check!(now == first, "the identity was {first:?} and is {now:?}");
        }
    }
    Ok(())
}

pub(super) async fn two_roots_have_two_identities(bench: &Bench) -> Outcome {
    let mine = known(bench).await?;
    let other = bench.another().await;
    let theirs = other.root.identity(true).await?;
    check!(
        mine.identity != theirs.identity,
        "two roots are both {mine:?}"
    );
    Ok(())
}

pub(super) async fn looking_at_the_identity_creates_none(bench: &Bench) -> Outcome {
    let looked = bench.root().identity(false).await?;
    if let Some(outsider) = &bench.subject.outsider {
        let left = outsider.list().await.map_err(Stop::broken)?;
        check!(left.is_empty(), "looking at the identity wrote {left:?}");
    }
    let made = known(bench).await?;
    check!(
        looked.identity == Identity::Weak || looked == made,
        "before it was made the identity was {looked:?}, then {made:?}"
    );
    Ok(())
}

pub(super) async fn an_identity_is_made_once(bench: &Bench) -> Outcome {
    needs!(
        bench.caps().conditions.create,
        "creating is not conditional"
    );
    let rivals = [bench.subject.root.clone(), bench.reopened().await];
    let asked = (0..8).map(|nth| {
        let root = &rivals[nth % 2];
        async move { root.identity(true).await }
    });
    let mut seen = Vec::new();
    for identity in at_once(asked).await {
        seen.push(identity?);
    }
    let last = known(bench).await?;
    for identity in seen {
        check!(
            identity == last,
            "made by many at once it was {identity:?} to one and is {last:?}"
        );
    }
    Ok(())
}
