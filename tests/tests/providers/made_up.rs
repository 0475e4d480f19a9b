//! Adding a provider takes one file, `drawer`, and one line, the one marked below: the program, the form, the page and
//! the suite know it from then on (DESIGN 6.7).

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use tandem_core::environment::BoxFuture;
use tandem_core::storage::{Config, Credentials, Provider, Storage};
use tandem_service::credentials::AskPassphrase;
use tandem_service::redact::Redactor;
use tandem_service::secret::SecretText;
use tandem_service::service::Service;
use tandem_service::socket::Server;
use tandem_service::storages::providers;
use tandem_testkit::conformance::{Place, Subject, run_all};
use tandem_testkit::real_time::real_time;

use crate::drawer::DrawerProvider;
use crate::page;

/// Every provider there is, and the made-up one.
fn all_and_drawer() -> Vec<Arc<dyn Provider>> {
    let mut all = providers();
    all.push(Arc::new(DrawerProvider)); // the one line
    all
}

/// A process that owns a profile and knows the provider. The program asks it, as it asks the tray application.
fn own(profile: &Path) -> Server {
    let ask: AskPassphrase = Arc::new(|_| Ok(SecretText::new("a passphrase".to_owned())));
    let service = Service::open_with(profile, ask, Redactor::default(), all_and_drawer());
    Server::start(service.unwrap()).unwrap()
}

/// What `tandem` with these words says on standard output; `input` is what it is told.
fn tandem(profile: &Path, words: &[&str], input: &str) -> String {
    let program = std::env::var_os("TANDEM_BIN");
    let program = program.expect("TANDEM_BIN names the program; run this by ./dev test");
    let mut child = Command::new(program)
        .arg("--profile")
        .arg(profile)
        .args(["--secret-store", "file"])
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "tandem {words:?}: {said}");
    String::from_utf8(done.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_and_the_form_know_it() {
    let home = tempfile::tempdir().unwrap();
    let (profile, place) = (home.path().join("profile"), home.path().join("drawer"));
    std::fs::create_dir(&place).unwrap();
    let server = own(&profile);
    let place = place.to_str().unwrap();
    let asked = tokio::task::spawn_blocking({
        let (home, place) = (home.path().to_owned(), place.to_owned());
        move || use_drawer(&home, &profile, &place)
    });
    asked.await.unwrap();
    server.close().await;
}

fn use_drawer(home: &Path, profile: &Path, place: &str) {
    let types = tandem(profile, &["storage", "types"], "");
    assert!(types.contains("drawer  Drawer"), "{types}");
    assert!(types.contains("--secret key"), "{types}");

    // The form of the wizard is made of the same answer.
    let types = tandem(profile, &["--json", "storage", "types"], "");
    let types: Value = serde_json::from_str(&types).unwrap();
    let mut types = types["types"].as_array().unwrap().iter();
    let drawer = types.find(|one| one["name"] == "drawer").unwrap();
    let fields = drawer["fields"].as_array().unwrap();
    let shown = |key: &str| {
        fields
            .iter()
            .map(|field| field[key].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(shown("label"), ["Place", "Handle", "Key"]);
    assert_eq!(shown("kind"), ["folder", "choice", "text"]);
    assert_eq!(shown("required"), [true, false, true]);
    assert_eq!(fields[1]["choices"], json!(["brass", "wood"]));
    assert_eq!(fields[2]["secret"], true);

    let set = format!("place={place}");
    let add = [
        "storage", "add", "attic", "--type", "drawer", "--set", &set, "--secret", "key",
    ];
    tandem(profile, &add, "an iron key\n");
    let file = home.join("letter.txt");
    std::fs::write(&file, "Dear").unwrap();
    tandem(
        profile,
        &["cp", file.to_str().unwrap(), "attic:letter.txt"],
        "",
    );
    assert!(tandem(profile, &["ls", "attic:"], "").contains("letter.txt"));
    let stored = std::fs::read(Path::new(place).join("letter.txt"));
    assert_eq!(stored.unwrap(), b"Dear");
}

#[test]
fn the_page_knows_it() {
    let page = page::render(&all_and_drawer(), &[], &[]);
    assert!(page.contains("\n## Drawer\n"), "{page}");
    let line =
        "| `drawer` | Drawer | `place`, `key` (secret) | `handle` (brass, wood) | unproven |";
    assert!(page.contains(line), "{page}");
}

fn open(place: &Path) -> Arc<dyn Storage> {
    let values = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into();
    let config = Config(values("place", place.to_str().unwrap()));
    let credentials = Credentials(values("key", "an iron key"));
    let all = all_and_drawer();
    let drawer = all
        .iter()
        .find(|one| one.descriptor().type_name == "drawer");
    let opened = drawer
        .unwrap()
        .open(&config, &credentials, None, real_time());
    opened.unwrap()
}

async fn fresh() -> Subject {
    let home = tempfile::tempdir().unwrap();
    let place = home.path().to_owned();
    std::fs::create_dir(place.join("inside")).unwrap();
    let storage = open(&place);
    let root = storage.root("inside").await.unwrap();
    let reopen = move || {
        let place = place.clone();
        Box::pin(async move { open(&place).root("inside").await.unwrap() }) as BoxFuture<_>
    };
    Subject {
        place: Some(Place {
            storage,
            path: "inside".to_owned(),
        }),
        ..Subject::new(root, Box::new(reopen), home)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_suite_runs_over_it() {
    run_all(fresh).await.assert_kept();
}
