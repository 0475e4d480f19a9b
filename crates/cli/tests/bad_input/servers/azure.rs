//! Azure Blob Storage: Azurite, and for what it does not do answers as Microsoft documents them.

use tandem_testkit::servers::azure::{AzureServer, Azurite};

use super::{Storage, refusing};

fn of_azurite(server: &AzureServer, container: &str) -> Storage {
    Storage::new("azure")
        .set("endpoint", server.endpoint())
        .set("account", server.account())
        .set("container", container)
}

/// A container of a service that answers so.
fn answered(status: &str, code: &str, date: &str) -> Storage {
    let headers = format!("x-ms-error-code: {code}\r\nDate: {date}\r\n");
    let body = format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>As it says.</Message></Error>"
    );
    Storage::new("azure")
        .set("endpoint", &refusing(status, &headers, &body))
        .set("account", "person")
        .set("container", "pictures")
        .secret("account_key", "Y29ycmVjdCBob3JzZQ==")
}

/// A time of this computer's clock moved by so many hours, as HTTP writes it.
fn now_and(hours: &str) -> String {
    let done = std::process::Command::new("date")
        .args(["--utc", "--date", hours, "+%a, %d %b %Y %H:%M:%S GMT"])
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

#[test]
fn what_a_person_may_have_wrong() {
    let server = Azurite::start().unwrap();
    server.make_container("pictures").unwrap();
    of_azurite(&server, "pictures")
        .secret("account_key", "bm90IHRoZSBrZXk=")
        .is_refused(
            ("auth", "auth_denied"),
            "The server does not accept this account key. Check that it is the right one, and whole. The test stopped",
        );
    of_azurite(&server, "nowhere")
        .secret("account_key", server.key())
        .is_refused(
            ("permanent", "not_found"),
            "There is no container “nowhere”. Check the name; Tandem makes no container.",
        );
    let lists = server.sas("rl", "2099-01-01T00:00:00Z").unwrap();
    of_azurite(&server, "pictures").secret("sas", &lists).is_refused(
        ("permanent", "forbidden"),
        "photos does not allow access to “pictures”: the shared access signature lacks the right to do this: read, add, \
         create, write, delete and list are needed. Give this account or user the right to it;",
    );
    let over = server.sas("racwdl", "2021-01-01T00:00:00Z").unwrap();
    of_azurite(&server, "pictures")
        .secret("sas", &over)
        .is_refused(
            ("auth", "auth_expired"),
            "The sign-in to photos has expired.",
        );
}

/// The service refuses requests of which the time is more than 15 minutes off, with the code of a wrong key ("Authorize
/// with Shared Key", Specify the Date header). Azurite does not look at it.
#[test]
fn a_clock_that_is_an_hour_off() {
    let code = "AuthenticationFailed";
    answered("403 Forbidden", code, &now_and("1 hour")).is_refused(
        ("permanent", "clock_skew"),
        "The clock of this computer and that of 127.0.0.1:",
    );
    answered("403 Forbidden", code, &now_and("now")).is_refused(
        ("auth", "auth_denied"),
        "The server does not accept this account key.",
    );
}

/// "Common REST API error codes" and "Azure Blob Storage error codes" name none for an account that is full; 507 is
/// what HTTP has for it (RFC 4918, section 11.5).
#[test]
fn an_account_that_is_full() {
    answered("507 Insufficient Storage", "", &now_and("now")).is_refused(
        ("permanent", "quota"),
        "photos is full. Free some room there;",
    );
}

#[test]
fn an_account_that_may_not_be_used_so() {
    answered("403 Forbidden", "AuthorizationFailure", &now_and("now")).is_refused(
        ("permanent", "forbidden"),
        "photos does not allow access to “pictures”: the account's network rules or rights do not let this through.",
    );
}
