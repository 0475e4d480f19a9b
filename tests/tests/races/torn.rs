//! What is carried of a file that is written all the while is what the file was at one moment (P8).

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tandem_testkit::seed::Rng;

use crate::desk::Desk;

/// What is written at a time: the system shows either all of it or nothing.
const PAGE: usize = 4096;
const PAGES: usize = 24;
/// So fast a file is carried that several writes fall into it.
const BYTES_A_SECOND: u64 = 4 << 20;

/// The file at one moment: of each page, which write it is from.
type Moment = [u64; PAGES];

/// A program that writes into a file, page by page in any order, with pauses now and then.
struct Writer {
    moments: Arc<Mutex<HashSet<Moment>>>,
    writes: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    writing: JoinHandle<()>,
}

impl Writer {
    fn start(path: PathBuf, seed: u64) -> Self {
        let first = [0; PAGES];
        std::fs::write(&path, bytes(&first)).unwrap();
        let moments = Arc::new(Mutex::new(HashSet::from([first])));
        let (writes, is_over) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (seen, count, ended) = (moments.clone(), writes.clone(), is_over.clone());
        let writing = std::thread::spawn(move || {
            let file = OpenOptions::new().write(true).open(path).unwrap();
            let (mut rng, mut now) = (Rng::new(seed), first);
            while !ended.load(Ordering::Relaxed) {
                let write = count.fetch_add(1, Ordering::Relaxed) + 1;
                let page = rng.below(PAGES as u64) as usize;
                now[page] = write;
                // It is noted before anybody can see it.
                seen.lock().unwrap().insert(now);
                file.write_all_at(
                    &[write.to_le_bytes(); PAGE / 8].concat(),
                    (page * PAGE) as u64,
                )
                .unwrap();
                let pause = if rng.chance(5) {
                    90_000
                } else {
                    rng.below(4_000)
                };
                std::thread::sleep(Duration::from_micros(pause));
            }
        });
        Self {
            moments,
            writes,
            is_over,
            writing,
        }
    }

    fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    #[track_caller]
    fn check(&self, content: &[u8]) -> Moment {
        let moment =
            moment(content).unwrap_or_else(|| panic!("{} bytes of half pages", content.len()));
        let seen = self.moments.lock().unwrap();
        assert!(seen.contains(&moment), "this it never was: {moment:?}");
        moment
    }

    fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

fn bytes(moment: &Moment) -> Vec<u8> {
    let pages = moment
        .iter()
        .map(|write| [write.to_le_bytes(); PAGE / 8].concat());
    pages.flatten().collect()
}

fn moment(content: &[u8]) -> Option<Moment> {
    let mut moment = [0; PAGES];
    if content.len() != PAGES * PAGE {
        return None;
    }
    for (page, write) in content.chunks(PAGE).zip(&mut moment) {
        let first = &page[..8];
        *write = u64::from_le_bytes(first.try_into().ok()?);
        if !page.chunks(8).all(|part| part == first) {
            return None;
        }
    }
    Some(moment)
}

/// So many passes during each of which the file was written to.
async fn rounds(wanted: u64, seed: u64) {
    let desk = Desk::new(|o| o.limits.upload = Some(BYTES_A_SECOND)).await;
    let writer = Writer::start(desk.source("file"), seed);
    let (mut disturbed, mut arrived) = (0, HashSet::new());
    while disturbed < wanted {
        let before = writer.writes();
        desk.sync().await;
        disturbed += u64::from(writer.writes() > before);
        if let Ok(content) = std::fs::read(desk.destination("file")) {
            arrived.insert(writer.check(&content));
        }
    }
    writer.end();
    while !writer.writing.is_finished() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    desk.settle().await;
    let (here, there) = (desk.source("file"), desk.destination("file"));
    assert_eq!(std::fs::read(here).unwrap(), std::fs::read(there).unwrap());
    // What was replaced was recorded too.
    let kept = desk.contents("destination");
    let kept = kept
        .iter()
        .filter(|(_, content)| content.len() == PAGES * PAGE);
    let kept: Vec<Moment> = kept.map(|(_, content)| writer.check(content)).collect();
    let kept = kept.len();
    println!(
        "{disturbed} passes, {} writes, {} moments arrived, {kept} were kept: none is a mixture",
        writer.writes(),
        arrived.len()
    );
    assert!(
        arrived.len() as u64 > wanted / 50,
        "too few arrived to tell anything"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_written_while_it_is_carried_arrives_as_it_was_at_one_moment() {
    rounds(300, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a quarter of an hour"]
async fn ten_thousand_passes_over_a_file_that_is_written_carry_no_mixture() {
    rounds(10_000, 2).await;
}
