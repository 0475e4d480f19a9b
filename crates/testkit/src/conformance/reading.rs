//! Reading: bytes of exactly one revision (DESIGN 6.4, P8).

use futures_util::StreamExt;
use tandem_core::capabilities::Ids;
use tandem_core::error::Cause;
use tandem_core::storage::{Discard, Keep, Locator};

use super::bench::{Bench, at_once, collect, differ, rel};
use super::body::bytes_of;
use super::outcome::{Outcome, check, needs};

/// Large enough to arrive in several pieces everywhere.
const LONG: usize = 3 * 1024 * 1024 + 17;

pub(super) async fn a_read_gives_what_was_written(bench: &Bench) -> Outcome {
    for (seed, len) in [0, 1, 2, 1000, 70_001, LONG].into_iter().enumerate() {
        let name = format!("of-{len}-bytes");
        let placed = bench.put(&name, bytes_of(seed as u64, len)).await?;
        bench.holds(&placed.path, &placed.bytes).await?;
        let size = placed.entry.size;
        check!(
            size == placed.bytes.len() as u64,
            "the entry of {name:?} says {size} bytes and {} were put",
            placed.bytes.len()
        );
    }
    Ok(())
}

pub(super) async fn a_range_gives_exactly_its_bytes(bench: &Bench) -> Outcome {
    let placed = bench.put("ranges", bytes_of(1, 100_000)).await?;
    let len = placed.bytes.len() as u64;
    let ranges = [
        (0, 1),
        (0, 16),
        (1, 65_536),
        (49_999, 2),
        (len - 1, 1),
        (len - 20, 20),
        (0, len),
        (7, 0),
    ];
    for (offset, length) in ranges {
        let stream = bench
            .root()
            .read(&placed.at(), &placed.entry, offset, length)
            .await?;
        let found = collect(stream).await?;
        let wanted = placed
            .bytes
            .slice(offset as usize..(offset + length) as usize);
        check!(
            found == wanted,
            "the range {offset}+{length} gives {}",
            differ(&found, &wanted)
        );
    }
    Ok(())
}

pub(super) async fn a_range_is_cut_at_the_end_of_the_file(bench: &Bench) -> Outcome {
    let placed = bench.put("cut", bytes_of(2, 1000)).await?;
    let len = placed.bytes.len() as u64;
    for (offset, length) in [
        (0, u64::MAX),
        (0, len + 1),
        (len - 1, 500),
        (len / 2, u64::MAX),
    ] {
        let stream = bench
            .root()
            .read(&placed.at(), &placed.entry, offset, length)
            .await?;
        let found = collect(stream).await?;
        let wanted = placed.bytes.slice(offset as usize..);
        check!(
            found == wanted,
            "the range {offset}+{length} of {len} bytes gives {}",
            differ(&found, &wanted)
        );
    }
    Ok(())
}

pub(super) async fn a_range_beyond_the_end_gives_nothing(bench: &Bench) -> Outcome {
    for (name, len) in [("short", 1000), ("empty", 0)] {
        let placed = bench.put(name, bytes_of(3, len)).await?;
        let size = placed.entry.size;
        for offset in [size, size + 1, size + 1_000_000] {
            let stream = bench
                .root()
                .read(&placed.at(), &placed.entry, offset, 10)
                .await?;
            let found = collect(stream).await?;
            check!(
                found.is_empty(),
                "a range from {offset} on in {size} bytes gives {} bytes",
                found.len()
            );
        }
    }
    Ok(())
}

pub(super) async fn reads_of_one_file_may_run_side_by_side(bench: &Bench) -> Outcome {
    let placed = bench.put("parallel", bytes_of(4, 400_000)).await?;
    let size = placed.bytes.len();
    let step = size.div_ceil(8);
    let reads = (0..8).map(|nth| {
        let placed = &placed;
        async move {
            let (offset, length) = ((nth * step) as u64, step as u64);
            let root = bench.root();
            let stream = root
                .read(&placed.at(), &placed.entry, offset, length)
                .await?;
            collect(stream).await
        }
    });
    let mut all = Vec::new();
    for piece in at_once(reads).await {
        all.extend_from_slice(&piece?);
    }
    check!(
        all == placed.bytes,
        "eight reads side by side give {}",
        differ(&all, &placed.bytes)
    );
    Ok(())
}

pub(super) async fn a_read_leaves_the_file_as_it_was(bench: &Bench) -> Outcome {
    let placed = bench.put("read-me", bytes_of(5, 5000)).await?;
    bench.tick().await;
    bench.untouched(&placed).await?;
    bench.untouched(&placed).await
}

/// The bytes of the old revision are right as well: some servers can still give them.
async fn old_or_refused(
    bench: &Bench,
    placed: &super::bench::Placed,
    offset: u64,
    what: &str,
) -> Outcome {
    let read = async {
        let root = bench.root();
        let stream = root
            .read(&placed.at(), &placed.entry, offset, u64::MAX)
            .await?;
        collect(stream).await
    };
    let wanted = placed.bytes.slice(offset as usize..);
    match read.await {
        Ok(found) => check!(
            found == wanted,
            "{what} gives neither an error nor the old bytes: {}",
            differ(&found, &wanted)
        ),
        Err(error) => check!(
            matches!(error.cause, Cause::PreconditionFailed | Cause::NotFound),
            "{what} should fail with precondition_failed: {error}"
        ),
    }
    Ok(())
}

pub(super) async fn a_read_of_a_replaced_revision_fails(bench: &Bench) -> Outcome {
    for (name, old, new) in [
        ("same-length", 50_000, 50_000),
        ("longer", 50_000, 70_000),
        ("shorter", 50_000, 30_000),
        ("emptied", 50_000, 0),
        ("filled", 0, 1000),
    ] {
        let placed = bench.put(name, bytes_of(6, old)).await?;
        bench.outsider_puts(&placed.path, bytes_of(7, new)).await?;
        old_or_refused(bench, &placed, 0, name).await?;
        old_or_refused(bench, &placed, old as u64 / 2, name).await?;
    }
    Ok(())
}

pub(super) async fn a_read_of_a_deleted_file_fails(bench: &Bench) -> Outcome {
    let placed = bench.put("deleted", bytes_of(8, 9000)).await?;
    bench.outsider_removes(&placed.path).await?;
    old_or_refused(bench, &placed, 0, "a deleted file").await
}

pub(super) async fn a_read_gives_bytes_of_exactly_one_revision(bench: &Bench) -> Outcome {
    let placed = bench.put("replaced-midway", bytes_of(9, LONG)).await?;
    let root = bench.root();
    let mut stream = root
        .read(&placed.at(), &placed.entry, 0, placed.entry.size)
        .await?;
    let mut found = match stream.next().await {
        Some(piece) => piece?.to_vec(),
        None => Vec::new(),
    };
    bench
        .outsider_puts(&placed.path, bytes_of(10, LONG))
        .await?;
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => found.extend_from_slice(&piece),
            Err(error) => {
                check!(
                    error.cause == Cause::PreconditionFailed || error.is_transient(),
                    "a read of a file that was replaced should fail with precondition_failed: {error}"
                );
                return Ok(());
            }
        }
    }
    check!(
        found == placed.bytes,
        "a read mixes revisions: {}",
        differ(&found, &placed.bytes)
    );
    Ok(())
}

pub(super) async fn ranges_of_one_entry_are_of_one_revision(bench: &Bench) -> Outcome {
    let placed = bench.put("in-ranges", bytes_of(11, 200_000)).await?;
    let half = placed.bytes.len() as u64 / 2;
    let root = bench.root();
    let stream = root.read(&placed.at(), &placed.entry, 0, half).await?;
    let first = collect(stream).await?;
    check!(
        first == placed.bytes[..half as usize],
        "the first half is wrong: {}",
        differ(&first, &placed.bytes[..half as usize])
    );
    bench
        .outsider_puts(&placed.path, bytes_of(12, 200_000))
        .await?;
    old_or_refused(bench, &placed, half, "the second half").await
}

pub(super) async fn a_strong_id_finds_the_file_under_another_path(bench: &Bench) -> Outcome {
    needs!(bench.caps().ids == Ids::Strong, "ids are not strong");
    let placed = bench.put("before", bytes_of(13, 3000)).await?;
    let stale = Locator {
        path: rel("elsewhere"),
        id: placed.entry.id.clone(),
    };
    let found = bench.root().stat(&stale).await?;
    check!(
        found.as_ref() == Some(&placed.entry),
        "a strong id decides, not the path beside it; stat gave {found:?}"
    );
    let stream = bench
        .root()
        .read(&stale, &placed.entry, 0, u64::MAX)
        .await?;
    let bytes = collect(stream).await?;
    check!(bytes == placed.bytes, "{}", differ(&bytes, &placed.bytes));
    let how = Discard::Forever;
    bench
        .root()
        .delete(&stale, &placed.expected(), &Keep::No, how)
        .await?;
    bench.nothing_at(&placed.path).await
}
