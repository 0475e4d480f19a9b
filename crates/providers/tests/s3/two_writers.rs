//! Two who write to one name at once: with conditions exactly one is told that it won, and what somebody else wrote is
//! never replaced unseen (P7). That a server decides such races at all is shown first, by two clients that are not
//! Tandem's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use bytes::Bytes;
use futures_util::future::join;
use tandem_core::entry::Entry;
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::{Discard, Expected, Keep, Root};
use tandem_testkit::conformance::Outsider;
use tandem_testkit::seed::Rng;
use tandem_testkit::servers::SerialMoto;

use crate::bench::{Bucket, OtherClient, Shared, key, write};

/// A server that decides races: others here look at a condition first and write afterwards.
static SERVER: Shared = Shared::new(SerialMoto::start);

/// What a round ends with.
#[derive(Debug, Default)]
struct Tally {
    rounds: u32,
    ours: u32,
    theirs: u32,
    /// Both were told that they won.
    both: u32,
    neither: u32,
}

impl Tally {
    fn note(&mut self, ours: bool, theirs: bool) {
        self.rounds += 1;
        *match (ours, theirs) {
            (true, true) => &mut self.both,
            (true, false) => &mut self.ours,
            (false, true) => &mut self.theirs,
            (false, false) => &mut self.neither,
        } += 1;
    }
}

/// What the plain client asks for.
#[derive(Debug, Clone)]
enum Condition {
    None,
    Absent,
    Tag(String),
}

/// A plain write, and the ETag it got; `None` if the server refused it.
async fn put(
    client: &Client,
    bucket: &str,
    at: &str,
    text: &str,
    condition: &Condition,
) -> Option<String> {
    let put = client.put_object().bucket(bucket).key(key(at));
    let put = match condition {
        Condition::None => put,
        Condition::Absent => put.if_none_match("*"),
        Condition::Tag(tag) => put.if_match(tag),
    };
    let sent = put.body(text.as_bytes().to_vec().into()).send().await;
    match sent {
        Ok(done) => Some(done.e_tag().unwrap_or_default().to_owned()),
        Err(error) => {
            let raw = error.raw_response().map(|raw| raw.status().as_u16());
            assert!(matches!(raw, Some(404 | 409 | 412)), "{error:?}");
            None
        }
    }
}

/// Two plain clients, each with the same condition, first on a free name and then on a taken one.
async fn plain(bucket: &Bucket, rounds: u32) -> Tally {
    let (one, other) = (bucket.client(), bucket.client());
    let reader = OtherClient::new(bucket);
    let mut tally = Tally::default();
    let (mut condition, mut rng) = (Condition::Absent, Rng::new(u64::from(rounds)));
    for round in 0..rounds {
        let pauses = [rng.below(3_000), rng.below(3_000)].map(Duration::from_micros);
        let at = format!("plain-{}", round / 2);
        let texts = [format!("one {round}"), format!("other {round}")];
        let (first, second) = join(
            async {
                tokio::time::sleep(pauses[0]).await;
                put(&one, &bucket.name, &at, &texts[0], &condition).await
            },
            async {
                tokio::time::sleep(pauses[1]).await;
                put(&other, &bucket.name, &at, &texts[1], &condition).await
            },
        )
        .await;
        tally.note(first.is_some(), second.is_some());
        if first.is_some() != second.is_some() {
            let winner = &texts[usize::from(second.is_some())];
            let there = reader.get(&at).await.unwrap().unwrap();
            assert_eq!(there, winner.as_bytes(), "who was refused is there");
        }
        condition = match (condition, first.or(second)) {
            (Condition::Absent, Some(tag)) => Condition::Tag(tag),
            _ => Condition::Absent,
        };
    }
    tally
}

/// What Tandem does in a round.
#[derive(Debug, Clone, Copy)]
enum Change {
    Create,
    Replace,
    Delete,
}

impl Change {
    /// Whether it was told to be done.
    async fn make(self, root: &dyn Root, path: &RelPath, text: &str, expected: Expected) -> bool {
        let done = match self {
            Self::Create | Self::Replace => {
                write(root, path, text.as_bytes(), expected).await.map(drop)
            }
            Self::Delete => {
                let at = path.clone().into();
                root.delete(&at, &expected, &Keep::No, Discard::Forever)
                    .await
                    .map(drop)
            }
        };
        match done {
            Ok(()) => true,
            Err(error) => {
                assert!(error.is_lost_race() || error.is_transient(), "{error}");
                assert_ne!(error.cause, Cause::BadResponse, "{error}");
                false
            }
        }
    }
}

/// Tandem with a condition against a program that knows none. That one's write always succeeds, so in whatever order
/// the two come, it is what is there in the end: else Tandem replaced or deleted what it had not seen.
async fn against_a_stranger(bucket: &Bucket, root: Arc<dyn Root>, rounds: u32) -> Tally {
    let (client, reader) = (bucket.client(), OtherClient::new(bucket));
    let (mut tally, mut rng) = (Tally::default(), Rng::new(u64::from(rounds)));
    for round in 0..rounds {
        let change = [Change::Create, Change::Replace, Change::Delete][round as usize % 3];
        let at = format!("stranger-{}", round % 50);
        let path = RelPath::new(&at).unwrap();
        let expected = if matches!(change, Change::Create) {
            reader.remove(&at).await.unwrap();
            Expected::Absent
        } else {
            reader
                .put(&at, format!("before {round}").as_bytes())
                .await
                .unwrap();
            let there = root.stat(&path.clone().into()).await.unwrap().unwrap();
            Expected::Revision(there.revision)
        };
        let (ours, theirs) = (format!("ours {round}"), format!("theirs {round}"));
        // Sometimes before all that Tandem asks, sometimes in between, sometimes after.
        let pauses = [rng.below(15_000), rng.below(15_000)].map(Duration::from_micros);
        let tandem = async {
            tokio::time::sleep(pauses[0]).await;
            change.make(&*root, &path, &ours, expected).await
        };
        let stranger = async {
            tokio::time::sleep(pauses[1]).await;
            put(&client, &bucket.name, &at, &theirs, &Condition::None).await
        };
        let (won, wrote) = join(tandem, stranger).await;
        assert!(wrote.is_some());
        let there = reader.get(&at).await.unwrap().map(Bytes::from);
        assert_eq!(
            there.as_deref(),
            Some(theirs.as_bytes()),
            "{change:?} in round {round}: a silent overwrite"
        );
        tally.note(won, !won);
    }
    tally
}

/// What is there. The server fails at times, for reasons of its own.
async fn found(root: &dyn Root, path: &RelPath) -> Entry {
    loop {
        match root.stat(&path.clone().into()).await {
            Err(error) if error.is_transient() => println!("{error}"),
            found => return found.unwrap().unwrap(),
        }
    }
}

/// Two of Tandem's own, each with what it saw.
async fn against_each_other(one: Arc<dyn Root>, other: Arc<dyn Root>, rounds: u32) -> Tally {
    let mut tally = Tally::default();
    let mut expected = Expected::Absent;
    for round in 0..rounds {
        let path = RelPath::new(&format!("ours-{}", round / 20)).unwrap();
        if round % 20 == 0 {
            expected = Expected::Absent;
        }
        let texts = [format!("one {round}"), format!("other {round}")];
        let (first, second) = join(
            write(&*one, &path, texts[0].as_bytes(), expected.clone()),
            write(&*other, &path, texts[1].as_bytes(), expected),
        )
        .await;
        tally.note(first.is_ok(), second.is_ok());
        let entry = found(&*one, &path).await;
        if let (Ok(done), Err(_)) | (Err(_), Ok(done)) = (&first, &second) {
            assert_eq!(done.entry.revision, entry.revision, "who lost is there");
        }
        expected = Expected::Revision(entry.revision);
    }
    tally
}

async fn races(rounds: u32) {
    let bucket = SERVER.bucket();
    let began = Instant::now();
    let shown = plain(&bucket, rounds).await;
    println!("two plain clients: {shown:?} in {:?}", began.elapsed());
    assert_eq!(
        (shown.both, shown.neither),
        (0, 0),
        "this server does not decide races"
    );
    assert!(shown.ours > 0 && shown.theirs > 0, "they never met");

    let subject = SERVER.subject_in(bucket.clone()).await;
    let conditions = SERVER.probed().await.conditions;
    assert!(conditions.create && conditions.replace && conditions.delete);
    let began = Instant::now();
    let tally = against_a_stranger(&bucket, subject.root.clone(), rounds).await;
    println!("Tandem and a stranger: {tally:?} in {:?}", began.elapsed());
    assert!(
        tally.ours > 0 && tally.theirs > 0,
        "{tally:?}: they never met"
    );

    let began = Instant::now();
    let tally = against_each_other(subject.root.clone(), (subject.reopen)().await, rounds).await;
    println!("two of Tandem's: {tally:?} in {:?}", began.elapsed());
    assert_eq!((tally.both, tally.neither), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_writers_one_wins_and_nothing_unseen_is_overwritten() {
    races(150).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: thirty thousand rounds of several requests each"]
async fn of_two_writers_one_wins_in_ten_thousand_rounds() {
    races(10_000).await;
}
