//! The simulator is proven by rclone, unmodified and told that it is before a Nextcloud.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tandem_testkit::servers::faults::Fault;
use tandem_testkit::servers::nextcloud::Nextcloud;
use tandem_testkit::servers::rclone;

/// A folder that is removed with this value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(vendor: &str) -> Self {
        let name = format!("tandem-rclone-{vendor}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What rclone says to these arguments; in them, `cloud:` is the server.
fn run(server: &Nextcloud, home: &Path, arguments: &[&str]) -> Result<String, String> {
    run_as("nextcloud", server, home, arguments)
}

/// The same, told which of the two the server is.
fn run_as(
    vendor: &str,
    server: &Nextcloud,
    home: &Path,
    arguments: &[&str],
) -> Result<String, String> {
    let rclone = rclone().unwrap();
    let obscured = Command::new(&rclone)
        .args(["obscure", server.password()])
        .output()
        .unwrap();
    let password = String::from_utf8(obscured.stdout).unwrap();
    let done = Command::new(rclone)
        .args(["--retries", "1", "--low-level-retries", "1"])
        .args(arguments)
        .env("RCLONE_CONFIG", home.join("rclone.conf"))
        .env("RCLONE_CONFIG_CLOUD_TYPE", "webdav")
        .env("RCLONE_CONFIG_CLOUD_VENDOR", vendor)
        .env("RCLONE_CONFIG_CLOUD_URL", server.files_url())
        .env("RCLONE_CONFIG_CLOUD_USER", server.username())
        .env("RCLONE_CONFIG_CLOUD_PASS", password.trim())
        .env("RCLONE_CONFIG_CLOUD_NEXTCLOUD_CHUNK_SIZE", "5Mi")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if done.status.success() {
        Ok(text(&done.stdout))
    } else {
        Err(text(&done.stderr))
    }
}

#[test]
fn rclone_takes_the_simulator_for_a_nextcloud() {
    let server = Nextcloud::start().unwrap();
    let scratch = Scratch::new("nextcloud");
    let home = &*scratch.0;
    let from = home.join("from");
    std::fs::create_dir_all(from.join("a folder")).unwrap();
    std::fs::write(from.join("a folder/ä & b.txt"), "small").unwrap();
    std::fs::write(from.join("empty"), "").unwrap();
    let large: Vec<u8> = (0..12_000_000_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(from.join("large"), &large).unwrap();
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_400_000_000);
    let file = std::fs::File::options()
        .write(true)
        .open(from.join("large"))
        .unwrap();
    file.set_modified(time).unwrap();
    let (local, rclone) = (from.to_str().unwrap(), |arguments: &[&str]| {
        run(&server, home, arguments)
    });

    rclone(&["copy", local, "cloud:there"]).unwrap();
    let sent = server.answered();
    let chunks = sent
        .iter()
        .filter(|one| one.method == "PUT" && one.path.contains("/uploads/"));
    assert_eq!(chunks.count(), 3, "the large file goes up in chunks");
    assert!(
        sent.iter()
            .any(|one| one.method == "MOVE" && one.path.ends_with("/.file") && one.status == 201)
    );

    // By size, time and checksum, and then by every byte.
    rclone(&["check", local, "cloud:there"]).unwrap();
    rclone(&["check", "--download", local, "cloud:there"]).unwrap();
    let listed = rclone(&["lsjson", "--hash", "cloud:there/large"]).unwrap();
    assert!(listed.contains("2014-05-13T16:53:20"), "{listed}");
    assert!(
        listed.contains("\"md5\"") || listed.contains("\"sha1\""),
        "{listed}"
    );
    let again = rclone(&["copy", "-v", local, "cloud:there"]).unwrap();
    assert_eq!(again, "", "nothing is copied twice");
    assert!(server.answered().iter().all(|one| one.method != "PUT"));

    rclone(&[
        "moveto",
        "cloud:there/large",
        "cloud:there/a folder/renamed",
    ])
    .unwrap();
    rclone(&["copyto", "cloud:there/empty", "cloud:there/also empty"]).unwrap();
    std::fs::write(from.join("empty"), "not any more").unwrap();
    rclone(&["copyto", &format!("{local}/empty"), "cloud:there/empty"]).unwrap();
    let names = rclone(&["lsf", "-R", "cloud:there"]).unwrap();
    let mut names: Vec<_> = names.lines().collect();
    names.sort_unstable();
    let wanted = [
        "a folder/",
        "a folder/renamed",
        "a folder/ä & b.txt",
        "also empty",
        "empty",
    ];
    assert_eq!(names, wanted);
    assert_eq!(
        rclone(&["cat", "cloud:there/empty"]).unwrap(),
        "not any more"
    );

    // And on errors: what is not there, what somebody holds, what does not fit.
    assert!(rclone(&["cat", "cloud:there/nothing"]).is_err());
    server.lock("there/empty");
    let said = rclone(&["deletefile", "cloud:there/empty"]).unwrap_err();
    assert!(said.contains("423") || said.contains("ocked"), "{said}");
    server.unlock("there/empty");
    server.limit(12_000_100);
    let said = rclone(&["copyto", &format!("{local}/large"), "cloud:there/large"]).unwrap_err();
    assert!(
        said.contains("507") || said.contains("nsufficient"),
        "{said}"
    );
    rclone(&["purge", "cloud:there"]).unwrap();
    assert_eq!(rclone(&["lsf", "cloud:"]).unwrap(), "");
}

/// 409: rclone makes a folder in one that is missing, and makes that first then.
#[test]
fn rclone_learns_that_a_folder_is_missing() {
    let server = Nextcloud::start().unwrap();
    let scratch = Scratch::new("conflict");
    run(&server, &scratch.0, &["mkdir", "cloud:one/in/another"]).unwrap();
    let made: Vec<_> = server.answered();
    let made = made.iter().filter(|one| one.method == "MKCOL");
    let answers: Vec<_> = made.map(|one| one.status).collect();
    assert!(answers.contains(&409), "{answers:?}");
    let names = run(&server, &scratch.0, &["lsf", "-R", "cloud:"]).unwrap();
    assert_eq!(names, "one/\none/in/\none/in/another/\n");
}

/// Scripted faults are what the service's are: rclone gets over them as it is told to.
#[test]
fn rclone_gets_over_scripted_faults() {
    let server = Nextcloud::start().unwrap();
    let scratch = Scratch::new("faults");
    let home = &*scratch.0;
    let from = home.join("from");
    std::fs::create_dir_all(&from).unwrap();
    let large: Vec<u8> = (0..12_000_000_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(from.join("large"), &large).unwrap();
    std::fs::write(from.join("small"), "small").unwrap();
    let status = |status, retry_after| Fault::Status {
        status,
        retry_after,
    };
    for (method, part, fault) in [
        ("MKCOL", "/there", status(503, None)),
        ("PUT", "/small", status(429, Some(1))),
        ("PUT", "/small", Fault::LoseRequest),
        ("PUT", "/uploads/", status(500, None)),
        ("PUT", "/uploads/", Fault::LoseAnswer),
        ("PUT", "/uploads/", Fault::CutRequest(100_000)),
        ("PROPFIND", "/there", Fault::CutAnswer(300)),
        ("PROPFIND", "/there", Fault::Slow(Duration::from_millis(50))),
        ("GET", "/large", Fault::CutAnswer(3_000_000)),
        ("DELETE", "/small", status(502, None)),
    ] {
        server.script(method, part, 0, 1, fault);
    }
    let patient = |arguments: &[&str]| {
        let patient = [&["--low-level-retries", "10"], arguments].concat();
        run(&server, home, &patient).unwrap()
    };
    let local = from.to_str().unwrap();
    patient(&["copy", local, "cloud:there"]);
    patient(&["check", "--download", local, "cloud:there"]);
    patient(&["deletefile", "cloud:there/small"]);
    assert_eq!(server.faults_left(), 0, "{:#?}", server.answered());
    assert_eq!(server.get("there/large"), Some(large));
    assert_eq!(server.get("there/small"), None);

    // What it cannot get over.
    server.script("PROPFIND", "/there", 0, 1, Fault::ShortAnswer(300));
    assert!(run(&server, home, &["lsf", "cloud:there"]).is_err());
    server.script("PROPFIND", "/there", 0, 1, Fault::ExpireTokens);
    let said = run(&server, home, &["lsf", "cloud:there"]).unwrap_err();
    assert!(said.contains("401"), "{said}");
}

#[test]
fn rclone_takes_the_simulator_in_that_manner_for_an_owncloud() {
    let server = Nextcloud::start_as_owncloud().unwrap();
    let scratch = Scratch::new("owncloud");
    let home = &*scratch.0;
    let from = home.join("from");
    std::fs::create_dir_all(from.join("a folder")).unwrap();
    std::fs::write(from.join("a folder/ä & b.txt"), "small").unwrap();
    std::fs::write(from.join("empty"), "").unwrap();
    let local = from.to_str().unwrap();
    let rclone = |arguments: &[&str]| run_as("owncloud", &server, home, arguments);
    rclone(&["copy", local, "cloud:there"]).unwrap();
    rclone(&["check", local, "cloud:there"]).unwrap();
    rclone(&["check", "--download", local, "cloud:there"]).unwrap();
    let again = rclone(&["copy", "-v", local, "cloud:there"]).unwrap();
    assert_eq!(again, "", "nothing is copied twice");
    rclone(&["moveto", "cloud:there/empty", "cloud:there/a folder/moved"]).unwrap();
    assert!(rclone(&["cat", "cloud:there/empty"]).is_err());
    rclone(&["purge", "cloud:there"]).unwrap();
    assert_eq!(rclone(&["lsf", "cloud:"]).unwrap(), "");
}
