//! The conformance suite over SQLite.

use std::sync::Arc;

use tandem_core::environment::BoxFuture;
use tandem_testkit::conformance::{Place, Proof, Subject, suite};

use crate::bench::{FOLDER, Scratch, World, made, open};

async fn fresh() -> Subject {
    let scratch = Scratch::new();
    let location = scratch.file();
    let storage = made(&location, World::new()).await;
    let root = storage.root(FOLDER).await.unwrap();
    let reopen = move || {
        let location = location.clone();
        Box::pin(async move {
            let storage = open(&location, World::new());
            storage.root(FOLDER).await.unwrap()
        }) as BoxFuture<Arc<dyn tandem_core::storage::Root>>
    };
    Subject {
        place: Some(Place {
            storage,
            path: FOLDER.to_owned(),
        }),
        proof: Proof::of("db", || Ok(format!("SQLite {}", rusqlite::version()))),
        ..Subject::new(root, Box::new(reopen), scratch)
    }
}

suite!(fresh);
