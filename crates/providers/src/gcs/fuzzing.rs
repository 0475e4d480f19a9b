//! What the service answers, and what is pasted into a form (P11, P22).

use serde_json::Value;

use super::answers::{history, page};
use super::key::Key;

#[test]
fn a_listing_shows_what_it_holds_or_is_an_error() {
    tandem_testkit::fuzz!("gcs_listing", |input: &[u8]| {
        let Ok(answer) = serde_json::from_slice::<Value>(input) else {
            return;
        };
        if let Ok(page) = page("list", answer.clone()) {
            assert!(page.objects.len() + page.folders.len() <= input.len());
            assert!(page.objects.iter().all(|object| object.tag.is_some()));
            assert!(page.next.is_none_or(|next| !next.is_empty()));
        }
        if let Ok(page) = history("versions", answer) {
            assert!(page.lines.len() <= input.len());
            let markers = page.lines.iter().filter(|line| line.is_marker);
            assert!(markers.clone().all(|line| line.is_latest));
            assert!(markers.count() <= page.lines.len() / 2);
        }
    });
}

#[test]
fn a_key_file_is_read_or_refused_without_showing_it() {
    tandem_testkit::fuzz!("gcs_key", made = 2_000, |input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        match Key::read(&text) {
            Ok(key) => {
                let host = key.token_uri.host_str();
                let is_here = host.is_some_and(|host| host.starts_with("127.") || host == "[::1]");
                assert!(key.token_uri.scheme() == "https" || is_here || host == Some("localhost"));
            }
            Err(why) => {
                assert!(why.contains("service_account_key"));
                assert!(text.len() < 8 || !why.contains(&*text));
            }
        }
    });
}
