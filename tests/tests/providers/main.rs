//! The list of providers: the page that is made of it, and what it takes to get into it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

mod drawer;
mod made_up;
mod page;
mod results;

use std::path::Path;

use tandem_service::storages::providers;
use tandem_testkit::conformance::RECORD_FOLDER;

/// `./dev conformance --record` sets it: then the results of its run, and the page, are written anew. With `some` the
/// results of servers that were not in the run stay.
const RECORD: &str = "TANDEM_RECORD";

#[test]
fn the_page_is_what_the_results_give() {
    if let Some(record) = std::env::var_os(RECORD) {
        let recorded = std::env::var_os(RECORD_FOLDER).expect("the folder of the run");
        let found = results::collect(Path::new(&recorded));
        results::write(&found, &results::folder(), record != "some");
    }
    let page = page::render(&providers(), &results::read(&results::folder()));
    if std::env::var_os(RECORD).is_some() {
        std::fs::write(results::page(), &page).unwrap();
    }
    let written = std::fs::read_to_string(results::page()).unwrap();
    assert!(
        written == page,
        "docs/providers.md is not what the providers and docs/conformance give: ./dev conformance --record writes it"
    );
}
