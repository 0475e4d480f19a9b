//! The conformance suite over SQLite.

use std::sync::Arc;

use tandem_core::environment::BoxFuture;
use tandem_testkit::conformance::{Place as Tested, Proof, Subject, suite};

use crate::bench::{FOLDER, World};
use crate::place::Place;

async fn fresh() -> Subject {
    let place = Arc::new(Place::file());
    let proof = Proof::of("db", || Ok(format!("SQLite {}", rusqlite::version())));
    subject(place, proof).await
}

/// A folder of `place` as a subject.
pub(crate) async fn subject(place: Arc<Place>, proof: Option<Proof>) -> Subject {
    let storage = place.made(World::new()).await;
    let root = storage.root(FOLDER).await.unwrap();
    let again = Arc::clone(&place);
    let reopen = move || {
        let place = Arc::clone(&again);
        Box::pin(async move { place.open(World::new()).root(FOLDER).await.unwrap() })
            as BoxFuture<Arc<dyn tandem_core::storage::Root>>
    };
    Subject {
        place: Some(Tested {
            storage,
            path: FOLDER.to_owned(),
        }),
        proof,
        ..Subject::new(root, Box::new(reopen), place)
    }
}

suite!(fresh);
