//! Places and times that people type.

use std::path::{Component, Path};

use tandem_core::time::Timestamp;
use tandem_service::location::Location;
use tandem_service::time_text;

use crate::is_sentence;

#[test]
fn a_place_is_one_that_leads_back_to_itself_or_is_refused() {
    tandem_testkit::fuzz!("location", |input: &[u8]| {
        let Ok(text) = std::str::from_utf8(input) else {
            return;
        };
        // A folder that is not there: nothing is read for it.
        let (current, home) = (Path::new("/no such/folder"), Path::new("/no such/home"));
        let place = match Location::parse(text, current, Some(home)) {
            Ok(place) => place,
            Err(error) => return assert!(is_sentence(&error.to_string())),
        };
        if place.is_local() {
            let mut parts = Path::new(&place.path).components();
            assert_eq!(parts.next(), Some(Component::RootDir), "{place}");
            assert!(
                parts.all(|part| matches!(part, Component::Normal(_))),
                "{place}"
            );
        }
        let again = Location::parse(&place.to_string(), current, Some(home)).unwrap();
        assert_eq!(again, place);
        // A storage refuses a folder without a name.
        if let Some((above, name)) = place.split().filter(|_| !place.path.contains("//")) {
            assert!(!name.is_empty() && !name.contains('/'));
            assert_eq!(above.join(&name).path, place.path.trim_end_matches('/'));
        }
    });
}

#[test]
fn a_time_is_read_as_it_is_written_or_refused() {
    tandem_testkit::fuzz!("time", |input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        let now = Timestamp::from_secs(1_795_000_000);
        for direction in [-1, 1] {
            let Some(at) = time_text::parse(&text, now, direction) else {
                continue;
            };
            let written = time_text::rfc3339(at);
            let again = time_text::parse(&written, now, direction).unwrap();
            assert_eq!(again.secs(), at.secs(), "{text}: {written}");
            assert!(is_sentence(&time_text::spoken(at, now)));
        }
        if let Some(length) = time_text::parse_length(&text) {
            assert!(length >= 0, "{text}: {length}");
        }
    });
}
