//! Names: each round-trips exactly or is refused in sight; none is merged with another (P12, DESIGN 5.8).

use std::collections::BTreeMap;

use tandem_core::capabilities::{Capabilities, CaseRule, NameRules, UnicodeRule};
use tandem_core::error::{Cause, Result as Answer};
use tandem_core::names::encode;
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{Committed, Depth, Expected, Keep, Meta};

use super::bench::{Bench, at_once, is_refusal, rel, write};
use super::body::{Body, bytes_of};
use super::outcome::{Outcome, Stop, check, needs};

/// Names that were trouble somewhere: to a shell, a URL, an XML reply, a form, Windows, a Mac, or to rclone's
/// encoding. Long ones are added where they are used.
pub const HOSTILE_NAMES: &[&str] = &[
    "two words",
    "a+b",
    "100%",
    "%41",
    "%2F",
    "%00",
    "this&that",
    "amp&amp;",
    "what?",
    "#1",
    "a=b",
    "a;b",
    "a,b",
    "a:b",
    "C:",
    "pipe|",
    "<tag>",
    "*",
    "\"double\"",
    "'single'",
    "`back`",
    "$HOME",
    "$(x)",
    "{a,b}",
    "[a-z]",
    "back\\slash",
    "..\\up",
    "~",
    "~temp",
    "^caret",
    "!bang",
    "@at",
    "(1)",
    " leading space",
    "trailing space ",
    " ",
    ".hidden",
    "trailing.",
    "...",
    ".. ",
    "-rf",
    "--help",
    "new\nline",
    "carriage\rreturn",
    "tab\tstop",
    "bell\u{7}",
    "escape\u{1b}[31m",
    "delete\u{7f}",
    "\u{fc}ber",
    "u\u{308}ber",
    "\u{c5}ngstr\u{f6}m",
    "\u{130}stanbul",
    "stra\u{df}e",
    "\u{1f600}",
    "\u{1f469}\u{200d}\u{1f4bb}",
    "\u{65e5}\u{672c}\u{8a9e}",
    "\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
    "right\u{202e}left",
    "zero\u{200b}width",
    "\u{feff}bom",
    "no\u{a0}break",
    "private\u{e000}",
    "non\u{fffe}character",
    "astral\u{10ffff}",
    "CON",
    "NUL.txt",
    "COM1",
    "LPT1.tar.gz",
    "aux",
    "desktop.ini",
    "Thumbs.db",
    ".DS_Store",
    "_vti_cnf",
    "index.html",
    "null",
    "0",
    "full\u{ff0a}width",
    "slash\u{ff0f}like",
    "quote\u{201b}\u{ff0f}",
    "symbol\u{2400}",
    "new\u{2424}line",
    "dot\u{ff0e}",
    ".partial",
    "tandem",
    "x.tandem",
];

/// Whether the declared rules refuse this name.
fn refused_by(rules: &NameRules, name: &str) -> bool {
    let device = || {
        let stem = name.split('.').next().unwrap_or_default().trim_end();
        let stem = stem.to_ascii_uppercase();
        let port = stem.len() == 4
            && (stem.starts_with("COM") || stem.starts_with("LPT"))
            && stem.ends_with(|c: char| c.is_ascii_digit() && c != '0');
        port || ["CON", "PRN", "AUX", "NUL"].contains(&&*stem)
    };
    name.contains(|c| rules.forbidden.contains(c))
        || rules.no_control && name.contains(|c: char| (c as u32) < 0x20 || c == '\u{7f}')
        || rules.no_trailing_space && name.ends_with(' ')
        || rules.no_trailing_period && name.ends_with('.')
        || rules.no_leading_space && name.starts_with(' ')
        || rules.no_leading_period && name.starts_with('.')
        || rules.no_windows_devices && device()
        || rules
            .longest_name
            .is_some_and(|most| name.len() > most as usize)
}

/// Whether two of the suite's names are one to a storage of these capabilities.
fn are_one(caps: &Capabilities, one: &str, two: &str) -> bool {
    let spelled = |name: &str| {
        let mut name = name.to_owned();
        if caps.unicode == UnicodeRule::Folding {
            for (decomposed, composed) in [
                ("u\u{308}", "\u{fc}"),
                ("U\u{308}", "\u{dc}"),
                ("e\u{301}", "\u{e9}"),
            ] {
                name = name.replace(decomposed, composed);
            }
        }
        if caps.case == CaseRule::Insensitive {
            name = name.to_lowercase();
        }
        name
    };
    spelled(one) == spelled(two)
}

async fn create(bench: &Bench, path: &RelPath, seed: u64) -> Answer<Committed> {
    let body = Body::honest(bytes_of(seed, 40));
    let meta = Meta::default();
    write(bench.root(), path, body, &meta, Expected::Absent, Keep::No).await
}

fn excused(bench: &Bench, name: &str) -> bool {
    let faults = &bench.subject.known_faults;
    faults.iter().any(|fault| fault.what == name)
}

/// Long names: by bytes and by characters, as far as file systems go.
fn long_names() -> Vec<String> {
    vec![
        "n".repeat(254),
        "n".repeat(255),
        "\u{fc}".repeat(127),
        "\u{1f600}".repeat(63),
        format!("{}.tar.gz", "x".repeat(200)),
    ]
}

/// Makes a file of every hostile name below `folder`; what was accepted, by name.
async fn create_all(bench: &Bench, folder: &str) -> Result<BTreeMap<String, u64>, Stop> {
    let mut accepted = BTreeMap::<String, u64>::new();
    let long = long_names();
    let names = HOSTILE_NAMES.iter().copied();
    for (seed, name) in (0..).zip(names.chain(long.iter().map(String::as_str))) {
        if excused(bench, name) {
            continue;
        }
        let path = rel(folder).join(&Name::new(name).expect("the suite's names are valid"));
        let declared = refused_by(&bench.caps().names, name);
        let twin = accepted
            .keys()
            .any(|other| are_one(bench.caps(), other, name));
        match create(bench, &path, seed).await {
            Ok(done) => {
                check!(!declared, "{name:?} is declared as refused and was taken");
                check!(!twin, "{name:?} was taken beside its twin");
                check!(
                    done.entry.name.as_str() == name && done.landed_as.is_none(),
                    "{name:?} landed as {:?}",
                    done.entry.name
                );
                accepted.insert(name.to_owned(), seed);
            }
            Err(error) if twin => {
                check!(
                    is_refusal(&error),
                    "the twin {name:?} should be refused: {error}"
                );
            }
            Err(error) => check!(
                error.cause == Cause::NameRefused,
                "{name:?} is neither taken nor refused with name_refused: {error}"
            ),
        }
    }
    Ok(accepted)
}

pub(super) async fn a_hostile_name_round_trips_or_is_refused(bench: &Bench) -> Outcome {
    bench.folder("names").await?;
    let folder = rel("names");
    let accepted = create_all(bench, "names").await?;
    check!(
        accepted.len() >= 10,
        "only {} of the names were taken",
        accepted.len()
    );
    let wanted = accepted
        .keys()
        .map(|name| format!("names/{name}"))
        .collect();
    let tree = bench
        .listed(&folder, Depth::Children, |tree| {
            super::tree::same(&tree.files(), &wanted)
        })
        .await?;
    check!(
        tree.skipped.is_empty(),
        "names that were taken are skipped: {:?}",
        tree.skipped
    );
    let entries = tree.entries();
    for (name, seed) in &accepted {
        let path = folder.join(&Name::new(name.as_str()).expect("it was a name above"));
        if bench.caps().mutates_content {
            bench.bytes_at(&path).await?;
        } else {
            bench.holds(&path, &bytes_of(*seed, 40)).await?;
        }
        let shown = bench.entry(&path).await?;
        check!(
            entries
                .get(&path)
                .is_some_and(|listed| listed.revision == shown.revision),
            "{name:?} is listed and shown by stat with two revisions"
        );
    }
    Ok(())
}

/// What became of a file that was to get this name: whether it has it now.
fn took(bench: &Bench, name: &str, answer: &Answer<Committed>) -> Result<bool, Stop> {
    match answer {
        Ok(done) => {
            check!(
                !refused_by(&bench.caps().names, name),
                "{name:?} is declared as refused and was taken"
            );
            check!(
                done.entry.name.as_str() == name && done.landed_as.is_none(),
                "{name:?} landed as {:?}",
                done.entry.name
            );
            Ok(true)
        }
        Err(error) => {
            check!(
                error.cause == Cause::NameRefused,
                "{name:?} is neither taken nor refused with name_refused: {error}"
            );
            Ok(false)
        }
    }
}

async fn lists(bench: &Bench, folder: &str, names: &[&str]) -> Outcome {
    let wanted = names.iter().map(|name| format!("{folder}/{name}"));
    let wanted = wanted.collect();
    bench
        .listed(&rel(folder), Depth::Children, |tree| {
            super::tree::same(&tree.files(), &wanted)
        })
        .await
        .map(drop)
}

/// From each name to the next, with a copy beside it: what is refused stays as it was, under the name that it had.
pub(super) async fn a_hostile_name_is_moved_and_copied_to_or_refused(bench: &Bench) -> Outcome {
    let caps = bench.caps();
    needs!(
        caps.atomic_move || caps.server_copy,
        "neither moves nor copies on the server"
    );
    bench.folder("copied").await?;
    let mut file = bench.put("moved/plain", bytes_of(20, 40)).await?;
    let (mut moved, mut copied) = ("plain", Vec::<&str>::new());
    for name in HOSTILE_NAMES.iter().copied() {
        if excused(bench, name) || copied.iter().any(|other| are_one(caps, other, name)) {
            continue;
        }
        let last = Name::new(name).expect("the suite's names are valid");
        let (at, expected) = (file.at(), file.expected());
        let (absent, keep) = (Expected::Absent, Keep::No);
        if caps.server_copy {
            let to = rel("copied").join(&last);
            let answer = bench.root().copy(&at, &expected, &to, &absent, &keep).await;
            if took(bench, name, &answer)? {
                copied.push(name);
            }
        }
        let to = rel("moved").join(&last);
        let answer = bench
            .root()
            .move_to(&at, &expected, &to, &absent, &keep)
            .await;
        if took(bench, name, &answer)? {
            (moved, file.path, file.entry) = (name, to, answer?.entry);
        } else {
            bench.untouched(&file).await?;
        }
        lists(bench, "moved", &[moved]).await?;
    }
    check!(moved != "plain", "not one of the names was taken");
    bench.holds(&file.path, &file.bytes).await?;
    lists(bench, "copied", &copied).await
}

pub(super) async fn a_folder_of_a_hostile_name_holds_files(bench: &Bench) -> Outcome {
    let (mut wanted, mut twins) = (Vec::new(), Vec::<&str>::new());
    for (seed, name) in (0..).zip(HOSTILE_NAMES.iter().copied().step_by(3)) {
        if excused(bench, name) || twins.iter().any(|other| are_one(bench.caps(), other, name)) {
            continue;
        }
        let folder = RelPath::from(Name::new(name).expect("the suite's names are valid"));
        let path = folder.append(&rel("inside"));
        let made = async {
            match bench.root().create_folder(&folder).await {
                Err(error) if error.cause == Cause::Unsupported => {}
                other => drop(other?),
            }
            create(bench, &path, seed).await
        };
        match made.await {
            Ok(_) => {
                twins.push(name);
                wanted.push(path.as_str().to_owned());
            }
            Err(error) => check!(
                error.cause == Cause::NameRefused,
                "the folder {name:?} is neither made nor refused with name_refused: {error}"
            ),
        }
    }
    let wanted = wanted.into_iter().collect();
    bench
        .listed(&RelPath::root(), Depth::Subtree, |tree| {
            super::tree::same(&tree.files(), &wanted)
        })
        .await
        .map(drop)
}

pub(super) async fn names_beyond_the_declared_length_are_refused(bench: &Bench) -> Outcome {
    let rules = bench.caps().names.clone();
    needs!(
        rules.longest_name.is_some() || rules.longest_path.is_some(),
        "no longest name or path"
    );
    let mut paths = Vec::new();
    if let Some(most) = rules.longest_name {
        paths.push("n".repeat(most as usize + 1));
        paths.push(format!("{}n", "\u{fc}".repeat((most as usize).div_ceil(2))));
    }
    if let Some(most) = rules.longest_path {
        let mut path = "folder".to_owned();
        while path.len() <= most as usize {
            path.push_str("/a-further-folder");
        }
        paths.push(path);
    }
    for text in paths {
        let path = rel(&text);
        let made = async {
            if let Some(parent) = path.parent().filter(|parent| !parent.is_root()) {
                bench.root().create_folder(&parent).await?;
            }
            create(bench, &path, 1).await
        };
        match made.await {
            Ok(done) => return Err(Stop::broken(format!("{text:?} was taken: {done:?}"))),
            Err(error) => check!(
                error.cause == Cause::NameRefused,
                "{text:?} should be refused with name_refused: {error}"
            ),
        }
    }
    Ok(())
}

pub(super) async fn the_longest_declared_name_is_held(bench: &Bench) -> Outcome {
    let Some(most) = bench.caps().names.longest_name else {
        return Err(Stop::NotApplicable("no longest name".into()));
    };
    let placed = bench
        .put(&"n".repeat(most as usize), bytes_of(2, 20))
        .await?;
    bench.untouched(&placed).await?;
    bench
        .listed(&RelPath::root(), Depth::Children, |tree| {
            tree.has_files(&[placed.path.as_str()])
        })
        .await
        .map(drop)
}

/// Two spellings: two files where they are two names, one file where they are one.
async fn twins(bench: &Bench, one: &str, two: &str) -> Outcome {
    let first = bench.put(one, bytes_of(3, 300)).await?;
    let path = rel(two);
    let answer = create(bench, &path, 4).await;
    if !are_one(bench.caps(), one, two) {
        answer?;
        bench.untouched(&first).await?;
        bench
            .listed(&RelPath::root(), Depth::Children, |tree| {
                tree.has(&[one, two])
            })
            .await?;
        let (entry, other) = (bench.entry(&path).await?, &first.entry);
        check!(
            entry.name.as_str() == two && entry.size != other.size,
            "{two:?} shows as {entry:?}"
        );
        return Ok(());
    }
    match answer {
        Ok(done) => {
            return Err(Stop::broken(format!(
                "{two:?} was made beside {one:?}: {done:?}"
            )));
        }
        Err(error) => check!(is_refusal(&error), "{two:?} beside {one:?}: {error}"),
    }
    bench.untouched(&first).await?;
    let entry = bench.entry(&path).await?;
    check!(
        entry.name.as_str() == one,
        "{two:?} finds {entry:?}, which keeps no spelling"
    );
    bench
        .listed(&RelPath::root(), Depth::Children, |tree| {
            let twin = tree.paths().contains(two);
            if twin {
                Err(format!("{two:?} is listed"))
            } else {
                tree.has(&[one])
            }
        })
        .await
        .map(drop)
}

pub(super) async fn spellings_of_another_case_are_as_declared(bench: &Bench) -> Outcome {
    twins(bench, "Readme.TXT", "README.txt").await?;
    twins(bench, "\u{c4}pfel", "\u{e4}pfel").await
}

pub(super) async fn spellings_of_another_unicode_form_are_as_declared(bench: &Bench) -> Outcome {
    twins(bench, "\u{fc}bung", "u\u{308}bung").await?;
    twins(bench, "re\u{301}sume\u{301}", "r\u{e9}sum\u{e9}").await
}

pub(super) async fn folders_of_another_case_are_as_declared(bench: &Bench) -> Outcome {
    let first = bench.put("Folder/file", bytes_of(5, 10)).await?;
    let one = are_one(bench.caps(), "Folder", "FOLDER");
    let path = rel("FOLDER/file");
    bench.folder("FOLDER").await?;
    let answer = create(bench, &path, 6).await;
    check!(
        answer.is_err() == one,
        "a file in a folder of another case: {answer:?}"
    );
    bench.untouched(&first).await?;
    let wanted: &[&str] = if one {
        &["Folder/file"]
    } else {
        &["Folder/file", "FOLDER/file"]
    };
    bench
        .listed(&RelPath::root(), Depth::Subtree, |tree| {
            tree.has_files(wanted)
        })
        .await
        .map(drop)
}

pub(super) async fn twins_made_at_once_are_never_merged(bench: &Bench) -> Outcome {
    let pairs = [("Twin", "tWIN"), ("\u{e9}t\u{e9}", "e\u{301}te\u{301}")];
    needs!(
        bench.caps().conditions.create,
        "creating is not conditional"
    );
    for (one, two) in pairs {
        let (first, second) = (rel(one), rel(two));
        let answers = at_once([create(bench, &first, 7), create(bench, &second, 8)]).await;
        let done = answers.iter().filter(|answer| answer.is_ok()).count();
        let wanted = if are_one(bench.caps(), one, two) {
            1
        } else {
            2
        };
        check!(
            done == wanted,
            "{one:?} and {two:?} are {wanted} and {done} were made: {answers:?}"
        );
    }
    Ok(())
}

pub(super) async fn names_that_tandem_keeps_are_not_listed(bench: &Bench) -> Outcome {
    bench.root().identity(true).await?;
    let ignore = Name::new(".tandemignore").expect("it is a name");
    let ignore = encode(&ignore, &bench.caps().names)
        .map_err(|error| Stop::broken(format!("its rules cannot be held: {error}")))?;
    let below = format!("folder/{ignore}");
    bench.put(ignore.as_str(), bytes_of(9, 9)).await?;
    bench.put(&below, bytes_of(10, 9)).await?;
    bench.put("folder/x.tandem", bytes_of(11, 9)).await?;
    if let Some(outsider) = &bench.subject.outsider {
        for path in [
            ".tandem-staged-0000",
            ".tandem/versions/v1/index.jsonl",
            "folder/.tandem-anything",
            "folder/.Tandem/below",
        ] {
            let put = outsider.put(path, b"kept for itself").await;
            put.map_err(|error| Stop::broken(format!("the outsider failed: {error}")))?;
        }
    }
    bench
        .listed(&RelPath::root(), Depth::Subtree, |tree| {
            let wanted = [ignore.as_str(), &*below, "folder/x.tandem"];
            tree.has_files(&wanted)
        })
        .await
        .map(drop)
}
