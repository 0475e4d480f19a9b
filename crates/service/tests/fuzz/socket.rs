//! Lines that another process sends to the owner, and the owner to it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tandem_service::request::Request;
use tandem_service::socket::{Frame, Hello};

/// What was read is read again from what is written of it, which is not much longer. `None` if it cannot be read.
fn read<T: Serialize + DeserializeOwned>(input: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(input).ok()?;
    let written = serde_json::to_vec(&value).unwrap();
    // What is left out is written with its default.
    assert!(
        written.len() <= 2 * input.len() + 4_096,
        "{} bytes",
        written.len()
    );
    let again: T = serde_json::from_slice(&written).unwrap();
    assert_eq!(serde_json::to_vec(&again).unwrap(), written);
    Some(value)
}

#[test]
fn a_request_is_what_was_asked_or_not_known() {
    tandem_testkit::fuzz!("request", |input: &[u8]| {
        let Some(request) = read::<Request>(input) else {
            return;
        };
        assert!(!request.is_endless() || request.streams());
        // It is logged in this form.
        let shown = format!("{request:?}");
        assert!(!shown.contains("hunter2hunter2"), "{shown}");
    });
}

#[test]
fn a_line_of_the_owner_is_read_as_it_was_sent() {
    tandem_testkit::fuzz!("frame", |input: &[u8]| {
        read::<Frame>(input);
        read::<Hello>(input);
    });
}
