//! A server that heeds no condition, and somebody else who writes to the same names while Tandem does: it is found at
//! the next pass, and nothing of ours is lost (P7).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tandem_core::capabilities::Capabilities;
use tandem_core::content::BytesContent;
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Commit, Config, Credentials, Expected, Keep, Meta, Root, Storage, Unheard,
};
use tandem_providers::registry::providers;
use tandem_testkit::real_time::real_time;
use tandem_testkit::seed::Rng;
use tandem_testkit::servers::{S3Server, S3sFs};

use crate::desk::{Desk, contents};

const BUCKET: &str = "bucket";

/// Names in a pass.
const AT_ONCE: u64 = 40;

/// The bucket, as one that is not known to do more than the least.
fn open(server: &S3Server) -> Arc<dyn Storage> {
    let all = providers().into_iter();
    let mut all = all.filter(|provider| provider.descriptor().type_name == "s3");
    let own = |pairs: [(&str, &str); 2]| {
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        BTreeMap::from(pairs)
    };
    let config = Config(own([("endpoint", server.endpoint()), ("bucket", BUCKET)]));
    let credentials = Credentials(own([
        ("access_key_id", server.access_key()),
        ("secret_access_key", server.secret_key()),
    ]));
    // As the probe finds s3s-fs, but for the conditions: it lists no ETags.
    let least = Capabilities {
        revision_granularity: 1_000_000_000,
        server_copy: true,
        versions: true,
        ranges: true,
        ..Capabilities::least()
    };
    let provider = all.next().unwrap();
    provider
        .open(&config, &credentials, Some(&least), real_time())
        .unwrap()
}

/// Somebody who writes and asks for nothing, and again where the storage saw that both wrote in one instant.
async fn put(stranger: &dyn Root, path: &RelPath, text: String) {
    loop {
        let content = Arc::new(BytesContent(text.clone().into()));
        let meta = Meta::default();
        let staged = stranger.stage(path, content, &meta, None, Arc::new(Unheard));
        let commit = Commit {
            staged: staged.await.unwrap(),
            expected: Expected::Any,
            keep: Keep::No,
            sink: None,
        };
        match stranger.commit(vec![commit]).await.remove(0) {
            Err(error) if error.is_lost_race() => {}
            done => return drop(done.unwrap()),
        }
    }
}

fn texts(found: Vec<(PathBuf, Vec<u8>)>) -> BTreeSet<String> {
    let texts = found
        .into_iter()
        .map(|(_, content)| String::from_utf8_lossy(&content).into_owned());
    texts.collect()
}

fn visible(found: Vec<(PathBuf, Vec<u8>)>, root: &std::path::Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let own = |path: &PathBuf| {
        path.iter()
            .any(|part| part.to_string_lossy().starts_with('.'))
    };
    found
        .into_iter()
        .map(|(path, content)| (path.strip_prefix(root).unwrap().to_owned(), content))
        .filter(|(path, _)| !own(path))
        .collect()
}

async fn rounds(wanted: u64, seed: u64) {
    let server = S3sFs::start().unwrap();
    server.make_bucket(BUCKET).unwrap();
    let (ours, theirs) = (open(&server), open(&server));
    let desk = Desk::joined_to(ours.root("").await.unwrap(), |options| {
        options.guards.conflict_copies_an_hour = u64::MAX;
        options.guards.conflict_copies_of_one = u64::MAX;
        options.guards.older_items = u64::MAX;
    })
    .await;
    let stranger = theirs.root("").await.unwrap();
    let bucket = server.data_dir().join(BUCKET);
    let mut rng = Rng::new(seed);
    let (mut met, mut lost) = (0, 0);
    for round in 0..wanted / AT_ONCE {
        let name = |n: u64| format!("{n}.txt");
        for n in 0..AT_ONCE {
            std::fs::write(desk.source(&name(n)), format!("ours {round} {n}")).unwrap();
        }
        let pauses: Vec<u64> = (0..AT_ONCE).map(|_| rng.below(12_000)).collect();
        let others = async {
            for (n, pause) in (0..).zip(pauses) {
                tokio::time::sleep(Duration::from_micros(pause)).await;
                let path = RelPath::new(&name(n)).unwrap();
                put(&*stranger, &path, format!("theirs {round} {n}")).await;
            }
        };
        tokio::join!(desk.sync(), others);
        // A revision is a second here: what came in the same one is told apart once that is over.
        tokio::time::sleep(Duration::from_millis(2_100)).await;
        desk.settle().await;
        let (here, there) = (desk.contents("source"), contents(bucket.clone()));
        let root = desk.source("");
        assert_eq!(
            visible(here.clone(), &root),
            visible(there.clone(), &bucket),
            "in round {round}"
        );
        let (here, there) = (texts(here), texts(there));
        for n in 0..AT_ONCE {
            let has = |who: &str| {
                let text = format!("{who} {round} {n}");
                here.contains(&text) || there.contains(&text)
            };
            assert!(has("ours"), "what we wrote to {n} in round {round} is gone");
            met += 1;
            lost += u64::from(!has("theirs"));
        }
    }
    println!(
        "{met} writes to one name: all of ours are there, of the others' {lost} fell into the window of a server without conditions"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_conditions_nothing_of_ours_is_lost_to_another_writer() {
    rounds(80, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half an hour"]
async fn without_conditions_nothing_of_ours_is_lost_in_ten_thousand_races() {
    rounds(10_000, 2).await;
}
