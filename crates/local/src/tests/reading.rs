//! Reading: bytes of exactly one revision, or an error (P8).

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use tandem_core::entry::Kind;
use tandem_core::error::Cause;
use tandem_core::storage::Root;

use super::support::{Bench, FORMS, at, cause, collect, next_tick, once_at, rel};
use crate::disk::Moment;

#[tokio::test]
async fn ranges_empty_and_sparse_files_are_read_right() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.put("a/file", "0123456789");
        bench.put("empty", "");
        let sparse = std::fs::File::create(bench.path("sparse")).unwrap();
        sparse.set_len(3 << 20).unwrap();
        sparse.write_at(b"end", (3 << 20) - 3).unwrap();
        drop(sparse);

        let file = bench.entry("a/file").await;
        for (offset, length, expected) in [
            (0, u64::MAX, "0123456789"),
            (3, 4, "3456"),
            (8, 100, "89"),
            (10, 1, ""),
            (99, 1, ""),
            (4, 0, ""),
        ] {
            let read = bench.root.read(&at("a/file"), &file, offset, length).await;
            assert_eq!(collect(read).await.unwrap(), expected.as_bytes());
        }
        let empty = bench.entry("empty").await;
        let read = bench.root.read(&at("empty"), &empty, 0, u64::MAX).await;
        assert!(collect(read).await.unwrap().is_empty());
        let sparse = bench.entry("sparse").await;
        let read = bench.root.read(&at("sparse"), &sparse, 0, u64::MAX).await;
        let bytes = collect(read).await.unwrap();
        assert_eq!(bytes.len(), 3 << 20);
        assert!(bytes.ends_with(b"\0end") && bytes[..1000].iter().all(|b| *b == 0));
    }
}

#[tokio::test]
async fn another_revision_is_not_read() {
    let bench = Bench::new();
    bench.put("file", "one");
    let old = bench.entry("file").await;
    next_tick();
    bench.put("file", "two");
    let read = bench.root.read(&at("file"), &old, 0, 3).await;
    assert_eq!(cause(collect(read).await), Cause::PreconditionFailed);

    // Replaced by rename: the same length and the same time, another inode.
    let now = bench.entry("file").await;
    bench.put("new", "abc");
    std::fs::rename(bench.path("new"), bench.path("file")).unwrap();
    let read = bench.root.read(&at("file"), &now, 0, 3).await;
    assert_eq!(cause(collect(read).await), Cause::PreconditionFailed);

    std::fs::remove_file(bench.path("file")).unwrap();
    let read = bench.root.read(&at("file"), &now, 0, 3).await;
    assert_eq!(cause(collect(read).await), Cause::NotFound);
}

#[tokio::test]
async fn a_file_that_is_written_while_it_is_read_gives_an_error() {
    let bench = Bench::new();
    let long = "x".repeat(5 << 20);
    for change in ["first piece", "last piece"] {
        bench.put("file", &long);
        let entry = bench.entry("file").await;
        let path = bench.path("file");
        next_tick();
        let mut left = if change == "first piece" { 1 } else { 10 };
        bench.root.disk().set_hook(move |moment| {
            if moment == Moment::BeforeRead {
                left -= 1;
                if left == 0 {
                    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
                    file.write_at(b"!", 7).unwrap();
                }
            }
            Ok(())
        });
        let read = bench.root.read(&at("file"), &entry, 0, u64::MAX).await;
        assert_eq!(
            cause(collect(read).await),
            Cause::PreconditionFailed,
            "{change}"
        );
    }
}

#[tokio::test]
async fn a_file_that_shrinks_while_it_is_read_gives_an_error() {
    let bench = Bench::new();
    bench.put("file", "0123456789");
    let entry = bench.entry("file").await;
    let path = bench.path("file");
    once_at(&bench.root, Moment::BeforeRead, move || {
        std::fs::File::create(path).unwrap();
    });
    let read = bench.root.read(&at("file"), &entry, 0, 10).await;
    assert_eq!(cause(collect(read).await), Cause::PreconditionFailed);
}

#[tokio::test]
async fn only_files_are_read_and_a_fifo_in_a_files_place_stops_nobody() {
    let bench = Bench::new();
    bench.put("file", "x");
    let entry = bench.entry("file").await;
    std::fs::remove_file(bench.path("file")).unwrap();
    let status = std::process::Command::new("mkfifo")
        .arg(bench.path("file"))
        .status();
    assert!(status.unwrap().success());
    let read = bench.root.read(&at("file"), &entry, 0, 1).await;
    assert_eq!(cause(collect(read).await), Cause::PreconditionFailed);
    let fifo = bench.entry("file").await;
    assert_eq!(fifo.kind, Kind::Opaque);
    let read = bench.root.read(&at("file"), &fifo, 0, 1).await;
    assert_eq!(cause(collect(read).await), Cause::Unsupported);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn against_a_writer_every_read_is_one_revision_or_fails() {
    let bench = Arc::new(Bench::new());
    let page = 64 * 1024;
    bench.put("file", &"a".repeat(page));
    let path = bench.path("file");
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen_stop = stop.clone();
    let writer = std::thread::spawn(move || {
        let mut letter = b'a';
        while !seen_stop.load(std::sync::atomic::Ordering::Relaxed) {
            letter = if letter == b'z' { b'a' } else { letter + 1 };
            let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
            for part in 0..4 {
                file.write_at(&vec![letter; page / 4], (part * page / 4) as u64)
                    .unwrap();
            }
            drop(file);
            // Longer than the clock's tick, so that each version has a time of its own.
            next_tick();
        }
    });
    let mut whole = 0;
    let end = std::time::Instant::now() + std::time::Duration::from_secs(2);
    while std::time::Instant::now() < end {
        let entry = bench.root.stat(&at("file")).await.unwrap().unwrap();
        // As the engine does: a revision younger than the granularity stays in doubt.
        std::thread::sleep(std::time::Duration::from_micros(10_500));
        let read = bench
            .root
            .read(&rel("file").into(), &entry, 0, u64::MAX)
            .await;
        if let Ok(bytes) = collect(read).await {
            assert!(
                bytes.iter().all(|b| *b == bytes[0]),
                "two revisions in one read"
            );
            whole += 1;
        }
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().unwrap();
    assert!(whole > 0, "some reads find a quiet moment");
}
