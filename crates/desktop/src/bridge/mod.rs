//! The interface between the program and its page, defined once: commands, events and what both carry.
//!
//! The page's half, `ui/src/bridge/generated.ts`, is made from it; a test keeps the two equal.

#[macro_use]
mod define;
mod events;
mod settings;
mod types;
#[cfg(test)]
mod typescript;

use serde::Deserialize;
use serde_json::Value;
use tandem_service::answer::{
    ComparisonView, ConflictView, DoctorView, EntryView, ExplainView, GuaranteeView, HeldView,
    LogLines, PreviewView, ProblemView, ProfileSettings, ProfileView, StepView, StorageView,
    SyncView, TypeView,
};
use tandem_service::fault::{Failure, Fault};
use tandem_service::location::Location;
use tandem_service::request::{KeepSide, SeenVersions};

pub(crate) use events::{Event, Page, Place, SignInAt, TestStep};
pub(crate) use settings::{Language, Panel, Settings, SettingsView};
pub(crate) use types::{
    FolderView, Instead, NewPair, Overview, PairForm, PairSettings, Passphrase, PauseSpan,
    StorageForm,
};

use crate::desk::Desk;

include!("commands.in.rs");

/// Answers what the page calls.
///
/// # Errors
/// Why it was not done, in words; also that it is no command of ours.
pub(crate) async fn answer(desk: &Desk, command: &str, arguments: Value) -> Result<Value, Failure> {
    let call = serde_json::json!({ "command": command, "arguments": arguments });
    let answer = match Command::deserialize(call) {
        Ok(command) => command.answer(desk).await,
        Err(error) => Err(Fault::Protocol(error.to_string()).failure()),
    };
    answer.map_err(|mut failure| {
        failure.for_window();
        failure
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // P17: what is not listed there, Tauri refuses before it comes here.
    #[test]
    fn the_window_may_hear_events_and_call_each_command_and_nothing_else() {
        let capability: Value =
            serde_json::from_str(include_str!("../../capabilities/main.json")).unwrap();
        let allowed = capability["permissions"].as_array().unwrap();
        let allowed = allowed.iter().map(|name| name.as_str().unwrap().to_owned());
        let commands = NAMES
            .iter()
            .map(|name| format!("allow-{}", name.replace('_', "-")));
        let events = ["listen", "unlisten"].map(|name| format!("core:event:allow-{name}"));
        let expected: Vec<_> = events.into_iter().chain(commands).collect();
        assert_eq!(allowed.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_call_is_read_by_its_name_and_an_unknown_one_is_not() {
        let call = |command: &str, arguments: Value| {
            Command::deserialize(serde_json::json!({ "command": command, "arguments": arguments }))
        };
        assert!(matches!(
            call("overview", serde_json::json!({})),
            Ok(Command::overview {})
        ));
        let pause = serde_json::json!({ "names": ["photos"], "span": "hour" });
        assert!(matches!(call("pause", pause), Ok(Command::pause { .. })));
        assert!(call("config_export", serde_json::json!({})).is_err());
        assert!(call("pause", serde_json::json!({ "names": 7 })).is_err());
    }
}
