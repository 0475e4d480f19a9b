//! OpenStack Swift. Its sign-ins carry no time, so no clock can be off.

use tandem_testkit::servers::swift::{SwiftServer, SwiftUser};

use super::Storage;

fn of(server: &SwiftServer, user: &SwiftUser, password: &str, container: &str) -> Storage {
    Storage::new("swift")
        .set("auth_url", &server.auth_v3())
        .set("username", user.name)
        .set("project", user.account)
        .set("container", container)
        .secret("password", password)
}

#[test]
fn what_a_person_may_have_wrong() {
    let server = SwiftServer::start().unwrap();
    let user = &SwiftServer::USER;
    for (name, header) in [
        ("pictures", "X-Container-Read: test:reader"),
        ("full", "X-Container-Meta-Quota-Bytes: 1"),
    ] {
        server.ask("PUT", name, &[header]).unwrap();
    }
    let in_region = |region: &str, password: &str, container: &str| {
        of(&server, user, password, container).set("region", region)
    };
    let region = SwiftServer::REGION;
    in_region(region, "not-the-password", "pictures").is_refused(
        ("auth", "auth_denied"),
        "The server does not accept this user name and password. Check both. The test stopped",
    );
    Storage::new("swift")
        .set("auth_url", &server.auth_v1())
        .set("username", "test:tester")
        .set("container", "pictures")
        .secret("password", "not-the-password")
        .is_refused(
            ("auth", "auth_denied"),
            "The server does not accept this user name and password. Check both. The test stopped",
        );
    in_region(region, user.password, "nowhere").is_refused(
        ("permanent", "not_found"),
        "There is no container “nowhere” in One. Check the name, or choose another region.",
    );
    in_region("Three", user.password, "pictures").is_refused(
        ("permanent", "other"),
        "There is no region Three; there are: One, Two. Correct the region of this storage;",
    );
    // The container of the same name is in the other one.
    in_region(SwiftServer::OTHER_REGION, user.password, "pictures").is_refused(
        ("permanent", "not_found"),
        "There is no container “pictures” in Two. Check the name, or choose another region.",
    );
    let reader = &SwiftServer::READER;
    of(&server, reader, reader.password, "pictures")
        .set("region", region)
        .is_refused(
            ("permanent", "forbidden"),
            "photos does not allow access to “pictures”. Give this account or user the right to it;",
        );
    in_region(region, user.password, "full").is_refused(
        ("permanent", "quota"),
        "photos is full. Free some room there;",
    );
}
