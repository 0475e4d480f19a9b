//! The list of providers: the page that is made of it, and what it takes to get into it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

mod drawer;
mod made_up;
mod page;
mod refusing;
mod results;
mod same_words;

use std::path::Path;

use tandem_service::storages::providers;
use tandem_testkit::conformance::RECORD_FOLDER;

/// `./dev conformance --record` sets it: then the results of its run, and the page, are written anew. With `some` the
/// results of servers that were not in the run stay.
const RECORD: &str = "TANDEM_RECORD";

#[test]
fn the_page_is_what_the_results_give() {
    let record = std::env::var_os(RECORD);
    let is_recorded = record.is_some();
    // Without the folder of a run the page alone is written, as after a change of a descriptor.
    if let Some(recorded) = std::env::var_os(RECORD_FOLDER).filter(|_| is_recorded) {
        let (recorded, folder) = (Path::new(&recorded), results::folder());
        let of_all = record.is_some_and(|record| record != "some");
        results::write(&results::collect(recorded), &folder, of_all);
        results::write_losses(recorded, &folder, of_all);
    }
    let folder = results::folder();
    let losses = results::read_losses(&folder);
    let page = page::render(&providers(), &results::read(&folder), &losses);
    if is_recorded {
        std::fs::write(results::page(), &page).unwrap();
    }
    let written = std::fs::read_to_string(results::page()).unwrap();
    assert!(
        written == page,
        "docs/providers.md is not what the providers and docs/conformance give: ./dev conformance --record writes it"
    );
}
