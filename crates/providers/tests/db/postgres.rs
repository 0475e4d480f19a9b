//! The conformance suite over PostgreSQL, and what only a server can do to a storage: refuse, vanish, come back.

mod faults;
mod protection;
mod refusals;
mod writers;

use std::sync::Arc;

use tandem_testkit::conformance::{Proof, Subject, suite};

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

suite!(fresh);
