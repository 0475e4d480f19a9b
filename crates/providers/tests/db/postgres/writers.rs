//! Two devices on one server.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use tandem_core::entry::NativeId;
use tandem_core::storage::{Change, Expected, Keep, Root};

use crate::bench::{FOLDER, World, collect, rel, write};
use crate::place::Place;

/// Each device has its own connections.
async fn devices(place: &Place, count: usize) -> Vec<Arc<dyn Root>> {
    drop(place.made(World::new()).await);
    let mut devices = Vec::new();
    for _ in 0..count {
        let storage = place.open(World::new());
        devices.push(storage.root(FOLDER).await.unwrap());
    }
    devices
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_devices_that_write_one_name_exactly_one_wins_each_time() {
    let place = Place::schema();
    let devices = devices(&place, 2).await;
    let mut expected = Expected::Absent;
    for round in 0..25 {
        let writes = (0..8).map(|writer| {
            let (root, expected) = (Arc::clone(&devices[writer % 2]), expected.clone());
            tokio::spawn(async move {
                let bytes = format!("round {round}, writer {writer}");
                let done = write(&*root, "file", bytes.as_bytes(), expected, Keep::No).await;
                (bytes, done)
            })
        });
        let mut won = Vec::new();
        for answer in join_all(writes).await {
            let (bytes, done) = answer.unwrap();
            match done {
                Ok(done) => won.push((bytes, done.entry)),
                Err(error) => assert!(error.is_lost_race(), "{error}"),
            }
        }
        let [(bytes, entry)] = &won[..] else {
            panic!("round {round}: {} won", won.len());
        };
        let at = rel("file").into();
        let stream = devices[round % 2]
            .read(&at, entry, 0, entry.size)
            .await
            .unwrap();
        assert_eq!(collect(stream).await.unwrap(), bytes.as_bytes());
        expected = Expected::Revision(entry.revision.clone());
    }
}

/// The numbers of the feed come in the order of the commits: whoever reads it while many write misses none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_that_is_read_while_many_write_passes_over_nothing() {
    let place = Place::schema();
    let devices = devices(&place, 4).await;
    let reader = place.open(World::new()).root(FOLDER).await.unwrap();
    let mut cursor = reader.cursor().await.unwrap();
    let writing = devices.iter().enumerate().map(|(device, root)| {
        let root = Arc::clone(root);
        tokio::spawn(async move {
            for number in 0..40 {
                let name = format!("{device} {number}");
                write(&*root, &name, b"bytes", Expected::Absent, Keep::No)
                    .await
                    .unwrap();
            }
        })
    });
    let writing = tokio::spawn(join_all(writing.collect::<Vec<_>>()));
    let mut seen: BTreeMap<NativeId, String> = BTreeMap::new();
    loop {
        let is_over = writing.is_finished();
        let told = reader.changes(&cursor).await.unwrap();
        for change in told.changes {
            if let Change::Upsert { entry, .. } = change {
                seen.insert(entry.id.unwrap(), entry.name.as_str().to_owned());
            }
        }
        cursor = told.cursor;
        if is_over && !told.more {
            break;
        }
    }
    for done in writing.await.unwrap() {
        done.unwrap();
    }
    assert_eq!(seen.len(), 160);
}
