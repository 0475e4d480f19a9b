//! Answers for people: calm, aligned, short. Every name goes through [`output::visible`].

mod history;
mod pairs;
mod settings;
mod storages;

use tandem_service::answer::Answer;
use tandem_service::fault::Failure;
use tandem_service::update::Update;
use tandem_service::words;

use crate::output::{self, visible};

pub(crate) use history::log_line;
pub(crate) use pairs::statuses;

/// Prints an answer.
pub(crate) fn answer(answer: &Answer) {
    match answer {
        Answer::Types(types) => storages::types(types),
        Answer::Storages(all) => storages::list(all),
        Answer::Storage(storage) => storages::one(storage),
        Answer::Test { storage, steps } => storages::test(storage, steps),
        Answer::Entries(entries) => storages::entries(entries),
        Answer::Copy(copy) => storages::copy(copy),
        Answer::Pair(pair) => pairs::one(pair),
        Answer::Pairs(all) => pairs::list(all),
        Answer::Guarantees(all) => pairs::guarantees(all),
        Answer::Previews(previews) => pairs::previews(previews),
        Answer::Synced(done) => pairs::synced(done),
        Answer::Status(all) => pairs::statuses(all),
        Answer::Held(holds) => history::held(holds),
        Answer::Actions(lines) => history::log(lines),
        Answer::Explanation(explanation) => history::explanation(explanation),
        Answer::Conflicts(conflicts) => history::conflicts(conflicts),
        // Only the window asks for it.
        Answer::Comparison(_) => {}
        Answer::Versions(versions) => history::versions(versions),
        Answer::Verified(done) => history::verified(done),
        Answer::Doctor(doctor) => storages::doctor(doctor),
        Answer::Settings(settings) => settings::all(settings),
        Answer::Config(text) => output::text(text),
        Answer::Partial(inner, left_out) => {
            if !inner.is_empty() {
                self::answer(inner);
            }
            for pair in left_out {
                let line = format!("{}: {}", pair.pair, failure_line(&pair.error));
                output::note(&visible(&line));
            }
        }
        Answer::Done(sentence) if sentence.is_empty() => {}
        Answer::Done(sentence) => output::answer(&visible(sentence)),
    }
}

/// An error in one line: what is the matter, and what to do.
pub(crate) fn failure_line(failure: &Failure) -> String {
    format!("{} {}", failure.message, failure.next_step)
        .trim_end()
        .to_owned()
}

/// What verifying will cost.
pub(crate) fn cost(items: u64, bytes: u64) -> String {
    format!(
        "This compares {} and reads {}.",
        words::count(items, "item", "items"),
        words::size(bytes)
    )
}

/// A line beside the answer about what happens, if it is worth one.
pub(crate) fn update_line(update: &Update, verbose: bool) -> Option<String> {
    let line = match update {
        Update::Held(hold) => format!(
            "{}: {} {} ({})",
            hold.pair, hold.message, hold.next_step, hold.id
        ),
        Update::Problem { pair, problem } if problem.is_problem => {
            format!("{pair}: {} {}", problem.message, problem.next_step)
        }
        Update::Step { step, .. } => {
            let mark = if step.ok { "ok" } else { "no" };
            format!("{mark}  {}  {} ms  {}", step.title, step.ms, step.outcome)
        }
        Update::State { pair, shown, state } if verbose || is_news(state) => {
            format!("{pair}: {shown}")
        }
        Update::SignIn { storage, address } => words::sign_in(storage, address),
        Update::Cost { items, bytes } => cost(*items, *bytes),
        Update::Action(line) if verbose => history::line(line).join("  "),
        _ => return None,
    };
    Some(visible(&line))
}

fn is_news(state: &str) -> bool {
    matches!(state, "stopped" | "sign_in" | "waiting" | "paused")
}

/// A list that has nothing in it.
fn nothing(sentence: &str) {
    output::answer(sentence);
}
