//! What lies in a folder and was written by others, or by a run that was cut off: read or refused, and nothing of a
//! person's is touched for it (P1, P11).

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use tandem_core::content::SharedContent;
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{
    Depth, Expected, Identity, Keep, Meta, ResumeToken, Root, Version, VersionKey,
};
use tokio::runtime::Runtime;

use super::support::{Bench, Ear, FORMS, bytes, collect, key, list, member, rel};
use crate::leftovers;
use crate::mounts::Mounts;
use crate::sys::Folder;

/// What lies beside the root, under a name that versions have too.
const SECRET: &str = "outside";

/// The folders that inputs are put into, one for each form.
static BENCHES: LazyLock<[Mutex<Bench>; 2]> = LazyLock::new(|| {
    FORMS.map(|form| {
        let bench = Bench::with(form);
        std::fs::write(bench.outside("file"), SECRET).unwrap();
        bench.put("mine", "mine");
        bench.put("docs/mine", "mine too");
        Mutex::new(bench)
    })
});

fn benches() -> impl Iterator<Item = MutexGuard<'static, Bench>> {
    BENCHES
        .iter()
        .map(|bench| bench.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Runs to its end what a storage does.
fn wait<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().unwrap()
    });
    RUNTIME.block_on(work)
}

fn put(bench: &Bench, path: &str, input: &[u8]) {
    let path = bench.path(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, input).unwrap();
}

fn untouched(bench: &Bench) {
    assert_eq!(bench.text("mine").as_deref(), Some("mine"));
    assert_eq!(bench.text("docs/mine").as_deref(), Some("mine too"));
    assert_eq!(
        std::fs::read_to_string(bench.outside("file")).unwrap(),
        SECRET
    );
    assert_eq!(std::fs::read_dir(bench.outside("")).unwrap().count(), 1);
}

fn is_sentence(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains('\n')
}

#[test]
fn a_list_of_mounts_is_read_and_kept_or_stops_everything() {
    tandem_testkit::fuzz!("mounts", made = 1_000, |input: &[u8]| {
        for bench in benches() {
            put(&bench, ".tandem/mounts.json", input);
            let anchor = bench.root.disk().anchor().unwrap();
            let mounts = Mounts::default();
            mounts.load(&anchor.folder);
            let path = rel("docs/mine");
            let own = anchor.folder.open_folder(".tandem").unwrap();
            match mounts.check("read", &anchor, &path) {
                Err(error) if error.detail.contains("mounts.json") => {
                    assert!(is_sentence(&error.to_string()), "{error}");
                    mounts.saw(path, None);
                    mounts.save(&own).unwrap();
                    let there = std::fs::read(bench.path(".tandem/mounts.json")).unwrap();
                    assert_eq!(there, input, "what cannot be read is not replaced");
                }
                _ => is_kept(&mounts, &own, &anchor.folder, input.len()),
            }
            untouched(&bench);
        }
    });
}

/// What was read is there after it was written again, and one mount more.
fn is_kept(mounts: &Mounts, own: &Folder, root: &Folder, longest: usize) {
    let before = mounts.children_of(&RelPath::root());
    assert!(before.len() <= longest);
    mounts.saw(rel("seen now"), Some("a volume".to_owned()));
    mounts.save(own).unwrap();
    let again = Mounts::default();
    again.load(root);
    let mut after = again.children_of(&RelPath::root());
    after.remove("seen now");
    let mut before = before;
    before.remove("seen now");
    assert_eq!(after, before);
}

#[test]
fn a_marker_says_the_same_each_time_and_is_never_replaced() {
    tandem_testkit::fuzz!("marker", made = 1_000, |input: &[u8]| {
        for bench in benches() {
            put(
                &bench,
                ".tandem/mounts.json",
                b"{\"schema\":1,\"mounts\":[]}",
            );
            put(&bench, ".tandem/root", input);
            let found = wait(bench.root.identity(true)).unwrap().identity;
            assert_eq!(wait(bench.root.identity(true)).unwrap().identity, found);
            match found {
                Identity::Marker(id) => assert!(!id.trim().is_empty() && id.chars().count() <= 256),
                other => assert_eq!(other, Identity::Weak),
            }
            let there = std::fs::read(bench.path(".tandem/root")).unwrap();
            assert_eq!(there, input);
        }
    });
}

/// A version of `docs/mine`, put there by hand.
fn put_version(bench: &Bench, index: &[u8]) {
    let device = ".tandem/versions/v1/desk-0000";
    put(bench, &format!("{device}/index.jsonl"), index);
    put(bench, &format!("{device}/2026-11-20/1/mine"), b"old");
}

fn is_of_one_name_each(version: &Version) {
    let VersionKey::Kept {
        device,
        date,
        action,
        ..
    } = &version.key
    else {
        panic!("a disk has no versions of its own: {version:?}");
    };
    for part in [device, date, action] {
        assert!(Name::new(part.clone()).is_ok(), "{version:?}");
    }
}

#[test]
fn an_index_of_versions_names_what_is_kept_and_hides_none_of_it() {
    tandem_testkit::fuzz!("version_index", made = 500, |input: &[u8]| {
        for bench in benches() {
            put_version(&bench, input);
            let all = wait(bench.root.versions(None)).unwrap();
            all.iter().for_each(is_of_one_name_each);
            let kept = all.iter().find(|version| version.entry.size == 3);
            assert_eq!(kept.unwrap().entry.name.as_str(), "mine");
            for path in ["docs/mine", "file"] {
                let versions = wait(bench.root.versions(Some(&rel(path)))).unwrap();
                assert!(versions.len() <= input.len());
                for version in &versions {
                    is_of_one_name_each(version);
                    assert_eq!(
                        version.entry.size, 3,
                        "it is not among the versions: {version:?}"
                    );
                }
            }
            // A line is found after what was cut off.
            let meta = bench.write(
                "docs/mine",
                "mine too",
                Expected::Any,
                Keep::Version(key("2", "docs/mine")),
            );
            wait(meta).unwrap();
            let versions = wait(bench.root.versions(Some(&rel("docs/mine")))).unwrap();
            assert!(
                versions
                    .iter()
                    .any(|version| version.key == key("2", "docs/mine"))
            );
            wait(bench.root.prune_version(&key("2", "docs/mine"))).unwrap();
            untouched(&bench);
        }
    });
}

#[test]
fn a_key_of_a_version_reaches_versions_only() {
    tandem_testkit::fuzz!("kept_key", made = 500, |input: &[u8]| {
        let Ok(key) = serde_json::from_slice::<VersionKey>(input) else {
            return;
        };
        for bench in benches() {
            put_version(&bench, b"");
            let root = &bench.root;
            let told = [
                wait(root.stat_version(&key)).map(drop),
                wait(root.read_version(&key, 0, 9)).map(drop),
                wait(root.restore_version(&key, &rel("mine"), &Expected::Absent)).map(drop),
                wait(root.prune_version(&key)),
            ];
            for error in told.into_iter().filter_map(Result::err) {
                assert!(is_sentence(&error.to_string()), "{error}");
            }
            untouched(&bench);
        }
    });
}

#[test]
fn a_token_reaches_no_file_of_a_person_and_brings_nothing_into_another_file() {
    tandem_testkit::fuzz!("token", made = 500, |input: &[u8]| {
        let token = ResumeToken(String::from_utf8_lossy(input).into_owned());
        for bench in benches() {
            let _ = std::fs::remove_dir_all(bench.path(".tandem"));
            // Content that somebody left under a name of Tandem's own.
            put(&bench, "docs/.tandem-staged-x-aside", b"precious");
            put(&bench, "docs/.tandem-staged-x", b"precious");
            let root = &bench.root;
            let meta = Meta::default();
            let body: SharedContent = bytes("the body");
            let target = rel("docs/new");
            let staging = root.stage(&target, body, &meta, Some(&token), Ear::new());
            if let Ok(staged) = wait(staging) {
                let committed = wait(root.commit(vec![member(staged, Expected::Absent, Keep::No)]));
                assert!(committed[0].is_ok(), "{committed:?}");
                assert_eq!(bench.text("docs/new").as_deref(), Some("the body"));
                std::fs::remove_file(bench.path("docs/new")).unwrap();
            }
            if let Err(error) = wait(root.discard(&token)) {
                assert!(is_sentence(&error.to_string()), "{error}");
            }
            untouched(&bench);
            is_somewhere(&bench, "docs/.tandem-staged-x-aside");
        }
    });
}

/// What lay at `path` is there, or among the versions.
fn is_somewhere(bench: &Bench, path: &str) {
    if bench.text(path).as_deref() == Some("precious") {
        return;
    }
    let versions = wait(bench.root.versions(None)).unwrap();
    let texts = versions.iter().map(|version| {
        let bytes =
            wait(async { collect(bench.root.read_version(&version.key, 0, 99).await).await });
        bytes.unwrap()
    });
    assert!(
        texts.into_iter().any(|text| text == b"precious"),
        "{path} is gone"
    );
}

#[test]
fn a_name_of_tandems_own_is_told_by_its_form_alone() {
    tandem_testkit::fuzz!("own_name", |input: &[u8]| {
        let name = String::from_utf8_lossy(input);
        if let Some(original) = leftovers::original_of(&name) {
            assert!(leftovers::may_be_precious(&name));
            assert!(name.contains(original));
        }
        if leftovers::inode_of(&name).is_some() || leftovers::is_ours(&name) {
            assert!(leftovers::is_own(&name));
        }
        let Ok(original) = Name::new(name.as_ref()) else {
            return;
        };
        let staged = leftovers::with_inode(&leftovers::staged_name(7), 0x1f);
        let aside = leftovers::aside_name(&staged, original.as_str());
        assert!(Name::new(aside.as_str()).is_ok() && aside.len() <= 255);
        assert!(leftovers::may_be_precious(&aside) && leftovers::is_ours(&aside));
        assert_eq!(leftovers::inode_of(&aside), Some(0x1f));
        let told = leftovers::original_of(&aside);
        assert!(
            told.is_none_or(|told| told == original.as_str()),
            "{told:?}"
        );
    });
}

#[test]
fn a_name_on_the_disk_is_listed_or_told_to_be_left_out() {
    use std::os::unix::ffi::OsStrExt;

    tandem_testkit::fuzz!("raw_names", made = 500, |input: &[u8]| {
        for bench in benches() {
            let folder = bench.path("raw");
            std::fs::create_dir(&folder).unwrap();
            let names = input.split(|byte| *byte == b'\n').take(20);
            let names = names.filter(|name| {
                !name.is_empty() && !name.contains(&b'/') && *name != b"." && *name != b".."
            });
            for name in names {
                // What the system refuses is not there.
                let _ = std::fs::write(folder.join(std::ffi::OsStr::from_bytes(name)), "x");
            }
            let there: Vec<_> = std::fs::read_dir(&folder)
                .unwrap()
                .map(|file| file.unwrap().file_name())
                .collect();
            let own = |name: &&std::ffi::OsString| {
                name.to_str()
                    .is_some_and(|name| Name::new(name).is_ok_and(|name| name.is_reserved()))
            };
            let wanted = there.iter().filter(|name| !own(name)).count();
            let seen = wait(list(&bench.root, "raw", Depth::Children)).unwrap();
            assert_eq!(
                seen.entries.len() + seen.skipped.len(),
                wanted,
                "{there:?}: {seen:?}"
            );
            std::fs::remove_dir_all(&folder).unwrap();
        }
    });
}
