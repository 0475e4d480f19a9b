//! WebDAV servers, Nextcloud and ownCloud. None has regions or asks for this computer's time.

use tandem_testkit::servers::nextcloud::Nextcloud;
use tandem_testkit::servers::webdav::{RcloneWebDav, WsgiDav};

use super::{Storage, refusing};

fn of(kind: &str, url: &str, username: &str, password: &str) -> Storage {
    Storage::new(kind)
        .set("url", url)
        .set("username", username)
        .secret("password", password)
}

const DENIED: &str =
    "The server does not accept this user name and password. Check both. The test stopped";

const NOWHERE: &str = "photos was not found: there is no such folder on the server. Check what this storage was set up with.";

#[test]
fn what_a_person_may_have_wrong() {
    // One asks for Basic, the other for Digest.
    let (basic, digest) = (
        RcloneWebDav::start().unwrap(),
        WsgiDav::start_read_only().unwrap(),
    );
    for server in [&basic, &digest] {
        of(
            "webdav",
            server.url(),
            server.username(),
            "not-the-password",
        )
        .is_refused(("auth", "auth_denied"), DENIED);
    }
    let nowhere = format!("{}/nowhere", basic.url());
    of("webdav", &nowhere, basic.username(), basic.password())
        .is_refused(("permanent", "not_found"), NOWHERE);
    of("webdav", digest.url(), digest.username(), digest.password()).is_refused(
        ("permanent", "forbidden"),
        "photos does not allow this. Give this account or user the right to it;",
    );
}

/// 507 Insufficient Storage (RFC 4918, section 11.5).
#[test]
fn a_server_that_is_full() {
    let full = refusing("507 Insufficient Storage", "", "");
    of("webdav", &full, "person", "correct horse").is_refused(
        ("permanent", "quota"),
        "photos is full. Free some room there;",
    );
}

fn what_a_person_may_have_wrong_with(kind: &str, server: &Nextcloud) {
    let (url, username, password) = (server.url(), server.username(), server.password());
    of(kind, &url, username, "not-the-password").is_refused(("auth", "auth_denied"), DENIED);
    of(kind, &format!("{url}/elsewhere"), username, password)
        .is_refused(("permanent", "not_found"), NOWHERE);
    server.limit(0);
    of(kind, &url, username, password).is_refused(
        ("permanent", "quota"),
        "photos is full. Free some room there;",
    );
}

#[test]
fn what_a_person_may_have_wrong_with_nextcloud_and_owncloud() {
    what_a_person_may_have_wrong_with("nextcloud", &Nextcloud::start().unwrap());
    what_a_person_may_have_wrong_with("owncloud", &Nextcloud::start_as_owncloud().unwrap());
}

/// As sabre/dav words it, on which both are built, of a share that may only be looked at.
#[test]
fn a_share_that_is_only_for_reading() {
    let body = "<?xml version=\"1.0\"?><d:error xmlns:d=\"DAV:\" xmlns:s=\"http://sabredav.org/ns\">\
                <s:exception>Sabre\\DAV\\Exception\\Forbidden</s:exception><s:message></s:message></d:error>";
    let refusing = refusing("403 Forbidden", "Content-Type: application/xml\r\n", body);
    for kind in ["nextcloud", "owncloud"] {
        of(kind, &refusing, "person", "correct horse").is_refused(
            ("permanent", "forbidden"),
            "photos does not allow this. Give this account or user the right to it;",
        );
    }
}
