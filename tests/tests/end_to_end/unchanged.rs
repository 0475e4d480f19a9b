//! A Nextcloud of a thousand folders of which one changed: counted by the requests that it answered.

use tandem_testkit::servers::nextcloud::{Answered, Nextcloud};

use crate::program::Device;

const FOLDERS: usize = 1_000;

/// Requests of a pass, and how many of them listed something.
fn counted(answered: &[Answered]) -> (usize, usize) {
    let lists = answered.iter().filter(|one| one.method == "PROPFIND");
    (answered.len(), lists.count())
}

#[test]
fn of_a_thousand_folders_those_that_changed_are_listed() {
    let (device, server) = (Device::new(), Nextcloud::start().unwrap());
    let (url, username) = (
        format!("url={}", server.url()),
        format!("username={}", server.username()),
    );
    let secrets = [("password", server.password())];
    device.storage_of("nextcloud", "there", &[&url, &username], &secrets);
    for nth in 0..FOLDERS {
        let folder = format!("documents/group {}/folder {nth}", nth % 10);
        server.put(&format!("{folder}/file"), b"content");
    }
    let here = device.folder("here");
    device.ok(&[
        "pair",
        "add",
        "cloud",
        here.to_str().unwrap(),
        "there:documents",
    ]);
    device.sync("cloud");
    // All is listed by the first pass; what Tandem keeps for itself changed the top alone since.
    device.sync("cloud");
    server.answered();

    assert_eq!(device.sync("cloud")["state"], "in_step");
    let still = counted(&server.answered());
    server.put("documents/group 3/folder 13/file", b"edited");
    device.sync("cloud");
    let changed = counted(&server.answered());
    device.ok(&["pair", "edit", "cloud", "--full-look", "1s"]);
    std::thread::sleep(std::time::Duration::from_secs(1));
    device.sync("cloud");
    let whole = counted(&server.answered());
    println!("requests and listings: still {still:?}, one changed {changed:?}, all {whole:?}");
    assert!(whole.1 > FOLDERS, "{whole:?}");
    assert!(still.0 < 20, "{still:?}");
    assert!(changed.0 < 40, "{changed:?}");
    let carried = std::fs::read(here.join("group 3/folder 13/file")).unwrap();
    assert_eq!(carried, b"edited");
}
