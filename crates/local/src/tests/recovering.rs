//! What lies under a staged file's name and is not what was staged is somebody's, and kept (DESIGN 4).

use tandem_core::storage::{Depth, Discard, Expected, Keep, Meta, ResumeToken, Root};

use super::support::{Bench, at, bytes, collect, fail_at, list, member, next_tick, rel};
use crate::checkpoint::Checkpoint;
use crate::disk::Moment;
use crate::leftovers::{aside_name, staged_name};
use crate::sys::Errno;
use crate::token::Token;

const FOREIGN: &str = "a/.tandem-staged-00000000000000ff";

async fn recovered(bench: &Bench) -> Vec<String> {
    let mut found = Vec::new();
    for version in bench.root.versions(None).await.unwrap() {
        assert!(format!("{:?}", version.key).starts_with("recovered/"));
        let read = bench.root.read_version(&version.key, 0, u64::MAX).await;
        found.push(String::from_utf8(collect(read).await.unwrap()).unwrap());
    }
    found
}

#[tokio::test]
async fn a_file_that_a_scan_finds_under_such_a_name_is_kept() {
    let bench = Bench::new();
    bench.put(FOREIGN, "a person's");
    list(&bench.root, "", Depth::Subtree).await.unwrap();
    let found = bench.root.leftovers().await.unwrap();
    assert_eq!(found.len(), 1);
    bench.root.discard(&found[0].0).await.unwrap();
    assert_eq!(recovered(&bench).await, ["a person's"]);
    assert!(bench.own_names("a").is_empty());
}

#[tokio::test]
async fn a_staged_file_that_somebody_wrote_into_or_replaced_is_kept() {
    for how in ["write", "append", "replace"] {
        let bench = Bench::naming();
        let staged = bench.stage("file", "ours", &Meta::default()).await.unwrap();
        let path = bench.path(&bench.own_names("")[0]);
        next_tick();
        match how {
            "write" => std::fs::write(&path, "their").unwrap(),
            "append" => {
                let mut file = std::fs::OpenOptions::new()
                    .append(true)
                    .open(&path)
                    .unwrap();
                std::io::Write::write_all(&mut file, b" and theirs").unwrap();
            }
            _ => {
                bench.put("other", "ours");
                std::fs::rename(bench.path("other"), &path).unwrap();
            }
        }
        bench.root.discard(&staged.token).await.unwrap();
        assert_eq!(recovered(&bench).await.len(), 1, "{how}");
        assert!(bench.own_names("").is_empty());
    }
}

/// abraunegg/onedrive#791: a half downloaded file was uploaded when the program was started again.
#[tokio::test]
async fn what_was_staged_is_removed_even_by_a_run_that_knows_its_name_alone() {
    let bench = Bench::naming();
    bench.stage("a", "ours", &Meta::default()).await.unwrap();
    let link = Meta {
        target: Some("to".into()),
        ..Meta::default()
    };
    bench.stage("b", "", &link).await.unwrap();
    let next = bench.after_a_kill();
    list(&next, "", Depth::Subtree).await.unwrap();
    for (token, _) in next.leftovers().await.unwrap() {
        next.discard(&token).await.unwrap();
    }
    assert!(bench.own_names("").is_empty());
    assert!(recovered(&bench).await.is_empty());
}

#[tokio::test]
async fn nothing_is_cut_off_a_file_that_is_not_what_was_sent() {
    let bench = Bench::new();
    let theirs = "x".repeat(9 << 20);
    bench.put(FOREIGN, &theirs);
    let mut token = Token::found(rel(FOREIGN));
    token.name = Some("file".parse().unwrap());
    token.len = 10 << 20;
    token.checkpoint = Some(Checkpoint {
        len: (8 << 20).try_into().unwrap(),
        blake3: blake3::hash(b"other").to_hex().to_string(),
    });
    let token: ResumeToken = token.pack("test").unwrap();
    let content = bytes(&"y".repeat(10 << 20));
    let meta = Meta::default();
    let ear = super::support::Ear::new();
    let staged = bench
        .root
        .stage(&rel("a/file"), content, &meta, Some(&token), ear)
        .await;
    let staged = staged.unwrap();
    let kept = recovered(&bench).await;
    assert!(kept.len() == 1 && kept[0] == theirs);
    let done = bench
        .root
        .commit(vec![member(staged, Expected::Absent, Keep::No)]);
    done.await.remove(0).unwrap();
}

#[tokio::test]
async fn throwing_a_finished_transfer_away_touches_nothing_that_waits() {
    let bench = Bench::new();
    bench.put("file", "old");
    let seen = bench.expect("file").await;
    let staged = bench.stage("file", "ours", &Meta::default()).await.unwrap();
    let token = staged.token.clone();
    bench.commit(staged, seen, Keep::No).await.unwrap();
    bench.root.discard(&token).await.unwrap();
    assert!(recovered(&bench).await.is_empty());
    bench.root.settle().await.unwrap();
    assert!(bench.own_names("").is_empty());
}

#[tokio::test]
async fn after_a_failed_flush_only_what_was_staged_is_removed() {
    let bench = Bench::naming();
    let staged = bench.stage("file", "ours", &Meta::default()).await.unwrap();
    bench.put("other", "theirs");
    let name = bench.own_names("").remove(0);
    std::fs::rename(bench.path("other"), bench.path(&name)).unwrap();
    let fine = bench.stage("fine", "ours", &Meta::default()).await.unwrap();
    fail_at(&bench.root, Moment::BeforeFlush, Errno::IO);
    let group = [staged, fine].map(|staged| member(staged, Expected::Absent, Keep::No));
    for answer in bench.root.commit(group.into()).await {
        assert!(answer.is_err());
    }
    assert!(bench.own_names("").is_empty());
    assert_eq!(recovered(&bench).await, ["theirs"]);
}

#[tokio::test]
async fn what_a_killed_delete_had_taken_is_among_the_versions_of_its_path() {
    let bench = Bench::new();
    let taken = aside_name(&staged_name(7), "thesis.docx");
    bench.put(&format!("a/{taken}"), "a person's");
    list(&bench.root, "", Depth::Subtree).await.unwrap();
    assert!(bench.root.leftovers().await.unwrap().is_empty());
    assert!(bench.own_names("a").is_empty());
    let path = rel("a/thesis.docx");
    assert_eq!(bench.root.versions(Some(&path)).await.unwrap().len(), 1);
    assert_eq!(recovered(&bench).await, ["a person's"]);
}

/// Two pairs on one folder: what one works with is no leftover to the other.
#[tokio::test]
async fn what_another_root_of_this_process_works_with_is_left_to_it() {
    let bench = Bench::naming();
    let staged = bench.stage("a", "ours", &Meta::default()).await.unwrap();
    bench.put("b", "old");
    let seen = bench.expect("b").await;
    bench.write("b", "new", seen, Keep::No).await.unwrap();
    assert_eq!(bench.own_names("").len(), 2);
    let other = bench.reopened();
    list(&other, "", Depth::Subtree).await.unwrap();
    assert!(other.leftovers().await.unwrap().is_empty());
    let done = bench.commit(staged, Expected::Absent, Keep::No).await;
    done.unwrap();
    bench.root.settle().await.unwrap();
    assert!(recovered(&bench).await.is_empty() && bench.own_names("").is_empty());
}

#[tokio::test]
async fn what_another_device_works_with_is_left_to_it() {
    let bench = Bench::new();
    bench.put(&format!("a/.tandem-staged-{:08x}.{:016x}", 0, 1), "theirs");
    list(&bench.root, "", Depth::Subtree).await.unwrap();
    assert!(bench.root.leftovers().await.unwrap().is_empty());
    let (folder, seen) = (at("a"), bench.expect("a").await);
    let deleted = bench
        .root
        .delete(&folder, &seen, &Keep::No, Discard::Forever);
    assert!(deleted.await.is_err());
    assert_eq!(bench.own_names("a").len(), 1);
}

#[tokio::test]
async fn a_folder_that_holds_nothing_but_leftovers_can_be_deleted() {
    let bench = Bench::naming();
    bench.put("a/x", "x");
    bench
        .stage("a/file", "ours", &Meta::default())
        .await
        .unwrap();
    bench.put(FOREIGN, "a person's");
    std::fs::remove_file(bench.path("a/x")).unwrap();
    let (folder, seen) = (at("a"), bench.expect("a").await);
    let next = bench.after_a_kill();
    let deleted = next.delete(&folder, &seen, &Keep::No, Discard::Forever);
    deleted.await.unwrap();
    assert!(next.stat(&folder).await.unwrap().is_none());
    assert_eq!(recovered(&bench).await, ["a person's"]);
}
