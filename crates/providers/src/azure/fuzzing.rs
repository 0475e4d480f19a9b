//! What a server answers, and what is pasted into a form (P11, P22).

use super::answers::{history, page};
use super::auth::Auth;
use super::connection::Connection;
use super::xml;

#[test]
fn a_listing_shows_what_it_holds_or_is_an_error() {
    tandem_testkit::fuzz!("azure_listing", |input: &[u8]| {
        let Ok(answer) = xml::read(input) else { return };
        let Ok(page) = page("list", &answer) else {
            return;
        };
        assert!(page.objects.len() + page.folders.len() <= input.len());
        assert!(page.objects.iter().all(|object| !object.key.is_empty()));
        assert!(page.next.is_none_or(|next| next.len() <= input.len()));
        let lines = history("versions", &answer).map_or(0, |page| page.lines.len());
        assert!(lines <= page.objects.len());
    });
}

#[test]
fn a_connection_string_is_read_or_refused_without_showing_it() {
    tandem_testkit::fuzz!("azure_connection", |input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        match Connection::read(&text) {
            Ok(read) => {
                let is_azurites = text.to_ascii_lowercase().contains("usedevelopmentstorage");
                assert!(is_azurites || read.key.is_none_or(|key| text.contains(&key)));
            }
            Err(why) => assert!(why.starts_with("connection_string is not")),
        }
        let auth = Auth::Sas(text.into_owned());
        let shown = auth.shown(&"https://host.example/container?a=b".parse().unwrap());
        assert_eq!(shown.host_str(), Some("host.example"));
        assert_eq!(shown.path(), "/container");
        let _ = auth.time("se");
    });
}
