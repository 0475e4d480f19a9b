//! `live TYPE`: the conformance suite against a real service, in a scratch folder that is removed at the end, also after
//! failures. What a person would type for the storage is taken from the environment (`docs/live.md`). Ends with 1 if
//! something was not kept, with 2 if nothing was run.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it is run in a terminal"
)]

mod place;
mod scratch;
mod variables;

use std::process::ExitCode;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tandem_core::storage::Provider;
use tandem_providers::registry::providers;
use tandem_testkit::conformance::{CASES, Verdict, run_one};

use place::Place;
use scratch::Scratch;
use variables::Variables;

#[tokio::main]
async fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    match run(&wanted).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::from(2)
        }
    }
}

/// Cases that run at once: many wait more than they do, and a service bears as much of one account.
const ABREAST: usize = 4;

/// Whether everything was kept; a sentence if nothing was run.
async fn run(wanted: &str) -> Result<bool, String> {
    let provider = find(wanted)?;
    let variables = Variables::read(provider.descriptor(), |name| std::env::var(name).ok())?;
    let place = Place::new(provider, variables)?;
    let storage = place.open(None)?;
    let scratch = Scratch::make(storage).await?;
    println!("scratch folder: {}", scratch.folder());
    // In a task of its own: whatever ends it, what it made is removed.
    let folder = scratch.folder().to_owned();
    let kept = tokio::spawn(check(Arc::new(place), folder)).await;
    let left = scratch.remove().await;
    for left in &left {
        println!("not removed: {left}");
    }
    match kept {
        Ok(kept) => Ok(kept && left.is_empty()),
        Err(broken) => {
            println!("the suite broke off: {broken}");
            Ok(false)
        }
    }
}

fn find(wanted: &str) -> Result<Arc<dyn Provider>, String> {
    let all = providers();
    let types: Vec<_> = all.iter().map(|one| one.descriptor().type_name).collect();
    let unknown = format!(
        "There is no storage type “{wanted}”; there are: {}.",
        types.join(", ")
    );
    let found = all
        .into_iter()
        .find(|one| one.descriptor().type_name == wanted);
    found.ok_or(unknown)
}

/// The storage's own test, then the suite by what that found.
async fn check(place: Arc<Place>, folder: String) -> bool {
    let storage = match place.open(None) {
        Ok(storage) => storage,
        Err(sentence) => {
            println!("{sentence}");
            return false;
        }
    };
    let tested = storage
        .validate(&folder, &|step| match &step.outcome {
            Ok(found) => println!("{}: {found}", step.title),
            Err(why) => println!("{} STOPPED: {why}", step.title),
        })
        .await;
    let Ok(found) = tested.capabilities else {
        return false;
    };
    let mut failed = 0;
    let cases = stream::iter(0..CASES.len()).map(|nth| {
        let (place, folder, found) = (Arc::clone(&place), folder.clone(), found.clone());
        let fresh = move || {
            let (place, folder, found) = (Arc::clone(&place), folder.clone(), found.clone());
            async move { place.subject(&folder, found).await }
        };
        run_one(CASES[nth].name, fresh)
    });
    let mut reports = cases.buffered(ABREAST);
    while let Some(report) = reports.next().await {
        failed += usize::from(matches!(report.verdict, Verdict::Failed(_)));
        println!("{report}");
    }
    println!("{} cases, {failed} failed", CASES.len());
    failed == 0
}
