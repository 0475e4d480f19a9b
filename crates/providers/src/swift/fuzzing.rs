//! What a server answers (P11, P19).

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tandem_core::storage::{Config, Credentials};
use tandem_core::time::Timestamp;

use super::headers::{etag_in, object};
use super::listing::Line;
use super::services::SERVICES;
use super::settings::Settings;
use super::sign_in::{session, spoken};

#[test]
fn a_listing_shows_what_it_holds_or_is_an_error() {
    tandem_testkit::fuzz!("swift_listing", |input: &[u8]| {
        let Ok(lines) = serde_json::from_slice::<Vec<Line>>(input) else {
            return;
        };
        assert!(lines.len() <= input.len());
        for line in &lines {
            let object = line.object();
            assert_eq!(object.key, line.name.as_bytes());
            // A tag tells states apart: none is the empty text.
            assert!(object.tag.is_none_or(|tag| !etag_in(&tag).is_empty()));
        }
    });
}

fn settings(auth_url: &str) -> Settings {
    let config = [
        ("auth_url", auth_url),
        ("username", "me"),
        ("project", "p"),
        ("container", "c"),
    ];
    let config = config.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let secrets = [("password".to_owned(), "pw".to_owned())];
    Settings::new(
        &SERVICES[0],
        &Config(config.into()),
        &Credentials(secrets.into()),
    )
    .unwrap()
}

#[test]
fn a_sign_in_leads_to_a_protected_place_or_nowhere() {
    tandem_testkit::fuzz!("swift_sign_in", |input: &[u8]| {
        let mut headers = HeaderMap::new();
        for name in ["x-subject-token", "x-auth-token", "x-storage-url"] {
            if let Ok(value) = HeaderValue::from_bytes(input) {
                headers.insert(name, value);
            }
        }
        headers
            .entry("x-subject-token")
            .or_insert(HeaderValue::from_static("gAAA"));
        for address in [
            "https://cloud.example/v3",
            "https://cloud.example/auth/v1.0",
        ] {
            if let Ok(session) = session(&settings(address), &headers, input, Timestamp(0)) {
                assert_eq!(session.account.scheme(), "https");
            }
        }
        assert!(spoken(input).is_none_or(|said| said.len() <= input.len()));
    });
}

#[test]
fn headers_of_an_object_are_read_as_they_are() {
    tandem_testkit::fuzz!("swift_headers", |input: &[u8]| {
        let mut headers = HeaderMap::new();
        for line in input.split(|byte| *byte == b'\n') {
            let Some(at) = line.iter().position(|byte| *byte == b':') else {
                continue;
            };
            let name = line[..at].to_ascii_lowercase();
            let value = HeaderValue::from_bytes(line[at + 1..].trim_ascii());
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(&name), value) {
                headers.append(name, value);
            }
        }
        let Ok(object) = object("stat", &headers) else {
            return;
        };
        assert!(!etag_in(&object.tag).is_empty());
        assert!(object.metadata.len() <= headers.len());
    });
}
