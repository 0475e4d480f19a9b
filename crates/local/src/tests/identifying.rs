//! Which folder a root is, and what a test of it says.

use std::sync::Mutex;

use tandem_core::capabilities::{CaseRule, Conditions};
use tandem_core::error::Cause;
use tandem_core::storage::{Config, Credentials, Identity, Provider, Root, Storage};

use tandem_testkit::real_time::real_time;

use super::support::{Bench, FORMS, cause, rel, version};
use crate::{LocalProvider, LocalStorage, Options};

#[tokio::test]
async fn a_marker_is_made_once_and_adopted_by_all() {
    for form in FORMS {
        let bench = Bench::with(form);
        let none = bench.root.identity(false).await.unwrap();
        assert_eq!(none.identity, Identity::Weak);
        let made = bench.root.identity(true).await.unwrap();
        let Identity::Marker(id) = &made.identity else {
            panic!("{made:?}");
        };
        assert_eq!(id.len(), 32);
        for create in [true, false] {
            assert_eq!(bench.reopened().identity(create).await.unwrap(), made);
        }
    }
}

#[tokio::test]
async fn git_neither_shows_nor_cleans_what_is_tandems_own() {
    let bench = Bench::new();
    let git = |args: &[&str]| {
        let done = std::process::Command::new("git")
            .arg("-C")
            .arg(bench.path(""))
            .args(args)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    git(&["init", "--quiet"]);
    bench.root.identity(true).await.unwrap();
    bench.put("file", "old");
    let (seen, keep) = (bench.expect("file").await, version("1", "file"));
    bench.write("file", "new", seen, keep).await.unwrap();
    bench.root.settle().await.unwrap();
    assert_eq!(git(&["status", "--short"]), "?? file\n");
    git(&["clean", "-fd", "--quiet"]);
    assert!(!bench.path("file").exists());
    assert_eq!(bench.root.versions(None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_a_killed_run_began_to_hide_from_git_is_hidden_and_nothing_lies_beside_the_marker() {
    for form in FORMS {
        let bench = Bench::with(form);
        std::fs::create_dir(bench.path(".tandem")).unwrap();
        bench.put(".tandem/.gitignore", "");
        bench.root.identity(true).await.unwrap();
        let rule = std::fs::read_to_string(bench.path(".tandem/.gitignore")).unwrap();
        assert_eq!(rule, "*\n");
        let mut names: Vec<_> = std::fs::read_dir(bench.path(".tandem"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, [".gitignore", "root"]);
    }
}

#[tokio::test]
async fn another_folder_in_the_same_place_is_another_root() {
    let bench = Bench::new();
    let made = bench.root.identity(true).await.unwrap();
    std::fs::rename(bench.path(""), bench.outside("away")).unwrap();
    assert_eq!(cause(bench.root.identity(false).await), Cause::NotFound);
    std::fs::create_dir(bench.path("")).unwrap();
    assert_eq!(
        bench.root.identity(false).await.unwrap().identity,
        Identity::Weak
    );
    bench.put("file", "x");
    assert!(
        bench
            .root
            .stat(&rel("file").into())
            .await
            .unwrap()
            .is_some()
    );
    let other = bench.root.identity(true).await.unwrap();
    assert_ne!(other.identity, made.identity);
}

#[tokio::test]
async fn a_missing_folder_a_file_and_a_link_are_told_apart() {
    let bench = Bench::new();
    let storage = LocalStorage::new(Options::default(), None, real_time());
    let tell = async |path: std::path::PathBuf| {
        let root = storage.root(path.to_str().unwrap()).await.unwrap();
        root.identity(false).await.unwrap_err().detail
    };
    assert!(
        tell(bench.path("nothing"))
            .await
            .starts_with("there is no folder ")
    );
    bench.put("file", "x");
    assert!(
        tell(bench.path("file"))
            .await
            .ends_with(" is a file, not a folder")
    );
    std::os::unix::fs::symlink(bench.path(""), bench.outside("link")).unwrap();
    assert!(
        tell(bench.outside("link"))
            .await
            .contains("is a symbolic link")
    );
    for path in ["relative", "", "a\0b"] {
        assert_eq!(
            cause(storage.root(path).await.map(|_| ())),
            Cause::NameRefused
        );
    }
}

#[tokio::test]
async fn a_test_tries_everything_and_leaves_nothing() {
    for form in FORMS {
        let bench = Bench::with(form);
        let storage = LocalStorage::new(form, None, real_time());
        let heard = Mutex::new(Vec::new());
        let found = storage
            .validate(bench.path("").to_str().unwrap(), &|step| {
                heard.lock().unwrap().push(step.title.clone());
            })
            .await;
        let capabilities = found.capabilities.unwrap();
        assert_eq!(heard.into_inner().unwrap().len(), found.steps.len());
        assert!(found.steps.len() >= 6 && found.steps.iter().all(|step| step.outcome.is_ok()));
        assert_eq!(capabilities.case, CaseRule::Sensitive);
        assert_eq!(capabilities.conditions == Conditions::ALL, !form.portable);
        assert!(capabilities.conditions.create && capabilities.probed.is_some());
        assert_eq!(std::fs::read_dir(bench.path("")).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn a_test_of_what_is_no_folder_says_so() {
    let bench = Bench::new();
    bench.put("file", "x");
    let storage = LocalStorage::new(Options::default(), None, real_time());
    for (path, expected) in [("nothing", Cause::NotFound), ("file", Cause::NotFound)] {
        let path = bench.path(path);
        let found = storage.validate(path.to_str().unwrap(), &|_| ()).await;
        assert_eq!(cause(found.capabilities), expected);
        assert_eq!(found.steps.len(), 1);
        let why = found.steps[0].outcome.clone().unwrap_err();
        assert!(why.contains(path.to_str().unwrap()), "{why}");
    }
}

#[tokio::test]
async fn the_provider_opens_without_settings_and_refuses_others() {
    let provider = LocalProvider::default();
    let said = provider.descriptor();
    assert_eq!(
        (said.type_name, said.title, said.family),
        ("local", "This computer", "disk")
    );
    let open = |config: Config| {
        provider
            .open(&config, &Credentials::default(), None, real_time())
            .map(|_| ())
    };
    assert!(open(Config::default()).is_ok());
    let config = Config([("path".to_owned(), "/".to_owned())].into());
    assert_eq!(cause(open(config)), Cause::Unsupported);
}

#[tokio::test]
async fn free_space_and_folders_made_twice() {
    let bench = Bench::new();
    assert!(bench.root.free_space().await.unwrap().unwrap() > 0);
    let made = bench.root.create_folder(&rel("a/b/c")).await.unwrap();
    assert_eq!(bench.root.create_folder(&rel("a/b/c")).await.unwrap(), made);
    assert_eq!(made.name.as_str(), "c");
    bench.put("a/file", "x");
    for path in ["a/file", "a/file/below"] {
        let failed = bench.root.create_folder(&rel(path)).await;
        assert_eq!(cause(failed), Cause::AlreadyExists, "{path}");
    }
    bench.root.settle().await.unwrap();
}
