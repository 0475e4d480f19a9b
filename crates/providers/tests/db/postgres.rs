//! The conformance suite over PostgreSQL, and what only a server can do to a storage: refuse, vanish, come back.

mod faults;
mod protection;
mod refusals;
mod writers;

use std::sync::Arc;

use tandem_testkit::conformance::{Proof, Subject, run_abreast};

use crate::place::Place;
use crate::sqlite::subject;

async fn fresh() -> Subject {
    let place = Arc::new(Place::schema());
    let Place::Schema(server, _) = &*place else {
        unreachable!()
    };
    let proof = Proof::of("db", || server.version());
    subject(Arc::clone(&place), proof).await
}

/// In one process: the server takes longer to start than most cases to run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept() {
    let _started_once = Place::schema();
    run_abreast(fresh).await.assert_kept();
}
