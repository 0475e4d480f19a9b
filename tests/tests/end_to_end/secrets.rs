//! Canaries are put in wherever a secret is taken, and looked for wherever Tandem leaves anything (P16).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tandem_testkit::servers::{Moto, S3Server};

use crate::echo::Echo;
use crate::processes::{Processes, Secrets, contains};
use crate::program::{Device, at_terminal, eventually};
use crate::relay::Relay;

const KEYS: [&str; 3] = ["access_key_id", "secret_access_key", "session_token"];

/// One value of each kind: first those that are saved, then those of an edit, at last those that are refused.
const FIRST: [&str; 3] = [
    "AKIACANARY1",
    "cn1/Key+\"one\"=77a1",
    "cn1/Token+one&%=b8c2",
];
const SECOND: [&str; 3] = [
    "AKIACANARY2",
    "cn2/Key+\"two\"=91d3",
    "cn2/Token+two&%=e4f5",
];
const PROMPTED: [&str; 3] = [
    "AKIACANARY3",
    "cn3/Key+\"three\"=a6",
    "cn3/Token+three&%=07",
];
const REFUSED: [&str; 3] = [
    "AKIACANARY4",
    "cn4/Key+\"four\"=5b8",
    "cn4/Token+four&%=9c1",
];
/// Typed where it does not belong, so it stands in the arguments already.
const SLIPPED: &str = "cn5/Slip+\"five\"=3d2e";
const PASSPHRASE: &str = "cn6 the passphrase <six>";

fn saved() -> Vec<&'static str> {
    [FIRST, SECOND, PROMPTED, REFUSED].concat()
}

/// The bytes that a secret becomes when it is written down in one of the usual ways.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let quoted = serde_json::to_string(secret).unwrap();
    let mut forms = vec![secret.to_owned(), quoted[1..quoted.len() - 1].to_owned()];
    for kept in ["-._~", "-._~/"] {
        let percent = |upper: bool| {
            secret.bytes().fold(String::new(), |mut text, byte| {
                if byte.is_ascii_alphanumeric() || kept.contains(char::from(byte)) {
                    text.push(char::from(byte));
                } else if upper {
                    write!(text, "%{byte:02X}").unwrap();
                } else {
                    write!(text, "%{byte:02x}").unwrap();
                }
                text
            })
        };
        forms.extend([percent(true), percent(false)]);
    }
    forms.extend([hex(secret), hex(secret).to_uppercase()]);
    for alphabet in [b"+/", b"-_"] {
        // Within a longer text it begins at any of three places, and its ends are mixed with what is beside it.
        forms.extend((0..3).map(|before| base64_within(secret, before, *alphabet)));
    }
    forms.into_iter().map(String::into_bytes).collect()
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// What of `secret` is the same in every base64 text in which so many bytes stand before it.
fn base64_within(secret: &str, before: usize, last: [u8; 2]) -> String {
    let mut alphabet: Vec<u8> = (b'A'..=b'Z')
        .chain(b'a'..=b'z')
        .chain(b'0'..=b'9')
        .collect();
    alphabet.extend(last);
    let bytes = [vec![0; before].as_slice(), secret.as_bytes()].concat();
    let bit = |at: usize| bytes[at / 8] >> (7 - at % 8) & 1;
    let whole = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
    let digit = |at: usize| (at * 6..at * 6 + 6).fold(0, |digit, at| digit << 1 | bit(at));
    whole
        .map(|at| char::from(alphabet[usize::from(digit(at))]))
        .collect()
}

/// Everything that was left, by what left it.
#[derive(Default)]
struct Found(BTreeMap<String, Vec<u8>>);

impl Found {
    /// All files below `folder`, whatever they are.
    fn files(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                self.files(&entry.path());
            } else if kind.is_file() {
                let content = std::fs::read(entry.path()).unwrap();
                self.0.insert(entry.path().display().to_string(), content);
            }
            let name = entry.file_name().into_encoded_bytes();
            self.0
                .insert(format!("the name of {}", entry.path().display()), name);
        }
    }

    /// Where any of the canaries is in any form.
    fn hits(&self) -> Vec<String> {
        let secrets = saved().into_iter().chain([SLIPPED, PASSPHRASE]);
        let forms: Vec<_> = secrets.map(|secret| (secret, forms(secret))).collect();
        let mut hits = Vec::new();
        for (place, content) in &self.0 {
            for (secret, forms) in &forms {
                for form in forms.iter().filter(|form| contains(content, form)) {
                    let form = String::from_utf8_lossy(form);
                    hits.push(format!("{secret} as {form} in {place}"));
                }
            }
        }
        hits
    }
}

/// A computer whose every command is told to say as much as it can, and is listened to.
struct Desk {
    device: Device,
    found: Found,
}

impl Desk {
    fn new() -> Self {
        Self {
            device: Device::new(),
            found: Found::default(),
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.device.command(&[], &[&["--verbose"], words].concat());
        command
            .env("TANDEM_PASSPHRASE", PASSPHRASE)
            .env("RUST_BACKTRACE", "full")
            .env("RUST_LOG", "trace")
            .current_dir(self.device.path(""));
        command
    }

    fn heard(&mut self, words: &[&str], output: &Output) {
        let count = self.found.0.len();
        for (stream, text) in [("out", &output.stdout), ("err", &output.stderr)] {
            let place = format!("{count}: what {words:?} said on std{stream}");
            self.found.0.insert(place, text.clone());
        }
    }

    /// Runs it, with `lines` on its input, and says what it ended with.
    fn run(&mut self, words: &[&str], lines: &[&str]) -> i32 {
        let mut child = self
            .command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
        // A command that refuses what it is asked may end before it reads.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        self.heard(words, &output);
        output.status.code().unwrap()
    }

    /// In words and in JSON.
    fn both_ways(&mut self, words: &[&str], code: i32) {
        for words in [words.to_vec(), [&["--json"], words].concat()] {
            assert_eq!(self.run(&words, &[]), code, "{words:?}: {}", self.said());
        }
    }

    /// What was said last.
    fn said(&self) -> String {
        let last = self.found.0.len().saturating_sub(2);
        let said = self
            .found
            .0
            .iter()
            .filter(|(place, _)| place.starts_with(&format!("{last}:")));
        said.map(|(_, text)| String::from_utf8_lossy(text))
            .collect()
    }

    /// Adds or changes a storage; its secrets are lines of the input.
    fn told(
        &mut self,
        verb: &str,
        name: &str,
        set: &[String],
        flags: &[&str],
        secrets: [&str; 3],
    ) -> i32 {
        let words = words(verb, name, set, flags);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.run(&words, &secrets)
    }

    /// The same, at a terminal.
    fn prompted(&mut self, name: &str, set: &[String], secrets: [&str; 3]) {
        let words = words("add", name, set, &["--type", "s3", "--no-test"]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (script, terminal) = (self.device.path("prompt.sh"), self.device.path("terminal"));
        let command = self.command(&words);
        let line: Vec<_> = [command.get_program()]
            .into_iter()
            .chain(command.get_args())
            .map(|word| format!("'{}'", word.to_str().unwrap()))
            .collect();
        let text = format!("tty > '{}'\nexec {}\n", terminal.display(), line.join(" "));
        std::fs::write(&script, text).unwrap();
        let mut typed = Command::new("sh");
        typed.arg(&script).envs(
            command
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        );
        let shown = self.device.path("shown");
        let mut child = at_terminal(&typed)
            .stdin(Stdio::piped())
            .stdout(std::fs::File::create(&shown).unwrap())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut keyboard = child.stdin.take().unwrap();
        for (key, secret) in KEYS.iter().zip(secrets) {
            eventually(
                &format!("the prompt for {key}"),
                Duration::from_secs(30),
                || {
                    let text = std::fs::read_to_string(&shown).unwrap();
                    (text.contains(&format!("{key}: ")) && is_hidden(&terminal)).then_some(())
                },
            );
            keyboard
                .write_all(format!("{secret}\n").as_bytes())
                .unwrap();
        }
        assert!(
            child.wait().unwrap().success(),
            "{}",
            std::fs::read_to_string(&shown).unwrap()
        );
    }
}

/// Whether a terminal shows nothing of what is typed.
fn is_hidden(terminal: &Path) -> bool {
    let terminal = std::fs::read_to_string(terminal).unwrap();
    let output = Command::new("stty")
        .args(["-a", "-F", terminal.trim()])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).contains(" -echo ")
}

fn words(verb: &str, name: &str, set: &[String], flags: &[&str]) -> Vec<String> {
    let mut words = vec!["storage".to_owned(), verb.to_owned(), name.to_owned()];
    words.extend(flags.iter().map(|flag| (*flag).to_owned()));
    words.extend(set.iter().flat_map(|set| ["--set".to_owned(), set.clone()]));
    words.extend(
        KEYS.iter()
            .flat_map(|key| ["--secret", key])
            .map(str::to_owned),
    );
    words
}

fn at(endpoint: &str, bucket: &str) -> Vec<String> {
    vec![
        format!("endpoint={endpoint}"),
        format!("bucket={bucket}"),
        "region=us-east-1".to_owned(),
    ]
}

/// Storages by every way in, and what is refused.
fn give(desk: &mut Desk, server: &S3Server, echo: &Echo) {
    let good = at(server.endpoint(), "photos");
    let new = &["--type", "s3"];
    assert_eq!(
        desk.told("add", "photos", &good, new, FIRST),
        0,
        "{}",
        desk.said()
    );
    assert_eq!(
        desk.told("edit", "photos", &good, &[], SECOND),
        0,
        "{}",
        desk.said()
    );
    desk.prompted("prompted", &at(echo.endpoint(), "refused"), PROMPTED);
    // The server refuses them, and repeats all that it was sent.
    let refused = at(echo.endpoint(), "refused");
    assert_eq!(
        desk.told("add", "refused", &refused, new, REFUSED),
        4,
        "{}",
        desk.said()
    );
    assert_eq!(
        desk.told("edit", "photos", &refused, &[], REFUSED),
        4,
        "{}",
        desk.said()
    );
    let untested = &["--type", "s3", "--no-test"];
    assert_eq!(desk.told("add", "refused", &good, untested, FIRST), 0);
    assert_eq!(
        desk.told(
            "add",
            "halfway",
            &at(echo.endpoint(), "half"),
            untested,
            FIRST
        ),
        0
    );
    // Slips of the hand.
    let slip = format!("secret_access_key={SLIPPED}");
    let add = ["storage", "add", "slipped", "--type", "s3"];
    for flag in ["--set", "--secret"] {
        assert_eq!(desk.run(&[&add[..], &[flag, &slip]].concat(), &[]), 2);
    }
    assert_eq!(
        desk.run(&[&add[..], &["--secret", SLIPPED]].concat(), &[]),
        2
    );
}

/// Everything that speaks with a server, or tells of it.
fn use_them(desk: &mut Desk, echo: &Echo) {
    let folder = desk.device.folder("documents");
    std::fs::write(folder.join("a.txt"), "a text").unwrap();
    let folder = folder.to_str().unwrap().to_owned();
    for storage in ["photos", "halfway", "refused"] {
        // Not the same place twice: that would be a loop.
        let remote = format!("{storage}:{storage}");
        assert_eq!(
            desk.run(&["pair", "add", storage, &folder, &remote], &[]),
            0,
            "{}",
            desk.said()
        );
    }
    // Its server changes its mind.
    let refused = at(echo.endpoint(), "refused");
    assert_eq!(
        desk.told("edit", "refused", &refused, &["--no-test"], REFUSED),
        0,
        "{}",
        desk.said()
    );
    desk.both_ways(&["sync", "photos"], 0);
    desk.both_ways(&["sync", "halfway"], 1);
    desk.both_ways(&["sync", "refused"], 4);
    let file = format!("{folder}/a.txt");
    for storage in ["refused", "prompted"] {
        let remote = format!("{storage}:");
        desk.both_ways(&["ls", &remote], 4);
        desk.both_ways(&["storage", "test", storage], 4);
        desk.both_ways(&["cp", &file, &format!("{remote}a.txt")], 4);
    }
    ask(desk);
    desk.run(&["config", "export", "exported.toml"], &[]);
    desk.run(&["doctor", "--bundle", "bundle.tar"], &[]);
}

/// What tells of storages and pairs, however it ends.
fn ask(desk: &mut Desk) {
    for words in [
        &["storage", "list"][..],
        &["storage", "show", "photos"],
        &["storage", "show", "refused"],
        &["status", "--problems"],
        &["preview"],
        &["log"],
        &["held"],
        &["conflicts"],
        &["explain", "documents/a.txt", "--pair", "halfway"],
        &["verify", "halfway", "--deep"],
        &["versions", "documents/a.txt"],
        &["config", "export"],
        &["doctor"],
        &["pair", "show", "halfway"],
    ] {
        for words in [words.to_vec(), [&["--json"], words].concat()] {
            desk.run(&words, &[]);
        }
    }
}

/// The same through the socket of a process that owns the profile. Returns what its owner said there.
fn through_the_socket(desk: &mut Desk, echo: &Echo) {
    let files = ["owner.out", "owner.err"].map(|name| {
        let path = desk.device.path(name);
        std::fs::File::create(path).unwrap()
    });
    let [out, err] = files;
    let mut owner = desk
        .command(&["--json", "run"])
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .spawn()
        .unwrap();
    let socket: PathBuf = eventually("the socket", Duration::from_secs(60), || {
        let folder = std::fs::read_dir(desk.device.path("runtime/tandem")).ok()?;
        let mut paths = folder.map(|entry| entry.unwrap().path());
        paths.find(|path| path.extension().is_some_and(|end| end == "sock"))
    });
    let relay = Relay::before(&socket);
    let refused = at(echo.endpoint(), "refused");
    assert_eq!(
        desk.told("edit", "refused", &refused, &[], PROMPTED),
        4,
        "{}",
        desk.said()
    );
    assert_eq!(
        desk.told("edit", "refused", &refused, &["--no-test"], SECOND),
        0,
        "{}",
        desk.said()
    );
    desk.run(&["sync"], &[]);
    desk.both_ways(&["ls", "refused:"], 4);
    ask(desk);
    let told = Command::new("kill")
        .arg(owner.id().to_string())
        .status()
        .unwrap();
    assert!(told.success());
    assert_eq!(owner.wait().unwrap().code(), Some(130));
    let (asked, answered) = relay.heard();
    assert!(
        asked.len() > 2_000 && answered.len() > 10_000,
        "the relay was not used: {} and {} bytes",
        asked.len(),
        answered.len()
    );
    desk.found
        .0
        .insert("what the owner answered".to_owned(), answered);
    // A secret that is given goes to the owner, in the one request that gives it; nothing else repeats it.
    let others: Vec<u8> = asked
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| !contains(line, b"\"request\":\"storage_edit\""))
        .flatten()
        .copied()
        .collect();
    assert!(others.len() < asked.len());
    desk.found
        .0
        .insert("what the owner was asked".to_owned(), others);
}

#[test]
fn a_secret_is_nowhere_but_in_its_store() {
    let processes = Processes::watch(Secrets {
        saved: saved().into_iter().flat_map(forms).collect(),
        given: [SLIPPED, PASSPHRASE].into_iter().flat_map(forms).collect(),
    });
    let server = Moto::start().unwrap();
    server.make_bucket("photos").unwrap();
    let echo = Echo::start(forms);
    let mut desk = Desk::new();
    give(&mut desk, &server, &echo);
    use_them(&mut desk, &echo);
    through_the_socket(&mut desk, &echo);

    // What is looked for was there to be found: each server got it, and said it again.
    let repeated = echo.repeated();
    for secrets in [FIRST, PROMPTED, REFUSED, SECOND] {
        assert!(
            repeated.contains(secrets[2]),
            "{} was not repeated",
            secrets[2]
        );
    }
    let home = desk.device.path("");
    desk.found.files(&home);
    for name in ["config.toml", "logs/tandem.log", "secrets.age"] {
        let place = home.join("profile").join(name).display().to_string();
        assert!(
            desk.found.0.contains_key(&place),
            "{place} was not looked into"
        );
    }
    let hits = desk.found.hits();
    assert!(hits.is_empty(), "{} hits:\n{}", hits.len(), hits.join("\n"));
    let (looks, hits) = processes.seen();
    println!(
        "{} places and {looks} looks at all processes: no secret",
        desk.found.0.len()
    );
    assert!(looks > 20, "{looks}");
    assert!(hits.is_empty(), "{hits:?}");
}

#[test]
fn the_forms_that_are_looked_for_are_those_that_programs_write() {
    let forms = forms("ab/+\"c");
    for written in [
        "ab/+\"c",
        "ab/+\\\"c",
        "ab%2F%2B%22c",
        "ab/%2B%22c",
        "61622f2b2263",
    ] {
        assert!(forms.contains(&written.as_bytes().to_vec()), "{written}");
    }
    // `printf 'ab/+"c' | base64`, and the same with `x` and `xy` before it.
    for (written, before) in [("YWIvKyJj", 0), ("eGFiLysiYw==", 1), ("eHlhYi8rImM=", 2)] {
        let form = base64_within("ab/+\"c", before, *b"+/");
        assert!(written.contains(&form) && form.len() >= 7, "{form}");
    }
}
