//! Nothing outside the root is reached, by name, link or race (P11).

use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tandem_core::storage::{Depth, Discard, Expected, Keep, Meta, Root};

use super::support::{Bench, FORMS, at, bytes, collect, list, member, rel, version};

/// What lies outside: each file with its content and whole status.
fn snapshot(bench: &Bench) -> Vec<(String, String, u64, i64, u32)> {
    use std::os::unix::fs::MetadataExt;
    let mut found: Vec<_> = std::fs::read_dir(bench.outside(""))
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            let meta = std::fs::symlink_metadata(&path).unwrap();
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (
                name,
                text,
                meta.ino(),
                meta.ctime_nsec() + meta.ctime(),
                meta.mode(),
            )
        })
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn a_link_in_the_way_stops_every_operation() {
    for form in FORMS {
        let bench = Bench::with(form);
        std::fs::write(bench.outside("secret"), "secret").unwrap();
        symlink(bench.outside(""), bench.path("way")).unwrap();
        bench.put("mine", "mine");
        let before = snapshot(&bench);
        let any = Expected::Any;
        let (secret, mine) = (at("way/secret"), at("mine"));
        let root = &bench.root;

        assert!(root.stat(&secret).await.unwrap().is_none());
        assert!(bench.stage("way/new", "x", &Meta::default()).await.is_err());
        assert!(root.create_folder(&rel("way/folder")).await.is_err());
        assert!(root.create_folder(&rel("way")).await.is_err());
        assert!(
            root.move_to(&mine, &any, &rel("way/mine"), &Expected::Absent, &Keep::No)
                .await
                .is_err()
        );
        assert!(
            root.move_to(&secret, &any, &rel("stolen"), &Expected::Absent, &Keep::No)
                .await
                .is_err()
        );
        assert!(
            root.copy(&secret, &any, &rel("stolen"), &Expected::Absent, &Keep::No)
                .await
                .is_err()
        );
        let meta = Meta {
            executable: Some(true),
            ..Meta::default()
        };
        assert!(root.set_meta(&secret, &any, &meta).await.is_err());
        let deleted = root
            .delete(&secret, &any, &Keep::No, Discard::Forever)
            .await;
        assert!(deleted.unwrap().was_absent);
        assert_eq!(snapshot(&bench), before);
        assert_eq!(bench.text("mine").unwrap(), "mine");
    }
}

#[tokio::test]
async fn nothing_is_read_or_done_through_a_link_far_above() {
    for form in FORMS {
        let bench = Bench::with(form);
        let outside = bench.outside("deep/deeper");
        std::fs::create_dir_all(&outside).unwrap();
        std::fs::write(outside.join("secret"), "secret").unwrap();
        symlink(bench.outside(""), bench.path("way")).unwrap();
        // The same file under a name in the root: what it looks like is known, and only the way to it is wrong.
        std::fs::hard_link(outside.join("secret"), bench.path("mine")).unwrap();
        let entry = bench.entry("mine").await;
        let expected = Expected::Revision(entry.revision.clone());
        let root = &bench.root;
        for folder in ["way", "way/deep", "way/deep/deeper"] {
            let secret = at(&format!("{folder}/secret"));
            assert!(root.stat(&secret).await.unwrap().is_none(), "{folder}");
            let read = collect(root.read(&secret, &entry, 0, 6).await).await;
            assert!(read.is_err(), "{folder}");
            let new = format!("{folder}/new");
            let staged = bench.stage(&new, "x", &Meta::default()).await;
            assert!(staged.is_err(), "{folder}");
            assert!(root.create_folder(&rel(&new)).await.is_err(), "{folder}");
            let deleted = root.delete(&secret, &expected, &Keep::No, Discard::Forever);
            assert!(deleted.await.unwrap().was_absent, "{folder}");
        }
        let left: Vec<_> = std::fs::read_dir(&outside).unwrap().collect();
        assert_eq!(left.len(), 1);
        assert_eq!(std::fs::read(outside.join("secret")).unwrap(), b"secret");
    }
}

/// One round of everything that writes, all of it below `swap`, which may be a folder or a link at any
/// instant. What each call answers is of no interest here.
async fn assault(bench: &Bench, round: u64) {
    let root = &bench.root;
    let any = Expected::Any;
    let name = |what: &str| rel(&format!("swap/{what}{}", round % 3));
    let meta = Meta {
        executable: Some(round.is_multiple_of(2)),
        ..Meta::default()
    };
    let target = name("file");
    let ear = super::support::Ear::new();
    if let Ok(staged) = root.stage(&target, bytes("ours"), &meta, None, ear).await {
        // A flush takes longer than all else; most rounds do without.
        if !round.is_multiple_of(8) {
            let _ = root.discard(&staged.token).await;
        }
        let keep = version(&round.to_string(), target.as_str());
        let _ = root.commit(vec![member(staged, Expected::Any, keep)]).await;
    }
    let _ = root.create_folder(&name("folder/deep")).await;
    let _ = root.set_meta(&target.clone().into(), &any, &meta).await;
    let _ = root
        .move_to(&target.into(), &any, &name("moved"), &any, &Keep::No)
        .await;
    let _ = root
        .copy(&at("steady"), &any, &name("copied"), &any, &Keep::No)
        .await;
    let secret = at("swap/secret");
    let _ = root.set_meta(&secret, &any, &meta).await;
    let _ = root
        .delete(&secret, &any, &Keep::No, Discard::Forever)
        .await;
    let _ = root
        .move_to(&secret, &any, &rel("stolen"), &any, &Keep::No)
        .await;
    let _ = root
        .delete(&name("copied").into(), &any, &Keep::No, Discard::Forever)
        .await;
    if let Ok(Some(entry)) = root.stat(&secret).await
        && let Ok(bytes) = collect(root.read(&secret, &entry, 0, 99).await).await
    {
        assert_ne!(bytes, b"outside", "read through a link");
    }
    if round.is_multiple_of(16) {
        let _ = list(root, "swap", Depth::Subtree).await;
    }
}

/// A thread exchanges a folder and a link, so many times at least and for so many rounds, while all that writes is
/// tried below it; it may end earlier once `limit` is over.
async fn leads_nowhere(least: u64, limit: Duration) {
    for form in FORMS {
        let bench = Bench::with(form);
        std::fs::write(bench.outside("secret"), "outside").unwrap();
        bench.put("steady", "steady");
        bench.put("swap/inside", "inside");
        symlink(bench.outside(""), bench.path("link")).unwrap();
        let before = snapshot(&bench);
        let stop = Arc::new(AtomicBool::new(false));
        let swaps = Arc::new(AtomicU64::new(0));
        let (stopped, counted) = (stop.clone(), swaps.clone());
        let (folder, link) = (bench.path("swap"), bench.path("link"));
        let attacker = std::thread::spawn(move || {
            // An exchange leaves no instant at which there is nothing.
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            let cwd = rustix::fs::CWD;
            while !stopped.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(cwd, &folder, cwd, &link, flags).unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        let end = Instant::now() + limit;
        let mut round = 0;
        // As much as the time holds, and on a busy machine what is needed to prove anything.
        let few = |round, most| round < most || swaps.load(Ordering::Relaxed) < 20 * most;
        while few(round, 50) || few(round, least) && Instant::now() < end {
            assault(&bench, round).await;
            round += 1;
        }
        stop.store(true, Ordering::Relaxed);
        attacker.join().unwrap();
        let swaps = swaps.load(Ordering::Relaxed);
        assert_eq!(snapshot(&bench), before, "after {round} rounds");
        println!("{round} rounds against {swaps} exchanges: nothing outside was touched");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_turns_into_a_link_at_any_instant_leads_nowhere() {
    leads_nowhere(10_000, Duration::from_secs(3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn ten_thousand_rounds_against_a_folder_that_turns_into_a_link_lead_nowhere() {
    leads_nowhere(10_000, Duration::from_secs(3600)).await;
}
