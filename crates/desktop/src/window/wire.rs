//! What the program and its window's process say to each other: a line of JSON each, on the window's standard input and
//! output.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tandem_service::fault::Failure;

/// What the window's process says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Asked {
    /// The page calls a command.
    Call {
        /// By which the answer is known.
        id: u64,
        /// Its name.
        command: String,
        /// What it is called with.
        arguments: Value,
    },
    /// The window was closed: whoever asks for one needs another.
    Closed,
}

/// What the program says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Told {
    /// A command's answer.
    Answer {
        /// Of which call.
        id: u64,
        /// The answer.
        answer: Value,
    },
    /// Why a command was not done.
    Failure {
        /// Of which call.
        id: u64,
        /// Why.
        failure: Box<Failure>,
    },
    /// Something that the page is told without asking.
    Event {
        /// Its name.
        name: String,
        /// What it carries.
        payload: Value,
    },
    /// A person asked for the window.
    Show,
}

/// As a line.
pub(super) fn line(message: &impl Serialize) -> String {
    // What is said has text for keys and no numbers that JSON lacks.
    let mut text = serde_json::to_string(message).unwrap_or_default();
    text.push('\n');
    text
}
